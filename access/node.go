package access

import (
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Kind says what a Node is. The names are those of the trace that Keto's own
// repository builds for its tests (internal/check/trace, not in any release).
type Kind string

// The kinds of Node.
const (
	KindAllowed      Kind = "is_allowed"     // everything that can grant one relation or permission
	KindDirect       Kind = "direct"         // exactly this tuple
	KindDirectMulti  Kind = "direct_multi"   // one query for this subject on several relations
	KindExpand       Kind = "expand_subject" // the subject sets that are subjects of the relation
	KindExpandFound  Kind = "expand_found"   // one of those sets holds the subject directly
	KindComputed     Kind = "computed"       // another relation or permission of the same object
	KindTraverse     Kind = "traverse"       // the same question about the objects of a relation
	KindUnion        Kind = "union"          // one child is enough
	KindIntersection Kind = "intersection"   // all children are needed
	KindInvert       Kind = "invert"         // the opposite of its child
)

// Result is what came of a Node.
type Result string

// The results. Undecided is Keto's own "unknown": it gave up there.
const (
	Member    Result = "member"
	NotMember Result = "not_member"
	Undecided Result = "unknown"
	Failed    Result = "error"
	Skipped   Result = "skipped" // Keto did not look: the answer was known before
)

// Cut says why Keto, or we, did not look any further at a Node.
type Cut string

// The cuts.
const (
	CutDepth    Cut = "max_depth"        // limit.max_read_depth, or a lower one of the request
	CutWidth    Cut = "max_width"        // limit.max_read_width: some sets were never looked at
	CutVisited  Cut = "visited"          // another branch of the same check came to this set before
	CutStrict   Cut = "strict"           // strict mode does not look there
	CutRelation Cut = "unknown_relation" // the namespace declares no such relation; Keto answers 400
	CutSteps    Cut = "too_many_steps"   // our own limit against rules that run in circles
	CutRead     Cut = "unreadable"       // the tuples could not be read
	CutLarge    Cut = "not_expanded"     // too many tuples to go through; the server was asked about this part
)

// Node is one step of a decision with what came of it.
type Node struct {
	Kind   Kind
	Result Result
	// Tuple is what was asked here.
	Tuple tuple.Tuple
	// Stored is the tuple that led here or, at a direct grant, the grant itself; nil
	// where no stored tuple is involved.
	Stored *tuple.Tuple
	// Rule is where the model says so; zero without a model.
	Rule opl.Span
	// Depth is how many levels were left here.
	Depth int
	// Cut is set where the search ended early; Err says more where something failed.
	Cut Cut
	Err error
	// Count is how many subject sets (or, of direct_multi, relations) are here, Bare how
	// many bare ids. A traverse passes over bare ids.
	Count, Bare int
	// Children are the steps below, in the order in which Keto takes them.
	Children []*Node
}

// walk calls f for n and every node below it, parents first, until f returns false.
func (n *Node) walk(f func(*Node) bool) bool {
	if n == nil {
		return true
	}
	if !f(n) {
		return false
	}
	for _, c := range n.Children {
		if !c.walk(f) {
			return false
		}
	}
	return true
}

// find is the first node, parents first, for which f holds, or nil.
func (n *Node) find(f func(*Node) bool) *Node {
	var found *Node
	n.walk(func(c *Node) bool {
		if f(c) {
			found = c
		}
		return found == nil
	})
	return found
}

// Find is the first node, parents first, for which f holds, or nil.
func (n *Node) Find(f func(*Node) bool) *Node { return n.find(f) }

// has reports whether the search was cut like this anywhere.
func (n *Node) has(c Cut) bool { return n.find(func(m *Node) bool { return m.Cut == c }) != nil }
