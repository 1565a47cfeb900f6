package access_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// askedFor collects what a search finds: the allowed questions, and those without a verdict.
type askedFor struct{ allowed, unknown []string }

func (a *askedFor) take(found []access.Found) error {
	for _, f := range found {
		if f.Verdict == access.Allowed {
			a.allowed = append(a.allowed, f.Question.String())
		} else {
			a.unknown = append(a.unknown, f.Question.String())
		}
	}
	return nil
}

// universe are the subjects and objects that tuples name, each once.
func universe(ts []tuple.Tuple) (subjects []tuple.Subject, objects [][2]string) {
	seen := map[string]bool{}
	object := func(namespace, name string) {
		if k := "o" + namespace + "\x00" + name; !seen[k] {
			seen[k] = true
			objects = append(objects, [2]string{namespace, name})
		}
	}
	for _, t := range ts {
		if k := "s" + (tuple.Tuple{Subject: t.Subject}).Key(); !seen[k] {
			seen[k] = true
			subjects = append(subjects, t.Subject)
		}
		object(t.Namespace, t.Object)
		if t.Subject.Set != nil {
			object(t.Subject.Set.Namespace, t.Subject.Set.Object)
		}
	}
	return subjects, objects
}

// brute asks everything and keeps what is allowed.
func brute(t testing.TB, judge access.Judge, qs []tuple.Tuple) []string {
	t.Helper()
	answers, _, err := judge(t.Context(), qs)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, a := range answers {
		if a.Verdict == access.Allowed {
			out = append(out, qs[i].String())
		}
	}
	slices.Sort(out)
	return out
}

func sortedSet(s []string) []string { slices.Sort(s); return slices.Compact(s) }

// unlike tells two sorted lists apart in words.
func unlike(got, want []string) string {
	var b strings.Builder
	for _, g := range got {
		if _, ok := slices.BinarySearch(want, g); !ok {
			fmt.Fprintf(&b, " too much: %s", g)
		}
	}
	for _, w := range want {
		if _, ok := slices.BinarySearch(got, w); !ok {
			fmt.Fprintf(&b, " missing: %s", w)
		}
	}
	return b.String()
}

// holdersOf asks who can, in both ways.
func holdersOf(t testing.TB, f *access.Finder, at tuple.Set, subjects []tuple.Subject) (got, want []string) {
	t.Helper()
	var a askedFor
	if _, err := f.WhoCan(t.Context(), at, nil, a.take); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	var qs []tuple.Tuple
	for _, s := range subjects {
		qs = append(qs, tuple.Tuple{Namespace: at.Namespace, Object: at.Object, Relation: at.Relation, Subject: s})
	}
	return sortedSet(a.allowed), brute(t, f.Judge, qs)
}

// reachOf asks what a subject can, in both ways.
func reachOf(t testing.TB, f *access.Finder, sub tuple.Subject, objects [][2]string) (got, want []string) {
	t.Helper()
	var a askedFor
	if _, err := f.WhatCan(t.Context(), sub, tuple.Query{}, a.take); err != nil {
		t.Fatalf("%s: %v", sub, err)
	}
	var qs []tuple.Tuple
	for _, o := range objects {
		for _, r := range f.Model.Namespace(o[0]).Relations {
			qs = append(qs, tuple.Tuple{Namespace: o[0], Object: o[1], Relation: r.Name, Subject: sub})
		}
	}
	return sortedSet(a.allowed), brute(t, f.Judge, qs)
}

// declaredOnly leaves out answers about relations that the model does not declare, which
// the other way of asking does not ask about.
func declaredOnly(m *opl.Model, questions []string) []string {
	return slices.DeleteFunc(questions, func(q string) bool {
		t, err := tuple.Parse(q)
		return err == nil && m.Relation(t.Namespace, t.Relation) == nil
	})
}

// On random models, with everything that rules may hold and tuples that nobody declared,
// who-can and what-can find exactly what asking about every subject and every object finds.
func TestReverseEqualsBruteForce(t *testing.T) {
	models := uint64(200)
	if testing.Short() {
		models = 20
	}
	var holders, reached int
	for seed := range models {
		g := newWorldGen(seed)
		m := parseModel(t, g.model("Marker"))
		ts := g.tuples(20 + g.IntN(30))
		set := access.Settings{MaxDepth: 3 + g.IntN(4), MaxWidth: 2 + g.IntN(99), Strict: g.chance(25)}
		if g.chance(25) {
			set.Engine = opl.New
		}
		set.MaxSteps = 3000 // a decision that takes more is left without a verdict by both
		at := access.NewTuples(ts)
		f := &access.Finder{Tuples: at, Model: m, Judge: access.EvaluateEach(at, m, set)}
		subjects, objects := universe(ts)
		for range 4 {
			o := objects[g.IntN(len(objects))]
			of := tuple.Set{Namespace: o[0], Object: o[1], Relation: g.one(append(g.relations, g.permits...))}
			got, want := holdersOf(t, f, of, subjects)
			holders += len(want)
			if d := unlike(got, want); d != "" {
				t.Errorf("seed %d: who can %s:%s", seed, of, d)
			}
		}
		sub := subjects[g.IntN(len(subjects))]
		got, want := reachOf(t, f, sub, objects)
		got = declaredOnly(m, got)
		reached += len(want)
		if d := unlike(got, want); d != "" {
			t.Errorf("seed %d: what can %s:%s", seed, sub, d)
		}
	}
	t.Logf("%d models: %d holders, %d things reached", models, holders, reached)
	if holders < int(models) || reached < int(models) {
		t.Errorf("hardly anything was found: %d holders, %d things reached", holders, reached)
	}
}

// finderOf searches over tuples that are written here.
func finderOf(t testing.TB, src string, texts ...string) *access.Finder {
	t.Helper()
	ts := access.NewTuples(parseTuples(t, texts...))
	m := parseModel(t, src)
	return &access.Finder{Tuples: ts, Model: m, Judge: access.EvaluateEach(ts, m, access.Settings{})}
}

const reverseModel = `
class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Folder implements Namespace {
  related: { viewers: (User | SubjectSet<Group, "members">)[] }
  permits = { view: (ctx) => this.related.viewers.includes(ctx.subject) }
}
class Doc implements Namespace {
  related: { parents: Folder[], viewers: (User | SubjectSet<Group, "members">)[], blocked: User[] }
  permits = {
    open: (ctx) => !this.related.blocked.includes(ctx.subject),
    view: (ctx) => this.permits.open(ctx) && this.permits.see(ctx),
    see: (ctx) => this.related.viewers.includes(ctx.subject) || this.related.parents.traverse((f) => f.permits.view(ctx))
  }
}`

var reverseTuples = []string{"Doc:q3#viewers@Group:g#members", "Doc:q3#viewers@ann", "Group:g#members@ben", "Group:g#members@Group:h#members",
	"Group:h#members@cy", "Doc:q3#blocked@cy", "Doc:q3#parents@Folder:f#", "Folder:f#viewers@dan", "Doc:q4#parents@Folder:f#..."}

// Each answer says over which tuples it was found, and a rule that lets in whoever it
// does not exclude is said to be one.
func TestReverseSaysHow(t *testing.T) {
	f := finderOf(t, reverseModel, reverseTuples...)
	by := map[string]string{}
	out, err := f.WhoCan(t.Context(), tuple.Set{Namespace: "Doc", Object: "q3", Relation: "view"}, nil, func(found []access.Found) error {
		for _, f := range found {
			by[f.Question.Subject.String()] = fmt.Sprint(f.By)
		}
		return nil
	})
	want := map[string]string{
		"ann": "[Doc:q3#viewers@ann]", "ben": "[Doc:q3#viewers@Group:g#members Group:g#members@ben]", "dan": "[Doc:q3#parents@Folder:f# Folder:f#viewers@dan]",
		"Group:g#members": "[Doc:q3#viewers@Group:g#members]", "Group:h#members": "[Doc:q3#viewers@Group:g#members Group:g#members@Group:h#members]",
	}
	if err != nil || !out.Complete() || len(out.Notes) > 0 || fmt.Sprint(by) != fmt.Sprint(want) {
		t.Errorf("who can view: %v, %+v, %v", by, out, err)
	}
	if out.Candidates != 6 || out.Verified != 6 || out.Allowed != 5 { // cy is blocked
		t.Errorf("counted %+v", out.Progress)
	}

	var a askedFor
	f.People = func(context.Context) iter.Seq2[tuple.Subject, error] {
		return func(yield func(tuple.Subject, error) bool) { yield(tuple.SubjectID("eve"), nil) }
	}
	out, err = f.WhoCan(t.Context(), tuple.Set{Namespace: "Doc", Object: "q3", Relation: "open"}, nil, a.take)
	if err != nil || len(out.Notes) != 1 || !strings.Contains(out.Notes[0], "model.ts:11") || !slices.Contains(a.allowed, "Doc:q3#open@eve") || slices.Contains(a.allowed, "Doc:q3#open@cy") {
		t.Errorf("who can open: %v, %+v, %v", a.allowed, out, err)
	}

	a = askedFor{}
	ns, rel := "Doc", "view"
	out, err = f.WhatCan(t.Context(), tuple.SubjectID("dan"), tuple.Query{Namespace: &ns, Relation: &rel}, func(found []access.Found) error {
		if len(found[0].By) != 2 || found[0].By[1].String() != "Folder:f#viewers@dan" {
			t.Errorf("%s was found by %v", found[0].Question, found[0].By)
		}
		return a.take(found)
	})
	if got := sortedSet(a.allowed); err != nil || !out.Complete() || len(out.Notes) != 1 || fmt.Sprint(got) != "[Doc:q3#view@dan Doc:q4#view@dan]" {
		t.Errorf("what can dan view: %v, %+v, %v", got, out, err)
	}
}

func TestReverseNamesWhatIsNotDeclared(t *testing.T) {
	f := finderOf(t, reverseModel)
	var ne *access.NameError
	_, err := f.WhoCan(t.Context(), tuple.Set{Namespace: "Doc", Object: "q3", Relation: "vieew"}, nil, nil)
	if !errors.As(err, &ne) || ne.Near != "view" {
		t.Error(err)
	}
	ns := "doc"
	if _, err = f.WhatCan(t.Context(), tuple.SubjectID("ann"), tuple.Query{Namespace: &ns}, nil); !errors.As(err, &ne) || ne.Near != "Doc" {
		t.Error(err)
	}
	if _, err = f.Matrix(t.Context(), access.MatrixSpec{Columns: []tuple.Set{{Namespace: "Nope"}}}, nil); !errors.As(err, &ne) {
		t.Error(err)
	}
}

// Without the model candidates are taken from all that is written near the object, and
// it is said that there may be more.
func TestReverseWithoutTheModel(t *testing.T) {
	known := finderOf(t, reverseModel, reverseTuples...)
	f := &access.Finder{Tuples: known.Tuples, Judge: known.Judge, ModelUnknown: true}
	var a askedFor
	out, err := f.WhoCan(t.Context(), tuple.Set{Namespace: "Doc", Object: "q3", Relation: "view"}, nil, a.take)
	if err != nil || out.Complete() || len(a.allowed) != 5 {
		t.Errorf("%v, %+v, %v", a.allowed, out, err)
	}
	a = askedFor{}
	if out, err = f.WhatCan(t.Context(), tuple.SubjectID("ben"), tuple.Query{}, a.take); err != nil || out.Complete() || len(a.allowed) == 0 {
		t.Errorf("%v, %+v, %v", a.allowed, out, err)
	}
}

// What has no verdict is neither left out nor taken for a yes.
func TestReverseWithoutAVerdict(t *testing.T) {
	f := finderOf(t, reverseModel, "Doc:q3#viewers@Group:g#member", "Doc:q3#viewers@ann", "Doc:q3#parents@Folder:f#", "Folder:f#viewers@dan")
	var a askedFor
	out, err := f.WhoCan(t.Context(), tuple.Set{Namespace: "Doc", Object: "q3", Relation: "see"}, nil, a.take)
	if err != nil || out.Complete() || out.Unknown != 1 || len(out.Notes) != 1 || fmt.Sprint(a.unknown) != "[Doc:q3#see@dan]" || len(a.allowed) != 2 {
		t.Errorf("%+v, %+v, %v", a, out, err)
	}
}

// Every cell of a matrix is what asking for it alone says.
func TestMatrixEqualsItsCells(t *testing.T) {
	for seed := range uint64(40) {
		g := newWorldGen(seed)
		m, ts := parseModel(t, g.model("Marker")), g.tuples(30)
		at := access.NewTuples(ts)
		set := access.Settings{MaxSteps: 3000}
		f := &access.Finder{Tuples: at, Model: m, Judge: access.EvaluateEach(at, m, set)}
		subjects, objects := universe(ts)
		var columns []tuple.Set
		for _, o := range objects[:min(3, len(objects))] {
			cols, err := f.Columns(t.Context(), o[0], o[1])
			if err != nil || len(cols) != len(g.permits) {
				t.Fatalf("%v, %v", cols, err)
			}
			columns = append(columns, cols...)
		}
		for _, given := range [][]tuple.Subject{nil, subjects} {
			rows := map[string]access.MatrixRow{}
			_, err := f.Matrix(t.Context(), access.MatrixSpec{Columns: columns, Subjects: given}, func(some []access.MatrixRow) error {
				for _, r := range some {
					rows[r.Subject.String()] = r
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range subjects {
				row, there := rows[s.String()]
				for i, c := range columns {
					q := tuple.Tuple{Namespace: c.Namespace, Object: c.Object, Relation: c.Relation, Subject: s}
					want := access.Evaluate(t.Context(), at, m, set, q, 0).Verdict
					if there && row.Cells[i].Verdict != want || !there && want == access.Allowed || !there && given != nil {
						t.Errorf("seed %d: %s is %s; in the matrix %v: %+v", seed, q, want, there, row)
					}
				}
			}
		}
	}
}

// crowd is a group of many, listed page by page; it counts what was read of it.
type crowd struct {
	n    int
	read atomic.Int64
}

func (c *crowd) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		if q.Object == nil || *q.Object != "all" {
			return
		}
		for i := range c.n {
			c.read.Add(1)
			if ctx.Err() != nil || !yield(tuple.Tuple{Namespace: "Group", Object: "all", Relation: "members", Subject: tuple.SubjectID(fmt.Sprint(i))}, nil) {
				return
			}
		}
	}
}

func yes(_ context.Context, qs []tuple.Tuple) ([]access.Answer, int, error) {
	out := make([]access.Answer, len(qs))
	for i := range out {
		out[i].Verdict = access.Allowed
	}
	return out, len(qs), nil
}

// A search costs no more than it may, says that it was cut, and has read no more of a
// huge group than it could ask about.
func TestReverseKeepsToItsBudget(t *testing.T) {
	c := &crowd{n: 1_000_000}
	f := &access.Finder{Tuples: c, Model: parseModel(t, reverseModel), Judge: yes, Budget: 300}
	var a askedFor
	var last access.Progress
	f.Progress = func(p access.Progress) { last = p }
	out, err := f.WhoCan(t.Context(), tuple.Set{Namespace: "Group", Object: "all", Relation: "members"}, nil, a.take)
	if err != nil || out.Complete() || !strings.Contains(strings.Join(out.Missing, " "), "300 requests") {
		t.Fatalf("%+v, %v", out, err)
	}
	if out.Requests > 300 || len(a.allowed) == 0 || len(a.allowed) > 300 || last.Budget != 300 {
		t.Errorf("%d found, %+v", len(a.allowed), out.Progress)
	}
	if got := c.read.Load(); got > 5000 {
		t.Errorf("%d tuples were read for %d answers", got, len(a.allowed))
	}
}

// A search that is no longer wanted ends, whatever it is waiting for.
func TestReverseIsCancelled(t *testing.T) {
	for name, judge := range map[string]access.Judge{
		"while it reads": yes,
		"while it asks": func(ctx context.Context, _ []tuple.Tuple) ([]access.Answer, int, error) {
			<-ctx.Done()
			return nil, 0, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			f := &access.Finder{Tuples: &crowd{n: 1 << 60}, Model: parseModel(t, reverseModel), Judge: judge, Budget: -1}
			started := make(chan struct{}, 1)
			f.Progress = func(access.Progress) {
				select {
				case started <- struct{}{}:
				default:
				}
			}
			ended := make(chan error, 1)
			go func() {
				_, err := f.WhoCan(ctx, tuple.Set{Namespace: "Group", Object: "all", Relation: "members"}, nil, func([]access.Found) error { return nil })
				ended <- err
			}()
			<-started
			cancel()
			select {
			case err := <-ended:
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("it goes on")
			}
		})
	}
}

// An error of the server, of the list or of who reads the answers ends the search.
func TestReverseFails(t *testing.T) {
	down := errors.New("down")
	of := tuple.Set{Namespace: "Doc", Object: "q3", Relation: "view"}
	f := finderOf(t, reverseModel, reverseTuples...)
	if _, err := f.WhoCan(t.Context(), of, nil, func([]access.Found) error { return down }); !errors.Is(err, down) {
		t.Error(err)
	}
	f.Judge = func(context.Context, []tuple.Tuple) ([]access.Answer, int, error) { return nil, 0, down }
	if _, err := f.WhoCan(t.Context(), of, nil, nil); !errors.Is(err, down) {
		t.Error(err)
	}
	f.Tuples, f.Judge = failing{}, yes
	if _, err := f.WhoCan(t.Context(), of, nil, nil); err == nil {
		t.Error("a list that fails is an empty one")
	}
	k := &scripted{access.NewTuples(nil), []bool{true}, down, 0}
	if _, _, err := access.CheckEach(k, func(error) bool { return false })(t.Context(), parseTuples(t, "Doc:q3#view@ann", "Doc:q3#view@ben")); !errors.Is(err, down) {
		t.Error(err)
	}
	answers, n, err := access.CheckEach(k, func(error) bool { return true })(t.Context(), parseTuples(t, "Doc:q3#view@ann"))
	if err != nil || n != 1 || answers[0].Verdict != access.Unknown || answers[0].Reason == "" {
		t.Error(answers, n, err)
	}
}

func BenchmarkWhoCan(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := &access.Finder{Tuples: &crowd{n: n}, Model: parseModel(b, reverseModel), Judge: yes, Budget: -1}
			b.ReportAllocs()
			for b.Loop() {
				out, err := f.WhoCan(b.Context(), tuple.Set{Namespace: "Group", Object: "all", Relation: "members"}, nil, func([]access.Found) error { return nil })
				if err != nil || out.Allowed != n {
					b.Fatal(out, err)
				}
			}
		})
	}
}

func BenchmarkWhatCan(b *testing.B) {
	ts := parseTuples(b, "Group:g#members@ann")
	for i := range 1000 {
		ts = append(ts, parseTuples(b, fmt.Sprintf("Doc:d%d#viewers@Group:g#members", i))...)
	}
	at := access.NewTuples(ts)
	m := parseModel(b, reverseModel)
	f := &access.Finder{Tuples: at, Model: m, Judge: access.EvaluateEach(at, m, access.Settings{})}
	b.ReportAllocs()
	for b.Loop() {
		out, err := f.WhatCan(b.Context(), tuple.SubjectID("ann"), tuple.Query{}, func([]access.Found) error { return nil })
		if err != nil || out.Allowed < 3000 {
			b.Fatal(out, err)
		}
	}
}
