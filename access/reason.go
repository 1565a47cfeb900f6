package access

import "fmt"

// reason is what came of a node, in plain words; empty where its children say it.
func (d draw) reason(n *Node) string {
	if r := d.cut(n); r != "" {
		return r
	}
	switch n.Kind {
	case KindDirect:
		if n.Result == Member {
			return "is stored"
		}
		return "is not stored"
	case KindTraverse:
		return d.traverse(n)
	case KindInvert:
		if n.Result == NotMember {
			return "this denies, whatever else would grant"
		}
		return "does not stand in the way"
	case KindUnion, KindIntersection, KindComputed, KindDirectMulti, KindExpand, KindExpandFound:
		return ""
	}
	return d.relation(n)
}

func (d draw) cut(n *Node) string {
	switch n.Cut {
	case CutDepth:
		return "Keto stops here: it has reached its limit of depth"
	case CutWidth:
		return fmt.Sprintf("there are %d subject sets, and Keto does not look at all of them", n.Count)
	case CutVisited:
		return "Keto passes over it, because another branch of this check was here before"
	case CutStrict:
		return "strict mode does not look here"
	case CutLarge:
		says := "no"
		if n.Result == Member {
			says = "yes"
		}
		return fmt.Sprintf("Keto says %s; more than %d subjects, not looked through", says, pageSize)
	case CutRelation, CutSteps, CutRead:
		return n.Err.Error()
	}
	if n.Result == Skipped {
		return "not needed"
	}
	return ""
}

func (d draw) traverse(n *Node) string {
	switch {
	case n.Result == Failed:
		return ""
	case n.Count == 0 && n.Bare > 0:
		return fmt.Sprintf("%s here, but as a bare id, over which Keto passes", countOf(n.Bare, "object"))
	case n.Count == 0:
		return "nothing to inherit from"
	}
	return countOf(n.Count, "object")
}

// relation is the reason of a relation or permission.
func (d draw) relation(n *Node) string {
	sets, ids, known := n.members()
	switch {
	case n.Result == Failed || n.Result == Member || !known || n.byRule():
		return ""
	case sets+ids == 0:
		return "nobody"
	case sets == 0:
		return fmt.Sprintf("%s, %s is not one of them", countOf(ids, "subject"), d.who)
	case ids == 0:
		return fmt.Sprintf("%s, %s is in none", countOf(sets, "subject set"), d.who)
	}
	return fmt.Sprintf("%s and %s, %s is in none", countOf(ids, "subject"), countOf(sets, "subject set"), d.who)
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
