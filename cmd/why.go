package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/access/tuple/tuplefile"
	"gatehouse/clients"
	"gatehouse/clients/keto"
)

type whyOptions struct {
	g                  *globals
	batch              string
	full, decisive     bool
	opl, tuples        string
	maxDepth, maxWidth int
	strict             bool
	engine             string
	set                func(flag string) bool
}

func newWhyCommand(g *globals) *cobra.Command {
	o := &whyOptions{g: g}
	c := &cobra.Command{
		Use:   "why QUESTION | --batch -",
		Short: "Ask Keto whether somebody may do something, and why",
		Long: "QUESTION is namespace:object#permission@subject. The verdict is Keto's own; the explanation\n" +
			"is worked out beside it from the same tuples and the permission model, and it is said when\n" +
			"the two do not agree. Of a \"yes\" it shows the way that grants it, of a \"no\" why each way in fails.\n\n" +
			"With --tuples no server is asked: a model can be tried before it is deployed. Then --max-depth,\n" +
			"--max-width and --strict stand for the server's settings; with a server they replace those of\n" +
			"the context.\n\n" +
			"By default it shows what the answer rests on (--decisive): of a \"yes\" the one way that\n" +
			"counts, of a \"no\" each way in with the reason why it fails. --full is every step.\n\n" +
			"Exit code 0 is yes, 1 is no, and 2 means that it could not be told. With --batch - one\n" +
			"question is read from each line of stdin and one JSON object printed for each; then 0 means\n" +
			"that all were answered, and 2 that some could not be told.",
		Example: "  gatehouse why Doc:q3-report#view@ann\n" +
			"  gatehouse why Doc:q3-report#view@ann --full --json\n" +
			"  gatehouse why --opl model.ts --tuples data.tuples Doc:q3-report#view@ann\n" +
			"  gatehouse why --batch - < questions",
		GroupID:           groupAsk,
		Args:              cobra.MaximumNArgs(1),
		RunE:              func(c *cobra.Command, args []string) error { return o.run(c.Context(), args) },
		ValidArgsFunction: completeTuple(g),
	}
	c.Flags().StringVar(&o.batch, "batch", "", "read the questions from `-`, stdin")
	o.addFlags(c)
	c.AddCommand(newWhyKeycloakCommand(g))
	return c
}

// addFlags are those of every verb that explains.
func (o *whyOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.decisive, "decisive", false, "show what the answer rests on; this is the default")
	f.BoolVar(&o.full, "full", false, "show every step, also those without effect")
	c.MarkFlagsMutuallyExclusive("decisive", "full")
	o.addSourceFlags(c)
}

// addSourceFlags say where model and tuples come from, and how the server is set.
func (o *whyOptions) addSourceFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.opl, "opl", "", "`SOURCE` of the permission model: a file, a folder, a URL or base64://…")
	f.StringVar(&o.tuples, "tuples", "", "take the tuples of `FILE` and ask no server")
	f.IntVar(&o.maxDepth, "max-depth", 0, "the server's limit.max_read_depth, `N` levels")
	f.IntVar(&o.maxWidth, "max-width", 0, "the server's limit.max_read_width, `N` subject sets")
	f.BoolVar(&o.strict, "strict", false, "the server runs in strict mode")
	f.StringVar(&o.engine, "engine", "", "the server's `ENGINE`: classic (up to v26.2) or new")
	_ = c.RegisterFlagCompletionFunc("engine", cobra.FixedCompletions([]string{"classic", "new"}, cobra.ShellCompDirectiveNoFileComp))
	o.set = f.Changed
}

// check refuses flags that mean nothing.
func (o *whyOptions) check() error {
	switch {
	case o.maxDepth < 0 || o.maxWidth < 0:
		return usageError("--max-depth and --max-width must not be negative")
	case o.engine != "" && o.engine != string(opl.Classic) && o.engine != string(opl.New):
		return usageError("--engine is classic or new")
	}
	return nil
}

func (o *whyOptions) run(ctx context.Context, args []string) error {
	var question tuple.Tuple
	switch {
	case o.batch != "" && o.batch != "-":
		return usageError("--batch takes -, for stdin")
	case (o.batch == "") == (len(args) == 0):
		return usageError("give one QUESTION, or --batch -")
	case o.check() != nil:
		return o.check()
	case len(args) == 1:
		var err error
		if question, err = parseTuple(args[0]); err != nil {
			return usageError("%v", err)
		}
	}
	x, who, err := o.prepare(ctx)
	if err != nil {
		return cannotDo(err)
	}
	if o.batch != "" {
		return o.answerAll(ctx, x, who)
	}
	trace, err := x.Explain(ctx, who(ctx, question))
	perr := printOne(o.g, trace, traceColumns, func(w io.Writer) error { return printWhy(w, trace) })
	if err != nil {
		return cannotDo(err)
	}
	return answerOf(trace.Verdict, perr)
}

// answerOf is the exit code of a verdict, even if nobody reads the output.
func answerOf(v access.Verdict, printed error) error {
	switch v {
	case access.Allowed:
		return printed
	case access.Denied:
		return answerNo()
	default:
		return &exitError{code: exitProblem}
	}
}

// asker makes the question complete with what is known about the person.
type asker func(ctx context.Context, q tuple.Tuple) access.Asking

func (o *whyOptions) prepare(ctx context.Context) (*access.Explainer, asker, error) {
	if o.tuples != "" {
		x, err := o.offline(ctx)
		if err != nil {
			return nil, nil, err
		}
		return x, func(_ context.Context, q tuple.Tuple) access.Asking { return asPlain(q, x.Model) }, nil
	}
	b, err := o.g.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	return o.online(ctx, b)
}

// online explains what the context's Keto answers.
func (o *whyOptions) online(ctx context.Context, b *backends) (*access.Explainer, asker, error) {
	k, err := b.Keto(ctx)
	if err != nil {
		return nil, nil, err
	}
	if o.opl != "" {
		b.Context.Keto.OPL = o.opl
	}
	x, err := b.explainer(ctx, k, o.full)
	if err != nil {
		return nil, nil, err
	}
	o.override(x)
	return x, remembered(func(ctx context.Context, q tuple.Tuple) access.Asking { return whoAsks(ctx, b, q) }), nil
}

// offline explains what the tuples of a file and a model come to.
func (o *whyOptions) offline(ctx context.Context) (*access.Explainer, error) {
	x := &access.Explainer{Full: o.full}
	if o.opl != "" {
		m, err := loadModel(ctx, o.opl, nil, "correct --opl")
		if err != nil {
			return nil, err
		}
		x.Model = m
	}
	f, err := os.Open(o.tuples)
	if err != nil {
		return nil, problem(clients.Invalid, "read the tuples", err.Error(), "correct --tuples")
	}
	defer f.Close()
	var ts []tuple.Tuple
	for r := tuplefile.NewReader(f); ; {
		t, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, problem(clients.Invalid, "read the tuples of "+o.tuples, err.Error(), "")
		}
		ts = append(ts, t.Tuple)
	}
	x.Tuples = access.NewTuples(ts)
	o.override(x)
	return x, nil
}

// override puts the flags in the place of what the context says.
func (o *whyOptions) override(x *access.Explainer) {
	if o.maxDepth > 0 {
		x.Settings.MaxDepth = o.maxDepth
	}
	if o.maxWidth > 0 {
		x.Settings.MaxWidth = o.maxWidth
	}
	if o.set("strict") {
		x.Settings.Strict, x.GuessStrict = o.strict, false
	}
	if o.engine != "" {
		x.Settings.Engine, x.GuessEngine = opl.Engine(o.engine), false
	}
}

// engineOf reads keto.engine; "auto" is the empty engine.
func engineOf(name string) opl.Engine {
	if e := opl.Engine(name); e == opl.Classic || e == opl.New {
		return e
	}
	return ""
}

// ketoRefused tells the errors with which Keto itself has no verdict.
func ketoRefused(err error) bool {
	var p *clients.Problem
	return errors.As(err, &p) && (p.Code == keto.CodeUnknownRelation || p.Code == keto.CodeMaxDepth || p.Code == keto.CodeMaxWidth)
}

// knownOnly lists nothing for a namespace that Keto does not know, as its engine finds
// nothing there.
type knownOnly struct{ *keto.Client }

func (k knownOnly) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		for t, err := range k.Client.All(ctx, q) {
			var p *clients.Problem
			if errors.As(err, &p) && p.Code == keto.CodeUnknownNamespace {
				return
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// First implements access.FirstLister: one page of so many.
func (k knownOnly) First(ctx context.Context, q tuple.Query, n int) ([]tuple.Tuple, bool, error) {
	page, err := k.ListN(ctx, q, "", min(n, keto.MaxPage))
	var p *clients.Problem
	if errors.As(err, &p) && p.Code == keto.CodeUnknownNamespace {
		return nil, false, nil
	}
	return page.Items, page.Next != "", err
}

// answerAll answers one question for each line of stdin.
func (o *whyOptions) answerAll(ctx context.Context, x *access.Explainer, who asker) error {
	o.g.json, o.g.jsonl, o.g.yaml, o.g.csv = false, true, false, false
	out := newRows(o.g, traceColumns)
	in := bufio.NewScanner(o.g.stdin)
	in.Buffer(nil, tuplefile.MaxLine)
	open := 0
	for line := 1; in.Scan(); line++ {
		text := strings.TrimSpace(in.Text())
		if text == "" || strings.HasPrefix(text, "# ") {
			continue
		}
		q, err := parseTuple(text)
		if err != nil {
			return cannotDo(firstError(out.Close(), problem(clients.Invalid, "read the questions", (&tuplefile.LineError{Line: line, Err: err}).Error(), "")))
		}
		trace, err := x.Explain(ctx, who(ctx, q))
		if err != nil {
			return cannotDo(firstError(out.Close(), err))
		}
		if trace.Verdict == access.Unknown {
			open++
		}
		if err := out.Add(trace); err != nil {
			return err
		}
	}
	if err := firstError(out.Close(), in.Err()); err != nil {
		return cannotDo(err)
	}
	if open > 0 {
		return cannotDo(problem(clients.Invalid, "answer the questions", fmt.Sprintf("%d of them could not be told", open), "their lines say why"))
	}
	return nil
}

// printWhy is the plain text of an explanation.
func printWhy(w io.Writer, t access.Trace) error {
	if err := printTrace(w, t); err != nil {
		return err
	}
	var b strings.Builder
	switch {
	case t.Server == access.NotAsked:
		b.WriteString("no server was asked\n")
	case t.Agrees != nil && *t.Agrees:
		b.WriteString("Keto says so too\n")
	case t.Agrees != nil:
		b.WriteString("THE EXPLANATION DOES NOT MATCH THE SERVER\n")
	}
	b.WriteByte('\n')
	root := t.Proof
	if t.Tree != nil {
		root = t.Tree
	}
	if root != nil {
		printStep(&b, root, "", "")
	}
	for _, n := range t.NearMisses {
		fmt.Fprintf(&b, "\nalmost  %s\n", cleanLine(n.Summary))
	}
	for _, n := range t.NotLooked {
		if t.Verdict != access.Allowed {
			fmt.Fprintf(&b, "\nother names of the person were not looked up in %s\n", cleanLine(n))
		}
	}
	printFixes(&b, t.Fixes)
	if t.Requests > 0 {
		fmt.Fprintf(&b, "\n%d requests, %d round trips, %d ms\n", t.Requests, t.RoundTrips, t.Millis)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printFixes lists what would help, with what each does besides.
func printFixes(b *strings.Builder, fixes []access.Fix) {
	for i, f := range fixes {
		if i == 0 {
			b.WriteByte('\n')
		}
		note := ""
		if f.Unblocks {
			note = "  (this removes a block)"
		}
		fmt.Fprintf(b, "fix %d   %s%s\n", i+1, cleanLine(f.Summary), note)
	}
}

// printStep draws a step and what is below it. first is what stands before its line,
// rest before those below.
func printStep(b *strings.Builder, s *access.Step, first, rest string) {
	mark := s.Verdict.Mark()
	if s.Skipped {
		mark = "·"
	}
	parts := []string{mark + " " + cleanLine(s.Label)}
	if s.Inferred {
		parts = append(parts, "inferred")
	}
	if s.Reason != "" {
		parts = append(parts, cleanLine(s.Reason))
	}
	if s.Tuple != "" && s.Tuple != s.Label {
		parts = append(parts, "by "+cleanLine(s.Tuple))
	}
	if s.Rule != nil {
		parts = append(parts, fmt.Sprintf("%s:%d", cleanLine(path.Base(s.Rule.File)), s.Rule.Line))
	}
	b.WriteString(first + strings.Join(parts, "   ") + "\n")
	for i, c := range s.Children {
		if i == len(s.Children)-1 {
			printStep(b, c, rest+"└ ", rest+"  ")
		} else {
			printStep(b, c, rest+"├ ", rest+"│ ")
		}
	}
}
