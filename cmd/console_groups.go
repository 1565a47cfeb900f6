package cmd

import (
	"gatehouse/access/roles"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// groups opens the tree of the groups of a realm.
func (c *console) groups(realm string) tui.Screen {
	r := c.keycloak.Realm(realm)
	return screens.NewGroups(screens.GroupsSpec{Realm: r,
		Open:  func(g keycloak.Group) tui.Screen { return c.group(r, g.ID, g.Path) },
		Paths: func(g keycloak.Group) tui.Screen { return c.rolePaths(r, groupStep(g.ID, g.Path)) },
	})
}

// anyGroups opens the groups of the only realm, or lets one be chosen.
func (c *console) anyGroups() tui.Screen {
	if realms := c.realms(); len(realms) == 1 {
		return c.groups(realms[0])
	}
	return screens.NewRealms(c.keycloak, c.groups)
}

func groupStep(id, path string) roles.Step {
	return roles.Step{Kind: roles.Group, ID: id, Name: path}
}

// group opens one group.
func (c *console) group(r *keycloak.Realm, id, path string) tui.Screen {
	return screens.NewGroup(screens.GroupSpec{Realm: r, ID: id, Path: path,
		Paths:     func() tui.Screen { return c.rolePaths(r, groupStep(id, path)) },
		Effective: func() tui.Screen { return c.groupRoles(r, groupStep(id, path)) },
		User:      func(u keycloak.User) tui.Screen { return c.userRoles(r, u.ID, u.Username, u.Email) },
		Role:      func(role keycloak.Role) tui.Screen { return c.role(r, role) },
	})
}

// realm opens one realm.
func (c *console) realm(name string) tui.Screen {
	r := c.keycloak.Realm(name)
	place := func(key, name, help string, open func(string) tui.Screen) screens.RealmPlace {
		return screens.RealmPlace{Key: key, Name: name, Help: help, Open: func() tui.Screen { return open(r.Name()) }}
	}
	return screens.NewRealm(screens.RealmSpec{Realm: r, Role: func(role keycloak.Role) tui.Screen { return c.role(r, role) },
		Places: []screens.RealmPlace{
			place("1", "users", "List the users of the realm.", c.users), place("2", "groups", "Show the groups of the realm as a tree.", c.groups),
			place("3", "roles", "List the roles of the realm and its clients.", c.rolesAt), place("4", "clients", "List the clients of the realm.", c.clients),
		}})
}
