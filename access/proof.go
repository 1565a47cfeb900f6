package access

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/opl"
)

// Step is a Node as it is shown and printed.
type Step struct {
	Kind    Kind    `json:"kind"`
	Label   string  `json:"label"`
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
	// Tuple is the stored tuple that led here or grants.
	Tuple string `json:"tuple,omitempty"`
	Rule  *Rule  `json:"rule,omitempty"`
	// Cut says why nobody looked further; empty where everything was looked at.
	Cut Cut `json:"cut,omitempty"`
	// Inferred steps were not worked out from rules, which are not known, but are what the
	// server says to further questions.
	Inferred bool `json:"inferred,omitempty"`
	// Skipped steps were not needed any more.
	Skipped bool `json:"skipped,omitempty"`
	// Depth is how many levels Keto had left here, and Requests how many lists were read
	// for this step.
	Depth    int     `json:"depth_left,omitempty"`
	Requests int     `json:"requests,omitempty"`
	Children []*Step `json:"children,omitempty"`
}

// Rule is a place in the permission model.
type Rule struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// Text is that line of the source.
	Text string `json:"text"`
}

// NearMiss is another name of the same person that would be let in.
type NearMiss struct {
	Kind    string `json:"kind"`
	Summary string `json:"summary"`
}

// draw turns nodes into steps.
type draw struct {
	m   *opl.Model
	who string
	// costs are those of the nodes, and made the steps that were made of them.
	costs map[*Node]int
	made  map[*Node]*Step
}

func (n *Node) verdict() Verdict {
	switch n.Result {
	case Member:
		return Allowed
	case NotMember:
		return Denied
	}
	return Unknown
}

// step is a node without its children.
func (d draw) step(n *Node) *Step {
	s := &Step{Kind: n.Kind, Label: label(n), Verdict: n.verdict(), Cut: n.Cut, Skipped: n.Result == Skipped, Reason: d.reason(n), Depth: n.Depth}
	if n.Stored != nil {
		s.Tuple = n.Stored.String()
	}
	if n.Rule.Start.Line > 0 {
		at := n.Rule.Start
		s.Rule = &Rule{n.Rule.File, at.Line, at.Column, strings.TrimSpace(d.m.Line(n.Rule.File, at.Line))}
	}
	if d.made != nil {
		d.made[n] = s
	}
	return s
}

func label(n *Node) string {
	switch n.Kind {
	case KindUnion:
		return "any of"
	case KindIntersection:
		return "all of"
	case KindInvert:
		return "not"
	case KindTraverse:
		return n.Tuple.Left() + " →"
	case KindDirect:
		return n.Tuple.String()
	}
	return n.Tuple.Left()
}

// full is every step as Keto takes it.
func (d draw) full(n *Node) *Step {
	s := d.step(n)
	for _, c := range n.Children {
		s.Children = append(s.Children, d.full(c))
	}
	return s
}

// decisive is the proof of an allow and the refutation of a denial: of a union that
// grants the child that does, of one that does not all children; of an intersection
// the other way round; of a "!" the opposite of its child.
func (d draw) decisive(n *Node) *Step {
	switch n.Kind {
	case KindComputed: // the rule that asks is more telling than the relation's own line
		s := d.decisive(n.Children[0])
		s.Rule = d.step(n).Rule
		return s
	case KindDirectMulti, KindExpand:
		if w := winner(n); w != nil {
			return d.decisive(w)
		}
	case KindUnion, KindIntersection: // a pair of parentheses around one operand
		if only := n.matters(); len(only) == 1 && n.operands() == 1 {
			return d.decisive(only[0])
		}
	}
	s := d.step(n)
	for _, c := range n.matters() {
		below := d.decisive(c)
		if n.Kind == KindAllowed && saysNoMore(c, below) {
			if c.Kind == KindUnion || c.Kind == KindIntersection {
				s.Kind, s.Reason = c.Kind, group(c)
			}
			s.Children = append(s.Children, below.Children...)
			continue
		}
		if n.Kind == KindAllowed && (c.Kind == KindExpand || c.Kind == KindDirect) && c.Cut != "" && below.Cut == c.Cut && len(below.Children) == 0 {
			s.Cut, s.Reason = below.Cut, below.Reason
			continue
		}
		s.Children = append(s.Children, below)
	}
	if n.Kind == KindAllowed && n.Result == Member && len(s.Children) == 1 && s.Children[0].Kind == KindDirect {
		only := s.Children[0]
		if s.Tuple == "" {
			s.Tuple, s.Children = only.Tuple, nil
		}
	}
	return s
}

// saysNoMore reports whether a step below a relation or permission adds nothing to it,
// so that its children can take its place.
func saysNoMore(n *Node, s *Step) bool {
	switch n.Kind {
	case KindUnion, KindIntersection:
		return s.Cut == ""
	case KindExpand, KindDirect:
		return s.Cut == "" && n.Result != Member
	}
	return false
}

// operands counts those of a rule, without the query that looks for several at once.
func (n *Node) operands() int {
	count := 0
	for _, c := range n.Children {
		if c.Kind != KindDirectMulti {
			count++
		}
	}
	return count
}

// group says how the operands of a rule go together.
func group(n *Node) string {
	operands := n.operands()
	switch {
	case operands < 2:
		return ""
	case n.Kind == KindIntersection && n.Result != Member:
		return fmt.Sprintf("all of %d are needed, and this one fails", operands)
	case n.Kind == KindIntersection:
		return fmt.Sprintf("all of %d", operands)
	}
	return fmt.Sprintf("any of %d", operands)
}

// winner is the child that grants.
func winner(n *Node) *Node {
	for _, c := range n.Children {
		if c.Result == Member {
			return c
		}
	}
	return nil
}

// matters are the children on which the result rests.
func (n *Node) matters() []*Node {
	var out []*Node
	switch {
	case n.Kind == KindInvert:
		return n.Children
	case n.Kind == KindIntersection && n.Result == Member:
		return n.Children
	case n.Kind == KindIntersection: // the first that fails; an undecided one only if none does
		for _, c := range n.Children {
			switch {
			case c.Result == NotMember || c.Result == Failed:
				return []*Node{c}
			case c.Result == Undecided:
				out = append(out, c)
			}
		}
		return out
	case n.Result == Member:
		if w := winner(n); w != nil {
			return []*Node{w}
		}
		return nil
	}
	for _, c := range n.Children {
		switch {
		case c.Result == Skipped || c.Kind == KindDirectMulti && c.Result == NotMember:
		case n.Result == Failed && c.Result != Failed:
		case c.Kind == KindDirect && c.Cut == "", c.Kind == KindExpand && c.Cut == "" && c.Count == 0:
			// that the tuple itself is not there is said by the step above
		default:
			out = append(out, c)
		}
	}
	return out
}

// members counts the subjects of the relation that n is about, where that is known.
func (n *Node) members() (sets, ids int, known bool) {
	for _, c := range n.Children {
		if c.Kind == KindExpand && c.Result != Skipped && c.Cut != CutDepth && c.Cut != CutStrict && c.Cut != CutLarge {
			return c.Count, c.Bare, true
		}
	}
	return 0, 0, false
}

// large reports whether the subjects of the relation were too many to go through.
func (n *Node) large() bool {
	return slices.ContainsFunc(n.Children, func(c *Node) bool { return c.Kind == KindExpand && c.Cut == CutLarge })
}

// byRule reports whether a rule of the model was gone into for n.
func (n *Node) byRule() bool {
	for _, c := range n.Children {
		if c.Kind == KindUnion || c.Kind == KindIntersection {
			return true
		}
	}
	return false
}
