package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
)

type tuplesAddOptions struct {
	g      *globals
	tuples []tuple.Tuple
	force  bool
}

func newTuplesAddCommand(g *globals) *cobra.Command {
	o := &tuplesAddOptions{g: g}
	c := &cobra.Command{
		Use:   "add TUPLE…",
		Short: "Add relation tuples",
		Long: "Adds all of them in one transaction, or none. A tuple that is stored already is left\n" +
			"alone: Keto itself would store it a second time.\n\n" +
			"Keto takes any relation and any subject, and then answers \"denied\". Where the permission\n" +
			"model is known (keto.opl), a tuple that it does not provide for is refused with the nearest\n" +
			"right name; --force writes it all the same.",
		Example: "  gatehouse tuples add Doc:q3-report#viewers@ann Group:finance#members@ben\n" +
			"  gatehouse tuples add 'Doc:q3-report#viewers@(Group:finance#members)' --dry-run",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if o.tuples, err = parseTuples(args); err != nil {
				return err
			}
			return o.run(c.Context())
		},
		ValidArgsFunction: completeTuple(g),
	}
	c.Flags().BoolVar(&o.force, "force", false, "also write what the permission model does not provide for")
	return c
}

// parseTuples reads the arguments of add and rm.
func parseTuples(args []string) ([]tuple.Tuple, error) {
	out := make([]tuple.Tuple, len(args))
	for i, a := range args {
		t, err := parseTuple(a)
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

func (o *tuplesAddOptions) run(ctx context.Context) error {
	const op = "add relation tuples"
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return err
	}
	check, err := o.g.writeCheck(ctx, b, k, o.force)
	if err != nil {
		return err
	}
	for _, t := range o.tuples {
		if err := check(t); err != nil {
			return err
		}
	}
	if !o.g.dryRun {
		if err := o.g.confirmProduction(ctx, b, op, "This adds "+plural(len(o.tuples), "relation tuple", "relation tuples")); err != nil {
			return err
		}
	}
	return o.g.applyTuples(ctx, k, keto.Insert, o.tuples)
}

// applyTuples carries out one kind of edit and prints what became of each tuple.
func (g *globals) applyTuples(ctx context.Context, k *keto.Client, op keto.Op, tuples []tuple.Tuple) error {
	edits := make([]keto.Edit, 0, len(tuples))
	seen := map[string]bool{}
	for _, t := range tuples {
		if !seen[t.Key()] {
			seen[t.Key()] = true
			edits = append(edits, keto.Edit{Op: op, Tuple: t})
		}
	}
	done, err := g.tryEdits(ctx, k, edits)
	out := newLines(g, changeColumns, tupleChange.line)
	absent := 0
	for _, d := range done {
		if d.Outcome == outcomeAbsent {
			absent++
		}
		if perr := out.Add(d); perr != nil {
			return perr
		}
	}
	switch {
	case err != nil:
		out.Abort()
		return cannotDo(err)
	case absent > 0:
		return answerNoAfter(out.Close())
	}
	return out.Close()
}

// tryEdits applies edits, or with --dry-run only looks what they would do.
func (g *globals) tryEdits(ctx context.Context, k *keto.Client, edits []keto.Edit) ([]tupleChange, error) {
	if g.dryRun {
		return g.foresee(ctx, k, edits)
	}
	applied, err := k.Apply(ctx, edits)
	if err != nil && clients.Is(err, clients.UnknownOutcome) {
		return g.settle(ctx, k, applied, err)
	}
	var out []tupleChange
	for _, d := range applied.Edits {
		out = append(out, changeOf(d, err))
	}
	return out, err
}

// foresee says what edits would do, without writing.
func (g *globals) foresee(ctx context.Context, k *keto.Client, edits []keto.Edit) ([]tupleChange, error) {
	ts := make([]tuple.Tuple, len(edits))
	for i, e := range edits {
		ts[i] = e.Tuple
	}
	copies, err := k.Copies(ctx, ts...)
	if err != nil {
		return nil, err
	}
	out := make([]tupleChange, len(edits))
	for i, e := range edits {
		after := copies[i]
		if e.Op == keto.Delete {
			after = 0
		} else if after == 0 {
			after = 1
		}
		out[i] = changeOf(keto.Done{Edit: e, Before: copies[i], After: after}, nil)
		if out[i].Outcome == outcomeDone {
			out[i].Outcome = outcomeWould
		}
	}
	return out, nil
}

// settle looks what a write of unknown outcome has really done: it was one
// transaction, so that its tuples are all as wanted or all as before. The look gets
// a deadline of its own, since the command's may be what cut the answer off.
func (g *globals) settle(ctx context.Context, k *keto.Client, applied keto.Applied, cause error) ([]tupleChange, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	var ts []tuple.Tuple
	for _, d := range applied.Edits {
		ts = append(ts, d.Tuple)
	}
	out := make([]tupleChange, len(applied.Edits))
	copies, err := k.Copies(ctx, ts...)
	happened := err == nil
	for i, d := range applied.Edits {
		out[i] = changeOf(d, cause)
		happened = happened && (copies[i] > 0) == (d.Op == keto.Insert)
	}
	switch {
	case err != nil || len(out) == 0:
		return out, cause
	case happened:
		for i, d := range applied.Edits {
			out[i] = changeOf(d, nil)
		}
		g.note("gatehouse: the answer to the write was lost; looked again: it did happen")
		return out, nil
	}
	p := *problemOf(cause)
	p.Reason += "; looked again: it has not happened so far"
	p.Hint = "list the tuples in a moment, then repeat it"
	return out, &p
}

// line is the plain text of a change.
func (c tupleChange) line() string {
	return fmt.Sprintf("%s %s", changeWords[c.Op+" "+c.Outcome], tupleLine(c.Tuple))
}

// settleTime is what the second look after a lost answer may take.
const settleTime = 10 * time.Second

// The outcomes of a write, in JSON and in changeWords.
const (
	outcomeDone      = "done"
	outcomeUnchanged = "unchanged"
	outcomeAbsent    = "absent"
	outcomeWould     = "would_do"
	outcomeUnknown   = "unknown"
	outcomeFailed    = "failed"
)

// changeWords say an operation and its outcome in plain text.
var changeWords = map[string]string{
	"add done": "added    ", "add unchanged": "exists   ", "add would_do": "would add", "add unknown": "unknown  ", "add failed": "failed   ",
	"remove done": "removed     ", "remove absent": "not there   ", "remove would_do": "would remove", "remove unknown": "unknown     ", "remove failed": "failed      ",
}

// changeOf is what became of one edit; err is that of the whole transaction.
func changeOf(d keto.Done, err error) tupleChange {
	c := tupleChange{Op: "add", Outcome: outcomeDone, Copies: d.Before, Tuple: d.Tuple}
	if d.Op == keto.Delete {
		c.Op = "remove"
	}
	switch {
	case !d.Changed() && d.Op == keto.Insert:
		c.Outcome = outcomeUnchanged
	case !d.Changed():
		c.Outcome = outcomeAbsent
	case clients.Is(err, clients.UnknownOutcome):
		c.Outcome = outcomeUnknown
	case err != nil:
		c.Outcome = outcomeFailed
	}
	return c
}
