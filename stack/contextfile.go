package stack

import (
	"path/filepath"

	"github.com/goccy/go-yaml"
)

func (k *Stack) configPath() string { return filepath.Join(k.rec.Dir, "gatehouse.yaml") }

// writeContext writes a configuration for gatehouse itself, with one context that
// is named after the stack. A server that does not run is left out, so that its
// screens say that it is not configured.
func (k *Stack) writeContext() error {
	i := k.Info()
	c := yaml.MapSlice{{Key: "description", Value: "real servers on this machine, started by gatehouse stack up"}}
	if i.Kratos.Missing == "" {
		c = append(c, yaml.MapItem{Key: "kratos", Value: yaml.MapSlice{
			{Key: "admin_url", Value: i.Kratos.AdminURL}, {Key: "public_url", Value: i.Kratos.PublicURL}}})
	}
	if i.Keto.Missing == "" {
		c = append(c, yaml.MapItem{Key: "keto", Value: yaml.MapSlice{
			{Key: "read_url", Value: i.Keto.ReadURL}, {Key: "write_url", Value: i.Keto.WriteURL},
			{Key: "opl_url", Value: i.Keto.OPLURL}, {Key: "opl", Value: i.Keto.OPL}}})
	}
	if i.Keycloak.Missing == "" {
		kc := yaml.MapSlice{{Key: "url", Value: i.Keycloak.URL}, {Key: "username", Value: i.Keycloak.AdminUsername},
			{Key: "password", Value: "file:" + i.Keycloak.AdminPasswordFile}}
		if i.Keycloak.Realm != "master" {
			kc = append(kc, yaml.MapItem{Key: "realms", Value: []string{i.Keycloak.Realm}})
		}
		c = append(c, yaml.MapItem{Key: "keycloak", Value: kc})
	}
	b, err := yaml.Marshal(yaml.MapSlice{
		{Key: "current", Value: i.Name},
		{Key: "contexts", Value: yaml.MapSlice{{Key: i.Name, Value: c}}},
	})
	if err != nil {
		return err
	}
	return writePrivate(i.Config, b)
}
