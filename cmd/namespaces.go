package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

func newNamespacesCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "namespaces",
		Short: "List Keto's namespaces",
		Long: "Keto tells the names of its namespaces only. Where the permission model is known\n" +
			"(keto.opl), their relations and permissions are shown beside them, and where the model\n" +
			"and the server do not have the same namespaces, that is said.",
		GroupID: groupData,
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return g.runNamespaces(c.Context()) },
	}
}

func (g *globals) runNamespaces(ctx context.Context) error {
	b, err := g.connect(ctx)
	if err != nil {
		return err
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return err
	}
	names, err := k.Namespaces(ctx)
	if err != nil {
		return err
	}
	out := newRows(g, namespaceColumns).whenEmpty("Keto has no namespaces; its permission model may be missing")
	for _, n := range g.describe(ctx, b, names) {
		if err := out.Add(n); err != nil {
			return err
		}
	}
	return out.Close()
}

var namespaceColumns = []column[namespaceOut]{
	{Name: "name", Text: func(n namespaceOut) string { return n.Name }},
	{Name: "relations", Text: func(n namespaceOut) string {
		var names []string
		for _, r := range n.Relations {
			names = append(names, r.Name)
		}
		return strings.Join(names, " ")
	}},
	{Name: "permissions", Text: func(n namespaceOut) string { return strings.Join(n.Permissions, " ") }},
	{Name: "drift", Text: func(n namespaceOut) string { return strings.ReplaceAll(n.Drift, "_", " ") }},
}
