package access_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/tuple"
)

// endless is a Keto with groups of a million members that are made up while they are
// read. It counts what is read of it.
type endless struct {
	*access.Tuples
	huge           map[string]bool // the objects of Group with a million members each
	rows, requests int
	server         func(tuple.Tuple) bool
}

const million = 1_000_000

func (e *endless) First(ctx context.Context, q tuple.Query, n int) (out []tuple.Tuple, more bool, err error) {
	e.requests++
	for t, err := range e.all(ctx, q) {
		if err != nil || len(out) == n {
			return out, err == nil, err
		}
		e.rows++
		out = append(out, t)
	}
	return out, false, nil
}

// All counts a request for each page of 500.
func (e *endless) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		n := 0
		for t, err := range e.all(ctx, q) {
			if n%500 == 0 {
				e.requests++
			}
			n++
			e.rows++
			if !yield(t, err) {
				return
			}
		}
	}
}

func (e *endless) all(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		huge := q.Namespace != nil && *q.Namespace == "Group" && q.Object != nil && e.huge[*q.Object]
		for i := 0; huge && i < million; i++ {
			t := tuple.Tuple{Namespace: "Group", Object: *q.Object, Relation: "members", Subject: tuple.SubjectID(fmt.Sprint("m", i))}
			if q.Matches(t) && !yield(t, nil) {
				return
			}
		}
		for object := range e.huge {
			if q.Subject == nil || q.Object != nil || !strings.HasPrefix(q.Subject.ID, "m") {
				break
			}
			if !yield(tuple.Tuple{Namespace: "Group", Object: object, Relation: "members", Subject: *q.Subject}, nil) {
				return
			}
		}
		for t, err := range e.Tuples.All(ctx, q) {
			if !yield(t, err) {
				return
			}
		}
	}
}

func (e *endless) Check(_ context.Context, t tuple.Tuple, _ int) (bool, error) {
	e.requests++
	return e.server(t), nil
}

// A group of a million members costs one page and a question to the server: what is
// read is counted, not timed.
func TestHugeGroups(t *testing.T) {
	m := parseModel(t, depthModel)
	has := func(ts ...string) func(tuple.Tuple) bool {
		return func(q tuple.Tuple) bool {
			for _, s := range ts {
				if q.Equal(parseTuples(t, s)[0]) {
					return true
				}
			}
			return false
		}
	}
	for _, c := range []struct {
		name               string
		tuples             []string
		question           string
		says               []string // to what the server says yes
		verdict            access.Verdict
		maxRows, maxAsking int
		names              string // what the sentence must name
	}{
		{"nobody's member", []string{"Doc:d#viewers@Group:huge#members"}, "Doc:d#view@ann", nil, access.Denied, 1_600, 12, "Group:huge#members"},
		{"a member", []string{"Doc:d#viewers@Group:huge#members"}, "Doc:d#view@m7", []string{"Doc:d#view@m7"}, access.Allowed, 600, 6, "Group:huge#members"},
		{"ten of them", ten("Doc:d#viewers@Group:huge%d#members"), "Doc:d#view@ann", nil, access.Denied, 12_000, 60, "Group:huge1#members"},
		{"a member of a group in it", []string{"Doc:d#viewers@Group:huge#members", "Group:huge#members@Group:h#members", "Group:h#members@ann"}, "Doc:d#view@ann",
			[]string{"Doc:d#view@ann", "Group:huge#members@ann"}, access.Allowed, 11_600, 60, "Group:huge#members"},
		{"asked itself", nil, "Group:huge#members@ann", nil, access.Denied, 1_600, 12, "Group:huge#members"},
		{"blocked by one", []string{"Doc:d#blocked@Group:huge#members"}, "Doc:d#open@m3", nil, access.Denied, 1_600, 12, "Group:huge#members"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &endless{Tuples: access.NewTuples(parseTuples(t, c.tuples...)), huge: map[string]bool{"huge": true}, server: has(c.says...)}
			for i := range 10 {
				e.huge[fmt.Sprint("huge", i)] = true
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			x := &access.Explainer{Server: e, Tuples: e, Model: m}
			tr, err := x.Explain(t.Context(), access.Asking{Question: parseTuples(t, c.question)[0]})
			runtime.ReadMemStats(&after)
			if err != nil || tr.Verdict != c.verdict || tr.Agrees == nil || !*tr.Agrees || !strings.Contains(tr.Summary, c.names) {
				t.Errorf("%+v, %v", tr, err)
			}
			if e.rows > c.maxRows || e.requests > c.maxAsking || tr.Requests > c.maxAsking {
				t.Errorf("%d rows were read with %d requests (%d told), at most %d and %d are needed", e.rows, e.requests, tr.Requests, c.maxRows, c.maxAsking)
			}
			// All that was ever allocated, which is more than what was in use at a time.
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 100 {
				t.Errorf("%d MB were allocated", mb)
			} else {
				t.Logf("%d rows, %d requests, %d round trips, %d MB allocated in all: %s", e.rows, e.requests, tr.RoundTrips, mb, tr.Summary)
			}
			draw(t, tr.Proof, "  ")
		})
	}
}

func ten(format string) []string {
	var out []string
	for i := range 10 {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}
