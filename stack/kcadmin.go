package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// kcAdmin makes the few calls that turn a copied database into the stack's own.
// Everything else that speaks to Keycloak does so through clients/keycloak.
type kcAdmin struct {
	base  string
	token string
}

// errLogin is a login that was refused because of the name or the password.
var errLogin = errors.New("the login was refused")

// call sends one request to the admin API of the realm master. A body that is a
// url.Values goes as a form, anything else as JSON; into may be nil.
func (a *kcAdmin) call(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	contentType := "application/json"
	var payload []byte
	switch b := body.(type) {
	case nil:
	case url.Values:
		contentType, payload = "application/x-www-form-urlencoded", []byte(b.Encode())
	default:
		var err error
		if payload, err = json.Marshal(b); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	res, err := (&http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return statusError{method + " " + path, res.StatusCode, lastLines(answer, 1, "")}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

type statusError struct {
	what   string
	status int
	body   string
}

func (e statusError) Error() string {
	return fmt.Sprintf("%s answered %d: %s", e.what, e.status, e.body)
}

// login signs in as the administrator; errLogin says that the password is another.
func (a *kcAdmin) login(ctx context.Context, password string) error {
	a.token = ""
	var t struct {
		AccessToken string `json:"access_token"`
	}
	err := a.call(ctx, http.MethodPost, "/realms/master/protocol/openid-connect/token", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {keycloakAdmin}, "password": {password}}, &t)
	var status statusError
	if errors.As(err, &status) && strings.Contains(status.body, "invalid_grant") {
		return errLogin
	}
	a.token = t.AccessToken
	return err
}

// setPassword replaces the administrator's password. That it was replaced before
// is no error. The session is then one of the new password.
func (a *kcAdmin) setPassword(ctx context.Context, old, new string) error {
	err := a.login(ctx, new)
	if !errors.Is(err, errLogin) {
		return err
	}
	if err := a.login(ctx, old); err != nil {
		return err
	}
	var users []struct {
		ID string `json:"id"`
	}
	if err := a.call(ctx, http.MethodGet, "/admin/realms/master/users?exact=true&username="+keycloakAdmin, nil, &users); err != nil {
		return err
	}
	if len(users) != 1 {
		return fmt.Errorf("the realm master has %d users named %s", len(users), keycloakAdmin)
	}
	err = a.call(ctx, http.MethodPut, "/admin/realms/master/users/"+users[0].ID+"/reset-password",
		map[string]any{"type": "password", "value": new, "temporary": false}, nil)
	if err != nil {
		return err
	}
	return a.login(ctx, new)
}

// component is a provider of keys, as the admin API shows it.
type component struct {
	ID           string              `json:"id,omitempty"`
	Name         string              `json:"name"`
	ProviderID   string              `json:"providerId"`
	ProviderType string              `json:"providerType"`
	ParentID     string              `json:"parentId"`
	Config       map[string][]string `json:"config"`
}

const keyProviders = "/admin/realms/master/components?type=org.keycloak.keys.KeyProvider"

// rotateKeys replaces every key of the realm master. New providers of higher
// priority come first, then a login whose token they sign, and only then the old
// ones go: a token signed by a removed key would be refused.
func (a *kcAdmin) rotateKeys(ctx context.Context, password string) error {
	var old []component
	if err := a.call(ctx, http.MethodGet, keyProviders, nil, &old); err != nil {
		return err
	}
	for _, c := range old {
		if err := a.call(ctx, http.MethodPost, "/admin/realms/master/components", c.successor(), nil); err != nil {
			return err
		}
	}
	if err := a.login(ctx, password); err != nil {
		return err
	}
	for _, c := range old {
		if err := a.call(ctx, http.MethodDelete, "/admin/realms/master/components/"+c.ID, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// successor is a provider that makes keys of the same kind, with higher priority.
func (c component) successor() component {
	next := component{Name: c.Name, ProviderID: c.ProviderID, ProviderType: c.ProviderType, ParentID: c.ParentID, Config: map[string][]string{}}
	for key, values := range c.Config {
		switch key {
		case "privateKey", "certificate", "secret", "kid": // the key itself: let Keycloak make another
		default:
			next.Config[key] = values
		}
	}
	priority := 100
	if p := c.Config["priority"]; len(p) == 1 {
		if n, err := strconv.Atoi(p[0]); err == nil {
			priority = n
		}
	}
	next.Config["priority"] = []string{strconv.Itoa(priority + 100)}
	return next
}
