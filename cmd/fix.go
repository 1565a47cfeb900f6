package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/clients"
)

func newFixCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "fix",
		Short: "Carry out one of the fixes that why offers",
		Long: "gatehouse why lists, of a denial, the smallest changes that would allow it, the least\n" +
			"far-reaching first, each tried out under the server's limits. This carries one out.",
		GroupID: groupAsk,
	}
	c.AddCommand(newFixApplyCommand(g), newFixUndoCommand(g))
	return c
}

// fixQuestion is a question whose fixes can be carried out. Another back end needs no
// more than this to have its fixes carried out by the same verb.
type fixQuestion interface {
	// ask asks and explains, as why does.
	ask(ctx context.Context) (access.Trace, error)
	// foresee is the answer as it would be after the fix, without writing.
	foresee(ctx context.Context, f access.Fix) (access.Trace, []fixChange, error)
	// write carries the fix out. What became of each write is returned beside an error too.
	write(ctx context.Context, f access.Fix) ([]fixChange, error)
	// undo are the commands that take back what was changed.
	undo(done []fixChange) []string
}

// fixChange is one write of a fix with what became of it.
type fixChange struct {
	access.Write
	Outcome string `json:"outcome" jsonschema:"enum=done,enum=unchanged,enum=absent,enum=would_do,enum=unknown,enum=failed" jsonschema_description:"done; unchanged: was there already; absent: there was none to remove; would_do: with --dry-run; unknown: sent, and no answer came back; failed."`
}

// fixResult is what "fix apply" prints.
type fixResult struct {
	Question string `json:"question"`
	Number   int    `json:"number" jsonschema_description:"The number of the fix in the list of now."`
	// Fix is absent when there was nothing to fix.
	Fix     *access.Fix `json:"fix,omitempty" jsonschema_description:"Absent when it was allowed already."`
	Outcome string      `json:"outcome" jsonschema:"enum=done,enum=unchanged,enum=would_do,enum=unknown,enum=failed" jsonschema_description:"done; unchanged: it was allowed already, and nothing was written; would_do: with --dry-run; unknown: no answer came back, it may have happened; failed: nothing was written."`
	// Changes are the writes; empty when nothing was to be written.
	Changes []fixChange `json:"changes"`
	// Undo are commands that take the changes back.
	Undo   []string     `json:"undo,omitempty" jsonschema_description:"Commands that take the changes back."`
	Before access.Trace `json:"before"`
	// After is the answer of after: the server's own, or with --dry-run worked out.
	After *access.Trace `json:"after,omitempty" jsonschema_description:"The answer of after; with --dry-run it is worked out. Absent when it was not asked again."`
}

type fixApplyOptions struct {
	why    whyOptions
	number int
	trace  string
}

func newFixApplyCommand(g *globals) *cobra.Command {
	o := &fixApplyOptions{why: whyOptions{g: g}}
	c := &cobra.Command{
		Use:   "apply N QUESTION | apply N --trace FILE",
		Short: "Write a fix, ask again, and say how to take it back",
		Long: "N is the number that why gives the fix of the same QUESTION. The question is asked and\n" +
			"explained again first; the fix is written in one transaction, or not at all; then the\n" +
			"question is asked once more.\n\n" +
			"With --trace FILE (- is stdin) question and fix are those of a saved answer of\n" +
			"\"why --json\". If the same fix is not among those of now, because something was changed\n" +
			"meanwhile, nothing is written and the fixes of now are shown.\n\n" +
			"When it is allowed already nothing is written. Of a write whose answer is lost it says so,\n" +
			"and looks what became of it.\n\n" +
			"Exit code 0 means that it is allowed now, 1 that it is denied all the same, and 2 that it\n" +
			"was not done or could not be told.",
		Example: "  gatehouse fix apply 1 Doc:q3-report#view@ann --dry-run\n" +
			"  gatehouse fix apply 1 Doc:q3-report#view@ann --yes\n" +
			"  gatehouse why Doc:q3-report#view@ann --json > trace.json; gatehouse fix apply 1 --trace trace.json",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.Context(), args) },
		ValidArgsFunction: func(c *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completeTuple(g)(c, args[1:], text)
		},
	}
	c.Flags().StringVar(&o.trace, "trace", "", "take question and fix from `FILE`, a saved answer of why --json; - is stdin")
	o.why.addFlags(c)
	_ = c.Flags().MarkHidden("tuples") // without a server there is nothing to write to
	c.AddCommand(newFixKeycloakCommand(g))
	return c
}

// maxTrace bounds what is read of a saved answer.
const maxTrace = 64 << 20

func (o *fixApplyOptions) run(ctx context.Context, args []string) error {
	var err error
	if o.number, err = strconv.Atoi(args[0]); err != nil || o.number < 1 {
		return usageError("%q is not the number of a fix; why lists them from 1", cleanLine(args[0]))
	}
	switch {
	case o.why.check() != nil:
		return o.why.check()
	case o.why.tuples != "":
		return usageError("fix apply writes to a server; to try a fix on the tuples of a file use what-if")
	case (o.trace == "") == (len(args) == 1):
		return usageError("give either the QUESTION or --trace FILE")
	}
	var saved *access.Trace
	question := ""
	if o.trace == "" {
		question = args[1]
	} else if saved, err = o.readTrace(); err != nil {
		return cannotDo(err)
	} else {
		question = saved.Question
	}
	b, err := o.why.g.connect(ctx)
	if err != nil {
		return err
	}
	of, err := o.ketoQuestion(ctx, b, question)
	if err != nil {
		return err
	}
	return o.carryOut(ctx, b, of, saved)
}

// readTrace reads a saved answer.
func (o *fixApplyOptions) readTrace() (*access.Trace, error) {
	var t access.Trace
	const save = "save it with: gatehouse why QUESTION --json"
	err := readSaved(o.why.g, o.trace, "--trace", "why --json", save, &t)
	if err == nil {
		err = checkSaved(o.trace, t.Schema, len(t.Fixes), o.number, save)
	}
	return &t, err
}

const opSaved = "read the saved answer"

// readSaved reads what a command printed with --json, from a file or stdin.
func readSaved(g *globals, file, flag, printed, save string, to any) error {
	in := g.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return problem(clients.Invalid, opSaved, err.Error(), "correct "+flag)
		}
		defer f.Close()
		in = f
	}
	if err := json.NewDecoder(io.LimitReader(in, maxTrace)).Decode(to); err != nil {
		return problem(clients.Invalid, opSaved, file+" is not what "+printed+" prints: "+err.Error(), save)
	}
	return nil
}

// checkSaved holds a saved answer to what is wanted of it.
func checkSaved(file, schema string, fixes, number int, save string) error {
	switch {
	case schema != access.Schema:
		return problem(clients.Invalid, opSaved, fmt.Sprintf("%s has the schema %q, not %q", file, schema, access.Schema), save)
	case number > fixes:
		return problem(clients.Invalid, opSaved, fmt.Sprintf("%s has %s, so there is no fix %d", file, plural(fixes, "fix", "fixes"), number), "")
	}
	return nil
}

// carryOut asks, chooses the fix, has it confirmed, writes it, and asks again.
func (o *fixApplyOptions) carryOut(ctx context.Context, b *backends, of fixQuestion, saved *access.Trace) error {
	g := o.why.g
	before, err := of.ask(ctx)
	if err != nil {
		return cannotDo(err)
	}
	r := fixResult{Question: before.Question, Number: o.number, Outcome: outcomeUnchanged, Changes: []fixChange{}, Before: before}
	if before.Verdict == access.Allowed {
		g.note("gatehouse: it is allowed already: there is nothing to fix, and nothing was written")
		return o.print(r, nil)
	}
	n, fix, err := o.choose(before, saved)
	if err != nil {
		return cannotDo(err)
	}
	r.Number, r.Fix = n, &fix
	if g.dryRun {
		after, changes, err := of.foresee(ctx, fix)
		if err != nil {
			return cannotDo(err)
		}
		r.Outcome, r.Changes, r.After = outcomeWould, changes, &after
		return o.print(r, nil)
	}
	if err := o.confirm(ctx, b, of, &r); err != nil {
		return cannotDo(err)
	}
	return o.write(ctx, of, r)
}

// choose finds the fix among those of now. One of a saved answer must be there with
// exactly the same writes.
func (o *fixApplyOptions) choose(now access.Trace, saved *access.Trace) (int, access.Fix, error) {
	op := fmt.Sprintf("apply fix %d", o.number)
	if saved == nil {
		if o.number <= len(now.Fixes) {
			return o.number, now.Fixes[o.number-1], nil
		}
		why := fmt.Sprintf("there are only %d fixes", len(now.Fixes))
		switch len(now.Fixes) {
		case 0:
			why = "no small change was found that would allow it"
		case 1:
			why = "there is only 1 fix"
		}
		o.show(now)
		return 0, access.Fix{}, problem(clients.Invalid, op, why, "nothing was written")
	}
	if n := sameFix(now.Fixes, saved.Fixes[o.number-1]); n > 0 {
		return n, now.Fixes[n-1], nil
	}
	o.show(now)
	return 0, access.Fix{}, &clients.Problem{Kind: clients.Conflict, Op: op, Reason: "it is not among the fixes of now: something was changed since the answer was saved",
		Hint: "nothing was written; look at the fixes of now and apply one of those"}
}

// sameFix is the number of the fix with the same writes, from 1, or 0.
func sameFix(fixes []access.Fix, f access.Fix) int {
	key := func(f access.Fix) string {
		var b strings.Builder
		printRaw(&b, f.Writes)
		return b.String()
	}
	for i, n := range fixes {
		if key(n) == key(f) {
			return i + 1
		}
	}
	return 0
}

func printRaw(b *strings.Builder, writes []access.Write) {
	for _, w := range writes {
		raw, _ := json.Marshal(w)
		b.Write(raw)
	}
}

// show prints the answer and the fixes of now where they do not disturb a script.
func (o *fixApplyOptions) show(t access.Trace) {
	g := o.why.g
	g.note("%s %s  %s", t.Verdict.Mark(), t.Verdict, t.Question)
	g.note("%s", t.Summary)
	for i, f := range t.Fixes {
		g.note("fix %d   %s", i+1, f.Summary)
	}
}

// confirm asks in a production context. What a person reads takes time, so that the
// fixes are looked at once more afterwards.
func (o *fixApplyOptions) confirm(ctx context.Context, b *backends, of fixQuestion, r *fixResult) error {
	op := fmt.Sprintf("apply fix %d", r.Number)
	switch {
	case b.readOnly:
		return &clients.Problem{Kind: clients.Denied, Op: op, Reason: "context " + b.Context.Name + " may only be read", Hint: "nothing was written; --dry-run shows what it would do"}
	case !b.Context.Production || o.why.g.yes:
		return nil
	}
	q := question{Op: op, Answer: b.Context.Name, What: "This writes to the production context " + b.Context.Name + ":"}
	for _, w := range r.Fix.Writes {
		q.Sample = append(q.Sample, writeLine(w))
	}
	if also := r.Fix.Words(); also != "" {
		q.Sample = append(q.Sample, "it "+also)
	}
	if r.Fix.Unblocks {
		q.Sample = append(q.Sample, "it removes what was meant to deny")
	}
	if err := o.why.g.confirm(ctx, q); err != nil {
		return err
	}
	now, err := of.ask(ctx)
	if err != nil {
		return err
	}
	if now.Verdict == access.Allowed || sameFix(now.Fixes, *r.Fix) == 0 {
		o.show(now)
		return &clients.Problem{Kind: clients.Conflict, Op: op, Reason: "something was changed while you were asked: it is not among the fixes of now", Hint: "nothing was written"}
	}
	r.Before = now
	return nil
}

// write carries the chosen fix out and asks again.
func (o *fixApplyOptions) write(ctx context.Context, of fixQuestion, r fixResult) error {
	done, err := of.write(ctx, *r.Fix)
	r.Changes, r.Outcome = append(r.Changes, done...), outcomeDone
	switch {
	case clients.Is(err, clients.UnknownOutcome):
		r.Outcome = outcomeUnknown
		r.Undo = of.undo(done)
		return o.print(r, err)
	case err != nil:
		r.Outcome = outcomeFailed
		return o.print(r, err)
	}
	r.Undo = of.undo(done)
	after, err := of.ask(ctx)
	if err == nil {
		r.After = &after
		return o.print(r, nil)
	}
	p := *problemOf(err)
	p.Op, p.Hint = "ask again after the fix", "the fix was written; ask again with: gatehouse why "+shellWord(r.Question)
	return o.print(r, &p)
}

// print shows the result; the exit code is that of the answer of after.
func (o *fixApplyOptions) print(r fixResult, failed error) error {
	perr := printOne(o.why.g, r, fixColumns, func(w io.Writer) error { return printFix(w, r.report()) })
	switch {
	case failed != nil:
		return cannotDo(failed)
	case r.After != nil:
		return answerOf(r.After.Verdict, perr)
	}
	return answerOf(r.Before.Verdict, perr)
}

var fixColumns = []column[fixResult]{
	{Name: "question", Text: func(r fixResult) string { return r.Question }},
	{Name: "number", Text: func(r fixResult) string { return fmt.Sprint(r.Number) }},
	{Name: "outcome", Text: func(r fixResult) string { return r.Outcome }},
	{Name: "fix", Text: func(r fixResult) string {
		if r.Fix == nil {
			return ""
		}
		return r.Fix.Summary
	}},
	{Name: "before", Text: func(r fixResult) string { return string(r.Before.Verdict) }},
	{Name: "after", Text: func(r fixResult) string {
		if r.After == nil {
			return ""
		}
		return string(r.After.Verdict)
	}},
	{Name: "undo", Text: func(r fixResult) string { return strings.Join(r.Undo, " && ") }},
}

// fixOutcomes say what became of the whole fix.
var fixOutcomes = map[string]string{
	outcomeDone: "written", outcomeUnchanged: "nothing to fix", outcomeWould: "would be written", outcomeUnknown: "NO ANSWER CAME: it may have been written", outcomeFailed: "not written",
}

// fixAnswer is an answer beside a fix.
type fixAnswer struct {
	verdict           access.Verdict
	question, summary string
}

func answerOfTrace(t access.Trace) fixAnswer { return fixAnswer{t.Verdict, t.Question, t.Summary} }

// fixReport is what a person reads of a fix that was, or would be, carried out; it is the
// same for all back ends.
type fixReport struct {
	number  int
	outcome string
	// title is the fix in one line; empty when there was nothing to fix.
	title string
	// changes are the writes, a line each; notes what else is to be known.
	changes, notes []string
	before         fixAnswer
	after          *fixAnswer
	undo           []string
}

func (r fixResult) report() fixReport {
	out := fixReport{number: r.Number, outcome: r.Outcome, before: answerOfTrace(r.Before), undo: r.Undo}
	if r.Fix == nil {
		return out
	}
	out.title = r.Fix.Summary
	for _, c := range r.Changes {
		note := ""
		switch c.Outcome {
		case outcomeUnchanged:
			note = "   (was there already)"
		case outcomeAbsent:
			note = "   (was not there)"
		}
		out.changes = append(out.changes, writeLine(c.Write)+note)
	}
	out.notes = append(out.notes, r.Fix.Words())
	if r.After != nil {
		after := answerOfTrace(*r.After)
		out.after = &after
	}
	return out
}

func printFix(w io.Writer, r fixReport) error {
	var b strings.Builder
	answer := func(when string, t fixAnswer) {
		fmt.Fprintf(&b, "%-7s %s %s  %s\n        %s\n", when, t.verdict.Mark(), t.verdict, cleanLine(t.question), cleanLine(t.summary))
	}
	if r.title == "" {
		answer("now", r.before)
		_, err := io.WriteString(w, b.String()+"        nothing was written\n")
		return err
	}
	answer("before", r.before)
	fmt.Fprintf(&b, "fix %-3d %s: %s\n", r.number, fixOutcomes[r.outcome], cleanLine(r.title))
	for _, line := range slices.Concat(r.changes, r.notes) {
		if line != "" {
			fmt.Fprintf(&b, "        %s\n", cleanLine(line))
		}
	}
	if r.after != nil {
		when := "now"
		if r.outcome == outcomeWould {
			when = "then"
		}
		answer(when, *r.after)
	}
	for i, u := range r.undo {
		head := "undo"
		if i > 0 {
			head = ""
		}
		fmt.Fprintf(&b, "%-7s %s\n", head, cleanLine(u))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// shellWord is text as one word of a POSIX shell.
func shellWord(s string) string {
	if s != "" && s[0] != '#' && strings.Trim(s, "#abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
