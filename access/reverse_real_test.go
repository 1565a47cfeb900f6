package access_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/stack/story"
)

// envReverse is how many random models are searched on the real Keto.
const envReverse = "GATEHOUSE_REVERSE_MODELS"

// On the real Keto who-can, what-can and matrix find exactly what its own check says of
// every subject and every object.
func TestReverseEqualsTheChecksOfTheRealKeto(t *testing.T) {
	models := fromEnv(envReverse, 8)
	seed := fromEnv(envSeed, uint64(time.Now().UnixNano()))
	t.Logf("seed %d", seed)
	s := newServer(t, map[string]any{"log.level": "error"})
	for i := range models {
		s.reverse(t, seed+i)
	}
}

// reverse searches one random world in all three ways.
func (s *server) reverse(t *testing.T, seed uint64) {
	t.Helper()
	g := newWorldGen(seed)
	marker := "R" + strconv.FormatUint(seed, 36)
	src := g.model(marker)
	m := parseModel(t, src)
	s.load(t, marker, src, g.spaces, g.tuples(25+g.IntN(15)))
	var ts []tuple.Tuple
	for tt, err := range s.stored(t, g.spaces).All(t.Context(), tuple.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		ts = append(ts, tt)
	}
	f := &access.Finder{Tuples: s, Model: m, Judge: access.CheckEach(s, noVerdict)}
	subjects, objects := universe(ts)
	tell := func(what string, got, want []string) {
		for _, d := range [2][2][]string{{got, want}, {want, got}} {
			for _, q := range d[0] {
				if s.onlyIn(t, q, d[1]) {
					t.Errorf("seed %d: %s: %s is not in both: the search finds %v, one by one %v", seed, what, q, got, want)
				}
			}
		}
	}
	o := objects[g.IntN(len(objects))]
	of := tuple.Set{Namespace: o[0], Object: o[1], Relation: g.one(g.permits)}
	got, want := holdersOf(t, f, of, subjects)
	tell("who can "+of.String(), got, want)

	sub := tuple.SubjectID(g.one(g.users))
	got, want = reachOf(t, f, sub, objects)
	tell("what can "+sub.String(), declaredOnly(m, got), want)

	columns, err := f.Columns(t.Context(), o[0], o[1])
	if err != nil {
		t.Fatal(err)
	}
	s.matrix(t, f, columns, subjects, tell)
}

// noVerdict tells the errors that concern one question alone: a relation that is not
// there, and rules that run in a circle until the deadline.
func noVerdict(err error) bool { return refused(err) || clients.Is(err, clients.Timeout) }

// matrix compares a matrix with its cells.
func (s *server) matrix(t *testing.T, f *access.Finder, columns []tuple.Set, subjects []tuple.Subject, tell func(what string, got, want []string)) {
	t.Helper()
	var got []string
	var qs []tuple.Tuple
	_, err := f.Matrix(t.Context(), access.MatrixSpec{Columns: columns}, func(rows []access.MatrixRow) error {
		for _, r := range rows {
			for i, c := range r.Cells {
				if c.Verdict == access.Allowed {
					got = append(got, tuple.Tuple{Namespace: columns[i].Namespace, Object: columns[i].Object, Relation: columns[i].Relation, Subject: r.Subject}.String())
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range subjects {
		for _, c := range columns {
			qs = append(qs, tuple.Tuple{Namespace: c.Namespace, Object: c.Object, Relation: c.Relation, Subject: sub})
		}
	}
	tell("matrix of "+columns[0].Namespace+":"+columns[0].Object, sortedSet(got), brute(t, f.Judge, qs))
}

// onlyIn reports whether a question that one way of asking allows is not among those of
// the other, and the server does not waver about it: its answer may hang on the order
// of its own goroutines.
func (s *server) onlyIn(t *testing.T, question string, other []string) bool {
	t.Helper()
	for _, q := range other {
		if q == question {
			return false
		}
	}
	q := parseTuples(t, question)[0]
	first, err := s.ask(t.Context(), q, 0)
	return err == nil && !s.flaps(t.Context(), q, 0, first)
}

// The holders of the story's documents are found on the real Keto with few requests.
func TestReverseOnTheStory(t *testing.T) {
	_, m, ts := loadStory(t)
	s := newServer(t, map[string]any{"log.level": "error"})
	s.load(t, "Doc", story.Model(), m.NamespaceNames(), ts)
	f := &access.Finder{Tuples: s, Model: m, Judge: access.CheckEach(s, refused)}
	subjects, objects := universe(ts)
	for _, o := range objects {
		if o[0] != "Doc" || o[1] == "roadmap" {
			continue
		}
		of := tuple.Set{Namespace: "Doc", Object: o[1], Relation: "view"}
		got, want := holdersOf(t, f, of, subjects)
		if d := unlike(got, want); d != "" {
			t.Errorf("who can %s:%s", of, d)
		}
	}
	out, err := f.WhoCan(t.Context(), tuple.Set{Namespace: "Doc", Object: "q3-report", Relation: "view"}, nil, func([]access.Found) error { return nil })
	if err != nil || out.Allowed == 0 || out.Requests > out.Candidates+20 {
		t.Errorf("%+v, %v", out, err)
	}
	t.Logf("who can view Doc:q3-report: %+v", out.Progress)
	out, err = f.WhatCan(t.Context(), tuple.SubjectID("8f1c-carla"), tuple.Query{}, func([]access.Found) error { return nil })
	t.Logf("what can carla: %+v, %v", out.Progress, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.WhoCan(ctx, tuple.Set{Namespace: "Doc", Object: "q3-report", Relation: "view"}, nil, nil); err == nil {
		t.Error("a search that is not wanted was carried out")
	}
}
