package screens

import (
	"context"

	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// identityListActions are what the list does to the marked people, or to the one
// under the cursor. Without a writer there is nothing to do.
func identityListActions(spec IdentitiesSpec) func(*tui.List[IdentityRow]) []tui.Action {
	job, formJob, k := new(tui.Job), new(tui.Job), spec.Write
	return func(l *tui.List[IdentityRow]) []tui.Action {
		if k == nil {
			return nil
		}
		act := func(key, name, help string, footer int, op identityOp) tui.Action {
			return tui.Action{Name: name, Keys: []string{key}, Help: help, Footer: footer, Mutates: true, Danger: op.danger(),
				Why: func() string { return op.whyNot(l) }, Run: tui.Do(func() { op.askList(l, job, k) })}
		}
		acts := []tui.Action{
			act("d", "suspend", "Refuse the selected people to sign in, and end their sessions.", 40, identitySuspend),
			act("a", "reactivate", "Let the selected people sign in again.", 41, identityActivate),
			act("o", "sign out", "End all sessions of the selected people, on every device.", 42, identitySignOut),
		}
		if spec.Edit != nil {
			acts = append(acts, identityBulkActions(spec, l)...)
		}
		if spec.Forms != nil {
			acts = append(acts, identityFormActions(spec, l, formJob)...)
		}
		return acts
	}
}

// identityFormActions create an identity, and edit the one under the cursor.
func identityFormActions(spec IdentitiesSpec, l *tui.List[IdentityRow], job *tui.Job) []tui.Action {
	saved := func(open bool) func(kratos.Identity, string) {
		return func(i kratos.Identity, words string) {
			l.Put(identityRow(i))
			if words != "" {
				l.Toast(words)
			}
			if open && spec.Open != nil {
				l.Push(spec.Open(i.ID))
			}
		}
	}
	return []tui.Action{
		{Name: "new", Keys: []string{"n"}, Footer: 39, Mutates: true, Help: "Create an identity in a form made from its identity schema.",
			Run: tui.Do(func() { openIdentityForm(l, job, spec.Forms, "", saved(true)) })},
		{Name: "edit", Keys: []string{"e"}, Footer: 43, Mutates: true, Why: l.NeedRow, Help: "Change the person under the cursor in a form made from the identity schema.",
			Run: tui.Do(func() {
				if r, ok := l.Current(); ok {
					openIdentityForm(l, job, spec.Forms, r.ID, saved(false))
				}
			})},
	}
}

// whyNot refuses when there is nobody to do it to.
func (op identityOp) whyNot(l *tui.List[IdentityRow]) string {
	why := l.NeedRow()
	if why != "" {
		return why
	}
	for _, r := range l.Selected() {
		if why = op.why(r); why == "" {
			return ""
		}
	}
	return why
}

// askList asks, and does it for those of the selected to whom it applies.
func (op identityOp) askList(l *tui.List[IdentityRow], job *tui.Job, k IdentityWriter) {
	var rows []IdentityRow
	for _, r := range l.Selected() {
		if op.why(r) == "" {
			rows = append(rows, r)
		}
	}
	if len(rows) > 1 {
		tui.Bulk(l, op.bulk(l, k, l.Selected()))
		return
	}
	l.Confirm(op.question(rows, func() {
		tui.Write(l, job, op.verb+" "+identityPeople(rows), op.timeout(len(rows)), func(ctx context.Context) ([]identityOutcome, error) {
			return op.runAll(ctx, k, rows)
		}, func(out []identityOutcome, err error) {
			put := func(i kratos.Identity) { l.Put(identityRow(i)) }
			for _, o := range out {
				if o.after.ID != "" {
					put(o.after)
				}
			}
			if u := op.undo(k, out, put); u != nil {
				l.Undo(*u)
			}
			if err != nil {
				l.Fail(err)
				return
			}
			l.Toast(op.report(out))
		})
	}))
}
