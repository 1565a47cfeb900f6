package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// CheckKeto is what Check needs of Keto.
type CheckKeto interface {
	access.Checker
	access.NamespaceLister
}

// CheckPerson is somebody whom a question may be about.
type CheckPerson struct{ ID, Name, Email string }

// CheckSpec is what Check is made of. Only Keto is needed.
type CheckSpec struct {
	Keto CheckKeto
	// Complete suggests how the text of a question may go on, from what is known
	// without asking anybody.
	Complete func(text string) []widget.Completion
	// People finds people by the beginning of their e-mail or user name, so that one
	// need not know ids by heart; nil where there is no Kratos.
	People func(ctx context.Context, prefix string) ([]CheckPerson, error)
	// Names knows the people behind ids; nil knows nobody.
	Names *People
	// Question is asked at once when it is not empty.
	Question string
	// History are questions of before, oldest first; Remember is told of each new one.
	History  []string
	Remember func(question string)
	// Why opens the explanation and Tuples the tuples of a question; nil where there is none.
	Why    func(q tuple.Tuple) tui.Screen
	Tuples func(q tuple.Tuple) tui.Screen
}

// checkLiveEvery is how often a live question is asked again.
const checkLiveEvery = 2 * time.Second

// checkKept is how many answers stay on the screen.
const checkKept = 50

// Check asks Keto whether somebody may do something, and goes on asking if wanted.
type Check struct {
	spec CheckSpec
	host tui.Host

	line    *questionLine
	asking  string // the question under way
	answers []checkAnswer
	cursor  int
	live    bool
	ask     tui.Job
}

// checkAnswer is one question with its newest answer.
type checkAnswer struct {
	q       tuple.Tuple
	trace   access.Trace
	err     error
	at      time.Time
	before  access.Verdict // the verdict before it changed, or empty
	changed time.Time
}

// NewCheck makes the screen.
func NewCheck(spec CheckSpec) *Check {
	return &Check{spec: spec, line: newQuestionLine(spec.Complete, spec.People, spec.History, spec.Remember)}
}

// Title is the crumb.
func (c *Check) Title() string { return "check" }

// Init asks the question that the screen was opened with, or lets one be typed.
func (c *Check) Init(h tui.Host) tea.Cmd {
	c.host = h
	c.line.start(c.spec.Question)
	if c.spec.Question == "" {
		return nil
	}
	c.submit()
	return nil
}

// Close has nothing to do: the shell cancels the jobs.
func (c *Check) Close() {}

// Typing is true while the question is typed.
func (c *Check) Typing() bool { return c.line.typing() }

// Escape closes the completions, then the typing if there is an answer to go back to.
func (c *Check) Escape() bool {
	if c.line.input.Escape() {
		return true
	}
	if c.line.typing() && len(c.answers) > 0 {
		c.line.input.Blur()
		return true
	}
	return false
}

// Actions are what can be done with the answer under the cursor.
func (c *Check) Actions() []tui.Action {
	need := func() string {
		if len(c.answers) == 0 {
			return "ask something first"
		}
		return ""
	}
	acts := []tui.Action{
		{Name: "edit question", Keys: []string{"e", "i"}, Footer: 2, Help: "Type another question, starting from this one.", Run: tui.Do(c.edit)},
		{Name: "ask again", Keys: []string{"r", "enter"}, Footer: 1, Help: "Ask the server the same question again.", Why: need, Run: tui.Do(c.again)},
		{Name: c.liveName(), Keys: []string{"l"}, Footer: 4, Help: "Ask again every two seconds and show when the answer changes.", Why: need, Run: c.toggleLive},
		{Name: "copy", Keys: []string{"y"}, Footer: 6, Help: "Copy the question as a relation tuple.", Why: need, Run: tui.Do(func() { c.host.Copy("the question", c.current().q.String()) })},
		{Name: "up", Keys: []string{"up", "k"}, Help: "Go to the question above.", Run: tui.Do(func() { c.move(-1) })},
		{Name: "down", Keys: []string{"down", "j"}, Help: "Go to the question below.", Run: tui.Do(func() { c.move(1) })},
	}
	if c.spec.Why != nil {
		acts = append(acts, tui.Action{Name: "why", Keys: []string{"w"}, Footer: 3, Help: "Explain this answer.", Why: need,
			Run: tui.Do(func() { c.host.Push(c.spec.Why(c.current().q)) })})
	}
	if c.spec.Tuples != nil {
		acts = append(acts, tui.Action{Name: "tuples", Keys: []string{"o"}, Footer: 5, Help: "Show the relation tuples of this object.", Why: need,
			Run: tui.Do(func() { c.host.Push(c.spec.Tuples(c.current().q)) })})
	}
	if c.Typing() {
		// Letters are text now, and enter and the arrows belong to the input.
		return []tui.Action{{Name: "ask", Keys: []string{"enter"}, Footer: 1, Help: "Ask the server.", Run: tui.Do(c.accept)}}
	}
	return acts
}

func (c *Check) liveName() string {
	if c.live {
		return "stop live"
	}
	return "live"
}

func (c *Check) current() *checkAnswer { return &c.answers[c.cursor] }

func (c *Check) move(by int) {
	c.cursor = max(0, min(c.cursor+by, len(c.answers)-1))
	c.live = false
}

func (c *Check) edit() {
	text := c.line.input.Value()
	if len(c.answers) > 0 {
		text = c.current().q.String()
	}
	c.live = false
	c.line.start(text)
}

func (c *Check) again() {
	c.line.start(c.current().q.String())
	c.submit()
}

// accept lets the input take a completion that is chosen in its dropdown, and asks otherwise.
func (c *Check) accept() {
	if c.line.enter() {
		c.submit()
	}
}

// submit asks what stands in the input.
func (c *Check) submit() {
	q, ok := c.line.parse()
	if !ok {
		return
	}
	c.put(q)
	c.request(q)
}

// put brings the question to the top of the list.
func (c *Check) put(q tuple.Tuple) {
	a := checkAnswer{q: q}
	if i := slices.IndexFunc(c.answers, func(a checkAnswer) bool { return a.q.Equal(q) }); i >= 0 {
		a = c.answers[i]
		c.answers = slices.Delete(c.answers, i, i+1)
	}
	c.answers = slices.Insert(c.answers, 0, a)
	c.answers = c.answers[:min(len(c.answers), checkKept)]
	c.cursor = 0
}

func (c *Check) request(q tuple.Tuple) {
	c.asking = q.String()
	keto, names := c.spec.Keto, c.spec.Names
	type result struct {
		trace access.Trace
		err   error
	}
	tui.Go(c.host, &c.ask, 0, func(ctx context.Context) (result, error) {
		t, err := access.Ask(ctx, keto, keto, q, 0)
		names.Learn(ctx, []string{q.Subject.ID})
		return result{t, err}, nil // the error belongs into the answer, beside its question
	}, func(r result, _ error) {
		c.asking = ""
		i := slices.IndexFunc(c.answers, func(a checkAnswer) bool { return a.q.Equal(q) })
		if i < 0 {
			return
		}
		a, now := &c.answers[i], c.host.Env().Now()
		if !a.at.IsZero() && r.err == nil && a.err == nil && a.trace.Verdict != r.trace.Verdict {
			a.before, a.changed = a.trace.Verdict, now
		}
		a.trace, a.err, a.at = r.trace, r.err, now
		if clients.Is(r.err, clients.Canceled) {
			a.err, a.at = nil, time.Time{}
		}
	})
}

type checkTick struct{}

func (c *Check) toggleLive() tea.Cmd {
	c.live = !c.live
	if !c.live {
		return nil
	}
	return c.tick()
}

func (c *Check) tick() tea.Cmd {
	return tea.Tick(checkLiveEvery, func(time.Time) tea.Msg { return checkTick{} })
}

// Update takes what is typed, and the ticks of a live question.
func (c *Check) Update(msg tea.Msg) tea.Cmd {
	if _, ok := msg.(checkTick); ok {
		if !c.live || len(c.answers) == 0 {
			return nil
		}
		if !c.ask.Busy() {
			c.request(c.current().q)
		}
		return c.tick()
	}
	c.line.update(c.host, msg)
	return nil
}

// View is the question, the answer in words, and what was asked before.
func (c *Check) View(w, h int) string {
	th := c.host.Env().Theme
	lines := c.line.view(th, w, h)
	switch {
	case len(c.answers) > 0:
		lines = append(lines, "")
		lines = append(lines, c.viewAnswer(th, w)...)
		if len(c.answers) > 1 {
			lines = append(lines, "", th.Dim.Render("Asked before"))
			lines = append(lines, c.viewBefore(th, w, h-len(lines))...)
		}
	case c.line.notice == "":
		for _, s := range []string{"", "Ask whether somebody may do something, as a relation tuple:", "  Doc:q3-report#view@ann     may ann view the document q3-report?",
			"The subject is an id, or a subject set such as Group:finance#members.", "Type the beginning of an e-mail behind the @ to find a person's id."} {
			lines = append(lines, th.Dim.Render(clean.Line(s, w)))
		}
	}
	return strings.Join(lines[:min(len(lines), max(0, h))], "\n")
}

func (c *Check) viewAnswer(th *theme.Theme, w int) []string {
	a := c.current()
	q := clean.Line(a.q.String(), max(1, w-14))
	if a.at.IsZero() {
		return []string{th.Dim.Render(clean.Line("… asking   "+q, w))}
	}
	if a.err != nil {
		f := c.host.Env().Explain(a.err)
		return []string{th.Bad.Render("? NO ANSWER") + "  " + q, th.Plain.Render(clean.Line("  "+f.Why, w)), th.Dim.Render(clean.Line("  "+f.Hint, w))}
	}
	style, word := th.Bad, "DENIED "
	if a.trace.Verdict == access.Allowed {
		style, word = th.Good, "ALLOWED"
	}
	out := []string{style.Render(a.trace.Verdict.Mark()+" "+word) + "  " + q, clean.Line("  "+c.words(a), w)}
	if a.trace.Hint != "" {
		out = append(out, clean.Line("  "+a.trace.Hint, w))
	}
	now := c.host.Env().Now()
	if a.before != "" {
		out = append(out, th.Accent.Render(clean.Line(fmt.Sprintf("  changed %s: it was %s", ago(now, a.changed), a.before), w)))
	}
	cost := fmt.Sprintf("  keto says so · %s · %d ms · %s", count(a.trace.Requests, "request"), a.trace.Millis, ago(now, a.at))
	if c.live {
		cost += " · live: asked every 2 s"
	}
	return append(out, th.Dim.Render(clean.Line(cost, w)))
}

// words is the answer with the person's name where it is known.
func (c *Check) words(a *checkAnswer) string {
	id := a.q.Subject.ID
	if name := c.spec.Names.Name(id); name != "" && a.q.Subject.Set == nil {
		return strings.Replace(a.trace.Summary, id, name, 1)
	}
	return a.trace.Summary
}

func (c *Check) viewBefore(th *theme.Theme, w, h int) []string {
	now := c.host.Env().Now()
	from := max(0, min(c.cursor-h/2, len(c.answers)-h))
	var out []string
	for i := from; i < len(c.answers) && len(out) < max(0, h); i++ {
		a := &c.answers[i]
		mark, tone, when := theme.MarkUnknown, th.Dim, "not answered"
		switch {
		case a.at.IsZero() || a.err != nil:
		case a.trace.Verdict == access.Allowed:
			mark, tone, when = theme.MarkAllowed, th.Good, ago(now, a.at)
		default:
			mark, tone, when = theme.MarkDenied, th.Bad, ago(now, a.at)
		}
		lead, text := "  ", widget.Pad(clean.Line(a.q.String(), max(1, w-20)), max(0, w-20))
		if i == c.cursor {
			lead, text = theme.MarkCursor+" ", th.Selected.Render(text)
		}
		if w < 24 {
			out = append(out, clean.Line(a.q.String(), w))
			continue
		}
		out = append(out, lead+tone.Render(mark)+" "+text+" "+th.Dim.Render(clean.Line(when, 14)))
	}
	return out
}
