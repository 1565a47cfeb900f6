package cmd

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/tuple"
)

type checkOptions struct {
	g        *globals
	question tuple.Tuple
	maxDepth int
}

func newCheckCommand(g *globals) *cobra.Command {
	o := &checkOptions{g: g}
	c := &cobra.Command{
		Use:   "check QUESTION",
		Short: "Ask Keto whether somebody may do something",
		Long: "QUESTION is namespace:object#permission@subject. The answer is Keto's own.\n\n" +
			"Exit code 0 is yes and 1 is no. 2 means that it could not be told: a server that does not\n" +
			"answer has not said no.",
		Example: "  gatehouse check Doc:q3-report#view@ann\n" +
			"  gatehouse check Doc:q3-report#view@Group:finance#members --json",
		GroupID: groupAsk,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if o.question, err = parseTuple(args[0]); err != nil {
				return usageError("%v", err)
			}
			return o.run(c.Context())
		},
		ValidArgsFunction: completeTuple(g),
	}
	c.Flags().IntVar(&o.maxDepth, "max-depth", 0, "how `DEEP` Keto may follow relations, up to its own limit; 0 is that limit")
	return c
}

func (o *checkOptions) run(ctx context.Context) error {
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
	trace, err := access.Ask(ctx, k, k, o.question, o.maxDepth)
	perr := printOne(o.g, trace, traceColumns, func(w io.Writer) error { return printTrace(w, trace) })
	switch {
	case err != nil:
		return cannotDo(err) // also an unknown relation: that is no "no"
	case trace.Verdict == access.Denied:
		return answerNo() // even if nobody reads the output
	case trace.Verdict != access.Allowed:
		return cannotDo(problem("unreachable", "check", "the answer is "+string(trace.Verdict), ""))
	}
	return perr
}

func printTrace(w io.Writer, t access.Trace) error {
	if _, err := fmt.Fprintf(w, "%s %s  %s\n%s\n", t.Verdict.Mark(), t.Verdict, cleanLine(t.Question), cleanLine(t.Summary)); err != nil {
		return err
	}
	if t.Hint == "" {
		return nil
	}
	_, err := fmt.Fprintln(w, cleanLine(t.Hint))
	return err
}

var traceColumns = []column[access.Trace]{
	{Name: "question", Text: func(t access.Trace) string { return t.Question }},
	{Name: "verdict", Text: func(t access.Trace) string { return string(t.Verdict) }},
	{Name: "server", Text: func(t access.Trace) string { return string(t.Server) }},
	{Name: "cause", Text: func(t access.Trace) string { return t.Cause }},
	{Name: "summary", Text: func(t access.Trace) string { return t.Summary }},
	{Name: "ms", Text: func(t access.Trace) string { return fmt.Sprint(t.Millis) }},
}
