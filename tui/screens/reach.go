package screens

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// FindSpec is what the screens that ask in reverse are made of: who can do this, what can
// this subject do, and who can do what with an object. Only Finder is needed.
type FindSpec struct {
	// Finder makes what searches; it is called anew for each search, off the loop.
	Finder func(ctx context.Context) (*access.Finder, error)
	// Words completes what is typed; nil knows nothing. Persons finds people by the
	// beginning of a login name; nil where there is no Kratos.
	Words   *Vocabulary
	Persons func(ctx context.Context, prefix string) ([]CheckPerson, error)
	People  *People
	// Why opens the explanation of an answer; WhoCan, WhatCan and Matrix the other
	// questions. Each may be nil.
	Why     func(q tuple.Tuple) tui.Screen
	WhoCan  func(of tuple.Set) tui.Screen
	WhatCan func(sub tuple.Subject) tui.Screen
	Matrix  func(namespace, object string) tui.Screen
}

// findTimeout bounds one look at the model and the columns; a search itself has no
// deadline, it has a budget and Esc.
const findTimeout = 30 * time.Second

// reachState is what a search said last. It is written by the search and read by the
// loop.
type reachState struct {
	at   atomic.Pointer[access.Progress]
	done atomic.Pointer[access.Outcome]
}

// status is how far it is, or how far it came.
func (s *reachState) status() string {
	p := s.at.Load()
	if o := s.done.Load(); o != nil {
		p = &o.Progress
	}
	if p == nil {
		return ""
	}
	of := ""
	if p.Budget > 0 {
		of = " of " + tui.Count(p.Budget)
	}
	return fmt.Sprintf("%s of %s asked · %s%s requests", tui.Count(p.Verified), tui.Count(p.Candidates), tui.Count(p.Requests), of)
}

// notes are what has to be known about the answer; those that say that it is not whole
// come first.
func (s *reachState) notes() (missing, notes []string) {
	o := s.done.Load()
	if o == nil {
		return nil, nil
	}
	if o.Unknown > 0 {
		missing = append(missing, "Keto has no verdict about "+tui.Count(o.Unknown))
	}
	return append(missing, o.Missing...), o.Notes
}

// findFailed says in words what was wrong with a question.
func findFailed(op string, err error) error {
	var ne *access.NameError
	if !errors.As(err, &ne) {
		return err
	}
	p := &clients.Problem{Kind: clients.Invalid, Op: op, Reason: ne.Error(), Hint: "names are case-sensitive"}
	if ne.Near != "" {
		p.Hint = "did you mean " + ne.Near + "? e edits the question"
	}
	return p
}

// Reach is the screen of one reverse question: who can do this, or what can this
// subject do. Rows come as they are found; each was answered by the server.
type Reach struct {
	spec FindSpec
	*findLine
	list   *tui.List[access.Found]
	state  *reachState
	who    bool // who can; else what can
	set    tuple.Set
	sub    tuple.Subject
	asked  bool
	budget int
}

// NewWhoCan asks who has a relation or permission on an object; the zero set is typed.
func NewWhoCan(spec FindSpec, of tuple.Set) *Reach {
	r := newReach(spec, true)
	if r.set = of; of != (tuple.Set{}) {
		r.known(of.String())
	}
	return r
}

// NewWhatCan asks what a subject can do; the zero subject is typed.
func NewWhatCan(spec FindSpec, sub tuple.Subject) *Reach {
	r := newReach(spec, false)
	if r.sub = sub; !sub.IsZero() {
		r.known(sub.String())
	}
	return r
}

func newReach(spec FindSpec, who bool) *Reach {
	r := &Reach{spec: spec, who: who, budget: access.DefaultBudget, state: &reachState{}}
	if r.findLine = newWhatLine(spec); who {
		r.findLine = newWhoLine(spec)
	}
	r.submit = r.ask
	r.list = tui.NewList(tui.Spec[access.Found]{
		Title: r.Title(), ID: reachID, Columns: r.columns(),
		Detail: r.detail, Text: func(f access.Found) string { return f.Question.String() }, Value: func(f access.Found) any { return reachValue(f) },
		Note: r.note, Actions: r.actions,
		Empty: map[bool]string{true: "Nobody: no subject that the stored tuples or the rules lead to has it.", false: "Nothing: no tuple and no rule gives this subject anything."}[who],
	})
	if spec.Why != nil {
		r.list.Spec.Open = func(f access.Found) tui.Screen { return spec.Why(f.Question) }
	}
	return r
}

// note is how far the search is, and whom it is about where the question says only an id.
func (r *Reach) note() string {
	said := r.state.status()
	if name := r.spec.People.Name(subjectPerson(r.sub)); name != "" && !r.who {
		return strings.TrimSuffix(name+" · "+said, " · ")
	}
	return said
}

// known is a question that need not be typed.
func (r *Reach) known(text string) {
	r.input.SetValue(text)
	r.input.Blur()
	r.asked = true
}

// reachID is what copying an answer gives: its question, as JSON where the text is not clear.
func reachID(f access.Found) string {
	if b, err := f.Question.MarshalJSON(); err == nil && f.Question.Ambiguous() {
		return string(b)
	}
	return f.Question.String()
}

// reachValue is what is exported of an answer.
func reachValue(f access.Found) any {
	by := []string{}
	for _, t := range f.By {
		by = append(by, t.String())
	}
	return struct {
		Question tuple.Tuple    `json:"question"`
		Verdict  access.Verdict `json:"verdict"`
		By       []string       `json:"by"`
		Reason   string         `json:"reason,omitempty"`
	}{f.Question, f.Verdict, by, f.Reason}
}

// Title is the crumb.
func (r *Reach) Title() string {
	if r.who {
		return "who can"
	}
	return "what can"
}

// Init asks the question that the screen was opened with, or lets one be typed.
func (r *Reach) Init(h tui.Host) tea.Cmd {
	r.host = h
	r.list.Host = h
	if !r.asked {
		r.input.Focus()
		return nil
	}
	r.list.Spec.Stream = r.search()
	return r.list.Init(h)
}

// Close has nothing to do: the shell cancels the jobs.
func (r *Reach) Close() {}

// Resume asks again when something was written meanwhile, such as a fix.
func (r *Reach) Resume() {
	if r.asked {
		r.list.Resume()
	}
}

// Typing is true while the question or a filter is typed.
func (r *Reach) Typing() bool { return r.input.Focused() || r.list.Typing() }

// Escape closes what is typed, then what the list has open.
func (r *Reach) Escape() bool { return r.escape(r.asked) || !r.input.Focused() && r.list.Escape() }

// ask takes what was typed.
func (r *Reach) ask(text string) error {
	if r.who {
		set, err := parseFindSet(text)
		if err != nil {
			return err
		}
		r.set = set
	} else {
		sub, err := tuple.ParseSubject(text)
		if err != nil {
			return err
		}
		r.sub = sub
	}
	r.asked, r.budget = true, access.DefaultBudget
	r.restart()
	return nil
}

func (r *Reach) restart() {
	r.list.Spec.Stream = r.search()
	r.list.Restart()
}

// search is the work of one question, which runs off the loop and takes all that it
// needs of the screen with it.
func (r *Reach) search() func(context.Context, func(tui.Page[access.Found]) error) error {
	r.state = &reachState{}
	state, spec, who, set, sub, budget, op := r.state, r.spec, r.who, r.set, r.sub, r.budget, "find "+r.Title()+" "+r.input.Value()
	return func(ctx context.Context, emit func(tui.Page[access.Found]) error) error {
		f, err := findWith(ctx, spec, state, budget, emit)
		if err != nil {
			return err
		}
		took := func(found []access.Found) error {
			spec.People.Learn(ctx, idsOf(found))
			return emit(tui.Page[access.Found]{Items: found, Total: -1})
		}
		var out access.Outcome
		if who {
			out, err = f.WhoCan(ctx, set, nil, took)
		} else {
			spec.People.Learn(ctx, []string{subjectPerson(sub)})
			out, err = f.WhatCan(ctx, sub, tuple.Query{}, took)
		}
		if err != nil {
			return findFailed(op, err)
		}
		state.done.Store(&out)
		return nil
	}
}

// findWith makes what searches; what it tells of its progress is kept, and drawn.
func findWith[T any](ctx context.Context, spec FindSpec, state *reachState, budget int, emit func(tui.Page[T]) error) (*access.Finder, error) {
	f, err := spec.Finder(ctx)
	if err != nil {
		return nil, err
	}
	state.done.Store(nil)
	f.Budget = budget
	f.Progress = func(p access.Progress) {
		state.at.Store(&p)
		_ = emit(tui.Page[T]{Total: -1}) // something to draw; who stops it is met elsewhere
	}
	return f, nil
}

func idsOf(found []access.Found) []string {
	out := make([]string, len(found))
	for i, f := range found {
		out[i] = subjectPerson(f.Question.Subject)
	}
	return out
}

// subjectPerson is the id of whom a subject stands for, or empty for a set of people.
func subjectPerson(s tuple.Subject) string {
	switch {
	case s.Set == nil:
		return s.ID
	case s.Set.Relation == "":
		return s.Set.Object
	}
	return ""
}

func (r *Reach) columns() []tui.Column[access.Found] {
	tone := func(f access.Found) theme.Tone { return whyTone(f.Verdict) }
	how := tui.Column[access.Found]{Title: "HOW", Width: 26, Flex: 3, Drop: 2, Cell: howFound}
	if r.who {
		who := func(f access.Found) string { return f.Verdict.Mark() + " " + r.subjectName(f.Question.Subject) }
		return []tui.Column[access.Found]{
			{Title: "WHO", Width: 24, Flex: 2, Cell: who, Tone: tone, Less: func(a, b access.Found) int { return cmp.Compare(who(a), who(b)) }},
			{Title: "KIND", Width: 7, Drop: 1, Cell: func(f access.Found) string { return r.spec.kind(f.Question.Subject) }},
			how,
			{Title: "SUBJECT", Width: 36, Drop: 4, Cell: func(f access.Found) string { return f.Question.Subject.String() }},
		}
	}
	what := func(f access.Found) string {
		return f.Verdict.Mark() + " " + f.Question.Namespace + ":" + f.Question.Object
	}
	return []tui.Column[access.Found]{
		{Title: "OBJECT", Width: 26, Flex: 2, Cell: what, Tone: tone, Less: func(a, b access.Found) int { return cmp.Compare(what(a), what(b)) }},
		{Title: "RELATION", Width: 14, Cell: func(f access.Found) string { return f.Question.Relation }},
		how,
	}
}

func (r *Reach) subjectName(s tuple.Subject) string {
	if name := r.spec.People.Name(subjectPerson(s)); name != "" {
		return name
	}
	return s.String()
}

// kind is what a subject is: somebody, a set of people, or an object that is no person.
func (s FindSpec) kind(sub tuple.Subject) string {
	switch {
	case sub.Set == nil:
		return "person"
	case sub.Set.Relation != "":
		return "set"
	}
	if n := s.Words.Model().Namespace(sub.Set.Namespace); n != nil && len(n.Relations) > 0 {
		return "object"
	}
	return "person"
}

// howFound are the places over which a candidate was found, or why there is no verdict.
func howFound(f access.Found) string {
	if f.Reason != "" {
		return f.Reason
	}
	if len(f.By) == 0 {
		return "not excluded by the rule"
	}
	parts := make([]string, len(f.By))
	for i, t := range f.By {
		parts[i] = t.Left()
	}
	return strings.Join(parts, " ← ")
}

// detail stands beside the list where there is room.
func (r *Reach) detail(f access.Found) []widget.Section {
	says := map[access.Verdict]string{access.Allowed: "✓ Keto says yes"}[f.Verdict]
	if says == "" {
		says = "? Keto has no verdict: " + f.Reason
	}
	head := widget.Section{Title: r.subjectName(f.Question.Subject), Fields: []widget.Field{
		{Label: "question", Value: f.Question.String()}, {Label: "verdict", Value: says, Tone: whyTone(f.Verdict)}}}
	by := widget.Section{Title: "Found by", Note: "the first way, not a proof: ⏎ explains"}
	for _, t := range f.By {
		by.Fields = append(by.Fields, widget.Field{Value: t.String()})
	}
	return []widget.Section{head, by}
}

// Actions are what can be asked next.
func (r *Reach) Actions() []tui.Action {
	if r.input.Focused() {
		return r.typingActions()
	}
	return r.list.Actions()
}

func (r *Reach) actions(l *tui.List[access.Found]) []tui.Action {
	acts := []tui.Action{{Name: "edit question", Keys: []string{"e"}, Footer: 5, Help: "Ask another question, starting from this one.", Run: tui.Do(r.edit)}}
	jump := func(name, key, help string, footer int, why func() string, to func(access.Found) tui.Screen) {
		acts = append(acts, tui.Action{Name: name, Keys: []string{key}, Footer: footer, Help: help, Why: why, Run: tui.Do(func() {
			if f, ok := l.Current(); ok {
				l.Push(to(f))
			}
		})})
	}
	if r.spec.Why != nil {
		jump("why", "w", "Explain the answer under the cursor.", 0, l.NeedRow, func(f access.Found) tui.Screen { return r.spec.Why(f.Question) })
	}
	if r.spec.WhoCan != nil {
		if r.who {
			jump("members", "x", "Show who is in the subject set under the cursor.", 3, r.whyNoSet, func(f access.Found) tui.Screen { return r.spec.WhoCan(*f.Question.Subject.Set) })
		} else {
			jump("who can", "W", "Show everybody who can do what is under the cursor.", 3, l.NeedRow, func(f access.Found) tui.Screen { return r.spec.WhoCan(leftOf(f.Question)) })
		}
	}
	if r.spec.WhatCan != nil && r.who {
		jump("what can", "R", "Show everything that the subject under the cursor can do.", 4, l.NeedRow, func(f access.Found) tui.Screen { return r.spec.WhatCan(f.Question.Subject) })
	}
	if r.spec.Matrix != nil {
		jump("matrix", "M", "Show who can do what with the object.", 6, l.NeedRow, func(f access.Found) tui.Screen { return r.spec.Matrix(f.Question.Namespace, f.Question.Object) })
	}
	return append(acts, tui.Action{Name: "search further", Keys: []string{"b"}, Footer: 2, Why: r.whyNotFurther, Run: tui.Do(r.further),
		Help: "Search again with ten times as many requests, after the budget was spent."})
}

// leftOf is what a question asks about, whoever asks.
func leftOf(q tuple.Tuple) tuple.Set {
	return tuple.Set{Namespace: q.Namespace, Object: q.Object, Relation: q.Relation}
}

func (r *Reach) whyNoSet() string {
	if f, ok := r.list.Current(); !ok || r.spec.kind(f.Question.Subject) != "set" {
		return "no subject set is selected"
	}
	return ""
}

func (r *Reach) whyNotFurther() string {
	if o := r.state.done.Load(); o == nil || o.Budget == 0 || o.Requests < o.Budget {
		return "the budget is not spent"
	}
	return ""
}

func (r *Reach) further() {
	r.budget *= 10
	r.restart()
}

// Update takes what is typed, and the mouse.
func (r *Reach) Update(msg tea.Msg) tea.Cmd {
	if r.input.Focused() {
		r.typed(msg)
		return nil
	}
	return r.list.Update(below(msg, 1))
}

// View is the question, the answers, and what has to be known about them.
func (r *Reach) View(w, h int) string {
	if !r.asked || r.input.Focused() {
		return r.viewTyping(w, h)
	}
	return r.frame(w, h, r.state, r.list.View)
}
