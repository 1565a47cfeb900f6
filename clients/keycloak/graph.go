package keycloak

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"gatehouse/access/roles"
	"gatehouse/clients"
)

// Hop is one node on the way to a role: the holder, a group, or a role.
type Hop = roles.Step

// RoleGraph is everything that gives somebody roles: groups and their ancestors, what
// is mapped to each, and what the composite roles among that contain. For a client it
// is what brings roles into the scope of its tokens.
type RoleGraph struct {
	*roles.Graph
	// Start is the one that was asked about.
	Start roles.Step
	// Roles are all roles in the graph, by id.
	Roles map[string]Role
	// Cut is not empty when edges may be missing.
	Cut Cut
}

// maxNodes bounds a graph, against a realm that was built to exhaust its readers.
const maxNodes = 50_000

// RoleReader reads where roles come from. What groups are given and what composite
// roles contain is read once in its life, so that many questions about one realm cost
// little; make a new one to see what has changed since. It is safe for use by many
// goroutines.
type RoleReader struct {
	r      *Realm
	given  sync.Map // group, composite role or client scope → *cached[given]
	groups sync.Map // id, or path behind a slash → *cached[Group]
	names  sync.Map // client UUID → clientId, where an answer told it by the way

	accounts sync.Map // id of a service account → *cached[string], the clientId
}

// given is what one node gives, as far as our account was shown it.
type given struct {
	roles []Role
	needs []string // rights without which roles may be missing
}

// RoleReader begins to read; nothing is sent yet.
func (r *Realm) RoleReader() *RoleReader { return &RoleReader{r: r} }

func (rd *RoleReader) forget() {
	rd.given.Clear()
	rd.groups.Clear()
}

// keptFor is longer than a reader lives.
const keptFor = 24 * 60 * nameLife

func once[T any](ctx context.Context, m *sync.Map, key string, read func(context.Context) (T, error)) (T, error) {
	entry, _ := m.LoadOrStore(key, &cached[T]{})
	return entry.(*cached[T]).get(ctx, keptFor, read)
}

// mapped reads what is mapped to a group.
func (rd *RoleReader) mapped(ctx context.Context, group string) (given, error) {
	return once(ctx, &rd.given, group, func(ctx context.Context) (given, error) {
		m, err := rd.r.RoleMappings(ctx, OfGroup(group))
		return hiding(m.All(), err, "view-users")
	})
}

// inside reads what a composite role contains, one level deep.
func (rd *RoleReader) inside(ctx context.Context, role string) (given, error) {
	return once(ctx, &rd.given, role, func(ctx context.Context) (given, error) {
		found, err := rd.r.composites(ctx, role)
		return hiding(found, err, "view-realm", "view-clients")
	})
}

// hiding makes a refusal a gap that can be told.
func hiding(found []Role, err error, needs ...string) (given, error) {
	if clients.Is(err, clients.Denied) {
		return given{needs: needs}, nil
	}
	return given{roles: found}, err
}

func (rd *RoleReader) group(ctx context.Context, id string) (Group, error) {
	return once(ctx, &rd.groups, id, func(ctx context.Context) (Group, error) { return rd.r.Group(ctx, id) })
}

// lineage finds the ancestors of a group, nearest first. One after the other by their
// ids would cost a round each, so all are asked for at once by the path. What a path
// leads to is believed only if it is the parent that the child names, since a name
// may hold a slash.
func (rd *RoleReader) lineage(ctx context.Context, of Group) ([]Group, error) {
	if of.ParentID == "" {
		return nil, nil
	}
	guesses := rd.guess(ctx, of.Path)
	var out []Group
	for child := of; child.ParentID != "" && len(out) < maxNodes; child = out[len(out)-1] {
		parent, ok := guesses[child.ParentID]
		if !ok {
			var err error
			if parent, err = rd.group(ctx, child.ParentID); err != nil {
				return out, err
			}
		}
		out = append(out, parent)
	}
	return out, nil
}

// guess reads the groups that the beginnings of a path lead to, by id.
func (rd *RoleReader) guess(ctx context.Context, path string) map[string]Group {
	var starts []string
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			starts = append(starts, path[:i])
		}
	}
	if len(starts) == 1 { // the id is as good
		return nil
	}
	var mu sync.Mutex
	out := map[string]Group{}
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, p := range starts {
		g.Go(func() error {
			found, err := once(ctx, &rd.groups, p, func(ctx context.Context) (Group, error) { return rd.r.GroupByPath(ctx, p) })
			if err == nil {
				mu.Lock()
				out[found.ID] = found
				mu.Unlock()
			}
			return nil // the walk by id will tell
		})
	}
	g.Wait()
	return out
}

const opProvenance = "read where the roles come from"

func (r *Realm) startOf(h Holder) (roles.Step, error) {
	if err := h.check(r, opProvenance); err != nil {
		return roles.Step{}, err
	}
	switch h.Kind {
	case HolderUser:
		return roles.Step{Kind: roles.User, ID: h.ID}, nil
	case HolderGroup:
		return roles.Step{Kind: roles.Group, ID: h.ID}, nil
	}
	return roles.Step{}, r.refuse(opProvenance, "only users and groups hold roles", "")
}

// walk collects the answers of one level from several goroutines.
type walk struct {
	rd *RoleReader

	mu     sync.Mutex
	g      *RoleGraph
	placed map[string]bool  // groups whose parent is in the graph, or that have none
	listed map[string]Group // groups as the list of a user's groups has them
	done   map[string]bool  // groups of which it is known already what they give
	maybe  map[string]bool  // roles of which it is not known whether they are composite
	fresh  []string         // nodes found in this level
	rights Rights
	byDef  string             // the default role
	theirs map[roles.Ref]Role // the server's own answer, where it has everything
}

func newWalk(rd *RoleReader, start roles.Step) *walk {
	w := &walk{rd: rd, placed: map[string]bool{}, listed: map[string]Group{}, done: map[string]bool{}, maybe: map[string]bool{},
		g: &RoleGraph{Graph: roles.NewGraph(), Start: start, Roles: map[string]Role{}}}
	w.g.Add(start)
	return w
}

// prepare finds out what may be missing and which role is the default one.
func (w *walk) prepare(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { w.rights, err = w.rd.r.sees(ctx, "view-realm", "view-clients"); return })
	g.Go(func() (err error) { w.byDef, err = w.rd.r.defaultRole(ctx); return })
	return g.Wait()
}

// finish reads on from the first level to the end.
func (w *walk) finish(ctx context.Context) (*RoleGraph, error) {
	for level := w.fresh; len(level) > 0; {
		var err error
		if level, err = w.expand(ctx, level); err != nil {
			return nil, err
		}
	}
	return w.end(ctx), nil
}

// end puts down what may be missing, and the names.
func (w *walk) end(ctx context.Context) *RoleGraph {
	for _, right := range w.rights.Missing("view-realm", "view-clients") {
		w.lacks(right)
	}
	if w.g.Cut.Any() {
		w.g.Hide(w.g.Start.ID, w.g.Cut...)
	}
	w.name(ctx)
	w.g.Start, _ = w.g.Step(w.g.Start.ID)
	return w.g
}

// expand asks for what each node of a level gives, and returns the new nodes.
func (w *walk) expand(ctx context.Context, level []string) ([]string, error) {
	w.fresh = nil
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, id := range level {
		w.mu.Lock()
		step, _ := w.g.Step(id)
		composite := w.g.Roles[id].Composite || w.maybe[id]
		done := w.done[id]
		w.mu.Unlock()
		switch {
		case done:
		case step.Kind == roles.User || step.Kind == roles.ServiceAccount:
			g.Go(func() error { return w.user(ctx, step) })
		case step.Kind == roles.Group:
			g.Go(func() error { return w.group(ctx, step) })
		case step.Kind.IsRole() && composite:
			g.Go(func() error {
				in, err := w.rd.inside(ctx, id)
				return w.gives(id, in, err)
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if w.g.Len() > maxNodes {
		return nil, w.rd.r.refuse(opProvenance, "more than 50,000 groups and roles take part", "")
	}
	return w.fresh, nil
}

func (w *walk) user(ctx context.Context, step roles.Step) error {
	var m Mappings
	var groups []Group
	g, ctx := errgroup.WithContext(ctx)
	if step.Name == "" {
		g.Go(func() error {
			u, err := w.rd.r.User(ctx, step.ID)
			step.Name = u.Username
			return err
		})
	}
	g.Go(func() (err error) { m, err = w.rd.r.RoleMappings(ctx, OfUser(step.ID)); return })
	g.Go(func() (err error) {
		groups, err = collect(ctx, w.rd.r.UserGroups(step.ID, GroupQuery{Brief: true}))
		return
	})
	if err := g.Wait(); err != nil {
		return err
	}
	w.mu.Lock()
	w.g.Add(step)
	for _, gr := range groups {
		w.link(step.ID, roles.Step{Kind: roles.Group, ID: gr.ID, Name: gr.Path})
		w.listed[gr.ID] = gr // the list tells the parent
	}
	w.mu.Unlock()
	return w.gives(step.ID, given{roles: m.All()}, nil)
}

// group reads what is mapped to a group, and where it stands unless that is known.
func (w *walk) group(ctx context.Context, step roles.Step) error {
	var in given
	var above []Group
	var hidden error
	w.mu.Lock()
	placed := w.placed[step.ID]
	self, listed := w.listed[step.ID]
	w.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { in, err = w.rd.mapped(ctx, step.ID); return })
	if !placed {
		g.Go(func() (err error) {
			if !listed {
				if self, err = w.rd.group(ctx, step.ID); err != nil {
					return err
				}
			}
			above, hidden = w.rd.lineage(ctx, self)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	w.mu.Lock()
	err := w.place(step, placed, self, above, hidden)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	return w.gives(step.ID, in, nil)
}

// place hangs a group beneath its ancestors. One that may not be seen is a gap.
func (w *walk) place(step roles.Step, placed bool, self Group, above []Group, hidden error) error {
	if placed {
		return nil
	}
	step.Name = self.Path
	w.g.Add(step)
	w.placed[step.ID] = true
	child := step.ID
	for _, parent := range above {
		w.link(child, roles.Step{Kind: roles.Group, ID: parent.ID, Name: parent.Path})
		w.placed[parent.ID] = true
		w.byName(parent)
		child = parent.ID
	}
	if clients.Is(hidden, clients.Denied) {
		w.placed[child] = true
		w.g.Hide(child, "view-users")
		return nil
	}
	return hidden
}

// mostUnsure is how many roles of a group may be asked one by one whether they are
// composite; for more, one request for the mappings is less.
const mostUnsure = 2

// byName takes what a group gives from the names that came with it, which saves a
// request and a round. It works where the server has told all roles of the holder: the
// names are of roles among them. It is called with the lock held.
func (w *walk) byName(g Group) {
	if w.done[g.ID] || w.theirs == nil || g.RealmRoles == nil || g.ClientRoles == nil {
		return
	}
	var in given
	unsure := 0
	take := func(ref roles.Ref) bool {
		role, ok := w.theirs[ref]
		if !ok {
			return false
		}
		if known, is := w.g.Roles[role.ID]; is {
			role = known
		} else {
			unsure++
		}
		in.roles = append(in.roles, role)
		return true
	}
	for _, name := range g.RealmRoles {
		if !take(roles.Ref{Name: name}) {
			return
		}
	}
	for client, names := range g.ClientRoles {
		for _, name := range names {
			if !take(roles.Ref{Client: client, Name: name}) {
				return
			}
		}
	}
	if unsure > mostUnsure {
		return
	}
	for _, role := range in.roles {
		if _, known := w.g.Roles[role.ID]; !known {
			w.maybe[role.ID] = true
		}
	}
	w.done[g.ID] = true
	w.give(g.ID, in)
}

// gives links a node to the roles that it gives.
func (w *walk) gives(from string, in given, err error) error {
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.give(from, in)
	return nil
}

// give is called with the lock held.
func (w *walk) give(from string, in given) {
	if len(in.needs) > 0 {
		w.g.Hide(from, in.needs...)
		for _, n := range in.needs {
			if !slices.Contains(w.g.Cut, n) {
				w.g.Cut = append(w.g.Cut, n)
			}
		}
	}
	for _, role := range in.roles {
		if old, ok := w.g.Roles[role.ID]; !ok || old.Client == "" {
			role.Composite = role.Composite || old.Composite
			w.g.Roles[role.ID] = role
		} else if role.Composite && !old.Composite {
			old.Composite = true
			w.g.Roles[role.ID] = old
		}
		w.link(from, stepOf(role))
	}
}

// link is called with the lock held.
func (w *walk) link(from string, to roles.Step) {
	if _, known := w.g.Step(to.ID); !known {
		w.g.Add(to)
		w.fresh = append(w.fresh, to.ID)
	}
	w.g.Link(from, to.ID)
}

// stepOf is a role as a step; the UUID stands for a client whose name is not known.
func stepOf(role Role) roles.Step {
	if role.ClientRole {
		return roles.Step{Kind: roles.ClientRole, ID: role.ID, Name: role.Name, Client: cmp.Or(role.Client, role.ContainerID)}
	}
	return roles.Step{Kind: roles.RealmRole, ID: role.ID, Name: role.Name}
}

// name gives client roles found through composites the clientId of their client, and
// marks the default role.
func (w *walk) name(ctx context.Context) {
	var nameless []Role
	for id, role := range w.g.Roles {
		if !role.ClientRole || role.Client != "" {
			continue
		}
		if name, ok := w.rd.names.Load(role.ContainerID); ok {
			role.Client = name.(string)
			w.g.Roles[id] = role
		} else {
			nameless = append(nameless, role)
		}
	}
	for _, role := range w.rd.r.nameClients(ctx, nameless) {
		w.g.Roles[role.ID] = role
	}
	for id, role := range w.g.Roles {
		s := stepOf(role)
		s.Default = id == w.byDef
		w.g.Add(s)
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
