package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/lint"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/access/tuple/tuplefile"
	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

type lintOptions struct {
	why      whyOptions
	severity string
	skip     []string
	codes    bool
	noPeople bool
	noTuples bool
}

func newLintCommand(g *globals) *cobra.Command {
	o := &lintOptions{why: whyOptions{g: g}}
	c := &cobra.Command{
		Use:   "lint",
		Short: "Look for what is wrong with the permission model and the stored relation tuples",
		Long: "It finds what Keto accepts without a word: rules that mean something else than they seem to,\n" +
			"that nobody can pass or that everybody passes, and tuples that have no effect or another one\n" +
			"than was meant. Each finding says what is wrong, what that means for a person and what to do,\n" +
			"and has the writes that put it right where nobody has to decide.\n\n" +
			"The tuples are read once, page by page. With Kratos in the context subjects are held against\n" +
			"its identities too. With --tuples, or with --opl and --no-tuples, no server is asked.\n\n" +
			"Exit code 0 means that nothing was found, 1 that something was, and 2 that not everything\n" +
			"could be looked at. What is less grave than --severity does not count.",
		Example: "  gatehouse lint\n" +
			"  gatehouse lint --severity error --json\n" +
			"  gatehouse lint --opl model.ts --no-tuples\n" +
			"  gatehouse lint --opl model.ts --tuples data.tuples --skip duplicate_tuple\n" +
			"  gatehouse lint --codes",
		GroupID: groupAsk,
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := c.Flags()
	f.StringVar(&o.severity, "severity", string(lint.Warning), "show findings of `LEVEL` and graver: error, warning or info")
	f.StringArrayVar(&o.skip, "skip", nil, "leave findings with this `CODE` out")
	f.BoolVar(&o.codes, "codes", false, "list what is looked for, with explanations")
	f.BoolVar(&o.noPeople, "no-people", false, "do not read the identities of Kratos")
	f.BoolVar(&o.noTuples, "no-tuples", false, "look at the model only")
	o.why.addSourceFlags(c)
	var levels, names []string
	for _, s := range lint.Severities {
		levels = append(levels, string(s))
	}
	for _, a := range lint.Codes() {
		names = append(names, string(a.Code))
	}
	_ = c.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(levels, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("skip", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// check refuses flags that mean nothing.
func (o *lintOptions) check() error {
	if !slices.Contains(lint.Severities, lint.Severity(o.severity)) {
		return usageError("--severity is error, warning or info, not %q", o.severity)
	}
	for _, code := range o.skip {
		if _, ok := lint.Explain(lint.Code(code)); !ok {
			var names []string
			for _, a := range lint.Codes() {
				names = append(names, string(a.Code))
			}
			near := "gatehouse lint --codes lists them"
			if n := opl.Nearest(code, names); n != "" {
				near = fmt.Sprintf("did you mean %q?", n)
			}
			return usageError("--skip: no finding has the code %q; %s", code, near)
		}
	}
	return o.why.check()
}

func (o *lintOptions) run(ctx context.Context) error {
	g := o.why.g
	if err := o.check(); err != nil {
		return err
	}
	if o.codes {
		return printCodes(g)
	}
	spec, err := o.prepare(ctx)
	if err != nil {
		return cannotDo(err)
	}
	stop := o.follow(&spec)
	out := newLines(g, findingColumns, findingText).whenEmpty("nothing was found")
	hidden := 0
	report, err := lint.Run(ctx, spec, func(f lint.Finding) error {
		switch {
		case slices.Contains(o.skip, string(f.Code)):
			return nil
		case !f.Severity.AtLeast(lint.Severity(o.severity)):
			hidden++
			return nil
		}
		return out.Add(f)
	})
	stop()
	if err != nil {
		out.Abort()
		return cannotDo(err)
	}
	if err := out.Close(); err != nil && !errors.Is(err, errReaderGone) {
		return err
	}
	return o.outcome(report, out.count, hidden)
}

// outcome says what was looked at, and with which exit code the run ends.
func (o *lintOptions) outcome(r lint.Report, shown, hidden int) error {
	g := o.why.g
	if hidden > 0 {
		g.note("%s less grave than %s; --severity info shows all", plural(hidden, "finding is", "findings are"), o.severity)
	}
	for _, u := range r.Unread {
		g.note("gatehouse: warning: %s", u)
	}
	switch {
	case shown > 0:
		return answerNo()
	case len(r.Unread) > 0:
		return cannotDo(problem(clients.Invalid, "look at everything", r.Unread[0], "what was looked at is in order"))
	}
	return nil
}

// follow tells on a terminal how far it has read. The result ends that.
func (o *lintOptions) follow(spec *lint.Spec) func() {
	g := o.why.g
	if !isTerminal(g.stderr) || g.quiet {
		return func() {}
	}
	last := g.now()
	spec.Progress = func(tuples, people int) {
		if now := g.now(); now.Sub(last) > time.Second {
			last = now
			fmt.Fprintf(g.stderr, "\r%s, %s read ", plural(tuples, "relation tuple", "relation tuples"), plural(people, "identity", "identities"))
		}
	}
	return func() { fmt.Fprint(g.stderr, "\r\x1b[K") }
}

// prepare finds what is to be looked at.
func (o *lintOptions) prepare(ctx context.Context) (lint.Spec, error) {
	if o.why.tuples != "" || o.noTuples && o.why.opl != "" {
		return o.offline(ctx)
	}
	b, err := o.why.g.connect(ctx)
	if err != nil {
		return lint.Spec{}, err
	}
	if o.why.opl != "" && b.Context.Keto != nil {
		b.Context.Keto.OPL = o.why.opl
	}
	return o.online(ctx, b)
}

// offline looks at files.
func (o *lintOptions) offline(ctx context.Context) (spec lint.Spec, err error) {
	if o.why.opl != "" {
		if spec.Model, err = loadModel(ctx, o.why.opl, nil, "correct --opl"); err != nil {
			return spec, err
		}
	}
	x := access.Explainer{}
	o.why.override(&x)
	spec.Settings = x.Settings
	if !o.noTuples {
		spec.Tuples = fileTuples(o.why.tuples)
	}
	return spec, nil
}

// online looks at the servers of a context.
func (o *lintOptions) online(ctx context.Context, b *backends) (lint.Spec, error) {
	spec, err := b.lintSpec(ctx, !o.noPeople)
	if err != nil {
		return spec, err
	}
	x := access.Explainer{Settings: spec.Settings}
	o.why.override(&x)
	spec.Settings = x.Settings
	if o.noTuples {
		spec.Tuples = nil
	}
	return spec, nil
}

// lintSpec is what can be looked at with a context: its model, the tuples of its Keto
// and, if asked, the people of its Kratos.
func (b *backends) lintSpec(ctx context.Context, people bool) (lint.Spec, error) {
	k, err := b.Keto(ctx)
	if err != nil {
		return lint.Spec{}, err
	}
	x, err := b.explainer(ctx, k, false)
	if err != nil {
		return lint.Spec{}, err
	}
	spec := lint.Spec{Model: x.Model, Settings: x.Settings, Tuples: k}
	if spec.Namespaces, err = k.Namespaces(ctx); err != nil {
		return spec, err
	}
	if people && b.Context.Kratos != nil && b.Context.Kratos.AdminURL != "" {
		spec.People = b.lintPeople(ctx)
	}
	return spec, nil
}

// lintPeople are all identities of Kratos, as they are asked for.
func (b *backends) lintPeople(ctx context.Context) iter.Seq2[access.Person, error] {
	return func(yield func(access.Person, error) bool) {
		k, err := b.Kratos(ctx)
		if err != nil {
			yield(access.Person{}, err)
			return
		}
		page := func(ctx context.Context, cursor string) (clients.Page[kratos.Identity], error) {
			return k.Identities(ctx, kratos.Query{PageSize: kratos.MaxPageSize}, cursor)
		}
		for i, err := range clients.Each(ctx, page) {
			p := access.Person{ID: i.ID, Emails: i.Emails()}
			if err != nil {
				yield(access.Person{}, err)
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

// fileTuples lists the tuples of a file, reading as it goes.
type fileTuples string

// All implements access.Lister.
func (path fileTuples) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		f, err := os.Open(string(path))
		if err != nil {
			yield(tuple.Tuple{}, problem(clients.Invalid, "read the tuples", err.Error(), "correct --tuples"))
			return
		}
		defer f.Close()
		for r := tuplefile.NewReader(f); ctx.Err() == nil; {
			t, err := r.Next()
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(tuple.Tuple{}, problem(clients.Invalid, "read the tuples of "+string(path), err.Error(), ""))
				return
			case q.Matches(t.Tuple) && !yield(t.Tuple, nil):
				return
			}
		}
		yield(tuple.Tuple{}, ctx.Err())
	}
}

var findingColumns = []column[lint.Finding]{
	{Name: "severity", Text: func(f lint.Finding) string { return string(f.Severity) }},
	{Name: "code", Text: func(f lint.Finding) string { return string(f.Code) }},
	{Name: "where", Text: func(f lint.Finding) string { return f.Where }},
	{Name: "summary", Text: func(f lint.Finding) string { return f.Summary }},
	{Name: "meaning", Text: func(f lint.Finding) string { return f.Meaning }},
	{Name: "todo", Text: func(f lint.Finding) string { return f.Todo }},
	{Name: "fix", Text: func(f lint.Finding) string { return strings.Join(fixLines(f.Fix), "; ") }},
}

// fixLines are the writes of a fix, one each.
func fixLines(writes []access.Write) []string {
	var out []string
	for _, w := range writes {
		sign := "+ "
		if w.Op == access.OpRemove {
			sign = "- "
		}
		out = append(out, sign+w.Tuple)
	}
	return out
}

// findingText is a finding for people, over several lines.
func findingText(f lint.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s  %s  %s\n", f.Severity.Mark(), f.Severity, f.Code, cleanLine(f.Where))
	for _, line := range []string{f.Summary, f.Meaning, "→ " + f.Todo} {
		fmt.Fprintf(&b, "    %s\n", cleanLine(line))
	}
	for _, w := range fixLines(f.Fix) {
		fmt.Fprintf(&b, "      %s\n", cleanLine(w))
	}
	return b.String()
}

func printCodes(g *globals) error {
	out := newRows(g, []column[lint.About]{
		{Name: "code", Text: func(a lint.About) string { return string(a.Code) }},
		{Name: "severity", Text: func(a lint.About) string { return string(a.Severity) }},
		{Name: "in", Text: func(a lint.About) string { return a.In }},
		{Name: "finds", Text: func(a lint.About) string { return a.Finds }},
		{Name: "meaning", Text: func(a lint.About) string { return a.Meaning }, CSVOnly: true},
		{Name: "todo", Text: func(a lint.About) string { return a.Todo }, CSVOnly: true},
	})
	for _, a := range lint.Codes() {
		if err := out.Add(a); err != nil {
			return err
		}
	}
	return out.Close()
}
