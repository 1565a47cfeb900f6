package screens

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// identOpen opens Ann (or whoever has the id) on an emulated terminal.
func identOpen(t *testing.T, spec IdentitySpec, id string, w, h int, options ...func(*tui.Options)) *tuitest.Term {
	t.Helper()
	return tuitest.Open(t, identApp(NewIdentity(spec, id), options...), tuitest.Size(w, h))
}

// The answer first, then everything about the person, from three places.
func TestIdentityGoldens(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 45}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			s := identOpen(t, identSpec(identStubs()), identAnn, size[0], size[1])
			s.Want("1 session, last", "4 tuples", "ann.okafor", "✓ enabled") // all parts are there
			s.Golden(fmt.Sprintf("identity-ann-%dx%d", size[0], size[1]))
			s = identOpen(t, identSpec(identStubs()), identBo, size[0], size[1])
			s.Want("no tuples", "no account", "suspended")
			s.Golden(fmt.Sprintf("identity-bo-%dx%d", size[0], size[1]))
		})
	}
}

func TestIdentityShowsTuplesUnderEveryAlias(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60)
	s.Want("as Kratos id", "Doc:q3-report#viewers", "as e-mail", "Group:finance#members")
	s.Want("User:kc-ann#", "Group:board#members") // known only once the account was found
	s.Want("Known to Keto under 3 names")
	asked := map[string]int{}
	for _, a := range kt.asked {
		asked[a]++
	}
	for _, a := range []string{identAnn, "Ann@acme.example", "ann@acme.example", "ann.okafor", "kc-ann", "User:" + identAnn + "#"} {
		if asked[a] != 1 {
			t.Errorf("the tuples of %s were asked for %d times, want once", a, asked[a])
		}
	}
}

func TestIdentityTuplesAreBounded(t *testing.T) {
	k, kt, kc := identStubs()
	kt.rows = nil
	for i := range 200 {
		kt.rows = append(kt.rows, tuple.Tuple{Namespace: "Doc", Object: fmt.Sprint(i), Relation: "viewers", Subject: tuple.SubjectID(identAnn)})
	}
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60)
	s.Want("as 8f1c…e2 (50+)")
	s.Press("tab", "tab", "tab", "tab", "tab")
	s.Want("50+ under one name", "(the first 50)")
}

// One back end that fails leaves the others alone, and says what to do.
func TestIdentityPartsFailAlone(t *testing.T) {
	t.Run("keto", func(t *testing.T) {
		k, kt, kc := identStubs()
		kt.fail = errKetoDown
		s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 50)
		s.Want("keto     ○ no answer", "nothing listens at 127.0.0.1:4466", "start it, or look at :log")
		s.Want("Ann Okafor", "✓ active", "keycloak ✓ enabled", "Sessions  3 sessions, 1 active")
	})
	t.Run("one alias", func(t *testing.T) {
		k, kt, kc := identStubs()
		kt.fail, kt.only = errKetoDown, "ann@acme.example"
		s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60)
		s.Want("? not read: nothing listens", "Doc:q3-report#viewers", "3 tuples", "? not every name could be read")
		kt.mu.Lock()
		kt.rows = nil
		kt.mu.Unlock()
		s.Press("ctrl+r")
		s.Want("keto     ? unknown", "none found under any") // never "no tuples"
	})
	t.Run("the names of the account", func(t *testing.T) {
		k, kt, kc := identStubs()
		kc.users[0].Username, kt.fail, kt.only = "ann.okafor", errKetoDown, "kc-ann"
		s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60)
		s.Want("as Keycloak id", "? not read: nothing listens", "Group:board#members")
	})
	t.Run("no namespace for people", func(t *testing.T) {
		k, kt, kc := identStubs()
		kt.fail, kt.only = &clients.Problem{Kind: clients.NotFound, Code: keto.CodeUnknownNamespace, Reason: "Unknown namespace"}, "User:"+identAnn+"#"
		s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60)
		s.Want("1 session, last", "4 tuples")
		s.WantNot("Unknown namespace") // nobody holds anything there: no failure
	})
	t.Run("keycloak", func(t *testing.T) {
		k, kt, kc := identStubs()
		kc.fail = map[string]error{"Users": errKcDenied}
		s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60)
		s.Want("✗ not read", "our account lacks view-users", "give it the role view-users", "3 tuples", "✓ active")
	})
	t.Run("roles and lock not visible", func(t *testing.T) {
		k, kt, kc := identStubs()
		kc.fail = map[string]error{"Effective": errKcDenied, "Lock": errKcDenied, "UserGroups": errKcDenied}
		s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60)
		s.Want("✓ enabled", "? not visible: our account lacks view-users", "? whether it is locked could not be read")
	})
	t.Run("sessions", func(t *testing.T) {
		k, kt, kc := identStubs()
		k.setFail("IdentitySessions", errKratosDown)
		s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60)
		s.Want("Sessions", "○ Kratos", "Ann@acme.example ✓ verified", "4 tuples")
	})
	t.Run("kratos", func(t *testing.T) {
		k, kt, kc := identStubs()
		k.setFail("Get", errKratosDown)
		k.setFail("IdentitySessions", errKratosDown)
		s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 40)
		s.Want("kratos   ○ no answer", "2 tuples", "? not asked", "not looked up: the e-mail address is not known") // Keto knows the id
		s.Press("d")
		s.Want("the identity has not been read; ^r reads it")
		k.setFail("Get", nil)
		s.Press("ctrl+r")
		s.Want("Ann Okafor", "keycloak ✓ enabled")
	})
	t.Run("nobody", func(t *testing.T) {
		s := identOpen(t, identSpec(identStubs()), "99999999-1111-4222-8333-444455556699", 120, 40)
		s.Want("✗ not there", "no identity has this id; it may have been deleted")
	})
	t.Run("two realms", func(t *testing.T) {
		k, kt, kc := identStubs()
		spec := identSpec(k, kt, kc)
		spec.Realms = append(spec.Realms, &identRealmStub{name: "other", fail: map[string]error{"Users": errKcDenied}})
		s := identOpen(t, spec, identAnn, 120, 60)
		s.Want("Keycloak realm LearningSoftware", "Keycloak realm other", "our account lacks view-users", "keycloak ✓ enabled")
	})
}

func TestIdentityBackEndsThatAreNotConfigured(t *testing.T) {
	k, _, _ := identStubs()
	s := identOpen(t, IdentitySpec{Kratos: k}, identAnn, 120, 50)
	s.Want("Keto is not configured in this context", "Keycloak is not configured in this context", "Ann Okafor")
	s.Press("d")
	s.Want("nothing can be changed from here")
	s.Press("c")
	s.Want("nothing can be changed from here")
}

func TestIdentityLoadingAndStop(t *testing.T) {
	k, kt, kc := identStubs()
	k.hold = map[string]bool{"IdentitySessions": true}
	kt.hold = true
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 50)
	s.Want("Ann Okafor", "Sessions  reading…", "keto     reading…", "keycloak ✓ enabled")
	s.Press("esc")
	s.Want("Sessions  not read; ^r reads it", "keto     not read")
	k.mu.Lock()
	k.hold = nil
	k.mu.Unlock()
	kt.mu.Lock()
	kt.hold = false
	kt.mu.Unlock()
	s.Press("ctrl+r")
	s.Want("Sessions  3 sessions, 1 active", "4 tuples")
}

func TestIdentityKeepsWhatItKnows(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60)
	s.Want("1 session, last", "4 tuples")
	k.setFail("Get", errKratosDown)
	k.setFail("IdentitySessions", errKratosDown)
	s.Press("ctrl+r")
	s.Want("Ann Okafor", "department", "◌ as of just now   Ann@acme.example", "nothing listens at 127.0.0.1:4434")
}

func TestIdentityReadOnly(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 100, 60, func(o *tui.Options) { o.ReadOnly = true })
	s.Want("1 session, last", "4 tuples")
	for _, key := range []string{"d", "o", "c", "D", "v", "x"} {
		s.Press(key)
		s.Want("read-only: context dev may not be changed from here")
		s.Press("esc")
	}
}

func TestIdentityGoesDeeper(t *testing.T) {
	k, kt, kc := identStubs()
	spec := identSpec(k, kt, kc)
	went := ""
	note := func(format string, a ...any) tui.Screen {
		went = fmt.Sprintf(format, a...)
		return NewTicket(Ticket{ID: "1", Title: "went to " + went}, TicketLinks{})
	}
	spec.Links = IdentityLinks{
		Tuple:   func(t tuple.Tuple) tui.Screen { return note("tuple %s", t) },
		Holds:   func(s tuple.Subject) tui.Screen { return note("subject %s", s) },
		Account: func(realm, id string) tui.Screen { return note("account %s %s", realm, id) },
		Why:     func(p access.Person) tui.Screen { return note("why %s %v", p.ID, p.KeycloakIDs) },
	}
	s := identOpen(t, spec, identAnn, 120, 60)
	s.Want("1 session, last", "4 tuples", "✓ enabled")
	s.Press("enter")
	s.Want("there is nothing to open here")
	for _, step := range []struct {
		keys []string
		want string
	}{
		{[]string{"tab", "tab", "tab", "tab", "enter"}, "subject " + identAnn},
		{[]string{"down", "enter"}, "tuple Doc:q3-report#viewers@" + identAnn},
		{[]string{"tab", "enter"}, "account LearningSoftware kc-ann"},
		{[]string{"w"}, "why " + identAnn + " [kc-ann]"},
	} {
		s.Press(step.keys...)
		s.Want("went to " + strings.Fields(step.want)[0])
		if went != step.want {
			t.Errorf("%v went to %q, want %q", step.keys, went, step.want)
		}
		s.Press("esc")
		s.Want("Ann Okafor")
	}
}

func TestIdentityCopies(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60)
	s.Want("1 session, last", "4 tuples")
	for _, c := range []struct {
		keys []string
		want string
	}{
		{[]string{"i"}, identAnn},
		{[]string{"y"}, "Ann@acme.example"}, // the first trait
		{[]string{"tab", "y"}, "ann@acme.example"},
		{[]string{"tab", "tab", "tab", "y"}, identAnn},
		{[]string{"down", "y"}, "Doc:q3-report#viewers@" + identAnn},
		{[]string{"m"}, "Ann@acme.example"},
	} {
		s.Press(c.keys...)
		for end := time.Now().Add(10 * time.Second); s.Clipboard() != c.want; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%v copied %q, want %q:\n%s", c.keys, s.Clipboard(), c.want, s.Screen())
			}
		}
	}
}

func TestIdentityKeycloakStates(t *testing.T) {
	for _, c := range []struct {
		name string
		user func(*keycloak.User)
		lock keycloak.LockState
		want []string
	}{
		{"actions", func(*keycloak.User) {}, keycloak.LockState{}, []string{"✓ enabled", "Signing in to Keycloak stops at: set a new password."}},
		{"disabled", func(u *keycloak.User) { u.Enabled = false }, keycloak.LockState{}, []string{"✗ disabled"}},
		{"locked", func(*keycloak.User) {}, keycloak.LockState{Locked: true, Failures: 30, Until: identNow.Add(5 * time.Minute)}, []string{"✗ locked", "too many wrong passwords (30), until in 5 min"}},
		{"locked for good", func(u *keycloak.User) {
			u.Enabled, u.Attributes = false, map[string][]string{"disabledReason": {"permanentLockout"}}
		}, keycloak.LockState{}, []string{"✗ locked for good"}},
		{"by user name", func(u *keycloak.User) { u.Email = "ann@else.example" }, keycloak.LockState{}, []string{"found by username", "differs from the identity's: is it the same person?"}},
		{"nobody", func(u *keycloak.User) { u.Email, u.Username = "x@x", "x" }, keycloak.LockState{}, []string{"no account"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, kt, kc := identStubs()
			c.user(&kc.users[0])
			kc.lock = c.lock
			identOpen(t, identSpec(k, kt, kc), identAnn, 120, 60).Want(c.want...)
		})
	}
}

func TestIdentityHostile(t *testing.T) {
	k, kt, kc := identStubs()
	k.people = []kratos.Identity{identHostile()}
	evil := "\x1b]0;owned\a\x1b[2J\u202e"
	kt.rows = []tuple.Tuple{{Namespace: evil, Object: evil, Relation: evil, Subject: tuple.SubjectID(identAnn)}}
	kc.users[0].Email, kc.users[0].Username = "a@b.example", evil
	k.sessions[identAnn][0].Devices[0].UserAgent = evil
	k.setFail("IdentitySessions", nil)
	for _, size := range [][2]int{{80, 24}, {200, 60}} {
		s := identOpen(t, identSpec(k, kt, kc), identAnn, size[0], size[1])
		s.Want("1 tuple", "enabled")
		s.Press("G", "d")
		s.Want("Suspend")
		if out := s.Styled(); strings.ContainsAny(out, "\a\u202e") || strings.Contains(out, "\x1b]") {
			t.Errorf("a string of the server reached the terminal as it is:\n%q", out)
		}
	}
}

func TestIdentityLooksTheSameWithoutColour(t *testing.T) {
	plain := tuitest.Open(t, identApp(NewIdentity(identSpec(identStubs()), identBo)), tuitest.Size(100, 40), tuitest.NoColor())
	colour := tuitest.Open(t, identApp(NewIdentity(identSpec(identStubs()), identBo)), tuitest.Size(100, 40))
	for _, s := range []*tuitest.Term{plain, colour} {
		s.Want("no tuples", "no account", "suspended")
		s.Settle()
	}
	if plain.Screen() != colour.Screen() {
		t.Errorf("without colour it reads differently:\n%s\n%s", plain.Screen(), colour.Screen())
	}
}

func TestIdentitySweep(t *testing.T) {
	tuitest.Sweep(t, func() tea.Model { return identApp(NewIdentity(identSpec(identStubs()), identAnn)) },
		nil, []string{"d"}, []string{"D"}, []string{"c"}, []string{"c", "enter"}, []string{"G", "tab", "x"})
	tuitest.Sweep(t, func() tea.Model {
		k, kt, kc := identStubs()
		k.people = []kratos.Identity{identHostile()}
		return identApp(NewIdentity(identSpec(k, kt, kc), identAnn))
	})
	tuitest.Sweep(t, func() tea.Model {
		k, kt, kc := identStubs()
		k.setFail("Get", errKratosDown)
		k.setFail("IdentitySessions", errors.New("a plain error"))
		kt.fail = errKetoDown
		return identApp(NewIdentity(identSpec(k, kt, kc), identAnn))
	})
}

// The key reference asks for the actions of a screen that was never opened.
func TestIdentityActionsBeforeInit(t *testing.T) {
	k, kt, kc := identStubs()
	seen := map[string]string{}
	for _, a := range NewIdentity(identSpec(k, kt, kc), identAnn).Actions() {
		if a.Help == "" {
			t.Errorf("%s has no help", a.Name)
		}
		for _, key := range a.Keys {
			if seen[key] != "" {
				t.Errorf("%s is the key of %s and of %s", key, seen[key], a.Name)
			}
			seen[key] = a.Name
		}
	}
	if len((&identityRecovery{}).Actions()) == 0 {
		t.Error("the recovery has no actions")
	}
}

// BenchmarkIdentityFrame is a cursor move and the frame after it. The target for a
// whole frame is 1 ms.
func BenchmarkIdentityFrame(b *testing.B) {
	for name, size := range map[string][2]int{"80x24": {80, 24}, "200x50": {200, 50}} {
		b.Run(name, func(b *testing.B) {
			r := tuitest.NewRig(b, identApp(NewIdentity(identSpec(identStubs()), identAnn)), size[0], size[1])
			r.Until(b, "4 tuples")
			for b.Loop() {
				r.Press("down")
				if r.View() == "" {
					b.Fatal("no frame")
				}
			}
		})
	}
}
