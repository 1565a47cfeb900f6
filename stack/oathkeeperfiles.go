package stack

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// OathkeeperFiles say what OathkeeperConfig puts into Oathkeeper's configuration.
// URLs have no trailing slash; an empty one stays that of the embedded file.
type OathkeeperFiles struct {
	ProxyURL, APIURL, MetricsURL, KratosPublicURL, KetoReadURL, UIURL, UpstreamURL string
	// Subject is the template of the subject that Keto is asked for; empty is that of the embedded rules.
	Subject string
}

// OathkeeperConfig makes a configuration and the rules for an Oathkeeper from the
// files that every stack uses. The configuration names rules.json and
// id_token.jwks.json beside it; KeySet makes the latter.
func OathkeeperConfig(f OathkeeperFiles) (config, rules []byte, err error) {
	set, err := loadSettings("oathkeeper.yml")
	if err != nil {
		return nil, nil, err
	}
	b, err := ConfigFile("rules.json")
	if err != nil {
		return nil, nil, err
	}
	var list []any
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, nil, fmt.Errorf("read the embedded rules.json: %w", err)
	}
	at := map[string]string{}
	for from, to := range map[string]string{
		"http://127.0.0.1:" + strconv.Itoa(wellKnown["kratos.public"]):    f.KratosPublicURL,
		"http://127.0.0.1:" + strconv.Itoa(wellKnown["keto.read"]):        f.KetoReadURL,
		"http://127.0.0.1:" + strconv.Itoa(wellKnown["oathkeeper.proxy"]): f.ProxyURL,
		DefaultUIURL:                       f.UIURL,
		"http://host.docker.internal:4480": f.UpstreamURL,
	} {
		if to != "" {
			at[from] = strings.TrimSuffix(to, "/")
		}
	}
	rebase(set, at)
	rebase(list, at)
	for name, url := range map[string]string{"proxy": f.ProxyURL, "api": f.APIURL, "prometheus": f.MetricsURL} {
		if err := listenAt(set, name, url); err != nil {
			return nil, nil, err
		}
	}
	if f.Subject != "" {
		for _, r := range list {
			setPayload(r, f.Subject)
		}
	}
	if config, err = yaml.Marshal(map[string]any(set)); err != nil {
		return nil, nil, err
	}
	rules, err = json.MarshalIndent(list, "", "  ")
	return config, append(rules, '\n'), err
}

// KeySet makes the private keys with which Oathkeeper signs its proof.
func KeySet() ([]byte, error) { return newKeySet() }

func listenAt(set settings, name, url string) error {
	host, port, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(url, "http://"), "https://"), ":")
	if url == "" || !ok {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(port, "/"))
	if err != nil {
		return fmt.Errorf("the port of %s cannot be read", url)
	}
	set.set("serve."+name+".host", host)
	set.set("serve."+name+".port", n)
	return nil
}

// setPayload changes the subject in the question of a rule that asks Keto.
func setPayload(rule any, subject string) {
	r, _ := rule.(map[string]any)
	a, _ := r["authorizer"].(map[string]any)
	c, _ := a["config"].(map[string]any)
	if c == nil || c["payload"] == nil {
		return
	}
	c["payload"] = `{"namespace":"app","object":"homepage","relation":"read","subject_id":` + subject + `}`
}
