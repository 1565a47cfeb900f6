package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Radius is what writes do besides answering the one question with yes. Nothing in it
// is guessed: what could not be counted to its end is marked as AtLeast.
type Radius struct {
	// LetsIn is how many other people get the same permission on the same object. Each
	// was tried out, under the limits of the server.
	LetsIn int `json:"also_lets_in,omitempty"`
	// AlsoGrants is how many other objects the added tuples give something on, up to
	// three steps away: those that have the written set as a subject, or the written
	// object as a parent. With a model only the types that it declares are looked for.
	AlsoGrants int `json:"also_grants"`
	// AlsoTakes is the same for the removed tuples: objects on which what they gave may
	// be missed.
	AlsoTakes int `json:"also_takes,omitempty"`
	// Permissions are what else the same subject gets on the same object, and Loses what
	// it has no longer.
	Permissions []string `json:"also_permissions,omitempty"`
	Loses       []string `json:"loses_permissions,omitempty"`
	// AtLeast says that counting ended at a bound: there may be more.
	AtLeast bool `json:"at_least,omitempty"`
}

// Bounds of what is looked at for one fix.
const (
	maxPeople    = 200 // people who are tried out
	maxSets      = 40  // groups and objects among whose members they are looked for
	maxAlso      = 200 // objects that are counted
	maxReachList = 4   // lists that are read to find them
	reachSteps   = 2
	radiusSteps  = 2_000 // of one evaluation; a model that needs more is not counted out
)

// Words are what a person should know before making the writes: "also lets 14 other
// people in and grants edit". Empty when there is nothing else.
func (r Radius) Words() string {
	atLeast := ""
	if r.AtLeast {
		atLeast = "at least "
	}
	var parts []string
	if r.LetsIn > 0 {
		parts = append(parts, "lets "+atLeast+people(r.LetsIn)+" in")
	}
	if len(r.Permissions) > 0 {
		parts = append(parts, "grants "+listed3(r.Permissions))
	}
	if r.AlsoGrants > 0 {
		parts = append(parts, "reaches "+atLeast+countOf(r.AlsoGrants, "other object"))
	}
	if len(r.Loses) > 0 {
		parts = append(parts, "takes away "+listed3(r.Loses))
	}
	if r.AlsoTakes > 0 {
		parts = append(parts, "may take away what it gives on "+atLeast+countOf(r.AlsoTakes, "other object"))
	}
	switch {
	case len(parts) == 0 && r.AtLeast:
		return "may do more: it could not be counted"
	case len(parts) == 0:
		return ""
	case len(parts) == 1:
		return "also " + parts[0]
	}
	return "also " + strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

func people(n int) string {
	if n == 1 {
		return "1 other person"
	}
	return fmt.Sprintf("%d other people", n)
}

// listed3 names up to three things.
func listed3(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// compare puts what reaches less far first. What could not be counted comes last.
func (r Radius) compare(o Radius) int {
	toInt := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(toInt(r.AtLeast), toInt(o.AtLeast)),
		cmp.Compare(r.LetsIn+r.AlsoGrants+r.AlsoTakes, o.LetsIn+o.AlsoGrants+o.AlsoTakes),
		cmp.Compare(len(r.Loses), len(o.Loses)),
		cmp.Compare(len(r.Permissions), len(o.Permissions)))
}

// radius works out what writes do besides.
func (w *working) radius(ctx context.Context, writes []Write) Radius {
	var r Radius
	w.permissions(ctx, writes, &r)
	w.lets(ctx, writes, &r)
	for _, wr := range writes {
		n, whole := w.reach(ctx, wr.what)
		if wr.Op == OpAdd {
			r.AlsoGrants += n
		} else if wr.what.Subject.Equal(w.ask.Question.Subject) {
			r.AlsoTakes += n
		}
		r.AtLeast = r.AtLeast || !whole
	}
	return r
}

// certain is the verdict as far as it decides who is let in: where Keto answers an error
// nobody is, and only what we could not find out is Unknown.
func (d Decision) certain() Verdict {
	if d.Verdict == Unknown && !d.Root.has(CutRead) && !d.Root.has(CutSteps) {
		return Denied
	}
	return d.Verdict
}

// quick are the settings for the many small evaluations of a radius.
func (w *working) quick() Settings {
	s := w.set
	s.MaxSteps = radiusSteps
	return s
}

// permissions compares what else the subject may do on the object. What a permission is
// made of is not told beside it.
func (w *working) permissions(ctx context.Context, writes []Write, r *Radius) {
	n := w.x.Model.Namespace(w.ask.Question.Namespace)
	if n == nil {
		return
	}
	after := newOverlay(w.store, writes)
	said := map[string]bool{w.ask.Question.Relation: true}
	var more []string
	for _, rel := range n.Permits() {
		if rel.Name == w.ask.Question.Relation || ctx.Err() != nil {
			continue
		}
		q := w.ask.Question
		q.Relation = rel.Name
		was := evaluate(ctx, w.store, w.x.Model, w.quick(), q, w.ask.MaxDepth, variant{}).certain()
		is := evaluate(ctx, after, w.x.Model, w.quick(), q, w.ask.MaxDepth, variant{}).certain()
		switch {
		case is == Allowed && was == Denied:
			more = append(more, rel.Name)
			said[rel.Name] = true
		case was == Allowed && is == Denied:
			r.Loses = append(r.Loses, rel.Name)
		}
	}
	for _, name := range more {
		if !slices.ContainsFunc(n.Permits(), func(rel *opl.Relation) bool { return said[rel.Name] && rel.Name != name && uses(rel.Rewrite, name) }) {
			r.Permissions = append(r.Permissions, name)
		}
	}
}

// uses reports whether a rule asks for a permission of the same object.
func uses(rule *opl.Rewrite, permission string) bool {
	return rule != nil && slices.ContainsFunc(rule.Children, func(n opl.Node) bool {
		switch n := n.(type) {
		case *opl.Computed:
			return n.Relation == permission
		case *opl.Rewrite:
			return uses(n, permission)
		}
		return false
	})
}

// lets counts the other people who get what was asked for.
func (w *working) lets(ctx context.Context, writes []Write, r *Radius) {
	found := crowd{w: w, who: map[string]tuple.Subject{}, seen: map[tuple.Set]bool{}}
	for _, wr := range writes {
		found.add(ctx, wr.what.Subject)
	}
	was := byObject{w.store}
	is := newOverlay(was, writes)
	for _, s := range found.order {
		q := w.ask.Question
		if s.Equal(q.Subject) || ctx.Err() != nil {
			continue
		}
		q.Subject = s
		before := evaluate(ctx, was, w.x.Model, w.quick(), q, w.ask.MaxDepth, variant{}).certain()
		after := evaluate(ctx, is, w.x.Model, w.quick(), q, w.ask.MaxDepth, variant{}).certain()
		switch {
		case before == Unknown || after == Unknown:
			found.more = found.more || after != Denied && before != Allowed
		case after == Allowed && before == Denied:
			r.LetsIn++
		}
	}
	r.AtLeast = r.AtLeast || found.more || ctx.Err() != nil
}

// byObject finds tuples in the lists of their objects: for many subjects that is less
// to read than a list for each.
type byObject struct{ Reader }

// Has implements Reader.
func (b byObject) Has(ctx context.Context, t tuple.Tuple) (bool, error) {
	of, err := b.Of(ctx, t.Namespace, t.Object)
	for _, o := range of {
		if o.Equal(t) {
			return true, nil
		}
	}
	return false, err
}

// crowd are the people below subject sets.
type crowd struct {
	w     *working
	who   map[string]tuple.Subject
	order []tuple.Subject
	seen  map[tuple.Set]bool
	more  bool // not all were looked at
}

// add takes up a person, or those who are below a set. The sets are gone through level
// by level, each level read side by side.
func (c *crowd) add(ctx context.Context, s tuple.Subject) {
	level := []tuple.Subject{s}
	for len(level) > 0 && ctx.Err() == nil {
		var sets []tuple.Set
		var objects [][2]string
		for _, s := range level {
			switch {
			case s.Set == nil || c.person(*s.Set):
				c.take(s)
			case c.seen[*s.Set]:
			case len(c.seen) == maxSets:
				c.more = true
			default:
				c.seen[*s.Set] = true
				sets = append(sets, *s.Set)
				objects = append(objects, [2]string{s.Set.Namespace, s.Set.Object})
			}
		}
		c.w.store.Ahead(ctx, objects)
		level = level[:0:0]
		for _, set := range sets {
			level = append(level, c.below(ctx, set)...)
		}
	}
}

// person reports whether a set stands for one person: an object of a namespace that
// declares nothing.
func (c *crowd) person(s tuple.Set) bool {
	n := c.w.x.Model.Namespace(s.Namespace)
	return s.Relation == "" && n != nil && len(n.Relations) == 0
}

func (c *crowd) take(s tuple.Subject) {
	key := subjectKey(s)
	switch _, known := c.who[key]; {
	case known || s.Equal(c.w.ask.Question.Subject):
	case len(c.order) == maxPeople:
		c.more = true
	default:
		c.who[key] = s
		c.order = append(c.order, s)
	}
}

// below are the subjects that a set is made of. For a permission, and for an object
// that is a parent, those are the subjects of everything on that object.
func (c *crowd) below(ctx context.Context, s tuple.Set) []tuple.Subject {
	all, err := c.w.store.Of(ctx, s.Namespace, s.Object)
	c.more = c.more || err != nil
	rel := c.w.x.Model.Relation(s.Namespace, s.Relation)
	every := s.Relation == "" || rel != nil && rel.IsPermission
	var out []tuple.Subject
	for _, t := range all {
		if every || t.Relation == s.Relation {
			out = append(out, t.Subject)
		}
	}
	return out
}

// reach counts the objects on which a tuple means something besides its own, and says
// whether all were counted.
func (w *working) reach(ctx context.Context, t tuple.Tuple) (n int, whole bool) {
	objects := map[[2]string]bool{{t.Namespace, t.Object}: true, {w.ask.Question.Namespace, w.ask.Question.Object}: true}
	own := len(objects)
	level, lists := []tuple.Tuple{t}, 0
	for range reachSteps {
		sets := w.namedBy(level)
		if len(sets) == 0 {
			return len(objects) - own, true
		}
		if lists += len(sets); lists > maxReachList || ctx.Err() != nil {
			return len(objects) - own, false
		}
		rows, all := w.store.naming(ctx, sets)
		level = level[:0:0]
		for _, o := range rows {
			if at := [2]string{o.Namespace, o.Object}; !objects[at] {
				objects[at] = true
				level = append(level, o)
			}
		}
		if !all {
			return len(objects) - own, false
		}
	}
	return len(objects) - own, len(w.namedBy(level)) == 0
}

// namedBy are the subject sets that other tuples may name on account of these: the
// relation itself, and the object as a parent.
func (w *working) namedBy(ts []tuple.Tuple) []tuple.Set {
	var out []tuple.Set
	for _, t := range ts {
		for _, relation := range []string{t.Relation, ""} {
			if w.isType(t.Namespace, relation) {
				out = append(out, tuple.Set{Namespace: t.Namespace, Object: t.Object, Relation: relation})
			}
		}
	}
	return out
}

// naming are the tuples whose subject is one of the sets, read side by side, each up to
// maxAlso; all says that there are no more.
func (s *store) naming(ctx context.Context, sets []tuple.Set) (rows []tuple.Tuple, all bool) {
	var wg sync.WaitGroup
	gate := make(chan struct{}, parallel)
	started := false
	for _, set := range sets {
		s.mu.Lock()
		_, known := s.named[set]
		if !known {
			s.named[set] = listed{}
			s.requests++
			started = true
		}
		s.mu.Unlock()
		if known {
			continue
		}
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			l := s.named1(ctx, set)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.named[set] = l
		})
	}
	wg.Wait()
	if started {
		s.trip()
	}
	all = true
	for _, set := range sets {
		s.mu.Lock()
		l := s.named[set]
		s.mu.Unlock()
		rows = append(rows, l.tuples...)
		all = all && l.err == nil
	}
	return rows, all
}

// named1 lists the tuples whose subject is the set.
func (s *store) named1(ctx context.Context, set tuple.Set) listed {
	var l listed
	sub := tuple.SubjectSet(set.Namespace, set.Object, set.Relation)
	for t, err := range s.l.All(ctx, tuple.Query{Subject: &sub}) {
		switch {
		case err != nil:
			l.err = err
			return l
		case len(l.tuples) == maxAlso:
			l.err = ErrBudget
			return l
		}
		l.tuples = append(l.tuples, t)
	}
	return l
}
