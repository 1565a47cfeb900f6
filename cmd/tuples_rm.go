package cmd

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access/tuple"
	"gatehouse/clients/keto"
)

type tuplesRmOptions struct {
	g      *globals
	tuples []tuple.Tuple
	filter tupleFilter
}

func newTuplesRmCommand(g *globals) *cobra.Command {
	o := &tuplesRmOptions{g: g}
	c := &cobra.Command{
		Use:     "rm TUPLE… | --namespace N [--object O] [--relation R] [--subject S]",
		Aliases: []string{"remove"},
		Short:   "Remove relation tuples",
		Long: "Removes the tuples that are named, all in one transaction, or those that a filter selects.\n" +
			"A filter is read first: the tuples found are counted, the count is confirmed (by typing it,\n" +
			"or --yes), and exactly these tuples are removed. All copies of a tuple go.\n\n" +
			"A named tuple that is not there is told, and makes the exit code 1.",
		Example: "  gatehouse tuples rm Doc:q3-report#viewers@ann\n" +
			"  gatehouse tuples rm --namespace Doc --object old-report --dry-run\n" +
			"  gatehouse tuples rm --namespace Doc --object old-report --yes",
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.filter.read(c); err != nil {
				return err
			}
			switch {
			case len(args) == 0 && o.filter.empty():
				return usageError("tuples rm needs tuples or a filter; without either it would be everything")
			case len(args) > 0 && !o.filter.empty():
				return usageError("tuples rm takes tuples or a filter, not both")
			case len(args) == 0:
				return o.runFilter(c.Context())
			}
			var err error
			if o.tuples, err = parseRemovals(args); err != nil {
				return err
			}
			return o.runNamed(c.Context())
		},
		ValidArgsFunction: completeTuple(g),
	}
	o.filter.addTo(g, c)
	return c
}

// parseRemovals reads the tuples that are to go. As JSON that is also one with an empty
// part, which nobody should write and which may be stored all the same.
func parseRemovals(args []string) ([]tuple.Tuple, error) {
	out := make([]tuple.Tuple, len(args))
	for i, arg := range args {
		t, err := parseTuple(arg)
		if err != nil && strings.HasPrefix(strings.TrimSpace(arg), "{") {
			if odd := (tuple.Tuple{}); json.Unmarshal([]byte(arg), &odd) == nil && !odd.Subject.IsZero() {
				t, err = odd, nil
			}
		}
		if err != nil {
			return nil, usageError("%v", err)
		}
		out[i] = t
	}
	if len(out) > keto.MaxEdits {
		return nil, usageError("%d tuples do not fit into one transaction; use tuples import", len(out))
	}
	return out, nil
}

func (o *tuplesRmOptions) runNamed(ctx context.Context) error {
	const op = "remove relation tuples"
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return err
	}
	if !o.g.dryRun {
		if err := o.g.confirmProduction(ctx, b, op, "This removes "+plural(len(o.tuples), "relation tuple", "relation tuples")); err != nil {
			return err
		}
	}
	return o.g.applyTuples(ctx, k, keto.Delete, o.tuples)
}

func (o *tuplesRmOptions) runFilter(ctx context.Context) error {
	const op = "remove relation tuples"
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return err
	}
	found, err := k.Select(ctx, o.filter.query)
	if err != nil {
		return cannotDo(err)
	}
	out := newLines(o.g, changeColumns, tupleChange.line).whenEmpty("no relation tuples match; nothing to remove")
	if found.Count() == 0 {
		return answerNoAfter(out.Close())
	}
	if o.g.dryRun {
		return o.foresee(out, found)
	}
	if err := o.g.confirm(ctx, confirmRemoval(op, found.Tuples)); err != nil {
		return err
	}
	gone := 0
	done, err := k.RemoveMatching(ctx, o.filter.query, found.Count(), func(r keto.Removal) {
		gone = r.Gone
		if isTerminal(o.g.stderr) {
			o.g.note("%s of %s removed", thousands(r.Gone), thousands(r.Total))
		}
	})
	changes := make([]tupleChange, 0, len(done.Edits))
	for _, d := range done.Edits[:gone] {
		changes = append(changes, changeOf(d, nil))
	}
	if open := done.Edits[gone:]; len(open) > 0 {
		var settled []tupleChange
		settled, err = o.g.settle(ctx, k, keto.Applied{Edits: open}, err)
		changes = append(changes, settled...)
	}
	for _, c := range changes {
		if perr := out.Add(c); perr != nil {
			return firstError(cannotDo(err), perr)
		}
	}
	if err != nil {
		out.Abort()
		return cannotDo(err)
	}
	return out.Close()
}

// foresee prints what would be removed.
func (o *tuplesRmOptions) foresee(out *rows[tupleChange], found keto.Selection) error {
	for _, t := range found.Tuples {
		if err := out.Add(tupleChange{Op: "remove", Outcome: outcomeWould, Copies: 1, Tuple: t}); err != nil {
			return err
		}
	}
	return out.Close()
}

// confirmRemoval shows how many and which tuples go, and asks for their number.
func confirmRemoval(op string, tuples []tuple.Tuple) question {
	const sample = 5
	q := question{Op: op, What: "This removes " + plural(len(tuples), "relation tuple", "relation tuples") + ".", Answer: strconv.Itoa(len(tuples))}
	for _, t := range tuples[:min(sample, len(tuples))] {
		q.Sample = append(q.Sample, tupleLine(t))
	}
	if more := len(tuples) - sample; more > 0 {
		q.Sample = append(q.Sample, "and "+thousands(more)+" more")
	}
	return q
}
