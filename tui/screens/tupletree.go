package screens

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// TupleTree shows who is in a subject set: the subjects of its tuples, and beneath those
// that are sets themselves who is in them, one level after the other as they are opened
// and page by page. Keto's own expansion sends all at once, in no pages.
type TupleTree struct {
	spec TuplesSpec
	host tui.Host
	root *setNode
	tree widget.Tree
}

// setNode is a subject set in the tree, or a line that says something about one.
type setNode struct {
	set    tuple.Set
	up     *setNode
	kids   []setKid
	seen   map[string]int // where a subject stands among kids
	job    tui.Job
	next   string
	read   bool
	cycle  bool
	says   bool // the line stands for what is left of up
	closed bool
}

// setKid is one subject of a set.
type setKid struct {
	subject tuple.Subject
	copies  int
	node    *setNode // of a subject that is a set
}

// NewTupleTree makes the screen.
func NewTupleTree(spec TuplesSpec, set tuple.Set) *TupleTree {
	return &TupleTree{spec: spec, root: &setNode{set: set}}
}

// Title is the crumb.
func (s *TupleTree) Title() string { return "expand " + s.root.set.String() }

// Init reads the first page.
func (s *TupleTree) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.read(s.root)
	return nil
}

// Typing is never true here.
func (s *TupleTree) Typing() bool { return false }

// Close has nothing to do: the shell cancels the jobs.
func (s *TupleTree) Close() {}

// Update takes the mouse.
func (s *TupleTree) Update(msg tea.Msg) tea.Cmd {
	tui.TreeMouse(&s.tree, msg, 2)
	return nil
}

// read reads the next page of a set.
func (s *TupleTree) read(n *setNode) {
	k, people, set, cursor := s.spec.Keto, s.spec.People, n.set, n.next
	q := tuple.Query{Namespace: &set.Namespace, Object: &set.Object, Relation: &set.Relation}
	tui.Go(s.host, &n.job, sheetTimeout, func(ctx context.Context) (clients.Page[tuple.Tuple], error) {
		page, err := k.List(ctx, q, cursor)
		ids := make([]string, 0, len(page.Items))
		for _, t := range page.Items {
			ids = append(ids, t.Subject.ID)
		}
		people.Learn(ctx, ids)
		return page, err
	}, func(page clients.Page[tuple.Tuple], err error) {
		if err == nil {
			n.take(page)
		}
		s.draw()
	})
	s.draw()
}

// take adds a page of subjects; one that is stored twice is one line.
func (n *setNode) take(page clients.Page[tuple.Tuple]) {
	if n.seen == nil {
		n.seen = map[string]int{}
	}
	for _, t := range page.Items {
		key := t.Subject.String()
		if at, old := n.seen[key]; old {
			n.kids[at].copies++
			continue
		}
		n.seen[key] = len(n.kids)
		kid := setKid{subject: t.Subject, copies: 1}
		if t.Subject.Set != nil && t.Subject.Set.Relation != "" {
			kid.node = &setNode{set: *t.Subject.Set, up: n}
			for up := n; up != nil; up = up.up {
				kid.node.cycle = kid.node.cycle || up.set == kid.node.set
			}
		}
		n.kids = append(n.kids, kid)
	}
	n.next, n.read = page.Next, true
}

// draw makes the lines.
func (s *TupleTree) draw() { s.tree.Set(s.lines(s.root, "t")...) }

func (s *TupleTree) lines(n *setNode, id string) []*widget.Node {
	var out []*widget.Node
	for i, k := range n.kids {
		line := &widget.Node{ID: fmt.Sprintf("%s/%d", id, i), Label: k.subject.String(), Data: k.node, Key: k.subject.String()}
		var notes []string
		if name := s.spec.People.Name(k.subject.ID); name != "" {
			notes = append(notes, name)
		}
		if k.copies > 1 {
			notes = append(notes, fmt.Sprintf("stored %d times", k.copies))
		}
		if c := k.node; c != nil {
			switch {
			case c.cycle:
				notes = append(notes, "stands above already: a circle")
			default:
				line.Children = s.lines(c, line.ID)
				line.Lazy = !c.read && !c.job.Busy()
				if c.read && len(c.kids) == 0 {
					notes = append(notes, "nobody is in it")
				}
			}
		}
		line.Note = strings.Join(notes, " · ")
		out = append(out, line)
	}
	if says := n.rest(s.host.Env()); says != "" && n != s.root || says != "" && len(n.kids) > 0 {
		out = append(out, &widget.Node{ID: fmt.Sprint(id, "/rest", n.job.Busy()), Label: says, Tone: theme.Dim, Data: &setNode{up: n, says: true}})
	}
	return out
}

// rest is what is to be said behind the last subject, or empty.
func (n *setNode) rest(env *tui.Env) string {
	switch err := n.job.Err(); {
	case n.job.Busy():
		return "reading…"
	case err != nil && !clients.Is(err, clients.Canceled):
		return theme.MarkUnknown + " not all could be read: " + env.Explain(err).Why + " · ⏎ tries again"
	case n.read && n.next != "":
		return "… there are more: ⏎ reads on"
	}
	return ""
}

// at is the set of the line under the cursor, nil for a bare subject.
func (s *TupleTree) at() *setNode {
	line := s.tree.Current()
	if line == nil {
		return nil
	}
	n, _ := line.Data.(*setNode)
	return n
}

// Actions are what can be done here.
func (s *TupleTree) Actions() []tui.Action {
	acts := []tui.Action{
		{Name: "open", Keys: []string{"enter"}, Footer: 1, Help: "Open the set under the cursor, or read on.", Why: s.whyNotOpen, Run: tui.Do(s.enter)},
		{Name: "copy", Keys: []string{"y"}, Footer: 4, Help: "Copy the subject.", Why: s.whyNoLine, Run: tui.Do(func() { s.host.Copy("the subject", s.tree.Current().Key) })},
		{Name: "tuples", Keys: []string{"t"}, Footer: 2, Help: "List the relation tuples of the set under the cursor.", Why: s.whyNoSet, Run: tui.Do(func() {
			set := s.at().set
			next := s.spec
			next.Query = tuple.Query{Namespace: &set.Namespace, Object: &set.Object, Relation: &set.Relation}
			s.host.Push(NewTuples(next))
		})},
		{Name: "reload", Keys: []string{"ctrl+r"}, Group: "Move", Help: "Read it again from the start.", Run: tui.Do(func() {
			s.root = &setNode{set: s.root.set}
			s.read(s.root)
		})},
	}
	if s.spec.WhoCan != nil {
		acts = append(acts, tui.Action{Name: "who can", Keys: []string{"W"}, Footer: 3, Help: "Show everybody who has this relation, through the rules of the model too.", Run: tui.Do(func() { s.host.Push(s.spec.WhoCan(s.root.set)) })})
	}
	return append(acts, tui.TreeActions(&s.tree, s.load)...)
}

func (s *TupleTree) whyNoLine() string {
	if line := s.tree.Current(); line == nil || line.Key == "" {
		return "there is nothing to copy here"
	}
	return ""
}

func (s *TupleTree) whyNoSet() string {
	if n := s.at(); n == nil || n.says {
		return "this is no subject set"
	}
	return ""
}

func (s *TupleTree) whyNotOpen() string {
	switch n := s.at(); {
	case n == nil:
		return "this subject is nobody else's set: there is nothing beneath it"
	case n.cycle:
		return "it stands above already: opening it would go round in a circle"
	}
	return ""
}

func (s *TupleTree) enter() {
	n := s.at()
	if n.says {
		if !n.up.job.Busy() {
			s.read(n.up)
		}
		return
	}
	if line := s.tree.Toggle(); line != nil {
		s.load(line)
	}
}

// load reads what is in a set that was opened.
func (s *TupleTree) load(line *widget.Node) {
	if n, ok := line.Data.(*setNode); ok && n != nil && !n.says && !n.cycle && !n.read && !n.job.Busy() {
		s.read(n)
	}
}

// View is the sentence and the tree.
func (s *TupleTree) View(w, h int) string {
	th := s.host.Env().Theme
	lines := []string{th.Strong.Render(clean.Line(s.sentence(), w)), ""}
	if room := h - len(lines); room > 0 && s.tree.Len() > 0 {
		lines = append(lines, strings.Split(s.tree.View(th, w, room), "\n")...)
	}
	if s.tree.Len() == 0 {
		lines = append(lines, widget.Wrap(s.empty(), max(1, w))...)
	}
	return strings.Join(lines[:min(len(lines), max(0, h))], "\n")
}

func (s *TupleTree) sentence() string {
	if !s.root.read {
		return "Who is in " + s.root.set.String() + "?"
	}
	n := countOf(len(s.root.kids), "subject")
	if s.root.next != "" {
		n = "at least " + n
	}
	return s.root.set.String() + " has " + n + " stored directly"
}

func (s *TupleTree) empty() string {
	switch err := s.root.job.Err(); {
	case s.root.job.Busy():
		return "reading…"
	case err != nil:
		return theme.MarkDenied + " " + s.host.Env().Explain(err).String() + "\n^r tries again"
	case !s.root.read:
		return "not read; ^r reads it"
	}
	if m := s.spec.Words.Model(); m != nil {
		for _, ns := range m.Namespaces {
			for _, r := range ns.Relations {
				if ns.Name == s.root.set.Namespace && r.Name == s.root.set.Relation && r.IsPermission {
					return "No relation tuple is stored on it: " + r.Name + " is a permission, which the rules of the model decide. W shows who has it."
				}
			}
		}
	}
	return "No relation tuple is stored on it, so that nobody is in it."
}
