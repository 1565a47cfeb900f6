package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/clients"
)

type fixKeycloakOptions struct {
	why    whyKeycloakOptions
	inputs []string
	number int
	trace  string
}

func newFixKeycloakCommand(g *globals) *cobra.Command {
	o := &fixKeycloakOptions{why: whyKeycloakOptions{g: g}}
	c := &cobra.Command{
		Use:   "keycloak N --user U --client C … | keycloak N --trace FILE",
		Short: "Carry out a fix that why keycloak offers, and ask again",
		Long: "N is the number that \"why keycloak\" gives the fix of the same question; the flags are those\n" +
			"of that verb. The question is asked again first, and once more after the write.\n\n" +
			"With --trace FILE (- is stdin) question and fix are those of a saved answer of\n" +
			"\"why keycloak --json\". If the same fix is not among those of now, because something was\n" +
			"changed meanwhile, nothing is written and the fixes of now are shown.\n\n" +
			"Some fixes need something of you, such as a new password: --input password=FILE takes the\n" +
			"first line of a file, or of stdin with -, and never an argument, where others could read it.\n\n" +
			"What takes the fix back is printed with it; see also \"gatehouse fix undo\".\n\n" +
			"Exit code 0 means that nothing stands in the way now, 1 that something else does, and 2 that\n" +
			"it was not done or could not be told.",
		Example: "  gatehouse fix apply keycloak 1 --user ben --client flaskClient --dry-run\n" +
			"  gatehouse fix apply keycloak 1 --user ben --client flaskClient --input password=new.txt",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.Context(), args[0]) },
	}
	o.why.addFlags(c)
	c.Flags().StringVar(&o.trace, "trace", "", "take question and fix from `FILE`, a saved answer of why keycloak --json; - is stdin")
	c.Flags().StringArrayVar(&o.inputs, "input", nil, "`NAME=FILE` of what the fix asks for; - is stdin; may be repeated")
	return c
}

// loginFixResult is what "fix apply keycloak" prints.
type loginFixResult struct {
	Number  int         `json:"number"`
	Fix     *login.Fix  `json:"fix,omitempty" jsonschema_description:"Absent when nothing stood in the way."`
	Outcome string      `json:"outcome" jsonschema:"enum=done,enum=unchanged,enum=would_do,enum=unknown,enum=failed" jsonschema_description:"done; unchanged: nothing stood in the way, and nothing was written; would_do: with --dry-run; unknown: no answer came back, it may have happened; failed."`
	Changes []live.Done `json:"changes" jsonschema_description:"The writes that were made, each with what it changed as it was before and after."`
	// Undo is empty when nothing was written, or when the fix cannot be taken back.
	Undo   []string     `json:"undo,omitempty" jsonschema_description:"Commands that take the changes back; RESULT is this answer, saved with --json. Absent when they cannot be."`
	Before login.Trace  `json:"before"`
	After  *login.Trace `json:"after,omitempty"`
}

func (o *fixKeycloakOptions) run(ctx context.Context, number string) error {
	var err error
	if o.number, err = strconv.Atoi(number); err != nil || o.number < 1 {
		return usageError("%q is not the number of a fix; why keycloak lists them from 1", cleanLine(number))
	}
	g := o.why.g
	in, err := o.readInputs()
	if err != nil {
		return err
	}
	var saved *login.Trace
	if o.trace != "" {
		if saved, err = o.readTrace(); err != nil {
			return err
		}
	}
	b, err := g.connect(ctx)
	if err != nil {
		return cannotDo(err)
	}
	x, a, err := o.why.explainer(ctx, b)
	if err != nil {
		return err
	}
	before, err := x.Why(ctx, a, nil)
	if err != nil {
		return cannotDo(err)
	}
	r := loginFixResult{Number: o.number, Outcome: outcomeUnchanged, Changes: []live.Done{}, Before: before}
	if before.Verdict == access.Allowed {
		g.note("gatehouse: nothing stands in the way: there is nothing to fix, and nothing was written")
		return o.print(r, nil)
	}
	if r.Number, r.Fix, err = o.choose(before, saved); err != nil {
		return cannotDo(err)
	}
	if g.dryRun {
		r.Outcome = outcomeWould
		return o.print(r, nil)
	}
	if err := o.confirm(ctx, b, x, a, &r); err != nil {
		return cannotDo(err)
	}
	return o.write(ctx, x, a, in, r)
}

// readTrace reads a saved answer, and takes the question from it. What is secret in a
// question is not saved; the flags give it once more.
func (o *fixKeycloakOptions) readTrace() (*login.Trace, error) {
	ask := o.why.ask
	ask.Realm = ""
	if ask != (login.Asked{}) || o.why.resource != "" || o.why.url != "" {
		return nil, usageError("give either the question or --trace FILE")
	}
	const save = "save it with: gatehouse why keycloak … --json"
	var t login.Trace
	err := readSaved(o.why.g, o.trace, "--trace", "why keycloak --json", save, &t)
	if err == nil {
		err = checkSaved(o.trace, t.Schema, len(t.Fixes), o.number, save)
	}
	if err != nil {
		return nil, cannotDo(err)
	}
	if t.Asked.Client == "" {
		return nil, cannotDo(problem(clients.Invalid, opSaved, o.trace+" does not say what was asked", save))
	}
	o.why.ask, o.why.grant, o.why.token = t.Asked, string(t.Asked.Grant), string(t.Asked.Token)
	return &t, nil
}

// choose finds the fix among those of now. One of a saved answer must be there with
// exactly the same writes.
func (o *fixKeycloakOptions) choose(now login.Trace, saved *login.Trace) (int, *login.Fix, error) {
	op := fmt.Sprintf("apply fix %d", o.number)
	switch {
	case saved == nil && o.number <= len(now.Fixes):
		return o.number, &now.Fixes[o.number-1], nil
	case saved == nil:
		return 0, nil, problem(clients.Invalid, op, fmt.Sprintf("there is no fix %d for %s: %s", o.number, cmp.Or(now.Cause, string(now.Verdict)), now.Summary), cmp.Or(now.Hint, "nothing was written"))
	}
	if n := sameLoginFix(now.Fixes, saved.Fixes[o.number-1]); n > 0 {
		return n, &now.Fixes[n-1], nil
	}
	o.show(now)
	return 0, nil, &clients.Problem{Kind: clients.Conflict, Op: op, Reason: "it is not among the fixes of now: something was changed since the answer was saved",
		Hint: "nothing was written; look at the fixes of now and apply one of those"}
}

// sameLoginFix is the number of the fix with the same writes, from 1, or 0.
func sameLoginFix(fixes []login.Fix, f login.Fix) int {
	key := func(f login.Fix) string { raw, _ := json.Marshal(f.Writes); return string(raw) }
	return 1 + slices.IndexFunc(fixes, func(n login.Fix) bool { return key(n) == key(f) })
}

// show prints the answer and the fixes of now where they do not disturb a script.
func (o *fixKeycloakOptions) show(t login.Trace) {
	g := o.why.g
	g.note("%s %s  %s", t.Verdict.Mark(), t.Verdict, t.Question)
	g.note("%s", t.Summary)
	for i, f := range t.Fixes {
		g.note("fix %d   %s", i+1, f.Summary)
	}
}

// confirm asks in a production context. What a person reads takes time, so that the
// fixes are looked at once more afterwards.
func (o *fixKeycloakOptions) confirm(ctx context.Context, b *backends, x *live.Explainer, a login.Asked, r *loginFixResult) error {
	op := fmt.Sprintf("apply fix %d", r.Number)
	if err := mayWrite(b, op); err != nil {
		return err
	}
	if !b.Context.Production || o.why.g.yes {
		return nil
	}
	if err := o.why.g.confirmProduction(ctx, b, op, "This will "+r.Fix.Summary); err != nil {
		return err
	}
	x.Forget()
	now, err := x.Why(ctx, a, nil)
	if err != nil {
		return err
	}
	if sameLoginFix(now.Fixes, *r.Fix) == 0 {
		o.show(now)
		return &clients.Problem{Kind: clients.Conflict, Op: op, Reason: "something was changed while you were asked: it is not among the fixes of now", Hint: "nothing was written"}
	}
	r.Before = now
	return nil
}

// mayWrite refuses in a context that may only be read.
func mayWrite(b *backends, op string) error {
	if b.readOnly {
		return &clients.Problem{Kind: clients.Denied, Op: op, Reason: "context " + b.Context.Name + " may only be read", Hint: "nothing was written; --dry-run shows what it would do"}
	}
	return nil
}

func (o *fixKeycloakOptions) write(ctx context.Context, x *live.Explainer, a login.Asked, in live.Inputs, r loginFixResult) error {
	done, err := x.Apply(ctx, *r.Fix, in)
	r.Changes, r.Outcome = append(r.Changes, done.Done...), outcomeDone
	r.Undo = undoCommands(x.Realm().Name(), done)
	switch {
	case clients.Is(err, clients.UnknownOutcome):
		r.Outcome = outcomeUnknown
		return o.print(r, err)
	case err != nil:
		r.Outcome = outcomeFailed
		return o.print(r, err)
	}
	after, err := x.Why(ctx, a, nil)
	if err != nil {
		return o.print(r, problem(clients.KindOf(err), "ask again after the fix", err.Error(), "the fix was written"))
	}
	r.After = &after
	return o.print(r, nil)
}

// undoCommands are the commands that take a fix back: those of daily work where they do
// exactly that, else the one that goes by the saved answer.
func undoCommands(realm string, done *live.Applied) []string {
	if !done.CanUndo() {
		return nil
	}
	var out []string
	for i := len(done.Done) - 1; i >= 0; i-- {
		words := undoWords(done.Done[i].Write)
		if words == nil {
			return []string{"gatehouse fix undo RESULT"}
		}
		for j, w := range words {
			words[j] = shellWord(w)
		}
		out = append(out, "gatehouse "+strings.Join(append(words, "--realm", shellWord(realm)), " "))
	}
	return out
}

func undoWords(w login.Write) []string {
	switch w.Op {
	case login.OpGrantRole:
		if w.RoleClient != "" {
			return []string{"roles", "revoke", "--user", w.User, "--client", w.RoleClient, "--role", w.Role}
		}
		return []string{"roles", "revoke", "--user", w.User, "--realm-role", w.Role}
	case login.OpJoinGroup:
		return []string{"groups", "leave", w.User, "--group", w.Name}
	case login.OpEnableUser:
		return []string{"users", "disable", w.User}
	case login.OpClearAction:
		return []string{"users", "require", w.User, "--add", w.Name}
	case login.OpCreateUser:
		return []string{"users", "delete", w.User}
	}
	return nil
}

// readInputs reads what the person supplies, from files.
func (o *fixKeycloakOptions) readInputs() (live.Inputs, error) {
	in := live.Inputs{}
	for _, text := range o.inputs {
		name, file, ok := strings.Cut(text, "=")
		if !ok || name == "" || file == "" {
			return nil, usageError("--input is written NAME=FILE, such as password=new.txt")
		}
		raw, err := o.why.g.readFileOrStdin(file)
		if err != nil {
			return nil, cannotDo(err)
		}
		line, _, _ := strings.Cut(string(raw), "\n")
		if in[name] = strings.TrimSuffix(line, "\r"); in[name] == "" {
			return nil, usageError("--input %s: the first line is empty", name)
		}
	}
	return in, nil
}

var loginFixColumns = []column[loginFixResult]{
	{Name: "number", Text: func(r loginFixResult) string { return strconv.Itoa(r.Number) }},
	{Name: "outcome", Text: func(r loginFixResult) string { return r.Outcome }},
	{Name: "fix", Text: func(r loginFixResult) string {
		if r.Fix == nil {
			return ""
		}
		return r.Fix.Summary
	}},
	{Name: "before", Text: func(r loginFixResult) string { return cmp.Or(r.Before.Cause, string(r.Before.Verdict)) }},
	{Name: "after", Text: func(r loginFixResult) string {
		if r.After == nil {
			return ""
		}
		return cmp.Or(r.After.Cause, string(r.After.Verdict))
	}},
	{Name: "undo", Text: func(r loginFixResult) string { return strings.Join(r.Undo, " && ") }},
}

// print shows the result; the exit code is that of the answer of after.
func (o *fixKeycloakOptions) print(r loginFixResult, failed error) error {
	perr := printOne(o.why.g, r, loginFixColumns, func(w io.Writer) error { return printFix(w, r.report()) })
	switch {
	case failed != nil:
		return cannotDo(failed)
	case r.After != nil:
		return answerOf(r.After.Verdict, perr)
	}
	return answerOf(r.Before.Verdict, perr)
}

func (r loginFixResult) report() fixReport {
	of := func(t login.Trace) fixAnswer { return fixAnswer{t.Verdict, t.Question, t.Summary} }
	out := fixReport{number: r.Number, outcome: r.Outcome, before: of(r.Before), undo: r.Undo}
	if r.Fix == nil {
		return out
	}
	out.title, out.notes = r.Fix.Summary, []string{fixNote(*r.Fix)}
	if len(r.Undo) > 0 && strings.HasSuffix(r.Undo[0], "RESULT") {
		out.notes = append(out.notes, "RESULT below is this answer, had it been saved with --json")
	}
	if r.After != nil {
		after := of(*r.After)
		out.after = &after
	}
	return out
}
