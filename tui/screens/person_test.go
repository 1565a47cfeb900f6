package screens

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"gatehouse/access/person"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// User makes the realm of the stubs one in which a person is looked for by an id.
func (r *identRealmStub) User(_ context.Context, id string) (keycloak.User, error) {
	for _, u := range r.users {
		if u.ID == id {
			return u, r.fail["User"]
		}
	}
	return keycloak.User{}, &clients.Problem{Kind: clients.NotFound, Op: "read the user"}
}

func personSpec(k *identKratosStub, kt *identKetoStub, kc *identRealmStub) PersonSpec {
	place := func(kind string) tui.Screen { return tui.NewFields("at " + kind) }
	return PersonSpec{
		Sources: func(context.Context) (PersonSources, error) {
			return person.Sources{Kratos: k, Keto: kt, Realms: []person.Realm{kc}}, nil
		},
		Export: func(h person.Human) any { return map[string]any{"name": h.Name, "findings": len(h.Findings)} },
		Links: PersonLinks{
			Identity: func(id string) tui.Screen { return place("identity " + id[:4]) },
			Account:  func(realm, id string) tui.Screen { return place("account " + id) },
			Holds:    func(s tuple.Subject) tui.Screen { return place("holds " + s.String()) },
			Tuple:    func(t tuple.Tuple) tui.Screen { return place("tuple " + t.Left()) },
			Why:      func(s tuple.Subject) tui.Screen { return place("why " + s.String()) },
			WhyLogin: func(realm, name string) tui.Screen { return place("why login " + name) },
			WhatCan:  func(s tuple.Subject) tui.Screen { return place("what can " + s.String()) },
		},
	}
}

// openPerson shows Ann, whom the search does not have to find first.
func openPerson(t *testing.T, spec PersonSpec, w, h int) *tuitest.Term {
	t.Helper()
	if spec.Hit == nil && spec.Text == "" {
		spec.Hit = &person.Hit{ID: identAnn}
	}
	return tuitest.Open(t, identApp(NewPerson(spec)), tuitest.Size(w, h))
}

func TestPersonGoldens(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		s := openPerson(t, personSpec(identStubs()), size[0], size[1])
		s.Want("the same person in three places", "What stands out", "Keto knows them under")
		s.Golden(fmt.Sprintf("person-ann-%dx%d", size[0], size[1]))
	}
}

// Every line leads to what it stands for, and w asks about it.
func TestPersonLinesOpen(t *testing.T) {
	s := openPerson(t, personSpec(identStubs()), 120, 60)
	s.Want("three places", "What stands out", "Keto knows them")
	for _, c := range []struct {
		down     int
		open     string
		why      string
		copiable string
	}{
		{0, "at identity 8f1c", "at why " + identAnn, identAnn},
		{1, "at holds " + identAnn, "at why " + identAnn, identAnn},
		{1, "at holds ann@acme.example", "at why ann@acme.example", "ann@acme.example"},
		{2, "at account kc-ann", "at why login ann.okafor", "kc-ann"},
	} {
		for range c.down {
			s.Press("down")
		}
		s.Press("y")
		s.Settle()
		if got := s.Clipboard(); got != c.copiable {
			t.Errorf("copied %q, want %q", got, c.copiable)
		}
		s.Press("enter")
		s.Want("› " + c.open[:min(len(c.open), 30)])
		s.Press("esc")
		s.Want("three places")
		s.Press("w")
		s.Want("› " + c.why[:min(len(c.why), 30)])
		s.Press("esc")
		s.Want("three places")
	}
	s.Press("G", "Y")
	s.Want("copied what is known")
	s.Settle()
	if got := s.Clipboard(); got == "" || got[0] != '{' {
		t.Errorf("copied %q", got)
	}
}

// Whoever is named by a text is found first; of several one is chosen.
func TestPersonIsFound(t *testing.T) {
	k, kt, kc := identStubs()
	kc.users = append(kc.users, keycloak.User{ID: "kc-anna", Username: "anna.berg", FirstName: "Anna", LastName: "Berg", Enabled: true})
	spec := personSpec(k, kt, kc)
	spec.Text = "ann@acme.example"
	s := openPerson(t, spec, 100, 40)
	s.Want("Ann Okafor", "three places")
	s.Press("/", "ctrl+u")
	s.Type("bo@acme.example")
	s.Press("enter")
	s.Want("Bo Okabe", "suspended")
	s.Press("/", "ctrl+u")
	s.Type("nobody@nowhere.example")
	s.Press("enter")
	s.Want("Nobody is found by")
}

// What cannot be read is unknown, and says why; what was read before stays, with its
// age, and the rest is not touched.
func TestPersonPartsFailAlone(t *testing.T) {
	k, kt, kc := identStubs()
	s := openPerson(t, personSpec(k, kt, kc), 120, 50)
	s.Want("three places", "Keto knows them under")
	kt.mu.Lock()
	kt.fail = errKetoDown
	kt.mu.Unlock()
	s.Press("ctrl+r")
	s.Want("◌ as of just now", "unknown, no answer: nothing listens at 127.0.0.1:4466", "Where could not be looked")
	s.WantNot("no tuples")
	kt.mu.Lock()
	kt.fail = nil
	kt.mu.Unlock()
	s.Press("ctrl+r")
	s.WantNot("◌", "unknown")
	s.Want("Keto knows them under")

	k.setFail("Get", errKratosDown)
	s.Press("ctrl+r")
	s.Want("◌ as of just now   ✓ active", "? unknown, no answer")
	s.WantNot("no identity", "no identity in Kratos")

	k, kt, kc = identStubs()
	kc.fail = map[string]error{"Users": errKcDenied, "User": errKcDenied}
	s = openPerson(t, personSpec(k, kt, kc), 120, 50)
	s.Want("? unknown: our account lacks view-users")
	s.WantNot("no account")
}

func TestPersonSaysWhenNothingConnects(t *testing.T) {
	spec := personSpec(identStubs())
	spec.Sources = func(context.Context) (PersonSources, error) { return nil, errors.New("the keyring is locked") }
	s := openPerson(t, spec, 80, 24)
	s.Want("the keyring is locked")
}
