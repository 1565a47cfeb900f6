package screens

import (
	"cmp"
	"context"
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// Matrix shows who can do what with an object: a line for each subject that can do
// anything, a column for each permission. Every cell is the server's own answer.
type Matrix struct {
	spec FindSpec
	*findLine
	list   *tui.List[access.MatrixRow] // nil until the columns are known
	state  *reachState
	look   tui.Job
	budget int

	namespace, object string
	columns           []tuple.Set
	at                int // the column under the cursor
	err               error
}

// NewMatrix shows the matrix of an object; an empty one is typed.
func NewMatrix(spec FindSpec, namespace, object string) *Matrix {
	m := &Matrix{spec: spec, namespace: namespace, object: object, budget: access.DefaultBudget, state: &reachState{}}
	m.findLine = newMatrixLine(spec)
	m.submit = m.ask
	if object != "" {
		m.input.SetValue(namespace + ":" + object)
		m.input.Blur()
	}
	return m
}

func newMatrixLine(spec FindSpec) *findLine {
	l := &findLine{input: widget.NewInput("matrix > ")}
	l.input.Placeholder = "namespace:object"
	l.input.Complete = func(text string) []widget.Completion {
		out := spec.Words.CompleteSet(text)
		for i := range out {
			out[i].Value = strings.TrimSuffix(out[i].Value, "#")
		}
		return out
	}
	l.lead = []string{"Show who can do what with an object:", "  Doc:q3-report     a line for each subject, a column for each permission"}
	return l
}

// Title is the crumb.
func (m *Matrix) Title() string { return "matrix" }

// Init finds out what can be asked, or lets the object be typed.
func (m *Matrix) Init(h tui.Host) tea.Cmd {
	m.host = h
	if m.object == "" {
		m.input.Focus()
		return nil
	}
	m.begin()
	return nil
}

// Close has nothing to do: the shell cancels the jobs.
func (m *Matrix) Close() {}

// Resume asks again when something was written meanwhile.
func (m *Matrix) Resume() {
	if m.list != nil {
		m.list.Resume()
	}
}

// Typing is true while the object or a filter is typed.
func (m *Matrix) Typing() bool { return m.input.Focused() || m.list != nil && m.list.Typing() }

// Escape closes what is typed, then what the list has open.
func (m *Matrix) Escape() bool {
	return m.escape(m.object != "") || !m.input.Focused() && m.list != nil && m.list.Escape()
}

func (m *Matrix) ask(text string) error {
	namespace, object, ok := strings.Cut(text, ":")
	object, _, _ = strings.Cut(object, "#")
	if !ok || namespace == "" || object == "" {
		return errors.New("write namespace:object, such as Doc:q3-report")
	}
	m.namespace, m.object, m.budget = namespace, object, access.DefaultBudget
	m.begin()
	return nil
}

// begin finds out the columns, then the rows.
func (m *Matrix) begin() {
	spec, namespace, object := m.spec, m.namespace, m.object
	m.list, m.err, m.at, m.state = nil, nil, 0, &reachState{}
	tui.Go(m.host, &m.look, findTimeout, func(ctx context.Context) ([]tuple.Set, error) {
		f, err := spec.Finder(ctx)
		if err != nil {
			return nil, err
		}
		columns, err := f.Columns(ctx, namespace, object)
		if err == nil && len(columns) == 0 {
			err = &clients.Problem{Kind: clients.Invalid, Op: "ask about " + namespace + ":" + object,
				Reason: "no relation is stored on it, and the permission model is not known", Hint: "set keto.opl; e edits the question"}
		}
		return columns, findFailed("make the matrix of "+namespace+":"+object, err)
	}, func(columns []tuple.Set, err error) {
		m.columns, m.err = columns, err
		if err == nil {
			m.open()
		}
	})
}

// open starts the list, whose columns are the questions.
func (m *Matrix) open() {
	who := func(r access.MatrixRow) string {
		if name := m.spec.People.Name(subjectPerson(r.Subject)); name != "" {
			return name
		}
		return r.Subject.String()
	}
	cols := []tui.Column[access.MatrixRow]{{Title: "WHO", Width: 28, Cell: who, Less: func(a, b access.MatrixRow) int { return cmp.Compare(who(a), who(b)) }}}
	for i, c := range m.columns {
		cols = append(cols, tui.Column[access.MatrixRow]{Title: columnTitle(c), Width: max(widget.Width(columnTitle(c))+2, 5),
			Cell: func(r access.MatrixRow) string { return "  " + r.Cells[i].Verdict.Mark() },
			Tone: func(r access.MatrixRow) theme.Tone { return whyTone(r.Cells[i].Verdict) },
			Less: func(a, b access.MatrixRow) int { return cmp.Compare(a.Cells[i].Verdict, b.Cells[i].Verdict) }})
	}
	cols = append(cols, tui.Column[access.MatrixRow]{Title: "SUBJECT", Width: 36, Flex: 1, Drop: 1000, Cell: func(r access.MatrixRow) string { return r.Subject.String() }})
	m.list = tui.NewList(tui.Spec[access.MatrixRow]{
		Title: "matrix of " + m.namespace + ":" + m.object, ID: func(r access.MatrixRow) string { return r.Subject.String() },
		Columns: cols, Stream: m.search(), Note: func() string { return m.state.status() }, Actions: m.actions,
		Text:   func(r access.MatrixRow) string { return r.Subject.String() },
		Detail: m.detail, Value: m.value,
		Empty: "Nobody can do anything with it.",
	})
	if m.spec.Why != nil {
		m.list.Spec.Open = func(r access.MatrixRow) tui.Screen { return m.spec.Why(m.question(r)) }
	}
	m.point(0)
	m.list.Init(m.host)
}

// question is the one of the cell under the cursor.
func (m *Matrix) question(r access.MatrixRow) tuple.Tuple {
	c := m.columns[m.at]
	return tuple.Tuple{Namespace: c.Namespace, Object: c.Object, Relation: c.Relation, Subject: r.Subject}
}

// point puts the cursor on another column and keeps those around it in sight.
func (m *Matrix) point(by int) {
	m.at = max(0, min(m.at+by, len(m.columns)-1))
	for i, c := range m.columns {
		col := &m.list.Spec.Columns[i+1]
		far := i - m.at
		col.Title, col.Drop = "  "+columnTitle(c), max(far, -far)
		if i == m.at {
			col.Title = theme.MarkCursor + " " + columnTitle(c)
		}
	}
}

// columnTitle is the name of a relation, which may be anybody's.
func columnTitle(c tuple.Set) string { return clean.Line(c.Relation, 24) }

// search is the work of the list, which runs off the loop.
func (m *Matrix) search() func(context.Context, func(tui.Page[access.MatrixRow]) error) error {
	m.state = &reachState{}
	state, spec, columns, budget := m.state, m.spec, m.columns, m.budget
	return func(ctx context.Context, emit func(tui.Page[access.MatrixRow]) error) error {
		f, err := findWith(ctx, spec, state, budget, emit)
		if err != nil {
			return err
		}
		out, err := f.Matrix(ctx, access.MatrixSpec{Columns: columns}, func(rows []access.MatrixRow) error {
			ids := make([]string, len(rows))
			for i, r := range rows {
				ids[i] = subjectPerson(r.Subject)
			}
			spec.People.Learn(ctx, ids)
			return emit(tui.Page[access.MatrixRow]{Items: rows, Total: -1})
		})
		if err != nil {
			return findFailed("make the matrix", err)
		}
		state.done.Store(&out)
		return nil
	}
}

// detail is a line in words.
func (m *Matrix) detail(r access.MatrixRow) []widget.Section {
	out := widget.Section{Title: r.Subject.String(), Note: m.spec.kind(r.Subject)}
	for i, c := range m.columns {
		a := r.Cells[i]
		out.Fields = append(out.Fields, widget.Field{Label: c.Relation, Value: a.Verdict.Mark() + " " + string(a.Verdict), Note: a.Reason, Tone: whyTone(a.Verdict)})
	}
	return []widget.Section{out}
}

// value is what is exported of a line.
func (m *Matrix) value(r access.MatrixRow) any {
	verdicts := map[string]access.Verdict{}
	for i, c := range m.columns {
		verdicts[c.Relation] = r.Cells[i].Verdict
	}
	return struct {
		Subject  string                    `json:"subject"`
		Object   string                    `json:"object"`
		Verdicts map[string]access.Verdict `json:"verdicts"`
	}{r.Subject.String(), m.namespace + ":" + m.object, verdicts}
}

// Actions are what can be asked next.
func (m *Matrix) Actions() []tui.Action {
	switch {
	case m.input.Focused():
		return m.typingActions()
	case m.host == nil: // for the key reference
		return m.actions(tui.NewList(tui.Spec[access.MatrixRow]{}))
	case m.list == nil:
		return []tui.Action{
			{Name: "edit question", Keys: []string{"e"}, Footer: 1, Help: "Ask about another object.", Run: tui.Do(m.edit)},
			{Name: "reload", Keys: []string{"ctrl+r"}, Footer: 2, Help: "Try again.", Run: tui.Do(m.begin)},
		}
	}
	return m.list.Actions()
}

func (m *Matrix) actions(l *tui.List[access.MatrixRow]) []tui.Action {
	acts := []tui.Action{
		{Name: "why", Keys: []string{"w"}, Help: "Explain the cell under the cursor.", Why: func() string {
			if m.spec.Why == nil {
				return "nothing explains it here"
			}
			return l.NeedRow()
		}, Run: tui.Do(func() {
			if r, ok := l.Current(); ok {
				l.Push(m.spec.Why(m.question(r)))
			}
		})},
		{Name: "column left", Keys: []string{"left", "h"}, Footer: 2, Help: "Go to the permission on the left; ⏎ explains the cell.", Run: tui.Do(func() { m.point(-1) })},
		{Name: "column right", Keys: []string{"right", "l"}, Footer: 3, Help: "Go to the permission on the right; ⏎ explains the cell.", Run: tui.Do(func() { m.point(1) })},
		{Name: "edit question", Keys: []string{"e"}, Footer: 6, Help: "Ask about another object.", Run: tui.Do(m.edit)},
		{Name: "search further", Keys: []string{"b"}, Footer: 1, Help: "Search again with ten times as many requests, after the budget was spent.", Why: m.whyNotFurther,
			Run: tui.Do(func() { m.budget *= 10; m.begin() })},
	}
	if m.spec.WhoCan != nil {
		acts = append(acts, tui.Action{Name: "who can", Keys: []string{"W"}, Footer: 4, Help: "Show everybody who has the permission under the cursor.",
			Run: tui.Do(func() { l.Push(m.spec.WhoCan(m.columns[m.at])) })})
	}
	if m.spec.WhatCan != nil {
		acts = append(acts, tui.Action{Name: "what can", Keys: []string{"R"}, Footer: 5, Help: "Show everything that the subject under the cursor can do.", Why: l.NeedRow, Run: tui.Do(func() {
			if r, ok := l.Current(); ok {
				l.Push(m.spec.WhatCan(r.Subject))
			}
		})})
	}
	return acts
}

func (m *Matrix) whyNotFurther() string {
	if o := m.state.done.Load(); o == nil || o.Budget == 0 || o.Requests < o.Budget {
		return "the budget is not spent"
	}
	return ""
}

// Update takes what is typed, and the mouse.
func (m *Matrix) Update(msg tea.Msg) tea.Cmd {
	switch {
	case m.input.Focused():
		m.typed(msg)
	case m.list != nil:
		return m.list.Update(below(msg, 1))
	}
	return nil
}

// View is the object, the lines, and what has to be known about them.
func (m *Matrix) View(w, h int) string {
	if m.object == "" || m.input.Focused() {
		return m.viewTyping(w, h)
	}
	return m.frame(w, h, m.state, func(w, h int) string {
		th := m.host.Env().Theme
		switch {
		case m.list != nil:
			return m.list.View(w, h)
		case m.err != nil:
			f := m.host.Env().Explain(m.err)
			lines := append([]string{""}, wrapWords("✗ "+f.What+": "+f.Why, w-2, 3)...)
			lines = append(lines, wrapWords(f.Hint, w-2, 2)...)
			lines = append(lines, "  ^r tries again; :log shows the request")
			return strings.Join(lines[:min(len(lines), h)], "\n")
		case m.look.Busy():
			return th.Dim.Render(clean.Line("… looking at what can be asked about "+m.namespace, w))
		}
		return th.Dim.Render(clean.Line("Stopped. ^r tries again.", w))
	})
}
