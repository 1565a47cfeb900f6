package keycloak

import (
	"context"
	"encoding/json"
	"net/url"

	"gatehouse/clients"
)

// Component is a plug-in of a realm with its configuration, such as an LDAP directory
// that users come from. Secrets in it are masked by the server.
type Component struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Provider is what it is ("ldap"), Type the kind of plug-in.
	Provider string              `json:"provider"`
	Type     string              `json:"type"`
	Config   map[string][]string `json:"config,omitempty"`
	Raw      json.RawMessage     `json:"-"`
}

// UserStorage is the Type of components that users come from.
const UserStorage = "org.keycloak.storage.UserStorageProvider"

// Setting is the first value of a key of the configuration.
func (c Component) Setting(key string) string {
	if v := c.Config[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Enabled reports whether it is switched on; it is unless it says otherwise.
func (c Component) Enabled() bool { return c.Setting("enabled") != "false" }

func (c *Component) keep(b json.RawMessage) { c.Raw = b }

type wireComponent struct {
	ID           string              `json:"id"`
	Name         string              `json:"name"`
	ProviderID   string              `json:"providerId"`
	ProviderType string              `json:"providerType"`
	Config       map[string][]string `json:"config"`
}

func (w wireComponent) neutral() Component {
	return Component{ID: w.ID, Name: w.Name, Provider: w.ProviderID, Type: w.ProviderType, Config: w.Config}
}

// Component reads one component by id.
func (r *Realm) Component(ctx context.Context, id string) (Component, error) {
	return one[wireComponent](ctx, r.s, r.get("read the component", "view-realm", "components", id))
}

// Components lists the components of a type; the empty type is all.
func (r *Realm) Components(ctx context.Context, providerType string) ([]Component, error) {
	q := url.Values{}
	setIf(q, "type", providerType)
	return all[wireComponent](ctx, r.s, r.get("list the components", "view-realm", "components").with(q))
}

// SetComponent sets keys of a component's configuration. The rest of it goes back as
// it was read a moment before; masked secrets stay what they are.
func (r *Realm) SetComponent(ctx context.Context, id string, config map[string]string) (clients.Change[Component], error) {
	const op = "change the component"
	return change(ctx, func(ctx context.Context) (Component, error) { return r.Component(ctx, id) }, func(before Component) (Component, error) {
		body := map[string]any{}
		if err := json.Unmarshal(before.Raw, &body); err != nil {
			return before, r.s.notKeycloak(r.get(op, ""), err)
		}
		all, _ := body["config"].(map[string]any)
		if all == nil {
			all = map[string]any{}
		}
		for k, v := range config {
			all[k] = []string{v}
		}
		body["config"] = all
		_, err := r.s.do(ctx, r.put(op, "manage-realm", body, "components", id), nil)
		return before, err
	})
}

// TestLDAP asks the server to connect to the directory of a component. An error of
// kind Invalid or Unreachable is what came of it; Denied says that we may not ask.
func (r *Realm) TestLDAP(ctx context.Context, c Component) error {
	body := map[string]string{"action": "testConnection", "connectionUrl": c.Setting("connectionUrl"), "authType": c.Setting("authType"),
		"bindDn": c.Setting("bindDn"), "useTruststoreSpi": c.Setting("useTruststoreSpi"), "connectionTimeout": "3000",
		"startTls": c.Setting("startTls"), "componentId": c.ID}
	call := r.post("test the directory", "manage-realm", body, "testLDAPConnection")
	call.read = true
	_, err := r.s.do(ctx, call, nil)
	return err
}
