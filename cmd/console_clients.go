package cmd

import (
	"context"

	"gatehouse/access/login"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/keycloak/setup"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// anyClientCheck lets a client of the only realm be chosen, or first a realm.
func (c *console) anyClientCheck() tui.Screen {
	if realms := c.realms(); len(realms) == 1 {
		return c.pickClient(realms[0])
	}
	return screens.NewRealms(c.keycloak, c.pickClient)
}

// clientCheckWith checks a client by its clientId; where there are several realms one
// of them is chosen first.
func (c *console) clientCheckWith(client string) tui.Screen {
	if realms := c.realms(); len(realms) == 1 {
		return c.clientCheck(realms[0], client)
	}
	return screens.NewRealms(c.keycloak, func(realm string) tui.Screen { return c.clientCheck(realm, client) })
}

// pickClient lists the clients of a realm to check.
func (c *console) pickClient(realm string) tui.Screen {
	return screens.NewClients(c.keycloak.Realm(realm), func(cl keycloak.Client) tui.Screen { return c.clientCheck(realm, cl.ClientID) })
}

// clientCheck opens the check of a client.
func (c *console) clientCheck(realm, client string) tui.Screen {
	s := c.keycloak
	return screens.NewClientCheck(screens.ClientCheckSpec{Wish: setup.Wish{Realm: realm, Client: client},
		Check: func(ctx context.Context, w setup.Wish) ([]setup.Step, error) { return setup.Check(ctx, s, w) },
		Apply: func(ctx context.Context, w setup.Wish, want func(setup.Step) bool, report func(setup.Step)) error {
			return setup.Apply(ctx, s, w, want, report)
		}})
}

// clients opens the clients of a realm.
func (c *console) clients(realm string) tui.Screen {
	return screens.NewClientAdmin(c.keycloak.Realm(realm), func(cl keycloak.Client) tui.Screen { return c.client(realm, cl) })
}

// anyClients opens the clients of the only realm, or lets one be chosen.
func (c *console) anyClients() tui.Screen {
	if realms := c.realms(); len(realms) == 1 {
		return c.clients(realms[0])
	}
	return screens.NewRealms(c.keycloak, c.clients)
}

// client opens one client.
func (c *console) client(realm string, cl keycloak.Client) tui.Screen {
	r := c.keycloak.Realm(realm)
	role := func(role keycloak.Role) tui.Screen { return c.role(r, role) }
	return screens.NewClient(screens.ClientSpec{Realm: r, Client: cl, Role: role,
		Check:   func() tui.Screen { return c.clientCheck(realm, cl.ClientID) },
		Why:     func() tui.Screen { return c.whyLogin(login.Asked{Realm: realm, Client: cl.ClientID}) },
		Account: func(u keycloak.User) tui.Screen { return c.userRoles(r, u.ID, u.Username, "") },
		Scope: func(id, name string) tui.Screen {
			return screens.NewClientScope(screens.ClientScopeSpec{Realm: r, ID: id, Name: name, Role: role})
		},
		Roles: func(cl keycloak.Client) tui.Screen { return c.rolesOf(r, keycloak.OfClient(cl.ID), cl.ClientID) },
	})
}
