package keto_test

import (
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"testing"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
)

// numbered yields n tuples on one object.
func numbered(r *real, object string, n int) iter.Seq2[tuple.Tuple, error] {
	r.obj(object)
	return func(yield func(tuple.Tuple, error) bool) {
		for i := range n {
			if !yield(r.tup(object, fmt.Sprintf("user%06d", i)), nil) {
				return
			}
		}
	}
}

func seq(ts ...tuple.Tuple) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		for _, t := range ts {
			if !yield(t, nil) {
				return
			}
		}
	}
}

func (r *real) rowsOf(object string) int {
	return len(r.rows(url.Values{"namespace": {r.ns}, "object": {r.obj(object)}, "page_size": {"100000"}}))
}

func TestImport(t *testing.T) {
	r := realKeto(t)
	const n = 2345
	r.put(r.tup("i", "user000007"), r.tup("i", "user002000"))
	var steps []keto.Imported
	added := 0
	got := must(r.Import(bg, numbered(r, "i", n), keto.ImportOptions{
		Progress: func(p keto.Imported) { steps = append(steps, p) },
		Added:    func(ts []tuple.Tuple) { added += len(ts) },
	}))(t)
	if want := (keto.Imported{Read: n, Added: n - 2, Existed: 2, Batches: 3}); got != want || added != n-2 {
		t.Errorf("got %+v and %d added, want %+v", got, added, want)
	}
	if len(steps) != 3 || steps[0].Read != 1000 || steps[2] != got {
		t.Errorf("progress %+v", steps)
	}
	if rows := r.rowsOf("i"); rows != n {
		t.Errorf("%d rows, want %d", rows, n)
	}
	// Once more changes nothing.
	again := must(r.Import(bg, numbered(r, "i", n), keto.ImportOptions{Batch: 500}))(t)
	if want := (keto.Imported{Read: n, Existed: n, Batches: 5}); again != want || r.rowsOf("i") != n {
		t.Errorf("again: %+v, %d rows", again, r.rowsOf("i"))
	}
}

// A large import does not ask for each tuple, a small one does not read everything.
func TestImportLooksWithFewRequests(t *testing.T) {
	r := realKeto(t)
	wide := func(n int) iter.Seq2[tuple.Tuple, error] {
		return func(yield func(tuple.Tuple, error) bool) {
			for i := range n {
				if !yield(r.tup(fmt.Sprint("wide", i), fmt.Sprint("user", i)), nil) {
					return
				}
			}
		}
	}
	const n = 500
	must(r.Import(bg, wide(n), keto.ImportOptions{}))(t)
	r.sent.reset()
	again := must(r.Import(bg, wide(n), keto.ImportOptions{}))(t)
	if again.Existed != n || again.Added != 0 {
		t.Errorf("again: %+v", again)
	}
	// Others fill the same namespace meanwhile, so this is not a fixed number.
	if sent := r.sent.count("GET"); sent > n/2 {
		t.Errorf("%d requests to look for %d tuples", sent, n)
	}
	r.sent.reset()
	must(r.Import(bg, wide(20), keto.ImportOptions{}))(t)
	if sent := r.sent.count("GET"); sent > 21 {
		t.Errorf("%d requests to look for 20 tuples", sent)
	}
}

func TestImportStopsAndResumes(t *testing.T) {
	r := realKeto(t)
	broken := errors.New("line 17: broken")
	input := func(yield func(tuple.Tuple, error) bool) {
		for x := range numbered(r, "s", 25) {
			if !yield(x, nil) {
				return
			}
		}
		yield(tuple.Tuple{}, broken)
	}
	got, err := r.Import(bg, input, keto.ImportOptions{Batch: 10})
	if pr := err.(*clients.Problem); pr.Kind != clients.Invalid || !errors.Is(err, broken) {
		t.Errorf("error %+v", pr)
	}
	if got.Read != 20 || r.rowsOf("s") != 20 {
		t.Fatalf("stopped at %+v with %d rows", got, r.rowsOf("s"))
	}
	r.sent.reset()
	rest := must(r.Import(bg, numbered(r, "s", 25), keto.ImportOptions{Batch: 10, Skip: got.Read}))(t)
	if want := (keto.Imported{Read: 25, Added: 5, Batches: 1}); rest != want || r.rowsOf("s") != 25 || r.sent.count("PATCH") != 1 {
		t.Errorf("resumed: %+v, %d rows, %d writes", rest, r.rowsOf("s"), r.sent.count("PATCH"))
	}
}

func TestImportRefusals(t *testing.T) {
	r := realKeto(t)
	foreign := r.tup("f", "x")
	foreign.Subject = tuple.SubjectSet("NoSuchNamespace", "x", "y")
	_, err := r.Import(bg, seq(r.tup("f", "a"), foreign, r.tup("f", "b")), keto.ImportOptions{})
	if pr := problem(t, err, clients.NotFound, keto.CodeUnknownNamespace); !strings.Contains(pr.Reason, "NoSuchNamespace") {
		t.Errorf("reason %s", pr.Reason)
	}
	empty := r.tup("f", "x")
	empty.Relation = ""
	_, err = r.Import(bg, seq(r.tup("f", "a"), empty), keto.ImportOptions{})
	if pr := problem(t, err, clients.Invalid, ""); !strings.Contains(pr.Reason, "tuple 2") {
		t.Errorf("reason %s", pr.Reason)
	}
	onPermission := r.tup("f", "x")
	onPermission.Relation = "nosuchrelation"
	_, err = r.Import(bg, seq(r.tup("f", "a"), onPermission), keto.ImportOptions{Check: r.model.CanBeWritten})
	if pr := problem(t, err, clients.Invalid, ""); !strings.Contains(pr.Reason, "tuple 2") || !strings.Contains(pr.Reason, "nosuchrelation") {
		t.Errorf("reason %s", pr.Reason)
	}
	if n := r.rowsOf("f"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
	dry := must(r.Import(bg, seq(r.tup("f", "a"), r.tup("f", "a"), r.tup("f", "b")), keto.ImportOptions{DryRun: true}))(t)
	if dry.Added != 2 || dry.Existed != 1 || r.rowsOf("f") != 0 {
		t.Errorf("dry run %+v, %d rows", dry, r.rowsOf("f"))
	}
}

// A few tuples of a huge object are looked up alone, without listing all of it.
func TestCopiesInAHugeObject(t *testing.T) {
	r := realKeto(t)
	const n = 1700
	must(r.Import(bg, numbered(r, "h", n), keto.ImportOptions{}))(t)
	r.sent.reset()
	copies := must(r.Copies(bg, r.tup("h", "user000001"), r.tup("h", "nobody"), r.tup("h", "user001699"), r.tup("h", "user001111")))(t)
	if fmt.Sprint(copies) != "[1 0 1 1]" {
		t.Errorf("copies %v", copies)
	}
	if sent := r.sent.count("GET"); sent > 8 {
		t.Errorf("%d requests for 4 tuples", sent)
	}
}

func TestExport(t *testing.T) {
	r := realKeto(t)
	const n = 1100
	must(r.Import(bg, numbered(r, "e", n), keto.ImportOptions{}))(t)
	r.put(r.tup("e", "user000001"))
	var out []tuple.Tuple
	var steps []int
	got := must(r.Export(bg, r.on("e"), func(x tuple.Tuple) error { out = append(out, x); return nil }, func(n int) { steps = append(steps, n) }))(t)
	if got != n || len(out) != n || len(steps) < 3 || steps[len(steps)-1] != n {
		t.Errorf("exported %d, handed on %d, progress %v", got, len(out), steps)
	}
	full := errors.New("disk full")
	if _, err := r.Export(bg, r.on("e"), func(tuple.Tuple) error { return full }, nil); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

// Every write that the client has, read back with plain net/http.
func TestEveryWrite(t *testing.T) {
	r := realKeto(t)
	set := r.tup("w", "")
	set.Subject = r.members("g")
	object := r.tup("w", "")
	object.Subject = tuple.SubjectSet(r.ns, r.obj("g"), "")
	id := r.tup("w", "ann")
	for _, c := range []struct {
		name  string
		write func() error
		want  map[string]int // rows afterwards
	}{
		{"Add an id", func() error { _, err := r.Add(bg, id); return err }, map[string]int{id.Key(): 1}},
		{"Add a set", func() error { _, err := r.Add(bg, set); return err }, map[string]int{id.Key(): 1, set.Key(): 1}},
		{"Add an object", func() error { _, err := r.Add(bg, object); return err }, map[string]int{id.Key(): 1, set.Key(): 1, object.Key(): 1}},
		{"Remove the set", func() error { _, err := r.Remove(bg, set); return err }, map[string]int{id.Key(): 1, object.Key(): 1}},
		{"Apply", func() error {
			_, err := r.Apply(bg, []keto.Edit{{Op: keto.Insert, Tuple: set}, {Op: keto.Delete, Tuple: id}, {Op: keto.Delete, Tuple: object}})
			return err
		}, map[string]int{set.Key(): 1}},
		{"Import", func() error { _, err := r.Import(bg, seq(id, set, object), keto.ImportOptions{}); return err },
			map[string]int{id.Key(): 1, set.Key(): 1, object.Key(): 1}},
		{"Undo", func() error {
			a, err := r.Apply(bg, []keto.Edit{{Op: keto.Delete, Tuple: id}})
			if err == nil {
				_, err = r.Undo(bg, a)
			}
			return err
		}, map[string]int{id.Key(): 1, set.Key(): 1, object.Key(): 1}},
		{"RemoveMatching", func() error { _, err := r.RemoveMatching(bg, r.on("w"), 3, nil); return err }, map[string]int{}},
	} {
		if err := c.write(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, x := range []tuple.Tuple{id, set, object} {
			if got := r.stored(x); got != c.want[x.Key()] {
				t.Errorf("after %s: %d rows of %s, want %d", c.name, got, x, c.want[x.Key()])
			}
		}
	}
	if n := r.sent.count("DELETE") + r.sent.count("PUT"); n != 0 {
		t.Errorf("%d writes that are not exact", n)
	}
}
