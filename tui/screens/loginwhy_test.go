package screens

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// loginStub is a realm in which causes fail until their fixes are applied.
type loginStub struct {
	mu      sync.Mutex
	causes  []login.Check
	fail    error
	applied []string
	inputs  map[string]string
	gate    chan struct{} // holds the whole answer back
}

func (k *loginStub) why(ctx context.Context, a login.Asked, first func(login.Trace)) (login.Trace, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return login.Trace{}, k.fail
	}
	t := login.Trace{Trace: access.Trace{Question: a.Question(), Verdict: access.Allowed, Summary: "Yes: nothing on the server keeps them out."}}
	for _, c := range append([]login.Check{{Code: login.RealmDisabled, State: login.Pass, Stops: login.StopsLogin, Evidence: "the realm is enabled"}}, k.causes...) {
		if c.State == login.Fail && slices.Contains(k.applied, string(c.Code)) {
			c.State, c.Saw, c.Fixes = login.Pass, "", nil
		}
		t.Checks = append(t.Checks, c)
		switch {
		case c.State == login.Fail && t.Verdict != access.Denied:
			t.Verdict, t.Summary, t.Saw, t.Hint, t.Fixes = access.Denied, c.Evidence, c.Saw, c.Hint, c.Fixes
		case c.State == login.Fail:
			t.Then = append(t.Then, c.Code)
		case c.State == login.Unknown && t.Verdict == access.Allowed:
			t.Verdict, t.Summary = access.Unknown, "It cannot be told whether they get in: "+c.Evidence
		}
	}
	first(t)
	if k.gate != nil {
		select {
		case <-k.gate:
		case <-ctx.Done():
			return t, ctx.Err()
		}
	}
	return t, nil
}

func (k *loginStub) apply(_ context.Context, _ login.Asked, f login.Fix, in map[string]string) (LoginFixed, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.inputs = in
	before := slices.Clone(k.applied)
	for _, w := range f.Writes {
		k.applied = append(k.applied, w.Name)
	}
	return LoginFixed{Changed: len(f.Writes), Undo: func(context.Context) error {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.applied = before
		return nil
	}}, nil
}

// failing is a cause with its fixes; each writes the name of the cause.
func failing(code login.Code, says, saw string, fixes ...string) login.Check {
	c := login.Check{Code: code, State: login.Fail, Stops: code.Stops(), Evidence: says, Saw: saw}
	for _, f := range fixes {
		c.Fixes = append(c.Fixes, login.Fix{Code: code, Summary: f, Writes: []login.Write{{Op: login.OpUnlock, User: "farah", Name: string(code)}}})
	}
	return c
}

func farah() *loginStub {
	return &loginStub{causes: []login.Check{
		failing(login.LockedTemporarily, "farah is locked for another 4 minutes, after 5 wrong passwords.", `the login page said "Invalid username or password."`, "unlock farah", "wait 4 minutes"),
		failing(login.RequiredAction, "farah must choose a new password.", "a page asks for a new password", "take the action off farah"),
		{Code: login.EmailUnverified, State: login.Unknown, Stops: login.StopsLogin, Evidence: "the account could not be read", Needs: "view-users"},
	}}
}

func (k *loginStub) screen(a login.Asked) *LoginWhy {
	return NewLoginWhy(LoginWhySpec{Asked: a, Why: k.why, Apply: k.apply,
		Complete: func(_ context.Context, _ login.Asked, field, _ string) ([]string, error) {
			return map[string][]string{"client": {"flaskClient", "learningPortal"}, "user": {"ben", "farah"}}[field], nil
		},
		Roles: func(login.Asked) tui.Screen { return tui.NewFields("roles") }})
}

var farahAsks = login.Asked{Realm: "LearningSoftware", User: "farah", Client: "learningPortal"}

func TestLoginWhyNamesTheFirstCauseFixesAndUndoes(t *testing.T) {
	for name, size := range map[string][2]int{"80x24": {80, 24}, "120x40": {120, 40}} {
		t.Run(name, func(t *testing.T) {
			k := farah()
			s := tuitest.Open(t, consoleOn(k.screen(farahAsks)), tuitest.Size(size[0], size[1]))
			s.Want("✗ DENIED", "locked for another 4 minutes", "They saw: the login page said", "After that they will meet:", "our account lacks view-users", "Fixes", "cures all 2 causes")
			s.Golden("login-why-" + name)
			s.Press("2")
			s.Want("Apply this fix?", "wait 4 minutes")
			s.Press("esc")
			s.Press("1")
			s.Want("Apply this fix?", "unlock farah")
			s.Press("y")
			s.Want("u undoes it", "must choose a new password")
			s.Press("u")
			s.Want("Undo", "unlock farah")
			s.Press("y")
			s.Want("locked for another 4 minutes")
			s.Press("a")
			s.Want("unlock farah, then take the action off farah")
			s.Press("y")
			s.Want("? COULD NOT TELL", "the account could not be read") // what is not seen is never a yes
		})
	}
}

func TestLoginWhyShowsTheFirstVerdictAtOnce(t *testing.T) {
	k := &loginStub{gate: make(chan struct{})}
	s := tuitest.Open(t, consoleOn(k.screen(farahAsks)), tuitest.Size(110, 24))
	s.Want("? COULD NOT TELL", "Nothing stands in the way so far", "the rest is still read")
	s.Press("enter")
	s.Want("the answer is not whole yet")
	close(k.gate)
	s.Want("✓ ALLOWED", "nothing on the server keeps them out")
	s.WantNot("still read")
}

func TestLoginWhyWithoutAnAnswerIsNotNo(t *testing.T) {
	k := farah()
	k.fail = &clients.Problem{Kind: clients.Unreachable, Op: "explain the login", Reason: "keycloak refused the connection", Hint: "r asks again"}
	s := tuitest.Open(t, consoleOn(k.screen(farahAsks)), tuitest.Size(110, 24))
	s.Want("? COULD NOT TELL", "keycloak refused the connection")
	s.WantNot("DENIED")
	set := func(err error) { k.mu.Lock(); k.fail = err; k.mu.Unlock() }
	set(nil)
	s.Press("r")
	s.Want("✗ DENIED", "Fixes")
	set(&clients.Problem{Kind: clients.Unreachable, Op: "explain the login", Reason: "keycloak is gone"})
	s.Press("r")
	s.Want("? COULD NOT TELL", "keycloak is gone", "This was the answer")
	s.Press("enter")
	s.Want("ask again first")
}

func TestLoginWhyAsksForWhatTheQuestionLacks(t *testing.T) {
	k := farah()
	w := tuitest.Open(t, consoleOn(k.screen(login.Asked{Realm: "LearningSoftware", User: "farah"})), tuitest.Size(110, 34))
	w.Want("Why does somebody not get in", "Client", "farah")
	w.Press("ctrl+s")
	w.Want("is needed")
	w.Press("ctrl+n")
	w.Type("learningPortal")
	w.Press("ctrl+s")
	w.Want("✗ DENIED", "may farah log in to learningPortal")
	w.Press("e")
	w.Want("Why does somebody not get in")
}

func TestLoginWhyRoleOfTheForm(t *testing.T) {
	for text, want := range map[string]login.Asked{
		"":           {},
		"admin":      {Role: "admin"},
		"realm:x":    {RealmRole: "x"},
		"other:edit": {RoleClient: "other", Role: "edit"},
	} {
		if got := typedLogin(login.Asked{Role: "old", RoleClient: "c", RealmRole: "r"}, map[string]string{"role": text}); got != want {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func TestLoginWhyAsksForInputs(t *testing.T) {
	k := &loginStub{causes: []login.Check{failing(login.NoPassword, "farah has no password.", "", "set a password")}}
	k.causes[0].Fixes[0].Writes[0].Input = "password"
	s := tuitest.Open(t, consoleOn(k.screen(farahAsks)), tuitest.Size(110, 30))
	s.Want("✗ DENIED", "Fixes")
	s.Press("enter")
	s.Want("set a password", "password *")
	s.Type("hunter2")
	s.Press("ctrl+s")
	s.Want("Apply this fix?")
	s.WantNot("hunter2")
	s.Press("y")
	s.Want("✓ ALLOWED", "u undoes it")
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.inputs["password"] != "hunter2" {
		t.Errorf("the fix got %q", k.inputs)
	}
}

func TestSweepOfLoginWhy(t *testing.T) {
	hostile := strings.Repeat("\x1b[31m\u202eevil\u0000 漢字 ", 20)
	k := &loginStub{causes: []login.Check{failing(login.UserDisabled, hostile, hostile, hostile, hostile), failing("made_up", hostile, hostile, hostile)}}
	a := login.Asked{Realm: "r", User: hostile, Client: hostile}
	tuitest.Sweep(t, func() tea.Model { return consoleOn(k.screen(a)) })
}
