package live

import (
	"context"

	"gatehouse/access/login"
	"gatehouse/access/roles"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

func roleOf(r keycloak.Role) login.Role {
	return login.Role{ID: r.ID, Client: r.Client, Name: r.Name}
}

// waysShown is how many ways to a role are worked out.
const waysShown = 3

// askHeld says that the roles of the holder are wanted.
func (g *gather) askHeld() { g.wantHeld = true }

// beginHeld begins to look for where the roles come from, once, if they are wanted.
func (g *gather) beginHeld() []task {
	id := g.holder()
	if !g.wantHeld || g.held != nil || id == "" {
		return nil
	}
	who := roles.Step{Kind: roles.User, ID: id}
	switch {
	case g.a.Grant == login.Service:
		who = roles.Step{Kind: roles.ServiceAccount, ID: id, Name: g.a.Client}
	case g.user != nil && g.user.ID == id:
		who.Name = g.user.Username
	}
	w, _ := g.a.WantedRole()
	g.held = g.rd.Search(who, roles.Ref{Client: w.Client, Name: w.Name})
	return []task{g.heldTask(g.held.Begin)}
}

// deeper reads the next level of groups and composite roles, if there is one to read.
func (g *gather) deeper() []task {
	if g.held == nil || !g.heldBegun || g.heldFailed.State != login.NotAsked || !g.held.More() {
		return nil
	}
	return []task{g.heldTask(g.held.Next)}
}

func (g *gather) heldTask(step func(context.Context) error) task {
	read := sorted(g, "view-users", func(ctx context.Context) (struct{}, error) { return struct{}{}, step(ctx) })
	return func(ctx context.Context) func() {
		part := read(ctx)
		return func() {
			g.heldBegun = true
			if part.State != login.Known {
				g.heldFailed = part
			}
		}
	}
}

// finishRoles puts down what was found of the roles.
func (g *gather) finishRoles(ctx context.Context) error {
	if g.held == nil {
		return nil
	}
	if part := g.heldFailed; part.State != login.NotAsked {
		g.f.Claims.Held = login.Part[roles.Provenance]{State: part.State, Needs: part.Needs, Why: part.Why}
		g.f.Roles = login.Part[[]login.Role]{State: part.State, Needs: part.Needs, Why: part.Why}
		return nil
	}
	put := func(ctx context.Context) func() {
		part := sorted(g, "view-users", func(ctx context.Context) (keycloak.Provenance, error) { return g.held.Provenance(ctx, waysShown) })(ctx)
		return func() {
			p := part.Value.Provenance
			g.f.Claims.Held = login.Part[roles.Provenance]{State: part.State, Value: p, Needs: part.Needs, Why: part.Why}
			g.f.Roles = login.Part[[]login.Role]{State: part.State, Needs: part.Needs, Why: part.Why}
			for _, h := range p.Roles {
				g.f.Roles.Value = append(g.f.Roles.Value, login.Role{ID: h.Role.ID, Client: h.Role.Client, Name: h.Role.Name})
			}
			if needs := p.Needs(); g.f.Roles.Is() && len(needs) > 0 {
				g.f.Roles = login.Lacks(g.f.Roles.Value, keycloak.Cut(needs).String())
			}
		}
	}
	return g.start(ctx, []task{put})()
}

// container is where the wanted role lives; ok is false where that client is not there.
func (g *gather) container(client string) (c keycloak.Container, ok bool, err error) {
	of := g.of
	switch {
	case client == "":
		return keycloak.OfRealm, true, nil
	case client == g.a.Client:
		if g.client != nil {
			return keycloak.OfClient(g.client.ID), true, nil
		}
		of = login.Part[*keycloak.Client]{State: g.f.Client.State, Needs: g.f.Client.Needs, Why: g.f.Client.Why}
	}
	switch {
	case of.State == login.Cut:
		return c, false, cutPart(of.Needs)
	case of.State == login.Failed:
		return c, false, &clients.Problem{Kind: clients.Unreachable, Op: "explain the login", Reason: of.Why, Status: 500}
	case of.Value == nil:
		return c, false, nil
	}
	return keycloak.OfClient(of.Value.ID), true, nil
}

// maxGroups is how many groups with a role are looked at for a fix.
const maxGroups = 5

// wantedRole reads the role of the question and which groups give it.
func (g *gather) wantedRole() []task {
	w, ok := g.a.WantedRole()
	if !ok {
		return nil
	}
	right := "view-realm"
	if w.Client != "" {
		right = "view-clients"
	}
	in, there, err := g.container(w.Client)
	role := fill(g, &g.wanted, right, func(ctx context.Context) (*keycloak.Role, error) {
		if err != nil || !there {
			return nil, err
		}
		r, err := g.r.RoleByName(ctx, in, w.Name)
		if clients.Is(err, clients.NotFound) {
			return nil, nil
		}
		return &r, err
	})
	if !there {
		return []task{role}
	}
	return []task{role, func(ctx context.Context) func() { // the groups are only for fixes
		named := keycloak.Role{Name: w.Name, ClientRole: w.Client != "", Client: w.Client, ContainerID: in.ClientUUID}
		page, _ := g.r.RoleGroups(named, maxGroups)(ctx, "")
		return func() { g.groups = page.Items }
	}}
}

// unseenRole reads, of a role that is not in the previewed document, what may be the
// reason and what would help.
func (g *gather) unseenRole() []task {
	w, ok := g.a.WantedRole()
	if !ok || login.ShowsRole(&g.f, g.a) {
		g.f.Claims.Wanted = wantedOf(g.wanted, nil, nil)
		return nil
	}
	ref := roles.Ref{Client: w.Client, Name: w.Name}
	has := keycloak.Unknown
	if g.heldBegun && g.heldFailed.State == login.NotAsked {
		has = g.held.Holds(ref)
	}
	var tasks []task
	if has == keycloak.Yes {
		g.f.Claims.Wanted = wantedOf(g.wanted, nil, nil)
	} else {
		tasks = append(tasks, g.wantedMore)
		if r := g.f.Realm.Value; r == nil || has == keycloak.Unknown || g.held.Holds(roles.Ref{Name: r.DefaultRole}) != keycloak.Yes {
			tasks = append(tasks, g.defaultRole()...)
		}
	}
	if has != keycloak.No && g.client != nil {
		tasks = append(tasks, fillOnce(g, &g.f.Claims.Sharing, "clients by client scope", "view-clients", g.sharing)...)
	}
	if g.client != nil && !g.client.FullScope {
		tasks = append(tasks, fill(g, &g.f.Claims.Scope, "view-clients", func(ctx context.Context) (roles.Scope, error) { return g.scopeLets(ctx, w) }))
	}
	return tasks
}

// scopeLets asks the server which roles of the wanted one's container may reach the
// tokens of the client.
func (g *gather) scopeLets(ctx context.Context, w login.Role) (roles.Scope, error) {
	out := roles.Scope{Provenance: roles.Provenance{Holder: roles.Step{Kind: roles.Client, ID: g.client.ID, Name: g.client.ClientID}}}
	in, there, err := g.container(w.Client)
	if err != nil || !there {
		return out, err
	}
	list, err := g.r.RolesInScope(ctx, g.client.ID, in, g.a.Scope, true)
	for _, r := range list {
		step := roles.Step{Kind: roles.RealmRole, ID: r.ID, Name: r.Name}
		if w.Client != "" {
			step.Kind, step.Client = roles.ClientRole, w.Client
		}
		out.Roles = append(out.Roles, roles.Held{Role: step, Paths: []roles.Path{}})
	}
	return out, err
}

// wantedOf is the role of the question with what it and its groups bring.
func wantedOf(p login.Part[*keycloak.Role], brings []string, groups []login.RoleGroup) login.Part[*login.WantedRole] {
	out := login.Part[*login.WantedRole]{State: p.State, Needs: p.Needs, Why: p.Why}
	if p.Value != nil {
		out.Value = &login.WantedRole{Role: roleOf(*p.Value), Brings: brings, Groups: groups}
	}
	return out
}

// wantedMore reads what the role brings, and what the groups that have it bring.
func (g *gather) wantedMore(ctx context.Context) func() {
	p := g.wanted
	if p.Value == nil {
		return func() { g.f.Claims.Wanted = wantedOf(p, nil, nil) }
	}
	part := sorted(g, "view-realm, view-clients", func(ctx context.Context) (*login.WantedRole, error) {
		var brings []string
		if p.Value.Composite {
			inside, err := g.inside(ctx, *p.Value)
			if err != nil {
				return nil, err
			}
			for _, r := range inside {
				brings = append(brings, r.String())
			}
		}
		var groups []login.RoleGroup
		for _, group := range g.groups {
			rg := login.RoleGroup{Path: group.Path}
			list, err := g.rd.GroupRoles(ctx, group.ID)
			if err != nil {
				return nil, err
			}
			for _, r := range list {
				if r.ID != p.Value.ID {
					rg.Brings = append(rg.Brings, r.String())
				}
			}
			groups = append(groups, rg)
		}
		return wantedOf(p, brings, groups).Value, nil
	})(ctx)
	return func() { g.f.Claims.Wanted = part }
}

// inside are the roles within a composite role, at any depth.
func (g *gather) inside(ctx context.Context, role keycloak.Role) ([]login.Role, error) {
	set, err := g.rd.Inside(ctx, role)
	if err != nil {
		return nil, err
	}
	if set.Cut.Any() {
		return nil, cutPart(set.Cut.String())
	}
	var out []login.Role
	for _, r := range set.Roles {
		out = append(out, roleOf(r))
	}
	return out, nil
}

// defaultRole reads what every new user is given, where this one may lack it.
func (g *gather) defaultRole() []task {
	return fillOnce(g, &g.f.Claims.Default, "default role", "view-realm", func(ctx context.Context) (login.DefaultRole, error) {
		r := g.f.Realm.Value
		if r == nil || r.DefaultRole == "" {
			return login.DefaultRole{}, cutPart("view-realm")
		}
		role := keycloak.Role{ID: r.DefaultRoleID, Name: r.DefaultRole}
		inside, err := g.inside(ctx, role)
		return login.DefaultRole{Role: roleOf(role), Holds: inside}, err
	})
}
