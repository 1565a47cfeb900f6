package cmd

import (
	"context"
	"strings"

	"gatehouse/access/roles"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// rolesAt opens the roles of a realm.
func (c *console) rolesAt(realm string) tui.Screen {
	r := c.keycloak.Realm(realm)
	return screens.NewRoleList(r, func(role keycloak.Role) tui.Screen { return c.role(r, role) }, func(role keycloak.Role) tui.Screen { return c.holders(r, role) })
}

// rolesOf opens the roles of one client.
func (c *console) rolesOf(r *keycloak.Realm, of keycloak.Container, name string) tui.Screen {
	return screens.NewRolesOf(r, of, name, func(role keycloak.Role) tui.Screen { return c.role(r, role) }, func(role keycloak.Role) tui.Screen { return c.holders(r, role) })
}

// anyRoles opens the roles of the only realm, or lets one be chosen.
func (c *console) anyRoles() tui.Screen {
	if realms := c.realms(); len(realms) == 1 {
		return c.rolesAt(realms[0])
	}
	return screens.NewRealms(c.keycloak, c.rolesAt)
}

// rolePaths opens where the roles of a user, a service account or a group come from.
func (c *console) rolePaths(r *keycloak.Realm, who roles.Step) tui.Screen {
	return c.explained(r, who.Name, func(context.Context) (roles.Step, error) { return who, nil })
}

// explained opens where the roles of somebody come from who is looked up first.
func (c *console) explained(r *keycloak.Realm, name string, find func(context.Context) (roles.Step, error)) tui.Screen {
	return screens.NewRolePaths(screens.RolePathsSpec{Name: name, Realm: r,
		Explain: func(ctx context.Context) (keycloak.Provenance, error) {
			who, err := find(ctx)
			if err != nil {
				return keycloak.Provenance{}, err
			}
			return r.RoleReader().Of(ctx, who, roles.DefaultPaths)
		},
		Group: func(id, path string) tui.Screen {
			return c.group(r, id, path)
		},
		Holders: func(role keycloak.Role) tui.Screen { return c.holders(r, role) },
	})
}

// groupRoles opens the role mappings of a group.
func (c *console) groupRoles(r *keycloak.Realm, g roles.Step) tui.Screen {
	return screens.NewUserRoles(screens.UserRolesSpec{Realm: r, Holder: keycloak.OfGroup(g.ID), Name: g.Name,
		Paths:   func() tui.Screen { return c.rolePaths(r, g) },
		Holders: func(role keycloak.Role) tui.Screen { return c.holders(r, role) }})
}

// role opens one role.
func (c *console) role(r *keycloak.Realm, role keycloak.Role) tui.Screen {
	return screens.NewRole(screens.RoleSpec{Realm: r, Role: role,
		Holders: func(role keycloak.Role) tui.Screen { return c.holders(r, role) },
		Open:    func(role keycloak.Role) tui.Screen { return c.role(r, role) },
		User:    func(u keycloak.User) tui.Screen { return c.userRoles(r, u.ID, u.Username, u.Email) },
		Group:   func(g keycloak.Group) tui.Screen { return c.group(r, g.ID, g.Path) },
		PickGroups: func(verb string, done func([]keycloak.Group)) tui.Screen {
			return screens.NewGroups(screens.GroupsSpec{Realm: r, Pick: done, PickFor: verb})
		},
	})
}

// holders opens everybody who holds a role.
func (c *console) holders(r *keycloak.Realm, role keycloak.Role) tui.Screen {
	return screens.NewRoleHolders(screens.RoleHoldersSpec{Name: role.String(),
		Find: func(ctx context.Context, q roles.HoldersQuery, emit func(roles.Holder) error) (roles.Holders, error) {
			return r.RoleReader().Holders(ctx, role, q, emit)
		},
		Open: func(who roles.Step) tui.Screen { return c.rolePaths(r, who) },
	})
}

// pathsWith opens where the roles of a user come from who is named in the palette:
// "ben", or "LearningSoftware ben" where there are several realms.
func (c *console) pathsWith(words string) tui.Screen {
	realm, name, both := strings.Cut(strings.TrimSpace(words), " ")
	if !both {
		realms := c.realms()
		if len(realms) == 0 {
			return c.anyUsers()
		}
		realm, name = realms[0], realm
	}
	r := c.keycloak.Realm(realm)
	name = strings.TrimSpace(name)
	return c.explained(r, name, func(ctx context.Context) (roles.Step, error) {
		u, err := findUser(ctx, r, name)
		return roles.Step{Kind: roles.User, ID: u.ID, Name: u.Username}, err
	})
}
