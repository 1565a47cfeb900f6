package screens

import (
	"context"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// sheet is the screen of one thing of Keycloak: parts that are read side by side and
// fail each by itself, a cursor over their lines, and what each line stands for. Who
// embeds it brings the parts and the actions.
type sheet struct {
	host   tui.Host
	detail widget.Detail
	parts  []*sheetPart
	refs   map[string]any // what lines stand for, by key
	shown  []widget.Section
	built  []bool // which parts were being read when shown was made

	write   tui.Job
	changes int    // Env.Changes when it was read
	gone    string // why there is nothing to change any more: "this group was deleted"
}

// sheetPart is what one request brings to a sheet.
type sheetPart struct {
	// name is the heading while there is nothing to show, system who is asked.
	name string
	// read runs off the loop; what it returns keeps the answer, on the loop.
	read func(context.Context) (func(), error)
	// show makes the sections out of what was kept, on the loop.
	show func() []widget.Section

	job  tui.Job
	have bool
}

// keeping makes a read of a call whose answer is only kept.
func keeping[T any](into *T, read func(context.Context) (T, error)) func(context.Context) (func(), error) {
	return func(ctx context.Context) (func(), error) {
		v, err := read(ctx)
		return func() { *into = v }, err
	}
}

// sheetTimeout is the deadline of one part.
const sheetTimeout = 20 * time.Second

// Init starts reading all parts.
func (s *sheet) Init(h tui.Host) tea.Cmd {
	s.host, s.refs = h, map[string]any{}
	s.detail.ShowCursor()
	s.load()
	return nil
}

// Resume reads again when something was written on a screen above.
func (s *sheet) Resume() {
	if s.host.Env().Changes != s.changes && s.gone == "" {
		s.load()
	}
}

// Typing is never true: there is nothing to type.
func (s *sheet) Typing() bool { return false }

// Close has nothing to do: the shell cancels the jobs.
func (s *sheet) Close() {}

// Update takes the mouse.
func (s *sheet) Update(msg tea.Msg) tea.Cmd {
	tui.DetailMouse(&s.detail, msg, 0)
	return nil
}

// View draws the lines.
func (s *sheet) View(w, h int) string {
	if !slices.Equal(s.built, s.reading()) { // a part that was stopped calls nobody
		s.build()
	}
	return s.detail.View(s.host.Env().Theme, w, h)
}

// load reads everything again; what is there stays until the answers come.
func (s *sheet) load() {
	s.changes = s.host.Env().Changes
	for _, p := range s.parts {
		s.loadPart(p)
	}
	s.build()
}

func (s *sheet) loadPart(p *sheetPart) {
	tui.Go(s.host, &p.job, sheetTimeout, p.read, func(keep func(), err error) {
		if err == nil {
			keep()
			p.have = true
		}
		s.build()
	})
}

func (s *sheet) reading() []bool {
	out := make([]bool, len(s.parts))
	for i, p := range s.parts {
		out[i] = p.job.Busy()
	}
	return out
}

// build makes the lines anew from what is known.
func (s *sheet) build() {
	s.built = s.reading()
	clear(s.refs)
	s.shown = s.shown[:0]
	for _, p := range s.parts {
		var part []widget.Section
		switch {
		case !p.have:
			part = []widget.Section{s.unread(p)}
		default:
			part = p.show()
			if note := s.stale(p); note != "" && len(part) > 0 {
				part[0].Note = note
			}
		}
		for i := range part {
			for k := range part[i].Fields {
				if f := &part[i].Fields[k]; f.Key == "" { // so that each line can be told from the others
					f.Key = fmt.Sprint(part[i].Title, "/", f.Label, "/", k)
				}
			}
			// A part without a line is told, and nothing can be put there without a line
			// to put the cursor on.
			if len(part[i].Fields) == 0 && part[i].Note != "" {
				part[i].Fields = []widget.Field{{Label: none, Value: part[i].Note, Tone: theme.Dim, Key: part[i].Title + "/none"}}
				part[i].Note = ""
			}
		}
		s.shown = append(s.shown, part...)
	}
	s.detail.Set(s.shown...)
}

// unread is a part that has nothing to show, with the reason and what to do.
func (s *sheet) unread(p *sheetPart) widget.Section {
	out := widget.Section{Title: p.name}
	err := p.job.Err()
	switch {
	case p.job.Busy():
		out.Note = "reading…"
		return out
	case err == nil || clients.Is(err, clients.Canceled):
		out.Note = "not read; ^r reads it"
		return out
	}
	f := s.host.Env().Explain(err)
	mark := theme.MarkUnknown
	if f.Kind == string(clients.Unreachable) || f.Kind == string(clients.Timeout) {
		mark = theme.MarkDown
	}
	out.Fields = []widget.Field{{Label: mark + " not visible", Value: f.Why, Tone: theme.Bad}}
	if f.Hint != "" {
		out.Fields = append(out.Fields, widget.Field{Label: "what to do", Value: f.Hint})
	}
	return out
}

// stale says since when a part could not be read again; empty when it is fresh.
func (s *sheet) stale(p *sheetPart) string {
	if p.job.Err() == nil || p.job.Done().IsZero() {
		return ""
	}
	return theme.MarkStale + " as of " + ago(s.host.Env().Now(), p.job.Done()) + ": " + s.host.Env().Explain(p.job.Err()).Why
}

// ref makes a line that stands for something; key tells it from all others.
func (s *sheet) ref(key string, v any, f widget.Field) widget.Field {
	s.refs[key] = v
	f.Key = key
	return f
}

// selected is what the line under the cursor stands for, or nil.
func (s *sheet) selected() any {
	if f, ok := s.detail.Current(); ok {
		return s.refs[f.Key]
	}
	return nil
}

// whyGone is a Why for what needs the thing to be there, and read.
func (s *sheet) whyGone(first *sheetPart) string {
	switch {
	case s.gone != "":
		return s.gone
	case !first.have:
		return "it has not been read; ^r reads it"
	}
	return ""
}

// keys are those of every sheet.
func (s *sheet) keys() []tui.Action {
	move := func(name, help string, run func(), keys ...string) tui.Action {
		return tui.Action{Name: name, Keys: keys, Group: "Move", Help: help, Run: tui.Do(run)}
	}
	return []tui.Action{
		{Name: "copy", Keys: []string{"y"}, Footer: 20, Help: "Copy the value under the cursor.", Why: s.whyNoLine, Run: tui.Do(func() {
			f, _ := s.detail.Current()
			s.host.Copy(orWord(f.Label, "the value"), f.Value)
		})},
		{Name: "reload", Keys: []string{"ctrl+r"}, Group: "Move", Help: "Read everything again; what is shown stays until then.", Run: tui.Do(s.load)},
		move("up", "One line up.", func() { s.detail.Move(-1) }, "up", "k"),
		move("down", "One line down.", func() { s.detail.Move(1) }, "down", "j"),
		move("page up", "One screen up.", func() { s.detail.Page(-1) }, "pgup", "ctrl+u"),
		move("page down", "One screen down.", func() { s.detail.Page(1) }, "pgdown", "ctrl+d"),
		move("first", "To the top.", func() { s.detail.Move(-1 << 20) }, "home", "g"),
		move("last", "To the end.", func() { s.detail.Move(1 << 20) }, "end", "G"),
		move("next part", "To the next part.", func() { s.nextPart(1) }, "tab"),
		move("previous part", "To the part before.", func() { s.nextPart(-1) }, "shift+tab"),
	}
}

func (s *sheet) whyNoLine() string {
	if f, ok := s.detail.Current(); !ok || f.Value == "" {
		return "there is nothing to copy here"
	}
	return ""
}

// nextPart moves to the first line of another section.
func (s *sheet) nextPart(n int) {
	cur, at, here := 0, 0, 0
	now, _ := s.detail.Current()
	var starts []int
	for _, p := range s.shown {
		if len(p.Fields) > 0 {
			starts = append(starts, at)
		}
		for _, f := range p.Fields {
			if f.Key == now.Key {
				cur, here = at, len(starts)-1
			}
			at++
		}
	}
	if len(starts) == 0 {
		return
	}
	if n < 0 && starts[here] < cur {
		n = 0 // to the start of this part first
	}
	s.detail.Move(starts[(here+n+len(starts))%len(starts)] - cur)
}

// deed is one write with the question before it and the way back after it.
type deed[T any] struct {
	// question shows exactly what is written; Yes is the deed's own.
	question tui.Question
	// what names the write in messages: "rename the group /staff".
	what string
	do   func(context.Context) (T, error)
	// done is said after it, what when nil.
	done func(T) string
	// back is the way back, nil where there is none; it is asked after a success.
	back func(T) *tui.Undo
	// then runs on the loop whatever came of it, before anything is said.
	then func(T, error)
	// timeout is the deadline, 0 the usual one.
	timeout time.Duration
}

// ask puts the question, and does the deed.
func (d deed[T]) ask(h tui.Host, job *tui.Job) {
	q := d.question
	q.Yes = func() { d.run(h, job) }
	h.Confirm(q)
}

func (d deed[T]) run(h tui.Host, job *tui.Job) {
	tui.Write(h, job, d.what, d.timeout, d.do, func(v T, err error) {
		if d.then != nil {
			d.then(v, err)
		}
		if err != nil {
			h.Fail(err)
			return
		}
		said := "done: " + d.what
		if d.done != nil {
			said = d.done(v)
		}
		if d.back != nil {
			if u := d.back(v); u != nil {
				h.Undo(*u)
				said += " · u undoes it"
			}
		}
		h.Toast(said)
	})
}
