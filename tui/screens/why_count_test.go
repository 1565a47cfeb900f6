package screens

import (
	"context"
	"iter"
	"testing"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/tui/tuitest"
)

// gated lists nothing of groups before the gate is open.
type gated struct {
	*access.Tuples
	gate chan struct{}
}

func (g gated) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	if q.Namespace != nil && *q.Namespace == "Group" {
		select {
		case <-g.gate:
		case <-ctx.Done():
		}
	}
	return g.Tuples.All(ctx, q)
}

type denies struct{}

func (denies) Check(context.Context, tuple.Tuple, int) (bool, error) { return false, nil }

// While an explanation is worked out, what it has taken so far is on the screen; Esc ends
// it.
func TestWhyCountsWhileItWorks(t *testing.T) {
	g := gated{access.NewTuples(mustTuples(t, "Doc:q3#viewers@Group:finance#members", "Group:finance#members@carla")), make(chan struct{})}
	spec := whyWhole(t, &ketoStub{}, "Doc:q3#view@ann")
	spec.Question = mustTuples(t, "Doc:q3#viewers@ann")[0]
	spec.Explain = func(ctx context.Context, q tuple.Tuple) (access.Trace, error) {
		return (&access.Explainer{Server: denies{}, Tuples: g, Full: true}).Explain(ctx, access.Asking{Question: q})
	}
	s := tuitest.Open(t, consoleOn(NewWhy(spec)), tuitest.Size(100, 20))
	s.Want("asking why", "of 200 requests", "1 round so far · Esc stops")
	close(g.gate)
	s.Want("✗ DENIED", "of 200 requests", "ms")
	s.WantNot("so far")

	g.gate = make(chan struct{})
	s = tuitest.Open(t, consoleOn(NewWhy(spec)), tuitest.Size(100, 20))
	s.Want("so far · Esc stops")
	s.Press("esc")
	s.WantNot("so far")
}
