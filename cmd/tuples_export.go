package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gatehouse/access/tuple"
)

type tuplesExportOptions struct {
	g      *globals
	filter tupleFilter
}

func newTuplesExportCommand(g *globals) *cobra.Command {
	o := &tuplesExportOptions{g: g}
	c := &cobra.Command{
		Use:   "export",
		Short: "Write relation tuples so that import reads them back exactly",
		Long: "Writes to stdout, as the tuples arrive: one line each, or with --json one array and with\n" +
			"--jsonl one object a line. All three are read back by tuples import, whatever the tuples\n" +
			"hold. An export that was cut by an error has no end mark with --json, and exit code 2\n" +
			"always. Copies of a tuple are all written; import leaves them out.",
		Example: "  gatehouse tuples export > backup.tuples\n" +
			"  gatehouse --context prod tuples export --namespace Doc | gatehouse --context dev tuples import -",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.filter.read(c); err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	o.filter.addTo(g, c)
	return c
}

func (o *tuplesExportOptions) run(ctx context.Context) error {
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return err
	}
	out := newLines(o.g, tupleColumns, tupleLine)
	err = printAll(o.g, out, k.All(ctx, o.filter.query), 0, func(t tuple.Tuple) tuple.Tuple { return t })
	if err == nil && isTerminal(o.g.stderr) {
		o.g.note("%s written", plural(out.count, "tuple", "tuples"))
	}
	return err
}
