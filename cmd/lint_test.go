package cmd

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/assert"
	"gatehouse/access/lint"
	"gatehouse/access/opl"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
)

// Without a server a model and tuples are looked at, each with its exit code.
func TestLintWithoutAServer(t *testing.T) {
	base := append([]string{"lint"}, whyFiles(t)[1:]...)
	list := decode[[]lint.Finding](t, "finding", gatehouse(t, nil, append(base, "--json")...).want(t, exitNo))
	for _, c := range []lint.Code{lint.PoisonTuple, lint.TraversedID, lint.BlockFailsOpen} {
		if !slices.ContainsFunc(list, func(f lint.Finding) bool { return f.Code == c }) {
			t.Errorf("%s was not found", c)
		}
	}
	r := gatehouse(t, nil, base...).want(t, exitNo)
	for _, want := range []string{"✗ error  traversed_id  Doc:run#parents@f", "- Doc:run#parents@f\n", "+ Doc:run#parents@Folder:f#\n", "model.ts:58:39"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not in\n%s", want, r.stdout)
		}
	}
	if !strings.Contains(r.stderr, "less grave than warning") {
		t.Errorf("it does not say that there is more: %q", r.stderr)
	}
	all := decode[[]lint.Finding](t, "finding", gatehouse(t, nil, append(base, "--json", "--severity", "info")...).want(t, exitNo))
	grave := decode[[]lint.Finding](t, "finding", gatehouse(t, nil, append(base, "--json", "--severity", "error")...).want(t, exitNo))
	if len(all) <= len(list) || len(grave) >= len(list) {
		t.Errorf("%d, %d and %d findings", len(all), len(list), len(grave))
	}
	for _, form := range []string{"--jsonl", "--yaml", "--csv"} {
		if out := gatehouse(t, nil, append(base, form)...).want(t, exitNo).stdout; !strings.Contains(out, "traversed_id") {
			t.Errorf("%s: %s", form, out)
		}
	}
	skipped := gatehouse(t, nil, append(base, "--json", "--severity", "error", "--skip", "traversed_id", "--skip", "poison_tuple")...).want(t, exitYes)
	if strings.TrimSpace(skipped.stdout) != "[]" {
		t.Errorf("%s", skipped.stdout)
	}
	gatehouse(t, nil, "lint", "--no-tuples", "--opl", base[2], "--severity", "error").want(t, exitYes)
	// Without a model not everything is looked at, so "nothing" is no answer.
	dir := t.TempDir()
	empty := filepath.Join(dir, "none.tuples")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := gatehouse(t, nil, "lint", "--tuples", empty, "--json").want(t, exitProblem).failure(t); !strings.Contains(f.Reason, "model") {
		t.Errorf("%+v", f)
	}
}

func TestLintUsage(t *testing.T) {
	base := append([]string{"lint"}, whyFiles(t)[1:]...)
	for name, args := range map[string][]string{
		"no such level":   append(base[:5:5], "--severity", "grave"),
		"no such code":    append(base[:5:5], "--skip", "poison_tupel"),
		"no such tuples":  {"lint", "--tuples", "none", "--opl", base[2]},
		"no such model":   {"lint", "--opl", "none.ts", "--no-tuples"},
		"broken tuples":   {"lint", "--tuples", base[2], "--opl", base[2]},
		"nobody is asked": {"lint"},
	} {
		t.Run(name, func(t *testing.T) {
			f := gatehouse(t, nil, append(args, "--json")...).want(t, exitProblem).failure(t)
			if f.Reason == "" {
				t.Errorf("%+v", f)
			}
			if name == "no such code" && !strings.Contains(f.Reason, `did you mean "poison_tuple"?`) {
				t.Errorf("%s", f.Reason)
			}
		})
	}
}

// Each code is explained, on the screen and in the documents.
func TestLintCodes(t *testing.T) {
	list := decode[[]lint.About](t, "lint-code", gatehouse(t, nil, "lint", "--codes", "--json").want(t, exitYes))
	var b strings.Builder
	if err := writeLintDocs(&b); err != nil {
		t.Fatal(err)
	}
	seen := map[lint.Code]bool{}
	for _, a := range list {
		if seen[a.Code] || a.Finds == "" || a.Meaning == "" || a.Todo == "" || !strings.Contains(b.String(), "`"+string(a.Code)+"`") {
			t.Errorf("%+v", a)
		}
		seen[a.Code] = true
	}
	if len(list) < 40 {
		t.Errorf("%d codes", len(list))
	}
}

func TestOPLCheck(t *testing.T) {
	r := gatehouseIn(t, "class A implements Namespace {\n  related: { x: B[] }\n}\n", nil, "opl", "check", "-").want(t, exitNo)
	if !strings.Contains(r.stdout, "stdin:2:17: error: expected a declared class, found \"B\"") || !strings.Contains(r.stdout, "      related: { x: B[] }\n                    ^") {
		t.Errorf("got\n%s", r.stdout)
	}
	list := decode[[]oplProblem](t, "opl-problem", gatehouseIn(t, "class A", nil, "opl", "check", "-", "--json").want(t, exitNo))
	if len(list) != 1 || list[0].Line != 1 || list[0].By != "gatehouse" {
		t.Errorf("%+v", list)
	}
	r = gatehouseIn(t, story.Model(), nil, "opl", "check", "-").want(t, exitYes)
	if r.stdout != "" || !strings.Contains(r.stderr, "accepted") {
		t.Errorf("%q %q", r.stdout, r.stderr)
	}
	// A warning is no refusal, and what a terminal could obey is not printed.
	src := "class A implements Namespace { related: { x: A[] } permits = { v: (ctx) => /*\x1b[31m*/ this.related.x.includes(ctx.subject) || , } }"
	r = gatehouseIn(t, src, nil, "opl", "check", "-").want(t, exitYes)
	if !strings.Contains(r.stdout, "warning") || strings.Contains(r.stdout, "\x1b") {
		t.Errorf("%q", r.stdout)
	}
	gatehouse(t, nil, "opl", "check", "none.ts").want(t, exitProblem)
	gatehouse(t, nil, "opl", "check").want(t, exitProblem)
}

func TestOPLFormat(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.ts")
	const src, want = "class A implements Namespace{related:{x:A[] // who\n}}\n", "class A implements Namespace {\n  related: {\n    x: A[] // who\n  }\n}\n"
	put := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	put(src)
	if r := gatehouse(t, nil, "opl", "fmt", path).want(t, exitYes); r.stdout != want {
		t.Errorf("got\n%s", r.stdout)
	}
	if r := gatehouseIn(t, src, nil, "opl", "fmt", "-").want(t, exitYes); r.stdout != want {
		t.Errorf("got\n%s", r.stdout)
	}
	if r := gatehouse(t, nil, "opl", "fmt", "--check", path).want(t, exitNo); strings.TrimSpace(r.stdout) != path {
		t.Errorf("%q", r.stdout)
	}
	r := gatehouse(t, nil, "opl", "fmt", "--diff", path).want(t, exitNo)
	if !strings.Contains(r.stdout, "@@ -1,2 +1,5 @@\n-class A implements Namespace{related:{x:A[] // who\n") || !strings.Contains(r.stdout, "+    x: A[] // who\n") {
		t.Errorf("got\n%s", r.stdout)
	}
	gatehouse(t, nil, "opl", "fmt", "--write", "--dry-run", path).want(t, exitYes)
	gatehouse(t, nil, "opl", "fmt", "--write", "--read-only", path).want(t, exitProblem)
	if b, _ := os.ReadFile(path); string(b) != src {
		t.Fatalf("it was written: %s", b)
	}
	out := decode[[]formatOut](t, "opl-format", gatehouse(t, nil, "opl", "fmt", "--write", "--json", path).want(t, exitYes))
	b, _ := os.ReadFile(path)
	info, _ := os.Stat(path)
	if string(b) != want || len(out) != 1 || !out[0].Written || info.Mode().Perm() != 0o640 {
		t.Errorf("%s %+v %v", b, out, info.Mode())
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("something was left behind: %v", left)
	}
	gatehouse(t, nil, "opl", "fmt", "--check", path).want(t, exitYes)
	put("class A")
	if f := gatehouse(t, nil, "opl", "fmt", "--write", path, "--json").want(t, exitProblem).failure(t); !strings.Contains(f.Reason, "model.ts:1:8") {
		t.Errorf("%+v", f)
	}
}

func TestLineDiff(t *testing.T) {
	var a, b []string
	for i := range 40 {
		a = append(a, fmt.Sprint("line ", i))
	}
	b = slices.Clone(a)
	b[3], b[30] = "three", "thirty"
	b = slices.Insert(b, 20, "new")
	got := lineDiff("f", strings.Join(a, "\n")+"\n", strings.Join(b, "\n")+"\n")
	for _, want := range []string{"@@ -1,7 +1,7 @@", "-line 3\n+three\n", "@@ -18,6 +18,7 @@", "+new\n", "@@ -28,7 +29,7 @@", "-line 30\n+thirty\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestOPLGraph(t *testing.T) {
	if r := gatehouseIn(t, story.Model(), nil, "opl", "graph", "-").want(t, exitYes); !strings.Contains(r.stdout, "├ not blocked") || !strings.Contains(r.stdout, "parents → view   of Folder#view") {
		t.Errorf("got\n%s", r.stdout)
	}
	if r := gatehouseIn(t, story.Model(), nil, "opl", "graph", "-", "--format", "dot").want(t, exitYes); !strings.HasPrefix(r.stdout, "digraph") {
		t.Errorf("got\n%s", r.stdout)
	}
	if r := gatehouseIn(t, story.Model(), nil, "opl", "graph", "-", "--format", "mermaid").want(t, exitYes); !strings.HasPrefix(r.stdout, "flowchart") {
		t.Errorf("got\n%s", r.stdout)
	}
	if g := decode[opl.Graph](t, "opl-graph", gatehouseIn(t, story.Model(), nil, "opl", "graph", "-", "--json").want(t, exitYes)); len(g.Nodes) < 20 || len(g.Edges) < 30 {
		t.Errorf("%d nodes, %d edges", len(g.Nodes), len(g.Edges))
	}
	gatehouseIn(t, "class A", nil, "opl", "graph", "-").want(t, exitProblem)
	gatehouseIn(t, story.Model(), nil, "opl", "graph", "-", "--format", "png").want(t, exitProblem)
}

const testAssertions = `
tests:
  - name: q3
    allow: ["Doc:q3#view@ben"]
    deny: ["Doc:q3#view@ann"]
`

func TestTestWithoutAServer(t *testing.T) {
	flags := whyFiles(t)[1:]
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, "a.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	args := append([]string{"test", file(testAssertions)}, flags...)
	if r := gatehouse(t, nil, args...).want(t, exitYes); !strings.Contains(r.stdout, "2 assertions: 2 hold; no server was asked\nrules: ") {
		t.Errorf("%s", r.stdout)
	}
	file(testAssertions + "    error: [\"Doc:q3#view@ann\"]\n    checks: [{check: \"Doc:q3#view@dana\", expect: allow}]\n")
	report := filepath.Join(dir, "report.xml")
	r := gatehouse(t, nil, append(args, "--junit", report)...).want(t, exitNo)
	for _, want := range []string{"✗ " + args[1] + ":7  allow Doc:q3#view@dana", "Doc:q3#blocked@dana", "4 assertions: 2 hold, 2 fail"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not in\n%s", want, r.stdout)
		}
	}
	b, err := os.ReadFile(report)
	if err != nil || xml.Unmarshal(b, new(struct {
		XMLName xml.Name `xml:"testsuites"`
	})) != nil || !strings.Contains(string(b), `failures="2"`) {
		t.Errorf("%v %s", err, b)
	}
	res := decode[testOut](t, "test", gatehouse(t, nil, append(args, "--json")...).want(t, exitNo))
	if res.Failed != 2 || len(res.Tests) != 4 || res.Live || res.Coverage.Operands == 0 || res.Tests[3].Trace == nil {
		t.Errorf("%+v", res.Summary)
	}
	if lines := strings.Split(strings.TrimSpace(gatehouse(t, nil, append(args, "--jsonl")...).want(t, exitNo).stdout), "\n"); len(lines) != 4 {
		t.Errorf("%q", lines)
	} else {
		validate(t, "test-row", lines[3])
	}
	for name, text := range map[string]string{
		`did you mean "allow"?`: "tests:\n  - alow: []\n", "a.yaml:2:": "tests:\n  - allow: [\"nonsense\"]\n", "no assertions": "about: nothing\n",
	} {
		file(text)
		if f := gatehouse(t, nil, append(args, "--json")...).want(t, exitProblem).failure(t); !strings.Contains(f.Reason, name) {
			t.Errorf("%q: %+v", name, f)
		}
	}
	// Model and tuples of the file itself, and people by name.
	file("model: {text: " + `"class Doc implements Namespace { related: { v: Doc[] } }"` + "}\ntuples: [\"Doc:a#v@${ann}\"]\npeople: {ann: ann@acme.example}\ntests: [{allow: [\"Doc:a#v@${ann}\"]}]\n")
	gatehouse(t, nil, args[:2]...).want(t, exitYes)
	gatehouse(t, nil, append(args[:2:2], "--set", "ann=8f1c")...).want(t, exitYes)
	gatehouse(t, nil, append(args[:2:2], "--set", "anna=8f1c")...).want(t, exitProblem)
	gatehouse(t, nil, append(args[:2:2], "--live")...).want(t, exitProblem)
	gatehouse(t, nil, "test", filepath.Join(dir, "none.yaml")).want(t, exitProblem)
	gatehouse(t, nil, append(args[:2:2], "--junit", dir)...).want(t, exitProblem)
	file("model: {text: class}\ntuples: [\"Doc:a#v@x\"]\ntests: [{allow: [\"Doc:a#v@x\"]}]\n")
	gatehouse(t, nil, args[:2]...).want(t, exitProblem)
}

// On a real Keto the assertions of the story hold with the story's tuples, and the
// lints find its mistakes; a fix that a lint offers makes the server answer yes.
func TestTestAndLintOnARealKeto(t *testing.T) {
	info := stacktest.OwnKeto(t, story.Model(), map[string]any{"log.level": "error"})
	s, err := story.Load()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, text := range s.Tuples {
		tt, err := s.Tuple(text, func(key string) (string, error) { return key, nil })
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tt.String())
	}
	env := []string{"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL, "GATEHOUSE_KETO_OPL_URL=" + info.OPLURL, "GATEHOUSE_KETO_OPL=" + info.OPL}
	gatehouseIn(t, strings.Join(all, "\n"), env, "tuples", "import", "-", "--force").want(t, exitYes)

	args := []string{"test", filepath.Join("..", "stack", "story", "access.test.yaml"), "--live"}
	text, err := os.ReadFile(args[1])
	if err != nil {
		t.Fatal(err)
	}
	file, err := assert.Parse(args[1], text)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range file.People {
		args = append(args, "--set", p.Key+"="+p.Key)
	}
	res := decode[testOut](t, "test", gatehouse(t, env, append(args, "--json")...).want(t, exitNo))
	for _, r := range res.Tests { // without a Kratos nobody knows that ann@acme.example is Ann
		if r.Result != assert.Pass && !strings.Contains(r.Reason, access.CauseAlias) {
			t.Errorf("%d %s: %s", r.Line, r.Assertion, r.Reason)
		}
	}
	if !res.Live || res.Passed < 20 {
		t.Errorf("%+v", res.Summary)
	}

	before := decode[[]lint.Finding](t, "finding", gatehouse(t, env, "lint", "--json", "--severity", "error").want(t, exitNo))
	for _, f := range before {
		for _, w := range f.Fix {
			op := map[bool]string{true: "add", false: "rm"}[w.Op == "add"]
			gatehouse(t, env, "tuples", op, w.Tuple).want(t, exitYes)
		}
	}
	gatehouse(t, env, "lint", "--severity", "error").want(t, exitYes)
	for _, q := range []string{"Doc:runbook#view@sofia", "Doc:roadmap#view@carl"} {
		gatehouse(t, env, "check", q).want(t, exitYes)
	}
	// Both parsers look at a model; where both refuse, each says where.
	gatehouseIn(t, story.Model(), env, "opl", "check", "-").want(t, exitYes)
	list := decode[[]oplProblem](t, "opl-problem", gatehouseIn(t, "class A implements Namespace {\n  related: { x: B[] }\n}\n", env, "opl", "check", "-", "--json").want(t, exitNo))
	if len(list) != 2 || list[0].By != "gatehouse" || list[1].By != "keto" || list[0].Line != list[1].Line || list[0].Column != list[1].Column {
		t.Errorf("%+v", list)
	}
}
