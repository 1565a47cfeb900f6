package keycloak

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
)

// Holder is what roles can be mapped to: a user or a group (role mappings), or a
// client or client scope (scope mappings, which say which roles may reach a token).
type Holder struct {
	// Kind is one of the Holder constants.
	Kind HolderKind `json:"kind"`
	// ID is the id of the user, group, client (UUID) or client scope.
	ID string `json:"id"`
}

// HolderKind tells the kinds of holder apart.
type HolderKind string

// The kinds of holder.
const (
	HolderUser   HolderKind = "user"
	HolderGroup  HolderKind = "group"
	HolderClient HolderKind = "client"
	HolderScope  HolderKind = "client scope"
)

// OfUser is the user with that id as a holder of roles.
func OfUser(id string) Holder { return Holder{HolderUser, id} }

// OfGroup is the group with that id as a holder of roles.
func OfGroup(id string) Holder { return Holder{HolderGroup, id} }

// ScopeOfClient is the scope of the client with that UUID: when its full scope is
// off, only these roles (and its own) reach its tokens.
func ScopeOfClient(uuid string) Holder { return Holder{HolderClient, uuid} }

// ScopeOfClientScope is the scope of a client scope: only users who hold one of
// these roles get the client scope.
func ScopeOfClientScope(id string) Holder { return Holder{HolderScope, id} }

// Mappings are the roles mapped directly to a holder.
type Mappings struct {
	Realm []Role `json:"realm"`
	// Clients are the client roles by clientId.
	Clients map[string][]Role `json:"clients,omitempty"`
	// Cut is not empty when roles may be missing.
	Cut Cut `json:"cut,omitempty"`
}

// All gives realm and client roles in one list, realm roles first, then by client.
func (m Mappings) All() []Role {
	out := slices.Clone(m.Realm)
	for _, client := range slices.Sorted(maps.Keys(m.Clients)) {
		out = append(out, m.Clients[client]...)
	}
	return out
}

// base is where the mappings of a holder are.
func (h Holder) base() []string {
	switch h.Kind {
	case HolderGroup:
		return []string{"groups", h.ID, "role-mappings"}
	case HolderClient:
		return []string{"clients", h.ID, "scope-mappings"}
	case HolderScope:
		return []string{"client-scopes", h.ID, "scope-mappings"}
	}
	return []string{"users", h.ID, "role-mappings"}
}

// at is the path of the mappings of one container.
func (h Holder) at(c Container, rest ...string) []string {
	if c == OfRealm {
		return append(append(h.base(), "realm"), rest...)
	}
	return append(append(h.base(), "clients", c.ClientUUID), rest...)
}

// reads and writes name the rights that the mappings of a holder ask for.
func (h Holder) reads() string {
	if h.Kind == HolderUser || h.Kind == HolderGroup {
		return "view-users"
	}
	return "view-clients"
}

func (h Holder) writes() string {
	if h.Kind == HolderUser || h.Kind == HolderGroup {
		return "manage-users"
	}
	return "manage-clients"
}

func (h Holder) check(r *Realm, op string) error {
	switch h.Kind {
	case HolderUser, HolderGroup, HolderClient, HolderScope:
		if h.ID != "" {
			return nil
		}
	}
	return r.refuse(op, "it is not said whose roles are meant", "")
}

type wireMappings struct {
	RealmMappings  []wireRole `json:"realmMappings"`
	ClientMappings map[string]struct {
		Mappings []wireRole `json:"mappings"`
	} `json:"clientMappings"`
}

func (w wireMappings) neutral() Mappings {
	m := Mappings{Realm: []Role{}, Clients: map[string][]Role{}}
	for _, role := range w.RealmMappings {
		m.Realm = append(m.Realm, role.neutral())
	}
	for client, c := range w.ClientMappings {
		for _, role := range c.Mappings {
			n := role.neutral()
			n.Client = client
			m.Clients[client] = append(m.Clients[client], n)
		}
	}
	return m
}

// RoleMappings reads what is mapped directly to a holder. To an account without
// view-realm the server leaves out the realm roles in silence; they are then asked
// for at the one address that does tell. Client roles cannot be had that way.
func (r *Realm) RoleMappings(ctx context.Context, h Holder) (Mappings, error) {
	const op = "read the role mappings"
	if err := h.check(r, op); err != nil {
		return Mappings{}, err
	}
	var rights Rights
	var m Mappings
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { rights, err = r.sees(gctx, "view-realm", "view-clients"); return })
	g.Go(func() (err error) { m, err = one[wireMappings](gctx, r.s, r.get(op, h.reads(), h.base()...)); return })
	if err := g.Wait(); err != nil {
		return Mappings{}, err
	}
	m.Cut = rights.Missing("view-realm", "view-clients")
	if rights.ViewRealm == Yes {
		return m, nil
	}
	realm, err := r.DirectRoles(ctx, h, OfRealm)
	switch {
	case err == nil:
		m.Realm, m.Cut = realm, rights.Missing("view-clients")
	case !clients.Is(err, clients.Denied):
		return Mappings{}, err
	}
	return m, nil
}

// DirectRoles reads the direct mappings of one container.
func (r *Realm) DirectRoles(ctx context.Context, h Holder, c Container) ([]Role, error) {
	return r.mapped(ctx, "read the role mappings", h, c)
}

// ServerEffectiveRoles is the server's own answer to "direct and through groups and
// composites" for one container. For the client roles of a group it leaves out what
// comes from parent groups (26.6 and newer); Effective does not.
func (r *Realm) ServerEffectiveRoles(ctx context.Context, h Holder, c Container) ([]Role, error) {
	return r.mapped(ctx, "read the effective roles", h, c, "composite")
}

// AvailableRoles lists what could still be mapped: all roles of the container but
// the direct ones. A role held through a group or composite is among them.
func (r *Realm) AvailableRoles(ctx context.Context, h Holder, c Container) ([]Role, error) {
	return r.mapped(ctx, "list the roles that can be mapped", h, c, "available")
}

func (r *Realm) mapped(ctx context.Context, op string, h Holder, c Container, rest ...string) ([]Role, error) {
	if err := h.check(r, op); err != nil {
		return nil, err
	}
	needs := h.reads()
	if c != OfRealm {
		needs += " and view-clients"
	}
	roles, err := all[wireRole](ctx, r.s, r.get(op, needs, h.at(c, rest...)...))
	return r.nameClients(ctx, roles), err
}

// Grant maps roles to a holder, one request for each container; a request is all or
// nothing. The change holds the direct mappings of the containers concerned, also
// beside an error, then with what was really done. Granting twice does nothing.
func (r *Realm) Grant(ctx context.Context, h Holder, roles ...Role) (clients.Change[[]Role], error) {
	const op = "grant the role"
	return r.remap(ctx, op, h, roles, union, func(c Container, refs []roleRef) call {
		return r.post(op, h.writes(), refs, h.at(c)...)
	})
}

// Revoke takes roles from a holder. An empty list is refused: a DELETE without
// roles makes the server remove every mapping of the holder. Revoking what is not
// held does nothing.
func (r *Realm) Revoke(ctx context.Context, h Holder, roles ...Role) (clients.Change[[]Role], error) {
	const op = "revoke the role"
	ch, err := r.remap(ctx, op, h, roles, without, func(c Container, refs []roleRef) call {
		del := r.del(op, h.writes(), h.at(c)...)
		del.body = refs
		return del
	})
	if rest := without(ch.Before, roles); err == nil && len(rest) > 0 && len(ch.After) == 0 {
		// What a DELETE does whose body got lost on the way.
		err = &clients.Problem{Kind: clients.Conflict, Op: op + " in realm " + r.name, Target: r.s.admin.Target(),
			Reason: fmt.Sprintf("all %d roles are gone, not only those that were to be revoked", len(ch.Before)),
			Hint:   "undo gives them back; a gateway before Keycloak may take the body out of DELETE requests"}
	}
	return ch, err
}

// remap carries out grants or revocations container by container.
func (r *Realm) remap(ctx context.Context, op string, h Holder, roles []Role, expect func(a, b []Role) []Role, write func(Container, []roleRef) call) (clients.Change[[]Role], error) {
	var ch clients.Change[[]Role]
	if err := h.check(r, op); err != nil {
		return ch, err
	}
	if _, err := r.refs(op, roles); err != nil {
		return ch, err
	}
	containers, of := byContainer(roles)
	read := func(ctx context.Context) ([]Role, error) { return r.directIn(ctx, h, containers) }
	before, err := read(ctx)
	if err != nil {
		return ch, err
	}
	ch.Before = before
	known := before
	for _, c := range containers {
		refs, err := r.refs(op, of[c])
		if err != nil {
			return ch, err
		}
		if _, err := r.s.do(ctx, write(c, refs), nil); err != nil {
			ch.After = readBack(ctx, known, read)
			return ch, err
		}
		known = expect(known, of[c])
	}
	ch.After = readBack(ctx, known, read)
	return ch, nil
}

// byContainer sorts roles by what they belong to, realm first.
func byContainer(roles []Role) ([]Container, map[Container][]Role) {
	of := map[Container][]Role{}
	for _, role := range roles {
		of[role.Container()] = append(of[role.Container()], role)
	}
	order := slices.SortedFunc(maps.Keys(of), func(a, b Container) int { return strings.Compare(a.ClientUUID, b.ClientUUID) })
	return order, of
}

// directIn reads the direct mappings of several containers, in their order.
func (r *Realm) directIn(ctx context.Context, h Holder, containers []Container) ([]Role, error) {
	parts := make([][]Role, len(containers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, c := range containers {
		g.Go(func() (err error) {
			parts[i], err = r.DirectRoles(ctx, h, c)
			return err
		})
	}
	err := g.Wait()
	return slices.Concat(parts...), err
}
