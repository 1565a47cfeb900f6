package access_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"gatehouse/access"
)

// A question that would take more than the budget ends there: the server's verdict
// stands, why is not guessed, and it is said what was not done.
func TestTheBudgetOfAnExplanation(t *testing.T) {
	m := parseModel(t, radiusModel)
	var ts []string
	for i := range access.MaxRequests + 50 {
		ts = append(ts, fmt.Sprintf("Doc:d#viewers@Group:g%d#members", i), fmt.Sprintf("Group:g%d#members@Group:h%d#members", i, i))
	}
	l := &counting{Lister: access.NewTuples(parseTuples(t, append(ts, "Group:h249#members@ann")...))}
	x := &access.Explainer{Server: serverOf(false), Tuples: l, Model: m, Settings: access.Settings{MaxWidth: 1000}}
	var mu sync.Mutex
	var told []access.Cost
	ctx := access.Counting(t.Context(), func(c access.Cost) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, c)
	})
	tr, err := x.Explain(ctx, access.Asking{Question: parseTuples(t, "Doc:d#view@ann")[0]})
	if err != nil || tr.Verdict != access.Denied || tr.Explained != access.Unknown || tr.Agrees != nil || len(tr.Fixes) > 0 {
		t.Errorf("%+v, %v", tr, err)
	}
	if !strings.Contains(tr.Summary, "Keto says denied; why cannot be told") || !strings.Contains(tr.Summary, "more than 200 requests") || !strings.Contains(tr.Hint, "smaller") {
		t.Errorf("it is not said what was not done: %s %s", tr.Summary, tr.Hint)
	}
	if tr.Requests != access.MaxRequests+1 || l.n+1 != tr.Requests { // the check besides
		t.Errorf("%d requests told, %d made", tr.Requests, l.n+1)
	}
	for i, c := range told {
		if i > 0 && (c.Requests < told[i-1].Requests || c.RoundTrips < told[i-1].RoundTrips) {
			t.Fatalf("the count goes back: %v after %v", c, told[i-1])
		}
	}
	if last := told[len(told)-1]; told[0] != (access.Cost{Requests: 1}) || last.Requests == 0 || last.Requests > tr.Requests || len(told) < access.MaxRequests {
		t.Errorf("told %d times, at first %v, at last %v of %d requests", len(told), told[0], last, tr.Requests)
	}
}
