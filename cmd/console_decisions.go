package cmd

import (
	"gatehouse/access/login"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// decisions opens what the running demo server decides.
func (c *console) decisions() tui.Screen {
	spec := screens.DecisionsSpec{Server: func() (screens.DecisionsServer, error) {
		client, err := demoClient(c.demoSocket)
		if err != nil {
			return nil, err
		}
		return client, nil
	}}
	if c.kratos != nil {
		spec.Identity = c.identity
	}
	if c.keto != nil {
		spec.Why = c.why
		spec.Tuples = func(t tuple.Tuple) tui.Screen {
			return c.tuples(tuple.Query{Namespace: &t.Namespace, Object: &t.Object})
		}
	}
	if c.keycloak != nil {
		spec.User = func(realm, name string) tui.Screen {
			return screens.NewUsers(namedUsers{c.keycloak.Realm(realm), name}, func(u keycloak.User) tui.Screen {
				return c.userRoles(c.keycloak.Realm(realm), u.ID, u.Username, u.Email)
			}, nil, func(u keycloak.User) tui.Screen { return c.whyLogin(login.Asked{Realm: realm, User: u.Username}) })
		}
	}
	return screens.NewDecisions(spec)
}

// namedUsers are the users of a realm with one exact name.
type namedUsers struct {
	*keycloak.Realm
	name string
}

// Users asks for that name, whatever else is asked for.
func (n namedUsers) Users(q keycloak.UserQuery) clients.Fetch[keycloak.User] {
	if q.Search == "" { // the server refuses both together
		q.Username, q.Exact = n.name, true
	}
	return n.Realm.Users(q)
}
