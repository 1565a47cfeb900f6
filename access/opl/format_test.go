package opl_test

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/access/opl"
)

func formats(t *testing.T, src string) string {
	t.Helper()
	out, err := opl.CheckFormat(src)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFormat(t *testing.T) {
	src, err := os.ReadFile(filepath.Join("testdata", "format.in.ts"))
	if err != nil {
		t.Fatal(err)
	}
	out := formats(t, string(src))
	golden := filepath.Join("testdata", "format.out.ts")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out != string(want) {
		t.Errorf("got\n%s", out)
	}
}

// A model that is laid out well stays as it is.
func TestFormatLeavesTheStoryAlone(t *testing.T) {
	src, err := os.ReadFile(filepath.Join("..", "..", "stack", "story", "namespaces.ts"))
	if err != nil {
		t.Fatal(err)
	}
	if out := formats(t, string(src)); out != string(src) {
		t.Errorf("got\n%s", out)
	}
}

func TestFormatRefuses(t *testing.T) {
	if out, errs := opl.Format("a.ts", "class A implements Namespace { related: { x: B[] } }"); out != "" || len(errs) != 1 {
		t.Errorf("%q %v", out, errs)
	}
	for _, src := range []string{"", "\n\n", "// only a comment", "import x", "\ufeff"} {
		formats(t, src)
	}
}

// Models of all shapes keep their words.
func TestFormatKeepsTheWords(t *testing.T) {
	formatted := 0
	for seed := range uint64(3000) {
		if formats(t, newGen(seed).source()) != "" {
			formatted++
		}
	}
	if formatted < 500 {
		t.Errorf("only %d were formatted", formatted)
	}
}

// Whatever Keto accepts is formatted without a change of its words, and formatting
// again changes nothing.
func FuzzFormat(f *testing.F) {
	for _, c := range sources {
		f.Add(c.src)
	}
	for seed := range uint64(100) {
		f.Add(newGen(seed).source())
		f.Add(newGen(seed).model())
	}
	f.Add("class A implements Namespace { related: { /* x\n  y */ a: A[] // z\n ; } // end\n permits = { v: (ctx) => // why\n this.related.a.includes(ctx.subject) || /* in */ this.related.a.includes(ctx.subject) } /* last */ } // after\n")
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 20_000 {
			return
		}
		formats(t, src)
	})
}
