package seed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/stack/story"
)

// realmSeeder brings one Keycloak realm to what the story says. Everything is looked
// for first and made or repaired when it is missing; what else is in the realm stays.
type realmSeeder struct {
	s  *keycloak.Server
	r  *keycloak.Realm
	st *story.Story
	k  story.Realm
	pw *Passwords
	t  *tally

	mu      sync.Mutex
	clients map[string]keycloak.Client          // by clientId
	roles   map[string]map[string]keycloak.Role // by clientId, "" for the realm, and name
	groups  map[string]string                   // id by path
}

func newRealmSeeder(s *keycloak.Server, st *story.Story, realm string, pw *Passwords, t *tally) *realmSeeder {
	if realm == "" {
		realm = st.Keycloak.Name
	}
	return &realmSeeder{s: s, r: s.Realm(realm), st: st, k: st.Keycloak, pw: pw, t: t,
		clients: map[string]keycloak.Client{}, roles: map[string]map[string]keycloak.Role{}, groups: map[string]string{}}
}

func (k *realmSeeder) run(ctx context.Context) error {
	if err := again(ctx, k.realm); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{k.things, k.connections, k.groupTree, k.users} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// realm makes the realm and sets what differs.
func (k *realmSeeder) realm(ctx context.Context) error {
	k.t.begin("realm "+k.r.Name(), 1)
	was := same
	settings, err := k.r.Settings(ctx)
	if clients.Is(err, clients.NotFound) {
		was = created
		var made clients.Change[keycloak.RealmSettings]
		made, err = k.s.CreateRealm(ctx, keycloak.NewRealm{Name: k.r.Name(), DisplayName: k.k.DisplayName})
		settings = made.After
	}
	if err != nil {
		return err
	}
	differs, err := differing(settings.Raw, k.k.Settings)
	if err != nil {
		return fmt.Errorf("compare the settings of the realm: %w", err)
	}
	if len(differs) > 0 {
		was = max(was, changed)
		if was == changed && settings.Raw == nil {
			was = created
		}
		if _, err := k.r.UpdateRealm(ctx, differs); err != nil {
			return err
		}
	}
	k.t.count(was, 1)
	return nil
}

// differing gives the wanted settings that are not so in a raw representation. Both
// sides go through JSON, where 5 and 5.0 are the same number.
func differing(raw json.RawMessage, want map[string]any) (map[string]any, error) {
	have := map[string]json.RawMessage{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &have); err != nil {
			return nil, err
		}
	}
	out := map[string]any{}
	for key, v := range want {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(bytes.TrimSpace(have[key]), b) {
			out[key] = v
		}
	}
	return out, nil
}

// things makes what depends on nothing: realm roles, clients with their roles, scopes.
func (k *realmSeeder) things(ctx context.Context) error {
	n := len(k.k.RealmRoles) + len(k.k.Clients) + len(k.k.Scopes)
	for _, c := range k.k.Clients {
		n += len(c.Roles) + len(c.Mappers)
	}
	k.t.begin("clients and roles", n)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return again(gctx, func(ctx context.Context) error {
			return k.ensureRoles(ctx, "", keycloak.Container{}, k.k.RealmRoles)
		})
	})
	g.Go(func() error { return again(gctx, k.ensureScopes) })
	g.Go(func() error { return each(gctx, parallelKeycloak, k.k.Clients, k.ensureClient) })
	return g.Wait()
}

// ensureRoles makes the roles of one container and remembers them all.
func (k *realmSeeder) ensureRoles(ctx context.Context, clientID string, c keycloak.Container, want []story.Role) error {
	have, err := collect(ctx, k.r.Roles(c, keycloak.RoleQuery{}))
	if err != nil {
		return err
	}
	byName := map[string]keycloak.Role{}
	for _, r := range have {
		byName[r.Name] = r
	}
	for _, w := range want {
		if _, ok := byName[w.Name]; ok {
			k.t.count(same, 1)
			continue
		}
		made, err := k.r.CreateRole(ctx, c, keycloak.NewRole{Name: w.Name, Description: w.Description})
		if err != nil {
			return err
		}
		byName[w.Name] = made.After
		k.t.count(created, 1)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.roles[clientID] = byName
	return nil
}

func (k *realmSeeder) ensureClient(ctx context.Context, want story.Client) error {
	c, err := k.r.ClientByClientID(ctx, want.ClientID)
	was := same
	switch {
	case clients.Is(err, clients.NotFound):
		was = created
		var made clients.Change[keycloak.Client]
		made, err = k.r.CreateClient(ctx, newClient(want))
		c = made.After
	case err == nil:
		if patch, differs := repairClient(c, want); differs {
			was = changed
			var done clients.Change[keycloak.Client]
			done, err = k.r.UpdateClient(ctx, c.ID, patch)
			c = done.After
		}
	}
	if err != nil {
		return err
	}
	k.t.count(was, 1)
	k.mu.Lock()
	k.clients[want.ClientID] = c
	k.mu.Unlock()
	if err := k.ensureRoles(ctx, want.ClientID, keycloak.OfClient(c.ID), want.Roles); err != nil {
		return err
	}
	return k.ensureMappers(ctx, keycloak.MappersOfClient(c.ID), want.Mappers)
}

func on(b *bool) bool { return b == nil || *b }

func newClient(w story.Client) keycloak.NewClient {
	return keycloak.NewClient{ClientID: w.ClientID, Name: w.Name, Public: w.Public, NoStandardFlow: !on(w.StandardFlow),
		DirectAccessGrants: w.DirectGrants, ServiceAccounts: w.ServiceAccount, NoFullScope: !on(w.FullScope),
		RootURL: w.RootURL, RedirectURIs: w.RedirectURIs, WebOrigins: w.WebOrigins, Attributes: w.Attributes}
}

// repairClient says how a client differs in what the tickets and the demo rest on.
// Redirect URIs and addresses after a logout that others added stay.
func repairClient(c keycloak.Client, w story.Client) (p keycloak.ClientPatch, differs bool) {
	flag := func(dst **bool, have, want bool) {
		if have != want {
			*dst, differs = &want, true
		}
	}
	flag(&p.Enabled, c.Enabled, true)
	flag(&p.Public, c.Public, w.Public)
	flag(&p.StandardFlow, c.StandardFlow, on(w.StandardFlow))
	flag(&p.DirectAccessGrants, c.DirectAccessGrants, w.DirectGrants)
	flag(&p.ServiceAccounts, c.ServiceAccounts, w.ServiceAccount)
	flag(&p.FullScope, c.FullScope, on(w.FullScope))
	uris := slices.Clone(c.RedirectURIs)
	for _, u := range w.RedirectURIs {
		if !slices.Contains(uris, u) {
			uris = append(uris, u)
		}
	}
	if len(uris) != len(c.RedirectURIs) {
		p.RedirectURIs, differs = &uris, true
	}
	for key, v := range w.Attributes {
		if key == logoutURIs {
			v = withAll(c.Attributes[key], v)
		}
		if c.Attributes[key] != v {
			if p.Attributes == nil {
				p.Attributes = map[string]string{}
			}
			p.Attributes[key], differs = v, true
		}
	}
	return p, differs
}

// logoutURIs is the attribute with the addresses after a logout, "##" between them.
const logoutURIs = "post.logout.redirect.uris"

// withAll is a list of addresses with those that were missing; what others added stays.
func withAll(have, want string) string {
	list := strings.Split(have, "##")
	if have == "" || have == "-" || have == "+" {
		list = nil
	}
	for _, u := range strings.Split(want, "##") {
		if !slices.Contains(list, u) {
			list = append(list, u)
		}
	}
	return strings.Join(list, "##")
}

func (k *realmSeeder) ensureMappers(ctx context.Context, owner keycloak.MapperOwner, want []story.Mapper) error {
	if len(want) == 0 {
		return nil
	}
	have, err := k.r.Mappers(ctx, owner)
	if err != nil {
		return err
	}
	for _, w := range want {
		if slices.ContainsFunc(have, func(m keycloak.Mapper) bool { return m.Name == w.Name }) {
			k.t.count(same, 1)
			continue
		}
		if _, err := k.r.CreateMapper(ctx, owner, keycloak.NewMapper{Name: w.Name, Type: w.Type, Config: maps.Clone(w.Config)}); err != nil {
			return err
		}
		k.t.count(created, 1)
	}
	return nil
}

func (k *realmSeeder) ensureScopes(ctx context.Context) error {
	for _, w := range k.k.Scopes {
		scope, err := k.scope(ctx, w.Name)
		was := same
		if clients.Is(err, clients.NotFound) {
			was = created
			var made clients.Change[keycloak.ClientScope]
			made, err = k.r.CreateClientScope(ctx, keycloak.NewClientScope{Name: w.Name, Description: w.Description})
			scope = made.After
		}
		if err != nil {
			return err
		}
		k.t.count(was, 1)
		if err := k.ensureMappers(ctx, keycloak.MappersOfScope(scope.ID), w.Mappers); err != nil {
			return err
		}
	}
	return nil
}

// scope finds a client scope by name.
func (k *realmSeeder) scope(ctx context.Context, name string) (keycloak.ClientScope, error) {
	all, err := k.r.ClientScopes(ctx)
	if err != nil {
		return keycloak.ClientScope{}, err
	}
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
	}
	return keycloak.ClientScope{}, &clients.Problem{Kind: clients.NotFound, Op: "find the client scope", Reason: "there is no client scope " + name}
}

// roleList turns names into roles, reading containers that are not known yet.
func (k *realmSeeder) roleList(ctx context.Context, want story.Roles) ([]keycloak.Role, error) {
	byContainer := maps.Clone(want.ClientRoles)
	if byContainer == nil {
		byContainer = map[string][]string{}
	}
	if len(want.RealmRoles) > 0 {
		byContainer[""] = want.RealmRoles
	}
	var out []keycloak.Role
	for _, clientID := range slices.Sorted(maps.Keys(byContainer)) {
		known, err := k.container(ctx, clientID)
		if err != nil {
			return nil, err
		}
		for _, name := range byContainer[clientID] {
			r, ok := known[name]
			if !ok {
				return nil, &clients.Problem{Kind: clients.NotFound, Op: "find the role", Reason: "there is no role " + path.Join(clientID, name)}
			}
			out = append(out, r)
		}
	}
	return out, nil
}

func (k *realmSeeder) container(ctx context.Context, clientID string) (map[string]keycloak.Role, error) {
	k.mu.Lock()
	known, ok := k.roles[clientID]
	k.mu.Unlock()
	if ok {
		return known, nil
	}
	c := keycloak.Container{}
	if clientID != "" {
		cl, err := k.client(ctx, clientID)
		if err != nil {
			return nil, err
		}
		c = keycloak.OfClient(cl.ID)
	}
	if err := k.ensureRoles(ctx, clientID, c, nil); err != nil {
		return nil, err
	}
	return k.container(ctx, clientID)
}

// client finds a client by clientId, once.
func (k *realmSeeder) client(ctx context.Context, clientID string) (keycloak.Client, error) {
	k.mu.Lock()
	c, ok := k.clients[clientID]
	k.mu.Unlock()
	if ok {
		return c, nil
	}
	c, err := k.r.ClientByClientID(ctx, clientID)
	if err == nil {
		k.mu.Lock()
		k.clients[clientID] = c
		k.mu.Unlock()
	}
	return c, err
}
