package seed_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/stack"
)

// adminHTTP reads Keycloak's admin API with plain net/http, so that what the clients
// wrote is judged by something else.
type adminHTTP struct {
	base, username, password string

	mu    sync.Mutex
	token string
	until time.Time
}

func newAdminHTTP(info stack.KeycloakInfo) (*adminHTTP, error) {
	pw, err := info.Password()
	return &adminHTTP{base: info.URL, username: info.AdminUsername, password: pw}, err
}

func (a *adminHTTP) bearer() (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Now().Before(a.until) {
		return a.token, nil
	}
	resp, err := http.PostForm(a.base+"/realms/master/protocol/openid-connect/token",
		url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {a.username}, "password": {a.password}})
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var body struct {
		Token string `json:"access_token"`
		Life  int    `json:"expires_in"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || body.Token == "" {
		return "", fmt.Errorf("no token: %d %v", resp.StatusCode, err)
	}
	a.token, a.until = body.Token, time.Now().Add(time.Duration(body.Life/2)*time.Second)
	return a.token, nil
}

// get reads a path of the admin API into out.
func (a *adminHTTP) get(t *testing.T, out any, format string, args ...any) {
	t.Helper()
	a.do(t, http.MethodGet, nil, out, format, args...)
}

func (a *adminHTTP) do(t *testing.T, method string, body, out any, format string, args ...any) {
	t.Helper()
	token, err := a.bearer()
	if err != nil {
		t.Fatal(err)
	}
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		in = strings.NewReader(string(b))
	}
	u := a.base + "/admin/realms/" + fmt.Sprintf(format, args...)
	req, err := http.NewRequestWithContext(t.Context(), method, u, in)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s", method, u, resp.StatusCode, b)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("%s: %v", u, err)
	}
}

func (a *adminHTTP) client(t *testing.T, realm, clientID string) (map[string]any, string) {
	t.Helper()
	var list []map[string]any
	a.get(t, &list, "%s/clients?clientId=%s", realm, url.QueryEscape(clientID))
	if len(list) != 1 {
		t.Fatalf("%d clients %s", len(list), clientID)
	}
	return list[0], list[0]["id"].(string)
}

// secret is a client's secret, empty for a public one.
func (a *adminHTTP) secret(t *testing.T, realm, clientID string) string {
	t.Helper()
	c, id := a.client(t, realm, clientID)
	if c["publicClient"] == true {
		return ""
	}
	var s struct{ Value string }
	a.get(t, &s, "%s/clients/%s/client-secret", realm, id)
	return s.Value
}

func (a *adminHTTP) user(t *testing.T, realm, username string) map[string]any {
	t.Helper()
	var list []map[string]any
	a.get(t, &list, "%s/users?exact=true&username=%s", realm, url.QueryEscape(username))
	if len(list) != 1 {
		t.Fatalf("%d users %s", len(list), username)
	}
	return list[0]
}

// preview is what Keycloak would put into a token.
func (a *adminHTTP) preview(t *testing.T, realm, clientID, username, kind, scope string) map[string]any {
	t.Helper()
	path := map[string]string{"access": "access-token", "id": "id-token", "userinfo": "userinfo"}[kind]
	if scope == "" {
		scope = "openid"
	}
	_, uuid := a.client(t, realm, clientID)
	user := a.user(t, realm, username)
	var claims map[string]any
	a.get(t, &claims, "%s/clients/%s/evaluate-scopes/generate-example-%s?scope=%s&userId=%s", realm, uuid, path, url.QueryEscape(scope), user["id"])
	return claims
}

// decode reads the claims of a token without looking at its signature.
func decode(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatal("not a token")
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(b, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
