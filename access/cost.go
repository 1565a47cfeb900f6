package access

import "context"

// Cost is what an explanation has taken so far.
type Cost struct {
	// Requests are those to the server, RoundTrips how often one had to wait for others.
	Requests, RoundTrips int
}

type costKey struct{}

// Counting gives a context under which an explanation tells, while it is worked out, what
// it has taken so far. told must be quick; it is called from any goroutine, one call at a
// time. A WhatIf tells it of its first half, the answer as it is.
func Counting(ctx context.Context, told func(Cost)) context.Context {
	return context.WithValue(ctx, costKey{}, told)
}

// counter tells what is read after what came before it; nil when nobody wants to know.
func counter(ctx context.Context, before Cost) func(requests, trips int) {
	told, ok := ctx.Value(costKey{}).(func(Cost))
	if !ok {
		return nil
	}
	told(before)
	return func(requests, trips int) { told(Cost{before.Requests + requests, before.RoundTrips + trips}) }
}

// MaxRequests is how many lists one explanation reads at most.
const MaxRequests = maxRequests

// costs says for which step each list was read: the first that needed it, in the order
// of the evaluation.
func (w *working) costs() map[*Node]int {
	out := map[*Node]int{}
	paid := map[*listed]bool{}
	pay := func(n *Node, l *listed) {
		if l != nil && !paid[l] {
			paid[l] = true
			out[n] += pages(len(l.tuples))
		}
	}
	s := w.store
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Root.walk(func(n *Node) bool {
		if n.Result == Skipped || n.Cut == CutDepth || n.Cut == CutStrict || n.Cut == CutVisited {
			return true
		}
		k := [2]string{n.Tuple.Namespace, n.Tuple.Object}
		switch n.Kind {
		case KindDirect, KindDirectMulti:
			if l := s.objects[k]; l == nil || l.more {
				pay(n, s.subjects[subjectKey(n.Tuple.Subject)])
				pay(n, s.single[n.Tuple.Key()])
			}
			pay(n, s.objects[k])
		case KindExpand, KindTraverse:
			pay(n, s.objects[k])
			for _, of := range []relationKey{{deep: false}, {deep: true}, {stored: true}} {
				of.object, of.relation = k, n.Tuple.Relation
				pay(n, s.relations[of])
			}
		}
		return true
	})
	return out
}

// pages is how many requests a list of n tuples takes.
func pages(n int) int { return 1 + max(0, n-1)/pageSize }

// charged draws the steps with what each of them cost.
func (d draw) charged(root *Node, how func(draw, *Node) *Step) *Step {
	d.made = map[*Node]*Step{}
	s := how(d, root)
	d.charge(root, s)
	return s
}

// charge puts the costs of the nodes to the steps that are shown: to their own, or to the
// nearest one above that is.
func (d draw) charge(root *Node, shown *Step) {
	in := map[*Step]bool{}
	var collect func(*Step)
	collect = func(s *Step) {
		in[s] = true
		for _, c := range s.Children {
			collect(c)
		}
	}
	collect(shown)
	var visit func(n *Node, at *Step)
	visit = func(n *Node, at *Step) {
		if s := d.made[n]; in[s] {
			at = s
		}
		at.Requests += d.costs[n]
		for _, c := range n.Children {
			visit(c, at)
		}
	}
	visit(root, shown)
}
