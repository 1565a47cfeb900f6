package cmd

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access/opl"
	"gatehouse/clients"
)

type oplGraphOptions struct {
	g    *globals
	form string
}

func newOPLGraphCommand(g *globals) *cobra.Command {
	o := &oplGraphOptions{g: g}
	c := &cobra.Command{
		Use:   "graph [SOURCE | -]",
		Short: "Draw a permission model: what takes whom, and what leads to what",
		Long: "As text it is a tree of the namespaces with their relations and permissions. --format dot is\n" +
			"for Graphviz and --format mermaid for Markdown viewers; --json has the nodes and edges.",
		Example: "  gatehouse opl graph\n  gatehouse opl graph model.ts --format dot | dot -Tsvg > model.svg",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return o.run(c.Context(), args) },
	}
	c.Flags().StringVar(&o.form, "format", "text", "draw it as `FORM`: text, dot or mermaid")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "dot", "mermaid"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (o *oplGraphOptions) run(ctx context.Context, args []string) error {
	if o.form != "text" && o.form != "dot" && o.form != "mermaid" {
		return usageError("--format is text, dot or mermaid, not %q", o.form)
	}
	b, err := o.g.maybeConnect(ctx, len(args) == 0)
	if err != nil {
		return cannotDo(err)
	}
	l, err := o.g.loadSource(ctx, b, args)
	if err != nil {
		return cannotDo(err)
	}
	if len(l.Errors) > 0 {
		return cannotDo(problem(clients.Invalid, "draw the permission model", "Keto would refuse it: "+l.Errors[0].Error(), "see gatehouse opl check"))
	}
	graph := l.Model.Graph()
	return printOne(o.g, graph, nil, func(w io.Writer) error {
		text := ""
		switch o.form {
		case "dot":
			text = graph.DOT()
		case "mermaid":
			text = graph.Mermaid()
		default:
			var b strings.Builder
			for i, n := range l.Model.Outline() {
				if i > 0 {
					b.WriteByte('\n')
				}
				printOutline(&b, n, "", "")
			}
			text = b.String()
		}
		_, err := io.WriteString(w, text)
		return err
	})
}

func printOutline(b *strings.Builder, o opl.Outline, first, rest string) {
	line := cleanLine(o.Label)
	if o.Note != "" {
		line += "   " + cleanLine(o.Note)
	}
	fmt.Fprintf(b, "%s%s\n", first, line)
	for i, c := range o.Children {
		if i == len(o.Children)-1 {
			printOutline(b, c, rest+"└ ", rest+"  ")
		} else {
			printOutline(b, c, rest+"├ ", rest+"│ ")
		}
	}
}
