package screens

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// identList is the list over a stub, with the details behind it.
func identList(k *identKratosStub, options ...func(*tui.Options)) *tui.App {
	return identApp(NewIdentities(IdentitiesSpec{Kratos: k, Write: k, Open: func(id string) tui.Screen {
		return NewIdentity(IdentitySpec{Kratos: k, Write: k, Edit: k, Recover: k}, id)
	}}), options...)
}

func TestIdentitiesList(t *testing.T) {
	k, _, _ := identStubs()
	s := tuitest.Open(t, identList(k), tuitest.Size(120, 24))
	s.Want("identities", "Ann Okafor", "Ann@acme.example", "✓ active", "Bo Okabe", "✗ suspended", "staff", "2 Mar 2026")

	// The filter looks at all traits, also at those that have no column.
	s.Press("/")
	s.Type("consolidation")
	s.Want("1 of 2", "Ann Okafor")
	s.WantNot("Bo Okabe")
	s.Press("enter", "enter")
	s.Want("Traits", "employee_number") // the detail
	s.Press("esc")
	s.Want("identities", `1 match "consolidation"`) // back where it was
}

func TestIdentitiesSearchAsksExactThenPrefix(t *testing.T) {
	k, _, _ := identStubs()
	s := tuitest.Open(t, identList(k))
	s.Want("Ann Okafor")
	s.Press("f")
	s.Type("bo@")
	s.Press("enter")
	s.Want(`found for "bo@"`, "Bo Okabe")
	s.WantNot("Ann Okafor")
	if got := strings.Join(k.calls[len(k.calls)-2:], ", "); got != "FindExact bo@, FindPrefix bo@" {
		t.Errorf("the server was asked %q", got)
	}
	s.Press("f", "ctrl+u")
	s.Type(identAnn)
	s.Press("enter")
	s.Want("Ann Okafor")
	s.WantNot("Bo Okabe")
	if k.called("Get") != 1 {
		t.Errorf("a whole id is read, not searched: %v", k.calls)
	}
	s.Press("f", "ctrl+u")
	s.Type("99999999-1111-4222-8333-444455556699")
	s.Press("enter")
	s.Want("The server finds nothing")
}

func TestIdentitiesSuspendMarkedAndUndo(t *testing.T) {
	k, _, _ := identStubs()
	k.people = append(k.people, identPerson("c0c00a2e-1111-4222-8333-4444555566e4", "Carla", "Ferri", "carla@acme.example"))
	s := tuitest.Open(t, identList(k))
	s.Want("Carla Ferri")
	s.Press("space", "space", "space", "d") // Bo is suspended already
	s.Want("Suspend 2 people?", "state = inactive, and all sessions ended", "Ann Okafor <Ann@acme.example> (8f1c…e2)", "Carla Ferri", "do not come back")
	s.Want("left out:", "Bo Okabe <bo@acme.example>")
	s.Press("y")
	s.Want("2 people suspended", "2 of 2 suspended", "1 left out", "1 session ended", "suspended already")
	if n := k.called("Suspend"); n != 2 {
		t.Errorf("%d people were suspended, 2 were asked for: %v", n, k.calls)
	}
	s.Press("esc")
	s.Want("identities", "Bo Okabe", "✗ suspended")
	s.Press("u")
	s.Want("Undo: suspend 2 people?", "state = active", "do not come back")
	s.Press("y")
	s.Want("2 people as before")
	for _, p := range k.people {
		if want := p.ID != identBo; (p.State == kratos.Active) != want {
			t.Errorf("%s is %s after the undo", p.ID, p.State)
		}
	}
}

func TestIdentitiesUndoRefusesWhatSomebodyChanged(t *testing.T) {
	k, _, _ := identStubs()
	s := tuitest.Open(t, identList(k))
	s.Want("Ann Okafor")
	s.Press("d", "y")
	s.Want("Ann Okafor suspended")
	k.mu.Lock()
	k.people[0].Traits = []byte(`{"email":"else@acme.example"}`)
	k.mu.Unlock()
	s.Press("u", "y")
	s.Want("somebody changed it since it was read")
}

func TestIdentitiesOneFailureOfSeveral(t *testing.T) {
	k, _, _ := identStubs()
	k.people[1].State = kratos.Active
	s := tuitest.Open(t, identList(k))
	s.Want("Bo Okabe")
	k.mu.Lock()
	k.people[1].ID = "deadbeef-1111-4222-8333-4444555566e3" // gone by the time it is written
	k.mu.Unlock()
	s.Press("space", "space", "d", "y")
	s.Want("1 person suspended, 1 failed", "1 of 2 suspended", "there is no such identity")
	s.Press("esc")
	s.Want("identities", "✗ suspended")
}

func TestIdentitiesSignOutManyNeedsTheNumber(t *testing.T) {
	k := &identKratosStub{pageSize: 50, sessions: map[string][]kratos.Session{}}
	for i := range 12 {
		id := fmt.Sprintf("%08d-1111-4222-8333-4444555566e3", i)
		k.people = append(k.people, identPerson(id, "P", fmt.Sprint(i), fmt.Sprintf("p%d@x.example", i)))
		k.sessions[id] = []kratos.Session{identSession(id, true, 1)}
	}
	s := tuitest.Open(t, identList(k))
	s.Want("p11@x.example")
	s.Press("ctrl+a", "o")
	s.Want("Sign 12 people out everywhere?", "This cannot be undone", "type 12")
	s.Type("11")
	s.Press("enter")
	s.Want("that is not 12")
	if k.called("EndSessions") > 0 {
		t.Fatal("it was done without the number")
	}
	s.Press("ctrl+u")
	s.Type("12")
	s.Press("enter")
	s.Want("12 people signed out everywhere", "12 of 12 signed out everywhere", "1 session ended")
}

func TestIdentitiesReadOnlyAndWithoutWriter(t *testing.T) {
	k, _, _ := identStubs()
	s := tuitest.Open(t, identList(k, func(o *tui.Options) { o.ReadOnly = true }))
	s.Want("Ann Okafor")
	s.Press("d")
	s.Want("read-only: context dev may not be changed from here")
	s = tuitest.Open(t, identApp(NewIdentities(IdentitiesSpec{Kratos: k})))
	s.Want("Ann Okafor")
	s.WantNot("suspend ")
	if k.called("Suspend") > 0 {
		t.Error("a read-only console wrote")
	}
}

func TestIdentitiesExport(t *testing.T) {
	k, _, _ := identStubs()
	t.Chdir(t.TempDir())
	s := tuitest.Open(t, identList(k))
	s.Want("Ann Okafor")
	s.Press("E")
	s.Want("JSON")
	s.Type("json")
	s.Press("enter")
	s.Want("wrote 2 rows")
	files, _ := filepath.Glob("*.json")
	if len(files) != 1 {
		t.Fatalf("files: %v", files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{identAnn, `"employee_number":1001`, `"state":"inactive"`, `"schema_id":"staff"`} {
		if !strings.Contains(strings.ReplaceAll(string(text), `": `, `":`), want) {
			t.Errorf("the export lacks %s:\n%s", want, text)
		}
	}
}

func TestIdentitiesStates(t *testing.T) {
	t.Run("empty", func(t *testing.T) {
		tuitest.Open(t, identList(&identKratosStub{pageSize: 2})).Want("Nobody has an identity yet")
	})
	t.Run("loading", func(t *testing.T) {
		s := tuitest.Open(t, identList(&identKratosStub{hold: map[string]bool{"List": true}}))
		s.Want("reading…")
		s.Press("esc")
		s.Want("Stopped before anything was read")
	})
	t.Run("offline, then back", func(t *testing.T) {
		k, _, _ := identStubs()
		k.setFail("List", errKratosDown)
		s := tuitest.Open(t, identList(k))
		s.Want("○", "nothing listens at 127.0.0.1:4434", "tries again")
		k.setFail("List", nil)
		s.Press("ctrl+r")
		s.Want("Ann Okafor")
		k.setFail("List", errKratosDown)
		s.Press("ctrl+r")
		s.Want("stale", "Ann Okafor") // what is known stays
	})
	t.Run("denied", func(t *testing.T) {
		tuitest.Open(t, identList(&identKratosStub{fail: map[string]error{"List": &clients.Problem{Kind: clients.Denied, Op: "list identities", Reason: "the gateway says no"}}})).
			Want("✗", "the gateway says no")
	})
}

// A hundred thousand identities stream in and can be filtered while they do.
func TestIdentitiesHuge(t *testing.T) {
	k := &identKratosStub{pageSize: 500}
	for i := range 100_000 {
		k.people = append(k.people, identPerson(fmt.Sprintf("%08x-1111-4222-8333-4444555566e3", i), "P", fmt.Sprintf("Number%d", i), fmt.Sprintf("p%d@x.example", i)))
	}
	s := tuitest.Open(t, identList(k), tuitest.Patience(2*time.Minute))
	s.Want("of about 100,000 read")
	s.Want("identities   100,000")
	s.Press("/")
	s.Type("number99999")
	s.Want("1 of 100,000", "p99999@x.example")
}

func TestIdentitiesHostile(t *testing.T) {
	k := &identKratosStub{pageSize: 10, people: []kratos.Identity{identHostile()}}
	for _, size := range [][2]int{{100, 24}, {200, 50}} {
		s := tuitest.Open(t, identList(k), tuitest.Size(size[0], size[1]))
		s.Want("identities", "✓ active")
		if screen := s.Styled(); strings.Contains(screen, "\x1b]8;;https://evil") || strings.Contains(screen, "\x1b]0;") || strings.Contains(screen, "\u202e") {
			t.Errorf("a string of the server reached the terminal as it is:\n%q", screen)
		}
	}
}

// identHostile tries to rule the terminal it is shown on.
func identHostile() kratos.Identity {
	evil := "\x1b[31mMal\x1b]0;owned\a\x1b]8;;https://evil.example/\aclick\x1b]8;;\a\u202egnp\u0000\r\n" + strings.Repeat("x", 200_000)
	i := identPerson(identAnn, evil, evil, "a@b.example")
	i.SchemaID = evil
	i.Addresses = append(i.Addresses, kratos.Address{Value: evil, Via: evil, Status: evil})
	i.Credentials = append(i.Credentials, kratos.Credential{Type: evil, Identifiers: []string{evil}})
	i.MetadataAdmin = fmt.Appendf(nil, "{%q:%q}", "key\\u001b[2J", "v")
	return i
}

func TestIdentitiesSweep(t *testing.T) {
	tuitest.Sweep(t, func() tea.Model {
		k, _, _ := identStubs()
		k.people = append(k.people, identHostile())
		return identList(k)
	}, nil, []string{"/", "a"}, []string{"space", "d"}, []string{"f", "b", "o", "enter"})
}

// What the generic list is worth: this file of a list screen has under 60 lines.
func TestIdentitiesFileIsShort(t *testing.T) {
	src, err := os.ReadFile("identities.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(src), "\n"); n >= 60 {
		t.Errorf("identities.go has %d lines, it should show that a list screen takes fewer than 60", n)
	}
}

// Rows are made of what a list without credentials answers too.
func TestIdentityRowNames(t *testing.T) {
	for _, c := range []struct{ traits, name, email, title string }{
		{`{"email":"a@b","name":{"first":"Ann","last":"Okafor"}}`, "Ann Okafor", "a@b", "Ann Okafor"},
		{`{"username":"ann"}`, "ann", "", "ann"},
		{`{"email":"a@b"}`, "", "a@b", "a@b"},
		{`{}`, "", "", "8f1c…e2"},
		{`null`, "", "", "8f1c…e2"},
	} {
		r := identityRow(kratos.Identity{ID: identAnn, Traits: []byte(c.traits)})
		if r.Name != c.name || r.Email != c.email || r.title() != c.title {
			t.Errorf("%s: name %q, e-mail %q, title %q", c.traits, r.Name, r.Email, r.title())
		}
	}
}
