package screens

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// WhyKeto writes a fix and takes it back.
type WhyKeto interface {
	Apply(ctx context.Context, edits []keto.Edit) (keto.Applied, error)
	Undo(ctx context.Context, done keto.Applied) (keto.Applied, error)
}

// WhySpec is what an explanation is made of. Explain is needed.
type WhySpec struct {
	// Question is explained at once. When it is the zero tuple a question is typed first,
	// beginning with Text; it is about About unless another subject is typed.
	Question tuple.Tuple
	Text     string
	About    *tuple.Subject
	// Explain asks the server and works out why it answers so, the whole tree included.
	Explain func(ctx context.Context, q tuple.Tuple) (access.Trace, error)
	// WhatIf answers as it would be after writes that nobody makes; nil offers no such.
	WhatIf func(ctx context.Context, q tuple.Tuple, writes []access.Write) (access.WhatIf, error)
	// Ask asks the server alone, for what is asked again and again; nil explains each time.
	Ask func(ctx context.Context, q tuple.Tuple) (access.Verdict, error)
	// Keto writes fixes; nil offers none.
	Keto WhyKeto
	// CanWrite refuses a tuple that the server would store in vain; nil refuses nothing.
	CanWrite func(t tuple.Tuple) error
	// Tuples, Person and Rule open the relation tuples that a filter selects, the person
	// behind a subject, and the place in the model; nil where there is none.
	Tuples func(q tuple.Query) tui.Screen
	Person func(s tuple.Subject) tui.Screen
	Rule   func(r access.Rule) tui.Screen
	// Source is the text of a file of the model, to show a rule where there is no Rule.
	Source func(file string) string
	// Names knows the people behind ids; nil knows nobody.
	Names *People
	// Complete, People, History and Remember are those of the line on which a question is
	// typed; see CheckSpec.
	Complete func(text string) []widget.Completion
	People   func(ctx context.Context, prefix string) ([]CheckPerson, error)
	History  []string
	Remember func(question string)
	// WhoCan, WhatCan and Matrix ask in reverse; nil where there is none.
	WhoCan  func(of tuple.Set) tui.Screen
	WhatCan func(sub tuple.Subject) tui.Screen
	Matrix  func(namespace, object string) tui.Screen
}

// whyTimeout bounds one explanation with all that it reads.
const whyTimeout = 30 * time.Second

// Why shows why Keto answers a question as it does: the sentence that a support
// person would say, what it rests on, and the smallest changes that would allow it.
type Why struct {
	spec WhySpec
	host tui.Host
	line *questionLine

	q      tuple.Tuple // the question; the zero tuple while there is none
	answer whyAnswer
	asked  bool
	err    error // why there is no newer answer

	full  bool // the whole tree in place of the proof
	fixes bool // whether the cursor is among the fixes
	fix   int
	tree  widget.Tree

	live    whyLive
	suppose whySuppose

	job   tui.Job
	write tui.Job
	file  tui.Job
	// cost is what the explanation under way has taken so far; nil while none is.
	cost atomic.Pointer[access.Cost]
}

// whyAnswer is one explanation, ready to be shown.
type whyAnswer struct {
	trace access.Trace
	err   error
	at    time.Time
	// proof and tree are the steps as lines, made off the loop: there may be many.
	proof, tree *widget.Node
}

// NewWhy makes the screen.
func NewWhy(spec WhySpec) *Why {
	s := &Why{spec: spec, q: spec.Question, line: newQuestionLine(spec.Complete, spec.People, spec.History, spec.Remember)}
	s.line.input.Blur()
	s.line.names = spec.Names
	if spec.About != nil {
		s.line.subject = spec.About.String()
		s.line.input.Placeholder = "namespace:object#permission"
	}
	s.suppose.input = widget.NewInput("what if  ")
	s.suppose.input.Placeholder = "+namespace:object#relation@subject, or - to take one away"
	s.suppose.input.Complete = s.completeSupposed
	s.suppose.input.Blur()
	return s
}

// Title is the crumb.
func (s *Why) Title() string { return "why" }

// Init asks, or lets a question be typed.
func (s *Why) Init(h tui.Host) tea.Cmd {
	s.host = h
	if !s.hasQuestion() {
		s.line.start(s.spec.Text)
		return nil
	}
	s.ask()
	return nil
}

func (s *Why) hasQuestion() bool { return !s.q.Equal(tuple.Tuple{}) }

// Typing is true while a question, or a change for what if, is typed.
func (s *Why) Typing() bool { return s.line.typing() || s.suppose.input.Focused() }

// Close has nothing to do: the shell cancels the jobs.
func (s *Why) Close() {}

// Escape closes what is open: completions, typing, what if.
func (s *Why) Escape() bool {
	switch {
	case s.line.typing():
		if !s.line.input.Escape() {
			if !s.hasQuestion() {
				return false
			}
			s.line.input.Blur()
		}
		return true
	case s.suppose.input.Focused():
		if !s.suppose.input.Escape() {
			s.suppose.input.Blur()
		}
		return true
	case s.suppose.on():
		s.endSupposing()
		return true
	}
	return false
}

// Update takes what is typed, the mouse, and the ticks of a live question.
func (s *Why) Update(msg tea.Msg) tea.Cmd {
	switch {
	case isWhyTick(msg):
		return s.tick()
	case s.line.typing():
		s.line.update(s.host, msg)
	case s.suppose.input.Focused():
		if s.suppose.input.Update(msg) == widget.Edited {
			s.suppose.notice = ""
		}
	default:
		s.tree.Move(tui.Wheel(msg))
	}
	return nil
}

// Status is what the answer cost.
func (s *Why) Status() string {
	if c := s.cost.Load(); c != nil && s.job.Busy() {
		return costWords(*c)
	}
	if !s.asked || s.err != nil {
		return ""
	}
	t := s.shown().trace
	return fmt.Sprintf("%s · %d ms", costWords(access.Cost{Requests: t.Requests, RoundTrips: t.RoundTrips}), t.Millis)
}

// costWords hold what was taken against the budget of one explanation.
func costWords(c access.Cost) string {
	return fmt.Sprintf("%d of %d requests · %s", c.Requests, access.MaxRequests, count(c.RoundTrips, "round"))
}

// shown is the answer on the screen: that of what if while something is supposed.
func (s *Why) shown() *whyAnswer {
	if s.suppose.answered {
		return &s.suppose.answer
	}
	return &s.answer
}

// submit takes the typed question.
func (s *Why) submit() {
	if !s.line.enter() {
		return
	}
	q, ok := s.line.parse()
	if !ok {
		return
	}
	if !q.Equal(s.q) {
		s.q, s.asked, s.answer, s.err = q, false, whyAnswer{}, nil
		s.full, s.fixes = false, false
		s.live.stop()
		s.suppose.clear()
		s.tree = widget.Tree{}
	}
	s.ask()
}

func (s *Why) edit() {
	s.line.start(s.q.String())
}

// ask asks the server and explains.
func (s *Why) ask() {
	explain, q, names := s.spec.Explain, s.q, s.spec.Names
	s.cost.Store(nil)
	tui.Go(s.host, &s.job, whyTimeout, func(ctx context.Context) (whyAnswer, error) {
		t, err := explain(access.Counting(ctx, func(c access.Cost) { s.cost.Store(&c) }), q)
		s.cost.Store(nil)
		learnNames(ctx, names, q, t)
		return drawAnswer(t, err, names), nil // the trace says what is known beside an error too
	}, func(a whyAnswer, _ error) {
		if clients.Is(a.err, clients.Canceled) {
			return
		}
		s.take(a)
		if s.suppose.on() {
			s.work()
		}
	})
}

// take shows a new answer. When none came, the one of before stays, told as what it is.
func (s *Why) take(a whyAnswer) {
	a.at = s.host.Env().Now()
	before, had := s.answer, s.asked && s.answer.err == nil
	s.err = a.err
	if a.err != nil && had {
		return
	}
	s.answer, s.asked = a, true
	if had && a.err == nil {
		s.live.compare(before.trace.Verdict, a.trace.Verdict, a.at)
	}
	s.fix = 0
	s.fixes = s.fixes && len(a.trace.Fixes) > 0
	s.draw()
}

// draw puts the steps that are to be seen into the tree.
func (s *Why) draw() {
	a := s.shown()
	root := a.proof
	if s.full && a.tree != nil {
		root = a.tree
	}
	if root == nil {
		s.tree.Set()
		return
	}
	s.tree.Set(root)
}
