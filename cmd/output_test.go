package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/access/tuple"
	"gatehouse/clients"
)

// formats are the flags of every form of output.
var formats = []string{"", "--json", "--jsonl", "--yaml", "--csv"}

func inFormat(flag string, out io.Writer) *globals {
	g := newGlobals(World{Stdin: strings.NewReader(""), Stdout: out, Stderr: io.Discard, Now: time.Now})
	g.json, g.jsonl, g.yaml, g.csv = flag == "--json", flag == "--jsonl", flag == "--yaml", flag == "--csv"
	return g
}

// someUsers yields n users, and then err if there is one.
func someUsers(n int, err error) iter.Seq2[userOut, error] {
	return func(yield func(userOut, error) bool) {
		u := userOut{Realm: "r", ID: "9c3f7f34-0000-4000-8000-000000000000", Username: "user", Email: "user@acme.example", Enabled: true}
		for i := range n {
			u.FirstName = fmt.Sprintf("First %d", i)
			if !yield(u, nil) {
				return
			}
		}
		if err != nil {
			yield(userOut{}, err)
		}
	}
}

func same[T any](v T) T { return v }

// A list takes the same memory however long it is, in every form.
func TestListsTakeFlatMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("prints a million rows")
	}
	for _, f := range formats {
		n := 1_000_000
		if f == "--yaml" {
			n = 100_000 // much slower, and the same code path for each row
		}
		t.Run("format "+f, func(t *testing.T) {
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			peak := uint64(0)
			watched := func(yield func(userOut, error) bool) {
				i := 0
				for u, err := range someUsers(n, nil) {
					if i++; i%(n/4) == 0 {
						runtime.GC()
						runtime.ReadMemStats(&now)
						peak = max(peak, now.HeapAlloc)
					}
					if !yield(u, err) {
						return
					}
				}
			}
			g := inFormat(f, io.Discard)
			if err := printAll(g, newRows(g, userColumns), watched, 0, same[userOut]); err != nil {
				t.Fatal(err)
			}
			if peak > before.HeapAlloc+(4<<20) {
				t.Errorf("%d rows hold %d KB", n, (peak-before.HeapAlloc)>>10)
			}
		})
	}
}

// A list that an error cuts short never looks whole.
func TestCutListsLookCut(t *testing.T) {
	broken := errors.New("cut")
	for n := range 3 {
		var out bytes.Buffer
		g := inFormat("--json", &out)
		if err := printAll(g, newRows(g, userColumns), someUsers(n, broken), 0, same[userOut]); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if json.Valid(out.Bytes()) || n == 0 && out.Len() > 0 {
			t.Errorf("%d rows: %q", n, out.String())
		}
	}
}

// The rows before an error are printed, and a reader that goes away ends a list.
func TestReaderGoesAway(t *testing.T) {
	for _, f := range formats {
		r, w := io.Pipe()
		read := make(chan string)
		go func() {
			buf := make([]byte, 10)
			_, _ = io.ReadFull(r, buf)
			r.Close()
			read <- string(buf)
		}()
		g := inFormat(f, w)
		err := printAll(g, newRows(g, userColumns), someUsers(1_000_000, nil), 0, same[userOut])
		if !errors.Is(err, errReaderGone) {
			t.Errorf("%q: %v", f, err)
		}
		if code, show := exitCode(err, false); code != 0 || show {
			t.Errorf("exit code %d, shown %v", code, show)
		}
		<-read
	}
}

func TestTableAligns(t *testing.T) {
	var out bytes.Buffer
	g := inFormat("", &out)
	rows := newRows(g, []column[[2]string]{
		{Name: "name", Text: func(v [2]string) string { return v[0] }},
		{Name: "the_note", Text: func(v [2]string) string { return v[1] }},
	})
	for _, v := range [][2]string{{"a", "x"}, {"bcd\x1b[31m", "y"}, {"日本", ""}, {strings.Repeat("long", 20), "z"}} {
		if err := rows.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[0], "NAME ") || !strings.HasSuffix(lines[0], "  THE NOTE") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%q", lines)
	}
	if at := strings.Index(lines[1], "x"); at != strings.Index(lines[0], "THE NOTE") {
		t.Errorf("not aligned: %q", lines)
	}
}

func TestExitCodes(t *testing.T) {
	p := func(k clients.Kind) error { return &clients.Problem{Kind: k, Op: "x"} }
	for _, c := range []struct {
		err         error
		interrupted bool
		code        int
		show        bool
	}{
		{nil, false, 0, false}, {nil, true, 0, false},
		{answerNo(), false, 1, false}, {p(clients.NotFound), false, 1, true}, {cannotDo(p(clients.NotFound)), false, 2, true},
		{p(clients.Denied), false, 2, true}, {p(clients.Timeout), false, 2, true}, {errors.New("x"), false, 2, true},
		{p(clients.Canceled), true, 130, false}, {p(clients.UnknownOutcome), true, 130, true}, {answerNoAfter(errReaderGone), false, 1, false},
		{errReaderGone, false, 0, false}, {fmt.Errorf("line 3: %w", p(clients.NotFound)), false, 1, true},
	} {
		if code, show := exitCode(c.err, c.interrupted); code != c.code || show != c.show {
			t.Errorf("%v, interrupted %v: %d %v, want %d %v", c.err, c.interrupted, code, show, c.code, c.show)
		}
	}
}

// An error is one line, whatever a server put into it.
func TestErrorsAreOneLine(t *testing.T) {
	err := &clients.Problem{Kind: clients.Invalid, Op: "write", Reason: "bad\nworse\x1b[2J\u202e", Hint: "do\r\nthis", Fields: []clients.Field{{Path: "a", Message: "b\nc"}}}
	var out bytes.Buffer
	g := inFormat("", io.Discard)
	g.stderr = &out
	g.printError(err)
	if s := out.String(); strings.Count(s, "\n") != 1 || strings.ContainsAny(s, "\x1b\r\u202e") || !strings.HasPrefix(s, "gatehouse: write: bad") {
		t.Errorf("%q", s)
	}
	out.Reset()
	g.json = true
	g.printError(err)
	var back errorJSON
	if s := out.String(); json.Unmarshal([]byte(s), &back) != nil || back.Error.Reason != err.Reason || strings.ContainsAny(s, "\x1b\u202e") || strings.Count(s, "\n") != 1 {
		t.Errorf("%q", s)
	}
	validate(t, "error", out.String())
}

func BenchmarkPrintTuples(b *testing.B) {
	tp := tuple.Tuple{Namespace: "Doc", Object: "quarterly-report", Relation: "viewers", Subject: tuple.SubjectSet("Group", "finance", "members")}
	for _, f := range formats {
		b.Run("format"+f, func(b *testing.B) {
			g := inFormat(f, io.Discard)
			out := newLines(g, tupleColumns, tupleLine)
			b.ReportAllocs()
			for b.Loop() {
				if err := out.Add(tp); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
