package keycloak

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"gatehouse/access/roles"
)

// RoleSearch looks for where the roles of a holder come from, level by level, so that
// whoever has more to read can read it beside. A level is one round of requests side by
// side: the holder; its groups, those above them, and the composite roles among what it
// holds; then ever deeper composite roles.
//
// It is not safe for use by several goroutines.
type RoleSearch struct {
	rd     *RoleReader
	start  roles.Step
	want   roles.Ref
	all    bool
	w      *walk
	level  []string
	later  []string // the default role, which everybody has, comes last
	theirs []Role
	// checked says that the server gave its own answer; again that what was remembered
	// did not fit to it and everything was read anew.
	checked, again bool
}

// Search looks for one role of a user or service account, and no further: where the
// server says that it is not held, or where a way to it is found, nothing more is read.
// Of the other roles it then tells only that they are held, for which there is the
// server's word. The zero Ref asks for these alone.
//
// Where our account may not see everything, or the server has no such list, all is read
// as Provenance does.
func (rd *RoleReader) Search(who roles.Step, want roles.Ref) *RoleSearch {
	return rd.search(who, want, false)
}

func (rd *RoleReader) search(start roles.Step, want roles.Ref, all bool) *RoleSearch {
	return &RoleSearch{rd: rd, start: start, want: want, all: all}
}

func (s *RoleSearch) holder() Holder {
	if s.start.Kind == roles.Group {
		return OfGroup(s.start.ID)
	}
	return OfUser(s.start.ID)
}

// Begin reads the first level.
func (s *RoleSearch) Begin(ctx context.Context) error {
	if s.start.ID == "" || s.start.Kind.IsRole() {
		return s.rd.r.refuse(opProvenance, "only users and groups hold roles", "")
	}
	s.w, s.later = newWalk(s.rd, s.start), nil
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.w.prepare(gctx) })
	g.Go(func() (err error) { s.level, err = s.w.expand(gctx, []string{s.start.ID}); return })
	g.Go(func() (err error) { s.theirs, s.checked, err = s.rd.r.serverEffective(gctx, s.holder()); return })
	if err := g.Wait(); err != nil {
		return err
	}
	s.rd.learnNames(s.theirs)
	if s.whole() {
		s.w.theirs = map[roles.Ref]Role{}
		for _, role := range s.theirs {
			s.w.theirs[stepOf(role).Ref()] = role
		}
	}
	return nil
}

// whole reports that the server's own answer has everything.
func (s *RoleSearch) whole() bool {
	return s.checked && !s.w.rights.Missing("view-realm", "view-clients").Any()
}

// More reports whether another level has to be read.
func (s *RoleSearch) More() bool {
	switch {
	case !s.all && s.whole() && (!s.held() || s.found()):
		return false
	case len(s.level)+len(s.later) > 0:
		return true
	}
	return s.whole() && !s.again && !s.agrees()
}

// held reports that the server says that the wanted role is held.
func (s *RoleSearch) held() bool {
	_, is := s.w.theirs[s.want]
	return is
}

// found reports that a way to the wanted role is known.
func (s *RoleSearch) found() bool {
	_, known := s.w.g.Step(s.w.theirs[s.want].ID)
	return known
}

// agrees compares what was found, at the end, with the server's answer.
func (s *RoleSearch) agrees() bool {
	if !s.all {
		return s.found()
	}
	ours := s.w.g.Reach(s.start.ID)
	if len(ours) != len(union(nil, s.theirs)) {
		return false
	}
	theirs := map[string]bool{}
	for _, role := range s.theirs {
		theirs[role.ID] = true
	}
	for _, role := range ours {
		if !theirs[role.ID] {
			return false
		}
	}
	return true
}

// Holds answers whether a role is held, after Begin and before the ways are known:
// Unknown where the server's own answer may lack roles.
func (s *RoleSearch) Holds(role roles.Ref) Tri {
	if !s.whole() {
		return Unknown
	}
	_, is := s.w.theirs[role]
	return triOf(is)
}

// Role is a role by its id, if the server's own answer or a level has it.
func (s *RoleSearch) Role(id string) (Role, bool) {
	for _, role := range s.theirs {
		if role.ID == id {
			return role, true
		}
	}
	return Role{}, false
}

// holdBack puts the default role at the end: what it holds is seldom asked for.
func (s *RoleSearch) holdBack() {
	i := slices.Index(s.level, s.w.byDef)
	if i >= 0 && len(s.level) > 1 {
		s.level, s.later = slices.Delete(s.level, i, i+1), []string{s.w.byDef}
	}
	if len(s.level) == 0 {
		s.level, s.later = s.later, nil
	}
}

// Next reads the next level. When all was read and does not fit to the server's answer,
// something may have changed since: it begins once more, with nothing remembered.
func (s *RoleSearch) Next(ctx context.Context) error {
	if !s.all {
		s.holdBack()
	}
	if len(s.level) == 0 {
		s.again = true
		s.rd.forget()
		return s.Begin(ctx)
	}
	var err error
	s.level, err = s.w.expand(ctx, s.level)
	return err
}

// Provenance is what was found, at most limit ways to a role.
func (s *RoleSearch) Provenance(ctx context.Context, limit int) (Provenance, error) {
	g := s.w.end(ctx)
	p := Provenance{Provenance: g.Provenance(s.start.ID, limit), Known: g.Roles}
	if g.Cut.Any() {
		return p, s.rd.fillRealm(ctx, s.holder(), &p)
	}
	p.Checked = s.checked
	p.compare(s.theirs)
	if s.all || !s.whole() {
		return p, nil
	}
	// Where not everything was read the server's word stands for the rest; only the
	// wanted role can differ.
	rest := p.OnlyServer
	p.OnlyServer = nil
	for _, step := range rest {
		p.Roles = append(p.Roles, roles.Held{Role: step, Paths: []roles.Path{}})
		if step.Ref() == s.want {
			p.OnlyServer = append(p.OnlyServer, step)
		}
	}
	roles.Sort(p.Roles)
	return p, nil
}

// Inside lists the roles that a composite role contains, at any depth; roles may contain
// themselves.
func (rd *RoleReader) Inside(ctx context.Context, role Role) (Roleset, error) {
	w := newWalk(rd, stepOf(role))
	w.maybe[role.ID] = true
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.prepare(gctx) })
	g.Go(func() error { _, err := w.expand(gctx, []string{role.ID}); return err })
	if err := g.Wait(); err != nil {
		return Roleset{}, err
	}
	graph, err := w.finish(ctx)
	if err != nil {
		return Roleset{}, err
	}
	out := Roleset{Cut: graph.Cut}
	for _, step := range graph.Reach(role.ID) {
		out.Roles = append(out.Roles, graph.Roles[step.ID])
	}
	return out, nil
}

// GroupRoles are the roles that are mapped to a group, as they were when the reader
// first read them.
func (rd *RoleReader) GroupRoles(ctx context.Context, groupID string) ([]Role, error) {
	in, err := rd.mapped(ctx, groupID)
	return in.roles, err
}
