package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// WhatCan finds what a subject can do: every relation and permission that it has on
// some object. within narrows what is reported by namespace, object and relation; its
// subject does not count. emit is that of WhoCan.
//
// A permission that lets in whoever it does not exclude holds on every object: then all
// objects that stored tuples name are asked about, and a note says so.
//
// The error is a NameError when the model lacks the namespace or relation of within.
func (f *Finder) WhatCan(ctx context.Context, sub tuple.Subject, within tuple.Query, emit func([]Found) error) (Outcome, error) {
	if within.Namespace != nil {
		relation := ""
		if within.Relation != nil {
			relation = *within.Relation
		}
		if err := f.named(*within.Namespace, relation); err != nil {
			return Outcome{}, err
		}
	}
	within.Subject = nil
	return f.search(ctx, func(s *search) error {
		w := &whatWalk{s: s, sh: shelf{s: s}, sub: sub, within: within, done: map[tuple.Set]bool{}, children: map[place]*childIndex{}}
		return w.run()
	}, found(false, emit))
}

// maxChildren is how many tuples of a relation that rules traverse are kept to find the
// objects below another one; of a larger relation they are looked up one by one.
const maxChildren = 2000

// whatWalk goes from a subject up to what it holds.
type whatWalk struct {
	s        *search
	sh       shelf
	sub      tuple.Subject
	within   tuple.Query
	done     map[tuple.Set]bool
	children map[place]*childIndex // by the relation that points to the parent
}

// childIndex are the tuples of one relation by the object that is their subject. Where
// there are too many of them it is not whole and says nothing.
type childIndex struct {
	of    map[[2]string][]tuple.Tuple
	whole bool
}

func (w *whatWalk) run() error {
	if w.s.f.Model == nil && w.s.f.ModelUnknown {
		w.s.lacks("the permission model is not known (set keto.opl): what rules and permissions give is not found")
	}
	if err := w.sh.add(tuple.Query{Subject: &w.sub}, w.holds(nil), nil); err != nil {
		return err
	}
	if err := w.sh.run(); err != nil || len(w.s.rules.open) == 0 {
		return err
	}
	return w.everywhere()
}

// holds takes tuples through whose subject the subject of the search gets in.
func (w *whatWalk) holds(up *way) func(tuple.Tuple) error {
	return func(t tuple.Tuple) error {
		return w.reach(tuple.Set{Namespace: t.Namespace, Object: t.Object, Relation: t.Relation}, &way{t, up})
	}
}

// reach takes what the subject may hold, and goes on to what that gives.
func (w *whatWalk) reach(at tuple.Set, up *way) error {
	if w.done[at] {
		return nil
	}
	w.done[at] = true
	if err := w.offer(at, up); err != nil {
		return err
	}
	sub := tuple.Subject{Set: &at}
	if err := w.sh.add(tuple.Query{Subject: &sub}, w.holds(up), nil); err != nil {
		return err
	}
	for _, permission := range w.s.rules.computed[place{at.Namespace, at.Relation}] {
		if err := w.reach(tuple.Set{Namespace: at.Namespace, Object: at.Object, Relation: permission}, up); err != nil {
			return err
		}
	}
	for _, tr := range w.s.rules.traversed[at.Relation] {
		if err := w.below(at, tr, up); err != nil {
			return err
		}
	}
	return nil
}

// offer has it asked whether the subject really holds that. Nobody can be asked about a
// relation without a name.
func (w *whatWalk) offer(at tuple.Set, up *way) error {
	q := tuple.Tuple{Namespace: at.Namespace, Object: at.Object, Relation: at.Relation, Subject: w.sub}
	if at.Relation == "" || !w.within.Matches(q) {
		return nil
	}
	return w.s.offer(q.Key(), candidate{[]tuple.Tuple{q}, up})
}

// below finds the objects that have an object as their parent.
func (w *whatWalk) below(parent tuple.Set, tr traversal, up *way) error {
	take := func(t tuple.Tuple) error {
		if t.Namespace != tr.namespace || t.Relation != tr.over {
			return nil
		}
		return w.reach(tuple.Set{Namespace: t.Namespace, Object: t.Object, Relation: tr.relation}, &way{t, up})
	}
	index, err := w.index(place{tr.namespace, tr.over})
	if err != nil {
		return err
	}
	if index.whole {
		for _, t := range index.of[[2]string{parent.Namespace, parent.Object}] {
			if err := take(t); err != nil {
				return err
			}
		}
		return nil
	}
	for _, relation := range w.spellings(parent.Namespace) {
		sub := tuple.SubjectSet(parent.Namespace, parent.Object, relation)
		if err := w.sh.add(tuple.Query{Namespace: &tr.namespace, Relation: &tr.over, Subject: &sub}, take, nil); err != nil {
			return err
		}
	}
	return nil
}

// index reads all tuples of a relation, once, if they are not too many.
func (w *whatWalk) index(at place) (*childIndex, error) {
	if i := w.children[at]; i != nil {
		return i, nil
	}
	rows, whole, err := w.s.short(tuple.Query{Namespace: &at.namespace, Relation: &at.relation}, maxChildren)
	if err != nil {
		return nil, err
	}
	i := &childIndex{whole: whole}
	if whole {
		i.of = map[[2]string][]tuple.Tuple{}
		for _, t := range rows {
			if s := t.Subject.Set; s != nil {
				k := [2]string{s.Namespace, s.Object}
				i.of[k] = append(i.of[k], t)
			}
		}
	} else {
		w.s.note(fmt.Sprintf("%s#%s has more than %d tuples: objects whose parent is written there with a relation that is not declared are not found", at.namespace, at.relation, maxChildren))
	}
	w.children[at] = i
	return i, nil
}

// spellings are the relations with which an object may be written as a parent: Keto
// passes over the relation, but can be asked only for a whole subject set.
func (w *whatWalk) spellings(namespace string) []string {
	out := []string{"", "..."}
	n := w.s.rules.m.Namespace(namespace)
	if n == nil {
		return out
	}
	for _, r := range n.Relations {
		if !slices.Contains(out, r.Name) {
			out = append(out, r.Name)
		}
	}
	return out
}

// everywhere asks about the permissions that hold on every object, on each that a tuple
// names, and goes on from the sets that they make.
func (w *whatWalk) everywhere() error {
	open := map[string][]string{}
	var names []string
	for _, at := range sortedPlaces(w.s.rules.open) {
		open[at.namespace] = append(open[at.namespace], at.relation)
		names = append(names, fmt.Sprintf("%s#%s (%s)", at.namespace, at.relation, w.s.rules.open[at]))
	}
	w.s.note("These let in whoever is not excluded by a \"!\", so every object that a tuple names was asked about: " + few(names))
	seen := map[[2]string]bool{}
	object := func(namespace, name string) error {
		k := [2]string{namespace, name}
		if len(open[namespace]) == 0 || seen[k] {
			return nil
		}
		seen[k] = true
		for _, permission := range open[namespace] {
			if err := w.offer(tuple.Set{Namespace: namespace, Object: name, Relation: permission}, nil); err != nil {
				return err
			}
		}
		return nil
	}
	err := w.sh.add(tuple.Query{}, func(t tuple.Tuple) error {
		set := t.Subject.Set
		if err := object(t.Namespace, t.Object); err != nil || set == nil {
			return err
		}
		if _, ok := w.s.rules.open[place{set.Namespace, set.Relation}]; ok {
			if err := w.holds(nil)(t); err != nil {
				return err
			}
		}
		return object(set.Namespace, set.Object)
	}, nil)
	if err != nil {
		return err
	}
	return w.sh.run()
}

func sortedPlaces(m map[place]opl.Span) []place {
	out := make([]place, 0, len(m))
	for at := range m {
		out = append(out, at)
	}
	slices.SortFunc(out, func(a, b place) int {
		return strings.Compare(a.namespace+"\x00"+a.relation, b.namespace+"\x00"+b.relation)
	})
	return out
}
