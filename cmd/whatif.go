package cmd

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/tuple"
)

type whatIfOptions struct {
	why     whyOptions
	add, rm []string
}

func newWhatIfCommand(g *globals) *cobra.Command {
	o := &whatIfOptions{why: whyOptions{g: g}}
	c := &cobra.Command{
		Use:   "what-if --add TUPLE --rm TUPLE QUESTION",
		Short: "Work out what the answer would be after some changes, without making them",
		Long: "QUESTION is asked as it is, and worked out as it would be with the tuples of --add and\n" +
			"without those of --rm. Both may be given several times. Nothing is written.\n\n" +
			"The answer of before is Keto's own; that of after is worked out from the stored tuples and\n" +
			"the permission model. Where the two do not match already now, nothing can be worked out, and\n" +
			"it says so. With --tuples no server is asked at all.\n\n" +
			"Exit code 0 means that it would be allowed, 1 that it would be denied, and 2 that it cannot\n" +
			"be told. --json is the trace of after, with that of before in \"before\".",
		Example: "  gatehouse what-if --add Group:finance#members@ann Doc:q3-report#view@ann\n" +
			"  gatehouse what-if --rm Group:sales#members@gustav --rm Group:all#members@gustav Doc:plan#view@gustav\n" +
			"  gatehouse what-if --opl model.ts --tuples data.tuples --add Doc:q3#viewers@ann Doc:q3#view@ann",
		GroupID:           groupAsk,
		Args:              cobra.ExactArgs(1),
		RunE:              func(c *cobra.Command, args []string) error { return o.run(c.Context(), args[0]) },
		ValidArgsFunction: completeTuple(g),
	}
	c.Flags().StringArrayVar(&o.add, "add", nil, "suppose that `TUPLE` is stored")
	c.Flags().StringArrayVar(&o.rm, "rm", nil, "suppose that `TUPLE` is not stored")
	for _, name := range []string{"add", "rm"} {
		_ = c.RegisterFlagCompletionFunc(name, completeTuple(g))
	}
	o.why.addFlags(c)
	return c
}

// writes are the supposed changes, those that are added first, as Keto runs them.
func (o *whatIfOptions) writes() ([]access.Write, error) {
	var out []access.Write
	for _, part := range []struct {
		op    access.Op
		texts []string
	}{{access.OpAdd, o.add}, {access.OpRemove, o.rm}} {
		for _, text := range part.texts {
			t, err := parseTuple(text)
			if err != nil {
				return nil, usageError("%v", err)
			}
			out = append(out, access.NewWrite(part.op, t))
		}
	}
	if len(out) == 0 {
		return nil, usageError("what-if needs at least one --add or --rm; without a change, ask: gatehouse why")
	}
	return out, o.contradiction(out)
}

// contradiction refuses a tuple that is both added and removed.
func (o *whatIfOptions) contradiction(writes []access.Write) error {
	seen := map[string]access.Op{}
	for _, w := range writes {
		key := w.What().Key()
		if op, ok := seen[key]; ok && op != w.Op {
			return usageError("%s is both added and removed", tupleLine(w.What()))
		}
		seen[key] = w.Op
	}
	return nil
}

func (o *whatIfOptions) run(ctx context.Context, question string) error {
	if err := o.why.check(); err != nil {
		return err
	}
	q, err := parseTuple(question)
	if err != nil {
		return usageError("%v", err)
	}
	writes, err := o.writes()
	if err != nil {
		return err
	}
	x, who, err := o.why.prepare(ctx)
	if err != nil {
		return cannotDo(err)
	}
	w, err := x.WhatIf(ctx, who(ctx, q), writes)
	if err != nil {
		return cannotDo(err)
	}
	perr := printOne(o.why.g, w, whatIfColumns, func(out io.Writer) error { return printWhatIf(out, w) })
	return answerOf(w.Verdict, perr)
}

var whatIfColumns = []column[access.WhatIf]{
	{Name: "question", Text: func(w access.WhatIf) string { return w.Question }},
	{Name: "before", Text: func(w access.WhatIf) string { return string(w.Before.Verdict) }},
	{Name: "verdict", Text: func(w access.WhatIf) string { return string(w.Verdict) }},
	{Name: "changed", Text: func(w access.WhatIf) string { return fmt.Sprint(w.Changed) }},
	{Name: "cause", Text: func(w access.WhatIf) string { return w.Cause }},
	{Name: "summary", Text: func(w access.WhatIf) string { return w.Summary }},
	{Name: "ms", Text: func(w access.WhatIf) string { return fmt.Sprint(w.Millis) }},
}

// turnWords is a change of verdict: "✗ denied → ✓ allowed".
func turnWords(before, after access.Verdict) string {
	return fmt.Sprintf("%s %s → %s %s", before.Mark(), before, after.Mark(), after)
}

// printWhatIf is the plain text: both verdicts, what was supposed, what it changes, and
// what the answer of after would rest on.
func printWhatIf(out io.Writer, w access.WhatIf) error {
	var b strings.Builder
	said := turnWords(w.Before.Verdict, w.Verdict)
	if w.Before.Verdict == w.Verdict {
		said = fmt.Sprintf("%s still %s", w.Verdict.Mark(), w.Verdict)
	}
	fmt.Fprintf(&b, "%s  %s\n", said, cleanLine(w.Question))
	fmt.Fprintf(&b, "now:   %s\nthen:  %s\n", cleanLine(w.Before.Summary), cleanLine(w.Summary))
	if w.Hint != "" {
		fmt.Fprintf(&b, "%s\n", cleanLine(w.Hint))
	}
	b.WriteByte('\n')
	printWrites(&b, w.Writes)
	for _, n := range w.Notes {
		fmt.Fprintf(&b, "  note: %s\n", cleanLine(n))
	}
	for i, t := range w.Turned {
		if i == 0 {
			b.WriteString("\nwhat changes\n")
		}
		fmt.Fprintf(&b, "  %s  %s\n", turnWords(t.Before, t.After), cleanLine(t.Step))
	}
	b.WriteString("\nwhat it would rest on\n")
	root := w.Proof
	if w.Tree != nil {
		root = w.Tree
	}
	if root != nil {
		printStep(&b, root, "", "")
	}
	if w.Verdict != access.Allowed {
		printFixes(&b, w.Fixes)
	}
	b.WriteString("\nnothing was written")
	if w.Requests > 0 {
		fmt.Fprintf(&b, "; %d requests, %d round trips, %d ms", w.Requests, w.RoundTrips, w.Millis)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(out, b.String())
	return err
}

func printWrites(b *strings.Builder, writes []access.Write) {
	for _, w := range writes {
		fmt.Fprintf(b, "  %s\n", writeLine(w))
	}
}

// writeLine is a write with its sign: "+ Doc:a#viewers@ann".
func writeLine(w access.Write) string {
	sign := "+"
	if w.Op == access.OpRemove {
		sign = "-"
	}
	if w.What().Equal(tuple.Tuple{}) {
		return sign + " " + cleanLine(w.Tuple)
	}
	return sign + " " + tupleLine(w.What())
}
