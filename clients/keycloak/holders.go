package keycloak

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"gatehouse/access/roles"
	"gatehouse/clients"
)

// Holders looks for everybody who holds a role, directly or through any way; see
// roles.Find. Which roles contain the role has to be read from every composite role of
// the realm, once in the life of the reader.
func (rd *RoleReader) Holders(ctx context.Context, role Role, q roles.HoldersQuery, emit func(roles.Holder) error) (roles.Holders, error) {
	if role.ClientRole && role.Client == "" {
		role.Client = rd.r.clientID(ctx, role.ContainerID)
	}
	d := &directory{rd: rd, seen: map[string]Role{role.ID: role}}
	step := stepOf(role)
	def, err := rd.r.defaultRole(ctx)
	if err != nil {
		return roles.Holders{}, err
	}
	step.Default = role.ID == def
	return roles.Find(ctx, d, step, q, emit)
}

// directory is the realm as roles.Find reads it.
type directory struct {
	rd *RoleReader

	leaves sync.Map // ids of groups without groups beneath them

	mu   sync.Mutex
	seen map[string]Role
}

// Composites implements roles.Directory.
func (d *directory) Composites(ctx context.Context, progress func(read, of int)) (*roles.Graph, []string, error) {
	g, err := d.rd.composites(ctx, progress)
	if err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, role := range g.Roles {
		d.seen[id] = role
	}
	return g.Graph, g.Cut, nil
}

func (d *directory) role(s roles.Step) Role {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen[s.ID]
}

// UsersOf implements roles.Directory.
func (d *directory) UsersOf(ctx context.Context, role roles.Step) iter.Seq2[roles.Step, error] {
	return d.users(ctx, d.rd.r.RoleUsers(d.role(role), holdersPage), "view-users", d.role(role).Container().needs())
}

// GroupsOf implements roles.Directory.
func (d *directory) GroupsOf(ctx context.Context, role roles.Step) iter.Seq2[roles.Step, error] {
	return told(ctx, d.rd.r.RoleGroups(d.role(role), holdersPage), groupStep, "view-users", d.role(role).Container().needs())
}

// MembersOf implements roles.Directory.
func (d *directory) MembersOf(ctx context.Context, group roles.Step) iter.Seq2[roles.Step, error] {
	return d.users(ctx, d.rd.r.GroupMembers(group.ID, holdersPage), "view-users")
}

// ChildrenOf implements roles.Directory. Most groups have none, and the list that a
// group was found in says so; only the list of the groups of a role does not.
func (d *directory) ChildrenOf(ctx context.Context, group roles.Step) iter.Seq2[roles.Step, error] {
	if _, leaf := d.leaves.Load(group.ID); leaf {
		return func(func(roles.Step, error) bool) {}
	}
	return told(ctx, d.rd.r.GroupChildren(group.ID, GroupQuery{Brief: true, PageSize: holdersPage}), func(g Group) roles.Step {
		if g.SubGroupCount == 0 && !d.rd.r.s.lacks("children") {
			d.leaves.Store(g.ID, struct{}{})
		}
		return groupStep(g)
	}, "view-users")
}

// holdersPage is how many people a search for holders reads at once: the server takes
// as long to begin an answer as to give some hundred rows.
const holdersPage = 500

func groupStep(g Group) roles.Step {
	return roles.Step{Kind: roles.Group, ID: g.ID, Name: g.Path}
}

// users tells service accounts from people.
func (d *directory) users(ctx context.Context, f clients.Fetch[User], needs ...string) iter.Seq2[roles.Step, error] {
	return told(ctx, f, func(u User) roles.Step {
		if name, ok := strings.CutPrefix(u.Username, serviceAccountPrefix); ok {
			if clientID := d.rd.serviceAccount(ctx, u.ID, name); clientID != "" {
				return roles.Step{Kind: roles.ServiceAccount, ID: u.ID, Name: clientID}
			}
		}
		return roles.Step{Kind: roles.User, ID: u.ID, Name: u.Username}
	}, needs...)
}

// serviceAccountPrefix begins the username of every service account; the server makes
// the rest of the clientId in small letters. Nothing else in a list tells them apart.
const serviceAccountPrefix = "service-account-"

// serviceAccount is the clientId behind a service account; empty for a person whose
// username only looks like one, and when clients may not be read.
func (rd *RoleReader) serviceAccount(ctx context.Context, userID, name string) string {
	clientID, _ := once(ctx, &rd.accounts, userID, func(ctx context.Context) (string, error) {
		for c, err := range clients.Each(ctx, rd.r.Clients(ClientQuery{ClientID: name, Search: true})) {
			if err != nil {
				return "", err
			}
			if c.ServiceAccounts && strings.EqualFold(c.ClientID, name) {
				if u, err := rd.r.ServiceAccount(ctx, c.ID); err == nil && u.ID == userID {
					return c.ClientID, nil
				}
			}
		}
		return "", nil
	})
	return clientID
}

// told walks a list as steps and makes a refusal one that says which right is missing.
func told[T any](ctx context.Context, f clients.Fetch[T], step func(T) roles.Step, needs ...string) iter.Seq2[roles.Step, error] {
	return func(yield func(roles.Step, error) bool) {
		for item, err := range clients.Each(ctx, f) {
			switch {
			case clients.Is(err, clients.Denied):
				err = &roles.Refused{Needs: slices.Compact(needs), Err: err}
			case clients.Is(err, clients.Invalid): // a name that cannot stand in an address
				err = &roles.Refused{Err: err}
			}
			if err != nil {
				yield(roles.Step{}, err)
				return
			}
			if !yield(step(item), nil) {
				return
			}
		}
	}
}

// composites reads every role of the realm that contains others, and what it
// contains. There is no address that tells in which roles a role is contained.
func (rd *RoleReader) composites(ctx context.Context, progress func(read, of int)) (*RoleGraph, error) {
	w := newWalk(rd, roles.Step{})
	w.g.Graph = roles.NewGraph()
	var all []Role
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.prepare(gctx) })
	g.Go(func() (err error) { all, err = rd.compositeRoles(gctx, w); return })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, right := range w.rights.Missing("view-realm", "view-clients") {
		w.lacks(right)
	}
	read := 0
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, role := range all {
		w.mu.Lock()
		w.g.Roles[role.ID] = role
		w.g.Add(stepOf(role))
		w.mu.Unlock()
		g.Go(func() error {
			in, err := rd.inside(gctx, role.ID)
			if err := w.gives(role.ID, in, err); err != nil {
				return err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if read++; progress != nil {
				progress(read, len(all))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	w.name(ctx)
	return w.g, nil
}

// compositeRoles lists the composite roles of the realm and of all clients. What our
// account may not list is a gap in the walk.
func (rd *RoleReader) compositeRoles(ctx context.Context, w *walk) ([]Role, error) {
	var mu sync.Mutex
	var out []Role
	list := func(ctx context.Context, c Container, client string) error {
		for role, err := range clients.Each(ctx, rd.r.Roles(c, RoleQuery{PageSize: 1000, unnamed: true})) {
			if clients.Is(err, clients.Denied) {
				w.lacks(c.needs())
				return nil
			}
			if err != nil {
				return err
			}
			if role.Composite {
				role.Client = client
				mu.Lock()
				out = append(out, role)
				mu.Unlock()
			}
		}
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	g.Go(func() error { return list(ctx, OfRealm, "") })
	for c, err := range clients.Each(ctx, rd.r.Clients(ClientQuery{})) {
		if clients.Is(err, clients.Denied) {
			w.lacks("view-clients")
			break
		}
		if err != nil {
			g.Go(func() error { return err })
			break
		}
		rd.names.Store(c.ID, c.ClientID)
		g.Go(func() error { return list(ctx, OfClient(c.ID), c.ClientID) })
	}
	err := g.Wait()
	slices.SortFunc(out, func(a, b Role) int { return strings.Compare(a.String(), b.String()) })
	return out, err
}

// lacks puts a missing right down.
func (w *walk) lacks(right string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.g.Cut, right) {
		w.g.Cut = append(w.g.Cut, right)
	}
}
