package cmd

import (
	"context"
	"strings"

	"gatehouse/access"
	"gatehouse/access/person"
	"gatehouse/access/roles"
	"gatehouse/access/tuple"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// check opens the question screen; an empty question is typed there.
func (c *console) check(question string) tui.Screen {
	return screens.NewCheck(screens.CheckSpec{
		Keto: c.keto, Question: question, Complete: c.completeQuestion, People: c.findPerson(), Names: c.people,
		History: c.asked, Remember: func(q string) { c.asked = append(c.asked, q) },
		Why: c.why,
		Tuples: func(q tuple.Tuple) tui.Screen {
			return c.tuples(tuple.Query{Namespace: &q.Namespace, Object: &q.Object})
		},
	})
}

// findPerson looks for people by the beginning of a login name; nil without Kratos.
func (c *console) findPerson() func(context.Context, string) ([]screens.CheckPerson, error) {
	if c.kratos == nil {
		return nil
	}
	return func(ctx context.Context, prefix string) ([]screens.CheckPerson, error) {
		page, err := c.kratos.FindPrefix(ctx, prefix, "")
		var out []screens.CheckPerson
		for _, i := range page.Items {
			p := screens.CheckPerson{ID: i.ID, Name: i.Name()}
			if mails := i.Emails(); len(mails) > 0 {
				p.Email = mails[0]
			}
			out = append(out, p)
		}
		return out, err
	}
}

// tuples opens the relation tuples that a filter selects.
func (c *console) tuples(q tuple.Query) tui.Screen {
	spec := screens.TuplesSpec{Keto: c.keto, Bulk: c.keto, Query: q, Words: c.words, People: c.people,
		Check: func(q tuple.Tuple) tui.Screen { return c.check(q.String()) }, Why: c.why, WhoCan: c.whoCan, WhatCan: c.whatCan, Matrix: c.matrix}
	if c.kratos != nil {
		spec.Person = c.identity
	}
	return withPerson(c, screens.NewTuples(spec), personOfTuple)
}

// tuplesWith opens what a typed filter selects; one that cannot be read selects all.
func (c *console) tuplesWith(filter string) tui.Screen {
	q, err := tuple.ParseQuery(filter)
	if err != nil {
		q = tuple.Query{}
	}
	return c.tuples(q)
}

// users opens the users of a realm.
func (c *console) users(realm string) tui.Screen {
	r := c.keycloak.Realm(realm)
	return withPerson(c, screens.NewUsers(screens.UsersSpec{Realm: r, Write: r, Links: c.userLinks(r), Open: func(u keycloak.User) tui.Screen { return c.user(r, u.ID, u.Username) }}),
		func(u keycloak.User) *person.Hit { return personOfUser(realm, u) })
}

// anyUsers opens the users of the only realm, or lets one be chosen.
func (c *console) anyUsers() tui.Screen {
	if realms := c.realms(); len(realms) == 1 {
		return c.users(realms[0])
	}
	return screens.NewRealms(c.keycloak, c.users)
}

// userRoles opens the role mappings of a user.
func (c *console) userRoles(r *keycloak.Realm, id, username, email string) tui.Screen {
	spec := screens.UserRolesSpec{Realm: r, Holder: keycloak.OfUser(id), Name: username,
		Preview: func() tui.Screen { return screens.NewTokens(r, id, username) },
		Paths: func() tui.Screen {
			return c.rolePaths(r, roles.Step{Kind: roles.User, ID: id, Name: username})
		},
		Holders: func(role keycloak.Role) tui.Screen { return c.holders(r, role) },
		Why:     func(role keycloak.EffectiveRole) tui.Screen { return c.whyRole(r, username, role.Role) }}
	if c.kratos != nil && email != "" {
		spec.Person = func() tui.Screen { return c.findPeople(email) }
	}
	return screens.NewUserRoles(spec)
}

// account opens a user of whom only the id is known.
func (c *console) account(realm, id string) tui.Screen {
	return c.user(c.keycloak.Realm(realm), id, "")
}

// identities opens the list of everybody.
func (c *console) identities() tui.Screen {
	return withPerson(c, screens.NewIdentities(c.identitiesSpec()), personOfIdentity)
}

func (c *console) identitiesSpec() screens.IdentitiesSpec {
	return screens.IdentitiesSpec{Kratos: c.kratos, Write: c.kratos, Edit: c.kratos, Forms: c.kratos, Open: c.identity,
		List: c.kratos.Fetch(kratos.Query{WithCredentials: true})}
}

// messages lists what Kratos sent, to one address or to all.
func (c *console) messages(recipient string) tui.Screen {
	return screens.NewMessages(screens.MessagesSpec{Kratos: c.kratos, Recipient: strings.TrimSpace(recipient), People: c.findPeople})
}

// findPeople opens the people who match words.
func (c *console) findPeople(words string) tui.Screen {
	return withPerson(c, screens.NewFound(c.identitiesSpec(), words), personOfIdentity)
}

// identity opens one person.
func (c *console) identity(id string) tui.Screen {
	spec := screens.IdentitySpec{Kratos: c.kratos, Write: c.kratos, Edit: c.kratos, Recover: c.kratos, Forms: c.kratos, Courier: c.kratos,
		Links: screens.IdentityLinks{Person: func(id string) tui.Screen { return c.person(person.Hit{ID: id}) }}}
	spec.Links.Messages = c.messages
	if c.keto != nil {
		spec.Keto = c.keto
		spec.Namespaces = c.words.PersonNamespaces()
		spec.Links.WhatCan = c.whatCan
		spec.Links.Why = func(p access.Person) tui.Screen { return c.whyOf(tuple.SubjectID(p.ID)) }
		spec.Links.Holds = func(s tuple.Subject) tui.Screen { return c.tuples(tuple.Query{Subject: &s}) }
		spec.Links.Tuple = func(t tuple.Tuple) tui.Screen {
			return c.tuples(tuple.Query{Namespace: &t.Namespace, Object: &t.Object})
		}
	}
	if c.keycloak != nil {
		for _, realm := range c.realms() {
			spec.Realms = append(spec.Realms, c.keycloak.Realm(realm))
		}
		spec.Links.Account = c.account
	}
	return screens.NewIdentity(spec, id)
}
