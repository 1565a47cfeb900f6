package cmd

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

// TestRealUsersParts lists and takes away what belongs to a user, read back with plain
// HTTP.
func TestRealUsersParts(t *testing.T) {
	t.Parallel()
	r := newRealRealm(t)
	ann := r.id("ann")
	r.must(204, plainHTTP(t, "PUT", r.base+"/users/"+ann, r.token(), map[string]any{"emailVerified": true, "requiredActions": []string{}}, nil))
	r.must(204, plainHTTP(t, "PUT", r.base+"/users/"+ann+"/reset-password", r.token(), map[string]any{"type": "password", "value": "canary-Phrase-6"}, nil))
	resp, err := http.PostForm(r.url+"/realms/"+r.name+"/protocol/openid-connect/token",
		url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"ann"}, "password": {"canary-Phrase-6"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("ann cannot log in: %d", resp.StatusCode)
	}
	r.must(201, plainHTTP(t, "POST", r.base+"/identity-provider/instances", r.token(), map[string]any{"alias": "okta", "providerId": "oidc", "enabled": true,
		"config": map[string]any{"authorizationUrl": "http://127.0.0.1:1/a", "tokenUrl": "http://127.0.0.1:1/t", "clientId": "x", "clientSecret": "y"}}, nil))
	r.must(204, plainHTTP(t, "POST", r.base+"/users/"+ann+"/federated-identity/okta", r.token(), map[string]any{"identityProvider": "okta", "userId": "00u1", "userName": "ann.o"}, nil))

	parts := func(args ...string) []userPartOut {
		t.Helper()
		var out []userPartOut
		got := r.run(0, append(append([]string{"users"}, args...), "ann", "--json")...)
		if err := json.Unmarshal([]byte(got.stdout), &out); err != nil {
			t.Fatalf("%v in %s%s", err, got.stdout, got.stderr)
		}
		return out
	}
	stored := func(path string) int {
		t.Helper()
		var list []any
		r.must(200, plainHTTP(t, "GET", r.base+"/users/"+ann+path, r.token(), nil, &list))
		return len(list)
	}
	for _, row := range []struct{ verb, take, path, kind string }{
		{"credentials", "--delete", "/credentials", "credential"}, {"sessions", "--end", "/sessions", "session"}, {"links", "--unlink", "/federated-identity", "link"}} {
		list := parts(row.verb)
		if len(list) != 1 || list[0].Kind != row.kind || list[0].ID == "" || list[0].User != "ann" {
			t.Fatalf("%s: %+v", row.verb, list)
		}
		r.run(2, "users", row.verb, "ann", row.take, "nosuch")
		if would := parts(row.verb, row.take, list[0].ID, "--dry-run"); len(would) != 1 || !would[0].Gone || stored(row.path) != 1 {
			t.Errorf("%s --dry-run: %+v, %d are left", row.verb, would, stored(row.path))
		}
		if gone := parts(row.verb, row.take, list[0].ID); len(gone) != 1 || !gone[0].Gone || stored(row.path) != 0 {
			t.Errorf("%s: %+v, %d are left", row.verb, gone, stored(row.path))
		}
		if again := parts(row.verb); len(again) != 0 {
			t.Errorf("%s afterwards: %+v", row.verb, again)
		}
	}
	if list := parts("consents"); len(list) != 0 {
		t.Errorf("consents: %+v", list)
	}
}
