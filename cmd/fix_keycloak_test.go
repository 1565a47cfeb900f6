package cmd

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatehouse/access/login"
)

// object reads one object of the realm with nothing of ours between.
func (r realRealm) object(path string) map[string]any {
	r.t.Helper()
	var list []map[string]any
	r.must(200, plainHTTP(r.t, "GET", r.base+path, r.token(), nil, &list))
	if len(list) != 1 {
		r.t.Fatalf("%s: %d objects", path, len(list))
	}
	return list[0]
}

// differing are the keys in which two objects differ.
func differing(a, b map[string]any) []string {
	var out []string
	for k := range a {
		if !reflect.DeepEqual(a[k], b[k]) {
			out = append(out, k)
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// A fix of a saved answer is carried out, is refused once things have changed, and is
// taken back by the command that it names, on the real server; the rest of the client is
// as it was all the time.
func TestRealFixKeycloakOfASavedAnswer(t *testing.T) {
	realm := newRealRealm(t)
	client := func() map[string]any { return realm.object("/clients?clientId=app") }
	dir := t.TempDir()
	save := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	before := client()
	asked := gatehouse(t, realm.env, "why", "keycloak", "--realm", realm.name, "--user", "ann", "--client", "app", "--redirect-uri", "https://app.example/cb", "--json").want(t, exitNo)
	trace := save("trace.json", asked.stdout)

	plain := gatehouse(t, realm.env, "fix", "apply", "keycloak", "1", "--trace", trace, "--dry-run").want(t, exitNo)
	if !strings.Contains(plain.stdout, "would be written") || len(differing(before, client())) > 0 {
		t.Errorf("--dry-run: %s\nchanged %v", plain.stdout, differing(before, client()))
	}
	done := gatehouse(t, realm.env, "fix", "apply", "keycloak", "1", "--trace", trace, "--json").want(t, exitNo) // she has no password yet
	r := decode[loginFixResult](t, "login-fix", done)
	if r.Outcome != outcomeDone || r.After.Cause == string(login.RedirectURI) || !slices.Equal(r.Undo, []string{"gatehouse fix undo RESULT"}) {
		t.Fatalf("%s, undo %q, then %s", r.Outcome, r.Undo, r.After.Cause)
	}
	if got := differing(before, client()); !slices.Equal(got, []string{"redirectUris"}) {
		t.Errorf("the fix changed %v", got)
	}
	again := gatehouse(t, realm.env, "fix", "apply", "keycloak", "1", "--trace", trace, "--json").want(t, exitProblem)
	if e := again.failure(t); e.Kind != "conflict" || !strings.Contains(e.Reason, "not among the fixes of now") {
		t.Errorf("%+v", e)
	}
	result := save("result.json", done.stdout)
	if out := gatehouse(t, realm.env, "fix", "undo", result, "--dry-run").want(t, exitYes); !strings.Contains(out.stdout, "take back") || len(differing(before, client())) == 0 {
		t.Errorf("--dry-run: %s", out.stdout)
	}
	back := decode[loginFixResult](t, "login-fix", gatehouse(t, realm.env, "fix", "undo", result, "--json").want(t, exitYes))
	if back.Outcome != outcomeDone || back.After.Cause != string(login.RedirectURI) || len(differing(before, client())) > 0 {
		t.Errorf("%s, then %s; differs in %v", back.Outcome, back.After.Cause, differing(before, client()))
	}
	// A second time somebody, it seems, has changed the same thing.
	if e := gatehouse(t, realm.env, "fix", "undo", result, "--json").want(t, exitProblem).failure(t); e.Kind != "conflict" {
		t.Errorf("%+v", e)
	}
	for _, bad := range []string{"{}", "nothing"} {
		if e := gatehouse(t, realm.env, "fix", "undo", save("bad.json", bad), "--json").want(t, exitProblem).failure(t); e.Kind != "invalid" {
			t.Errorf("%q: %+v", bad, e)
		}
	}
	e := gatehouse(t, realm.env, "fix", "apply", "keycloak", "1", "--trace", trace, "--user", "ann", "--json").want(t, exitProblem).failure(t)
	if !strings.Contains(e.Reason, "either the question or --trace") {
		t.Errorf("%+v", e)
	}
}

// Where a command of daily work takes a fix back it is named, and does.
func TestRealFixKeycloakUndoneByItsCommand(t *testing.T) {
	realm := newRealRealm(t)
	question := []string{"--realm", realm.name, "--user", "ann", "--client", "app", "--role", "admin", "--redirect-uri", "https://app.example/cb", "--json"}
	user := realm.object("/users?username=ann&exact=true")
	id := user["id"].(string)
	// She logs in and asks for a role, so that these come first.
	realm.must(204, plainHTTP(t, "PUT", realm.base+"/users/"+url.PathEscape(id)+"/reset-password", realm.token(), map[string]any{"type": "password", "value": "pw", "temporary": false}, nil))
	app := realm.object("/clients?clientId=app")
	app["redirectUris"] = []string{"https://app.example/cb"}
	realm.must(204, plainHTTP(t, "PUT", realm.base+"/clients/"+app["id"].(string), realm.token(), app, nil))
	roles := func() string {
		var m map[string]any
		realm.must(200, plainHTTP(t, "GET", realm.base+"/users/"+id+"/role-mappings", realm.token(), nil, &m))
		raw, _ := json.Marshal(m)
		return string(raw)
	}
	before := roles()
	r := decode[loginFixResult](t, "login-fix", gatehouse(t, realm.env, append([]string{"fix", "apply", "keycloak", "1"}, question...)...).want(t, exitYes))
	if r.Before.Cause != string(login.RoleMissing) || len(r.Undo) != 1 || !strings.HasPrefix(r.Undo[0], "gatehouse roles revoke --user ann --client app --role admin") {
		t.Fatalf("%s; undo %q", r.Before.Cause, r.Undo)
	}
	if !strings.Contains(roles(), `"admin"`) {
		t.Error("the role was not granted")
	}
	gatehouse(t, realm.env, strings.Fields(r.Undo[0])[1:]...).want(t, exitYes)
	if got := roles(); got != before {
		t.Errorf("before %s\nafter  %s", before, got)
	}
}
