package cmd

import (
	"gatehouse/access/login"
	"gatehouse/access/roles"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// user opens the account of one person in a realm; name is shown until it is read.
func (c *console) user(r *keycloak.Realm, id, name string) tui.Screen {
	return screens.NewUser(screens.UserSpec{Realm: r, Write: r, Links: c.userLinks(r)}, id, name)
}

// userLinks are the screens about a user of a realm.
func (c *console) userLinks(r *keycloak.Realm) screens.UserLinks {
	links := screens.UserLinks{
		Roles: func(u keycloak.User) tui.Screen { return c.userRoles(r, u.ID, u.Username, u.Email) },
		Paths: func(u keycloak.User) tui.Screen {
			return c.rolePaths(r, roles.Step{Kind: roles.User, ID: u.ID, Name: u.Username})
		},
		Tokens: func(u keycloak.User) tui.Screen { return screens.NewTokens(r, u.ID, u.Username) },
		Why:    func(u keycloak.User) tui.Screen { return c.whyLogin(login.Asked{Realm: r.Name(), User: u.Username}) },
		Group: func(g keycloak.Group) tui.Screen {
			return c.group(r, g.ID, g.Path)
		},
	}
	links.Person = func(u keycloak.User) tui.Screen { return c.person(*personOfUser(r.Name(), u)) }
	return links
}
