package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
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
}

func newFixKeycloakCommand(g *globals) *cobra.Command {
	o := &fixKeycloakOptions{why: whyKeycloakOptions{g: g}}
	c := &cobra.Command{
		Use:   "keycloak N --user U --client C …",
		Short: "Carry out a fix that why keycloak offers, and ask again",
		Long: "N is the number that \"why keycloak\" gives the fix of the same question; the flags are those\n" +
			"of that verb. The question is asked again first, and once more after the write.\n\n" +
			"Some fixes need something of you, such as a new password: --input password=FILE takes the\n" +
			"first line of a file, or of stdin with -, and never an argument, where others could read it.\n\n" +
			"Exit code 0 means that nothing stands in the way now, 1 that something else does, and 2 that\n" +
			"it was not done or could not be told.",
		Example: "  gatehouse fix apply keycloak 1 --user ben --client flaskClient --dry-run\n" +
			"  gatehouse fix apply keycloak 1 --user ben --client flaskClient --input password=new.txt",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.Context(), args[0]) },
	}
	o.why.addFlags(c)
	c.Flags().StringArrayVar(&o.inputs, "input", nil, "`NAME=FILE` of what the fix asks for; - is stdin; may be repeated")
	return c
}

// loginFixResult is what "fix apply keycloak" prints.
type loginFixResult struct {
	Number  int          `json:"number"`
	Fix     *login.Fix   `json:"fix,omitempty" jsonschema_description:"Absent when nothing stood in the way."`
	Outcome string       `json:"outcome" jsonschema:"enum=done,enum=unchanged,enum=would_do,enum=unknown,enum=failed" jsonschema_description:"done; unchanged: nothing stood in the way, and nothing was written; would_do: with --dry-run; unknown: no answer came back, it may have happened; failed."`
	Changes []live.Done  `json:"changes" jsonschema_description:"The writes that were made, each with what it changed as it was before and after."`
	Before  login.Trace  `json:"before"`
	After   *login.Trace `json:"after,omitempty"`
}

func (o *fixKeycloakOptions) run(ctx context.Context, number string) error {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return usageError("%q is not the number of a fix; why keycloak lists them from 1", cleanLine(number))
	}
	g := o.why.g
	in, err := o.readInputs()
	if err != nil {
		return err
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
	r := loginFixResult{Number: n, Outcome: outcomeUnchanged, Changes: []live.Done{}, Before: before}
	if before.Verdict == access.Allowed {
		g.note("gatehouse: nothing stands in the way: there is nothing to fix, and nothing was written")
		return o.print(r, nil)
	}
	op := fmt.Sprintf("apply fix %d", n)
	if n > len(before.Fixes) {
		return cannotDo(problem(clients.Invalid, op, fmt.Sprintf("there is no fix %d for %s: %s", n, cmp.Or(before.Cause, string(before.Verdict)), before.Summary), cmp.Or(before.Hint, "nothing was written")))
	}
	r.Fix = &before.Fixes[n-1]
	if g.dryRun {
		r.Outcome = outcomeWould
		return o.print(r, nil)
	}
	if b.readOnly {
		return cannotDo(&clients.Problem{Kind: clients.Denied, Op: op, Reason: "context " + b.Context.Name + " may only be read", Hint: "nothing was written; --dry-run shows what it would do"})
	}
	if err := g.confirmProduction(ctx, b, op, "This will "+r.Fix.Summary); err != nil {
		return cannotDo(err)
	}
	return o.write(ctx, x, a, in, r)
}

func (o *fixKeycloakOptions) write(ctx context.Context, x *live.Explainer, a login.Asked, in live.Inputs, r loginFixResult) error {
	done, err := x.Apply(ctx, *r.Fix, in)
	r.Changes, r.Outcome = append(r.Changes, done.Done...), outcomeDone
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
}

// print shows the result; the exit code is that of the answer of after.
func (o *fixKeycloakOptions) print(r loginFixResult, failed error) error {
	perr := printOne(o.why.g, r, loginFixColumns, func(w io.Writer) error { return printLoginFix(w, r) })
	switch {
	case failed != nil:
		return cannotDo(failed)
	case r.After != nil:
		return answerOf(r.After.Verdict, perr)
	}
	return answerOf(r.Before.Verdict, perr)
}

func printLoginFix(w io.Writer, r loginFixResult) error {
	var b strings.Builder
	answer := func(when string, t login.Trace) {
		fmt.Fprintf(&b, "%-7s %s %s  %s\n        %s\n", when, t.Verdict.Mark(), t.Verdict, cleanLine(t.Question), cleanLine(t.Summary))
	}
	if r.Fix == nil {
		answer("now", r.Before)
		_, err := io.WriteString(w, b.String()+"        nothing was written\n")
		return err
	}
	answer("before", r.Before)
	fmt.Fprintf(&b, "fix %-3d %s: %s\n", r.Number, fixOutcomes[r.Outcome], cleanLine(r.Fix.Summary))
	if note := fixNote(*r.Fix); note != "" {
		fmt.Fprintf(&b, "        %s\n", cleanLine(note))
	}
	if r.After != nil {
		answer("now", *r.After)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
