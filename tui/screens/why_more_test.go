package screens

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
	"gatehouse/tui/widget"
)

// whyWhole is Why with everything that it can be given, over the stub's tuples.
func whyWhole(t testing.TB, k *ketoStub, question string) WhySpec {
	t.Helper()
	m, errs := opl.Parse("model.ts", screenModel)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	over := func() (*access.Explainer, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		return &access.Explainer{Tuples: access.NewTuples(slices.Clone(k.rows)), Model: m, Full: true}, k.fail
	}
	spec := WhySpec{
		Keto: k,
		Explain: func(ctx context.Context, q tuple.Tuple) (access.Trace, error) {
			x, err := over()
			if err != nil {
				return access.Trace{Question: q.String(), Verdict: access.Unknown, Summary: "Keto could not be asked."}, err
			}
			tr, err := x.Explain(ctx, access.Asking{Question: q})
			tr.Millis = 0 // stands in the golden
			return tr, err
		},
		WhatIf: func(ctx context.Context, q tuple.Tuple, writes []access.Write) (access.WhatIf, error) {
			x, err := over()
			if err != nil {
				return access.WhatIf{}, err
			}
			w, err := x.WhatIf(ctx, access.Asking{Question: q}, writes)
			w.Millis = 0
			return w, err
		},
		Ask: func(ctx context.Context, q tuple.Tuple) (access.Verdict, error) {
			x, err := over()
			if err != nil {
				return access.Unknown, err
			}
			return access.Evaluate(ctx, x.Tuples.(access.Reader), m, access.Settings{}, q, 0).Verdict, nil
		},
		CanWrite: m.CanBeWritten,
		Tuples:   func(q tuple.Query) tui.Screen { return NewTuples(TuplesSpec{Keto: k, Query: q}) },
		Person: func(s tuple.Subject) tui.Screen {
			return NewTicket(Ticket{ID: s.String(), Title: "the person " + s.String()}, TicketLinks{})
		},
		Source: func(string) string { return screenModel },
	}
	if question != "" {
		spec.Question = mustTuples(t, question)[0]
	}
	return spec
}

var whyRows = []string{"Doc:q3#viewers@Group:finance#members", "Group:finance#members@carla"}

// What if changes nothing until it is applied: the verdict is seen at once, and "apply
// these" makes it true.
func TestWhyWhatIf(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, whyRows...)}
	s := tuitest.Open(t, consoleOn(NewWhy(whyWhole(t, k, "Doc:q3#view@ann"))), tuitest.Size(120, 40))
	s.Want("✗ DENIED")
	before := k.texts()
	s.Press("x", "ctrl+u")
	s.Type("Doc:q3#viewer@ann")
	s.Press("enter")
	s.Want(`declares no relation "viewer"`)
	s.Press("ctrl+u")
	s.Type("+Group:finance#members@ann")
	s.Press("enter")
	s.Want("✗ DENIED → ✓ ALLOWED", "what if: nothing is written", "+ Group:finance#members@ann", "✗→✓ Doc:q3#view", "a apply these")
	if !slices.Equal(k.texts(), before) {
		t.Fatalf("it wrote: %q", k.texts())
	}
	s.Golden("why-what-if")
	s.Press("x", "ctrl+u")
	s.Type("- Doc:q3#viewers@Group:finance#members")
	s.Press("enter")
	s.Want("✗ STILL DENIED", "- Doc:q3#viewers@Group:finance#members")
	s.Press("d")
	s.Want("→ ✓ ALLOWED")
	s.Press("esc")
	s.Want("✗ DENIED", "Fixes")
	s.WantNot("What if")
	s.Press("x", "ctrl+u")
	s.Type("Group:finance#members@ann")
	s.Press("enter")
	s.Want("→ ✓ ALLOWED")
	s.Press("a")
	s.Want("Write these changes?", "+ Group:finance#members@ann")
	s.Press("y")
	s.Want("✓ ALLOWED", "u undoes it")
	s.WantNot("what if:")
	s.Press("u", "y")
	s.Want("✗ DENIED")
	if !slices.Equal(k.texts(), before) {
		t.Errorf("stored %q, before %q", k.texts(), before)
	}
}

// The line begins with what the step under the cursor suggests.
func TestWhyWhatIfSuggests(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, whyRows...)}
	s := tuitest.Open(t, consoleOn(NewWhy(whyWhole(t, k, "Doc:q3#view@ann"))), tuitest.Size(120, 40))
	s.Want("✗ DENIED", "Group:finance#members")
	s.Press("down", "x")
	s.Want("+Group:finance#members@ann")
	s.Press("enter")
	s.Want("✗ DENIED → ✓ ALLOWED")
}

// A write that is refused leaves what was supposed where it was.
func TestWhyWhatIfThatCannotBeWritten(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, whyRows...)}
	s := tuitest.Open(t, consoleOn(NewWhy(whyWhole(t, k, "Doc:q3#view@ann"))), tuitest.Size(120, 40))
	s.Want("✗ DENIED")
	s.Press("x", "ctrl+u")
	s.Type("Group:finance#members@ann")
	s.Press("enter")
	s.Want("→ ✓ ALLOWED")
	k.set(&clients.Problem{Kind: clients.UnknownOutcome, Op: "write relation tuples", Reason: "the answer was lost", Hint: "look before you repeat it"})
	s.Press("a", "y")
	s.Want("the answer was lost")
	s.WantNot("undoes it")
	k.set(nil)
	s.Press("r")
	s.Want("+ Group:finance#members@ann", "a apply these")
}

// Live asks again by itself, and says when the answer changed.
func TestWhyLiveShowsTheChange(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, whyRows...)}
	s := tuitest.Open(t, consoleOn(NewWhy(whyWhole(t, k, "Doc:q3#view@ann"))), tuitest.Size(120, 40), tuitest.Patience(30*time.Second))
	s.Want("✗ DENIED")
	s.Press("L")
	s.Want("live: asked again every 2s")
	k.mu.Lock()
	k.rows = append(k.rows, mustTuples(t, "Group:finance#members@ann")...)
	k.mu.Unlock()
	s.Want("✓ ALLOWED", "it was denied")
	k.set(&clients.Problem{Kind: clients.Unreachable, Op: "check", Reason: "keto refused the connection", Hint: "r asks again"})
	s.Want("? COULD NOT TELL", "keto refused the connection", "This was the answer") // what was known is told as old
	k.set(nil)
	s.Want("✓ ALLOWED")
	s.Press("L")
	s.WantNot("live: asked")
}

// Without a question one is typed; one about a person needs no subject.
func TestWhyTakesAQuestion(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, whyRows...)}
	spec := whyWhole(t, k, "")
	about := tuple.SubjectID("ann")
	spec.About = &about
	spec.Complete = func(text string) []widget.Completion {
		return []widget.Completion{{Value: "Doc:q3#view", Label: "Doc:q3#view"}}
	}
	s := tuitest.Open(t, consoleOn(NewWhy(spec)), tuitest.Size(120, 40))
	s.Want("about ann", "Ask why somebody may")
	s.Type("Doc")
	s.Want("Doc:q3#view")
	s.Press("tab", "enter")
	s.Want("✗ DENIED  Doc:q3#view@ann")
	s.Press("e", "ctrl+u")
	s.Type("nonsense at all")
	s.Press("enter")
	s.Want("is not a relation tuple")
	s.Press("ctrl+u")
	s.Type("Doc:q3#view@carla")
	s.Press("esc", "enter")
	s.Press("e", "ctrl+u")
	s.Type("Doc:q3#view@carla")
	s.Press("enter", "enter")
	s.Want("✓ ALLOWED  Doc:q3#view@carla", "carla is in Group:finance#members, which is in Doc:q3#viewers")
}

// From a step one key leads to its tuples, to the person, and to the rule.
func TestWhyLeadsOn(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, whyRows...)}
	s := tuitest.Open(t, consoleOn(NewWhy(whyWhole(t, k, "Doc:q3#view@ann"))), tuitest.Size(120, 40))
	s.Want("✗ DENIED")
	s.Press("m")
	s.Want("model.ts:6", "class Doc")
	s.Press("esc", "i")
	s.Want("the person ann")
	s.Press("esc", "down", "o")
	s.Want("tuples Group:finance", "carla")
	s.Press("esc", "Y")
	eventually(t, func() bool {
		return strings.Contains(s.Clipboard(), "fix 1  add Doc:q3#viewers@ann") && strings.Contains(s.Clipboard(), "✗ Group:finance#members")
	})
}

// Each fix has its number as a key.
func TestWhyFixByNumber(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, whyRows...)}
	s := tuitest.Open(t, consoleOn(NewWhy(whyWhole(t, k, "Doc:q3#view@ann"))), tuitest.Size(120, 40))
	s.Want("2  add Group:finance#members@ann")
	s.Press("2")
	s.Want("Apply this fix?", "+ Group:finance#members@ann")
	s.Press("y")
	s.Want("✓ ALLOWED")
}

// What is saved is what why --json prints.
func TestWhyIsSaved(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	k := &ketoStub{rows: mustTuples(t, whyRows...)}
	s := tuitest.Open(t, consoleOn(NewWhy(whyWhole(t, k, "Doc:q3#view@ann"))), tuitest.Size(120, 40))
	s.Want("✗ DENIED")
	s.Press("s")
	s.Want("wrote the explanation to")
	files, err := filepath.Glob(filepath.Join(dir, "gatehouse-why-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var tr access.Trace
	if err := json.Unmarshal(b, &tr); err != nil || tr.Schema != access.Schema || len(tr.Fixes) == 0 {
		t.Errorf("%v: %s", err, b)
	}
}

// The words for where nothing can be done.
func TestWhyInWords(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, whyRows...)}
	spec := whyWhole(t, k, "Doc:q3#view@ann")
	spec.Keto = nil
	s := tuitest.Open(t, consoleOn(NewWhy(spec)), tuitest.Size(80, 24))
	s.Want("✗ DENIED")
	s.Press("enter")
	s.Want("nothing can be written here")
	s.Golden("why-80x24")
	mono := tuitest.Open(t, consoleOn(NewWhy(spec)), tuitest.Size(80, 24), tuitest.NoColor())
	mono.Want("✗ DENIED", "▸")
	if strings.Contains(mono.Styled(), "\x1b[3") {
		t.Errorf("colour where there is none: %q", mono.Styled())
	}
}

func TestSweepOfWhyInEveryState(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, whyRows...)}
	open := func() tea.Model { return consoleOn(NewWhy(whyWhole(t, k, "Doc:q3#view@ann"))) }
	tuitest.Sweep(t, open, []string{"f"}, []string{"x"}, []string{"x", "ctrl+u", "D", "o", "c", ":", "a", "#", "v", "i", "e", "w", "e", "r", "s", "@", "z", "enter"}, []string{"e"}, []string{"tab", "down"}, []string{"m"}, []string{"L"})
	tuitest.Sweep(t, func() tea.Model { return consoleOn(NewWhy(whyWhole(t, k, ""))) })
	down := &ketoStub{fail: &clients.Problem{Kind: clients.Unreachable, Reason: "keto refused the connection"}}
	tuitest.Sweep(t, func() tea.Model { return consoleOn(NewWhy(whyWhole(t, down, "Doc:q3#view@ann"))) })
}

// hugeTrace is an explanation of n steps, all of them shown.
func hugeTrace(n int) access.Trace {
	root := &access.Step{Kind: access.KindAllowed, Label: "Doc:q3#view", Verdict: access.Denied}
	at := root
	for i := 1; i < n; i++ {
		c := &access.Step{Kind: access.KindAllowed, Label: fmt.Sprintf("Group:g%d#members", i), Verdict: access.Denied, Reason: "3 subjects, ann is not one of them", Rule: &access.Rule{File: "model.ts", Line: 3}}
		at.Children = append(at.Children, c)
		if i%50 == 0 {
			root.Children = append(root.Children, &access.Step{Kind: access.KindUnion, Label: "any of", Verdict: access.Denied})
			at = root.Children[len(root.Children)-1]
		}
	}
	no := false
	return access.Trace{Schema: access.Schema, Question: "Doc:q3#view@ann", Verdict: access.Denied, Server: access.Denied, Agrees: &no, Summary: "It is a lot.", Proof: root, Tree: root}
}

// BenchmarkFrame is one key and the frame after it: under 1 ms with 100,000 steps.
func BenchmarkFrame(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tr := hugeTrace(n)
			spec := WhySpec{Question: tuple.Tuple{Namespace: "Doc", Object: "q3", Relation: "view", Subject: tuple.SubjectID("ann")},
				Explain: func(context.Context, tuple.Tuple) (access.Trace, error) { return tr, nil }}
			r := tuitest.NewRig(b, consoleOn(NewWhy(spec)), 120, 40)
			r.Until(b, "It is a lot.")
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				r.Press("down")
				r.View()
			}
			if per := b.Elapsed() / time.Duration(b.N); b.N > 10 && per > 3*time.Millisecond {
				b.Errorf("%v per key, promised 1 ms", per)
			}
		})
	}
}
