package access

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/access/tuple"
)

// slow is a Lister that counts its lists, and how many run at a time.
type slow struct {
	*Tuples
	lists, now, most atomic.Int32
}

func (s *slow) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	s.lists.Add(1)
	return func(yield func(tuple.Tuple, error) bool) {
		n := s.now.Add(1)
		defer s.now.Add(-1)
		for m := s.most.Load(); n > m && !s.most.CompareAndSwap(m, n); m = s.most.Load() {
		}
		time.Sleep(time.Millisecond)
		s.Tuples.All(ctx, q)(yield)
	}
}

func object(name string) [2]string { return [2]string{"Group", name} }

// Each object is listed once, those announced together side by side, and no more than
// a few at a time.
func TestStoreReadsOnceAndSideBySide(t *testing.T) {
	var ts []tuple.Tuple
	var names [][2]string
	for i := range 20 {
		name := fmt.Sprintf("g%d", i)
		names = append(names, object(name), object(name))
		ts = append(ts, tuple.Tuple{Namespace: "Group", Object: name, Relation: "members", Subject: tuple.SubjectID("ann")})
	}
	l := &slow{Tuples: NewTuples(ts)}
	s := newStore(l)
	var seen []string
	s.progress = func(requests, trips int) { seen = append(seen, fmt.Sprint(requests, " ", trips)) }
	(&working{store: s}).until(t.Context(), func(v *view) {
		for _, n := range names {
			if got := v.object(n); got != nil && (got.err != nil || len(got.tuples) != 1) {
				t.Fatalf("%v has %v, %v", n, got.tuples, got.err)
			}
		}
		for range 3 {
			missed := v.missed
			if ok, err := v.Has(t.Context(), ts[3]); err != nil || v.missed == missed && !ok {
				t.Fatal(ok, err)
			}
		}
	})
	if trips := (21 + parallel - 1) / parallel; l.lists.Load() != 21 || s.requests != 21 || s.trips != trips || l.most.Load() < 2 || l.most.Load() > parallel ||
		len(seen) != 22 || seen[0] != "1 0" || seen[21] != fmt.Sprint(21, " ", trips) {
		t.Errorf("%d lists, %d requests, %d trips, %d at a time, told %v", l.lists.Load(), s.requests, s.trips, l.most.Load(), seen)
	}
}

// What is too large is not read to its end, and told apart from a "no". A tuple of a
// subject with too many of them is looked for by itself.
func TestStoreHasABudget(t *testing.T) {
	var ts []tuple.Tuple
	for i := range pageSize + 10 {
		ts = append(ts, tuple.Tuple{Namespace: "Group", Object: "huge", Relation: "members", Subject: tuple.SubjectID(fmt.Sprint(i))},
			tuple.Tuple{Namespace: "Group", Object: fmt.Sprint(i), Relation: "members", Subject: tuple.SubjectID("busy")})
	}
	s := newStore(NewTuples(ts))
	if _, err := s.Of(t.Context(), "Group", "huge"); !errors.Is(err, ErrBudget) {
		t.Errorf("a huge group: %v", err)
	}
	for object, want := range map[string]bool{"7": true, "none": false} {
		q := tuple.Tuple{Namespace: "Group", Object: object, Relation: "members", Subject: tuple.SubjectID("busy")}
		(&working{store: s}).until(t.Context(), func(v *view) {
			if ok, err := v.Has(t.Context(), q); v.missed == 0 && ok != want || err != nil {
				t.Errorf("%s: %v, %v", q, ok, err)
			}
		})
	}
	for i := range maxRequests {
		_, _ = s.Of(t.Context(), "Group", fmt.Sprint("x", i))
	}
	if _, err := s.Of(t.Context(), "Group", "one more"); !errors.Is(err, ErrBudget) {
		t.Errorf("too many requests: %v", err)
	}
}

// An explanation that is no longer wanted ends.
func TestExplainEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x := &Explainer{Tuples: NewTuples([]tuple.Tuple{{Namespace: "Doc", Object: "d", Relation: "r", Subject: tuple.SubjectID("ann")}})}
	tr, err := x.Explain(ctx, Asking{Question: tuple.Tuple{Namespace: "Doc", Object: "d", Relation: "r", Subject: tuple.SubjectID("ann")}})
	if err != nil || tr.Verdict != Unknown {
		t.Errorf("%s, %v", tr.Verdict, err)
	}
}
