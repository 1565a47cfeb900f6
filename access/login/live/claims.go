package live

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"gatehouse/access/login"
	"gatehouse/access/token"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

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

// nobody reports that the question has no user or no client, so that nothing after the
// login can be said.
func (g *gather) nobody() bool {
	if g.f.Client.Is() && g.f.Client.Value == nil {
		return true
	}
	if g.a.Grant == login.Service {
		return g.f.ServiceAccount.Is() && g.f.ServiceAccount.Value == nil
	}
	return g.f.User.Is() && g.f.User.Value == nil
}

// holderUnknown reports that it has yet to be read whose roles count.
func (g *gather) holderUnknown() bool {
	return g.a.Grant == login.Service && g.f.ServiceAccount.State == login.NotAsked && g.client != nil && g.client.ServiceAccounts
}

// claims read what the checks of roles, claims and authorization services begin with,
// as soon as it is known who and what they are about.
func (g *gather) claims() []task {
	if g.holderUnknown() || g.begun {
		return g.beginHeld()
	}
	g.begun = true
	if g.nobody() || !g.wantsClaims() {
		return g.beginHeld()
	}
	g.askHeld()
	tasks := g.beginHeld()
	tasks = append(tasks, g.wantedRole()...)
	tasks = append(tasks, g.mappers()...)
	tasks = append(tasks, g.previews()...)
	return append(tasks, g.authzFirst()...)
}

// afterClaims read what hangs on those, and what there was nobody for before.
func (g *gather) afterClaims() []task {
	if !g.begun {
		return g.claims()
	}
	tasks := g.beginHeld()
	tasks = append(tasks, g.deeper()...)
	if g.nobody() || !g.wantsClaims() {
		return tasks
	}
	if !g.followed {
		g.followed = true
		tasks = append(tasks, g.scopeTasks()...)
		tasks = append(tasks, g.unseenRole()...)
		return append(tasks, g.authzDecide()...)
	}
	return append(tasks, g.authzNames()...)
}

// previews ask Keycloak for the documents in which the question looks for something.
func (g *gather) previews() []task {
	g.f.Claims.Previews = map[login.Token]login.Part[map[string]any]{}
	var kinds []login.Token
	if _, role := g.a.WantedRole(); role {
		kinds = append(kinds, cmp.Or(g.a.Token, login.Access))
	}
	if g.a.Audience != "" && !slices.Contains(kinds, login.Access) {
		kinds = append(kinds, login.Access)
	}
	id := g.holder()
	if g.client == nil || id == "" {
		if !g.f.Client.Is() || !g.f.User.Is() {
			gap := g.f.Client.Needs + g.f.User.Needs
			for _, t := range kinds {
				g.f.Claims.Previews[t] = login.Lacks[map[string]any](nil, gap)
			}
		}
		return nil
	}
	var tasks []task
	for _, t := range kinds {
		read := sorted(g, "view-users, view-clients", func(ctx context.Context) (map[string]any, error) {
			raw, err := g.r.PreviewClaims(ctx, keycloak.TokenKind(t), keycloak.PreviewQuery{ClientUUID: g.client.ID, UserID: id, Scope: g.a.Scope})
			if err != nil {
				return nil, err
			}
			var claims map[string]any
			return claims, json.Unmarshal(raw, &claims)
		})
		tasks = append(tasks, func(ctx context.Context) func() {
			part := read(ctx)
			return func() { g.f.Claims.Previews[t] = part }
		})
	}
	return tasks
}

// mappers are the ones that may put a role into a token: those of the client, which
// came with it, and those of its client scopes, which are read for the login too.
func (g *gather) mappers() []task {
	if g.client != nil {
		g.f.Claims.Own = login.Have(mappersOf(g.client.Mappers, ""))
	}
	return fillOnce(g, &g.f.Claims.Standard, "scopes of new clients", "view-clients", g.r.StandardScopes)
}

func mappersOf(list []keycloak.Mapper, scope string) []login.Mapper {
	var out []login.Mapper
	for _, m := range list {
		out = append(out, login.Mapper{ID: m.ID, Name: m.Name, Type: m.Type, Config: m.Config, Scope: scope})
	}
	return out
}

// scopes reads the client scopes of the realm. For a login their names will do, which
// are remembered; what a mapper does is read each time, since somebody may be mending it.
func (g *gather) scopes() []task {
	if g.wantsClaims() {
		return []task{fill(g, &g.scopeList, "view-clients", g.r.ClientScopes)}
	}
	return fillOnce(g, &g.scopeList, "scopes", "view-clients", g.r.ClientScopes)
}

// deriveScopes makes of the client scopes what the checks look at.
func (g *gather) deriveScopes() {
	if g.f.Scopes.State != login.NotAsked || g.scopeList.State == login.NotAsked {
		return
	}
	l := g.scopeList
	g.f.Scopes = login.Part[[]string]{State: l.State, Needs: l.Needs, Why: l.Why}
	g.f.Claims.Scopes = login.Part[[]login.ClientScope]{State: l.State, Needs: l.Needs, Why: l.Why}
	for _, s := range l.Value {
		if s.Protocol == "openid-connect" {
			g.f.Scopes.Value = append(g.f.Scopes.Value, s.Name)
		}
		if s.Protocol == "" || s.Protocol == "openid-connect" {
			g.f.Claims.Scopes.Value = append(g.f.Claims.Scopes.Value, login.ClientScope{Name: s.Name, Mappers: mappersOf(s.Mappers, s.Name)})
		}
	}
}

// scopeTasks read for whom those client scopes are that the question may hang on.
func (g *gather) scopeTasks() []task {
	if g.client == nil || !g.f.Claims.Scopes.Is() {
		return nil
	}
	ids := map[string]string{}
	for _, s := range g.scopeList.Value {
		ids[s.Name] = s.ID
	}
	scopes := g.f.Claims.Scopes.Value
	var tasks []task
	for i := range scopes {
		s := &scopes[i]
		if !login.HangsOn(&g.f, g.a, *s) {
			continue
		}
		s.Asked = true
		var mapped []login.Role
		read := sorted(g, "view-clients", func(ctx context.Context) (all []login.Role, err error) {
			mapped, all, err = g.scopeRoles(ctx, ids[s.Name])
			return all, err
		})
		tasks = append(tasks, func(ctx context.Context) func() {
			part := read(ctx)
			return func() { s.Roles, s.Mapped = part, mapped }
		})
	}
	return tasks
}

// scopeRoles are the roles that open a client scope: those mapped to it, with what
// composite roles among them contain.
func (g *gather) scopeRoles(ctx context.Context, id string) (mapped, all []login.Role, err error) {
	m, err := g.r.RoleMappings(ctx, keycloak.ScopeOfClientScope(id))
	if err != nil {
		return nil, nil, err
	}
	if m.Cut.Any() {
		return nil, nil, cutPart(m.Cut.String())
	}
	for _, r := range m.All() {
		role := roleOf(r)
		mapped, all = append(mapped, role), append(all, role)
		if !r.Composite {
			continue
		}
		inside, err := g.inside(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, inside...)
	}
	return mapped, all, nil
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

// others reads the clients that the question names beside its own: that of the role,
// the API, the one that a pasted token was made for; and the keys that sign tokens.
func (g *gather) others() []task {
	var tasks []task
	read := func(clientID string, put func(login.Part[*keycloak.Client])) {
		if clientID == "" || clientID == g.a.Client {
			return
		}
		tasks = append(tasks, func(ctx context.Context) func() {
			part := g.clientNamed(clientID)(ctx)
			return func() { put(part) }
		})
	}
	if w, ok := g.a.WantedRole(); ok {
		read(w.Client, func(p login.Part[*keycloak.Client]) { g.of = p })
	}
	read(g.a.Audience, func(p login.Part[*keycloak.Client]) { g.f.Claims.API = loginClient(p) })
	if t := g.token(); t != nil {
		read(t.Text("azp"), func(p login.Part[*keycloak.Client]) { g.f.Claims.TokenClient = loginClient(p) })
		tasks = append(tasks, fillOnce(g, &g.f.Claims.Keys, "keys", "", g.r.KeySet)...)
	}
	return tasks
}

// token is the pasted token; nil where there is none. What is wrong with it the checks
// say.
func (g *gather) token() *token.Token {
	if g.a.PastedToken == "" {
		return nil
	}
	t, err := token.Parse(g.a.PastedToken)
	if err != nil {
		return nil
	}
	return t
}

// pasted are the tasks that look after a pasted token.
func (g *gather) pasted() []task {
	t := g.token()
	if t == nil {
		return nil
	}
	if t.Text("azp") == g.a.Client {
		g.f.Claims.TokenClient = g.f.Client
	}
	var tasks []task
	if sub := t.Text("sub"); sub != "" {
		if u := g.f.User.Value; u != nil && u.ID == sub {
			g.f.Claims.TokenUser = g.f.User
		} else {
			tasks = append(tasks, fill(g, &g.f.Claims.TokenUser, "view-users", func(ctx context.Context) (*login.User, error) {
				u, err := g.r.User(ctx, sub)
				if clients.Is(err, clients.NotFound) {
					return nil, nil
				}
				n := userOf(u)
				return &n, err
			}))
		}
		tasks = append(tasks, fill(g, &g.f.Claims.Session, "view-users", func(ctx context.Context) (bool, error) { return g.alive(ctx, t, sub) }))
	}
	if keys := g.f.Claims.Keys; keys.Is() {
		tasks = append(tasks, func(ctx context.Context) func() { return g.askUserInfo(ctx, t, keys.Value) })
	}
	return tasks
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
func (g *gather) askUserInfo(ctx context.Context, t *token.Token, keys json.RawMessage) func() {
	if t.Kind() != token.AccessToken || token.RealmOf(t.Text("iss")) != g.r.Name() {
		return nil
	}
	if got, err := t.Verify(keys); err != nil || got != token.Good {
		return nil
	}
	_, err := g.r.UserInfo(ctx, t.Signed())
	said := ""
	if err != nil {
		p := problemOf(err)
		if p == nil || p.Status == 0 {
			return nil
		}
		said = p.Reason
	}
	return func() { g.f.Claims.Said = login.Have(said) }
}
