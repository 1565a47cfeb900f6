package keycloak

import (
	"context"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
)

// Hop is one node on the way to a role: the holder, a group, or a role.
type Hop struct {
	Kind HopKind `json:"kind"`
	ID   string  `json:"id"`
	// Name is a username, a group path, or a role as String writes it.
	Name string `json:"name"`
	// Default marks the realm's default role, which every new user is given.
	Default bool `json:"default,omitempty"`
}

// String is the hop as a sentence names it: "group /staff".
func (h Hop) String() string { return string(h.Kind) + " " + h.Name }

// HopKind tells what a hop is.
type HopKind string

// The kinds of hop.
const (
	HopUser       HopKind = "user"
	HopGroup      HopKind = "group"
	HopRealmRole  HopKind = "realm role"
	HopClientRole HopKind = "client role"
)

// RoleGraph is everything that gives a user or group its roles: its groups and their
// ancestors, what is mapped to each, and what the composite roles among that
// contain. Ids of users, groups and roles are unique across the realm.
type RoleGraph struct {
	// Start is the user or group that was asked about.
	Start Hop
	// Roles are all roles in the graph, by id.
	Roles map[string]Role
	// Cut is not empty when edges may be missing.
	Cut Cut

	hops map[string]Hop
	next map[string][]string
}

// Hop gives a node by its id.
func (g *RoleGraph) Hop(id string) (Hop, bool) {
	h, ok := g.hops[id]
	return h, ok
}

// Next lists what a node gives directly: roles, or groups whose roles are inherited.
// Roles come first, so that a walk in breadth finds a direct mapping before others.
func (g *RoleGraph) Next(id string) []string { return g.next[id] }

// maxNodes bounds a graph, against a realm that was built to exhaust its readers.
const maxNodes = 50_000

// RoleGraph reads the graph of a user or group, level by level, each level side by
// side. A cycle among composite roles, which the server allows, ends where it closes.
func (r *Realm) RoleGraph(ctx context.Context, h Holder) (*RoleGraph, error) {
	const op = "read where the roles come from"
	if err := h.check(r, op); err != nil {
		return nil, err
	}
	if h.Kind != HolderUser && h.Kind != HolderGroup {
		return nil, r.refuse(op, "only users and groups hold roles", "")
	}
	rights, err := r.Rights(ctx)
	if err != nil {
		return nil, err
	}
	def, err := r.defaultRole(ctx)
	if err != nil {
		return nil, err
	}
	b := &graphBuilder{r: r, defaultRole: def, g: &RoleGraph{
		Start: Hop{Kind: HopUser, ID: h.ID}, Roles: map[string]Role{}, hops: map[string]Hop{}, next: map[string][]string{},
		Cut: rights.Missing("view-realm", "view-clients"),
	}}
	if h.Kind == HolderGroup {
		b.g.Start.Kind = HopGroup
	}
	b.g.hops[h.ID] = b.g.Start
	for level := []string{h.ID}; len(level) > 0; {
		if level, err = b.expand(ctx, level); err != nil {
			return nil, err
		}
		if len(b.g.hops) > maxNodes {
			return nil, r.refuse(op, "more than 50,000 groups and roles take part", "")
		}
	}
	b.g.Start = b.g.hops[h.ID]
	b.name(ctx)
	return b.g, nil
}

// graphBuilder collects the answers of one level from several goroutines.
type graphBuilder struct {
	r           *Realm
	defaultRole string

	mu    sync.Mutex
	g     *RoleGraph
	fresh []string // nodes found in this level
}

// expand asks for what each node of a level gives, and returns the new nodes.
func (b *graphBuilder) expand(ctx context.Context, level []string) ([]string, error) {
	b.fresh = nil
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, id := range level {
		b.mu.Lock()
		hop := b.g.hops[id]
		composite := b.g.Roles[id].Composite
		b.mu.Unlock()
		switch hop.Kind {
		case HopUser:
			g.Go(func() error { return b.user(ctx, id) })
		case HopGroup:
			g.Go(func() error { return b.group(ctx, id) })
		default:
			if composite {
				g.Go(func() error { return b.role(ctx, id) })
			}
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return b.fresh, nil
}

func (b *graphBuilder) user(ctx context.Context, id string) error {
	var m Mappings
	var groups []Group
	var u User
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { u, err = b.r.User(ctx, id); return })
	g.Go(func() (err error) { m, err = b.r.RoleMappings(ctx, OfUser(id)); return })
	g.Go(func() (err error) {
		groups, err = collect(ctx, b.r.UserGroups(id, GroupQuery{Brief: true}))
		return
	})
	if err := g.Wait(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rename(id, u.Username)
	b.roles(id, m.All())
	for _, gr := range groups {
		b.edge(id, Hop{Kind: HopGroup, ID: gr.ID, Name: gr.Path})
	}
	return nil
}

func (b *graphBuilder) group(ctx context.Context, id string) error {
	var m Mappings
	var gr Group
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { gr, err = b.r.Group(ctx, id); return })
	g.Go(func() (err error) { m, err = b.r.RoleMappings(ctx, OfGroup(id)); return })
	if err := g.Wait(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rename(id, gr.Path)
	b.roles(id, m.All())
	if gr.ParentID != "" {
		// The path is the parent's until its own answer comes.
		b.edge(id, Hop{Kind: HopGroup, ID: gr.ParentID, Name: strings.TrimSuffix(gr.Path, "/"+gr.Name)})
	}
	return nil
}

func (b *graphBuilder) role(ctx context.Context, id string) error {
	roles, err := b.r.composites(ctx, id)
	if clients.Is(err, clients.Denied) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.g.Cut.Any() {
			b.g.Cut = Cut{"view-realm", "view-clients"}
		}
		return nil
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roles(id, roles)
	return nil
}

// roles, edge and rename are called with the lock held.
func (b *graphBuilder) roles(from string, roles []Role) {
	for _, role := range roles {
		if known, ok := b.g.Roles[role.ID]; !ok || known.Client == "" {
			b.g.Roles[role.ID] = role
		}
		kind := HopRealmRole
		if role.ClientRole {
			kind = HopClientRole
		}
		b.edge(from, Hop{Kind: kind, ID: role.ID, Name: role.String(), Default: role.ID == b.defaultRole})
	}
}

func (b *graphBuilder) edge(from string, to Hop) {
	b.g.next[from] = append(b.g.next[from], to.ID)
	if _, known := b.g.hops[to.ID]; !known {
		b.g.hops[to.ID] = to
		b.fresh = append(b.fresh, to.ID)
	}
}

func (b *graphBuilder) rename(id, name string) {
	h := b.g.hops[id]
	h.Name = name
	b.g.hops[id] = h
}

// name gives client roles found through composites the clientId of their client.
func (b *graphBuilder) name(ctx context.Context) {
	var nameless []Role
	for _, role := range b.g.Roles {
		if role.ClientRole && role.Client == "" {
			nameless = append(nameless, role)
		}
	}
	for _, role := range b.r.nameClients(ctx, nameless) {
		b.g.Roles[role.ID] = role
	}
	for id, role := range b.g.Roles {
		b.rename(id, role.String())
	}
}

// defaultRole is the id of the realm's default role; empty when we may not know it.
func (r *Realm) defaultRole(ctx context.Context) (string, error) {
	return r.state.defaultRole.get(ctx, nameLife, func(ctx context.Context) (string, error) {
		s, err := r.Settings(ctx)
		if clients.Is(err, clients.Denied) {
			return "", nil
		}
		return s.DefaultRole.ID, err
	})
}
