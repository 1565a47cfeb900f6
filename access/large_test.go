package access

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gatehouse/access/tuple"
)

// What is too long to be read is remembered for a while, and no more than a few lists.
func TestLargeListsAreRememberedForAWhile(t *testing.T) {
	now := time.Now()
	l := &Large{now: func() time.Time { return now }}
	row := tuple.Tuple{Namespace: "Group", Object: "all", Relation: "members", Subject: tuple.SubjectID("ann")}
	all := relationKey{object: object("all")}
	l.put(relationKey{object: object("short")}, &listed{tuples: []tuple.Tuple{row}})
	l.put(all, &listed{tuples: []tuple.Tuple{row}, more: true})
	if got := l.get(relationKey{object: object("short")}); got != nil {
		t.Errorf("a short list is remembered: %v", got.tuples)
	}
	if got := l.get(all); got == nil || !got.more || len(got.tuples) != 1 {
		t.Errorf("a long list is not: %+v", got)
	}
	now = now.Add(largeTime + time.Second)
	if got := l.get(all); got != nil || len(l.lists) != 0 {
		t.Errorf("it is remembered for ever: %+v", got)
	}
	for i := range 3 * maxLarge {
		l.put(relationKey{object: object(fmt.Sprint(i))}, &listed{more: true})
	}
	if len(l.lists) > maxLarge {
		t.Errorf("%d lists are remembered", len(l.lists))
	}
	var none *Large
	none.put(all, &listed{more: true})
	if none.get(all) != nil {
		t.Error("nothing remembers something")
	}
}

// The second question about a large group does not list it again.
func TestALargeGroupIsListedOnce(t *testing.T) {
	ts := []tuple.Tuple{{Namespace: "Doc", Object: "d", Relation: "viewers", Subject: tuple.SubjectSet("Group", "all", "members")}}
	for i := range 2 * pageSize {
		ts = append(ts, tuple.Tuple{Namespace: "Group", Object: "all", Relation: "members", Subject: tuple.SubjectID(fmt.Sprint("p", i))})
	}
	l := &slow{Tuples: NewTuples(ts)}
	x := &Explainer{Server: by(func(q tuple.Tuple) bool { return q.Subject.ID == "p7" }), Tuples: l, Large: &Large{}}
	var lists [2]int32
	for i, who := range []string{"ann", "ben"} {
		before := l.lists.Load()
		tr, err := x.Explain(t.Context(), Asking{Question: tuple.Tuple{Namespace: "Doc", Object: "d", Relation: "viewers", Subject: tuple.SubjectID(who)}})
		if err != nil || tr.Verdict != Denied || !*tr.Agrees {
			t.Fatalf("%+v, %v", tr, err)
		}
		lists[i] = l.lists.Load() - before
	}
	if lists[1] != lists[0]-1 {
		t.Errorf("%d lists, then %d", lists[0], lists[1])
	}
}

// by is a server that answers by a rule.
type by func(q tuple.Tuple) bool

// Check implements Checker.
func (b by) Check(_ context.Context, q tuple.Tuple, _ int) (bool, error) { return b(q), nil }
