package config

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// variables are the names of CLI.md with where each one goes.
var variables = []struct {
	name string
	key  string // dotted, inside the context; empty for those that Load itself reads
	set  func(*Context, string) error
}{
	{"GATEHOUSE_KRATOS_ADMIN_URL", "kratos.admin_url", func(c *Context, v string) error { c.kratos().AdminURL = v; return nil }},
	{"GATEHOUSE_KRATOS_PUBLIC_URL", "kratos.public_url", func(c *Context, v string) error { c.kratos().PublicURL = v; return nil }},
	{"GATEHOUSE_KETO_READ_URL", "keto.read_url", func(c *Context, v string) error { c.keto().ReadURL = v; return nil }},
	{"GATEHOUSE_KETO_WRITE_URL", "keto.write_url", func(c *Context, v string) error { c.keto().WriteURL = v; return nil }},
	{"GATEHOUSE_KETO_OPL_URL", "keto.opl_url", func(c *Context, v string) error { c.keto().OPLURL = v; return nil }},
	{"GATEHOUSE_KETO_OPL", "keto.opl", func(c *Context, v string) error { c.keto().OPL = absolute(v); return nil }},
	{"GATEHOUSE_KETO_MAX_DEPTH", "keto.max_depth", func(c *Context, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", v)
		}
		c.keto().MaxDepth = n
		return nil
	}},
	{"GATEHOUSE_KEYCLOAK_URL", "keycloak.url", func(c *Context, v string) error { c.keycloak().URL = v; return nil }},
	{"GATEHOUSE_KEYCLOAK_USERNAME", "keycloak.username", func(c *Context, v string) error { c.keycloak().Username = v; return nil }},
	{"GATEHOUSE_KEYCLOAK_PASSWORD", "keycloak.password", func(c *Context, v string) error {
		c.keycloak().Password = envSecret("GATEHOUSE_KEYCLOAK_PASSWORD", v)
		return nil
	}},
	{"GATEHOUSE_KEYCLOAK_CLIENT_ID", "keycloak.client_id", func(c *Context, v string) error { c.keycloak().ClientID = v; return nil }},
	{"GATEHOUSE_KEYCLOAK_CLIENT_SECRET", "keycloak.client_secret", func(c *Context, v string) error {
		c.keycloak().ClientSecret = envSecret("GATEHOUSE_KEYCLOAK_CLIENT_SECRET", v)
		return nil
	}},
	{"GATEHOUSE_READ_ONLY", "read_only", func(c *Context, v string) error {
		on, err := parseSwitch(v)
		c.ReadOnly = c.ReadOnly || on
		return err
	}},
	{"GATEHOUSE_CONFIG", "", nil},
	{"GATEHOUSE_CONTEXT", "", nil},
}

// envSecret is a secret that a variable holds: the value is taken as it is, and
// counts as a reference, because it does not stand in a file.
func envSecret(name, value string) Secret {
	return Secret{&secret{scheme: "env", ref: name, cached: &value}}
}

// parseSwitch reads the usual spellings of on and off. What it cannot read is an
// error and counts as on: a mistyped GATEHOUSE_READ_ONLY must not permit writing.
func parseSwitch(v string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "1", "true", "yes", "on":
		return true, nil
	case "", "0", "false", "no", "off":
		return false, nil
	}
	return true, fmt.Errorf("%q is neither true nor false", v)
}

func (c *Context) kratos() *Kratos {
	if c.Kratos == nil {
		c.Kratos = &Kratos{}
	}
	return c.Kratos
}

func (c *Context) keto() *Keto {
	if c.Keto == nil {
		c.Keto = &Keto{}
	}
	return c.Keto
}

func (c *Context) keycloak() *Keycloak {
	if c.Keycloak == nil {
		c.Keycloak = &Keycloak{}
	}
	return c.Keycloak
}

// lookup is os.LookupEnv over the options' environment.
func (o Options) lookup() func(string) (string, bool) {
	if o.Environ == nil {
		return os.LookupEnv
	}
	return func(name string) (string, bool) {
		for i := len(o.Environ) - 1; i >= 0; i-- {
			if v, ok := strings.CutPrefix(o.Environ[i], name+"="); ok {
				return v, true
			}
		}
		return "", false
	}
}

// env is the same for those to whom empty and unset mean the same.
func (o Options) env() func(string) string {
	lookup := o.lookup()
	return func(name string) string {
		v, _ := lookup(name)
		return v
	}
}

// override lays the environment over ctx and returns which keys it set, with the
// name of the variable, so that a complaint names the right place.
func (c *Config) override(ctx *Context) (map[string]string, error) {
	set, getenv := map[string]string{}, c.opts.env()
	for _, v := range variables {
		value := getenv(v.name)
		if value == "" || v.set == nil {
			continue
		}
		if err := v.set(ctx, value); err != nil {
			return nil, &Error{File: "environment", Key: v.name, Msg: v.name + ": " + err.Error()}
		}
		set[v.key] = v.name
	}
	return set, nil
}

// addEnvContext makes the context of the environment when there is no file and a
// variable names a back end.
func (c *Config) addEnvContext() {
	if c.Path != "" {
		return
	}
	getenv := c.opts.env()
	for _, v := range variables {
		if strings.HasSuffix(v.key, "url") && getenv(v.name) != "" {
			c.Contexts = map[string]*Context{EnvContext: {Name: EnvContext, Origin: "environment"}}
			c.Current = EnvContext
			return
		}
	}
}

// strayVariables finds GATEHOUSE_ variables that nobody reads but whose name is a
// near miss of one that is read.
func strayVariables(o Options) []string {
	const prefix = "GATEHOUSE_"
	environ := o.Environ
	if environ == nil {
		environ = os.Environ()
	}
	names := make([]string, len(variables))
	known := map[string]bool{}
	for i, v := range variables {
		names[i], known[v.name] = strings.TrimPrefix(v.name, prefix), true
	}
	var out []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, prefix) || known[name] || strings.HasPrefix(name, prefix+"TEST_") {
			continue
		}
		if near := nearest(strings.TrimPrefix(name, prefix), names); near != "" {
			out = append(out, fmt.Sprintf("%s is not a name that gatehouse reads; did you mean %s?", name, prefix+near))
		}
	}
	return out
}
