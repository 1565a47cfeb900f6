package cmd

import (
	"context"
	"strings"

	"gatehouse/access/login"
	"gatehouse/access/person"
	"gatehouse/access/tuple"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// person opens one human being over all back ends.
func (c *console) person(h person.Hit) tui.Screen {
	return screens.NewPerson(c.personSpec(&h, ""))
}

// personWith looks for somebody by what is typed: an e-mail, a name, an id, a subject.
func (c *console) personWith(text string) tui.Screen {
	return screens.NewPerson(c.personSpec(nil, strings.TrimSpace(text)))
}

func (c *console) personSpec(h *person.Hit, text string) screens.PersonSpec {
	spec := screens.PersonSpec{Hit: h, Text: text,
		Sources: func(ctx context.Context) (screens.PersonSources, error) { return c.b.people(ctx) },
		Export:  func(h person.Human) any { return printedPerson(h, nil) },
	}
	if c.kratos != nil {
		spec.Links.Identity = c.identity
	}
	if c.keto != nil {
		spec.Links.Holds = func(s tuple.Subject) tui.Screen { return c.tuples(tuple.Query{Subject: &s}) }
		spec.Links.Tuple = func(t tuple.Tuple) tui.Screen {
			return c.tuples(tuple.Query{Namespace: &t.Namespace, Object: &t.Object})
		}
		spec.Links.Why, spec.Links.WhatCan = c.whyOf, c.whatCan
	}
	if c.keycloak != nil {
		spec.Links.Account = c.account
		spec.Links.WhyLogin = func(realm, username string) tui.Screen {
			return c.whyLogin(login.Asked{Realm: realm, User: username})
		}
	}
	return spec
}

// peopleNamed finds who may be meant by words.
func (c *console) peopleNamed(ctx context.Context, words string) ([]person.Hit, error) {
	sources, err := c.b.people(ctx)
	if err != nil {
		return nil, err
	}
	hits, _ := sources.Find(ctx, words)
	return hits, ctx.Err()
}

// personEntry is where `:` goes to see one human being.
func (c *console) personEntry() tui.Entry {
	return tui.Entry{Name: "person", Aliases: []string{"human", "somebody"}, Help: "one human being across Kratos, Keto and Keycloak; give an e-mail, a name, an id or a subject",
		Open:     func() tui.Screen { return c.personWith("") },
		OpenWith: c.personWith}
}

// personKey is the key that shows the human being behind what is selected, on every
// screen that knows one.
const personKey = "P"

// withPerson gives a list the key that shows who is behind the row under the cursor; of
// gives nil for a row that is nobody's.
func withPerson[T any](c *console, l *tui.List[T], of func(T) *person.Hit) *tui.List[T] {
	own := l.Spec.Actions
	l.Spec.Actions = func(l *tui.List[T]) []tui.Action {
		var acts []tui.Action
		if own != nil {
			acts = own(l)
		}
		hit := func() *person.Hit {
			if row, ok := l.Current(); ok {
				return of(row)
			}
			return nil
		}
		return append(acts, tui.Action{Name: "person", Keys: []string{personKey}, Footer: 20,
			Help: "Show the human being behind the row, across Kratos, Keto and Keycloak.",
			Why: func() string {
				if hit() == nil {
					return "there is nobody behind this row"
				}
				return ""
			}, Run: tui.Do(func() { l.Push(c.person(*hit())) })})
	}
	return l
}

// personOfTuple is whom a relation tuple means; a subject set such as a group is nobody.
func personOfTuple(t tuple.Tuple) *person.Hit {
	if t.Subject.Set != nil && t.Subject.Set.Relation != "" {
		return nil
	}
	h := person.OfSubject(t.Subject)
	return &h
}

func personOfIdentity(r screens.IdentityRow) *person.Hit {
	return &person.Hit{ID: r.ID, Name: r.Name, Email: r.Email}
}

// personOfUser is the owner of an account. The account is read again by its id, because
// a list does not hold all of it.
func personOfUser(realm string, u keycloak.User) *person.Hit {
	return &person.Hit{Name: u.Name(), Email: u.Email, Accounts: map[string]keycloak.User{realm: {ID: u.ID}}}
}
