package screens_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
	"gatehouse/tui"
	"gatehouse/tui/screens"
	"gatehouse/tui/tuitest"
)

// The forms of identities over the real Kratos: keys go in, a plain HTTP client looks
// at what came of them, and at what must not have changed.

// raw is an identity as the server writes it, without what it counts itself.
func (r *identReal) raw(id string) map[string]any {
	r.t.Helper()
	var m map[string]any
	r.must(200, "GET", r.info.AdminURL+"/admin/identities/"+id, nil, &m)
	delete(m, "updated_at")
	creds, _ := m["credentials"].(map[string]any) // each edit writes these rows anew
	for _, c := range creds {
		one, _ := c.(map[string]any)
		delete(one, "updated_at")
		delete(one, "created_at")
	}
	return m
}

// changed names what differs between two identities, as JSON pointers.
func (r *identReal) changed(before, after map[string]any) []string {
	r.t.Helper()
	d, err := clients.Diff(before, after)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, one := range d {
		b, _ := json.Marshal(one.After)
		out = append(out, one.Field+" = "+string(b))
	}
	slices.Sort(out)
	return out
}

func (r *identReal) wantChanged(before map[string]any, id string, want ...string) {
	r.t.Helper()
	slices.Sort(want)
	if got := r.changed(before, r.raw(id)); !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		r.t.Errorf("changed:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// staff makes an identity with a trait of every kind, through plain HTTP.
func (r *identReal) staff(first string) (id string) {
	r.t.Helper()
	var w identWire
	r.must(201, "POST", r.info.AdminURL+"/admin/identities", map[string]any{"schema_id": "staff",
		"traits":          json.RawMessage(`{"email":"` + strings.ToLower(first) + "-" + r.tag + `@ident.example","name":{"first":"` + first + `","last":"Real` + r.tag + `"},"department":"legal","working_hours":38.50,"on_call":true,"skills":["go","sql"],"address":{"city":"Wien","country":"AT"}}`),
		"credentials":     map[string]any{"password": map[string]any{"config": map[string]any{"password": identPassword}}},
		"metadata_public": map[string]any{"theme": "dark"}, "metadata_admin": map[string]any{"ticket": 7, "tags": []any{"a"}}}, &w)
	r.t.Cleanup(func() { r.call("DELETE", r.info.AdminURL+"/admin/identities/"+w.ID, nil, nil) })
	return w.ID
}

// identField moves the focus of a form to the field with that label, and empties it.
func identField(s *tuitest.Term, label string) {
	at := func() string {
		for _, l := range strings.Split(s.Screen(), "\n") {
			if strings.Contains(l, "▸ ") {
				return l
			}
		}
		return ""
	}
	for range 60 {
		line := at()
		if strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "▸ ")), label) {
			return
		}
		s.Press("tab")
		for end := time.Now().Add(30 * time.Second); at() == line && time.Now().Before(end); {
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// identFill types into a field of a form.
func identFill(s *tuitest.Term, label, text string) {
	identField(s, label)
	s.Press("end", "ctrl+u")
	s.Type(text)
}

// save says yes to the question of a form, again while the database is busy.
func (r *identReal) save(s *tuitest.Term, question []string, says ...string) {
	r.t.Helper()
	s.Settle()
	s.Press("ctrl+s")
	s.Want(question...)
	s.Press("esc")
	r.write(s, "ctrl+s", question[0], says...)
}

func TestRealIdentityEditForm(t *testing.T) {
	r := newIdentReal(t)
	id := r.staff("Fay")
	before := r.raw(id)
	s := r.open(screens.NewIdentity(r.spec(), id), 110, 70)
	s.Want("Fay Real"+r.tag, "no sessions")
	s.Press("e")
	s.Want("Edit Fay", "E-mail *", "Office › Desk", "Metadata", `{"theme":"dark"}`)

	// Our own check speaks while one types, at the field.
	identFill(s, "E-mail", "nope")
	s.Want("✗ 'nope' is not valid email")
	identFill(s, "Employee number", "12.5")
	s.Want("✗ must be a whole number")
	s.Press("ctrl+s")
	s.Want("E-mail: 'nope' is not valid email") // and nothing is asked
	r.wantChanged(before, id)

	identFill(s, "E-mail", "fay-"+r.tag+"@ident.example")
	identFill(s, "Last name", "Smith"+r.tag)
	identFill(s, "Employee number", "4711")
	identField(s, "On call")
	s.Press("right") // yes → no
	s.Want("[no]")
	identFill(s, "Joined on", "2026-03-02")
	identFill(s, "3", "rust")
	identFill(s, "4", "c")
	identFill(s, "City", "")
	identFill(s, "Floor", "-2")
	identFill(s, "public", `{"theme":"light","n":[1,2.50]}`)
	r.save(s, []string{"Change Fay Real" + r.tag, "traits/name/last: Real" + r.tag + " → Smith" + r.tag, "metadata_public/theme: dark → light"}, "saved Fay Smith"+r.tag)
	r.wantChanged(before, id, "/traits/name/last = \"Smith"+r.tag+"\"", "/traits/employee_number = 4711", "/traits/on_call = false", `/traits/joined = "2026-03-02"`,
		`/traits/skills = ["go","sql","rust","c"]`, "/traits/address/city = null", `/traits/address/desk = {"floor":-2}`, `/metadata_public/theme = "light"`, "/metadata_public/n = [1,2.5]")

	r.write(s, "u", "Undo: edit Fay", "undone: edit Fay")
	r.wantChanged(before, id)
}

func TestRealIdentityCreateForm(t *testing.T) {
	r := newIdentReal(t)
	spec := r.spec()
	k := spec.Kratos.(*kratos.Client)
	s := r.open(screens.NewIdentities(screens.IdentitiesSpec{Kratos: k, Write: k, Forms: k, Open: func(id string) tui.Screen { return screens.NewIdentity(spec, id) }}), 110, 70)
	s.Want("identities")
	s.Press("n")
	s.Want("A new identity", "schema")
	email := "new-" + r.tag + "@ident.example"
	identFill(s, "E-mail", email) // the schema is chosen afterwards: nothing is lost
	for range 20 {
		if strings.Contains(s.Screen(), "▸ schema") {
			break
		}
		s.Press("shift+tab")
		s.Settle()
	}
	s.Type("s") // the first letter chooses
	s.Want("[staff]", email, "Department *")
	s.Press("ctrl+s")
	s.Want("First name: is needed")
	identFill(s, "First name", "Nia")
	identFill(s, "Last name", "Real"+r.tag)
	identField(s, "Department")
	s.Type("s")
	s.Want("[sales]")
	identFill(s, "password", "x")
	s.Want("must have at least 8 characters")
	identFill(s, "password", identPassword)
	s.WantNot(identPassword)
	identFill(s, "admin", `{"from":"form"}`)
	r.save(s, []string{"Create this identity?", "traits.email = " + email, "a password, hidden", `metadata_admin = {"from":"form"}`}, "Nia Real"+r.tag+" was created", "Ways to sign in")
	s.WantNot(identPassword)
	var found []map[string]any
	r.must(200, "GET", r.info.AdminURL+"/admin/identities?credentials_identifier="+email, nil, &found)
	if len(found) != 1 {
		t.Fatalf("%d identities have the e-mail", len(found))
	}
	id, _ := found[0]["id"].(string)
	t.Cleanup(func() { r.call("DELETE", r.info.AdminURL+"/admin/identities/"+id, nil, nil) })
	got, _ := json.Marshal([]any{found[0]["traits"], found[0]["state"], found[0]["schema_id"], found[0]["metadata_admin"]})
	if want := `[{"department":"sales","email":"` + email + `","name":{"first":"Nia","last":"Real` + r.tag + `"}},"active","staff",{"from":"form"}]`; string(got) != want {
		t.Errorf("the server has %s, want %s", got, want)
	}
	r.login(email) // the password is the one that was typed

	// The name is taken now: the server's refusal leaves all that was typed.
	s.Press("esc")
	s.Want("identities")
	s.Press("n")
	s.Want("A new identity")
	identFill(s, "E-mail", email)
	s.Settle()
	s.Press("ctrl+s")
	s.Want("Create this identity?")
	s.Press("y")
	s.Want("another identity", email)
	s.Press("esc", "y")
	r.write(s, "u", "Undo: create Nia", "undone: create Nia")
	if _, status := r.identity(id); status != 404 {
		t.Errorf("undone, and still there: %d", status)
	}
}

// Without the schema the traits are JSON, and the server says at the field what is wrong.
func TestRealIdentityServerComplains(t *testing.T) {
	r := newIdentReal(t)
	id := r.staff("Gus")
	before := r.raw(id)
	k, err := kratos.New(kratos.Options{AdminURL: r.info.AdminURL, Admin: transport.Options{Timeout: time.Minute}}) // no public URL
	if err != nil {
		t.Fatal(err)
	}
	s := r.open(screens.NewIdentity(screens.IdentitySpec{Kratos: k, Write: k, Edit: k, Recover: k, Forms: k}, id), 120, 50)
	s.Want("Gus Real"+r.tag, "no sessions")
	s.Press("e")
	s.Want("Its traits are JSON here", "traits")
	identFill(s, "traits", `{"email":"nope","department":"legal","name":{"first":"G","last":"R"}}`)
	s.Settle()
	s.Press("ctrl+s")
	s.Want("Change Gus")
	s.Press("y")
	s.Want(`✗ "nope" is not valid "email"`, `{"email":"nope","department":"legal","name":{"first":"G","last":"R"}}`)
	r.wantChanged(before, id)
}

// Somebody else changes the identity while the form is open.
func TestRealIdentityChangedMeanwhile(t *testing.T) {
	r := newIdentReal(t)
	for _, c := range []struct {
		key  string
		want []string
	}{
		{"m", []string{`/traits/department = "sales"`, `/traits/name/first = "Mine"`, "/traits/employee_number = 5"}},
		{"o", []string{`/traits/name/first = "Mine"`}},
		{"t", []string{`/traits/department = "sales"`, `/traits/name/first = "Theirs"`, "/traits/employee_number = 5"}},
	} {
		t.Run(c.key, func(t *testing.T) {
			id := r.staff("Hal" + c.key)
			before := r.raw(id)
			s := r.open(screens.NewIdentity(r.spec(), id), 110, 70)
			s.Want("Hal"+c.key, "no sessions")
			s.Press("e")
			s.Want("Edit Hal")
			r.must(200, "PATCH", r.info.AdminURL+"/admin/identities/"+id, []any{
				map[string]any{"op": "replace", "path": "/traits/department", "value": "sales"}, map[string]any{"op": "add", "path": "/traits/employee_number", "value": 5},
				map[string]any{"op": "replace", "path": "/traits/name/first", "value": "Theirs"}}, nil)
			identFill(s, "First name", "Mine")
			s.Settle()
			r.write(s, "ctrl+s", "Change Hal", "Changed on the server since it was opened", "traits/department  ", "legal → sales", "both changed it", "Which is to be kept?")
			question := "Change Theirs"
			if c.key == "t" {
				question = "Throw your changes away?"
			}
			r.write(s, c.key, question, "Ways to sign in")
			s.WantNot("Which is to be kept?")
			r.wantChanged(before, id, c.want...)
		})
	}
}

// TestRealIdentityEditor edits the JSON with an editor that at first leaves it broken.
func TestRealIdentityEditor(t *testing.T) {
	r := newIdentReal(t)
	id := r.staff("Jo")
	before := r.raw(id)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("VISUAL", "")
	t.Setenv("EDITOR", "")
	s := r.open(screens.NewIdentity(r.spec(), id), 110, 60)
	s.Want("Jo Real"+r.tag, "no sessions")
	s.Press("E")
	s.Want("neither VISUAL nor EDITOR is set")

	log := filepath.Join(t.TempDir(), "log")
	script := filepath.Join(t.TempDir(), "ed.sh")
	if err := os.WriteFile(script, []byte(`#!/bin/sh
ls -l "$1" >> '`+log+`'
if grep -q Broken "$1"; then sed -i 's/"Broken$/"Fixed",/' "$1"; else sed -i 's/"first": "Jo",/"first": "Broken/' "$1"; fi
`), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("EDITOR", "sh "+script)
	s.Press("E")
	s.Want("This cannot be saved", "line 7, column 23", "▸ 7", "Broken")
	s.Press("esc")
	s.Want("What you changed is lost")
	s.Press("esc")
	s.Want("This cannot be saved")
	s.Press("e")
	s.Want("What would change", "traits/name/first  Jo → Fixed")
	r.write(s, "ctrl+s", "Change Jo", "saved Fixed Real"+r.tag)
	r.wantChanged(before, id, `/traits/name/first = "Fixed"`)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files of the editor are left: %v %v", left, err)
	}
	if text, _ := os.ReadFile(log); strings.Count(string(text), "-rw-------") != 2 {
		t.Errorf("the editor saw files that others may read: %s", text)
	}

	// Metadata alone, and the way back.
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho '{\"ticket\": 8}' > \"$1\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	now := r.raw(id)
	s.Press("M")
	s.Want("Which metadata")
	s.Press("down", "enter")
	s.Want("What would change", "metadata_admin/ticket", "7 → 8")
	r.write(s, "ctrl+s", "Change Fixed", "saved Fixed")
	r.wantChanged(now, id, "/metadata_admin/tags = null", "/metadata_admin/ticket = 8")
	r.write(s, "u", "Undo: edit Fixed", "undone: edit Fixed")
	r.wantChanged(now, id)
}
