package cmd

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/access/roles"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/stack/story"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// whyLogin opens why somebody does not get into an application behind Keycloak; what
// the question lacks is asked for there.
func (c *console) whyLogin(a login.Asked) tui.Screen {
	if realms := c.realms(); a.Realm == "" && len(realms) == 1 {
		a.Realm = realms[0]
	}
	find := func(a login.Asked) func(context.Context) (roles.Step, error) {
		r := c.keycloak.Realm(a.Realm)
		return func(ctx context.Context) (roles.Step, error) {
			u, err := findUser(ctx, r, a.User)
			return roles.Step{Kind: roles.User, ID: u.ID, Name: u.Username}, err
		}
	}
	return screens.NewLoginWhy(screens.LoginWhySpec{Asked: a,
		Why: func(ctx context.Context, a login.Asked, first func(login.Trace)) (login.Trace, error) {
			x := c.loginExplainer(a.Realm)
			x.Forget() // somebody who asks again wants to know what is so now
			return x.Why(ctx, a, first)
		},
		Apply: func(ctx context.Context, a login.Asked, f login.Fix, in map[string]string) (screens.LoginFixed, error) {
			done, err := c.loginExplainer(a.Realm).Apply(ctx, f, in)
			return loginFixed(done), err
		},
		Complete: c.completeLogin,
		Roles: func(a login.Asked) tui.Screen {
			return c.explained(c.keycloak.Realm(a.Realm), a.User, find(a))
		},
		Preview: c.tokensOf,
		Paste: func(a login.Asked) tui.Screen {
			return c.pasteToken(login.Asked{Role: a.Role, RoleClient: a.RoleClient, RealmRole: a.RealmRole})
		},
	})
}

// loginExplainer is the explainer of a realm. It may be asked for by several jobs.
func (c *console) loginExplainer(realm string) *live.Explainer {
	c.loginMu.Lock()
	defer c.loginMu.Unlock()
	if c.logins[realm] == nil {
		if c.logins == nil {
			c.logins = map[string]*live.Explainer{}
		}
		c.logins[realm] = live.New(c.keycloak.Realm(realm))
	}
	return c.logins[realm]
}

// loginFixed tells the screen what a fix did. A write whose object cannot be looked at,
// such as a password, counts as a change.
func loginFixed(done *live.Applied) screens.LoginFixed {
	var out screens.LoginFixed
	if done == nil {
		return out
	}
	for _, d := range done.Done {
		if d.Before == nil || !bytes.Equal(d.Before, d.After) {
			out.Changed++
		}
	}
	if done.CanUndo() {
		out.Undo = done.Undo
	}
	return out
}

// whyLoginWith reads "ben flaskClient" or "ben flaskClient admin" from the palette.
func (c *console) whyLoginWith(words string) tui.Screen {
	var a login.Asked
	for i, w := range strings.Fields(words) {
		switch i {
		case 0:
			a.User = w
		case 1:
			a.Client = w
		case 2:
			a.Role = w
		}
	}
	return c.whyLogin(a)
}

// whyRole begins with a role of somebody's mappings. A role of the realm says nothing
// about the application, which is then asked for.
func (c *console) whyRole(r *keycloak.Realm, username string, role keycloak.Role) tui.Screen {
	a := login.Asked{Realm: r.Name(), User: username}
	switch {
	case role.ClientRole && role.Client != "":
		a.Client, a.Role = role.Client, role.Name
	case role.Name != "" && !role.ClientRole:
		a.RealmRole = role.Name
	}
	return c.whyLogin(a)
}

// completeLogin gives names of the realm for the form of a question.
func (c *console) completeLogin(ctx context.Context, a login.Asked, field, text string) ([]string, error) {
	if field == "realm" {
		return c.realms(), nil
	}
	if a.Realm == "" {
		return nil, nil
	}
	r := c.keycloak.Realm(a.Realm)
	switch field {
	case "user":
		page, err := r.Users(keycloak.UserQuery{Search: text, Brief: true, PageSize: 50})(ctx, "")
		return namesOf(page, func(u keycloak.User) string { return u.Username }), err
	case "client":
		page, err := r.Clients(keycloak.ClientQuery{ClientID: text, Search: text != ""})(ctx, "")
		return namesOf(page, func(cl keycloak.Client) string { return cl.ClientID }), err
	}
	return completeLoginRoles(ctx, r, a.Client)
}

// completeLoginRoles gives the roles of a client and of the realm as the form has them.
func completeLoginRoles(ctx context.Context, r *keycloak.Realm, client string) ([]string, error) {
	var out []string
	if client != "" {
		if cl, err := r.ClientByClientID(ctx, client); err == nil {
			if page, err := r.Roles(keycloak.OfClient(cl.ID), keycloak.RoleQuery{})(ctx, ""); err == nil {
				out = namesOf(page, func(role keycloak.Role) string { return role.Name })
			}
		}
	}
	page, err := r.Roles(keycloak.OfRealm, keycloak.RoleQuery{})(ctx, "")
	return append(out, namesOf(page, func(role keycloak.Role) string { return "realm:" + role.Name })...), err
}

func namesOf[T any](p clients.Page[T], name func(T) string) []string {
	out := make([]string, 0, len(p.Items))
	for _, v := range p.Items {
		out = append(out, name(v))
	}
	return out
}

// storyRealm is where the story lives: in its own realm or, where the context names
// only others, in the first of those.
func (c *console) storyRealm(st *story.Story) string {
	if realms := c.realms(); len(realms) > 0 && !slices.Contains(realms, st.Keycloak.Name) {
		return realms[0]
	}
	return st.Keycloak.Name
}

// askedOf is the question of a ticket.
func askedOf(st *story.Story, realm string, k story.LoginOrRoleAsk) login.Asked {
	return login.Asked{Realm: realm, User: usernameOf(st, k.User), Client: k.Client, Role: k.Role, RealmRole: k.RealmRole,
		Token: login.Token(k.Token), Scope: k.Scope}
}
