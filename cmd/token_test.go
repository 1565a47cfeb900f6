package cmd

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/access/token"
	"gatehouse/stack/stacktest"
)

func TestTokenUsage(t *testing.T) {
	for _, tc := range []struct{ args, stdin, say string }{
		{"token preview --client c", "", `"user" not set`},
		{"token preview --client c --user u --token refresh", "", "--token"},
		{"token preview --client c --user u --role a --realm-role b", "", "role"},
		{"token inspect --as refresh", "x", "--as"},
		{"token inspect", "", "nothing in it"},
		{"token inspect /does/not/exist", "", "/does/not/exist"},
		{"token inspect -", "abc.def", "three parts"},
		{"token inspect -", `{"access_token":"abcdefgh"}`, "only the value of access_token"},
		{"token inspect -", strings.Repeat("x", token.MaxSize+10), "longer"},
	} {
		if out := gatehouseIn(t, tc.stdin, nil, strings.Fields(tc.args)...).want(t, 2); !strings.Contains(out.stderr, tc.say) {
			t.Errorf("%s: %q, want %q in it", tc.args, out.stderr, tc.say)
		}
	}
	// Decoded without any server, and the token itself is not in the output.
	jwt := "eyJhbGciOiJub25lIn0.eyJ0eXAiOiJCZWFyZXIiLCJleHAiOjF9.c2lnbmF0dXJl"
	for _, form := range []string{"", "--json", "--yaml"} {
		out := gatehouseIn(t, jwt, nil, append([]string{"token", "inspect", "--offline"}, strings.Fields(form)...)...).want(t, 0)
		if !strings.Contains(out.stdout, "it is refused after this") || strings.Contains(out.stdout, "c2lnbmF0dXJl") || strings.Contains(out.stdout, jwt) {
			t.Errorf("%s: %s", form, out.stdout)
		}
	}
}

// TestRealToken looks into real tokens: good, of another kind, from before a grant,
// spoilt, and of a session that was ended.
func TestRealToken(t *testing.T) {
	info := stacktest.Keycloak(t)
	pass, err := info.Password()
	if err != nil {
		t.Fatal(err)
	}
	r := realRealm{t: t, name: uniq("cmd-token-"), user: info.AdminUsername, pass: pass, url: info.URL}
	r.base = info.URL + "/admin/realms/" + r.name
	r.env = []string{"GATEHOUSE_KEYCLOAK_URL=" + info.URL, "GATEHOUSE_KEYCLOAK_USERNAME=" + r.user, "GATEHOUSE_KEYCLOAK_PASSWORD=" + pass}
	type object = map[string]any
	r.must(201, plainHTTP(t, "POST", info.URL+"/admin/realms", r.token(), object{"realm": r.name, "enabled": true,
		"roles":   object{"client": object{"app": []object{{"name": "admin"}}}},
		"clients": []object{{"clientId": "app", "enabled": true, "publicClient": true, "directAccessGrantsEnabled": true, "fullScopeAllowed": true}},
		"users": []object{{"username": "ann", "email": "ann@acme.example", "emailVerified": true, "firstName": "Ann", "lastName": "O", "enabled": true,
			"credentials": []object{{"type": "password", "value": "secret words"}}}}}, nil))
	t.Cleanup(func() { plainHTTP(t, "DELETE", r.base, r.token(), nil, nil) })
	type tokens struct {
		Access  string `json:"access_token"`
		ID      string `json:"id_token"`
		Refresh string `json:"refresh_token"`
		Session string `json:"session_state"`
	}
	enter := func() (out tokens) {
		resp, err := http.PostForm(info.URL+"/realms/"+r.name+"/protocol/openid-connect/token", url.Values{"grant_type": {"password"},
			"client_id": {"app"}, "username": {"ann"}, "password": {"secret words"}, "scope": {"openid"}})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.Access == "" {
			t.Fatal(err, resp.Status)
		}
		return out
	}
	inspect := func(code int, text string, args ...string) tokenInspection {
		t.Helper()
		out := gatehouseIn(t, text, r.env, append([]string{"token", "inspect", "--json"}, args...)...).want(t, code)
		if part := text[len(text)-20:]; strings.Contains(out.stdout+out.stderr, part) {
			t.Error("the token is in the output")
		}
		return decode[tokenInspection](t, "token", out)
	}
	first := enter()
	if got := inspect(0, first.Access); got.Verdict != "good" || got.User != "ann" || got.Client != "app" || got.Realm != r.name || got.Kind != "access token" {
		t.Errorf("%+v", got)
	}
	if got := inspect(0, first.ID); got.Verdict != "good" || got.Kind != "ID token" {
		t.Errorf("%+v", got)
	}
	for _, tc := range []struct {
		name, text string
		args       []string
		cause      string
	}{
		{"an ID token to an API", first.ID, []string{"--as", "access"}, "token_type"},
		{"a refresh token", first.Refresh, nil, "token_type"},
		{"another issuer", first.Access, []string{"--issuer", "http://elsewhere/realms/" + r.name}, "token_issuer"},
		{"another realm", r.token(), []string{"--realm", r.name}, "token_issuer"},
		{"a changed signature", first.Access[:len(first.Access)-30] + strings.Repeat("A", 30), nil, "token_signature"},
		{"a role that is not there", first.Access, []string{"--role", "admin"}, "role_missing"},
		{"an API that it is not for", first.Access, []string{"--audience", "realm-management"}, "audience_missing"},
	} {
		if got := inspect(1, tc.text, tc.args...); got.Cause != tc.cause || got.Summary == "" || got.Hint == "" {
			t.Errorf("%s: %s by %s (%s)", tc.name, got.Verdict, got.Cause, got.Summary)
		}
	}

	// The preview says what the token will hold after a grant, and inspect what it lacks.
	preview := []string{"token", "preview", "--client", "app", "--user", "ann", "--role", "admin"}
	r.run(1, preview...)
	r.run(0, "roles", "grant", "--user", "ann", "--client", "app", "--role", "admin")
	got := decode[tokenPreview](t, "token-preview", r.run(0, append(preview, "--json")...))
	if len(got.Found) != 3 || !got.Found[0].Present || got.Found[1].Present || !strings.Contains(got.Found[1].Why, `mapper "client roles" of client scope "roles"`) {
		t.Errorf("%+v", got.Found)
	}
	r.run(1, append(preview, "--token", "id")...)
	r.run(0, append(preview, "--token", "access")...)
	for _, form := range []string{"--yaml", "--csv"} {
		if out := r.run(0, append(preview, form)...); !strings.Contains(out.stdout, "resource_access.app.roles") {
			t.Errorf("%s: %s", form, out.stdout)
		}
	}
	after := inspect(1, first.Access, "--role", "admin")
	if after.Cause != "role_after_token" || !slices.ContainsFunc(after.Since, func(c tokenChange) bool { return c.Path == "resource_access.app.roles" && c.Now == "admin" }) {
		t.Errorf("%s: %+v", after.Cause, after.Since)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(enter().Access), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := gatehouse(t, r.env, "token", "inspect", file, "--role", "admin").want(t, 0); !strings.Contains(out.stdout, "✓ TAKEN") {
		t.Error(out.stdout)
	}

	r.must(204, plainHTTP(t, "DELETE", r.base+"/sessions/"+first.Session, r.token(), nil, nil))
	if got := inspect(1, first.Access); got.Cause != "session_gone" {
		t.Errorf("after the session ended: %s (%s)", got.Cause, got.Summary)
	}
}
