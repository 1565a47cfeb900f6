package screens

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// WhyKeto writes a fix and takes it back.
type WhyKeto interface {
	Apply(ctx context.Context, edits []keto.Edit) (keto.Applied, error)
	Undo(ctx context.Context, done keto.Applied) (keto.Applied, error)
}

// WhySpec is what an explanation is made of. Question and Explain are needed.
type WhySpec struct {
	Question tuple.Tuple
	// Explain asks the server and works out why it answers so, the whole tree included.
	Explain func(ctx context.Context, q tuple.Tuple) (access.Trace, error)
	// Keto writes fixes; nil offers none.
	Keto WhyKeto
	// Tuples opens the relation tuples that a filter selects; nil where there is none.
	Tuples func(q tuple.Query) tui.Screen
}

// whyTimeout bounds one explanation with all that it reads.
const whyTimeout = 30 * time.Second

// Why shows why Keto answers a question as it does: the sentence that a support
// person would say, what it rests on, and the smallest changes that would allow it.
type Why struct {
	spec  WhySpec
	host  tui.Host
	trace access.Trace
	err   error
	asked bool
	full  bool // the whole tree in place of the proof
	fixes bool // whether the cursor is among the fixes
	fix   int
	tree  widget.Tree
	job   tui.Job
	write tui.Job
}

// NewWhy makes the screen.
func NewWhy(spec WhySpec) *Why { return &Why{spec: spec} }

// Title is the crumb.
func (s *Why) Title() string { return "why" }

// Init asks.
func (s *Why) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.ask()
	return nil
}

// Typing is never true here.
func (s *Why) Typing() bool { return false }

// Close has nothing to do: the shell cancels the jobs.
func (s *Why) Close() {}

// Update takes the mouse.
func (s *Why) Update(msg tea.Msg) tea.Cmd { s.tree.Move(tui.Wheel(msg)); return nil }

// Status is what the answer cost.
func (s *Why) Status() string {
	if !s.asked || s.err != nil {
		return ""
	}
	return fmt.Sprintf("%s · %d rounds · %d ms", count(s.trace.Requests, "request"), s.trace.RoundTrips, s.trace.Millis)
}

func (s *Why) ask() {
	explain, q := s.spec.Explain, s.spec.Question
	type answer struct {
		trace access.Trace
		err   error
	}
	tui.Go(s.host, &s.job, whyTimeout, func(ctx context.Context) (answer, error) {
		t, err := explain(ctx, q)
		return answer{t, err}, nil // the trace says what is known beside an error too
	}, func(a answer, _ error) {
		if clients.Is(a.err, clients.Canceled) {
			return
		}
		s.trace, s.err, s.asked = a.trace, a.err, true
		s.fix = 0
		s.fixes = s.fixes && len(s.trace.Fixes) > 0
		s.draw()
	})
}

// draw turns the steps into the tree.
func (s *Why) draw() {
	root := s.trace.Proof
	if s.full && s.trace.Tree != nil {
		root = s.trace.Tree
	}
	if root == nil {
		s.tree.Set()
		return
	}
	s.tree.Set(whyNode(root, "0"))
}

// whyNode is one step as a line: what was asked, what came of it, by which tuple,
// and where the model says so.
func whyNode(s *access.Step, id string) *widget.Node {
	n := &widget.Node{ID: id, Mark: s.Verdict.Mark(), Tone: whyTone(s.Verdict), Label: s.Label, Open: true, Key: s.Label}
	if s.Skipped {
		n.Mark, n.Tone, n.Open = "·", theme.Dim, false
	}
	var notes []string
	if s.Reason != "" {
		notes = append(notes, s.Reason)
	}
	if s.Tuple != "" && s.Tuple != s.Label {
		notes = append(notes, "by "+s.Tuple)
	}
	if s.Rule != nil && s.Rule.Line > 0 {
		notes = append(notes, path.Base(s.Rule.File)+":"+strconv.Itoa(s.Rule.Line))
	}
	n.Note = strings.Join(notes, " · ")
	for i, c := range s.Children {
		n.Children = append(n.Children, whyNode(c, id+"."+strconv.Itoa(i)))
	}
	return n
}

func whyTone(v access.Verdict) theme.Tone {
	switch v {
	case access.Allowed:
		return theme.Good
	case access.Denied:
		return theme.Bad
	default:
		return theme.Dim
	}
}

// Actions are what can be done about the answer.
func (s *Why) Actions() []tui.Action {
	acts := []tui.Action{
		{Name: "apply fix", Keys: []string{"enter"}, Footer: 1, Mutates: true, Help: "Write the fix under the cursor, after showing it, and ask again.", Why: s.whyNoFix, Run: tui.Do(s.apply)},
		{Name: "tree or fixes", Keys: []string{"tab"}, Footer: 2, Help: "Jump between the tree and the fixes.", Why: s.whyNoFixes, Run: tui.Do(func() { s.fixes = !s.fixes })},
		{Name: s.fullName(), Keys: []string{"f"}, Footer: 3, Help: "Show every step, also those without effect, or only what the answer rests on.", Run: tui.Do(func() { s.full = !s.full; s.draw() })},
		{Name: "ask again", Keys: []string{"r", "ctrl+r"}, Footer: 4, Help: "Ask the server again, and explain again.", Run: tui.Do(s.ask)},
		{Name: "copy", Keys: []string{"y"}, Footer: 6, Help: "Copy the answer in words.", Run: tui.Do(func() { s.host.Copy("the answer", s.trace.Question+": "+s.trace.Summary) })},
	}
	if s.spec.Tuples != nil {
		acts = append(acts, tui.Action{Name: "open tuples", Keys: []string{"o"}, Footer: 5, Help: "Show the relation tuples of the step under the cursor.", Why: s.whyNoTuples, Run: tui.Do(s.openTuples)})
	}
	if s.fixes {
		return append(acts,
			tui.Action{Name: "up", Keys: []string{"up", "k"}, Help: "One fix up.", Run: tui.Do(func() { s.fix = max(0, s.fix-1) })},
			tui.Action{Name: "down", Keys: []string{"down", "j"}, Help: "One fix down.", Run: tui.Do(func() { s.fix = min(len(s.trace.Fixes)-1, s.fix+1) })})
	}
	return append(acts, tui.TreeActions(&s.tree, nil)...)
}

func (s *Why) fullName() string {
	if s.full {
		return "only what counts"
	}
	return "full tree"
}

func (s *Why) whyNoFixes() string {
	switch {
	case len(s.trace.Fixes) > 0:
		return ""
	case s.trace.Verdict == access.Allowed:
		return "it is allowed: there is nothing to fix"
	default:
		return "no small change was found that would allow it"
	}
}

func (s *Why) whyNoFix() string {
	if why := s.whyNoFixes(); why != "" {
		return why
	}
	if s.spec.Keto == nil {
		return "nothing can be written here"
	}
	return ""
}

// step is the object and relation of the step under the cursor.
func (s *Why) step() (tuple.Query, bool) {
	n := s.tree.Current()
	if n == nil {
		return tuple.Query{}, false
	}
	label, _, _ := strings.Cut(n.Key, " ") // "Doc:a#parents →"
	q, err := tuple.ParseQuery(label)
	return tuple.Query{Namespace: q.Namespace, Object: q.Object}, err == nil && q.Namespace != nil && q.Object != nil
}

func (s *Why) whyNoTuples() string {
	if _, ok := s.step(); !ok {
		return "this step is about no object"
	}
	return ""
}

func (s *Why) openTuples() {
	if q, ok := s.step(); ok {
		s.host.Push(s.spec.Tuples(q))
	}
}

// apply shows a fix, writes it in one transaction, asks again, and offers the way back.
func (s *Why) apply() {
	fix := s.trace.Fixes[s.fix]
	edits, lines := make([]keto.Edit, len(fix.Writes)), make([]string, len(fix.Writes))
	for i, w := range fix.Writes {
		edits[i] = keto.Edit{Op: keto.Insert, Tuple: w.What()}
		lines[i] = "+ " + w.What().String()
		if w.Op == access.OpRemove {
			edits[i].Op, lines[i] = keto.Delete, "- "+w.What().String()
		}
	}
	if fix.Unblocks {
		lines = append(lines, "This removes what was meant to deny.")
	}
	what := "fix " + s.trace.Question
	s.host.Confirm(tui.Question{Title: "Apply this fix?", Lines: lines, Verb: "apply", Yes: func() {
		tui.Write(s.host, &s.write, what, 0, func(ctx context.Context) (keto.Applied, error) { return s.spec.Keto.Apply(ctx, edits) },
			func(done keto.Applied, err error) {
				s.ask()
				if err != nil {
					s.host.Fail(err)
					return
				}
				s.host.Toast(fmt.Sprintf("applied: %s · u undoes it", count(done.Changed(), "change")))
				s.host.Undo(tui.Undo{What: what, Lines: undoLines(done), Then: s.ask,
					Run: func(ctx context.Context) error { _, err := s.spec.Keto.Undo(ctx, done); return err }})
			})
	}})
}

// undoLines say what taking a write back writes.
func undoLines(done keto.Applied) []string {
	lines := make([]string, 0, len(done.Edits))
	for _, e := range done.Edits {
		switch {
		case !e.Changed():
		case e.Op == keto.Insert:
			lines = append(lines, "- "+e.Tuple.String())
		default:
			lines = append(lines, "+ "+e.Tuple.String())
		}
	}
	return lines
}

// View is the verdict, the sentence, the tree, and below it what nearly was and what
// would help.
func (s *Why) View(w, h int) string {
	th := s.host.Env().Theme
	if !s.asked {
		return th.Dim.Render(clean.Line("… asking why   "+s.spec.Question.String(), w))
	}
	head, foot := s.viewHead(th, w), s.viewFoot(th, w)
	if room := h - len(head) - 2; len(foot) > max(0, room/2) {
		foot = foot[:max(0, room/2)]
	}
	lines := append(head, "")
	if room := h - len(lines) - len(foot) - 1; room > 0 && (s.trace.Proof != nil || s.trace.Tree != nil) {
		lines = append(lines, strings.Split(s.tree.View(th, w, room), "\n")...)
	}
	if len(foot) > 0 {
		for len(lines) < h-len(foot) {
			lines = append(lines, "")
		}
		lines = append(lines, foot...)
	}
	return strings.Join(lines[:min(len(lines), max(0, h))], "\n")
}

func (s *Why) viewHead(th *theme.Theme, w int) []string {
	t := s.trace
	words := map[access.Verdict]string{access.Allowed: "ALLOWED", access.Denied: "DENIED"}[t.Verdict]
	if words == "" {
		words = "COULD NOT TELL"
	}
	says := ""
	switch {
	case t.Agrees != nil && *t.Agrees:
		says = "keto says so too"
	case t.Agrees != nil:
		says = "✗ THE EXPLANATION DOES NOT MATCH KETO'S ANSWER"
	}
	title := t.Verdict.Mark() + " " + words
	lines := []string{th.Tone(whyTone(t.Verdict)).Render(title) + "  " + clean.Line(t.Question, max(1, w-len(title)-len(says)-4)) + "  " + th.Dim.Render(clean.Line(says, max(1, min(len(says)+1, w/2))))}
	lines = append(lines, wrapWords(t.Summary, w-2, 3)...)
	if s.err != nil {
		f := s.host.Env().Explain(s.err)
		lines = append(lines, th.Bad.Render(clean.Line("  "+f.Why+"; "+f.Hint, w)))
	}
	for _, l := range wrapWords(t.Hint, w-2, 2) {
		lines = append(lines, th.Dim.Render(l))
	}
	if t.OrderDependent {
		lines = append(lines, th.Dim.Render(clean.Line("  Keto may answer otherwise the next time: the answer hangs on the order of its rows.", w)))
	}
	return lines
}

func (s *Why) viewFoot(th *theme.Theme, w int) []string {
	var out []string
	for _, n := range s.trace.NearMisses {
		out = append(out, th.Accent.Render("Almost  ")+clean.Line(n.Summary, max(1, w-8)))
	}
	for i, f := range s.trace.Fixes {
		if i == 0 {
			out = append(out, th.Strong.Render("Fixes"))
		}
		note := "nothing else"
		switch {
		case f.Unblocks:
			note = "removes a block"
		case f.AlsoGrants > 0:
			note = "also reaches " + count(f.AlsoGrants, "other object")
		}
		lead, text := "  ", clean.Line(fmt.Sprintf("%d  %s", i+1, fixWrites(f)), max(1, w-4-len(note)))
		if s.fixes && i == s.fix {
			lead, text = th.Accent.Render(theme.MarkCursor)+" ", th.Selected.Render(text)
		}
		out = append(out, lead+text+"  "+th.Dim.Render(clean.Line(note, max(1, w/3))))
	}
	return out
}

// fixWrites are the writes of a fix as text; what they reach stands beside it.
func fixWrites(f access.Fix) string {
	var words []string
	for _, w := range f.Writes {
		words = append(words, string(w.Op)+" "+w.What().String())
	}
	return strings.Join(words, ", ")
}

// wrapWords breaks a sentence into at most most lines of w cells, indented by two.
func wrapWords(text string, w, most int) []string {
	var out []string
	line := ""
	for _, word := range strings.Fields(clean.Line(text, 0)) {
		if line != "" && widget.Width(line)+1+widget.Width(word) > max(1, w) {
			out = append(out, "  "+line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	if line != "" {
		out = append(out, "  "+line)
	}
	if len(out) > most {
		out = append(out[:most-1], clean.Line(strings.Join(out[most-1:], " "), max(1, w)))
	}
	return out
}
