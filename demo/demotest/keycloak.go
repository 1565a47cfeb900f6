package demotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// Realm is a realm that a test made in the real Keycloak, with the people, the roles
// and the client of the recorded answers. It is removed with the test.
type Realm struct {
	Name, URL  string // URL is the issuer
	ServerURL  string
	Secret     string // of flaskClient
	k          stack.KeycloakInfo
	adminToken string
	tokenUntil time.Time
}

// Client and role names of a Realm.
const (
	WebClient = "flaskClient"
	SPAClient = "spa" // public, with direct grants; its access tokens are for Audience
	Audience  = "http://localhost:8081"
)

type object = map[string]any

func person(name, email string, roles ...string) object {
	p := object{"username": name, "enabled": true, "firstName": name, "lastName": "Test", "emailVerified": true,
		"credentials": []object{{"type": "password", "value": Password}}}
	if len(roles) > 0 {
		p["clientRoles"] = object{WebClient: roles}
	}
	if email != "" {
		p["email"] = email
	}
	return p
}

// NewRealm makes a realm for an application at appURL.
func NewRealm(t testing.TB, appURL string) *Realm {
	t.Helper()
	k := stacktest.Keycloak(t)
	r := &Realm{Name: fmt.Sprintf("demo-%d", time.Now().UnixNano()), ServerURL: k.URL, Secret: "a secret of this test only", k: k}
	r.URL = k.URL + "/realms/" + r.Name
	mapper := object{"name": "client roles", "protocol": "openid-connect", "protocolMapper": "oidc-usermodel-client-role-mapper", "config": object{
		"usermodel.clientRoleMapping.clientId": WebClient, "claim.name": "resource_access.${client_id}.roles", "jsonType.label": "String", "multivalued": "true",
		"id.token.claim": "true", "userinfo.token.claim": "true", "access.token.claim": "true"}}
	audience := object{"name": "audience", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", "config": object{
		"included.custom.audience": Audience, "access.token.claim": "true", "id.token.claim": "false"}}
	r.admin(t, http.MethodPost, "", object{"realm": r.Name, "enabled": true, "sslRequired": "none",
		"requiredActions": []object{{"alias": "VERIFY_PROFILE", "name": "Verify Profile", "providerId": "VERIFY_PROFILE", "enabled": false}},
		"roles":           object{"client": object{WebClient: []object{{"name": "admin"}, {"name": "user"}}}},
		"clients": []object{
			{"clientId": WebClient, "enabled": true, "secret": r.Secret, "standardFlowEnabled": true, "redirectUris": []string{appURL + "/oauth/login/callback"},
				"attributes": object{"post.logout.redirect.uris": appURL + "/"}, "protocolMappers": []object{mapper}},
			{"clientId": SPAClient, "enabled": true, "publicClient": true, "directAccessGrantsEnabled": true, "standardFlowEnabled": false, "protocolMappers": []object{audience}},
		},
		"users": []object{person("alice", "alice@example.com", "admin", "user"), person("bob", "bob@example.com"), person("carol", "carol@example.com", "user"), person("noemail", "")},
	}, nil, http.StatusCreated)
	t.Cleanup(func() {
		r.admin(t, http.MethodDelete, "/"+r.Name, nil, nil, http.StatusNoContent, http.StatusNotFound)
	})
	return r
}

// admin calls the admin API below /admin/realms.
func (r *Realm) admin(t testing.TB, method, path string, in, out any, statuses ...int) {
	t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, r.k.URL+"/admin/realms"+path, body) // not t.Context: cleanups use it
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.token(t))
	resp, err := Client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	for _, s := range statuses {
		if resp.StatusCode == s {
			if out != nil {
				if err := json.Unmarshal(b, out); err != nil {
					t.Fatalf("%s %s: %v", method, path, err)
				}
			}
			return
		}
	}
	t.Fatalf("%s %s: %d, want %v: %s", method, path, resp.StatusCode, statuses, b)
}

func (r *Realm) token(t testing.TB) string {
	t.Helper()
	if time.Now().Before(r.tokenUntil) {
		return r.adminToken
	}
	password, err := os.ReadFile(r.k.AdminPasswordFile)
	if err != nil {
		t.Fatal(err)
	}
	out := r.grant(t, r.k.URL+"/realms/master", url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {r.k.AdminUsername}, "password": {strings.TrimSpace(string(password))}})
	r.adminToken, r.tokenUntil = out.Access, time.Now().Add(20*time.Second)
	return r.adminToken
}

// Tokens is what a token endpoint hands out.
type Tokens struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
}

func (r *Realm) grant(t testing.TB, issuer string, form url.Values) (out Tokens) {
	t.Helper()
	resp, err := Client.PostForm(issuer+"/protocol/openid-connect/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK || json.Unmarshal(b, &out) != nil {
		t.Fatalf("the token endpoint of %s answered %d", issuer, resp.StatusCode)
	}
	return out
}

// Grant logs a person in with the password, as the client SPAClient.
func (r *Realm) Grant(t testing.TB, username string) Tokens {
	t.Helper()
	return r.grant(t, r.URL, url.Values{"grant_type": {"password"}, "client_id": {SPAClient}, "username": {username}, "password": {Password}, "scope": {"openid"}})
}
