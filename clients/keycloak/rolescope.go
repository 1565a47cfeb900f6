package keycloak

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"gatehouse/access/roles"
)

// Scope explains which roles may reach the tokens of a client when the request asks
// for a scope ("openid reports"; the optional client scopes in it count). A client
// without full scope lets through its own roles, those of its scope mappings and of
// its client scopes, and what composite roles among these contain.
//
// A client scope that the user is not permitted to brings its roles here all the same;
// that makes no difference to a token, since the user then holds none of them.
func (rd *RoleReader) Scope(ctx context.Context, c Client, scope string, limit int) (roles.Scope, error) {
	start := roles.Step{Kind: roles.Client, ID: c.ID, Name: c.ClientID}
	if c.FullScope {
		return roles.Scope{Full: true, Provenance: roles.Provenance{Holder: start}}, nil
	}
	w := newWalk(rd, start)
	rd.names.Store(c.ID, c.ClientID)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.prepare(gctx) })
	g.Go(func() error { return w.client(gctx, c, scope) })
	if err := g.Wait(); err != nil {
		return roles.Scope{}, err
	}
	graph, err := w.finish(ctx)
	if err != nil {
		return roles.Scope{}, err
	}
	return roles.Scope{Provenance: graph.Provenance(start.ID, limit)}, nil
}

// client reads what brings roles into the scope of a client.
func (w *walk) client(ctx context.Context, c Client, scope string) error {
	r := w.rd.r
	self := roles.Step{Kind: roles.Client, ID: c.ID, Name: c.ClientID}
	var scopes []ClientScope
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		own, err := collect(gctx, r.Roles(OfClient(c.ID), RoleQuery{}))
		return w.gives(self.ID, given{roles: own}, err)
	})
	g.Go(func() error {
		m, err := r.RoleMappings(gctx, ScopeOfClient(c.ID))
		return w.gives(self.ID, given{roles: m.All()}, err)
	})
	g.Go(func() (err error) { scopes, err = r.scopesInEffect(gctx, c.ID, scope); return })
	if err := g.Wait(); err != nil {
		return err
	}
	g, ctx = errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, s := range scopes {
		w.mu.Lock()
		w.link(self.ID, roles.Step{Kind: roles.ClientScope, ID: s.ID, Name: s.Name})
		w.mu.Unlock()
		g.Go(func() error {
			m, err := r.RoleMappings(ctx, ScopeOfClientScope(s.ID))
			return w.gives(s.ID, given{roles: m.All()}, err)
		})
	}
	return g.Wait()
}

// scopesInEffect are the default client scopes and those optional ones that are asked for.
func (r *Realm) scopesInEffect(ctx context.Context, clientUUID, scope string) ([]ClientScope, error) {
	attached, err := r.ScopesOfClient(ctx, clientUUID)
	out := attached.Default
	for _, s := range attached.Optional {
		for word := range strings.FieldsSeq(scope) {
			name, _, _ := strings.Cut(word, ":")
			if word == s.Name || name == s.Name {
				out = append(out, s)
				break
			}
		}
	}
	return out, err
}
