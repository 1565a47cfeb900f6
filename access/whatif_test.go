package access_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/tuple"
)

// writesOf reads "+tuple" and "-tuple".
func writesOf(t testing.TB, texts ...string) []access.Write {
	var out []access.Write
	for _, s := range texts {
		op := access.OpAdd
		if s[0] == '-' {
			op = access.OpRemove
		}
		out = append(out, access.NewWrite(op, parseTuples(t, s[1:])[0]))
	}
	return out
}

func TestWhatIf(t *testing.T) {
	m := parseModel(t, radiusModel)
	stored := []string{"Doc:d#viewers@Group:g#members", "Group:g#members@ben", "Doc:d#blocked@carl", "Group:g#members@carl"}
	for _, c := range []struct {
		name, question string
		writes         []string
		before, after  access.Verdict
		turned         string
		note           string
	}{
		{"a grant", "Doc:d#view@ann", []string{"+Group:g#members@ann"}, access.Denied, access.Allowed, "Doc:d#view,Doc:d#open,Doc:d#viewers,Group:g#members", ""},
		{"a revoke", "Doc:d#view@ben", []string{"-Group:g#members@ben"}, access.Allowed, access.Denied, "Doc:d#view,Doc:d#open,Doc:d#viewers,Group:g#members", ""},
		{"an unblock", "Doc:d#view@carl", []string{"-Doc:d#blocked@carl"}, access.Denied, access.Allowed, "Doc:d#view,Doc:d#blocked", ""},
		{"both at once", "Doc:d#view@carl", []string{"-Doc:d#blocked@carl", "-Group:g#members@carl"}, access.Denied, access.Denied, "Doc:d#blocked", ""},
		{"nothing of it matters", "Doc:d#view@ann", []string{"+Doc:e#viewers@ann"}, access.Denied, access.Denied, "", ""},
		{"stored already", "Doc:d#view@ben", []string{"+Group:g#members@ben"}, access.Allowed, access.Allowed, "", "is stored already"},
		{"not stored", "Doc:d#view@ann", []string{"-Group:g#members@ann"}, access.Denied, access.Denied, "", "is not stored"},
		{"not provided for", "Doc:d#view@ann", []string{"+Doc:d#viewer@ann"}, access.Denied, access.Denied, "", `did you mean "viewers"?`},
		{"added and removed", "Doc:d#view@ann", []string{"+Group:g#members@ann", "-Group:g#members@ann"}, access.Denied, access.Denied, "", "is not stored"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &access.Explainer{Tuples: access.NewTuples(parseTuples(t, stored...)), Model: m}
			w, err := x.WhatIf(t.Context(), access.Asking{Question: parseTuples(t, c.question)[0]}, writesOf(t, c.writes...))
			if err != nil {
				t.Fatal(err)
			}
			var turned []string
			for _, s := range w.Turned {
				turned = append(turned, s.Step)
			}
			if w.Before.Verdict != c.before || w.Verdict != c.after || w.Changed != (c.before != c.after) || w.Server != access.NotAsked {
				t.Errorf("%s, then %s (%s)", w.Before.Verdict, w.Verdict, w.Summary)
			}
			if strings.Join(turned, ",") != c.turned {
				t.Errorf("turned %q, want %q", turned, c.turned)
			}
			if !strings.Contains(strings.Join(w.Notes, "\n"), c.note) || c.note == "" && len(w.Notes) > 0 {
				t.Errorf("notes %q, want %q", w.Notes, c.note)
			}
		})
	}
}

// serverOf is a server with a verdict of its own, whatever is stored.
type serverOf bool

func (s serverOf) Check(context.Context, tuple.Tuple, int) (bool, error) { return bool(s), nil }

// Where already now the explanation is not what the server says, nothing is claimed
// about what would be.
func TestWhatIfOfAnAnswerThatIsNotUnderstood(t *testing.T) {
	x := &access.Explainer{Tuples: access.NewTuples(nil), Model: parseModel(t, radiusModel), Server: serverOf(true)}
	w, err := x.WhatIf(t.Context(), access.Asking{Question: parseTuples(t, "Doc:d#view@ann")[0]}, writesOf(t, "+Doc:d#viewers@ann"))
	if err != nil || w.Verdict != access.Unknown || w.Changed || w.Before.Verdict != access.Allowed {
		t.Errorf("%s, then %s, %v", w.Before.Verdict, w.Verdict, err)
	}
}

// brokenLister fails at one object.
type brokenLister struct {
	access.Lister
	at string
}

func (b brokenLister) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	if q.Object != nil && *q.Object == b.at {
		return func(yield func(tuple.Tuple, error) bool) { yield(tuple.Tuple{}, errors.New("it broke")) }
	}
	return b.Lister.All(ctx, q)
}

func TestWhatIfOfWhatCannotBeRead(t *testing.T) {
	x := &access.Explainer{Tuples: brokenLister{access.NewTuples(parseTuples(t, "Doc:d#viewers@Group:g#members")), "g"}, Model: parseModel(t, radiusModel)}
	w, err := x.WhatIf(t.Context(), access.Asking{Question: parseTuples(t, "Doc:d#view@ann")[0]}, writesOf(t, "+Group:g#members@ben"))
	if err != nil || w.Verdict != access.Unknown || w.Changed || len(w.Notes) != 1 || !strings.Contains(w.Notes[0], "it broke") {
		t.Errorf("%s, %q, %v", w.Verdict, w.Notes, err)
	}
}

// What is worked out for after is what comes out when the writes are made: over random
// tuples and writes.
func TestWhatIfIsWhatComesOutAfterTheWrites(t *testing.T) {
	m := parseModel(t, radiusModel)
	r := rand.New(rand.NewPCG(7, 7))
	one := func() tuple.Tuple {
		people := []string{"ann", "ben", "carl"}
		sets := []string{"Group:g0#members", "Group:g1#members"}
		lefts := []string{"Doc:d#viewers", "Doc:d#blocked", "Doc:d#editors", "Group:g0#members", "Group:g1#members", "Folder:f#viewers"}
		left, all := lefts[r.IntN(len(lefts))], append(people, sets...)
		if r.IntN(8) == 0 {
			return parseTuples(t, "Doc:d#parents@Folder:f#")[0]
		}
		return parseTuples(t, left+"@"+all[r.IntN(len(all))])[0]
	}
	for range 2000 {
		var stored []tuple.Tuple
		for range r.IntN(8) {
			stored = append(stored, one())
		}
		var writes []access.Write
		for range 1 + r.IntN(3) {
			op := access.OpAdd
			if len(stored) > 0 && r.IntN(2) == 0 {
				writes = append(writes, access.NewWrite(access.OpRemove, stored[r.IntN(len(stored))]))
				continue
			}
			writes = append(writes, access.NewWrite(op, one()))
		}
		slices.SortStableFunc(writes, func(a, b access.Write) int { return strings.Compare(string(a.Op), string(b.Op)) }) // inserts run before deletes
		q := parseTuples(t, "Doc:d#view@ann")[0]
		w, err := (&access.Explainer{Tuples: access.NewTuples(stored), Model: m}).WhatIf(t.Context(), access.Asking{Question: q}, writes)
		if err != nil {
			t.Fatal(err)
		}
		after := access.Evaluate(t.Context(), access.NewTuples(apply(stored, writes)), m, access.Settings{}, q, 0)
		if w.Verdict != after.Verdict {
			t.Fatalf("%v, then %v: %s, it is %s", stored, writes, w.Verdict, after.Verdict)
		}
	}
}
