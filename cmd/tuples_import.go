package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"gatehouse/access/tuple"
	"gatehouse/access/tuple/tuplefile"
	"gatehouse/clients"
	"gatehouse/clients/keto"
)

// wholeInput is how many tuples of a stream are held so that all of them can be
// looked at before the first is written. A file is read twice instead, however
// large it is.
const wholeInput = 100_000

type tuplesImportOptions struct {
	g        *globals
	path     string
	fromLine int
	force    bool
	prune    bool
}

func newTuplesImportCommand(g *globals) *cobra.Command {
	o := &tuplesImportOptions{g: g}
	c := &cobra.Command{
		Use:   "import FILE | -",
		Short: "Add the relation tuples of a file",
		Long: "Reads text (one tuple a line, # begins a comment), JSON lines, a JSON array or Keto's own\n" +
			"list, and finds out which. The whole file is looked at before the first write; of a stream\n" +
			"on stdin the first " + thousands(wholeInput) + " tuples are, and a longer one is written while it is read.\n\n" +
			"Tuples that are stored already are left alone, so an import can be repeated. When it stops\n" +
			"half-way the exit code is 2, and it says how many were written and from which line to go on.\n\n" +
			"--prune also removes what the file does not have from the namespaces that it names.",
		Example: "  gatehouse tuples import backup.tuples --dry-run\n" +
			"  gatehouse tuples import - < backup.tuples\n" +
			"  gatehouse tuples import model-data.json --prune --yes",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.path = args[0]
			return o.run(c.Context())
		},
	}
	c.Flags().IntVar(&o.fromLine, "from-line", 1, "leave out what stands before line `N`")
	c.Flags().BoolVar(&o.force, "force", false, "also write what the permission model does not provide for")
	c.Flags().BoolVar(&o.prune, "prune", false, "also remove what the file does not have from the namespaces that it names")
	return c
}

func (o *tuplesImportOptions) run(ctx context.Context) error {
	const op = "import relation tuples"
	switch {
	case o.fromLine < 1:
		return usageError("--from-line counts from 1")
	case o.prune && o.fromLine > 1:
		return usageError("--prune needs the whole file: leave out --from-line")
	}
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return err
	}
	check, err := o.g.writeCheck(ctx, b, k, o.force)
	if err != nil {
		return err
	}
	in, err := o.open(ctx, check)
	if err != nil {
		return o.refused(err)
	}
	defer in.close()
	if !o.g.dryRun {
		if err := o.g.confirmProduction(ctx, b, op, "This imports relation tuples"); err != nil {
			return err
		}
	}
	var extra []tuple.Tuple
	if o.prune {
		if extra, err = o.extra(ctx, k, in); err != nil {
			return o.refused(err)
		}
		if err := in.again(); err != nil {
			return o.refused(err)
		}
	}
	if o.g.dryRun {
		return o.foresee(ctx, k, in, extra)
	}
	if len(extra) > 0 {
		if err := o.g.confirm(ctx, confirmRemoval(op, extra)); err != nil {
			return err
		}
	}
	result, err := o.importAll(ctx, k, in)
	if err == nil && len(extra) > 0 {
		result.Removed, err = o.removeExtra(ctx, k, extra)
		result.Complete = err == nil
	}
	return o.finish(result, err)
}

// refused is the error of an input that was refused before anything was written.
func (o *tuplesImportOptions) refused(err error) error {
	name := o.path
	if name == "-" {
		name = "stdin"
	}
	var p *clients.Problem
	if errors.As(err, &p) && !errors.As(err, new(*tuplefile.LineError)) {
		return cannotDo(err)
	}
	return cannotDo(&clients.Problem{Kind: kindOr(err, clients.Invalid), Op: "import " + name, Reason: err.Error(),
		Hint: "nothing was written", Err: err})
}

// kindOr is the kind of a canceled or late error, and other for any other one.
func kindOr(err error, other clients.Kind) clients.Kind {
	if k := clients.KindOf(err); k == clients.Canceled || k == clients.Timeout {
		return k
	}
	return other
}

// input is what is imported: all of it in memory, or a source that is read on.
type input struct {
	held  []tuplefile.Placed // looked at already
	file  *os.File           // nil for a stream
	rest  *tuplefile.Reader
	check func(tuple.Tuple) error
	count int  // of all tuples; -1 while that is not known
	whole bool // all of it has been looked at, so that again works
}

// open makes the input and looks at as much of it as it can before any write.
func (o *tuplesImportOptions) open(ctx context.Context, check func(tuple.Tuple) error) (*input, error) {
	in := &input{check: check, count: -1}
	if o.path == "-" {
		in.rest = tuplefile.NewReader(o.g.stdin)
		return in, in.hold(ctx, o.fromLine)
	}
	f, err := os.Open(o.path)
	if err != nil {
		return nil, err
	}
	in.file, in.rest = f, tuplefile.NewReader(f)
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return in, in.hold(ctx, o.fromLine)
	}
	in.count = 0
	for _, err := range in.all(ctx, o.fromLine) {
		if err != nil {
			in.close()
			return nil, err
		}
		in.count++
	}
	in.whole = true
	return in, in.again()
}

// again goes back to the start of an input that is whole.
func (in *input) again() error {
	if in.file == nil || len(in.held) > 0 {
		return nil // what is held is handed out each time
	}
	_, err := in.file.Seek(0, io.SeekStart)
	in.rest = tuplefile.NewReader(in.file)
	return err
}

func (in *input) close() {
	if in.file != nil {
		_ = in.file.Close()
	}
}

// hold reads the first tuples of a stream into memory.
func (in *input) hold(ctx context.Context, from int) error {
	for p, err := range in.all(ctx, from) {
		if err != nil {
			return err
		}
		in.held = append(in.held, p)
		if len(in.held) == wholeInput {
			return nil
		}
	}
	in.count, in.whole = len(in.held), true
	return nil
}

// all yields the tuples from a line on, each one looked at, and stops at the first
// error.
func (in *input) all(ctx context.Context, from int) iter.Seq2[tuplefile.Placed, error] {
	return func(yield func(tuplefile.Placed, error) bool) {
		for _, p := range in.held {
			if !yield(p, nil) {
				return
			}
		}
		for {
			p, err := in.rest.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				err = ctx.Err()
			}
			if err == nil && p.Line < from {
				continue
			}
			if err == nil && in.check != nil {
				if cerr := in.check(p.Tuple); cerr != nil {
					err = &tuplefile.LineError{Line: p.Line, Err: cerr}
				}
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// importAll writes the input and keeps count, so that a stop can be told exactly.
func (o *tuplesImportOptions) importAll(ctx context.Context, k *keto.Client, in *input) (importResult, error) {
	if !in.whole {
		o.g.note("more than %s tuples on stdin: writing while reading", thousands(wholeInput))
	}
	var ahead []int // lines of the tuples that are read and not yet dealt with
	handed := 0     // of those that are dealt with
	tuples := func(yield func(tuple.Tuple, error) bool) {
		for p, err := range in.all(ctx, o.fromLine) {
			if err == nil {
				ahead = append(ahead, p.Line)
			}
			if !yield(p.Tuple, err) {
				return
			}
		}
	}
	done, err := k.Import(ctx, tuples, keto.ImportOptions{Progress: func(i keto.Imported) {
		ahead = append(ahead[:0], ahead[i.Read-handed:]...)
		handed = i.Read
		o.progress(i.Read, in.count)
	}})
	r := importResult{Read: done.Read, Added: done.Added, Unchanged: done.Existed, Complete: err == nil}
	if err != nil {
		r.ResumeLine = o.fromLine
		var le *tuplefile.LineError
		switch {
		case len(ahead) > 0:
			r.ResumeLine = ahead[0]
		case errors.As(err, &le):
			r.ResumeLine = le.Line
		}
	}
	return r, err
}

// progress shows how far it has come where somebody watches.
func (o *tuplesImportOptions) progress(read, of int) {
	switch {
	case !isTerminal(o.g.stderr):
	case of > 0:
		o.g.note("%s of %s (%d %%)", thousands(read), thousands(of), read*100/of)
	default:
		o.g.note("%s so far", thousands(read))
	}
}

// finish prints the result and makes the error of an import that stopped.
func (o *tuplesImportOptions) finish(r importResult, err error) error {
	perr := printOne(o.g, r, importColumns, func(w io.Writer) error {
		_, werr := fmt.Fprintln(w, r.sentence())
		return werr
	})
	if err == nil {
		return perr
	}
	p := *problemOf(err)
	p.Op = "import relation tuples"
	p.Reason += fmt.Sprintf("; %s written before that", thousands(r.Added))
	if p.Kind == clients.UnknownOutcome {
		p.Reason += ", the batch from line " + strconv.Itoa(r.ResumeLine) + " on may or may not be"
	}
	if r.ResumeLine > 0 {
		p.Hint = fmt.Sprintf("go on with --from-line %d; what is stored already is left alone", r.ResumeLine)
	} else {
		p.Reason += fmt.Sprintf(" and %s removed", thousands(r.Removed))
		p.Hint = "repeat the command; what is done already is left alone"
	}
	return cannotDo(&p)
}

// sentence is the plain text of a result.
func (r importResult) sentence() string {
	s := fmt.Sprintf("%s read, %s added, %s there already", plural(r.Read, "tuple", "tuples"), thousands(r.Added), thousands(r.Unchanged))
	if r.Removed > 0 {
		s += fmt.Sprintf(", %s removed", thousands(r.Removed))
	}
	return s
}

var importColumns = []column[importResult]{
	{Name: "read", Text: func(r importResult) string { return strconv.Itoa(r.Read) }},
	{Name: "added", Text: func(r importResult) string { return strconv.Itoa(r.Added) }},
	{Name: "unchanged", Text: func(r importResult) string { return strconv.Itoa(r.Unchanged) }},
	{Name: "removed", Text: func(r importResult) string { return strconv.Itoa(r.Removed) }},
	{Name: "complete", Text: func(r importResult) string { return strconv.FormatBool(r.Complete) }},
}
