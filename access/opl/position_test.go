package opl_test

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/access/opl"
	"gatehouse/stack/stacktest"
)

// place counts line and column anew, the slow way.
func place(src string, offset int) opl.Pos {
	before := src[:offset]
	line := strings.Count(before, "\n") + 1
	return opl.Pos{Offset: offset, Line: line, Column: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1}
}

// checkSpan checks that a place is in the source and right, and returns its text.
func checkSpan(t *testing.T, m *opl.Model, s opl.Span) string {
	t.Helper()
	src := m.Sources[s.File]
	if s.Start.Offset < 0 || s.End.Offset > len(src) || s.Start.Offset > s.End.Offset {
		t.Fatalf("span %+v is outside of its source of %d bytes", s, len(src))
	}
	if s.Start != place(src, s.Start.Offset) || s.End != place(src, s.End.Offset) {
		t.Fatalf("span %+v in %q: want %+v to %+v", s, src, place(src, s.Start.Offset), place(src, s.End.Offset))
	}
	return m.Text(s)
}

// checkPlaces checks every place of a model.
func checkPlaces(t *testing.T, m *opl.Model) {
	t.Helper()
	for _, n := range m.Namespaces {
		if text := checkSpan(t, m, n.Pos); strings.Trim(text, `'"`) != n.Name {
			t.Errorf("the name of %s is placed at %q", n.Name, text)
		}
		if text := checkSpan(t, m, n.Span); !strings.HasPrefix(text, "class") {
			t.Errorf("class %s is placed at %q", n.Name, text)
		}
		for _, r := range n.Relations {
			if text := checkSpan(t, m, r.Pos); strings.Trim(text, `'"`) != r.Name {
				t.Errorf("the name of %s is placed at %q", r.Name, text)
			}
			checkSpan(t, m, r.Span)
			for _, ty := range r.Types {
				if text := checkSpan(t, m, ty.Span); !strings.Contains(text, ty.Namespace) || !strings.Contains(text, ty.Relation) {
					t.Errorf("type %s is placed at %q", ty, text)
				}
			}
			if r.Rewrite != nil {
				checkNode(t, m, r.Rewrite, r.Rewrite.Span)
			}
		}
	}
	for _, w := range m.Warnings {
		checkSpan(t, m, w.Span)
	}
}

// checkNode checks a node and that it lies within its parent.
func checkNode(t *testing.T, m *opl.Model, n opl.Node, in opl.Span) {
	t.Helper()
	s := n.Where()
	text := checkSpan(t, m, s)
	if s.Start.Offset < in.Start.Offset || s.End.Offset > in.End.Offset {
		t.Errorf("%q is not within %q", text, m.Text(in))
	}
	bad := false
	switch n := n.(type) {
	case *opl.Rewrite:
		for _, c := range n.Children {
			checkNode(t, m, c, s)
		}
	case *opl.Not:
		bad = !strings.HasPrefix(text, "!")
		checkNode(t, m, n.Child, s)
	case *opl.Computed:
		bad = !strings.Contains(text, n.Relation)
	case *opl.Traverse:
		bad = !strings.Contains(text, n.Relation) || !strings.Contains(text, n.Target) || !strings.Contains(text, "traverse")
	}
	if bad {
		t.Errorf("%s is placed at %q", show(n), text)
	}
}

func TestPlaces(t *testing.T) {
	m, errs := opl.Parse("company.ts", company)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	checkPlaces(t, m)
	view := m.Relation("File", "view")
	and := view.Rewrite
	for _, c := range []struct {
		s    opl.Span
		want string
		line int
	}{
		{m.Namespace("File").Pos, "File", 29},
		{view.Pos, "view", 39},
		{m.Relation("File", "owners").Pos, "'owners'", 33},
		{m.Relation("File", "parents").Types[1].Span, "Folder", 31},
		{m.Relation("File", "viewers").Types[0].Span, `SubjectSet<Group, "members">`, 32},
		{and.Children[1].Where(), `!this.related["block.list"].includes(ctx.subject)`, 42},
		{and.Children[1].(*opl.Not).Child.Where(), `this.related["block.list"].includes(ctx.subject)`, 42},
		{view.Simplified(opl.New).Children[0].(*opl.Rewrite).Children[1].Where(), "this.permits.edit(ctx)", 42},
	} {
		if got := m.Text(c.s); got != c.want || c.s.Start.Line != c.line {
			t.Errorf("got %q on line %d, want %q on %d", got, c.s.Start.Line, c.want, c.line)
		}
	}
	if got := m.Line("company.ts", 44); strings.TrimSpace(got) != "'edit': (ctx) => this.related.owners.includes(ctx.subject)," {
		t.Errorf("line 44 is %q", got)
	}
	if m.Line("company.ts", 0) != "" || m.Line("company.ts", 9999) != "" || m.Line("other", 1) != "" {
		t.Error("a line that is not there has a text")
	}
}

// Every place of every source is right, also in broken ones.
func TestPlacesEverywhere(t *testing.T) {
	for i := range uint64(1500) {
		src := newGen(i).source()
		m, errs := opl.Parse("x", src)
		checkPlaces(t, m)
		for _, e := range errs {
			checkSpan(t, m, e.Span)
			if e.Message == "" {
				t.Errorf("%q: an error without a text", src)
			}
		}
		if t.Failed() {
			t.Fatalf("source %d: %q", i, src)
		}
	}
}

// After an error the model holds what was read before it, for completion.
func TestModelOfBrokenSource(t *testing.T) {
	m, errs := opl.Parse("", strings.Replace(company, "// who may", "oops", 1))
	if len(errs) != 1 || errs[0].Start.Line != 37 {
		t.Fatalf("errors %v", errs)
	}
	if m.Relation("Folder", "view") == nil || m.Relation("File", "owners") == nil {
		t.Error("what was read is lost")
	}
	if _, errs := opl.Parse("big", strings.Repeat(" ", opl.MaxSource+1)); len(errs) != 1 || !strings.Contains(errs[0].Message, "larger than") {
		t.Errorf("errors %v", errs)
	}
	var nobody *opl.Model
	if nobody.Namespace("x") != nil || nobody.Relation("x", "y") != nil || nobody.Namespace("x").Related() != nil || nobody.NamespaceNames() != nil || nobody.Text(opl.Span{}) != "" {
		t.Error("a nil model has something")
	}
}

// FuzzParse lets the fuzzer look for what breaks the parser or its places; with
// GATEHOUSE_TEST_STACK set it also asks the real Keto for its opinion.
//
//	go test -fuzz FuzzParse ./access/opl
func FuzzParse(f *testing.F) {
	for _, c := range sources {
		f.Add(c.src)
	}
	for i := range uint64(50) {
		f.Add(newGen(i).source())
	}
	var o *oracle
	if info, ok, _ := stacktest.Running(); ok && info.Keto.OPLURL != "" && os.Getenv("GATEHOUSE_OPL_FUZZ_OFFLINE") == "" {
		it := newOracle(info.Keto.OPLURL)
		o = &it
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 1<<14 {
			return
		}
		m, errs := opl.Parse("x", src)
		checkPlaces(t, m)
		for _, e := range errs {
			checkSpan(t, m, e.Span)
		}
		for _, n := range m.Namespaces {
			for _, r := range n.Relations {
				if r.IsPermission != (r.Simplified(opl.Classic) != nil) || r.IsPermission != (r.Simplified(opl.New) != nil) {
					t.Errorf("%s: permission %v", r.Name, r.IsPermission)
				}
			}
		}
		if o != nil {
			if d, err := o.differs(src); err != nil || d != "" {
				t.Errorf("%s %v", d, err)
			}
		}
	})
}

// A long chain must cost as much per operand as a short one, in every shape.
func BenchmarkParse(b *testing.B) {
	for _, c := range []struct {
		name string
		one  string
	}{
		{"same operator", "this.permits.p(ctx) || "},
		{"changing operators", "this.permits.p(ctx) || this.permits.p(ctx) && "},
		{"negations", "!(this.permits.p(ctx)) && "},
	} {
		for _, n := range []int{100, 10_000} {
			src := body(strings.Repeat(c.one, n) + "this.permits.p(ctx)")
			b.Run(c.name+"/"+map[int]string{100: "short", 10_000: "long"}[n], func(b *testing.B) {
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					m, errs := opl.Parse("", src)
					if len(errs) > 0 {
						b.Fatal(errs[0])
					}
					m.Relation("A", "p").Simplified(opl.Classic)
					m.Relation("A", "p").Simplified(opl.New)
				}
			})
		}
	}
	for _, n := range []int{10, 1000} {
		src := strings.Repeat("x", n) // prose is cheap too
		src = strings.Repeat(src+" ", 100) + company
		b.Run("prose/"+map[int]string{10: "short", 1000: "long"}[n], func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				opl.Parse("", src)
			}
		})
	}
}
