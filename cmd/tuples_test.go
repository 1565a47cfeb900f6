package cmd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/clients"
)

func TestTuplesAddPrintsWhatItDid(t *testing.T) {
	f := newFakeKeto(t, "Doc:a#viewers@ann")
	r := gatehouse(t, f.env(), "tuples", "add", "Doc:a#viewers@ann", "Doc:b#viewers@(Group:g#members)", "Doc:b#viewers@Group:g#members", "--json").want(t, 0)
	got := decode[[]map[string]any](t, "tuple-change", r)
	if len(got) != 2 || got[0]["outcome"] != "unchanged" || got[1]["outcome"] != "done" || got[1]["tuple"] != "Doc:b#viewers@Group:g#members" {
		t.Errorf("got %s", r.stdout)
	}
	if want := []string{"Doc:a#viewers@ann", "Doc:b#viewers@Group:g#members"}; !slices.Equal(f.texts(), want) {
		t.Errorf("stored %q", f.texts())
	}
}

// --dry-run prints every write and sends none, whatever the verb.
func TestDryRunWritesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "in.tuples")
	if err := os.WriteFile(file, []byte("Doc:new#viewers@ann\nDoc:a#viewers@ann\nDoc:new#viewers@ann\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"add":           {[]string{"tuples", "add", "Doc:new#viewers@ann", "Doc:a#viewers@ann"}, []string{"add would_do Doc:new#viewers@ann", "add unchanged Doc:a#viewers@ann"}},
		"rm":            {[]string{"tuples", "rm", "Doc:a#viewers@ann"}, []string{"remove would_do Doc:a#viewers@ann"}},
		"rm filter":     {[]string{"tuples", "rm", "--namespace", "Doc"}, []string{"remove would_do Doc:a#viewers@ann", "remove would_do Doc:b#viewers@ben"}},
		"import":        {[]string{"tuples", "import", file}, []string{"add would_do Doc:new#viewers@ann"}},
		"import, prune": {[]string{"tuples", "import", file, "--prune"}, []string{"add would_do Doc:new#viewers@ann", "remove would_do Doc:b#viewers@ben"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeKeto(t, "Doc:a#viewers@ann", "Doc:b#viewers@ben", "Group:g#members@ann")
			r := gatehouse(t, f.env(), append(c.args, "--dry-run", "--json")...).want(t, 0)
			var got []string
			for _, ch := range decode[[]map[string]any](t, "tuple-change", r) {
				got = append(got, fmt.Sprint(ch["op"], " ", ch["outcome"], " ", ch["tuple"]))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if f.writes != 0 || len(f.texts()) != 3 {
				t.Errorf("%d writes, stored %q", f.writes, f.texts())
			}
		})
	}
}

func TestReadOnlyRefusesEveryWrite(t *testing.T) {
	for _, how := range [][]string{{"--read-only"}, nil} {
		for _, args := range [][]string{
			{"tuples", "add", "Doc:new#viewers@ann"},
			{"tuples", "rm", "Doc:a#viewers@ann"},
			{"tuples", "rm", "--namespace", "Doc", "--yes"},
			{"tuples", "import", "-"},
			{"tuples", "import", "-", "--prune", "--yes"},
		} {
			f := newFakeKeto(t, "Doc:a#viewers@ann", "Doc:b#viewers@ann")
			env := f.env()
			if how == nil {
				env = f.env("GATEHOUSE_READ_ONLY=1")
			}
			r := gatehouseIn(t, "Doc:c#viewers@ann\n", env, append(append(args, "--json"), how...)...).want(t, 2)
			if e := r.failure(t); e.Kind != clients.Denied || !strings.Contains(e.Reason, "read-only") {
				t.Errorf("%q: %+v", args, e)
			}
			if f.writes != 0 || len(f.texts()) != 2 {
				t.Errorf("%q wrote: %q", args, f.texts())
			}
		}
	}
}

func TestRemovingByFilterHasToBeConfirmed(t *testing.T) {
	f := newFakeKeto(t, "Doc:a#viewers@ann", "Doc:b#viewers@ann")
	r := gatehouse(t, f.env(), "tuples", "rm", "--namespace", "Doc").want(t, 2)
	if !strings.Contains(r.stderr, "2 relation tuples") || !strings.Contains(r.stderr, "--yes") || len(f.texts()) != 2 {
		t.Errorf("stderr %q, stored %q", r.stderr, f.texts())
	}
	r = gatehouse(t, f.env(), "tuples", "rm", "--namespace", "Doc", "--yes", "--jsonl").want(t, 0)
	if strings.Count(r.stdout, `"outcome":"done"`) != 2 || len(f.texts()) != 0 {
		t.Errorf("stdout %q, stored %q", r.stdout, f.texts())
	}
	gatehouse(t, f.env(), "tuples", "rm", "--namespace", "Doc", "--yes").want(t, 1) // nothing there
	gatehouse(t, f.env(), "tuples", "rm").want(t, 2)
	gatehouse(t, f.env(), "tuples", "rm", "Doc:a#viewers@ann", "--namespace", "Doc").want(t, 2)
}

func TestRemovingWhatIsNotThere(t *testing.T) {
	f := newFakeKeto(t, "Doc:a#viewers@ann")
	r := gatehouse(t, f.env(), "tuples", "rm", "Doc:a#viewers@ann", "Doc:zz#viewers@ann", "--json").want(t, 1)
	got := decode[[]map[string]any](t, "tuple-change", r)
	if len(got) != 2 || got[0]["outcome"] != "done" || got[1]["outcome"] != "absent" || r.stderr != "" {
		t.Errorf("got %s %s", r.stdout, r.stderr)
	}
}

// A write whose answer is lost is never told as not happened, and is looked up.
func TestLostAnswers(t *testing.T) {
	lose := func(happens bool) func(int, func(), http.ResponseWriter) bool {
		return func(_ int, carryOut func(), w http.ResponseWriter) bool {
			if happens {
				carryOut()
			}
			cut(w)
			return true
		}
	}
	for _, c := range []struct {
		name    string
		args    []string
		happens bool
		code    int
		outcome string
		stored  int
	}{
		{"add, happened", []string{"tuples", "add", "Doc:new#viewers@ann"}, true, 0, "done", 3},
		{"add, not", []string{"tuples", "add", "Doc:new#viewers@ann"}, false, 2, "unknown", 2},
		{"rm, happened", []string{"tuples", "rm", "Doc:a#viewers@ann"}, true, 0, "done", 1},
		{"rm, not", []string{"tuples", "rm", "Doc:a#viewers@ann"}, false, 2, "unknown", 2},
		{"rm by filter, happened", []string{"tuples", "rm", "--object", "a", "--yes"}, true, 0, "done", 1},
		{"rm by filter, not", []string{"tuples", "rm", "--object", "a", "--yes"}, false, 2, "unknown", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeKeto(t, "Doc:a#viewers@ann", "Doc:b#viewers@ann")
			f.onWrite = lose(c.happens)
			r := gatehouse(t, f.env(), append(c.args, "--jsonl")...).want(t, c.code)
			if strings.Count(r.stdout, `"outcome":"`+c.outcome+`"`) != 1 || len(f.texts()) != c.stored {
				t.Errorf("stdout %q, stored %q", r.stdout, f.texts())
			}
			if c.code == 2 {
				if e := r.failure(t); e.Kind != clients.UnknownOutcome || !strings.Contains(e.Reason, "has not happened so far") {
					t.Errorf("%+v", e)
				}
			} else if !strings.Contains(r.stderr, "it did happen") {
				t.Errorf("stderr %q", r.stderr)
			}
		})
	}
}

func manyTuples(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Doc:d%d#viewers@ann\n", i)
	}
	return b.String()
}

// An import that stops half-way says how much is written and where to go on, and
// going on there finishes it.
func TestImportStopsAndGoesOn(t *testing.T) {
	f := newFakeKeto(t)
	f.onWrite = func(n int, _ func(), w http.ResponseWriter) bool {
		if n != 3 {
			return false
		}
		answer(w, 500, map[string]any{"error": map[string]any{"code": 500, "message": "database is locked"}})
		return true
	}
	file := filepath.Join(t.TempDir(), "in.tuples")
	if err := os.WriteFile(file, []byte("# head\n\n"+manyTuples(3500)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := gatehouse(t, f.env(), "tuples", "import", file, "--json").want(t, 2)
	got := decode[importResult](t, "import", r)
	if got.Added != 2000 || got.Complete || got.ResumeLine != 2003 || len(f.texts()) != 2000 {
		t.Errorf("got %+v, %d stored", got, len(f.texts()))
	}
	e := r.failure(t)
	if !strings.Contains(e.Reason, "2,000 written before that") || !strings.Contains(e.Hint, "--from-line 2003") {
		t.Errorf("%+v", e)
	}
	got = decode[importResult](t, "import", gatehouse(t, f.env(), "tuples", "import", file, "--from-line", "2003", "--json").want(t, 0))
	if got.Read != 1500 || got.Added != 1500 || !got.Complete || len(f.texts()) != 3500 {
		t.Errorf("got %+v, %d stored", got, len(f.texts()))
	}
}

// A bad line anywhere in a file, or in the part of a stream that is held, is found
// before the first write.
func TestImportLooksAtEverythingFirst(t *testing.T) {
	bad := manyTuples(2500) + "Doc:broken\n"
	file := filepath.Join(t.TempDir(), "in.tuples")
	if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{file, "-"} {
		f := newFakeKeto(t)
		r := gatehouseIn(t, bad, f.env(), "tuples", "import", where, "--json").want(t, 2)
		if e := r.failure(t); e.Kind != clients.Invalid || !strings.Contains(e.Reason, "line 2501: ") || !strings.Contains(e.Hint, "nothing was written") {
			t.Errorf("%+v", e)
		}
		if f.writes != 0 {
			t.Errorf("%d writes", f.writes)
		}
	}
}

// A stream longer than what is held is written while it is read; a bad line then
// stops it where it stands.
func TestImportOfALongStream(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100,000 tuples to a fake")
	}
	f := newFakeKeto(t)
	r := gatehouseIn(t, manyTuples(wholeInput+500)+"broken\nDoc:after#viewers@ann\n", f.env(), "tuples", "import", "-", "--json").want(t, 2)
	got := decode[importResult](t, "import", r)
	if got.Added != wholeInput || got.ResumeLine != wholeInput+1 || len(f.texts()) != wholeInput {
		t.Errorf("got %+v, %d stored", got, len(f.texts()))
	}
	if e := r.failure(t); !strings.Contains(e.Reason, fmt.Sprintf("line %d: ", wholeInput+501)) {
		t.Errorf("%+v", e)
	}
}

func TestImportPrune(t *testing.T) {
	f := newFakeKeto(t, "Doc:a#viewers@ann", "Doc:old#viewers@ann", "Doc:old#viewers@ann", "Group:g#members@ann")
	in := "Doc:a#viewers@ann\nDoc:b#viewers@ann\n"
	gatehouseIn(t, in, f.env(), "tuples", "import", "-", "--prune").want(t, 2) // not confirmed
	if f.writes != 0 {
		t.Fatal("wrote without being confirmed")
	}
	got := decode[importResult](t, "import", gatehouseIn(t, in, f.env(), "tuples", "import", "-", "--prune", "--yes", "--json").want(t, 0))
	if got.Read != 2 || got.Added != 1 || got.Unchanged != 1 || got.Removed != 1 {
		t.Errorf("got %+v", got)
	}
	if want := []string{"Doc:a#viewers@ann", "Doc:b#viewers@ann", "Group:g#members@ann"}; !slices.Equal(f.texts(), want) {
		t.Errorf("stored %q", f.texts())
	}
}

// Whatever the tuples hold, what export writes import reads back to the same.
func TestExportAndImportAgree(t *testing.T) {
	hostile := []string{
		`{"namespace":"Doc","object":"a#b","relation":"viewers","subject_id":"f:1:ann"}`,
		`{"namespace":"Doc","object":"\u001b[31mred\u202e","relation":"viewers","subject_id":"ann\nben"}`,
		`{"namespace":"Doc","object":" space ","relation":"viewers","subject_set":{"namespace":"Group","object":"g","relation":""}}`,
		`{"namespace":"#Doc","object":"x","relation":"y","subject_id":"(z)"}`,
		"Doc:plain#viewers@Group:g#members",
		`{"namespace":"Doc","object":"😀 عربي","relation":"viewers","subject_id":"é"}`,
	}
	from := newFakeKeto(t)
	gatehouseIn(t, strings.Join(hostile, "\n"), from.env(), "tuples", "import", "-").want(t, 0)
	for _, form := range [][]string{nil, {"--json"}, {"--jsonl"}} {
		to := newFakeKeto(t)
		r := gatehouse(t, from.env(), append([]string{"tuples", "export"}, form...)...).want(t, 0)
		for _, c := range r.stdout {
			if c != '\n' && (c < 0x20 || unsafeRune(c)) {
				t.Errorf("%q holds %U", form, c)
			}
		}
		gatehouseIn(t, r.stdout, to.env(), "tuples", "import", "-").want(t, 0)
		if len(to.texts()) != len(hostile) || !slices.Equal(to.texts(), from.texts()) {
			t.Errorf("%q: %q, want %q", form, to.texts(), from.texts())
		}
	}
}

func TestTuplesListFilters(t *testing.T) {
	f := newFakeKeto(t, "Doc:a#viewers@ann", "Doc:a#owners@Group:g#members", "Doc:b#viewers@ben", "Group:g#members@ann")
	for _, c := range []struct {
		args []string
		want int
	}{
		{nil, 4}, {[]string{"--namespace", "Doc"}, 3}, {[]string{"--object", "a"}, 2}, {[]string{"--relation", "viewers"}, 2},
		{[]string{"--subject", "ann"}, 2}, {[]string{"--subject", "Group:g#members"}, 1}, {[]string{"--subject-id", "Group:g#members"}, 0},
		{[]string{"--namespace", "Doc", "--subject", "ann"}, 1}, {[]string{"--limit", "2"}, 2}, {[]string{"--namespace", "Nope"}, 0},
	} {
		r := gatehouse(t, f.env(), append([]string{"tuples", "list", "--json"}, c.args...)...).want(t, 0)
		if got := decode[[]json.RawMessage](t, "tuple", r); len(got) != c.want {
			t.Errorf("%q: %s", c.args, r.stdout)
		}
	}
	for _, args := range [][]string{{"--subject", ""}, {"--limit", "-1"}, {"--subject", "a", "--subject-id", "b"}, {"extra"}} {
		gatehouse(t, f.env(), append([]string{"tuples", "list"}, args...)...).want(t, 2)
	}
}
