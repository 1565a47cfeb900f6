package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/clients/keycloak/setup"
	"gatehouse/stack/stacktest"
)

func TestParseSetupUser(t *testing.T) {
	for text, want := range map[string]setup.User{
		"alice":                               {Username: "alice"},
		"alice=Alice Doe <alice@example.com>": {Username: "alice", Email: "alice@example.com", FirstName: "Alice", LastName: "Doe"},
		`a=Ada de la Cruz <a@example.com>`:    {Username: "a", Email: "a@example.com", FirstName: "Ada", LastName: "de la Cruz"},
		"bob = Bob Ray <bob@example.com>":     {Username: "bob", Email: "bob@example.com", FirstName: "Bob", LastName: "Ray"},
	} {
		if got, err := parseSetupUser(text); err != nil || got != want {
			t.Errorf("%q: %#v, %v", text, got, err)
		}
	}
	for _, text := range []string{"alice=", "alice=Alice", "alice=<a@example.com>", "alice=Alice <a@example.com>", "alice=Alice Doe"} {
		if _, err := parseSetupUser(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestKeycloakUsage(t *testing.T) {
	env := []string{"GATEHOUSE_KEYCLOAK_URL=http://127.0.0.1:1", "GATEHOUSE_KEYCLOAK_USERNAME=a", "GATEHOUSE_KEYCLOAK_PASSWORD=b"}
	for _, tc := range []struct{ args, say string }{
		{"keycloak setup --client c", `"realm" not set`},
		{"keycloak setup --realm r", "--client"},
		{"keycloak setup --realm master --client c", "for the administrators"},
		{"keycloak setup --realm r --client c --redirect /cb", `"/cb"`},
		{"keycloak setup --realm r --client c --redirect http://a/b#c", "fragment"},
		{"keycloak setup --realm r --client c --token refresh", `"refresh"`},
		{"keycloak setup --realm r --client c --user =x", "not written like"},
		{"keycloak setup --realm r --client c --user a --password-file /does/not/exist", "/does/not/exist"},
		{"keycloak check --realm r", "--client"},
	} {
		if out := gatehouse(t, env, strings.Fields(tc.args)...).want(t, 2); !strings.Contains(out.stderr, tc.say) {
			t.Errorf("%s says %q, want %q in it", tc.args, out.stderr, tc.say)
		}
	}
}

// TestRealKeycloakSetup walks through the command as a person does: look, do, do again,
// break, be told, mend.
func TestRealKeycloakSetup(t *testing.T) {
	info := stacktest.Keycloak(t)
	pass, err := info.Password()
	if err != nil {
		t.Fatal(err)
	}
	r := realRealm{t: t, name: uniq("cmd-setup-"), user: info.AdminUsername, pass: pass, url: info.URL}
	r.base = info.URL + "/admin/realms/" + r.name
	r.env = []string{"GATEHOUSE_KEYCLOAK_URL=" + info.URL, "GATEHOUSE_KEYCLOAK_USERNAME=" + r.user, "GATEHOUSE_KEYCLOAK_PASSWORD=" + pass}
	t.Cleanup(func() { plainHTTP(t, "DELETE", r.base, r.token(), nil, nil) })
	dir := t.TempDir()
	pw, secret := filepath.Join(dir, "pw"), filepath.Join(dir, "secret")
	if err := os.WriteFile(pw, []byte("a long password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	setupArgs := []string{"keycloak", "setup", "--client", "flaskClient", "--roles", "admin", "--redirect", "http://localhost:50100/oauth/login/callback",
		"--post-logout-redirect", "http://localhost:50100/", "--user", "alice=Alice Doe <alice@example.com>", "--password-file", pw, "--secret-file", secret}
	outcomes := func(steps []keycloakStep) map[setup.Outcome]int {
		out := map[setup.Outcome]int{}
		for _, s := range steps {
			out[s.Outcome]++
		}
		return out
	}

	would := decode[[]keycloakStep](t, "keycloak-step", r.run(0, append(setupArgs, "--dry-run", "--json")...))
	if n := outcomes(would); n[setup.WouldDo] != 10 {
		t.Errorf("the dry run: %v", n)
	}
	if _, err := os.Stat(secret); err == nil {
		t.Error("the dry run wrote a secret")
	}
	// A role that Keycloak could not address afterwards stops it half-way.
	partly := r.run(2, append(setupArgs, "--roles", ".", "--json")...)
	for _, want := range []string{`"step":4,"name":"roles","state":"missing"`, `"outcome":"failed"`, `"step":5,"name":"mapper"`, `"outcome":"not_reached"`} {
		if !strings.Contains(partly.stdout, want) {
			t.Errorf("a setup that stops half-way lacks %s: %s", want, partly.stdout)
		}
	}
	done := decode[[]keycloakStep](t, "keycloak-step", r.run(0, append(setupArgs, "--json")...))
	if n := outcomes(done); n[setup.Changed]+n[setup.Unchanged] != 10 || n[setup.Changed] == 0 {
		t.Errorf("the setup: %v", n)
	}
	stat, err := os.Stat(secret)
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Fatalf("the secret's file: %v %v", stat, err)
	}
	value, _ := os.ReadFile(secret)
	again := r.run(0, append(setupArgs, "--jsonl")...)
	if strings.Count(again.stdout, `"outcome":"unchanged"`) != 10 {
		t.Errorf("the second run did something: %s", again.stdout)
	}
	if hidden := strings.TrimSpace(string(value)); strings.Contains(again.stdout+again.stderr, hidden) || hidden == "" {
		t.Error("the secret was printed unasked")
	} else if out := r.run(0, append(setupArgs, "--show-secret")...); !strings.Contains(out.stdout, "secret: "+hidden) {
		t.Error("--show-secret does not show it")
	}

	checkArgs := []string{"keycloak", "check", "--client", "flaskClient", "--roles", "admin", "--user", "alice"}
	r.run(0, checkArgs...)
	scope := r.mapperOff(t)
	told := r.run(1, checkArgs...)
	if !strings.Contains(told.stdout, "✗  5  mapper") || !strings.Contains(told.stdout, "KeyError") || !strings.Contains(told.stdout, "to do: let mapper") {
		t.Errorf("the forgotten mapper is told as:\n%s", told.stdout)
	}
	for _, form := range []string{"--json", "--jsonl", "--yaml", "--csv"} {
		if out := r.run(1, append(checkArgs, form)...); !strings.Contains(out.stdout, "KeyError") {
			t.Errorf("%s: %s", form, out.stdout)
		}
	}
	if out := r.run(2, append(checkArgs, "--fix")...); !strings.Contains(out.stderr, "nobody is there to confirm it") {
		t.Errorf("%s", out.stderr)
	}
	r.run(2, append(checkArgs, "--fix", "--yes", "--read-only")...)
	r.run(1, checkArgs...)
	r.run(0, append(checkArgs, "--fix", "--yes")...)
	r.run(0, checkArgs...)
	if scope == "" {
		t.Error("the realm has no client scope roles")
	}
	r.run(1, "keycloak", "check", "--client", "nope")
}

// mapperOff brings the mapper of the realm back to how Keycloak makes it.
func (r realRealm) mapperOff(t *testing.T) string {
	t.Helper()
	var scopes []struct {
		ID, Name        string
		ProtocolMappers []map[string]any
	}
	r.must(200, plainHTTP(t, "GET", r.base+"/client-scopes", r.token(), nil, &scopes))
	for _, s := range scopes {
		for _, m := range s.ProtocolMappers {
			if s.Name == "roles" && m["name"] == "client roles" {
				config := m["config"].(map[string]any)
				delete(config, "id.token.claim")
				delete(config, "userinfo.token.claim")
				r.must(204, plainHTTP(t, "PUT", r.base+"/client-scopes/"+s.ID+"/protocol-mappers/models/"+m["id"].(string), r.token(), m, nil))
				return s.ID
			}
		}
	}
	return ""
}
