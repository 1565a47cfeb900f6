package live

import (
	"context"
	"encoding/json"
	"slices"

	"gatehouse/access/login"
	"gatehouse/access/roles"
	"gatehouse/access/token"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// claims are the tasks of a round (from 3 on) that read what the checks of roles,
// claims, tokens and authorization services rest on. User and client are known by
// then, or known not to be.
func (g *gather) claims(round int) []task {
	switch round {
	case 3:
		tasks := g.pasted()
		if !g.wantsClaims() {
			return tasks
		}
		tasks = append(tasks, g.roleTasks()...)
		tasks = append(tasks, g.mapperTasks()...)
		return append(tasks, g.previewTasks()...)
	case 4:
		return append(g.scopeTasks(), g.authzTasks()...)
	}
	return nil
}

// wantsClaims reports that the question goes beyond the login, or that the login asks
// for client scopes, which may be left out for this user.
func (g *gather) wantsClaims() bool {
	return !g.a.OnlyLogin() || g.a.Audience != "" || len(g.a.Words()) > 1
}

// holder is whose roles count: the user, or the service account of the client.
func (g *gather) holder() string {
	if g.a.Grant == login.Service {
		if g.f.ServiceAccount.Value != nil {
			return g.f.ServiceAccount.Value.ID
		}
		return ""
	}
	return g.account()
}

// waysShown is how many ways to a role are worked out.
const waysShown = 3

// roleTasks read the roles of the user and what is to be known of the wanted one.
func (g *gather) roleTasks() []task {
	var tasks []task
	if id := g.holder(); id != "" {
		tasks = append(tasks, fill(g, &g.f.Claims.Held, "view-users", func(ctx context.Context) (roles.Provenance, error) {
			p, err := g.r.RoleReader().Provenance(ctx, keycloak.OfUser(id), waysShown)
			return p.Provenance, err
		}))
	}
	w, ok := g.a.WantedRole()
	if !ok {
		return tasks
	}
	right := "view-realm"
	if w.Client != "" {
		right = "view-clients"
	}
	tasks = append(tasks, fill(g, &g.f.Claims.Wanted, right, func(ctx context.Context) (*login.WantedRole, error) { return g.wanted(ctx, w) }),
		fill(g, &g.f.Claims.Default, "view-realm", g.defaultRole))
	if g.client != nil && !g.client.FullScope {
		c := *g.client
		tasks = append(tasks, fill(g, &g.f.Claims.Scope, "view-clients", func(ctx context.Context) (roles.Scope, error) {
			return g.r.RoleReader().Scope(ctx, c, g.a.Scope, 1)
		}))
	}
	return tasks
}

// container is where a role lives; ok is false where the client is not there.
func (g *gather) container(ctx context.Context, client string) (keycloak.Container, bool, error) {
	switch {
	case client == "":
		return keycloak.OfRealm, true, nil
	case g.client != nil && g.client.ClientID == client:
		return keycloak.OfClient(g.client.ID), true, nil
	}
	c, err := g.r.ClientByClientID(ctx, client)
	if clients.Is(err, clients.NotFound) {
		return keycloak.Container{}, false, nil
	}
	return keycloak.OfClient(c.ID), err == nil, err
}

// maxGroups is how many groups with a role are looked at for a fix.
const maxGroups = 5

// wanted reads the role of the question and which groups give it.
func (g *gather) wanted(ctx context.Context, w login.Role) (*login.WantedRole, error) {
	in, ok, err := g.container(ctx, w.Client)
	if !ok || err != nil {
		return nil, err
	}
	role, err := g.r.RoleByName(ctx, in, w.Name)
	if clients.Is(err, clients.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := &login.WantedRole{Role: login.Role{ID: role.ID, Client: w.Client, Name: role.Name}}
	if role.Composite {
		inside, err := g.inside(ctx, role)
		if err != nil {
			return nil, err
		}
		for _, r := range inside {
			out.Brings = append(out.Brings, r.String())
		}
	}
	page, err := g.r.RoleGroups(role, maxGroups)(ctx, "")
	if clients.Is(err, clients.Denied) { // the groups are only for fixes
		return out, nil
	}
	for _, group := range page.Items {
		m, merr := g.r.RoleMappings(ctx, keycloak.OfGroup(group.ID))
		if merr != nil {
			return out, merr
		}
		rg := login.RoleGroup{Path: group.Path}
		for _, r := range m.All() {
			if r.ID != role.ID {
				rg.Brings = append(rg.Brings, r.String())
			}
		}
		out.Groups = append(out.Groups, rg)
	}
	return out, err
}

// maxInside bounds how many roles within composite roles are read.
const maxInside = 500

// inside are the roles within a composite role, at any depth. Composite roles may
// contain themselves.
func (g *gather) inside(ctx context.Context, role keycloak.Role) ([]login.Role, error) {
	seen := map[string]bool{role.ID: true}
	var out []login.Role
	for todo := []keycloak.Role{role}; len(todo) > 0 && len(out) < maxInside; todo = todo[1:] {
		set, err := g.r.Composites(ctx, todo[0].ID)
		if err != nil {
			return nil, err
		}
		if set.Cut.Any() {
			return nil, cutPart(set.Cut.String())
		}
		for _, r := range set.Roles {
			if seen[r.ID] {
				continue
			}
			seen[r.ID] = true
			out = append(out, login.Role{ID: r.ID, Client: r.Client, Name: r.Name})
			if r.Composite {
				todo = append(todo, r)
			}
		}
	}
	return out, nil
}

func (g *gather) defaultRole(ctx context.Context) (login.DefaultRole, error) {
	name := ""
	if g.f.Realm.Value != nil {
		name = g.f.Realm.Value.DefaultRole
	}
	if name == "" {
		return login.DefaultRole{}, cutPart("view-realm")
	}
	role, err := g.r.RoleByName(ctx, keycloak.OfRealm, name)
	if err != nil {
		return login.DefaultRole{}, err
	}
	inside, err := g.inside(ctx, role)
	return login.DefaultRole{Role: login.Role{ID: role.ID, Name: role.Name}, Holds: inside}, err
}

// mapperTasks read the mappers that may put the role into a token.
func (g *gather) mapperTasks() []task {
	tasks := []task{fill(g, &g.f.Claims.Scopes, "view-clients", func(ctx context.Context) ([]login.ClientScope, error) {
		list, err := g.r.ClientScopes(ctx)
		g.scopeIDs = map[string]string{}
		var out []login.ClientScope
		for _, s := range list {
			g.scopeIDs[s.Name] = s.ID
			if s.Protocol == "" || s.Protocol == "openid-connect" {
				out = append(out, login.ClientScope{Name: s.Name, Mappers: mappersOf(s.Mappers, s.Name)})
			}
		}
		return out, err
	})}
	tasks = append(tasks, fillOnce(g, &g.f.Claims.Standard, "scopes of new clients", "view-clients", func(ctx context.Context) ([]string, error) {
		a, err := g.r.NewClientScopes(ctx)
		var out []string
		for _, s := range a.Default {
			out = append(out, s.Name)
		}
		return out, err
	})...)
	if g.client == nil {
		return tasks
	}
	tasks = append(tasks, fill(g, &g.f.Claims.Own, "view-clients", func(ctx context.Context) ([]login.Mapper, error) {
		list, err := g.r.Mappers(ctx, keycloak.MappersOfClient(g.client.ID))
		return mappersOf(list, ""), err
	}))
	return append(tasks, fillOnce(g, &g.f.Claims.Sharing, "clients by client scope", "view-clients", g.sharing)...)
}

func mappersOf(list []keycloak.Mapper, scope string) []login.Mapper {
	var out []login.Mapper
	for _, m := range list {
		out = append(out, login.Mapper{ID: m.ID, Name: m.Name, Type: m.Type, Config: m.Config, Scope: scope})
	}
	return out
}

// maxClients bounds how many clients are looked at to tell whom a shared mapper concerns.
const maxClients = 1000

// sharing counts the clients that have each client scope.
func (g *gather) sharing(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	page, err := g.r.Clients(keycloak.ClientQuery{PageSize: maxClients})(ctx, "")
	for _, c := range page.Items {
		for _, s := range slices.Concat(c.DefaultScopes, c.OptionalScopes) {
			out[s]++
		}
	}
	if page.Next != "" {
		return nil, err // too many to say a number
	}
	return out, err
}

// previewTasks ask Keycloak for the three documents side by side.
func (g *gather) previewTasks() []task {
	id := g.holder()
	if g.client == nil || id == "" {
		if !g.f.Client.Is() || !g.f.User.Is() {
			gap := g.f.Client.Needs + g.f.User.Needs
			g.f.Claims.Previews = map[login.Token]login.Part[map[string]any]{}
			for _, t := range []login.Token{login.Access, login.ID, login.UserInfo} {
				g.f.Claims.Previews[t] = login.Lacks[map[string]any](nil, gap)
			}
		}
		return nil
	}
	g.f.Claims.Previews = map[login.Token]login.Part[map[string]any]{}
	var tasks []task
	for _, t := range []login.Token{login.Access, login.ID, login.UserInfo} {
		tasks = append(tasks, func(ctx context.Context) {
			var part login.Part[map[string]any]
			fill(g, &part, "view-users, view-clients", func(ctx context.Context) (map[string]any, error) {
				p, err := g.r.Preview(ctx, keycloak.TokenKind(t), keycloak.PreviewQuery{ClientUUID: g.client.ID, UserID: id, Scope: g.a.Scope})
				if err != nil {
					return nil, err
				}
				var claims map[string]any
				return claims, json.Unmarshal(p.Claims, &claims)
			})(ctx)
			g.mu.Lock()
			defer g.mu.Unlock()
			g.f.Claims.Previews[t] = part
		})
	}
	if g.a.Audience != "" {
		tasks = append(tasks, fill(g, &g.f.Claims.API, "view-clients", func(ctx context.Context) (*login.Client, error) {
			c, err := g.r.ClientByClientID(ctx, g.a.Audience)
			if clients.Is(err, clients.NotFound) {
				return nil, nil
			}
			n := clientOf(c)
			return &n, err
		}))
	}
	return tasks
}

// scopeTasks read for whom those client scopes are that the question may hang on.
func (g *gather) scopeTasks() []task {
	if g.client == nil || !g.f.Claims.Scopes.Is() {
		return nil
	}
	scopes := g.f.Claims.Scopes.Value
	var tasks []task
	for i := range scopes {
		s := &scopes[i]
		if s.Asked = login.HangsOn(&g.f, g.a, *s); s.Asked {
			tasks = append(tasks, fill(g, &s.Roles, "view-clients", func(ctx context.Context) ([]login.Role, error) { return g.scopeRoles(ctx, s) }))
		}
	}
	return tasks
}

// scopeRoles are the roles that open a client scope: those mapped to it, with what
// composite roles among them contain.
func (g *gather) scopeRoles(ctx context.Context, s *login.ClientScope) ([]login.Role, error) {
	m, err := g.r.RoleMappings(ctx, keycloak.ScopeOfClientScope(g.scopeIDs[s.Name]))
	if err != nil {
		return nil, err
	}
	if m.Cut.Any() {
		return nil, cutPart(m.Cut.String())
	}
	var out []login.Role
	for _, r := range m.All() {
		role := login.Role{ID: r.ID, Client: r.Client, Name: r.Name}
		out, s.Mapped = append(out, role), append(s.Mapped, role)
		if r.Composite {
			inside, err := g.inside(ctx, r)
			if err != nil {
				return nil, err
			}
			out = append(out, inside...)
		}
	}
	return out, nil
}

// pasted are the tasks that look after a pasted token.
func (g *gather) pasted() []task {
	if g.a.PastedToken == "" {
		return nil
	}
	t, err := token.Parse(g.a.PastedToken)
	if err != nil {
		return nil // the checks say it
	}
	tasks := fillOnce(g, &g.f.Claims.Keys, "keys", "", g.r.KeySet)
	if azp := t.Text("azp"); azp != "" {
		tasks = append(tasks, fill(g, &g.f.Claims.TokenClient, "view-clients", func(ctx context.Context) (*login.Client, error) {
			c, err := g.r.ClientByClientID(ctx, azp)
			if clients.Is(err, clients.NotFound) {
				return nil, nil
			}
			n := clientOf(c)
			return &n, err
		}))
	}
	if sub := t.Text("sub"); sub != "" {
		tasks = append(tasks, fill(g, &g.f.Claims.TokenUser, "view-users", func(ctx context.Context) (*login.User, error) {
			u, err := g.r.User(ctx, sub)
			if clients.Is(err, clients.NotFound) {
				return nil, nil
			}
			n := userOf(u)
			return &n, err
		}), fill(g, &g.f.Claims.Session, "view-users", func(ctx context.Context) (bool, error) { return g.alive(ctx, t, sub) }))
	}
	return append(tasks, func(ctx context.Context) { g.askUserInfo(ctx, t) })
}

// alive looks for the session of a token among those of its user, online and offline.
func (g *gather) alive(ctx context.Context, t *token.Token, user string) (bool, error) {
	sid := t.Text("sid")
	if sid == "" {
		sid = t.Text("session_state")
	}
	list, err := g.r.Sessions(ctx, user)
	if clients.Is(err, clients.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	has := func(s keycloak.Session) bool { return s.ID == sid }
	if slices.ContainsFunc(list, has) {
		return true, nil
	}
	offline, err := g.r.AllOfflineSessions(ctx, user)
	return slices.ContainsFunc(offline, has), err
}

// askUserInfo shows an access token to the realm that made it. It is shown to nobody
// else: only where a key of this realm signed it.
func (g *gather) askUserInfo(ctx context.Context, t *token.Token) {
	if t.Kind() != token.AccessToken || token.RealmOf(t.Text("iss")) != g.r.Name() {
		return
	}
	keys, err := g.r.KeySet(ctx)
	if err != nil {
		return
	}
	if got, err := t.Verify(keys); err != nil || got != token.Good {
		return
	}
	_, err = g.r.UserInfo(ctx, t.Signed())
	if err == nil {
		g.f.Claims.Said = login.Have("")
	} else if p := problemOf(err); p != nil && p.Status != 0 {
		g.f.Claims.Said = login.Have(p.Reason)
	}
}
