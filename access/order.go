package access

import (
	"context"
	"slices"
)

// maxAsks is how often one question is asked at most: to tell a server whose answer
// hangs on the order in which it comes across its rows from an explanation that is wrong.
const maxAsks = 5

// CauseOrder says that the server gave both answers to the same question.
const CauseOrder = "order_dependent"

// otherOrders are those that the server's rows and goroutines may come in besides the
// one that is tried first.
var otherOrders = []variant{{reverse: true}, {lazy: true}, {lazy: true, reverse: true}, {behind: true}, {behind: true, reverse: true}}

// orderDependent tries the orders that Keto's rows and goroutines may come in.
func (w *working) orderDependent(ctx context.Context) bool {
	if w.flapped || w.reordered {
		return true
	}
	if !w.Visited && !w.Root.has(CutRelation) {
		return false
	}
	return slices.ContainsFunc(otherOrders, func(v variant) bool { return w.decide(ctx, v).Verdict != w.Verdict })
}

// relist evaluates over lists in the order in which the server stores its rows, where it
// sorts what it lists and the answer may hang on that order.
func (w *working) relist(ctx context.Context, server Verdict) bool {
	if w.whole != nil || w.x.Prober == nil || !w.Visited && !w.Root.has(CutWidth) && !w.Root.has(CutRelation) {
		return false
	}
	if f, err := w.x.Prober.Facts(ctx); err != nil || f.Order != OrderSorted {
		return false
	}
	w.store.asStored = true
	if d := w.decide(ctx, variant{}); d.Verdict == server {
		w.Decision = d
		return true
	}
	w.store.asStored = false
	return false
}

// reorder looks for an order of rows in which the server's answer comes out. Only a
// check that passed over a set, because another branch had been there, or that met a
// tuple which Keto cannot evaluate, may hang on it.
func (w *working) reorder(ctx context.Context, server Verdict) bool {
	if !w.Visited && !w.Root.has(CutRelation) {
		return false
	}
	for _, v := range otherOrders {
		if d := w.decide(ctx, v); d.Verdict == server {
			w.Decision, w.reordered = d, true
			return true
		}
	}
	return false
}

// flaps asks a server that does not agree again, until it gives the other answer or was
// asked maxAsks times in all. It reports whether both answers were seen.
func (x *Explainer) flaps(ctx context.Context, w *working, t *Trace) bool {
	for w.asks < maxAsks && ctx.Err() == nil {
		t.Requests++
		t.RoundTrips++
		w.asks++
		v, err := x.asked(ctx, w.ask)
		if err != nil {
			return false
		}
		if v != t.Server {
			t.Server = v
			return true
		}
	}
	return false
}
