package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/opl"
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
	radiusSteps  = 2_000  // of one evaluation; a model that needs more is not counted out
	peopleSteps  = 40_000 // of trying out the people of one fix
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

// radii works out what each fix does besides, all of them side by side.
func (w *working) radii(ctx context.Context, found []Fix) {
	open := make([]int, len(found))
	for i := range open {
		open[i] = i
	}
	w.until(ctx, func(v *view) {
		open = slices.DeleteFunc(open, func(i int) bool {
			before := v.missed
			found[i].Radius = w.radius(ctx, v, found[i].Writes)
			return v.missed == before
		})
	})
}

// radius works out what writes do besides, as far as it is at hand.
func (w *working) radius(ctx context.Context, v *view, writes []Write) Radius {
	var r Radius
	w.permissions(ctx, v, writes, &r)
	w.lets(ctx, v, writes, &r)
	for _, wr := range writes {
		n, whole := w.reach(ctx, v, wr.what)
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
func (w *working) permissions(ctx context.Context, v *view, writes []Write, r *Radius) {
	n := w.x.Model.Namespace(w.ask.Question.Namespace)
	if n == nil {
		return
	}
	before := unasking{v}
	after := over(before, writes, false)
	said := map[string]bool{w.ask.Question.Relation: true}
	var more []string
	for _, rel := range n.Permits() {
		if rel.Name == w.ask.Question.Relation || ctx.Err() != nil {
			continue
		}
		q := w.ask.Question
		q.Relation = rel.Name
		was := evaluate(ctx, before, w.x.Model, w.quick(), q, w.ask.MaxDepth, variant{}).certain()
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
