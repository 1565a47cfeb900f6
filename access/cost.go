package access

// MaxRequests is how many lists one explanation reads at most.
const MaxRequests = maxRequests

// costs says for which step each list was read: the first that needed it, in the order
// of the evaluation.
func (w *working) costs() map[*Node]int {
	out := map[*Node]int{}
	lists, subjects := map[[2]string]bool{}, map[string]bool{}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.Root.walk(func(n *Node) bool {
		switch {
		case n.Result == Skipped || n.Cut == CutDepth || n.Cut == CutStrict || n.Cut == CutVisited:
		case n.Kind == KindDirect || n.Kind == KindDirectMulti:
			key := subjectKey(n.Tuple.Subject)
			if l := w.store.subjects[key]; l != nil && !subjects[key] {
				subjects[key] = true
				out[n] += pages(len(l.has))
			}
		case n.Kind == KindExpand || n.Kind == KindTraverse:
			key := [2]string{n.Tuple.Namespace, n.Tuple.Object}
			if l := w.store.objects[key]; l != nil && !lists[key] {
				lists[key] = true
				out[n] += pages(len(l.tuples))
			}
		}
		return true
	})
	return out
}

// pages is how many requests a list of n tuples takes.
func pages(n int) int { return 1 + max(0, n-1)/pageSize }

// costOf is what a step cost that is shown: in the proof with the steps below it that
// are not shown by themselves.
func (d draw) costOf(n *Node) int {
	sum := d.costs[n]
	if d.every || n.Kind != KindAllowed {
		return sum
	}
	for _, c := range n.Children {
		sum += d.folded(c)
	}
	return sum
}

func (d draw) folded(n *Node) int {
	if n.Kind == KindAllowed || n.Kind == KindTraverse {
		return 0
	}
	sum := d.costs[n]
	for _, c := range n.Children {
		sum += d.folded(c)
	}
	return sum
}
