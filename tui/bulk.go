package tui

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/theme"
)

// BulkSpec is one write that is done to many things, such as all marked rows of a
// list: what is asked before, what is done to each, and what there is to say. Title,
// Verb, Done, Noun, Rows, ID, Name and Do are needed.
type BulkSpec[T any] struct {
	// Title is the crumb of the screen and part of the name of the report file:
	// "disable users".
	Title string
	// Verb is what the confirming key does, Done what a row is afterwards: "disable"
	// and "disabled". Noun is one of the things, without article: "user"; Nouns are
	// several, when that is not Noun with an s.
	Verb, Done, Noun, Nouns string
	// Rows are the things, ID tells them apart, Name is how a person knows one: it
	// stands in the question, beside the outcome and in the report.
	Rows []T
	ID   func(T) string
	Name func(T) string
	// Why says why it makes no sense for a row, which is then left out and shown as
	// such; empty or nil means that it does.
	Why func(T) string
	// Ask replaces the question "Verb N Nouns?".
	Ask string
	// Writes is exactly what is written to each: "enabled = false". Mind is what to
	// know before, a line each.
	Writes string
	Mind   []string
	// Danger marks what cannot be undone.
	Danger bool
	// Parallel is how many are written side by side (0: 4). A server that locks its
	// whole database for each write is served best with 1.
	Parallel int
	// Timeout is the deadline of one row (0: DefaultWriteTimeout).
	Timeout time.Duration
	// Do does it to one row, off the loop, and beside others. It must not touch a screen.
	Do func(ctx context.Context, row T) (BulkResult, error)
	// UndoWrites is exactly what taking back writes to each: "enabled = true".
	UndoWrites string
	// Open makes the screen that Enter opens for a row; it may be nil.
	Open func(T) Screen
	// Then runs on the loop when all is over; it may be nil.
	Then func()

	taken bool // it takes back another one: there is nothing to undo about it
}

// BulkResult is what became of one row.
type BulkResult struct {
	// Note is one short line: "3 sessions ended".
	Note string
	// Undo takes the write back. Like Undo.Run it must fail with a conflict when
	// something else changed the thing since. nil where there is no way back.
	Undo func(context.Context) error
	// Apply shows the thing as it is now in the list it came from; it runs on the loop
	// and may be nil.
	Apply func()
}

const (
	bulkParallel = 4
	// bulkTyped is from how many things on their number must be typed to confirm.
	bulkTyped = 10
	// bulkDeaf is how many rows in a row may find that nobody answers before the rest
	// is not sent any more.
	bulkDeaf = 3
)

// Bulk asks, and then does one write to many things on a screen of its own: side by
// side but bounded, each row with its outcome, so that one that fails stops no other.
// Esc stops what was not sent yet and waits for what was. What failed can be written
// into a file, and tried again; what was done can be undone where Do says how.
func Bulk[T any](h Host, spec BulkSpec[T]) {
	var n int
	var why string
	for _, row := range spec.Rows {
		if w := spec.why(row); w == "" {
			n++
		} else if why == "" {
			why = w
		}
	}
	switch {
	case len(spec.Rows) == 0:
		h.Toast("nothing is selected")
	case n == 0:
		h.Fail(errors.New(why))
	default:
		h.Confirm(spec.question(h.Env(), n, func() { h.Push(newBulk(spec)) }))
	}
}

func (s BulkSpec[T]) counted(n int) string {
	if n != 1 && s.Nouns != "" {
		return Count(n) + " " + s.Nouns
	}
	return counted(n, s.Noun)
}

func (s BulkSpec[T]) why(row T) string {
	if s.Why == nil {
		return ""
	}
	return s.Why(row)
}

// question shows exactly what will be written to what, and what is left out.
func (s BulkSpec[T]) question(env *Env, n int, yes func()) Question {
	q := Question{Title: s.Ask, Verb: s.Verb, Danger: s.Danger, Yes: yes}
	if q.Title == "" {
		q.Title = fmt.Sprintf("%s %s?", capital(s.Verb), s.counted(n))
	}
	q.Lines = append(q.Lines, s.Writes+", for")
	var out []string
	for _, row := range s.Rows {
		if why := s.why(row); why != "" {
			out = append(out, "  "+s.Name(row)+": "+why)
		} else {
			q.Lines = append(q.Lines, "  "+s.Name(row))
		}
	}
	if len(out) > 0 {
		q.Lines = append(append(q.Lines, "left out:"), out...)
	}
	q.Lines = append(q.Lines, s.Mind...)
	if n >= bulkTyped && !(s.Danger && env.Production) {
		q.Typed = fmt.Sprint(n)
	}
	return q
}

func capital(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}

// bulkState is how far one row is.
type bulkState uint8

// The closed list, in the order in which they matter to who looks for trouble.
const (
	bulkFailed  bulkState = iota
	bulkUnknown           // no answer came: it may have been done
	bulkUnsent            // it was stopped before
	bulkWorking
	bulkWaiting
	bulkLeft // left out: it makes no sense for this one
	bulkDone
)

// bulkRow is one thing and what became of it.
type bulkRow[T any] struct {
	at     int
	row    T
	state  bulkState
	result BulkResult
	fail   Failure // of bulkFailed and bulkUnknown
	why    string  // of bulkLeft and bulkUnsent
	ended  time.Time
}

// what is said about the row beside its state.
func (r bulkRow[T]) what() string {
	switch r.state {
	case bulkFailed, bulkUnknown:
		return r.fail.String()
	case bulkLeft, bulkUnsent:
		return r.why
	default:
		return r.result.Note
	}
}

func (r bulkRow[T]) tone() theme.Tone {
	switch r.state {
	case bulkFailed, bulkUnknown:
		return theme.Bad
	case bulkDone:
		return theme.Good
	case bulkWorking:
		return theme.Accent
	default:
		return theme.Dim
	}
}

// word is the state with its mark.
func (s BulkSpec[T]) word(r bulkRow[T]) string {
	switch r.state {
	case bulkFailed:
		return theme.MarkDenied + " failed"
	case bulkUnknown:
		return theme.MarkUnknown + " unknown"
	case bulkUnsent:
		return "– not sent"
	case bulkWorking:
		return "… working"
	case bulkLeft:
		return "– left out"
	case bulkDone:
		return theme.MarkAllowed + " " + s.Done
	default:
		return "· waiting"
	}
}

// bulkEvent is what a worker says about a row.
type bulkEvent struct {
	at     int
	begun  bool // it was only begun
	result BulkResult
	err    error
	fail   Failure // err in words
}

// bulk is the screen: a list of rows whose states change.
type bulk[T any] struct {
	*List[bulkRow[T]]
	spec    BulkSpec[T]
	rows    []bulkRow[T]
	count   [bulkDone + 1]int
	job     Job
	save    Job
	stopped bool
	deaf    atomic.Int32 // rows in a row that nobody answered
	saved   bool         // what failed is in a file
}

func newBulk[T any](spec BulkSpec[T]) *bulk[T] {
	b := &bulk[T]{spec: spec, rows: make([]bulkRow[T], len(spec.Rows))}
	for i, row := range spec.Rows {
		b.rows[i] = bulkRow[T]{at: i, row: row, state: bulkWaiting}
		if why := spec.why(row); why != "" {
			b.rows[i].state, b.rows[i].why = bulkLeft, why
		}
		b.count[b.rows[i].state]++
	}
	list := Spec[bulkRow[T]]{
		Title: spec.Title,
		ID:    func(r bulkRow[T]) string { return spec.ID(r.row) },
		Columns: []Column[bulkRow[T]]{
			{Title: "NAME", Width: 20, Flex: 1, Cell: func(r bulkRow[T]) string { return spec.Name(r.row) }},
			{Title: "STATE", Width: 14, Cell: spec.word, Tone: bulkRow[T].tone, Less: func(a, b bulkRow[T]) int { return int(a.state) - int(b.state) }},
			{Title: "WHAT", Width: 20, Flex: 2, Drop: 1, Cell: bulkRow[T].what},
		},
		Note:  b.progress,
		Value: func(r bulkRow[T]) any { return b.line(r) },
		Cap:   max(DefaultCap, len(spec.Rows)),
	}
	if spec.Open != nil {
		list.Open = func(r bulkRow[T]) Screen { return spec.Open(r.row) }
	}
	b.List = NewList(list)
	return b
}

// Init shows all rows and starts.
func (b *bulk[T]) Init(h Host) tea.Cmd {
	b.Host = h
	b.all.done = true
	b.all.table.Append(b.rows)
	b.run(bulkWaiting)
	return nil
}

// Resume has nothing to read again: the rows are what was written from here.
func (b *bulk[T]) Resume() {}

// progress is what the line about the list says.
func (b *bulk[T]) progress() string {
	all := len(b.rows) - b.count[bulkLeft]
	over := b.count[bulkDone] + b.count[bulkFailed] + b.count[bulkUnknown]
	s := fmt.Sprintf("%s %s of %s %s", bar(over, all), Count(b.count[bulkDone]), Count(all), b.spec.Done)
	for _, c := range []struct {
		state bulkState
		word  string
	}{{bulkFailed, "failed"}, {bulkUnknown, "unknown"}, {bulkUnsent, "not sent"}, {bulkLeft, "left out"}} {
		if n := b.count[c.state]; n > 0 {
			s += " · " + Count(n) + " " + c.word
		}
	}
	if b.job.Busy() && b.stopped {
		s += " · stopping"
	}
	return s
}

// Actions are those of the list that make sense here, and what to do about failures.
func (b *bulk[T]) Actions() []Action {
	if b.Typing() {
		return b.List.Actions()
	}
	acts := []Action{
		{Name: "stop", Keys: []string{"ctrl+x"}, Footer: footerIf(b.job.Busy(), 1), Why: b.whyNoStop, Run: Do(b.stop),
			Help: "Send nothing more. What has been sent is waited for, because it may have been done. Esc does the same."},
		{Name: "report", Keys: []string{"R"}, Footer: footerIf(b.troubled() > 0, 2), Why: b.whyNoReport, Run: Do(b.report),
			Help: "Write what failed, may have happened or was not sent into a file: one JSON object a line, for your eyes only."},
		{Name: "try again", Keys: []string{"r"}, Footer: footerIf(b.again() > 0 && !b.job.Busy(), 3), Mutates: true, Danger: b.spec.Danger, Why: b.whyNotAgain,
			Run: Do(b.askAgain), Help: "Do what failed and what was not sent once more. What may have happened is left alone: look at it first."},
		{Name: "trouble first", Keys: []string{"f"}, Footer: footerIf(b.troubled() > 0, 4), Run: Do(func() { b.table().SortBy(1, false) }),
			Help: "Order by state: what failed comes first."},
	}
	for _, a := range b.List.Actions() {
		if a.Name != "reload" && a.Name != "read on" {
			acts = append(acts, a)
		}
	}
	return acts
}

func footerIf(yes bool, n int) int {
	if yes {
		return n
	}
	return 0
}

// troubled is how many rows there is something to say about.
func (b *bulk[T]) troubled() int {
	return b.again() + b.count[bulkUnknown]
}

// again is how many rows can be tried once more.
func (b *bulk[T]) again() int { return b.count[bulkFailed] + b.count[bulkUnsent] }

func (b *bulk[T]) whyNoStop() string {
	switch {
	case !b.job.Busy():
		return "it is over"
	case b.stopped:
		return "it is stopping: what has been sent is waited for"
	}
	return ""
}

func (b *bulk[T]) whyNoReport() string {
	if b.troubled() == 0 {
		return "nothing failed"
	}
	return ""
}

func (b *bulk[T]) whyNotAgain() string {
	switch {
	case b.job.Busy():
		return "it is not over yet"
	case b.again() == 0:
		return "nothing failed that could be tried again"
	}
	return ""
}

// Escape closes what is open in the list, then stops.
func (b *bulk[T]) Escape() bool {
	if b.List.Escape() {
		return true
	}
	if !b.job.Busy() {
		return false
	}
	if why := b.whyNoStop(); why != "" {
		b.Toast(why)
	} else {
		b.stop()
	}
	return true
}

// Leave asks when it is not known anywhere else what failed.
func (b *bulk[T]) Leave() string {
	if n := b.troubled(); n > 1 && !b.saved {
		return fmt.Sprintf("Leave? Which %s were not %s is then not known any more; R writes a report.", Count(n), b.spec.Done)
	}
	return ""
}

// Close stops it too: nobody sees any more what becomes of the rest.
func (b *bulk[T]) Close() { b.stop() }

func (b *bulk[T]) stop() {
	if b.job.Busy() {
		b.stopped = true
		b.job.cancel()
	}
}

// run does it to all rows of a state. It is one write of the shell, so that quitting
// asks, and goes on when the screen is covered.
func (b *bulk[T]) run(state bulkState) {
	var todo []int
	for i := range b.rows {
		if b.rows[i].state == state {
			todo = append(todo, i)
		}
	}
	f := b.own()
	a := f.app
	if a.env.ReadOnly { // the actions refuse before; this is the last door
		a.say(noteBad, "read-only: context "+a.env.Context+" may not be changed from here")
		return
	}
	b.stopped, b.saved = false, false
	b.deaf.Store(0)
	stop, cancel := context.WithCancel(a.ctx)
	run := b.job.begin(f, cancel, true)
	a.writes++
	p := newPipe[bulkEvent]()
	var wait time.Duration
	var next func() tea.Msg
	next = func() tea.Msg {
		p.gather(wait)
		<-p.wake
		batch := p.take()
		return answer{f, func(gone bool) {
			before := time.Now()
			b.take(batch.Items, gone)
			wait = min(max(batchEvery, batchShare*time.Since(before)), batchLatest)
			if !batch.Done {
				a.start(next)
				return
			}
			a.writes--
			b.job.end(f, run, nil)
			b.over(gone)
		}}
	}
	rows := make([]T, len(todo))
	for i, at := range todo {
		rows[i] = b.rows[at].row
	}
	spec := b.spec
	a.start(func() tea.Msg {
		go func() {
			bulkWork(a.ctx, stop, spec, rows, func(i int, e bulkEvent) {
				e.at = todo[i]
				if b.heard(&e, a.opts.Explain) >= bulkDeaf {
					cancel()
				}
				p.put(a.ctx, Page[bulkEvent]{Items: []bulkEvent{e}}) //nolint:errcheck // the program ends: nobody listens
			})
			p.finish(nil)
		}()
		return next()
	})
}

// bulkWork hands the rows to a few workers until there are no more or stop ends. What
// was begun is brought to its end with a deadline of its own.
func bulkWork[T any](ctx, stop context.Context, spec BulkSpec[T], rows []T, tell func(int, bulkEvent)) {
	workers := spec.Parallel
	if workers < 1 {
		workers = bulkParallel
	}
	timeout := spec.Timeout
	if timeout < 1 {
		timeout = DefaultWriteTimeout
	}
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, len(rows)) {
		wg.Go(func() {
			for stop.Err() == nil {
				i := int(taken.Add(1)) - 1
				if i >= len(rows) {
					return
				}
				tell(i, bulkEvent{begun: true})
				one, cancel := context.WithTimeout(ctx, timeout)
				result, err := spec.Do(one, rows[i])
				cancel()
				tell(i, bulkEvent{result: result, err: err})
			}
		})
	}
	wg.Wait()
}

// heard puts an error in words, off the loop, and counts how many writes in a row
// nobody answered.
func (b *bulk[T]) heard(e *bulkEvent, explain func(error) Failure) int32 {
	if e.begun {
		return b.deaf.Load()
	}
	if e.err != nil {
		e.fail = explain(e.err)
		if e.fail.offline() || e.fail.Kind == "unknown_outcome" {
			return b.deaf.Add(1)
		}
	}
	b.deaf.Store(0)
	return 0
}

// take shows what the workers say.
func (b *bulk[T]) take(events []bulkEvent, gone bool) {
	a := b.own().app
	changed := make([]bulkRow[T], 0, len(events))
	for _, e := range events {
		r := b.rows[e.at]
		r.result = e.result
		switch {
		case e.begun:
			b.set(&r, bulkWorking)
		case e.err == nil:
			b.set(&r, bulkDone)
			a.env.Changes++
			if e.result.Apply != nil {
				e.result.Apply()
			}
		case e.fail.Kind == "unknown_outcome":
			r.fail = e.fail
			b.set(&r, bulkUnknown)
			a.env.Changes++ // perhaps
		default:
			r.fail = e.fail
			b.set(&r, bulkFailed)
		}
		if !e.begun {
			r.ended = a.now()
		}
		b.rows[e.at] = r
		changed = append(changed, r)
	}
	if !gone {
		b.all.table.Append(changed)
	}
}

func (b *bulk[T]) set(r *bulkRow[T], state bulkState) {
	b.count[r.state]--
	b.count[state]++
	r.state = state
}

// over says what came of it, and registers the way back.
func (b *bulk[T]) over(gone bool) {
	a := b.own().app
	why := "stopped before it was sent"
	if b.deaf.Load() >= bulkDeaf {
		why = "not sent: nobody answered the ones before"
	}
	var rest []bulkRow[T]
	for i := range b.rows {
		if r := &b.rows[i]; r.state == bulkWaiting {
			b.set(r, bulkUnsent)
			r.why = why
			rest = append(rest, *r)
		}
	}
	if !gone {
		b.all.table.Append(rest)
	}
	b.undoable()
	b.say(a)
	if b.spec.Then != nil {
		b.spec.Then()
	}
}

// say sums it up in one line.
func (b *bulk[T]) say(a *App) {
	kind, s := noteInfo, fmt.Sprintf("%s %s", b.spec.counted(b.count[bulkDone]), b.spec.Done)
	if b.troubled() > 0 {
		kind = noteBad
	}
	if n := b.count[bulkFailed]; n > 0 {
		s += fmt.Sprintf(", %s failed", Count(n))
	}
	if n := b.count[bulkUnknown]; n > 0 {
		s += fmt.Sprintf(", %s may have been: no answer came", Count(n))
	}
	if n := b.count[bulkUnsent]; n > 0 {
		s += fmt.Sprintf(", %s not sent", Count(n))
	}
	if kind == noteBad {
		s += "; R writes a report"
		if b.again() > 0 {
			s += ", r tries again"
		}
	}
	a.say(kind, s)
}

// undoable registers how to take back what was done since the last time.
func (b *bulk[T]) undoable() {
	if b.spec.taken {
		return
	}
	var rows []T
	var lines []string
	back := map[string]func(context.Context) error{}
	for i := range b.rows {
		if r := &b.rows[i]; r.state == bulkDone && r.result.Undo != nil {
			rows, lines = append(rows, r.row), append(lines, "  "+b.spec.Name(r.row))
			back[b.spec.ID(r.row)] = r.result.Undo
			r.result.Undo = nil // once
		}
	}
	if len(rows) == 0 {
		return
	}
	spec := b.spec
	spec.Title, spec.Done, spec.Rows, spec.Why, spec.taken = "undo "+spec.Title, "as before", rows, nil, true
	spec.Do = func(ctx context.Context, row T) (BulkResult, error) {
		return BulkResult{}, back[b.spec.ID(row)](ctx)
	}
	b.own().app.pushUndo(b.own(), Undo{What: fmt.Sprintf("%s %s", b.spec.Verb, b.spec.counted(len(rows))),
		Lines: append([]string{orText(b.spec.UndoWrites, "as it was before") + ", for"}, lines...), Screen: func() Screen { return newBulk(spec) }})
}

// askAgain does what failed and what was not sent once more.
func (b *bulk[T]) askAgain() {
	q := Question{Title: fmt.Sprintf("%s %s again?", capital(b.spec.Verb), b.spec.counted(b.again())), Verb: b.spec.Verb, Danger: b.spec.Danger}
	q.Lines = []string{b.spec.Writes + ", for"}
	for _, r := range b.rows {
		if r.state == bulkFailed || r.state == bulkUnsent {
			q.Lines = append(q.Lines, "  "+b.spec.Name(r.row))
		}
	}
	q.Yes = func() {
		var changed []bulkRow[T]
		for i := range b.rows {
			if r := &b.rows[i]; r.state == bulkFailed || r.state == bulkUnsent {
				b.set(r, bulkWaiting)
				r.fail, r.why = Failure{}, ""
				changed = append(changed, *r)
			}
		}
		b.all.table.Append(changed)
		b.run(bulkWaiting)
	}
	b.Confirm(q)
}
