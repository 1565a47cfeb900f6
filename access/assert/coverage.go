package assert

import (
	"strings"

	"gatehouse/access"
	"gatehouse/access/opl"
)

// Coverage says which rules of the model the assertions put to the test.
type Coverage struct {
	// Operands is how many operands the rules of the model have, and Exercised how many
	// of them made a difference: granted something or, behind a "!", blocked somebody.
	Operands  int `json:"operands"`
	Exercised int `json:"exercised"`
	// Permissions are all that the model has, with the answers that were seen.
	Permissions []PermissionCoverage `json:"permissions"`
	// Missing are the operands that no assertion put to the test.
	Missing []Operand `json:"missing,omitempty"`
}

// PermissionCoverage is how often a permission was decided on the way to an answer.
type PermissionCoverage struct {
	Permission string `json:"permission"`
	Where      string `json:"where"`
	Allowed    int    `json:"allowed"`
	Denied     int    `json:"denied"`
}

// Operand is a part of a rule.
type Operand struct {
	Permission string `json:"permission"`
	Operand    string `json:"operand"`
	Where      string `json:"where"`
}

// spot is a place in a model.
type spot struct {
	file         string
	line, column int
}

func spotOf(s opl.Span) spot { return spot{s.File, s.Start.Line, s.Start.Column} }

// coverage counts as explanations come by.
type coverage struct {
	operands    []Operand
	at          []spot        // of the operands
	hit         map[spot]bool // operands that came out true
	permissions []PermissionCoverage
	index       map[spot]int
}

func newCoverage(m *opl.Model) *coverage {
	c := &coverage{hit: map[spot]bool{}, index: map[spot]int{}}
	if m == nil {
		return c
	}
	for _, n := range m.Namespaces {
		for _, p := range n.Permits() {
			name := n.Name + "#" + p.Name
			c.index[spotOf(p.Pos)] = len(c.permissions)
			c.permissions = append(c.permissions, PermissionCoverage{Permission: name, Where: p.Pos.String()})
			c.rule(m, name, p.Simplified(opl.New), false)
		}
	}
	return c
}

// rule notes the operands of a rule.
func (c *coverage) rule(m *opl.Model, name string, n opl.Node, not bool) {
	switch r := n.(type) {
	case *opl.Rewrite:
		for _, child := range r.Children {
			c.rule(m, name, child, not)
		}
	case *opl.Not:
		c.rule(m, name, r.Child, !not)
	default:
		text := strings.Join(strings.Fields(m.Text(n.Where())), " ")
		if not {
			text = "!" + text
		}
		c.operands = append(c.operands, Operand{name, text, n.Where().String()})
		c.at = append(c.at, spotOf(n.Where()))
	}
}

// take counts the steps of an explanation.
func (c *coverage) take(s *access.Step) {
	if s == nil || s.Skipped {
		return
	}
	if s.Rule != nil {
		at := spot{s.Rule.File, s.Rule.Line, s.Rule.Column}
		switch s.Kind {
		case access.KindAllowed:
			if i, ok := c.index[at]; ok {
				switch s.Verdict {
				case access.Allowed:
					c.permissions[i].Allowed++
				case access.Denied:
					c.permissions[i].Denied++
				}
			}
		case access.KindComputed, access.KindTraverse, access.KindDirect:
			if s.Verdict == access.Allowed {
				c.hit[at] = true
			}
		}
	}
	for _, child := range s.Children {
		c.take(child)
	}
}

func (c *coverage) result() Coverage {
	out := Coverage{Operands: len(c.operands), Permissions: c.permissions}
	for i, o := range c.operands {
		if c.hit[c.at[i]] {
			out.Exercised++
		} else {
			out.Missing = append(out.Missing, o)
		}
	}
	return out
}
