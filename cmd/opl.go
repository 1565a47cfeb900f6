package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"gatehouse/access/opl"
	"gatehouse/clients"
	"gatehouse/clients/keto"
)

func newOPLCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "opl",
		Short: "Check, format or draw a permission model in the Ory Permission Language",
		Long: "SOURCE is a file, a folder, an http(s) URL, base64://… or -, for stdin. Without one it is the\n" +
			"model of the context (keto.opl).",
		GroupID: groupAsk,
	}
	c.AddCommand(newOPLCheckCommand(g), newOPLFormatCommand(g), newOPLGraphCommand(g))
	return c
}

// loadSource reads a source that a person named, - for stdin, or the model of the
// context when they named none. b is nil where no context is needed.
func (g *globals) loadSource(ctx context.Context, b *backends, args []string) (*opl.Loaded, error) {
	const op = "read the permission model"
	source, hint := "", "correct SOURCE"
	switch {
	case len(args) > 0 && args[0] == "-":
		text, err := io.ReadAll(io.LimitReader(g.stdin, opl.MaxSource+1))
		if err != nil {
			return nil, problem(clients.Invalid, op, err.Error(), "")
		}
		m, errs := opl.Parse("stdin", string(text))
		return &opl.Loaded{Model: m, Errors: errs, Files: []string{"stdin"}}, nil
	case len(args) > 0:
		source = args[0]
	case b == nil || b.Context.Keto == nil || b.Context.Keto.OPL == "":
		return nil, problem(clients.Invalid, op, "the context names no model", "name a SOURCE, or set keto.opl")
	default:
		source, hint = b.Context.Keto.OPL, "correct keto.opl in context "+b.Context.Name
	}
	var fetch opl.Fetch
	if b != nil {
		fetch = b.fetchModel
	}
	l, err := opl.Load(ctx, source, fetch)
	if err != nil {
		return nil, &clients.Problem{Kind: kindOr(err, clients.Invalid), Op: op, Reason: err.Error(), Hint: hint, Err: err}
	}
	return l, nil
}

// maybeConnect is connect where a context is there; without one it is nil. A context
// that is broken is an error only where it is needed.
func (g *globals) maybeConnect(ctx context.Context, needed bool) (*backends, error) {
	b, err := g.connect(ctx)
	if err != nil && !needed {
		return nil, nil
	}
	return b, err
}

type oplCheckOptions struct {
	g       *globals
	offline bool
}

func newOPLCheckCommand(g *globals) *cobra.Command {
	o := &oplCheckOptions{g: g}
	c := &cobra.Command{
		Use:   "check [SOURCE | -]",
		Short: "Say whether Keto would accept a permission model",
		Long: "It reads the source as Keto does, checks the types, and names line and column of what is\n" +
			"wrong and what was expected there. Where the context has keto.opl_url the server's own check\n" +
			"is asked too, and a difference is shown. What Keto accepts although hardly anybody means it\n" +
			"comes as a warning; gatehouse lint finds more.\n\n" +
			"Exit code 0 means accepted, 1 refused, and 2 that it could not be told.",
		Example: "  gatehouse opl check model.ts\n  gatehouse opl check --offline - < model.ts",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return o.run(c.Context(), args) },
	}
	c.Flags().BoolVar(&o.offline, "offline", false, "do not ask the server")
	return c
}

// oplProblem is one complaint about a source.
type oplProblem struct {
	Severity string `json:"severity" jsonschema:"enum=error,enum=warning"`
	By       string `json:"by" jsonschema:"enum=gatehouse,enum=keto" jsonschema_description:"Who says so. Where both refuse a file, each says where and why."`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Message  string `json:"message"`
	Source   string `json:"source,omitempty" jsonschema_description:"That line of the source."`
}

func (o *oplCheckOptions) run(ctx context.Context, args []string) error {
	b, err := o.g.maybeConnect(ctx, len(args) == 0)
	if err != nil {
		return cannotDo(err)
	}
	l, err := o.g.loadSource(ctx, b, args)
	if err != nil {
		return cannotDo(err)
	}
	out := newLines(o.g, oplColumns, oplProblem.text).whenEmpty("accepted: " + plural(len(l.Files), "file", "files"))
	var list []oplProblem
	add := func(severity string, e *opl.Error) {
		list = append(list, oplProblem{severity, "gatehouse", e.File, e.Start.Line, e.Start.Column, e.Message, l.Model.Line(e.File, e.Start.Line)})
	}
	for _, e := range l.Errors {
		add("error", e)
	}
	for _, w := range l.Model.Warnings {
		add("warning", &w.Error)
	}
	theirs, failed := o.askServer(ctx, b, l)
	slices.SortStableFunc(list, func(x, y oplProblem) int { return strings.Compare(x.File, y.File) })
	refused := len(l.Errors) > 0
	for _, p := range append(list, theirs...) {
		refused = refused || p.Severity == "error"
		if err := out.Add(p); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil && !errors.Is(err, errReaderGone) {
		return err
	}
	switch {
	case refused:
		return answerNo()
	case failed != nil:
		return cannotDo(failed)
	}
	return nil
}

// askServer lets the context's Keto look at each file. Where it does not agree with us
// that is told first; failed is set where it could not be asked.
func (o *oplCheckOptions) askServer(ctx context.Context, b *backends, l *opl.Loaded) (out []oplProblem, failed error) {
	if o.offline || b == nil || b.Context.Keto == nil || b.Context.Keto.OPLURL == "" {
		return nil, nil
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return nil, err
	}
	for _, file := range l.Files {
		text := l.Model.Sources[file]
		theirs, err := k.CheckSyntax(ctx, text)
		if err != nil {
			p := *problemOf(err)
			p.Hint = strings.TrimPrefix(p.Hint+"; --offline leaves the server out", "; ")
			return out, &p
		}
		ours := slices.ContainsFunc(l.Errors, func(e *opl.Error) bool { return e.File == file })
		if ours && len(theirs) == 0 {
			out = append(out, oplProblem{"error", "keto", file, 1, 1, "this server accepts it, and gatehouse does not: please report that", ""})
		}
		for _, e := range theirs {
			message := e.Message
			if !ours {
				message = "this server refuses it, and gatehouse does not: " + message
			}
			out = append(out, theirProblem(l.Model, file, e, message))
		}
	}
	return out, nil
}

func theirProblem(m *opl.Model, file string, e keto.SyntaxProblem, message string) oplProblem {
	// Keto counts columns from 0.
	return oplProblem{"error", "keto", file, e.Line, e.Column + 1, message, m.Line(file, e.Line)}
}

var oplColumns = []column[oplProblem]{
	{Name: "severity", Text: func(p oplProblem) string { return p.Severity }},
	{Name: "by", Text: func(p oplProblem) string { return p.By }},
	{Name: "file", Text: func(p oplProblem) string { return p.File }},
	{Name: "line", Text: func(p oplProblem) string { return fmt.Sprint(p.Line) }},
	{Name: "column", Text: func(p oplProblem) string { return fmt.Sprint(p.Column) }},
	{Name: "message", Text: func(p oplProblem) string { return p.Message }},
}

// text is the complaint as compilers write it, with the line and a mark under the place.
func (p oplProblem) text() string {
	head := cleanLine(fmt.Sprintf("%s:%d:%d: %s: %s", p.File, p.Line, p.Column, p.Severity, p.Message))
	if p.By == "keto" {
		head = cleanLine(fmt.Sprintf("%s:%d:%d: keto: %s", p.File, p.Line, p.Column, p.Message))
	}
	if p.Source == "" {
		return head
	}
	return head + "\n" + caret(p.Source, p.Column)
}

// caret shows a line of a source with a mark below a column. Of a long line it shows
// what is around the column.
func caret(line string, column int) string {
	const before, after = 60, 40
	r := []rune(line)
	at := max(0, min(column-1, len(r)))
	from, to := max(0, at-before), min(len(r), at+after)
	clean := func(r []rune) string {
		return strings.Map(func(c rune) rune {
			if unsafeText(string(c)) {
				return ' '
			}
			return c
		}, string(r))
	}
	lead := clean(r[from:at])
	return "    " + lead + clean(r[at:to]) + "\n    " + strings.Repeat(" ", utf8.RuneCountInString(lead)) + "^"
}
