package access

import (
	"context"
	"fmt"

	"gatehouse/access/tuple"
)

// WhoCan finds the subjects that have a relation or permission on an object: people,
// and subject sets, whose members are found as well. only says which subjects are
// wanted; nil wants all. emit gets the answers as they come; it is called by one
// goroutine, and an error of it ends the search.
//
// A rule that lets in whoever it does not exclude (a "!" alone) has no list of those
// whom it lets in: then everybody who is known is asked, and a note says so.
//
// The error is a NameError when the model lacks what is asked about.
func (f *Finder) WhoCan(ctx context.Context, of tuple.Set, only func(tuple.Subject) bool, emit func([]Found) error) (Outcome, error) {
	if err := f.named(of.Namespace, of.Relation); err != nil {
		return Outcome{}, err
	}
	return f.search(ctx, func(s *search) error {
		return s.holders([]tuple.Set{of}, func(sub tuple.Subject, w *way) error {
			if only != nil && !only(sub) {
				return nil
			}
			q := tuple.Tuple{Namespace: of.Namespace, Object: of.Object, Relation: of.Relation, Subject: sub}
			return s.offer(q.Key(), candidate{[]tuple.Tuple{q}, w})
		})
	}, found(true, emit))
}

// holders walks from objects to everybody who may hold one of the relations.
func (s *search) holders(of []tuple.Set, offer func(tuple.Subject, *way) error) error {
	w := &whoWalk{s: s, sh: shelf{s: s}, offer: offer, done: map[tuple.Set]bool{}, objects: map[[2]string]*heldObject{}}
	for _, set := range of {
		if err := w.visit(set, nil); err != nil {
			return err
		}
	}
	if s.f.Model == nil && s.f.ModelUnknown {
		s.lacks("the permission model is not known (set keto.opl): people whom a rule lets in over other objects are not found")
	}
	if err := w.sh.run(); err != nil || !w.everybody {
		return err
	}
	return s.everybody(offer)
}

// Bounds of what is held of objects that are looked at for several relations.
const (
	maxHeldOf = 500
	maxHeld   = 50_000
)

// whoWalk goes from an object down to its holders.
type whoWalk struct {
	s         *search
	sh        shelf
	offer     func(tuple.Subject, *way) error
	done      map[tuple.Set]bool // what was looked at
	objects   map[[2]string]*heldObject
	held      int
	everybody bool
}

// heldObject are the tuples of one object, for all who want to see them.
type heldObject struct {
	rows  []tuple.Tuple
	read  bool // to the end
	large bool // too large to be held
	wait  []func(tuple.Tuple) error
}

// blind reports whether nobody knows which relations count.
func (w *whoWalk) blind() bool { return w.s.f.Model == nil && w.s.f.ModelUnknown }

// visit looks for the holders of a relation of an object.
func (w *whoWalk) visit(of tuple.Set, up *way) error {
	if w.blind() {
		of.Relation = "" // then everything that is written on the object may count
	}
	if w.done[of] {
		return nil
	}
	w.done[of] = true
	p := w.s.rules.plan(place{of.Namespace, of.Relation})
	if p.open != nil && !w.everybody {
		w.everybody = true
		w.s.note(fmt.Sprintf("%s lets in whoever is not excluded by the \"!\" at %s, so everybody who is known was asked; others may be let in too", of, p.open))
	}
	take := func(t tuple.Tuple) error { return w.take(p, t, up) }
	if len(p.members) == 1 && len(p.over) == 0 && !w.blind() { // a group may be large, and have other relations
		return w.sh.add(tuple.Query{Namespace: &of.Namespace, Object: &of.Object, Relation: &of.Relation}, take, nil)
	}
	return w.look(of.Namespace, of.Object, take)
}

// take goes on from one tuple of an object.
func (w *whoWalk) take(p *plan, t tuple.Tuple, up *way) error {
	step, set := &way{t, up}, t.Subject.Set
	if p.members[t.Relation] || w.blind() {
		if err := w.offer(t.Subject, step); err != nil {
			return err
		}
		if set != nil {
			w.warn(t)
			if err := w.visit(*set, step); err != nil {
				return err
			}
		}
	}
	if set == nil {
		return nil // Keto does not traverse a bare id
	}
	for _, target := range p.over[t.Relation] {
		if err := w.visit(tuple.Set{Namespace: set.Namespace, Object: set.Object, Relation: target}, step); err != nil {
			return err
		}
	}
	return nil
}

// warn tells of a tuple that makes Keto answer an error instead of "no".
func (w *whoWalk) warn(t tuple.Tuple) {
	if s := t.Subject.Set; w.s.f.Model != nil && w.s.f.named(s.Namespace, s.Relation) != nil && w.s.f.Model.Namespace(s.Namespace) != nil {
		w.s.note(fmt.Sprintf("%s names a relation that %s does not declare: to whoever is not listed here Keto may answer an error instead of no", t, s.Namespace))
	}
}

// look shows all tuples of an object to take, and reads them once for all who ask.
func (w *whoWalk) look(namespace, object string, take func(tuple.Tuple) error) error {
	k := [2]string{namespace, object}
	q := tuple.Query{Namespace: &namespace, Object: &object}
	o := w.objects[k]
	switch {
	case o == nil:
		o = &heldObject{wait: []func(tuple.Tuple) error{take}}
		w.objects[k] = o
		return w.sh.add(q, func(t tuple.Tuple) error { return w.show(o, t) }, func() { o.read, o.wait = true, nil })
	case o.large:
		return w.sh.add(q, take, nil)
	case !o.read:
		o.wait = append(o.wait, take)
	}
	for _, t := range o.rows { // what was read already
		if err := take(t); err != nil {
			return err
		}
	}
	return nil
}

// show hands a tuple to all who wait for those of its object.
func (w *whoWalk) show(o *heldObject, t tuple.Tuple) error {
	if !o.large {
		o.rows = append(o.rows, t)
		w.held++
	}
	if len(o.rows) > maxHeldOf || w.held > maxHeld {
		w.held -= len(o.rows)
		o.large, o.rows = true, nil
	}
	for _, take := range o.wait[:len(o.wait):len(o.wait)] { // who joins now has seen t already
		if err := take(t); err != nil {
			return err
		}
	}
	return nil
}

// everybody offers all who are known: people first, then every subject of a tuple.
func (s *search) everybody(offer func(tuple.Subject, *way) error) error {
	if s.f.People != nil {
		for sub, err := range s.f.People(s.ctx) {
			if err != nil && s.ctx.Err() == nil {
				s.lacks("not everybody who is known could be asked: " + err.Error())
				break
			}
			if err := offer(sub, nil); err != nil {
				return err
			}
		}
	}
	sh := shelf{s: s}
	if err := sh.add(tuple.Query{}, func(t tuple.Tuple) error { return offer(t.Subject, nil) }, nil); err != nil {
		return err
	}
	return sh.run()
}
