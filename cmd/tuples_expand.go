package cmd

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
)

type tuplesExpandOptions struct {
	g        *globals
	set      tuple.Set
	maxDepth int
}

func newTuplesExpandCommand(g *globals) *cobra.Command {
	o := &tuplesExpandOptions{g: g}
	c := &cobra.Command{
		Use:   "expand NAMESPACE:OBJECT#RELATION",
		Short: "Show who is in a subject set, as a tree",
		Long: "Keto expands stored tuples only. Up to v26.2 it does not follow the rules of the model,\n" +
			"so the tree of a permission is empty although people may have it; ask with check.\n" +
			"Keto sends the whole tree at once: for a set with very many members use tuples list.",
		Example: "  gatehouse tuples expand Group:finance#members",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := tuple.ParseSubject(args[0])
			if err != nil || s.Set == nil {
				return usageError("%q is not a subject set; write namespace:object#relation", args[0])
			}
			o.set = *s.Set
			return o.run(c.Context())
		},
		ValidArgsFunction: completeTuple(g),
	}
	c.Flags().IntVar(&o.maxDepth, "max-depth", 0, "how `DEEP` to go, up to Keto's own limit; 0 is that limit")
	return c
}

func (o *tuplesExpandOptions) run(ctx context.Context) error {
	if o.maxDepth < 0 {
		return usageError("--max-depth must not be negative")
	}
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return err
	}
	tree, err := k.Expand(ctx, o.set, o.maxDepth)
	if err != nil {
		return err
	}
	if tree == nil {
		return problem(clients.NotFound, "expand "+o.set.String(), "it has no stored members",
			"a permission has none of its own; ask with: gatehouse check")
	}
	out := treeOf(tree)
	if o.g.format() == asCSV {
		list := newRows(o.g, treeColumns)
		return firstError(out.csvRows(list, 0), list.Close())
	}
	return printOne(o.g, out, nil, func(w io.Writer) error { return out.print(w, "", "") })
}

// treeOf is a tree of Keto as it is printed, copies of a member made one.
func treeOf(t *keto.Tree) *treeOut {
	out := &treeOut{Type: t.Type, SubjectSet: t.Subject.Set}
	if t.Subject.Set == nil && t.Subject.ID != "" {
		out.SubjectID = &t.Subject.ID
	}
	leaves := map[string]*treeOut{}
	for _, c := range t.Children {
		child := treeOf(c)
		if len(child.Children) == 0 {
			key := child.label()
			if first := leaves[key]; first != nil {
				first.Copies = max(first.Copies, 1) + 1
				continue
			}
			leaves[key] = child
		}
		out.Children = append(out.Children, child)
	}
	return out
}

// label is the subject of a node, or the operator that a newer server shows.
func (t *treeOut) label() string {
	switch {
	case t.SubjectSet != nil:
		return t.SubjectSet.String()
	case t.SubjectID != nil:
		return *t.SubjectID
	}
	return "(" + t.Type + ")"
}

// print draws the tree; lead stands before the node, rest before its children.
func (t *treeOut) print(w io.Writer, lead, rest string) error {
	label := cleanLine(t.label())
	if t.Copies > 1 {
		label += fmt.Sprintf("  (stored %d times)", t.Copies)
	}
	if _, err := fmt.Fprintln(w, lead+label); err != nil {
		return err
	}
	for i, c := range t.Children {
		branch, below := "├─ ", "│  "
		if i == len(t.Children)-1 {
			branch, below = "└─ ", "   "
		}
		if err := c.print(w, rest+branch, rest+below); err != nil {
			return err
		}
	}
	return nil
}

// node is one line of a tree as CSV, which has no nesting.
type node struct {
	*treeOut
	depth int
}

// csvRows prints the tree depth first.
func (t *treeOut) csvRows(out *rows[node], depth int) error {
	if err := out.Add(node{t, depth}); err != nil {
		return err
	}
	for _, c := range t.Children {
		if err := c.csvRows(out, depth+1); err != nil {
			return err
		}
	}
	return nil
}

var treeColumns = []column[node]{
	{Name: "depth", Text: func(n node) string { return strconv.Itoa(n.depth) }},
	{Name: "type", Text: func(n node) string { return n.Type }},
	{Name: "subject", Text: func(n node) string { return n.label() }},
	{Name: "copies", Text: func(n node) string { return strconv.Itoa(max(n.Copies, 1)) }},
}
