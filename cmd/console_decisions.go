package cmd

import (
	"context"
	"fmt"
	"time"

	"gatehouse/access/login"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/decisions"
	"gatehouse/clients/keycloak"
	"gatehouse/demo/seeding"
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
			r := c.keycloak.Realm(realm)
			return screens.NewUsers(screens.UsersSpec{Realm: namedUsers{r, name}, Write: r, Links: c.userLinks(r),
				Open: func(u keycloak.User) tui.Screen { return c.user(r, u.ID, u.Username) }})
		}
		spec.WhyLogin = func(realm, user, client, role string) tui.Screen { // as the application asks: it looks at the ID token
			return c.whyLogin(login.Asked{Realm: realm, User: user, Client: client, Role: role, Token: login.ID, Scope: seeding.LoginScope})
		}
	}
	return screens.NewDecisions(spec)
}

// demoPlace is the line of Home about the demo server; nothing where none runs.
func (c *console) demoPlace() []screens.HomePlace {
	if c.demoSocket == "" {
		if _, err := decisions.Find(); clients.Is(err, clients.Unreachable) {
			return nil
		}
	}
	return []screens.HomePlace{{Name: "decisions", Open: c.decisions, Count: func(ctx context.Context) (string, string, error) {
		client, err := demoClient(c.demoSocket)
		if err != nil {
			return "", "", err
		}
		list, err := client.List(ctx, decisions.Query{})
		if err != nil {
			return "", "", err
		}
		return fmt.Sprintf("%s/min", number(lately(list, time.Now()))), "live demo server", nil
	}}}
}

// lately is how many decisions fell within the last minute.
func lately(list []decisions.Decision, now time.Time) int {
	n := 0
	for _, d := range list {
		if now.Sub(d.At) < time.Minute {
			n++
		}
	}
	return n
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
