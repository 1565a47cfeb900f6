package cmd

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"gatehouse/access/login/live"
	"gatehouse/clients"
)

func newFixUndoCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "undo RESULT",
		Short: "Take back a fix that was carried out in Keycloak",
		Long: "RESULT is the saved answer of \"fix apply keycloak … --json\", or - for stdin. It holds what\n" +
			"was there before each write; this puts it back, the last write first, and asks the question\n" +
			"once more.\n\n" +
			"Where somebody changed the same thing since, nothing is written. What cannot be taken back,\n" +
			"such as a new password, is refused as well.\n\n" +
			"Exit code 0 means that it was taken back, or that there was nothing to take back, and 2 that\n" +
			"it was not.",
		Example: "  gatehouse fix apply keycloak 1 --user ben --client flaskClient --json > result.json\n" +
			"  gatehouse fix undo result.json",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return undoFix(c.Context(), g, args[0]) },
	}
}

func undoFix(ctx context.Context, g *globals, file string) error {
	const op, save = "take back the fix", "save it with: gatehouse fix apply keycloak … --json"
	var was loginFixResult
	if err := readSaved(g, file, "the name", "fix apply keycloak --json", save, &was); err != nil {
		return cannotDo(err)
	}
	if was.Fix == nil || was.Before.Asked.Realm == "" {
		return cannotDo(problem(clients.Invalid, opSaved, file+" holds no fix that was carried out", save))
	}
	b, err := g.connect(ctx)
	if err != nil {
		return cannotDo(err)
	}
	realm, err := b.Realm(ctx, was.Before.Asked.Realm)
	if err != nil {
		return cannotDo(err)
	}
	x := live.New(realm)
	done, err := x.Resume(ctx, was.Changes)
	if err != nil {
		return cannotDo(err)
	}
	r := loginFixResult{Number: was.Number, Fix: was.Fix, Outcome: outcomeUnchanged, Changes: done.Done}
	r.Fix.Summary = "take back: " + r.Fix.Summary
	if r.Before, err = x.Why(ctx, was.Before.Asked, nil); err != nil {
		return cannotDo(err)
	}
	show := func(failed error) error {
		perr := printOne(g, r, loginFixColumns, func(w io.Writer) error { return printFix(w, r.report()) })
		if failed != nil {
			return cannotDo(failed)
		}
		return perr
	}
	switch {
	case len(done.Done) == 0:
		g.note("gatehouse: the fix changed nothing, so that there is nothing to take back")
		return show(nil)
	case !done.CanUndo():
		return cannotDo(problem(clients.Invalid, op, "it cannot be taken back", "nothing was written"))
	case g.dryRun:
		r.Outcome = outcomeWould
		return show(nil)
	}
	if err := mayWrite(b, op); err != nil {
		return cannotDo(err)
	}
	if err := g.confirmProduction(ctx, b, op, "This will "+r.Fix.Summary); err != nil {
		return cannotDo(err)
	}
	r.Changes = append([]live.Done{}, done.Done...)
	if err := done.Undo(ctx); err != nil {
		if r.Outcome = outcomeFailed; clients.Is(err, clients.UnknownOutcome) {
			r.Outcome = outcomeUnknown
		}
		return show(err)
	}
	r.Outcome = outcomeDone
	after, err := x.Why(ctx, was.Before.Asked, nil)
	if err != nil {
		return show(problem(clients.KindOf(err), "ask again after the undo", err.Error(), "the fix was taken back"))
	}
	r.After = &after
	return show(nil)
}
