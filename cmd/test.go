package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/assert"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
)

type testOptions struct {
	why      whyOptions
	live     bool
	all      bool
	junit    string
	set      []string
	parallel int
}

func newTestCommand(g *globals) *cobra.Command {
	o := &testOptions{why: whyOptions{g: g}}
	c := &cobra.Command{
		Use:   "test FILE | -",
		Short: "Run assertions about who must be allowed and denied what",
		Long: "FILE is YAML. It can give a model and tuples, in itself or as the paths of files beside it; then no\n" +
			"server is asked. Else, or with --live, each question is put to the Keto of the context. --opl and\n" +
			"--tuples stand for what the file gives.\n\n" +
			"  model: namespaces.ts\n" +
			"  tuples: [\"Group:finance#members@carla\", \"Doc:q3#viewers@Group:finance#members\"]\n" +
			"  people: {ann: ann@acme.example}        # ${ann} is the Kratos id, without a server \"ann\"\n" +
			"  settings: {max_depth: 5, strict: false}\n" +
			"  tests:\n" +
			"    - name: The Q3 report\n" +
			"      allow: [\"Doc:q3#view@carla\"]\n" +
			"      deny: [\"Doc:q3#view@${ann}\"]\n" +
			"      who_can: {\"Doc:q3#view\": [carla]}\n" +
			"      checks: [{check: \"Doc:q3#view@carla\", expect: allow, because: \"Group:finance#members@carla\"}]\n" +
			"    - name: Ann joins finance            # add and remove are only supposed\n" +
			"      add: [\"Group:finance#members@${ann}\"]\n" +
			"      allow: [\"Doc:q3#view@${ann}\"]\n\n" +
			"What does not hold is printed with the reason; at the end it says which rules of the model no\n" +
			"assertion put to the test. Exit code 0 means that all hold, 1 that one fails, and 2 that one\n" +
			"could not be told.",
		Example: "  gatehouse test access.test.yaml\n" +
			"  gatehouse test --live access.test.yaml --junit report.xml\n" +
			"  gatehouse test --opl model.ts --tuples data.tuples access.test.yaml",
		GroupID: groupAsk,
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return o.run(c.Context(), args[0]) },
	}
	f := c.Flags()
	f.BoolVar(&o.live, "live", false, "ask the server, whatever model and tuples the file gives")
	f.BoolVar(&o.all, "all", false, "print the assertions that hold too")
	f.StringVar(&o.junit, "junit", "", "also write the results as JUnit XML into `FILE`")
	f.StringArrayVar(&o.set, "set", nil, "`NAME=ID`: the id that ${NAME} stands for")
	f.IntVar(&o.parallel, "parallel", 4, "put `N` assertions side by side")
	o.why.addSourceFlags(c)
	c.MarkFlagsMutuallyExclusive("live", "tuples")
	return c
}

// testOut is what a run of assertions came to.
type testOut struct {
	File string `json:"file"`
	// Live says that a server was asked.
	Live bool `json:"live"`
	assert.Summary
	Tests []assert.Row `json:"tests"`
}

func (o *testOptions) run(ctx context.Context, name string) error {
	if err := o.why.check(); err != nil {
		return err
	}
	if o.parallel < 1 || o.parallel > 64 {
		return usageError("--parallel is from 1 to 64")
	}
	file, err := o.load(name)
	if err != nil {
		return cannotDo(err)
	}
	runner, live, err := o.runner(ctx, file)
	if err != nil {
		return cannotDo(err)
	}
	res := testOut{File: file.Name, Live: live}
	g := o.why.g
	gather := g.json || g.yaml || o.junit != ""
	out := newLines(g, testColumns, testText)
	s, err := runner.Run(ctx, []*assert.File{file}, func(r assert.Row) error {
		if gather {
			res.Tests = append(res.Tests, r)
		}
		if g.json || g.yaml || g.format() == asText && r.Result == assert.Pass && !o.all {
			return nil
		}
		return out.Add(r)
	})
	if err != nil {
		out.Abort()
		return cannotDo(o.failed(err))
	}
	res.Summary = s
	if err := o.print(res, out); err != nil && !errors.Is(err, errReaderGone) {
		return cannotDo(err)
	}
	switch {
	case s.Failed > 0:
		return answerNo()
	case s.Unknown > 0:
		return &exitError{code: exitProblem}
	}
	return nil
}

// failed makes an error of the file one of the command.
func (o *testOptions) failed(err error) error {
	var bad *assert.Error
	if errors.As(err, &bad) {
		return problem(clients.Invalid, "read the assertions", bad.Error(), "correct the file")
	}
	return err
}

// print ends the output.
func (o *testOptions) print(res testOut, out *rows[assert.Row]) error {
	g := o.why.g
	if o.junit != "" {
		if err := o.writeJUnit(res.Tests); err != nil {
			return err
		}
	}
	if g.json || g.yaml {
		if res.Tests == nil {
			res.Tests = []assert.Row{}
		}
		return printOne(g, res, nil, nil)
	}
	if err := out.Close(); err != nil || g.format() != asText {
		return err
	}
	_, err := io.WriteString(g.stdout, testSummary(res))
	return outputError(err)
}

// shownMissing is how many rules that were not put to the test plain text names.
const shownMissing = 12

// testSummary is the last lines of the plain form.
func testSummary(res testOut) string {
	var b strings.Builder
	s := res.Summary
	fmt.Fprintf(&b, "%s: %s", plural(s.Assertions, "assertion", "assertions"), plural(s.Passed, "holds", "hold"))
	if s.Failed > 0 {
		fmt.Fprintf(&b, ", %s", plural(s.Failed, "fails", "fail"))
	}
	if s.Unknown > 0 {
		fmt.Fprintf(&b, ", %d could not be told", s.Unknown)
	}
	if !res.Live {
		b.WriteString("; no server was asked")
	}
	b.WriteByte('\n')
	if c := s.Coverage; c.Operands > 0 {
		fmt.Fprintf(&b, "rules: %d of %d operands made a difference\n", c.Exercised, c.Operands)
		for i, m := range c.Missing {
			if i == shownMissing {
				fmt.Fprintf(&b, "  and %d more; --json has them all\n", len(c.Missing)-i)
				break
			}
			fmt.Fprintf(&b, "  not put to the test: %s   %s   %s\n", cleanLine(m.Permission), cleanLine(m.Operand), cleanLine(m.Where))
		}
	}
	return b.String()
}

func (o *testOptions) writeJUnit(rows []assert.Row) error {
	var b bytes.Buffer
	err := assert.JUnit(&b, rows, func(r assert.Row) string {
		if r.Trace == nil {
			return ""
		}
		return whyText(*r.Trace)
	})
	if err == nil {
		err = os.WriteFile(o.junit, b.Bytes(), 0o644)
	}
	if err != nil {
		return problem(clients.Invalid, "write the JUnit report", err.Error(), "correct --junit")
	}
	return nil
}

func whyText(t access.Trace) string {
	var b strings.Builder
	_ = printWhy(&b, t) // a Builder takes everything
	return b.String()
}

// load reads the assertions.
func (o *testOptions) load(name string) (*assert.File, error) {
	const op = "read the assertions"
	var in io.Reader = o.why.g.stdin
	if name == "-" {
		name = "stdin"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, problem(clients.Invalid, op, err.Error(), "correct FILE")
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, assert.MaxFile+1))
	if err != nil {
		return nil, problem(clients.Invalid, op, err.Error(), "")
	}
	file, err := assert.Parse(name, data)
	if err != nil {
		return nil, o.failed(err)
	}
	return file, nil
}

// runner finds who answers: the server of the context, or model and tuples that are
// given.
func (o *testOptions) runner(ctx context.Context, f *assert.File) (r *assert.Runner, live bool, err error) {
	ids, err := o.ids(f)
	if err != nil {
		return nil, false, err
	}
	if o.why.tuples == "" && (o.live || f.Tuples.IsZero()) {
		r, err = o.online(ctx, f, ids)
		return r, true, err
	}
	resolve := func(n assert.Name) (string, error) {
		if id, ok := ids[n.Key]; ok {
			return id, nil
		}
		return assert.ByKey(n)
	}
	r, err = o.offline(ctx, f, resolve)
	return r, false, err
}

// ids reads --set.
func (o *testOptions) ids(f *assert.File) (map[string]string, error) {
	out := map[string]string{}
	var names []string
	for _, p := range f.People {
		names = append(names, p.Key)
	}
	for _, s := range o.set {
		name, id, ok := strings.Cut(s, "=")
		switch known := strings.Contains("\x00"+strings.Join(names, "\x00")+"\x00", "\x00"+name+"\x00"); {
		case !ok || id == "":
			return nil, usageError("--set takes NAME=ID, not %q", s)
		case !known:
			return nil, usageError("--set: %s is nobody under people in %s; %s", name, f.Name, orNearest(name, names))
		}
		out[name] = id
	}
	return out, nil
}

// beside is a path that a file names, as seen from that file.
func beside(file, path string) string {
	if filepath.IsAbs(path) || strings.Contains(path, "://") || file == "stdin" {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// offline answers from what is given.
func (o *testOptions) offline(ctx context.Context, f *assert.File, resolve assert.Resolve) (*assert.Runner, error) {
	w := o.why // a copy: what the file gives stands in for what the flags leave open
	switch {
	case w.opl != "":
	case f.Model.Path != "":
		w.opl = beside(f.Name, f.Model.Path)
	case f.Model.Text != "":
		if _, errs := opl.Parse("model in "+f.Name, f.Model.Text); len(errs) > 0 {
			return nil, problem(clients.Invalid, "read the permission model", "Keto would refuse it: "+errs[0].Error(), "correct model in the file")
		}
	}
	x := &access.Explainer{}
	var ts []tuple.Tuple
	var err error
	if w.tuples == "" && f.Tuples.Path != "" {
		w.tuples = beside(f.Name, f.Tuples.Path)
	}
	if w.tuples != "" {
		if x, err = w.offline(ctx); err != nil {
			return nil, err
		}
	} else {
		if w.opl != "" {
			if x.Model, err = loadModel(ctx, w.opl, nil, "correct --opl"); err != nil {
				return nil, err
			}
		}
		if ts, err = f.Given(resolve); err != nil {
			return nil, o.failed(err)
		}
		x.Tuples = access.NewTuples(ts)
	}
	if w.opl == "" && f.Model.Text != "" {
		x.Model, _ = opl.Parse("model in "+f.Name, f.Model.Text)
	}
	o.settings(x, f)
	return &assert.Runner{Explainer: *x, Resolve: resolve, Parallel: o.parallel,
		Asking: func(_ context.Context, q tuple.Tuple) access.Asking { return asPlain(q, x.Model) }}, nil
}

// settings are those of the file, and those of the flags before them.
func (o *testOptions) settings(x *access.Explainer, f *assert.File) {
	s := f.Settings
	if s.MaxDepth > 0 {
		x.Settings.MaxDepth = s.MaxDepth
	}
	if s.MaxWidth > 0 {
		x.Settings.MaxWidth = s.MaxWidth
	}
	if s.Strict != nil {
		x.Settings.Strict, x.GuessStrict = *s.Strict, false
	}
	if s.Engine != "" {
		x.Settings.Engine, x.GuessEngine = s.Engine, false
	}
	o.why.override(x)
}

// online puts the questions to the Keto of the context, and finds people in its Kratos.
func (o *testOptions) online(ctx context.Context, f *assert.File, ids map[string]string) (*assert.Runner, error) {
	b, err := o.why.g.connect(ctx)
	if err != nil {
		if f.Tuples.IsZero() {
			p := *problemOf(err)
			p.Hint = strings.TrimPrefix(p.Hint+"; or give tuples in the file, or --tuples, to ask no server", "; ")
			return nil, &p
		}
		return nil, err
	}
	if !o.live && o.why.opl == "" && f.Model.Path != "" && b.Context.Keto != nil {
		b.Context.Keto.OPL = beside(f.Name, f.Model.Path)
	}
	x, asking, err := o.why.online(ctx, b)
	if err != nil {
		return nil, err
	}
	if !o.live {
		o.settings(x, f)
	}
	return &assert.Runner{Explainer: *x, Asking: asking, Parallel: o.parallel, Resolve: func(n assert.Name) (string, error) {
		if id, ok := ids[n.Key]; ok {
			return id, nil
		}
		return loginID(ctx, b, n)
	}}, nil
}

// loginID is the Kratos id behind a login name.
func loginID(ctx context.Context, b *backends, n assert.Name) (string, error) {
	k, err := b.Kratos(ctx)
	if err != nil {
		return "", fmt.Errorf("%w; or say who it is with --set %s=ID", err, n.Key)
	}
	found, err := k.FindExact(ctx, n.Login)
	switch {
	case err != nil:
		return "", err
	case len(found) != 1:
		return "", fmt.Errorf("nobody in Kratos has the login name %q; say who it is with --set %s=ID", n.Login, n.Key)
	}
	return found[0].ID, nil
}

var testColumns = []column[assert.Row]{
	{Name: "result", Text: func(r assert.Row) string { return string(r.Result) }},
	{Name: "group", Text: func(r assert.Row) string { return r.Group }},
	{Name: "file", Text: func(r assert.Row) string { return r.File }},
	{Name: "line", Text: func(r assert.Row) string { return fmt.Sprint(r.Line) }},
	{Name: "expect", Text: func(r assert.Row) string { return r.Expect }},
	{Name: "question", Text: func(r assert.Row) string { return r.Question }},
	{Name: "got", Text: func(r assert.Row) string { return string(r.Got) }},
	{Name: "reason", Text: func(r assert.Row) string { return r.Reason }},
}

// testText is an assertion for people; one that does not hold with its explanation.
func testText(r assert.Row) string {
	head := fmt.Sprintf("%s %s:%d  %s", r.Result.Mark(), cleanLine(r.File), r.Line, cleanLine(r.Assertion))
	if r.Group != "" {
		head += "   (" + cleanLine(r.Group) + ")"
	}
	if r.Result == assert.Pass {
		return head
	}
	var b strings.Builder
	b.WriteString(head + "\n")
	if r.Reason != "" {
		fmt.Fprintf(&b, "    %s\n", cleanLine(r.Reason))
	}
	if r.Trace != nil {
		for line := range strings.Lines(whyText(*r.Trace)) {
			b.WriteString(strings.TrimRight("    "+line, " \n") + "\n")
		}
	}
	return b.String()
}
