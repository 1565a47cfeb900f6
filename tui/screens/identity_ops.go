package screens

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// IdentityWriter changes whether people may sign in, and ends sessions.
type IdentityWriter interface {
	Suspend(ctx context.Context, id string) (kratos.Suspension, error)
	Activate(ctx context.Context, id string) (kratos.Activation, error)
	EndSessions(ctx context.Context, id string) (kratos.Ended, error)
	Edit(ctx context.Context, id string, e kratos.Edit) (clients.Change[kratos.Identity], error)
}

// identityOp is what can be done to the accounts of one or several people at once.
type identityOp struct {
	verb, done string       // "suspend", "suspended"
	ask        string       // the question; %s is who
	writes     string       // exactly what is written, for each of the people
	mind       []string     // what to know before
	back       kratos.State // what undo writes; empty when nothing can be taken back
	run        func(ctx context.Context, k IdentityWriter, id string) identityOutcome
}

var (
	// Kratos leaves the sessions alone when the state changes: they are refused while
	// the identity is inactive and work again afterwards (v1.3.1 to v26). So they are
	// ended with it.
	identitySuspend = identityOp{verb: "suspend", done: "suspended", ask: "Suspend %s?", back: kratos.Active,
		writes: "state = inactive, and all sessions ended",
		mind:   []string{"Signing in is refused from then on.", "u takes back the state; sessions that were ended do not come back."},
		run: func(ctx context.Context, k IdentityWriter, id string) identityOutcome {
			s, err := k.Suspend(ctx, id)
			return identityOutcome{after: s.After, ended: s.Ended, err: err}
		}}
	identityActivate = identityOp{verb: "reactivate", done: "reactivated", ask: "Reactivate %s?", back: kratos.Inactive,
		writes: "state = active",
		mind:   []string{"Signing in works again, and so does every session that was not ended."},
		run: func(ctx context.Context, k IdentityWriter, id string) identityOutcome {
			a, err := k.Activate(ctx, id)
			return identityOutcome{after: a.After, revived: len(a.Revived), err: err}
		}}
	identitySignOut = identityOp{verb: "sign out", done: "signed out everywhere", ask: "Sign %s out everywhere?",
		writes: "all sessions ended, on every device",
		mind:   []string{"They can sign in again at once, unless they are suspended."},
		run: func(ctx context.Context, k IdentityWriter, id string) identityOutcome {
			e, err := k.EndSessions(ctx, id)
			return identityOutcome{ended: e, err: err}
		}}
)

// danger: a state can be taken back, an ended session cannot.
func (op identityOp) danger() bool { return op.back == "" }

// why it makes no sense for that person; empty when it does.
func (op identityOp) why(r IdentityRow) string {
	switch {
	case op.verb == identitySuspend.verb && r.Suspended:
		return r.title() + " is suspended already; a reactivates"
	case op.verb == identityActivate.verb && !r.Suspended:
		return r.title() + " is active already; d suspends"
	}
	return ""
}

// question shows exactly what would be written for whom.
func (op identityOp) question(rows []IdentityRow, yes func()) tui.Question {
	q := tui.Question{Title: fmt.Sprintf(op.ask, identityPeople(rows)), Verb: op.verb, Danger: op.danger(), Yes: yes}
	q.Lines = append([]string{op.writes + ", for"}, identityWhos(rows)...)
	q.Lines = append(q.Lines, op.mind...)
	if len(rows) >= manyPeople {
		q.Typed = fmt.Sprint(len(rows))
	}
	return q
}

// manyPeople is from how many people on the number must be typed to confirm.
const manyPeople = 10

// identityOutcome is what became of an operation on one person.
type identityOutcome struct {
	row     IdentityRow
	after   kratos.Identity // as it is now; without an ID when the state was not written
	ended   kratos.Ended
	revived int // sessions that work again
	err     error
}

// runAll does it for everybody, one after the other: two writes side by side make a
// Kratos on SQLite wait for its own lock until one of them fails (v1.3.1; 40 people
// took 1 s one by one, and 11 s with two failures by fours). One that fails does not
// stop the others: the person decided for all of them.
func (op identityOp) runAll(ctx context.Context, k IdentityWriter, rows []IdentityRow) ([]identityOutcome, error) {
	out := make([]identityOutcome, len(rows))
	for i, r := range rows {
		if ctx.Err() == nil {
			out[i] = op.run(ctx, k, r.ID)
		} else {
			out[i].err = &clients.Problem{Kind: clients.Timeout, Op: op.verb, Reason: "there was no time left for it, so nothing was sent", Hint: "do the rest again"}
		}
		out[i].row = r
	}
	return out, op.problem(out)
}

// timeout is how long it may take for n people.
func (op identityOp) timeout(n int) time.Duration {
	return min(10*time.Minute, time.Duration(10+3*n)*time.Second)
}

// problem is the one error for all outcomes that failed, or nil. It names who.
func (op identityOp) problem(out []identityOutcome) error {
	var first error
	var names []string
	for _, o := range out {
		if o.err != nil {
			names = append(names, o.row.title())
			if first == nil {
				first = o.err
			}
		}
	}
	if first == nil || len(out) == 1 {
		return first
	}
	who := strings.Join(names[:min(3, len(names))], ", ")
	if len(names) > 3 {
		who += fmt.Sprintf(" and %d more", len(names)-3)
	}
	return &clients.Problem{Kind: clients.KindOf(first), Op: fmt.Sprintf("%s %s", op.verb, who),
		Reason: first.Error(), Hint: fmt.Sprintf("%d of %d are %s", len(out)-len(names), len(out), op.done), Err: first}
}

// report is what is said after it was done.
func (op identityOp) report(out []identityOutcome) string {
	rows, ended, revived := make([]IdentityRow, len(out)), 0, 0
	for i, o := range out {
		rows[i] = o.row
		ended += max(o.ended.Total, len(o.ended.Sessions))
		revived += o.revived
	}
	text := identityPeople(rows) + " " + op.done
	switch {
	case revived > 0:
		text += fmt.Sprintf("; %s again, o ends them", countVerb(revived, "session works", "sessions work"))
	case op.verb != identityActivate.verb:
		text += ", " + count(ended, "session") + " ended"
	}
	return text
}

func countVerb(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// undo takes the state back where nobody changed the identity since; nil when there
// is nothing to take back. put is told on the loop how the identities are then.
func (op identityOp) undo(k IdentityWriter, done []identityOutcome, put func(kratos.Identity)) *tui.Undo {
	var left []kratos.Identity
	u := &tui.Undo{}
	for _, o := range done {
		if o.after.ID != "" && op.back != "" {
			left = append(left, o.after)
		}
	}
	if len(left) == 0 {
		return nil
	}
	rows := make([]IdentityRow, len(left))
	for i, one := range left {
		rows[i] = identityRow(one)
	}
	u.What = op.verb + " " + identityPeople(rows)
	u.Lines = append([]string{"state = " + string(op.back) + ", for"}, identityWhos(rows)...)
	if op.verb == identitySuspend.verb {
		u.Lines = append(u.Lines, "Sessions that were ended do not come back.")
	}
	back := identityOp{verb: "undo " + op.verb, done: "as before"}
	out := make([]identityOutcome, len(left))
	u.Run = func(ctx context.Context) error {
		for i := range left {
			c, err := k.Edit(ctx, left[i].ID, kratos.Edit{State: op.back, Base: &left[i]})
			out[i] = identityOutcome{row: rows[i], after: c.After, err: err}
		}
		return back.problem(out)
	}
	u.Then = func() {
		for _, o := range out {
			if o.after.ID != "" {
				put(o.after)
			}
		}
	}
	return u
}

// identityPeople is one name, or how many they are.
func identityPeople(rows []IdentityRow) string {
	if len(rows) == 1 {
		return rows[0].title()
	}
	return fmt.Sprint(len(rows)) + " people"
}

// identityWho names somebody in a question without doubt: name, e-mail and id.
func identityWho(r IdentityRow) string {
	who := r.title()
	if r.Email != "" && r.Email != who {
		who += " <" + r.Email + ">"
	}
	return who + " (" + shortID(r.ID) + ")"
}

func identityWhos(rows []IdentityRow) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = "  " + identityWho(r)
	}
	return out
}
