package screens

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/tuple"
	"gatehouse/access/tuple/tuplefile"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/widget"
)

// TuplesBulkKeto is what importing, exporting and deleting many relation tuples needs of
// Keto.
type TuplesBulkKeto interface {
	Import(ctx context.Context, input iter.Seq2[tuple.Tuple, error], o keto.ImportOptions) (keto.Imported, error)
	Export(ctx context.Context, q tuple.Query, write func(tuple.Tuple) error, progress func(int)) (int, error)
	Select(ctx context.Context, q tuple.Query) (keto.Selection, error)
	RemoveMatching(ctx context.Context, q tuple.Query, count int, progress func(keto.Removal)) (keto.Applied, error)
	Undo(ctx context.Context, done keto.Applied) (keto.Applied, error)
}

// Bounds of what is done at once from the console.
const (
	tupleBulkTimeout = 6 * time.Hour    // of one import, export or removal; esc stops it
	tupleLookTimeout = 10 * time.Minute // of looking at a file, or at what a filter selects
	tupleUndoMax     = 1_000            // how many tuples an undo takes back, since it looks at each first
	tupleSample      = 8                // how many are shown before a write
)

// bulkActions are import, export and removal by filter.
func (t *Tuples) bulkActions(l *tui.List[tuple.Tuple]) []tui.Action {
	k := t.spec.Bulk
	if k == nil {
		return nil
	}
	return []tui.Action{
		{Name: "import", Keys: []string{"i"}, Mutates: true, Help: "Add the relation tuples of a file. What is stored already is left alone, so that an import that was stopped is gone on with by doing it again.", Run: tui.Do(func() { l.Push(t.importForm(l)) })},
		{Name: "export all", Keys: []string{"X"}, Help: "Write all relation tuples that match into a file, also those that have not been read here, in the form that import reads.", Run: tui.Do(func() { t.exportAll(l) })},
		{Name: "delete by filter", Keys: []string{"D"}, Mutates: true, Help: "See what a filter would delete, how many and which, and delete exactly these after typing their number.", Run: tui.Do(func() { l.Push(t.deleteForm(l)) })},
	}
}

// homeFile is a path with ~ for the home folder made whole.
func homeFile(path string) string {
	path = strings.TrimSpace(path)
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// tupleFile reads the tuples of a file one by one; check refuses one, and may be nil.
func tupleFile(ctx context.Context, path string, check func(tuple.Tuple) error) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(tuple.Tuple{}, err)
			return
		}
		defer f.Close()
		for r := tuplefile.NewReader(f); ; {
			p, err := r.Next()
			switch {
			case errors.Is(err, io.EOF):
				return
			case err == nil:
				err = ctx.Err()
			}
			if err == nil && check != nil {
				if cerr := check(p.Tuple); cerr != nil {
					err = &tuplefile.LineError{Line: p.Line, Err: cerr}
				}
			}
			if !yield(p.Tuple, err) || err != nil {
				return
			}
		}
	}
}

// tupleFileLook is what a file holds, before anything of it is written.
type tupleFileLook struct {
	path   string
	count  int
	sample []string
}

// importForm asks for the file and looks at all of it: a mistake in the last line is told
// before the first tuple is written.
func (t *Tuples) importForm(l *tui.List[tuple.Tuple]) tui.Screen {
	var look tupleFileLook
	check := t.importCheck()
	lead := "The whole file is looked at before anything is written."
	if check == nil {
		lead += " The model is not known here, so relations are not checked."
	}
	return tui.NewForm(tui.FormSpec{Title: "import", Asks: true, Lead: lead, What: "read the file", Timeout: tupleLookTimeout,
		Fields: []tui.FormField{{Name: "file", Label: "file", Required: true, Help: "one tuple a line, JSON lines, a JSON array or Keto's own list"}},
		Submit: func(ctx context.Context, v map[string]string) (err error) {
			look, err = lookAtTuples(ctx, homeFile(v["file"]), check)
			return err
		},
		Done: func(map[string]string) { t.askImport(l, look) },
	})
}

// importCheck refuses what the model does not provide for; nil where it is not known.
func (t *Tuples) importCheck() func(tuple.Tuple) error {
	if m := t.spec.Words.Model(); m != nil {
		return m.CanBeWritten
	}
	return nil
}

func lookAtTuples(ctx context.Context, path string, check func(tuple.Tuple) error) (tupleFileLook, error) {
	look := tupleFileLook{path: path}
	for tp, err := range tupleFile(ctx, path, check) {
		if err != nil {
			return look, &clients.Problem{Kind: clients.Invalid, Op: "import " + filepath.Base(path), Reason: err.Error(), Hint: "nothing was written", Err: err}
		}
		if look.count++; len(look.sample) < tupleSample {
			look.sample = append(look.sample, "+ "+tp.String())
		}
	}
	if look.count == 0 {
		return look, &clients.Problem{Kind: clients.Invalid, Op: "import " + filepath.Base(path), Reason: "there are no relation tuples in it", Hint: "nothing was written"}
	}
	return look, nil
}

// askImport shows what is in the file, and imports it.
func (t *Tuples) askImport(l *tui.List[tuple.Tuple], look tupleFileLook) {
	lines := append([]string{tui.Count(look.count) + " relation tuples of " + look.path}, look.sample...)
	if more := look.count - len(look.sample); more > 0 {
		lines = append(lines, "… and "+tui.Count(more)+" more")
	}
	lines = append(lines, "What is stored already is left alone. Esc stops it between two batches; importing the file again goes on from there.")
	q := tui.Question{Title: "Import " + countOf(look.count, "relation tuple") + "?", Lines: lines, Verb: "import"}
	if look.count > tupleUndoMax {
		q.Danger = true
		q.Lines = append(q.Lines, "More than "+tui.Count(tupleUndoMax)+" cannot be taken back with u.")
	}
	k := t.spec.Bulk
	q.Yes = func() {
		l.Push(&tupleRun{title: "import", done: "imported", total: look.count, then: l.Reload,
			work: func(ctx context.Context, tell func(tupleProgress)) (string, *tui.Undo, error) {
				return importTuples(ctx, k, look, tell)
			}})
	}
	l.Confirm(q)
}

func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return tui.Count(n) + " " + noun + "s"
}

// importTuples does it, with the same core as the command. What was added can be taken
// back while that is not too much.
func importTuples(ctx context.Context, k TuplesBulkKeto, look tupleFileLook, tell func(tupleProgress)) (string, *tui.Undo, error) {
	var added []tuple.Tuple
	got, err := k.Import(ctx, tupleFile(ctx, look.path, nil), keto.ImportOptions{
		Progress: func(i keto.Imported) {
			tell(tupleProgress{done: i.Read, note: tui.Count(i.Added) + " added, " + tui.Count(i.Existed) + " there already"})
		},
		Added: func(ts []tuple.Tuple) {
			if len(added) <= tupleUndoMax {
				added = append(added, ts...)
			}
		},
	})
	said := fmt.Sprintf("%s read, %s added, %s there already", countOf(got.Read, "tuple"), tui.Count(got.Added), tui.Count(got.Existed))
	if got.Added == 0 || got.Added > tupleUndoMax {
		return said, nil, err
	}
	applied := keto.Applied{}
	lines := make([]string, len(added))
	for i, tp := range added {
		applied.Edits = append(applied.Edits, keto.Done{Edit: keto.Edit{Op: keto.Insert, Tuple: tp}, Before: 0, After: 1})
		lines[i] = "- " + tp.String()
	}
	return said, &tui.Undo{What: "import " + countOf(len(added), "relation tuple"), Lines: lines,
		Run: func(ctx context.Context) error { _, err := k.Undo(ctx, applied); return err }}, err
}

// exportAll writes everything that matches the list's filter into a file.
func (t *Tuples) exportAll(l *tui.List[tuple.Tuple]) {
	k, q := t.spec.Bulk, t.spec.Query
	name := clean.FileName("gatehouse-tuples-" + l.Env().Now().Format("20060102-150405") + ".jsonl")
	l.Push(&tupleRun{title: "export", done: "written", reads: true,
		work: func(ctx context.Context, tell func(tupleProgress)) (string, *tui.Undo, error) {
			n, path, err := exportTuples(ctx, k, q, name, func(n int) { tell(tupleProgress{done: n}) })
			return "wrote " + countOf(n, "relation tuple") + " to " + path, nil, err
		}})
}

// exportTuples writes a new file of JSON lines, for the owner's eyes only. One that was
// not finished is taken away: a part must not pass for the whole.
func exportTuples(ctx context.Context, k TuplesBulkKeto, q tuple.Query, name string, progress func(int)) (int, string, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return 0, "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, path, &clients.Problem{Kind: clients.Invalid, Op: "export relation tuples", Reason: err.Error(), Hint: "start gatehouse in a folder that you may write to"}
	}
	w := bufio.NewWriter(f)
	n, err := k.Export(ctx, q, func(tp tuple.Tuple) error {
		b, err := tp.MarshalJSON()
		if err == nil {
			_, err = w.Write(append(b, '\n'))
		}
		return err
	}, progress)
	err = errors.Join(err, w.Flush(), f.Close())
	if err != nil {
		os.Remove(path)
	}
	return n, path, err
}

// deleteForm asks for the filter, reads what it selects, and shows that before it asks.
func (t *Tuples) deleteForm(l *tui.List[tuple.Tuple]) tui.Screen {
	k := t.spec.Bulk
	var selection keto.Selection
	start := ""
	if !t.spec.Query.IsZero() {
		start = t.spec.Query.String()
	}
	return tui.NewForm(tui.FormSpec{Title: "delete by filter", Asks: true, Lead: "What would this delete? It is only looked at first.", What: "read what the filter selects", Timeout: tupleLookTimeout,
		Fields: []tui.FormField{{Name: "filter", Label: "filter", Value: start, Required: true, Help: "any parts of namespace:object#relation@subject; all that match are selected",
			Complete: func(text string) []widget.Completion { return t.spec.Words.Complete(text, false) }}},
		Submit: func(ctx context.Context, v map[string]string) error {
			q, err := tuple.ParseQuery(strings.TrimSpace(v["filter"]))
			if err != nil {
				return &clients.Problem{Kind: clients.Invalid, Op: "read the filter", Reason: err.Error(), Fields: []clients.Field{{Path: "filter", Message: err.Error()}}}
			}
			selection, err = k.Select(ctx, q)
			return err
		},
		Done: func(map[string]string) { t.askDelete(l, selection) },
	})
}

// askDelete shows how many and which, and deletes exactly these: never by the filter, so
// that what is written meanwhile stays.
func (t *Tuples) askDelete(l *tui.List[tuple.Tuple], s keto.Selection) {
	n := s.Count()
	if n == 0 {
		l.Toast("nothing matches " + s.Query.String() + ": there is nothing to delete")
		return
	}
	lines := []string{fmt.Sprintf("%s selects %s", s.Query, countOf(n, "relation tuple"))}
	if s.Rows > n {
		lines[0] += fmt.Sprintf(", stored %s times in all", tui.Count(s.Rows))
	}
	for _, tp := range s.Tuples[:min(n, tupleSample)] {
		lines = append(lines, "- "+tp.String())
	}
	if n > tupleSample {
		lines = append(lines, "… and "+tui.Count(n-tupleSample)+" more")
	}
	q := tui.Question{Title: "Delete " + countOf(n, "relation tuple") + "?", Verb: "delete", Typed: fmt.Sprint(n), Danger: n > tupleUndoMax}
	if n > tupleUndoMax {
		lines = append(lines, "More than "+tui.Count(tupleUndoMax)+" cannot be taken back with u: X exports them first, and import brings them back.")
	} else {
		lines = append(lines, "u takes it back.")
	}
	q.Lines = lines
	k := t.spec.Bulk
	q.Yes = func() {
		l.Push(&tupleRun{title: "delete", done: "deleted", total: n, then: l.Reload,
			work: func(ctx context.Context, tell func(tupleProgress)) (string, *tui.Undo, error) {
				done, err := k.RemoveMatching(ctx, s.Query, n, func(r keto.Removal) { tell(tupleProgress{done: r.Gone}) })
				said := "deleted " + countOf(len(done.Edits), "relation tuple")
				if len(done.Edits) == 0 || len(done.Edits) > tupleUndoMax {
					return said, nil, err
				}
				return said, &tui.Undo{What: "delete " + countOf(len(done.Edits), "relation tuple"), Lines: undoLines(done),
					Run: func(ctx context.Context) error { _, err := k.Undo(ctx, done); return err }}, err
			}})
	}
	l.Confirm(q)
}

// tupleProgress is how far a run is.
type tupleProgress struct {
	done int
	note string
}

// tupleRun is something that goes through many relation tuples, with its progress on the
// screen. Esc stops it between two batches, since a batch is one transaction.
type tupleRun struct {
	title, done string
	total       int  // -1 or 0 while it is not known
	reads       bool // it writes nothing to Keto
	work        func(ctx context.Context, tell func(tupleProgress)) (string, *tui.Undo, error)
	then        func()

	host    tui.Host
	job     tui.Job
	now     atomic.Pointer[tupleProgress]
	began   time.Time
	stop    context.CancelFunc
	stopped bool
	over    bool
	said    string
	err     error
}

// Title is the crumb.
func (r *tupleRun) Title() string { return r.title }

// Typing is never true here.
func (r *tupleRun) Typing() bool { return false }

// Close stops it: nobody sees any more how far it is.
func (r *tupleRun) Close() { r.stop() }

// Update has nothing to take.
func (r *tupleRun) Update(tea.Msg) tea.Cmd { return nil }

// Init starts.
func (r *tupleRun) Init(h tui.Host) tea.Cmd {
	r.host, r.began = h, h.Env().Now()
	stop, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	type result struct {
		said string
		undo *tui.Undo
	}
	work := func(ctx context.Context) (result, error) {
		ctx, end := context.WithCancel(ctx)
		defer end()
		defer context.AfterFunc(stop, end)()
		said, undo, err := r.work(ctx, func(p tupleProgress) { r.now.Store(&p) })
		return result{said, undo}, err
	}
	done := func(got result, err error) {
		r.over, r.said, r.err = true, got.said, err
		if got.undo != nil {
			got.undo.Then = r.then
			h.Undo(*got.undo)
		}
		if r.then != nil {
			r.then()
		}
		switch {
		case err == nil:
			h.Toast(got.said + either(got.undo != nil, " · u undoes it", ""))
		case r.stopped && clients.Is(err, clients.Canceled):
			h.Toast("stopped: " + got.said)
		default:
			h.Fail(err)
		}
	}
	if r.reads {
		tui.Go(h, &r.job, tupleBulkTimeout, work, done)
	} else {
		tui.Write(h, &r.job, r.title+" relation tuples", tupleBulkTimeout, work, done)
	}
	return nil
}

// Escape stops it, once.
func (r *tupleRun) Escape() bool {
	if r.over || !r.job.Busy() {
		return false
	}
	if r.stopped {
		r.host.Toast("it is stopping: the batch that is on its way is waited for")
	}
	r.stopped = true
	r.stop()
	return true
}

// Actions are what can be done while it runs.
func (r *tupleRun) Actions() []tui.Action {
	return []tui.Action{{Name: "stop", Keys: []string{"ctrl+x"}, Footer: either2(r.over, 0, 1), Help: "Stop after the batch that is on its way. Esc does the same.", Why: func() string {
		return either(r.over, "it is over", "")
	}, Run: tui.Do(func() { r.Escape() })}}
}

func either2(yes bool, a, b int) int {
	if yes {
		return a
	}
	return b
}

// View says how far it is, and what came of it.
func (r *tupleRun) View(w, h int) string {
	th := r.host.Env().Theme
	p := tupleProgress{}
	if now := r.now.Load(); now != nil {
		p = *now
	}
	head := tui.Count(p.done) + " " + r.done
	if r.total > 0 {
		head = fmt.Sprintf("%s of %s", tui.Count(p.done), countOf(r.total, "relation tuple"))
	}
	lines := []string{th.Strong.Render(clean.Line(head, w))}
	if r.total > 0 {
		lines = append(lines, clean.Line(progressBar(p.done, r.total, min(w, 40)), w))
	}
	if p.note != "" {
		lines = append(lines, th.Dim.Render(clean.Line(p.note, w)))
	}
	switch {
	case r.over && r.err != nil:
		lines = append(lines, "", clean.Line("? it ended before its end: "+r.host.Env().Explain(r.err).Why, w), clean.Line(r.said, w))
		if r.title == "import" {
			lines = append(lines, clean.Line("Import the same file again to go on: what is stored is left alone.", w))
		}
	case r.over:
		lines = append(lines, "", clean.Line("✓ "+r.said, w))
	case r.stopped:
		lines = append(lines, "", clean.Line("stopping: the batch that is on its way is waited for", w))
	default:
		lines = append(lines, "", th.Dim.Render(clean.Line("since "+r.began.Local().Format("15:04:05")+" · esc stops it between two batches", w)))
	}
	return strings.Join(lines[:min(len(lines), max(0, h))], "\n")
}

// progressBar is a bar of w cells with the percent behind it.
func progressBar(done, of, w int) string {
	cells := max(0, w-6)
	full := cells * min(done, of) / max(1, of)
	return strings.Repeat("▓", full) + strings.Repeat("░", cells-full) + fmt.Sprintf(" %3d%%", 100*min(done, of)/max(1, of))
}
