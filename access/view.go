package access

import (
	"context"
	"errors"
	"slices"

	"gatehouse/access/tuple"
)

// errLarge says that a relation has too many tuples to go through them all.
var errLarge = errors.New("too many tuples to go through")

// partial is a Reader that may not have everything at hand. What it does not have it
// gives as empty, and counts: then the evaluation goes on, so that everything that the
// next level needs is known at once, and its outcome means nothing.
type partial interface {
	Reader
	// OfRelation is Of for one relation. With errLarge the tuples are not all.
	OfRelation(ctx context.Context, namespace, object, relation string) ([]tuple.Tuple, error)
	// Ask lets the server answer a part of the question.
	Ask(ctx context.Context, t tuple.Tuple, depth int) (Verdict, error)
	// Missed counts what was asked for and not at hand.
	Missed() int
}

// view is a partial over what a store holds. It notes what is missing; see
// working.settle. It must not be used by several goroutines.
type view struct {
	s      *store
	missed int
	wants  map[string]func(context.Context)
	order  []string
}

func (s *store) view() *view { return &view{s: s, wants: map[string]func(context.Context){}} }

// want notes that something has to be read.
func (v *view) want(key string, read func(context.Context)) {
	v.missed++
	if v.wants[key] == nil {
		v.wants[key] = read
		v.order = append(v.order, key)
	}
}

// fetch reads what was missing, side by side.
func (v *view) fetch(ctx context.Context) {
	var jobs []func()
	for _, key := range v.order {
		jobs = append(jobs, func() { v.wants[key](ctx) })
	}
	v.s.sideBySide(jobs)
}

// Missed implements partial.
func (v *view) Missed() int { return v.missed }

// Ahead implements Reader: what is needed is noted anyway.
func (v *view) Ahead(context.Context, [][2]string) {}

// Of implements Reader.
func (v *view) Of(_ context.Context, namespace, object string) ([]tuple.Tuple, error) {
	l := v.object([2]string{namespace, object})
	switch {
	case l == nil:
		return nil, nil
	case l.err == nil && l.more:
		return l.tuples, errLarge
	}
	return l.tuples, l.err
}

// object is the list of an object; nil when it has to be read first.
func (v *view) object(k [2]string) *listed {
	if l := v.s.objects[k]; l != nil {
		return l
	}
	if l := v.s.large.get(relationKey{object: k}); l != nil {
		v.s.objects[k] = l
		return l
	}
	v.want("object\x00"+k[0]+"\x00"+k[1], func(ctx context.Context) {
		if l, fresh := v.s.object(k); fresh {
			v.s.read(ctx, l, ofObject(k), pageSize)
			v.s.large.put(relationKey{object: k}, l)
		}
	})
	return nil
}

// OfRelation implements partial. Of an object with more tuples than fit one page the
// relations are listed on their own, and only what is still too long is large.
func (v *view) OfRelation(_ context.Context, namespace, object, relation string) ([]tuple.Tuple, error) {
	k := [2]string{namespace, object}
	if v.s.asStored {
		return v.asStored(relationKey{object: k, relation: relation, stored: true})
	}
	l := v.object(k)
	if l == nil || l.err != nil || !l.more {
		return only(l, relation)
	}
	first, deep := relationKey{object: k, relation: relation}, relationKey{object: k, relation: relation, deep: true}
	if l, opened := v.s.relations[deep]; l != nil {
		return only(l, relation)
	} else if opened || v.s.check == nil {
		v.wantRelation(deep)
		return nil, nil
	}
	if !v.s.setsFirst && full(l, relation) {
		return nil, errLarge
	}
	if l := v.s.relations[first]; l != nil {
		return only(l, relation)
	}
	if l := v.s.large.get(first); l != nil {
		v.s.relations[first] = l
		return nil, errLarge
	}
	v.wantRelation(first)
	return nil, nil
}

// full reports whether a page has nothing but one relation, which then fills a page of its
// own as well.
func full(l *listed, relation string) bool {
	return len(l.tuples) >= pageSize && !slices.ContainsFunc(l.tuples, func(t tuple.Tuple) bool { return t.Relation != relation })
}

// asStored is a relation in the order in which Keto 26.2 and later store it: they sort
// every list except one by object and relation without the namespace, which may take a
// large database long.
func (v *view) asStored(k relationKey) ([]tuple.Tuple, error) {
	if l := v.s.relations[k]; l != nil {
		return only(l, k.relation)
	}
	v.want("stored\x00"+k.object[0]+"\x00"+k.object[1]+"\x00"+k.relation, func(ctx context.Context) {
		l := &listed{done: make(chan struct{})}
		v.s.read(ctx, l, tuple.Query{Object: &k.object[1], Relation: &k.relation}, pageSize)
		l.tuples = slices.DeleteFunc(l.tuples, func(t tuple.Tuple) bool { return t.Namespace != k.object[0] })
		v.s.mu.Lock()
		v.s.relations[k] = l
		v.s.mu.Unlock()
	})
	return nil, nil
}

// only are the tuples of a list that have the relation.
func only(l *listed, relation string) ([]tuple.Tuple, error) {
	switch {
	case l == nil:
		return nil, nil
	case l.err != nil:
		return nil, l.err
	case l.more:
		return nil, errLarge
	}
	var out []tuple.Tuple
	for _, t := range l.tuples {
		if t.Relation == relation {
			out = append(out, t)
		}
	}
	return out, nil
}

func (v *view) wantRelation(k relationKey) {
	name, most := "relation", pageSize
	if k.deep {
		name, most = "deep", maxPerList
	}
	v.want(name+"\x00"+k.object[0]+"\x00"+k.object[1]+"\x00"+k.relation, func(ctx context.Context) {
		l := &listed{done: make(chan struct{})}
		q := ofObject(k.object)
		q.Relation = &k.relation
		v.s.read(ctx, l, q, most)
		bare := func(t tuple.Tuple) bool { return t.Subject.Set == nil }
		switch {
		case l.more && v.s.setsFirst && slices.ContainsFunc(l.tuples, bare):
			l.more = false // the rest are bare ids, which nobody needs
		case l.more: // only its subject sets matter, and they are not all: keep nothing
			l.tuples = nil
			if !k.deep {
				v.s.large.put(k, l)
			}
		}
		v.s.mu.Lock()
		v.s.relations[k] = l
		v.s.mu.Unlock()
	})
}

// Has implements Reader: from the list of the object where that was read anyway, else
// from the list of the subject, and where that is too long with a question of its own.
func (v *view) Has(_ context.Context, t tuple.Tuple) (bool, error) {
	k := [2]string{t.Namespace, t.Object}
	if l := v.s.objects[k]; l != nil && l.err == nil && !l.more {
		return l.holds(t), nil
	}
	l := v.subject(t.Subject)
	switch {
	case l == nil:
		return false, nil
	case l.err == nil && !l.more:
		return l.holds(t), nil
	case l.err != nil && !errors.Is(l.err, ErrBudget):
		return false, l.err
	case v.s.objects[k] == nil:
		v.object(k) // will be looked into next anyway
		return false, nil
	}
	key := t.Key()
	if one := v.s.single[key]; one != nil {
		return one.err == nil && len(one.tuples) > 0, one.err
	}
	v.want("tuple\x00"+key, func(ctx context.Context) {
		one := &listed{done: make(chan struct{})}
		s := t.Subject
		v.s.read(ctx, one, tuple.Query{Namespace: &t.Namespace, Object: &t.Object, Relation: &t.Relation, Subject: &s}, 1)
		one.more = false
		v.s.mu.Lock()
		v.s.single[key] = one
		v.s.mu.Unlock()
	})
	return false, nil
}

// subject are the tuples of a subject; nil when they have to be read first.
func (v *view) subject(sub tuple.Subject) *listed {
	key := subjectKey(sub)
	if l := v.s.subjects[key]; l != nil {
		return l
	}
	v.want("subject\x00"+key, func(ctx context.Context) {
		l := &listed{done: make(chan struct{})}
		v.s.read(ctx, l, tuple.Query{Subject: &sub}, maxPerSubject)
		v.s.mu.Lock()
		v.s.subjects[key] = l
		v.s.mu.Unlock()
	})
	return nil
}

// near is the beginning of the list of a namespace.
func (v *view) near(namespace string) {
	if v.s.near != nil {
		return
	}
	v.want("near", func(ctx context.Context) {
		l := &listed{done: make(chan struct{})}
		v.s.read(ctx, l, tuple.Query{Namespace: &namespace}, pageSize)
		v.s.near = l
	})
}

// Ask implements partial.
func (v *view) Ask(_ context.Context, t tuple.Tuple, depth int) (Verdict, error) {
	if v.s.check == nil {
		return Unknown, ErrBudget
	}
	k := askKey{t.Key(), depth}
	if a := v.s.asked[k]; a != nil {
		return a.verdict, a.err
	}
	v.want("ask\x00"+k.tuple+"\x00"+string(rune(depth)), func(ctx context.Context) {
		a := &asked{Unknown, v.s.spend()}
		if a.err == nil {
			a.verdict, a.err = v.s.check(ctx, t, depth)
		}
		v.s.mu.Lock()
		v.s.asked[k] = a
		v.s.mu.Unlock()
	})
	return Denied, nil
}

// until does what may find something missing again and again, until nothing is; in
// between it reads what was missing, side by side.
func (w *working) until(ctx context.Context, do func(v *view)) {
	for {
		v := w.store.view()
		if do(v); v.missed == 0 {
			return
		}
		if w.also != nil {
			w.also(v)
		}
		v.fetch(ctx)
	}
}

// settle evaluates until nothing is missing: so all evaluations together need as many
// round trips as the deepest of them has levels.
func (w *working) settle(ctx context.Context, evals ...func(Reader) Decision) []Decision {
	out := make([]Decision, len(evals))
	if w.whole != nil {
		for i, eval := range evals {
			out[i] = eval(w.whole)
		}
		return out
	}
	open := make([]int, len(evals))
	for i := range open {
		open[i] = i
	}
	w.until(ctx, func(v *view) {
		open = slices.DeleteFunc(open, func(i int) bool {
			before := v.missed
			out[i] = evals[i](v)
			return v.missed == before
		})
	})
	return out
}

// openUp reads on in the large groups by which the server grants, so that the way can
// be shown, and in long lists of parents, about which the server cannot be asked alone. It reports whether there is anything to read.
func (w *working) openUp(d Decision) bool {
	more := false
	d.Root.walk(func(n *Node) bool {
		grants := n.Kind == KindExpand && n.Cut == CutLarge && n.Result == Member
		if grants || n.Kind == KindTraverse && errors.Is(n.Err, errLarge) {
			k := relationKey{object: [2]string{n.Tuple.Namespace, n.Tuple.Object}, relation: n.Tuple.Relation, deep: true}
			if _, begun := w.store.relations[k]; !begun {
				w.store.relations[k] = nil
				more = true
			}
		}
		return true
	})
	return more
}
