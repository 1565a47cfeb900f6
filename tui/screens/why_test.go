package screens

import (
	"context"
	"slices"
	"testing"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// whyOver explains over the stub's tuples with the real engine, its own verdict
// standing in for the server's.
func whyOver(t testing.TB, k *ketoStub, question string) *Why {
	t.Helper()
	m, errs := opl.Parse("model.ts", screenModel)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	return NewWhy(WhySpec{
		Question: mustTuples(t, question)[0], Keto: k,
		Explain: func(ctx context.Context, q tuple.Tuple) (access.Trace, error) {
			k.mu.Lock()
			rows, fail := slices.Clone(k.rows), k.fail
			k.mu.Unlock()
			if fail != nil {
				return access.Trace{Question: q.String(), Verdict: access.Unknown, Summary: "Keto could not be asked."}, fail
			}
			x := &access.Explainer{Tuples: access.NewTuples(rows), Model: m, Full: true}
			trace, err := x.Explain(ctx, access.Asking{Question: q, Aliases: access.Person{ID: "ann", Emails: []string{"ann@acme.example"}}.Aliases()})
			trace.Millis = 0 // stands in the golden
			return trace, err
		},
		Tuples: func(q tuple.Query) tui.Screen { return NewTuples(TuplesSpec{Keto: k, Query: q}) },
	})
}

func TestWhyExplainsFixesAndUndoes(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@Group:finance#members", "Group:finance#members@carla")}
	s := tuitest.Open(t, consoleOn(whyOver(t, k, "Doc:q3#view@ann")), tuitest.Size(110, 28))
	s.Want("✗ DENIED", "Doc:q3#viewers", "Group:finance#members", "model.ts:6", "Fixes")
	s.Golden("why-denied")
	before := k.texts()
	s.Press("tab", "enter")
	s.Want("Apply this fix?", "+ ")
	s.Press("y")
	s.Want("✓ ALLOWED", "u undoes it")
	if len(k.texts()) != len(before)+1 {
		t.Errorf("stored %q", k.texts())
	}
	s.Press("enter")
	s.Want("it is allowed: there is nothing to fix")
	s.Press("u")
	s.Want("- ")
	s.Press("y")
	s.Want("✗ DENIED")
	if !slices.Equal(k.texts(), before) {
		t.Errorf("stored %q, before %q", k.texts(), before)
	}
}

func TestWhyNamesTheOtherNameOfThePerson(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@Group:finance#members", "Group:finance#members@ann@acme.example")}
	s := tuitest.Open(t, consoleOn(whyOver(t, k, "Doc:q3#view@ann")), tuitest.Size(110, 28))
	s.Want("✗ DENIED", "Almost", "ann@acme.example")
}

func TestWhyGoesToTheTuplesAndShowsEveryStep(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@ann", "Doc:q3#viewers@ben")}
	s := tuitest.Open(t, consoleOn(whyOver(t, k, "Doc:q3#view@ann")), tuitest.Size(110, 28))
	s.Want("✓ ALLOWED")
	s.Press("f")
	s.Want("only what counts")
	s.Press("o")
	s.Want("tuples Doc:q3", "ben")
}

func TestWhyWithoutAnAnswerIsNotNo(t *testing.T) {
	k := &ketoStub{fail: &clients.Problem{Kind: clients.Unreachable, Op: "check", Reason: "keto refused the connection", Hint: "r asks again"}}
	s := tuitest.Open(t, consoleOn(whyOver(t, k, "Doc:q3#view@ann")), tuitest.Size(110, 28))
	s.Want("? COULD NOT TELL", "keto refused the connection")
	s.WantNot("DENIED")
	k.set(nil)
	s.Press("r")
	s.Want("✗ DENIED")
}

func TestSweepOfWhy(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@Group:finance#members", "Group:finance#members@ann@acme.example")}
	tuitest.Sweep(t, func() tea.Model { return consoleOn(whyOver(t, k, "Doc:q3#view@ann")) })
}
