package opl

// Engine is a generation of Keto's engine. The two parse alike, but put the tree of
// a rule into different shapes, which changes what a check costs in depth and so
// what it answers.
type Engine string

// The generations. Classic is Keto 0.13 to 26.2, New what came after it.
const (
	Classic Engine = "classic"
	New     Engine = "new"
)

// Simplified is the rule as that engine evaluates it; nil for a relation. It is a
// copy: the tree as parsed stays as it is.
//
// Classic merges a group into the one around it where both have the same operator,
// and does not look into groups with another operator. New merges groups of one
// member too, looks everywhere and into negations.
func (r *Relation) Simplified(e Engine) *Rewrite {
	if r == nil || r.Rewrite == nil {
		return nil
	}
	if e == New {
		return simplifyNew(r.Rewrite)
	}
	return simplifyClassic(r.Rewrite)
}

// simplifyClassic takes a stack where recursion would do: a rule of many operands
// is a tree that is as deep as it has operands.
func simplifyClassic(r *Rewrite) *Rewrite {
	out := &Rewrite{Op: r.Op, Span: r.Span}
	todo := [][]Node{r.Children}
	for len(todo) > 0 {
		top := len(todo) - 1
		if len(todo[top]) == 0 {
			todo = todo[:top]
			continue
		}
		c := todo[top][0]
		todo[top] = todo[top][1:]
		if g, ok := c.(*Rewrite); ok && g.Op == r.Op {
			todo = append(todo, g.Children)
		} else {
			out.Children = append(out.Children, c)
		}
	}
	return out
}

func simplifyNew(r *Rewrite) *Rewrite {
	out := &Rewrite{Op: r.Op, Span: r.Span}
	for i, c := range r.Children {
		switch c := c.(type) {
		case *Rewrite:
			g := simplifyNew(c)
			switch {
			case len(g.Children) != 1 && g.Op != r.Op:
				out.Children = append(out.Children, g)
			case i == 0: // g is ours: taking its slice over keeps a long chain linear
				out.Children = g.Children
			default:
				out.Children = append(out.Children, g.Children...)
			}
		case *Not:
			if g, ok := c.Child.(*Rewrite); ok {
				c = &Not{Child: simplifyNew(g), Span: c.Span}
			}
			out.Children = append(out.Children, c)
		default:
			out.Children = append(out.Children, c)
		}
	}
	return out
}
