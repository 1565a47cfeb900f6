package screens

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
	"gatehouse/tui/widget"
)

// ketoStub is a Keto in memory. It stores what it is told, as the real one does,
// copies and nonsense included, and can be told to fail.
type ketoStub struct {
	mu    sync.Mutex
	rows  []tuple.Tuple
	ns    []string
	fail  error
	asked []string
	allow func(tuple.Tuple) bool
}

func (k *ketoStub) List(_ context.Context, q tuple.Query, cursor string) (clients.Page[tuple.Tuple], error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return clients.Page[tuple.Tuple]{}, k.fail
	}
	k.asked = append(k.asked, "list "+q.String())
	page := clients.Page[tuple.Tuple]{Total: -1}
	for _, t := range k.rows {
		if q.Matches(t) {
			page.Items = append(page.Items, t)
		}
	}
	return page, nil
}

func (k *ketoStub) Apply(_ context.Context, edits []keto.Edit) (keto.Applied, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return keto.Applied{}, k.fail
	}
	var done keto.Applied
	for _, e := range edits {
		d := keto.Done{Edit: e}
		for _, t := range k.rows {
			if t.Equal(e.Tuple) {
				d.Before++
			}
		}
		d.After = d.Before
		switch {
		case e.Op == keto.Insert && d.Before == 0:
			k.rows = append(k.rows, e.Tuple)
			d.After = 1
		case e.Op == keto.Delete:
			k.rows = slices.DeleteFunc(k.rows, e.Tuple.Equal)
			d.After = 0
		}
		done.Edits = append(done.Edits, d)
	}
	return done, nil
}

func (k *ketoStub) Undo(ctx context.Context, done keto.Applied) (keto.Applied, error) {
	var back []keto.Edit
	for _, d := range done.Edits {
		op := keto.Insert
		if d.Op == keto.Insert {
			op = keto.Delete
		}
		back = append(back, keto.Edit{Op: op, Tuple: d.Tuple})
	}
	return k.Apply(ctx, back)
}

func (k *ketoStub) Check(_ context.Context, t tuple.Tuple, _ int) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, t.String())
	return k.allow != nil && k.allow(t), k.fail
}

func (k *ketoStub) Namespaces(context.Context) ([]string, error) { return k.ns, k.fail }

func (k *ketoStub) texts() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for _, t := range k.rows {
		out = append(out, t.String())
	}
	slices.Sort(out)
	return out
}

func (k *ketoStub) set(fail error) { k.mu.Lock(); k.fail = fail; k.mu.Unlock() }

func mustTuples(t testing.TB, texts ...string) []tuple.Tuple {
	t.Helper()
	var out []tuple.Tuple
	for _, s := range texts {
		v, err := tuple.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

const screenModel = `
class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Doc implements Namespace {
  related: { viewers: (User | SubjectSet<Group, "members">)[] }
  permits = { view: (ctx: Context): boolean => this.related.viewers.includes(ctx.subject) }
}`

func screenWords(t testing.TB) *Vocabulary {
	t.Helper()
	m, errs := opl.Parse("model.ts", screenModel)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	v := NewVocabulary()
	v.SetModel(m)
	return v
}

// explainProblem is what cmd gives the shell: a client's problem in words.
func explainProblem(err error) tui.Failure {
	var p *clients.Problem
	if errors.As(err, &p) {
		return tui.Failure{Kind: string(p.Kind), What: p.Op, Why: p.Reason, Hint: p.Hint}
	}
	return tui.Failure{Kind: string(clients.KindOf(err)), Why: err.Error()}
}

func consoleOn(s tui.Screen) *tui.App {
	return tui.New(context.Background(), tui.Options{Context: "dev", Root: s, Explain: explainProblem})
}

func eventually(t testing.TB, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not become so")
		}
	}
}

func TestTuplesAddRemoveUndo(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@Group:finance#members", "Group:finance#members@carla", "Group:finance#members@carla", "Doc:q3#owner@ann")}
	s := tuitest.Open(t, consoleOn(NewTuples(TuplesSpec{Keto: k, Words: screenWords(t)})), tuitest.Size(120, 30))
	s.Want("Doc", "Group:finance#members", "stored 2 times", "no effect") // a copy is one line; owner is not declared

	s.Press("a")
	s.Want("relation tuple")
	s.Press("ctrl+u")
	s.Type("Doc:q3#view@ann")
	s.Press("enter")
	s.Want("is a permission of Doc") // Keto would have stored it
	s.Press("ctrl+u")
	s.Type("Doc:q3#viewers@ann")
	s.Press("enter")
	s.Want("Add this relation tuple?", "+ Doc:q3#viewers@ann")
	s.Press("y")
	s.Want("added Doc:q3#viewers@ann")
	want := []string{"Doc:q3#owner@ann", "Doc:q3#viewers@Group:finance#members", "Doc:q3#viewers@ann", "Group:finance#members@carla", "Group:finance#members@carla"}
	if got := k.texts(); !slices.Equal(got, want) {
		t.Fatalf("stored %q", got)
	}
	s.Press("u")
	s.Want("- Doc:q3#viewers@ann")
	s.Press("y")
	s.WantNot("- Doc:q3#viewers@ann")
	eventually(t, func() bool { return !slices.Contains(k.texts(), "Doc:q3#viewers@ann") })

	s.Type("/carla")
	s.Press("enter", "x")
	s.Want("Remove 1 relation tuple?", "all 2 copies")
	s.Press("y")
	s.Want("removed 1 relation tuple")
	if got := k.texts(); slices.Contains(got, "Group:finance#members@carla") {
		t.Fatalf("stored %q", got)
	}
}

func TestTuplesAddTwice(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@ann")}
	s := tuitest.Open(t, consoleOn(NewTuples(TuplesSpec{Keto: k, Words: screenWords(t)})))
	s.Want("viewers")
	s.Press("a", "ctrl+u")
	s.Type("Doc:q3#viewers@ann")
	s.Press("enter", "y")
	s.Want("stored already", "Doc:q3#viewers@ann") // and what was typed is still there
	if got := k.texts(); len(got) != 1 {
		t.Fatalf("stored %q", got)
	}
}

func TestTuplesSearchAsksTheServer(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@ann", "Doc:q4#viewers@ben", "Group:g#members@ben")}
	s := tuitest.Open(t, consoleOn(NewTuples(TuplesSpec{Keto: k})))
	s.Want("q3", "q4")
	s.Press("f")
	s.Type("Doc:@ben")
	s.Press("enter")
	s.Want("q4")
	s.WantNot("q3")
	if !slices.Contains(k.asked, "list Doc:@ben") {
		t.Errorf("asked %q", k.asked)
	}
}

func TestTuplesStates(t *testing.T) {
	k := &ketoStub{}
	s := tuitest.Open(t, consoleOn(NewTuples(TuplesSpec{Keto: k})))
	s.Want("Keto holds no relation tuples. a adds one.")
	k.set(&clients.Problem{Kind: clients.Unreachable, Op: "list relation tuples", Reason: "keto refused the connection", Hint: "is it running?"})
	s.Press("ctrl+r")
	s.Want("keto refused the connection")
}

func TestTuplesReadOnly(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@ann")}
	app := tui.New(context.Background(), tui.Options{Context: "prod", ReadOnly: true, Root: NewTuples(TuplesSpec{Keto: k})})
	s := tuitest.Open(t, app)
	s.Want("viewers")
	s.Press("x")
	s.Want("read-only")
	s.Press("a")
	s.Want("read-only")
	if len(k.texts()) != 1 {
		t.Error("something was written")
	}
}

func TestVocabulary(t *testing.T) {
	v := screenWords(t)
	v.Learn(mustTuples(t, "Doc:q3-report#viewers@Group:finance#members", "Group:finance#members@carla"))
	values := func(text string, question bool) string {
		var out []string
		for _, c := range v.Complete(text, question) {
			out = append(out, c.Value)
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		text     string
		question bool
		want     string
	}{
		{"D", true, "Doc:"},
		{"Doc:rep", true, "Doc:q3-report#"},
		{"Doc:q3-report#", true, "Doc:q3-report#viewers@ Doc:q3-report#view@"},
		{"Doc:q3-report#", false, "Doc:q3-report#viewers@"},
		{"Doc:q3-report#viewers@ca", true, "Doc:q3-report#viewers@carla"},
		{"Doc:q3-report#viewers@Group:f", true, "Doc:q3-report#viewers@Group:finance#"},
	} {
		if got := values(c.text, c.question); got != c.want {
			t.Errorf("%q (question %v) gives %q, want %q", c.text, c.question, got, c.want)
		}
	}
	if (*Vocabulary)(nil).Complete("D", true) != nil || (*Vocabulary)(nil).Model() != nil {
		t.Error("nobody knows something")
	}
}

func TestPeople(t *testing.T) {
	var asked [][]string
	fail := errors.New("down")
	p := NewPeople(func(_ context.Context, ids []string) (map[string]string, error) {
		asked = append(asked, ids)
		return map[string]string{ann: "Ann Okafor"}, fail
	})
	p.Learn(context.Background(), []string{ann})
	if p.Name(ann) != "" {
		t.Error("a failed look-up gave a name")
	}
	fail = nil
	p.Learn(context.Background(), []string{ann, ann, nobody, "ben"})
	p.Learn(context.Background(), []string{ann, nobody})
	if p.Name(ann) != "Ann Okafor" || p.Name(nobody) != "" {
		t.Error("wrong names")
	}
	if len(asked) != 2 || !slices.Equal(asked[1], []string{ann, nobody}) {
		t.Errorf("asked %q: an id is asked once, and only if it can be one", asked)
	}
	(*People)(nil).Learn(context.Background(), []string{ann})
}

const (
	ann    = "8f1c0000-0000-4000-8000-0000000000e2"
	nobody = "00000000-0000-4000-8000-000000000000"
)

func TestSweepOfAskingScreens(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@ann"), ns: []string{"Doc"}}
	words := screenWords(t)
	complete := func(s string) []widget.Completion { return words.Complete(s, true) }
	for name, make := range map[string]func() tui.Screen{
		"tuples": func() tui.Screen { return NewTuples(TuplesSpec{Keto: k, Words: words}) },
		"check":  func() tui.Screen { return NewCheck(CheckSpec{Keto: k, Complete: complete}) },
		"asked":  func() tui.Screen { return NewCheck(CheckSpec{Keto: k, Question: "Doc:q3#view@ann"}) },
		"ticket": func() tui.Screen { return NewTicket(Ticket{ID: "1", Title: "Ann", System: "keto"}, TicketLinks{}) },
		"home":   func() tui.Screen { return NewHome(homeSpec(k)) },
		"empty":  func() tui.Screen { return NewHome(HomeSpec{}) },
	} {
		t.Run(name, func(t *testing.T) { tuitest.Sweep(t, func() tea.Model { return consoleOn(make()) }) })
	}
}
