package cmd

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// look reads something of the realm as Keycloak has it; nil when there is none.
func (r realRealm) look(path string) map[string]any {
	r.t.Helper()
	var out map[string]any
	if code := plainHTTP(r.t, "GET", r.base+path, r.token(), nil, &out); code == http.StatusNotFound {
		return nil
	} else if code != http.StatusOK {
		r.t.Fatalf("looked at %s: %d", path, code)
	}
	return out
}

// id is the id of a user.
func (r realRealm) id(username string) string {
	r.t.Helper()
	var all []map[string]any
	r.must(200, plainHTTP(r.t, "GET", r.base+"/users?exact=true&username="+url.QueryEscape(username), r.token(), nil, &all))
	if len(all) != 1 {
		r.t.Fatalf("%d users are called %s", len(all), username)
	}
	return all[0]["id"].(string)
}

func (r realRealm) changes(code int, args ...string) []userChange {
	r.t.Helper()
	var out []userChange
	got := r.run(code, append(args, "--json")...)
	if err := json.Unmarshal([]byte(got.stdout), &out); err != nil {
		r.t.Fatalf("%v in %s%s", err, got.stdout, got.stderr)
	}
	return out
}

func (r realRealm) login(user, password string) int {
	r.t.Helper()
	resp, err := http.PostForm(r.url+"/realms/"+r.name+"/protocol/openid-connect/token",
		url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {user}, "password": {password}})
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestRealUsersWrites(t *testing.T) {
	t.Parallel()
	r := newRealRealm(t)
	pw := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(pw, []byte("canary-Phrase-7\nsecond line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.changes(0, "users", "create", "eve", "--dry-run")
	c := r.changes(0, "users", "create", "eve", "--email", "eve@acme.example", "--first-name", "Eve", "--last-name", "Stone", "--email-verified", "--group", "/staff/eng", "--password-file", pw)
	eve := c[0].ID
	if got := r.look("/users/" + eve); got["enabled"] != true || got["lastName"] != "Stone" || got["emailVerified"] != true {
		t.Fatalf("made %v", got)
	}
	if got := r.login("eve", "canary-Phrase-7"); got != 200 {
		t.Errorf("the password does not work: %d", got)
	}
	r.run(2, "users", "create", "eve")

	was := r.look("/users/" + eve)
	if c := r.changes(0, "users", "edit", "eve", "--last-name", "Smith", "--dry-run"); c[0].Outcome != outcomeWould || len(c[0].Changes) != 1 {
		t.Errorf("dry run: %+v", c)
	}
	r.changes(0, "users", "edit", "eve", "--last-name", "Smith")
	now := r.look("/users/" + eve)
	if now["lastName"] != "Smith" {
		t.Errorf("edited %v", now)
	}
	unchanged(t, was, now, "lastName")
	if c := r.changes(0, "users", "edit", "eve", "--last-name", "Smith"); c[0].Outcome != outcomeUnchanged {
		t.Errorf("again: %+v", c)
	}

	r.run(2, "users", "require", "eve", "--add", "UPDATE_PASWORD") // Keycloak itself would drop it without a word
	r.changes(0, "users", "require", "eve", "--add", "UPDATE_PASSWORD")
	if got := r.look("/users/" + eve)["requiredActions"]; !reflect.DeepEqual(got, []any{"UPDATE_PASSWORD"}) {
		t.Errorf("required %v", got)
	}
	r.changes(0, "users", "require", "eve", "--clear")
	if got := r.login("eve", "canary-Phrase-7"); got != 200 {
		t.Errorf("still required: %d", got)
	}

	if c := r.changes(0, "users", "logout", "eve"); c[0].Outcome != outcomeDone || !strings.Contains(c[0].Note, "session") {
		t.Errorf("logout %+v", c)
	}
	if c := r.changes(0, "users", "disable", "eve", "ben"); c[0].Outcome != outcomeDone || c[1].Outcome != outcomeUnchanged || r.login("eve", "canary-Phrase-7") == 200 {
		t.Errorf("disabled %+v", c)
	}
	r.changes(0, "users", "enable", "eve")
	if err := os.WriteFile(pw, []byte("another-Phrase-8"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := r.run(0, "users", "reset-password", "eve", "--password-file", pw, "--verbose")
	if r.login("eve", "another-Phrase-8") != 200 || strings.Contains(out.stdout+out.stderr, "another-Phrase") {
		t.Errorf("new password: %s%s", out.stdout, out.stderr)
	}
	r.run(2, "users", "delete", "eve") // nobody is there to confirm
	if r.look("/users/"+eve) == nil {
		t.Fatal("deleted without being confirmed")
	}
	if c := r.changes(0, "users", "delete", "eve", "--yes"); c[0].Before == nil || r.look("/users/"+eve) != nil {
		t.Errorf("deleted %+v", c)
	}
}

func TestRealUsersUnlock(t *testing.T) {
	t.Parallel()
	r := newRealRealm(t)
	r.must(204, plainHTTP(t, "PUT", r.base, r.token(), map[string]any{"bruteForceProtected": true, "failureFactor": 2, "waitIncrementSeconds": 600, "maxFailureWaitSeconds": 900}, nil))
	pw := writeFile(t, "good-Phrase-1")
	r.run(0, "users", "reset-password", "ann", "--password-file", pw)
	for range 3 {
		r.login("ann", "wrong")
	}
	if c := r.changes(0, "users", "unlock", "ann", "--dry-run"); c[0].Outcome != outcomeWould || !strings.Contains(c[0].Note, "locked until") {
		t.Fatalf("dry run: %+v", c)
	}
	if r.login("ann", "good-Phrase-1") == 200 {
		t.Fatal("the lock does not hold, so that nothing is tested")
	}
	r.changes(0, "users", "unlock", "ann")
	if got := r.login("ann", "good-Phrase-1"); got != 200 {
		t.Errorf("still locked: %d", got)
	}
	if c := r.changes(0, "users", "unlock", "ben"); c[0].Outcome != outcomeUnchanged || !strings.Contains(c[0].Note, "disabled") {
		t.Errorf("%+v", c)
	}
}

func TestRealGroups(t *testing.T) {
	t.Parallel()
	r := newRealRealm(t)
	list := r.run(0, "groups", "list", "--csv")
	if !strings.Contains(list.stdout, "/staff,1,") || !strings.Contains(list.stdout, "/staff/eng,0,") {
		t.Errorf("%s", list.stdout)
	}
	if got := r.run(0, "groups", "list", "--top"); strings.Contains(got.stdout, "eng") {
		t.Errorf("%s", got.stdout)
	}
	r.run(0, "groups", "create", "/staff/ops")
	r.run(2, "groups", "create", "/nowhere/ops")
	r.run(0, "groups", "create", "a/b", "--parent", "/staff")
	if got := r.run(0, "groups", "list", "--under", "/staff"); !strings.Contains(got.stdout, "ops") || !strings.Contains(got.stdout, "a/b") {
		t.Errorf("%s", got.stdout)
	}
	ann := r.id("ann")
	groups := func() string {
		var all []map[string]any
		r.must(200, plainHTTP(t, "GET", r.base+"/users/"+ann+"/groups", r.token(), nil, &all))
		var out []string
		for _, x := range all {
			out = append(out, x["path"].(string))
		}
		return strings.Join(out, " ")
	}
	r.changes(0, "groups", "join", "ann", "--group", "/staff/ops", "--dry-run")
	if got := groups(); got != "/staff/eng" {
		t.Fatalf("a dry run joined %s", got)
	}
	r.changes(0, "groups", "join", "ann", "--group", "/staff/ops")
	if c := r.changes(0, "groups", "join", "ann", "--group", "/staff/ops"); c[0].Outcome != outcomeUnchanged {
		t.Errorf("%+v", c)
	}
	if got := r.run(0, "groups", "members", "/staff/ops", "--csv"); !strings.Contains(got.stdout, "ann@acme.example") {
		t.Errorf("%s", got.stdout)
	}
	r.changes(0, "groups", "leave", "ann", "--group", "/staff/eng")
	if got := groups(); got != "/staff/ops" {
		t.Errorf("in %s", got)
	}
	r.run(0, "groups", "rename", "/staff/ops", "operations")
	got := r.run(0, "groups", "get", "/staff/operations", "--json")
	if !strings.Contains(got.stdout, `"path":"/staff/operations"`) {
		t.Errorf("%s", got.stdout)
	}
	r.run(2, "groups", "delete", "/staff/operations")
	r.run(0, "groups", "delete", "/staff/operations", "--yes")
	r.run(1, "groups", "get", "/staff/operations")
	if r.mapped("/users/" + ann); groups() != "" {
		t.Errorf("still in %s", groups())
	}
}
