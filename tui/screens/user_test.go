package screens

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui/tuitest"
)

func TestUserGoldens(t *testing.T) {
	for name, size := range map[string][2]int{"80x24": {80, 24}, "120x40": {120, 40}} {
		r := newUserStub()
		s := tuitest.Open(t, userConsole(r, userOf(r)), tuitest.Size(size[0], size[1]))
		s.Want("locked for 43 s more, after 3 failures", "Credentials", "Ann Okafor")
		s.Golden("user-" + name)
		s.Press("E")
		s.Want("login failed: wrong password", "kept for 7 d")
		s.Golden("user-events-" + name)
		s.Press("esc")
		s.Want("locked for")
		s.Press("e")
		s.Want("Profile of ann", "Department")
		s.Golden("user-edit-" + name)
		s.Press("esc")
		s.Want("locked for")
		r.set(func() { r.denied = true })
		s.Press("ctrl+r")
		s.Want("as of")
	}
	r := newUserStub()
	r.denied = true
	s := tuitest.Open(t, userConsole(r, userOf(r)), tuitest.Size(120, 40))
	s.Want("not visible: needs view-events", "not visible: needs view-users")
	s.Golden("user-denied-120x40")
}

func TestUserSweep(t *testing.T) {
	tuitest.Sweep(t, func() tea.Model { r := newUserStub(); return userConsole(r, userOf(r)) },
		nil, []string{"E"}, []string{"e"}, []string{"A"}, []string{"N"}, []string{"M"}, []string{"D"}, []string{"U"}, []string{"G"}, []string{"E", "enter"})
	tuitest.Sweep(t, func() tea.Model {
		r := newUserStub()
		r.more = append(r.more, keycloak.User{ID: "22222222", Username: strings.Repeat("漢字", 40), Email: "x\x1b[2J@y"})
		return userConsole(r, NewUsers(UsersSpec{Realm: r, Write: r, Open: nil}))
	}, nil, []string{"n"}, []string{"ctrl+a", "d"}, []string{"ctrl+a", "d", "y"}, []string{"ctrl+a", "R"})
}

// TestUserLockIsCountedDown moves the clock; the screen ticks by itself.
func TestUserLockIsCountedDown(t *testing.T) {
	r := newUserStub()
	s := tuitest.Open(t, userConsole(r, userOf(r)), tuitest.Size(120, 40), tuitest.Patience(30*time.Second))
	s.Want("locked for 43 s more, after 3 failures")
	r.set(func() { r.now = r.now.Add(3 * time.Second) })
	s.Want("locked for 40 s more")
	r.set(func() {
		r.now = r.now.Add(time.Minute)
		r.lock = keycloak.LockState{Failures: 3, TemporaryLockouts: 1}
	})
	s.Want("not locked, after 3 failures", "the next failure locks")
}

func TestLockWords(t *testing.T) {
	b := keycloak.BruteForceSettings{Enabled: keycloak.Yes, FailureFactor: 5}
	soon := userNoon.Add(2*time.Minute + 5*time.Second)
	for want, c := range map[string]struct {
		l keycloak.LockState
		b keycloak.BruteForceSettings
	}{
		"✗ locked for good, after 7 failures|U enables the account again":                                                {keycloak.LockState{Locked: true, Permanent: true, Failures: 7}, b},
		"✗ locked for 2 min 5 s more, after 5 failures|U unlocks":                                                        {keycloak.LockState{Locked: true, Until: soon, Failures: 5}, b},
		"✗ locked for 2 min 5 s more, after 2 failures|the tries came too quickly after each other; U unlocks":           {keycloak.LockState{Locked: true, Until: soon, Failures: 2}, b},
		"✓ the lock is just over, after 5 failures|U forgets the failures":                                               {keycloak.LockState{Locked: true, Until: userNoon, Failures: 5}, b},
		"✓ not locked, after 3 failures|2 more failures lock":                                                            {keycloak.LockState{Failures: 3}, b},
		"✓ not locked, after 4 failures|1 more failure locks for good":                                                   {keycloak.LockState{Failures: 4}, keycloak.BruteForceSettings{Enabled: keycloak.Yes, FailureFactor: 5, Permanent: keycloak.Yes}},
		"✓ not locked, after 5 failures|the next failure locks; 1 of 2 temporary locks are used up, then it is for good": {keycloak.LockState{Failures: 5, TemporaryLockouts: 1}, keycloak.BruteForceSettings{Enabled: keycloak.Yes, FailureFactor: 5, Permanent: keycloak.Yes, MaxTemporaryLocks: 2}},
		"✓ not locked|": {keycloak.LockState{}, keycloak.BruteForceSettings{}},
		"not protected|this realm locks nobody, however often a password is wrong": {keycloak.LockState{}, keycloak.BruteForceSettings{Enabled: keycloak.No}},
	} {
		text, note, _ := lockWords(c.l, c.b, userNoon)
		if got := text + "|" + note; got != want {
			t.Errorf("%+v\n got %s\nwant %s", c.l, got, want)
		}
	}
}

// userDo presses keys on ann's screen, agrees to what is asked, and gives what was
// written.
func userDo(t *testing.T, r *userStub, said string, keys ...string) (*tuitest.Term, []string) {
	t.Helper()
	s := tuitest.Open(t, userConsole(r, userOf(r)), tuitest.Size(120, 44))
	s.Want("Ann Okafor", "Identity providers", "okta", "locked for")
	s.Press(keys...)
	s.Want("esc cancel")
	if len(r.written()) > 0 {
		t.Errorf("%v was written before the answer", r.written())
	}
	s.Press("y")
	s.Want(said)
	return s, r.written()
}

func down(n int) []string {
	out := []string{"g"}
	for range n {
		out = append(out, "j")
	}
	return out
}

func TestUserWritesByKeys(t *testing.T) {
	for _, c := range []struct {
		name, said string
		keys       []string
		wrote      string
		undo       string // what taking back writes; empty where it cannot be
		before     func(*userStub)
	}{
		{"disable", "ann is disabled", []string{"d"}, "update 1 enabled=false ", "update 1 enabled=true ", nil},
		{"enable", "ann is enabled", []string{"a"}, "update 1 enabled=true ", "update 1 enabled=false ", func(r *userStub) { r.user.Enabled = false }},
		{"unlock", "ann is unlocked", []string{"U"}, "unlock", "", nil},
		{"verify", "is marked as verified", []string{"v"}, "update 1 verified=true ", "update 1 verified=false ", nil},
		{"drop action", "the required actions are changed", append(down(4), "x"), "update 1 actions=[] ", "update 1 actions=[VERIFY_EMAIL] ", nil},
		{"delete credential", "the authenticator app is deleted", append(down(11), "x"), "delete credential c2", "", nil},
		{"leave", "ann is no longer in /staff/eng", append(down(12), "x"), "leave g1", "join g1", nil},
		{"end", "session s1 is ended", append(down(15), "x"), "end s1 offline=false", "", nil},
		{"end offline", "session s2 is ended", append(down(16), "x"), "end s2 offline=true", "", nil},
		{"revoke", "the consent to reporting is revoked", append(down(17), "x"), "revoke reporting", "", nil},
		{"unlink", "okta is unlinked", append(down(18), "x"), "unlink okta", "link okta", nil},
		{"log out", "ann is logged out everywhere", []string{"l"}, "log out", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newUserStub()
			if c.before != nil {
				c.before(r)
			}
			s, wrote := userDo(t, r, c.said, c.keys...)
			if !slices.Equal(wrote, []string{c.wrote}) {
				t.Fatalf("wrote %q, want %q", wrote, c.wrote)
			}
			s.Press("u")
			if c.undo == "" {
				s.Want("nothing to undo")
				return
			}
			s.Want("Undo:", "esc cancel")
			s.Press("y")
			s.Want("undone:")
			if got := r.written(); !slices.Equal(got, []string{c.wrote, c.undo}) {
				t.Errorf("undo wrote %q", got)
			}
		})
	}
}

func TestUserUndoRefusesWhatSomebodyElseChanged(t *testing.T) {
	r := newUserStub()
	s, _ := userDo(t, r, "ann is disabled", "d")
	r.set(func() { r.user.Enabled = true })
	s.Press("u")
	s.Want("Undo:")
	s.Press("y")
	s.Want("somebody changed this since")
	if got := r.written(); len(got) != 1 {
		t.Errorf("%v was written", got)
	}
}

func TestUserRequiredActionsArePicked(t *testing.T) {
	r := newUserStub()
	s := tuitest.Open(t, userConsole(r, userOf(r)), tuitest.Size(120, 44))
	s.Want("Ann Okafor", "locked for")
	s.Press("A")
	s.Want("What must ann do", "Update Password", "Verify Email")
	s.Press("down", "tab", "down", "tab", "enter") // UPDATE_PASSWORD on, VERIFY_EMAIL off
	s.Want("- VERIFY_EMAIL (verify the e-mail address)", "+ UPDATE_PASSWORD (set a new password)")
	s.Press("y")
	s.Want("the required actions are changed")
	if got := r.written(); !slices.Equal(got, []string{"update 1 actions=[UPDATE_PASSWORD] "}) {
		t.Errorf("wrote %q", got)
	}
}

func TestUserPasswordIsNeverShown(t *testing.T) {
	const canary = "canary-Phrase-77"
	r := newUserStub()
	s := tuitest.Open(t, userConsole(r, userOf(r)), tuitest.Size(120, 44))
	s.Want("Ann Okafor", "locked for")
	s.Press("N")
	s.Want("A new password for ann")
	s.Type(canary)
	s.Press("tab")
	s.Type(canary + "x")
	s.Press("ctrl+s")
	s.Want("the two passwords differ")
	s.Press("backspace")
	s.WantNot("canary")
	s.Press("ctrl+s")
	s.Want("Give ann this password?", "UPDATE_PASSWORD")
	s.WantNot("canary")
	s.Press("y")
	s.Want("the new password of ann is set")
	s.WantNot("canary")
	if got := r.written(); !slices.Equal(got, []string{"password of 16 characters, temporary=true"}) {
		t.Errorf("wrote %q", got)
	}
	r.set(func() {
		r.refuse = &clients.Problem{Kind: clients.Invalid, Op: "reset the password", Reason: "the password policy refuses it: minimum length 12."}
	})
	s.Press("N")
	s.Want("A new password for ann")
	s.Type("short")
	s.Press("tab")
	s.Type("short")
	s.Press("ctrl+s")
	s.Want("Give ann this password?")
	s.Press("y")
	s.Want("minimum length 12", "A new password for ann")
}

// field moves through a form to the n-th field and empties it.
func retype(s *tuitest.Term, n int, text string) {
	for range n {
		s.Press("tab")
	}
	s.Press("ctrl+u")
	s.Type(text)
}

func TestUserEdit(t *testing.T) {
	r := newUserStub()
	s := tuitest.Open(t, userConsole(r, userOf(r)), tuitest.Size(120, 44))
	s.Want("Ann Okafor", "locked for")
	s.Press("e")
	s.Want("Profile of ann", "finance", "+44 1; +44 2")
	s.Press("ctrl+s")
	s.Want("nothing is different")
	retype(s, 3, "Smith")
	retype(s, 2, "sales")
	retype(s, 1, "+44 3")
	retype(s, 1, "desk=7")
	s.Press("ctrl+s")
	s.Want("- lastName: Okafor", "+ lastName: Smith", "- department: finance", "+ department: sales", "- phone: +44 1; +44 2", "+ phone: +44 3", "+ desk: 7")
	s.Press("y")
	s.Want("ann is changed")
	if got := r.written(); !slices.Equal(got, []string{"update 1 last=Smith attributes=map[department:[sales] desk:[7] phone:[+44 3]] "}) {
		t.Fatalf("wrote %q", got)
	}
	s.Press("u")
	s.Want("Undo: edit ann?", "+ lastName: Okafor", "- desk: 7")
	s.Press("y")
	s.Want("undone")
	if got := r.written()[1]; got != "update 1 last=Okafor attributes=map[department:[finance] desk:[] phone:[+44 1 +44 2]] " {
		t.Errorf("undo wrote %q", got)
	}
}

func TestUserEditRefusesToOverwriteAndShowsComplaints(t *testing.T) {
	r := newUserStub()
	s := tuitest.Open(t, userConsole(r, userOf(r)), tuitest.Size(120, 44))
	s.Want("Ann Okafor", "locked for")
	s.Press("e")
	s.Want("Profile of ann")
	retype(s, 3, "Smith")
	r.set(func() { r.user.LastName = "Meanwhile" })
	s.Press("ctrl+s")
	s.Want("+ lastName: Smith")
	s.Press("y")
	s.Want("somebody changed the last name meanwhile")
	if got := r.written(); len(got) > 0 {
		t.Errorf("%v was written over somebody else's change", got)
	}
	r.set(func() {
		r.user.LastName = "Okafor"
		r.refuse = &clients.Problem{Kind: clients.Invalid, Op: "update the user", Reason: "error-invalid-length", Fields: []clients.Field{{Path: "lastName", Message: "error-invalid-length"}}}
	})
	s.Press("ctrl+s")
	s.Want("+ lastName: Smith")
	s.Press("y")
	s.Want("has the wrong length", "Profile of ann")
}

func TestUserDeleteNeedsTheName(t *testing.T) {
	r := newUserStub()
	s := tuitest.Open(t, userConsole(r, userOf(r)), tuitest.Size(120, 44))
	s.Want("Ann Okafor", "locked for")
	s.Press("D")
	s.Want("This cannot be undone", "type ann to delete")
	s.Type("bob")
	s.Press("enter")
	s.Want("that is not ann")
	s.Press("ctrl+u")
	s.Type("ann")
	s.Press("enter")
	s.Want("ann is deleted", "this is what it was")
	if got := r.written(); !slices.Equal(got, []string{"delete 1"}) {
		t.Errorf("wrote %q", got)
	}
}

func TestUserEventsSwitch(t *testing.T) {
	r := newUserStub()
	r.config, r.events = keycloak.EventsConfig{}, nil
	s := tuitest.Open(t, userConsole(r, userOf(r)), tuitest.Size(120, 44))
	s.Want("this realm keeps no events, neither of logins nor of administrators; E offers the switch")
	s.Press("E")
	s.Want("Nothing is stored about ann", "O switches it on")
	s.Press("O")
	s.Want("Keep events from now on?", "+ events of logins", "+ events of administrators", "it concerns everybody in it", "never deleted")
	s.Press("y")
	s.Want("the realm keeps events from now on", "kept for ever")
	s.Press("O")
	s.Want("keeps the events of logins and of administrators already")
	s.Press("u")
	s.Want("Undo: switch the events on?")
	s.Press("y")
	s.Want("undone")
	if got := r.written(); !slices.Equal(got, []string{"events login=true admin=true", "events login=false admin=false"}) {
		t.Errorf("wrote %q", got)
	}
}

func usersList(t *testing.T, r *userStub) *tuitest.Term {
	for i := range 4 {
		r.more = append(r.more, keycloak.User{ID: fmt.Sprintf("%d2222222-2222-3333-4444-555555555555", i+2), Username: fmt.Sprintf("user%d", i), Enabled: i > 0})
	}
	s := tuitest.Open(t, userConsole(r, NewUsers(UsersSpec{Realm: r, Write: r})), tuitest.Size(120, 40))
	s.Want("user3", "ann")
	return s
}

func TestUsersInBulk(t *testing.T) {
	r := newUserStub()
	s := usersList(t, r)
	s.Press("ctrl+a", "d")
	s.Want("Disable 4 users?", "enabled = false, for", "user0 (2222…55): is disabled already")
	s.Press("y")
	s.Want("4 users disabled", "left out")
	got := r.written()
	slices.Sort(got)
	if want := []string{"update 1 enabled=false ", "update 3 enabled=false ", "update 4 enabled=false ", "update 5 enabled=false "}; !slices.Equal(got, want) {
		t.Fatalf("wrote %q", got)
	}
	s.Press("u")
	s.Want("Undo: disable 4 users?")
	s.Press("y")
	s.Want("4 users as before")
	if got := r.written(); len(got) != 8 || got[7] != strings.Replace(got[7], "false", "true", 1) {
		t.Errorf("undo wrote %q", got)
	}
	s.Press("esc")
	s.Press("esc")
	s.Want("users Learning")

	s.Press("A")
	s.Want("What must 5 users do")
	s.Press("tab", "enter")
	s.Want("Change what 5 users must do", "+ UPDATE_PASSWORD")
	s.Press("y")
	s.Want("5 users told")
	s.Press("esc")
	s.Press("M")
	s.Want("Which group should 5 users join?", "/staff/ops")
	s.Press("down", "down", "enter")
	s.Want("Make 5 users members of /staff/ops?")
	s.Press("y")
	s.Want("5 users in the group")
	s.Press("esc")
	s.Press("R")
	s.Want("A role of the realm, or of which client?", "flaskClient")
	s.Press("down", "enter")
	s.Want("Which role should 5 users get?", "student")
	s.Press("enter")
	s.Want("Grant flaskClient:admin to 5 users?")
	s.Press("y")
	s.Want("5 users granted")
	s.Press("esc")
	s.Press("l")
	s.Want("Log out 5 users?", "This cannot be undone")
	s.Press("y")
	s.Want("5 users logged out")
	s.Press("esc")
	s.Press("D")
	s.Want("Delete 5 users?", "This cannot be undone")
	s.Press("y")
	s.Want("5 users deleted")
}

func TestUsersMakeOne(t *testing.T) {
	r := newUserStub()
	s := usersList(t, r)
	s.Press("n")
	s.Want("A new user of realm Learning", "Groups")
	s.Type("eve")
	s.Press("tab")
	s.Type("eve@acme.example")
	s.Press("ctrl+s")
	s.Want("Make this user?", "+ user name: eve", "+ e-mail: eve@acme.example", "It gets no password")
	s.Press("y")
	s.Want("eve is made")
	if got := r.written(); !slices.Equal(got, []string{"create eve eve@acme.example groups=[] password=false temporary=false"}) {
		t.Errorf("wrote %q", got)
	}
	s.Press("u")
	s.Want("Undo: make eve?", "for good")
	s.Press("y")
	s.Want("undone")
	if got := r.written(); got[len(got)-1] != "delete 9" {
		t.Errorf("undo wrote %q", got)
	}
	r.set(func() {
		r.refuse = &clients.Problem{Kind: clients.Conflict, Op: "create the user", Reason: "User exists with same username"}
	})
	s.Press("n")
	s.Want("A new user of realm Learning")
	s.Type("ann")
	s.Press("ctrl+s")
	s.Want("Make this user?")
	s.Press("y")
	s.Want("another user has it")
}

func TestAttributeValues(t *testing.T) {
	for _, values := range [][]string{{"a"}, {"a", "b"}, {"a;b", "c"}, {" blank "}, {"[x"}, {""}, nil} {
		text := valuesText(values)
		got, err := textValues(text, false)
		if err != nil || !slices.Equal(got, values) {
			t.Errorf("%q became %q and then %q: %v", values, text, got, err)
		}
	}
	if got, err := textValues("a; b", true); err != nil || !slices.Equal(got, []string{"a; b"}) {
		t.Errorf("a single value became %q: %v", got, err)
	}
	if _, err := textValues("[1]", false); err == nil {
		t.Error("numbers are no values of attributes")
	}
}
