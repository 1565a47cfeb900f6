package cmd

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gatehouse/stack/stacktest"
)

// realKratos is the running Kratos and a way to look at an identity that is not ours.
type realKratos struct {
	env   []string
	admin string
}

func newRealKratos(t testing.TB) realKratos {
	k := stacktest.Kratos(t)
	return realKratos{[]string{"GATEHOUSE_KRATOS_ADMIN_URL=" + k.AdminURL, "GATEHOUSE_KRATOS_PUBLIC_URL=" + k.PublicURL}, k.AdminURL}
}

// look reads an identity as the server has it; nil when there is none.
func (k realKratos) look(t testing.TB, id string) map[string]any {
	t.Helper()
	var out map[string]any
	switch code := plainHTTP(t, http.MethodGet, k.admin+"/admin/identities/"+id, "", nil, &out); code {
	case http.StatusOK:
		return out
	case http.StatusNotFound:
		return nil
	default:
		t.Fatalf("looked at %s: %d", id, code)
		return nil
	}
}

func (k realKratos) changes(t testing.TB, code int, stdin string, args ...string) []identityChange {
	t.Helper()
	var out []identityChange
	r := gatehouseIn(t, stdin, k.env, append(args, "--json")...).want(t, code)
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
		t.Fatalf("%v in %s%s", err, r.stdout, r.stderr)
	}
	return out
}

// made makes an identity by the command and removes it at the end.
func (k realKratos) made(t testing.TB, mail string, args ...string) string {
	t.Helper()
	c := k.changes(t, 0, "", append([]string{"identities", "create", "--trait", "email=" + mail}, args...)...)
	id := c[0].ID
	t.Cleanup(func() { plainHTTP(t, http.MethodDelete, k.admin+"/admin/identities/"+id, "", nil, nil) })
	return id
}

// unchanged fails unless everything but the named keys is as it was.
func unchanged(t testing.TB, before, after map[string]any, but ...string) {
	t.Helper()
	for _, k := range but {
		delete(before, k)
		delete(after, k)
	}
	withoutClocks(before)
	withoutClocks(after)
	if !reflect.DeepEqual(before, after) {
		t.Errorf("more changed than asked:\n%v\n%v", before, after)
	}
}

// withoutClocks removes the times that Kratos itself moves at every write.
func withoutClocks(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "updated_at")
		for _, sub := range v {
			withoutClocks(sub)
		}
	case []any:
		for _, sub := range v {
			withoutClocks(sub)
		}
	}
}

func TestRealIdentitiesCreateAndEdit(t *testing.T) {
	t.Parallel()
	k := newRealKratos(t)
	mail := uniq("ed") + "@cmd.example"
	pw := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(pw, []byte("a long canary phrase 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := k.changes(t, 0, "", "identities", "create", "--trait", "email="+mail, "--dry-run"); c[0].Outcome != outcomeWould || c[0].ID != "" {
		t.Errorf("dry run: %+v", c)
	}
	bad := gatehouse(t, k.env, "identities", "create", "--trait", "email=nope", "--json").want(t, 2).failure(t)
	if len(bad.Fields) == 0 || bad.Fields[0].Path != "/traits/email" {
		t.Errorf("a refused trait is not named: %+v", bad)
	}
	id := k.made(t, mail, "--trait", "name.first=Ed", "--verified", mail, "--password-file", pw, "--metadata-admin", `{"cost":{"centre":7}}`)
	got := k.look(t, id)
	if got["traits"].(map[string]any)["email"] != mail || got["verifiable_addresses"].([]any)[0].(map[string]any)["verified"] != true {
		t.Fatalf("made %v", got)
	}

	before := k.look(t, id)
	if c := k.changes(t, 0, "", "identities", "edit", mail, "--trait", "name.last=New", "--dry-run"); c[0].Outcome != outcomeWould || c[0].Changes[0].Field != "/traits/name/last" {
		t.Errorf("dry run: %+v", c)
	}
	unchanged(t, before, k.look(t, id))
	before = k.look(t, id)
	k.changes(t, 0, "", "identities", "edit", mail, "--trait", "name.last=New", "--metadata-public", `{"x":12345678901234567890}`)
	after := k.look(t, id)
	if after["traits"].(map[string]any)["name"].(map[string]any)["last"] != "New" || after["metadata_public"] == nil {
		t.Errorf("edited %v", after)
	}
	unchanged(t, before, after, "traits", "metadata_public")
	if c := k.changes(t, 0, "", "identities", "edit", mail, "--trait", "name.last=New"); c[0].Outcome != outcomeUnchanged {
		t.Errorf("the same again: %+v", c)
	}
	k.changes(t, 0, "", "identities", "edit", id, "--remove-trait", "name.last", "--metadata-public", "null")
	if _, has := k.look(t, id)["traits"].(map[string]any)["name"].(map[string]any)["last"]; has {
		t.Error("the trait is still there")
	}

	t.Run("in an editor", func(t *testing.T) {
		env := append(k.env, "EDITOR=sed -i s/Ed/Edna/")
		gatehouse(t, env, "identities", "edit", id, "--editor").want(t, 0)
		if got := k.look(t, id)["traits"].(map[string]any)["name"].(map[string]any)["first"]; got != "Edna" {
			t.Errorf("%v", got)
		}
		env[len(env)-1] = `EDITOR=sed -i s/first/firts/`
		e := gatehouse(t, env, "identities", "edit", id, "--editor", "--json").want(t, 2).failure(t)
		_, rest, ok := strings.Cut(e.Hint, "kept in ")
		file, _, _ := strings.Cut(rest, ":")
		text, err := os.ReadFile(file)
		if !ok || err != nil || !strings.Contains(string(text), "firts") {
			t.Fatalf("the text is lost: %+v %v", e, err)
		}
		os.Remove(file)
	})
	t.Run("no password anywhere", func(t *testing.T) {
		for _, r := range []ran{gatehouse(t, k.env, "identities", "get", id, "--json"), gatehouse(t, k.env, "identities", "get", id, "--verbose")} {
			if strings.Contains(r.stdout+r.stderr, "canary") {
				t.Error("the password is printed")
			}
		}
	})
}

func TestRealIdentitiesManyAtOnce(t *testing.T) {
	t.Parallel()
	k := newRealKratos(t)
	a, b := k.made(t, uniq("a")+"@cmd.example"), k.made(t, uniq("b")+"@cmd.example")
	wasA := k.look(t, a)
	stdin := a + "\n# a comment\n" + b + "\n" + a + "\n"
	if c := k.changes(t, 0, stdin, "identities", "suspend", "-", "--dry-run"); len(c) != 2 || c[0].Outcome != outcomeWould || k.look(t, a)["state"] != "active" {
		t.Fatalf("dry run: %+v", c)
	}
	if c := k.changes(t, 0, stdin, "identities", "suspend", "-"); len(c) != 2 || c[0].Outcome != outcomeDone || k.look(t, a)["state"] != "inactive" || k.look(t, b)["state"] != "inactive" {
		t.Fatalf("suspended: %+v", c)
	}
	unchanged(t, wasA, k.look(t, a), "state", "state_changed_at")
	if c := k.changes(t, 0, "", "identities", "suspend", a); c[0].Outcome != outcomeUnchanged {
		t.Errorf("again: %+v", c)
	}
	gatehouse(t, k.env, "identities", "activate", a, "nobody@cmd.example").want(t, 2)
	if k.look(t, a)["state"] != "inactive" {
		t.Error("a mistyped name did not stop the write")
	}
	if c := k.changes(t, 0, "", "identities", "activate", a, b); len(c) != 2 || k.look(t, a)["state"] != "active" {
		t.Errorf("activated: %+v", c)
	}
	gatehouse(t, k.env, "--read-only", "identities", "suspend", a).want(t, 2)
	gatehouse(t, k.env, "identities", "delete", a).want(t, 2) // nobody is there to confirm
	if k.look(t, a) == nil || k.look(t, a)["state"] != "active" {
		t.Fatal("a refused write was done")
	}
	if c := k.changes(t, 0, "", "identities", "delete", a, b, "--yes"); len(c) != 2 || c[0].Before == nil || k.look(t, a) != nil || k.look(t, b) != nil {
		t.Errorf("deleted: %+v", c)
	}
}

func TestRealIdentitiesExportImport(t *testing.T) {
	t.Parallel()
	k := newRealKratos(t)
	mail := uniq("x") + "@cmd.example"
	id := k.made(t, mail, "--trait", "name.first=Ex", "--verified", mail, "--metadata-public", `{"a":[1,2]}`)
	was := k.look(t, id)
	var line string
	for l := range strings.Lines(gatehouse(t, k.env, "identities", "export").want(t, 0).stdout) {
		if strings.Contains(l, mail) {
			line = l
		}
	}
	report := filepath.Join(t.TempDir(), "refused.jsonl")
	bad := `{"schema_id":"default","traits":{"email":"nope"}}`
	c := k.changes(t, 2, bad+"\n"+line, "identities", "import", "-", "--report", report)
	if len(c) != 2 || c[0].Outcome != outcomeFailed || c[0].Line != 1 || c[1].Error == nil {
		t.Fatalf("there already: %+v", c)
	}
	if b, err := os.ReadFile(report); err != nil || strings.Count(string(b), "\n") != 2 || !strings.Contains(string(b), bad) {
		t.Errorf("report: %s %v", b, err)
	}
	k.changes(t, 0, "", "identities", "delete", id, "--yes")
	c = k.changes(t, 0, "[\n"+line+"]", "identities", "import", "-")
	t.Cleanup(func() { plainHTTP(t, http.MethodDelete, k.admin+"/admin/identities/"+c[0].ID, "", nil, nil) })
	if len(c) != 1 || c[0].Outcome != outcomeDone || c[0].Line != 2 {
		t.Fatalf("imported: %+v", c)
	}
	now := k.look(t, c[0].ID)
	for _, key := range []string{"traits", "metadata_public", "state", "schema_id"} {
		if !reflect.DeepEqual(was[key], now[key]) {
			t.Errorf("%s: %v is now %v", key, was[key], now[key])
		}
	}
	e := gatehouse(t, k.env, "identities", "import", writeFile(t, line+"\n"+`{"traits":{},"nope":1}`), "--json").want(t, 2).failure(t)
	if !strings.Contains(e.Reason, "line 2") && !strings.Contains(e.Reason, "line 3") || !strings.Contains(e.Reason, "nope") || e.Hint != "nothing was written" {
		t.Errorf("a mistyped key: %+v", e)
	}
}

func writeFile(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRealIdentitiesRecoverAndSessions(t *testing.T) {
	t.Parallel()
	k := newRealKratos(t)
	id := k.made(t, uniq("r")+"@cmd.example")
	var way recoveryOut
	r := gatehouse(t, k.env, "identities", "recover", id, "--life", "10m", "--json").want(t, 0)
	if err := json.Unmarshal([]byte(r.stdout), &way); err != nil || way.Code == "" || way.Link == "" || way.ExpiresAt == nil {
		t.Fatalf("%+v %v", way, err)
	}
	if strings.Contains(r.stderr, way.Code) {
		t.Error("the code is on stderr")
	}
	gatehouse(t, k.env, "identities", "sessions", id).want(t, 0)
	e := gatehouse(t, k.env, "identities", "sessions", id, "--revoke", "5f3c0000-0000-4000-8000-000000000000", "--json").want(t, 2).failure(t)
	if e.Kind != "not_found" {
		t.Errorf("%+v", e)
	}
	gatehouse(t, k.env, "identities", "sessions", id, "--revoke-all").want(t, 0)
}

func TestSetTraits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		set, unset []string
		want       string
	}{
		{[]string{"name.first=Ann", "age=7", "on=true", "tags.0=x", "note=7up"}, nil, `{"age":7,"big":12345678901234567890,"name":{"first":"Ann"},"note":"7up","on":true,"tags":["x"]}`},
		{nil, []string{"big"}, `{"tags":[]}`},
		{[]string{"big.x=1"}, nil, "error"},
		{[]string{"tags.5=1"}, nil, "error"},
		{[]string{"nothing"}, nil, "error"},
		{nil, []string{"name.first"}, "error"},
	} {
		got, err := setTraits(json.RawMessage(`{"big":12345678901234567890,"tags":[]}`), c.set, c.unset)
		if (err != nil) != (c.want == "error") || err == nil && strings.TrimSpace(string(got)) != c.want {
			t.Errorf("%v %v: %s %v", c.set, c.unset, got, err)
		}
	}
}
