package screens

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// TuplesKeto is what the relation tuples need of Keto.
type TuplesKeto interface {
	List(ctx context.Context, q tuple.Query, cursor string) (clients.Page[tuple.Tuple], error)
	Apply(ctx context.Context, edits []keto.Edit) (keto.Applied, error)
	Undo(ctx context.Context, done keto.Applied) (keto.Applied, error)
}

// TuplesSpec is what the list of relation tuples is made of. Only Keto is needed.
type TuplesSpec struct {
	Keto  TuplesKeto
	Query tuple.Query // what is shown; zero is everything
	// Words completes and checks what is typed; nil knows nothing.
	Words  *Vocabulary
	People *People
	// Check and Why open a question, Person opens an identity by its id; nil where
	// there is none.
	Check  func(q tuple.Tuple) tui.Screen
	Why    func(q tuple.Tuple) tui.Screen
	Person func(id string) tui.Screen
	// Bulk imports, exports and deletes many at once; nil where nothing of the kind is
	// offered.
	Bulk TuplesBulkKeto
	// WhoCan, WhatCan and Matrix ask in reverse; nil where there is none.
	WhoCan  func(of tuple.Set) tui.Screen
	WhatCan func(sub tuple.Subject) tui.Screen
	Matrix  func(namespace, object string) tui.Screen
}

// Tuples is the list of relation tuples.
type Tuples struct {
	spec   TuplesSpec
	copies tupleCopies
	write  tui.Job
}

// NewTuples makes the screen.
func NewTuples(spec TuplesSpec) *tui.List[tuple.Tuple] {
	t := &Tuples{spec: spec}
	title := "tuples"
	if !spec.Query.IsZero() {
		title += " " + spec.Query.String()
	}
	return tui.NewList(tui.Spec[tuple.Tuple]{
		Title: title,
		ID:    tuple.Tuple.Key,
		Columns: []tui.Column[tuple.Tuple]{
			{Title: "NAMESPACE", Width: 11, Cell: func(v tuple.Tuple) string { return v.Namespace }, Less: func(a, b tuple.Tuple) int { return cmp.Compare(a.Namespace, b.Namespace) }},
			{Title: "OBJECT", Width: 20, Flex: 2, Cell: func(v tuple.Tuple) string { return v.Object }, Less: func(a, b tuple.Tuple) int { return cmp.Compare(a.Object, b.Object) }},
			{Title: "RELATION", Width: 12, Cell: func(v tuple.Tuple) string { return v.Relation }, Less: func(a, b tuple.Tuple) int { return cmp.Compare(a.Relation, b.Relation) }},
			{Title: "SUBJECT", Width: 24, Flex: 3, Cell: func(v tuple.Tuple) string { return v.Subject.String() }, Less: func(a, b tuple.Tuple) int { return cmp.Compare(a.Subject.String(), b.Subject.String()) }},
			{Title: "WHO", Width: 18, Flex: 1, Drop: 2, Cell: func(v tuple.Tuple) string { return spec.People.Name(v.Subject.ID) }},
			{Title: "NOTE", Width: 14, Drop: 1, Cell: t.note},
		},
		Fetch:      t.fetch(spec.Query),
		Search:     t.search,
		SearchHint: "any parts of namespace:object#relation@subject",
		Text:       func(v tuple.Tuple) string { return spec.People.Name(v.Subject.ID) },
		Value:      func(v tuple.Tuple) any { return v },
		Empty:      t.empty(),
		Actions:    t.actions,
		Open:       t.open,
	})
}

func (t *Tuples) empty() string {
	if t.spec.Query.IsZero() {
		return "Keto holds no relation tuples. a adds one."
	}
	return "No relation tuple matches " + t.spec.Query.String() + ". Names are case-sensitive; a adds one."
}

// note says what is odd about a tuple.
func (t *Tuples) note(v tuple.Tuple) string {
	if n := t.copies.of(v); n > 1 {
		return fmt.Sprintf("stored %d times", n)
	}
	if m := t.spec.Words.Model(); m != nil {
		if err := m.CanBeWritten(v); err != nil {
			return "⚠ no effect"
		}
	}
	return ""
}

func (t *Tuples) fetch(q tuple.Query) tui.Fetch[tuple.Tuple] {
	return func(ctx context.Context, cursor string) (tui.Page[tuple.Tuple], error) {
		if cursor == "" {
			t.copies.reset()
		}
		page, err := t.spec.Keto.List(ctx, q, cursor)
		if err != nil {
			return tui.Page[tuple.Tuple]{}, err
		}
		items := t.copies.distinct(page.Items)
		ids := make([]string, 0, len(items))
		for _, v := range items {
			ids = append(ids, v.Subject.ID)
		}
		t.spec.People.Learn(ctx, ids)
		t.spec.Words.Learn(items)
		if len(items) == 0 && page.Next != "" { // a page of nothing but copies is not the end
			return t.fetch(q)(ctx, page.Next)
		}
		return tui.Page[tuple.Tuple]{Items: items, Next: page.Next, Total: page.Total}, nil
	}
}

func (t *Tuples) search(ctx context.Context, text, cursor string) (tui.Page[tuple.Tuple], error) {
	q, err := tuple.ParseQuery(text)
	if err != nil {
		return tui.Page[tuple.Tuple]{}, &clients.Problem{Kind: clients.Invalid, Op: "filter relation tuples", Reason: err.Error()}
	}
	return t.fetch(q)(ctx, cursor)
}

// open goes deeper: into the set that is the subject, or to the person.
func (t *Tuples) open(v tuple.Tuple) tui.Screen {
	if s := v.Subject.Set; s != nil {
		next := t.spec
		next.Query = tuple.Query{Namespace: &s.Namespace, Object: &s.Object}
		if s.Relation != "" {
			next.Query.Relation = &s.Relation
		}
		return NewTuples(next)
	}
	if t.spec.Person != nil && isUUID(v.Subject.ID) {
		return t.spec.Person(v.Subject.ID)
	}
	next := t.spec
	next.Query = tuple.Query{Subject: &v.Subject}
	return NewTuples(next)
}

func (t *Tuples) actions(l *tui.List[tuple.Tuple]) []tui.Action {
	acts := []tui.Action{
		{Name: "add", Keys: []string{"a"}, Footer: 3, Mutates: true, Help: "Add a relation tuple.", Run: tui.Do(func() { l.Push(t.addForm(l)) })},
		{Name: "remove", Keys: []string{"x", "delete"}, Footer: 4, Mutates: true, Help: "Remove the marked relation tuples, or the one under the cursor.", Why: l.NeedRow, Run: tui.Do(func() { t.remove(l) })},
	}
	jump := func(name, key, help string, footer int, to func(tuple.Tuple) tui.Screen) {
		if to != nil {
			acts = append(acts, tui.Action{Name: name, Keys: []string{key}, Footer: footer, Help: help, Why: l.NeedRow, Run: tui.Do(func() {
				if v, ok := l.Current(); ok {
					l.Push(to(v))
				}
			})})
		}
	}
	acts = append(acts, t.bulkActions(l)...)
	jump("expand", "e", "Show who is in object#relation as a tree, one level after the other.", 0, func(v tuple.Tuple) tui.Screen { return NewTupleTree(t.spec, leftOf(v)) })
	jump("check", "c", "Ask Keto whether this subject has this relation.", 5, t.spec.Check)
	jump("why", "w", "Explain why this subject has or has not this relation.", 6, t.spec.Why)
	if t.spec.WhoCan != nil {
		jump("who can", "W", "Show everybody who has this relation on this object.", 7, func(v tuple.Tuple) tui.Screen { return t.spec.WhoCan(leftOf(v)) })
	}
	if t.spec.WhatCan != nil {
		jump("what can", "R", "Show everything that this subject can do.", 0, func(v tuple.Tuple) tui.Screen { return t.spec.WhatCan(v.Subject) })
	}
	if t.spec.Matrix != nil {
		jump("matrix", "M", "Show who can do what with this object.", 0, func(v tuple.Tuple) tui.Screen { return t.spec.Matrix(v.Namespace, v.Object) })
	}
	return acts
}

// addForm takes a tuple as text, completes it from the model, refuses what Keto
// would store although it cannot work, and shows the write before it is done.
func (t *Tuples) addForm(l *tui.List[tuple.Tuple]) tui.Screen {
	var applied keto.Applied
	lead := "namespace:object#relation@subject, or the tuple as JSON"
	if t.spec.Words.Model() == nil {
		lead += " · the model is not known here (set keto.opl), so relations are not checked"
	}
	return tui.NewForm(tui.FormSpec{
		Title: "add",
		Lead:  lead,
		Fields: []tui.FormField{{Name: "tuple", Label: "relation tuple", Required: true, Value: t.start(l),
			Complete: func(text string) []widget.Completion { return t.spec.Words.Complete(text, false) },
			Check:    t.complain,
			Help:     "the subject is an id, or a subject set such as Group:finance#members"}},
		What: "add the relation tuple",
		Review: func(values map[string]string) (tui.Question, error) {
			v, err := t.parse(values["tuple"])
			return tui.Question{Title: "Add this relation tuple?", Lines: []string{"+ " + v.String()}, Verb: "add"}, err
		},
		Submit: func(ctx context.Context, values map[string]string) (err error) {
			v, err := t.parse(values["tuple"])
			if err != nil {
				return err
			}
			applied, err = t.spec.Keto.Apply(ctx, []keto.Edit{{Op: keto.Insert, Tuple: v}})
			if err == nil && applied.Changed() == 0 {
				return &clients.Problem{Kind: clients.Conflict, Op: "add " + v.String(), Reason: "this relation tuple is stored already", Hint: "nothing was written"}
			}
			return err
		},
		Done: func(values map[string]string) {
			v, _ := t.parse(values["tuple"])
			t.copies.set(v, 1)
			l.Put(v)
			l.Toast("added " + v.String() + " · u undoes it")
			t.undoable(l, "add "+v.String(), applied)
		},
	})
}

// start is what the form begins with: the parts that the filter fixes.
func (t *Tuples) start(l *tui.List[tuple.Tuple]) string {
	if v, ok := l.Current(); ok && t.spec.Query.IsZero() {
		return v.Namespace + ":"
	}
	q := t.spec.Query
	text := ""
	if q.Namespace != nil {
		text = *q.Namespace + ":"
	}
	if q.Object != nil && q.Namespace != nil {
		text += *q.Object + "#"
	}
	if q.Relation != nil && q.Object != nil && q.Namespace != nil {
		text += *q.Relation + "@"
	}
	return text
}

func (t *Tuples) parse(text string) (v tuple.Tuple, err error) {
	if text = strings.TrimSpace(text); strings.HasPrefix(text, "{") {
		err = v.UnmarshalJSON([]byte(text))
	} else {
		v, err = tuple.Parse(text)
	}
	if err != nil {
		return v, err
	}
	return v, t.spec.Words.Model().CanBeWritten(v)
}

// complain says what is wrong with a tuple while it is typed. What is only not
// finished yet is no mistake.
func (t *Tuples) complain(text string) string {
	_, err := t.parse(text)
	var unfinished *tuple.SyntaxError
	if err == nil || errors.As(err, &unfinished) && unfinished.Offset == len(unfinished.Text) {
		return ""
	}
	return err.Error()
}

func (t *Tuples) remove(l *tui.List[tuple.Tuple]) {
	chosen := l.Selected()
	edits, lines := make([]keto.Edit, len(chosen)), make([]string, len(chosen))
	for i, v := range chosen {
		edits[i], lines[i] = keto.Edit{Op: keto.Delete, Tuple: v}, "- "+v.String()
		if n := t.copies.of(v); n > 1 {
			lines[i] += fmt.Sprintf("   (all %d copies)", n)
		}
	}
	if len(edits) > keto.MaxEdits {
		l.Fail(&clients.Problem{Kind: clients.Invalid, Op: "remove relation tuples", Reason: fmt.Sprintf("%d are marked, and one transaction takes %d", len(edits), keto.MaxEdits), Hint: "mark fewer, or use gatehouse tuples rm"})
		return
	}
	what := "remove " + count(len(chosen), "relation tuple")
	l.Confirm(tui.Question{Title: "Remove " + count(len(chosen), "relation tuple") + "?", Lines: lines, Verb: "remove", Yes: func() {
		tui.Write(l, &t.write, what, 0, func(ctx context.Context) (keto.Applied, error) { return t.spec.Keto.Apply(ctx, edits) },
			func(done keto.Applied, err error) {
				if err != nil {
					l.Fail(err)
					if clients.Is(err, clients.UnknownOutcome) {
						l.Reload()
					}
					return
				}
				for _, v := range chosen {
					t.copies.set(v, 0)
					l.Remove(v.Key())
				}
				l.Toast(fmt.Sprintf("removed %s · u undoes it", count(done.Changed(), "relation tuple")))
				t.undoable(l, what, done)
			})
	}})
}

func (t *Tuples) undoable(l *tui.List[tuple.Tuple], what string, done keto.Applied) {
	l.Undo(tui.Undo{What: what, Lines: undoLines(done), Then: l.Reload,
		Run: func(ctx context.Context) error { _, err := t.spec.Keto.Undo(ctx, done); return err }})
}

// tupleCopies counts how often each tuple is stored: Keto stores twice what is
// written twice, and one line with a note is what a person wants to see of it.
// Beyond copiesKept tuples it counts no more, so that memory does not grow with
// what Keto holds.
type tupleCopies struct {
	mu sync.Mutex
	n  map[string]int // only those that were seen
}

const copiesKept = tui.DefaultCap

func (c *tupleCopies) reset() { c.mu.Lock(); c.n = map[string]int{}; c.mu.Unlock() }

func (c *tupleCopies) distinct(ts []tuple.Tuple) []tuple.Tuple {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []tuple.Tuple
	for _, t := range ts {
		if len(c.n) >= copiesKept {
			out = append(out, t)
			continue
		}
		k := t.Key()
		if c.n[k]++; c.n[k] == 1 {
			out = append(out, t)
		}
	}
	return out
}

func (c *tupleCopies) of(t tuple.Tuple) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[t.Key()]
}

func (c *tupleCopies) set(t tuple.Tuple, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[t.Key()] = n
}
