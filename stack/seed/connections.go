package seed

import (
	"context"
	"path"
	"slices"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/stack/story"
)

// connections ties together what things has made: composites, scope mappings,
// attached scopes and the roles of service accounts.
func (k *realmSeeder) connections(ctx context.Context) error {
	type composite struct {
		clientID string
		role     story.Role
	}
	var composites []composite
	for _, r := range k.k.RealmRoles {
		composites = append(composites, composite{"", r})
	}
	for _, c := range k.k.Clients {
		for _, r := range c.Roles {
			composites = append(composites, composite{c.ClientID, r})
		}
	}
	composites = slices.DeleteFunc(composites, func(c composite) bool { return c.role.Composites.IsZero() })
	k.t.begin("composites and scopes", len(composites)+len(k.k.Clients))
	err := each(ctx, parallelKeycloak, composites, func(ctx context.Context, c composite) error {
		return k.ensureComposite(ctx, c.clientID, c.role)
	})
	if err != nil {
		return err
	}
	return each(ctx, parallelKeycloak, k.k.Clients, k.connectClient)
}

func (k *realmSeeder) ensureComposite(ctx context.Context, clientID string, role story.Role) error {
	want, err := k.roleList(ctx, role.Composites)
	if err != nil {
		return err
	}
	holders, err := k.container(ctx, clientID)
	if err != nil {
		return err
	}
	id := holders[role.Name].ID
	have, err := k.r.Composites(ctx, id)
	if err != nil {
		return err
	}
	add := lacking(have.Roles, want)
	if len(add) == 0 {
		k.t.count(same, 1)
		return nil
	}
	if _, err := k.r.AddComposites(ctx, id, add...); err != nil {
		return err
	}
	k.t.count(created, 1)
	return nil
}

// lacking are the wanted roles that are not in have.
func lacking(have, want []keycloak.Role) []keycloak.Role {
	return slices.DeleteFunc(slices.Clone(want), func(w keycloak.Role) bool {
		return slices.ContainsFunc(have, func(h keycloak.Role) bool { return h.ID == w.ID })
	})
}

func (k *realmSeeder) connectClient(ctx context.Context, w story.Client) error {
	c, err := k.client(ctx, w.ClientID)
	if err != nil {
		return err
	}
	was, err := k.ensureMapped(ctx, keycloak.ScopeOfClient(c.ID), w.ScopeRoles)
	if err != nil {
		return err
	}
	if !w.ServiceAccountRoles.IsZero() {
		account, err := k.r.ServiceAccount(ctx, c.ID)
		if err != nil {
			return err
		}
		more, err := k.ensureMapped(ctx, keycloak.OfUser(account.ID), w.ServiceAccountRoles)
		if err != nil {
			return err
		}
		was = max(was, more)
	}
	if len(w.OptionalScopes) > 0 {
		have, err := k.r.ScopesOfClient(ctx, c.ID)
		if err != nil {
			return err
		}
		for _, name := range w.OptionalScopes {
			if slices.ContainsFunc(have.Optional, func(s keycloak.ClientScope) bool { return s.Name == name }) {
				continue
			}
			scope, err := k.scope(ctx, name)
			if err != nil {
				return err
			}
			if _, err := k.r.AttachScope(ctx, c.ID, scope.ID, keycloak.ScopeOptional); err != nil {
				return err
			}
			was = max(was, created)
		}
	}
	k.t.count(was, 1)
	return nil
}

// ensureMapped maps the roles that a holder lacks.
func (k *realmSeeder) ensureMapped(ctx context.Context, h keycloak.Holder, want story.Roles) (outcome, error) {
	if want.IsZero() {
		return same, nil
	}
	roles, err := k.roleList(ctx, want)
	if err != nil {
		return same, err
	}
	have, err := k.r.RoleMappings(ctx, h)
	if err != nil {
		return same, err
	}
	add := lacking(have.All(), roles)
	if len(add) == 0 {
		return same, nil
	}
	_, err = k.r.Grant(ctx, h, add...)
	return created, err
}

// groupTree makes the groups, parents first, and maps their roles.
func (k *realmSeeder) groupTree(ctx context.Context) error {
	k.t.begin("groups", len(k.k.Groups))
	for _, w := range k.k.Groups {
		if err := again(ctx, func(ctx context.Context) error { return k.ensureGroup(ctx, w) }); err != nil {
			return err
		}
	}
	return nil
}

func (k *realmSeeder) ensureGroup(ctx context.Context, w story.Group) error {
	g, err := k.r.GroupByPath(ctx, w.Path)
	was := same
	if clients.Is(err, clients.NotFound) {
		was = created
		var made clients.Change[keycloak.Group]
		made, err = k.r.CreateGroup(ctx, k.groups[path.Dir(w.Path)], path.Base(w.Path))
		g = made.After
	}
	if err != nil {
		return err
	}
	k.groups[w.Path] = g.ID
	more, err := k.ensureMapped(ctx, keycloak.OfGroup(g.ID), w.Roles)
	if err != nil {
		return err
	}
	k.t.count(max(was, more), 1)
	return nil
}

// users makes and repairs the accounts.
func (k *realmSeeder) users(ctx context.Context) error {
	var people []story.Person
	for _, p := range k.st.People {
		if p.Login != nil {
			people = append(people, p)
		}
	}
	k.t.begin("users", len(people))
	return each(ctx, parallelKeycloak, people, func(ctx context.Context, p story.Person) error {
		was, err := k.ensureUser(ctx, p)
		if err == nil {
			k.t.count(was, 1)
		}
		return err
	})
}

func (k *realmSeeder) ensureUser(ctx context.Context, p story.Person) (outcome, error) {
	u, err := k.r.UserByUsername(ctx, p.Login.Username)
	was := same
	switch {
	case clients.Is(err, clients.NotFound):
		was = created
		var made clients.Change[keycloak.User]
		made, err = k.r.CreateUser(ctx, keycloak.NewUser{Username: p.Login.Username, Email: p.Email, FirstName: p.First(), LastName: p.Last(),
			Disabled: !p.Login.IsEnabled(), EmailVerified: p.IsVerified(), Groups: p.Login.Groups, Password: k.pw.Of(p.Key)})
		u = made.After
	case err == nil:
		was, err = k.repairUser(ctx, u, p)
	}
	if err != nil {
		return was, err
	}
	more, err := k.ensureMapped(ctx, keycloak.OfUser(u.ID), p.Login.Roles)
	return max(was, more), err
}

func (k *realmSeeder) repairUser(ctx context.Context, u keycloak.User, p story.Person) (outcome, error) {
	was := same
	var patch keycloak.UserPatch
	text := func(dst **string, have, want string) {
		if have != want {
			*dst, was = &want, changed
		}
	}
	flag := func(dst **bool, have, want bool) {
		if have != want {
			*dst, was = &want, changed
		}
	}
	text(&patch.FirstName, u.FirstName, p.First())
	text(&patch.LastName, u.LastName, p.Last())
	flag(&patch.Enabled, u.Enabled, p.Login.IsEnabled())
	flag(&patch.EmailVerified, u.EmailVerified, p.IsVerified())
	if was != same {
		if _, err := k.r.UpdateUser(ctx, u.ID, patch); err != nil {
			return was, err
		}
	}
	pw := k.pw.Of(p.Key)
	if k.pw.isFresh(p.Key) { // the account is older than the passwords we know
		was = changed
		if _, err := k.r.ResetPassword(ctx, u.ID, pw, false); err != nil {
			return was, err
		}
	}
	have, err := collect(ctx, k.r.UserGroups(u.ID, keycloak.GroupQuery{}))
	if err != nil {
		return was, err
	}
	for _, path := range p.Login.Groups {
		if slices.ContainsFunc(have, func(g keycloak.Group) bool { return g.ID == k.groups[path] }) {
			continue
		}
		was = changed
		if _, err := k.r.JoinGroup(ctx, u.ID, k.groups[path]); err != nil {
			return was, err
		}
	}
	return was, nil
}
