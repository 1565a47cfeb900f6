package access

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
