package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
)

type tuplesListOptions struct {
	g      *globals
	filter tupleFilter
	limit  int
}

func newTuplesListCommand(g *globals) *cobra.Command {
	o := &tuplesListOptions{g: g}
	c := &cobra.Command{
		Use:   "list",
		Short: "List relation tuples",
		Long: "Prints one tuple a line, in the order in which Keto keeps them, as they arrive.\n" +
			"Any combination of filters works. A tuple that is stored twice is printed twice.",
		Example: "  gatehouse tuples list --namespace Doc --relation viewers\n" +
			"  gatehouse tuples list --subject Group:finance#members --json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.filter.read(c); err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	o.filter.addTo(g, c)
	c.Flags().IntVar(&o.limit, "limit", 0, "stop after `N` tuples; 0 is all of them")
	return c
}

func (o *tuplesListOptions) run(ctx context.Context) error {
	if o.limit < 0 {
		return usageError("--limit must not be negative")
	}
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return err
	}
	out := newLines(o.g, tupleColumns, tupleLine).whenEmpty("no relation tuples match")
	size := keto.MaxPage
	if o.limit > 0 {
		size = min(o.limit, size)
	}
	items := clients.Each(ctx, func(ctx context.Context, cursor string) (clients.Page[tuple.Tuple], error) {
		return k.ListN(ctx, o.filter.query, cursor, size)
	})
	return printAll(o.g, out, items, o.limit, func(t tuple.Tuple) tuple.Tuple { return t })
}
