package assert_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/access"
	"gatehouse/access/assert"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/stack/story"
)

const model = `class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Doc implements Namespace {
  related: { viewers: (User | SubjectSet<Group, "members">)[]
    blocked: User[] }
  permits = { view: (ctx) => this.related.viewers.includes(ctx.subject) && !this.related.blocked.includes(ctx.subject),
    own: (ctx) => this.related.viewers.includes(ctx.subject) }
}`

func parse(t testing.TB, text string) *assert.File {
	t.Helper()
	f, err := assert.Parse("a.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func explainer(t testing.TB, f *assert.File) access.Explainer {
	t.Helper()
	m, errs := opl.Parse("model.ts", model)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	ts, err := f.Given(nil)
	if err != nil {
		t.Fatal(err)
	}
	return access.Explainer{Model: m, Tuples: access.NewTuples(ts)}
}

func run(t testing.TB, r *assert.Runner, f *assert.File) ([]assert.Row, assert.Summary) {
	t.Helper()
	var rows []assert.Row
	s, err := r.Run(t.Context(), []*assert.File{f}, func(row assert.Row) error { rows = append(rows, row); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return rows, s
}

const given = `
tuples:
  - Doc:q3#viewers@Group:finance#members
  - Group:finance#members@carla
  - Group:finance#members@dana
  - Doc:q3#blocked@dana
  - Doc:bad#viewers@Group:finance#member
people: {ann: ann@acme.example}
tests:
`

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		tests  string
		result assert.Result
		says   string
	}{
		"allowed":                {`[{allow: ["Doc:q3#view@carla"]}]`, assert.Pass, ""},
		"not allowed":            {`[{allow: ["Doc:q3#view@${ann}"]}]`, assert.Fail, "ann is not in Group:finance#members"},
		"denied":                 {`[{deny: ["Doc:q3#view@${ann.email}"]}]`, assert.Pass, ""},
		"not denied":             {`[{deny: ["Doc:q3#view@carla"]}]`, assert.Fail, "carla"},
		"an error":               {`[{error: ["Doc:bad#view@carla"]}]`, assert.Pass, ""},
		"an error is no denial":  {`[{deny: ["Doc:bad#view@carla"]}]`, assert.Fail, "Group:finance#member"},
		"a denial is no error":   {`[{error: ["Doc:q3#view@${ann}"]}]`, assert.Fail, "ann"},
		"because of a tuple":     {`[{checks: [{check: "Doc:q3#view@carla", expect: allow, because: "Group:finance#members@carla"}]}]`, assert.Pass, ""},
		"because of another":     {`[{checks: [{check: "Doc:q3#view@carla", expect: allow, because: "Doc:q3#viewers@carla"}]}]`, assert.Fail, "does not rest on"},
		"because of a block":     {`[{checks: [{check: "Doc:q3#view@dana", expect: deny, because: blocked}]}]`, assert.Pass, ""},
		"because of the tuple":   {`[{checks: [{check: "Doc:q3#view@dana", expect: deny, because: "Doc:q3#blocked@dana"}]}]`, assert.Pass, ""},
		"supposed to be added":   {`[{add: ["Group:finance#members@${ann}"], allow: ["Doc:q3#view@${ann}"]}]`, assert.Pass, ""},
		"supposed to be removed": {`[{remove: ["Doc:q3#blocked@dana"], allow: ["Doc:q3#view@dana"]}]`, assert.Pass, ""},
		"who can":                {`[{who_can: {"Doc:q3#view": [carla]}}]`, assert.Pass, ""},
		"too few":                {`[{who_can: {"Doc:q3#view": []}}]`, assert.Fail, "can and should not: carla"},
		"too many":               {`[{who_can: {"Doc:q3#view": [carla, dana]}}]`, assert.Fail, "cannot and should: dana"},
		"who could":              {`[{add: ["Group:finance#members@ann"], who_can: {"Doc:q3#view": [carla, ann]}}]`, assert.Pass, ""},
		"who can do what is not": {`[{who_can: {"Doc:q3#viev": [carla]}}]`, assert.Unknown, `"viev"`},
	} {
		t.Run(name, func(t *testing.T) {
			f := parse(t, given+c.tests)
			rows, s := run(t, &assert.Runner{Explainer: explainer(t, f)}, f)
			if len(rows) != 1 || rows[0].Result != c.result || !strings.Contains(rows[0].Reason, c.says) || rows[0].Line == 0 {
				t.Fatalf("%+v", rows)
			}
			if (rows[0].Trace == nil) != (c.result == assert.Pass || rows[0].Expect == "who_can") {
				t.Errorf("trace %v", rows[0].Trace)
			}
			if s.Assertions != 1 || s.Passed+s.Failed+s.Unknown != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// down is a server that does not answer, and counts how often it was asked.
type down struct{ asked atomic.Int32 }

func (d *down) Check(context.Context, tuple.Tuple, int) (bool, error) {
	d.asked.Add(1)
	return false, errors.New("keto does not answer")
}

// What the server does not answer is neither held nor failed; what would keep it busy
// for ever is never asked.
func TestUnknown(t *testing.T) {
	f := parse(t, given+`[{allow: ["Doc:q3#view@carla"], deny: ["Doc:q3#view@ann"]}]`)
	d := &down{}
	x := explainer(t, f)
	x.Server = d
	rows, s := run(t, &assert.Runner{Explainer: x}, f)
	if s.Unknown != 2 || d.asked.Load() != 2 || !strings.Contains(rows[0].Reason, "does not answer") {
		t.Errorf("%+v %+v", s, rows)
	}
	f = parse(t, given+`[{deny: ["Doc:q3#loop@carla"]}]`)
	d = &down{}
	x = explainer(t, f)
	x.Server = d
	if x.Model, _ = opl.Parse("model.ts", strings.Replace(model, "own: (ctx) => this.related.viewers.includes(ctx.subject)", "loop: (ctx) => !this.permits.loop(ctx)", 1)); x.Model.Relation("Doc", "loop") == nil {
		t.Fatal("no loop")
	}
	rows, s = run(t, &assert.Runner{Explainer: x}, f)
	if s.Unknown != 1 || d.asked.Load() != 0 || !strings.Contains(rows[0].Reason, "without end") {
		t.Errorf("%+v %+v, asked %d times", s, rows, d.asked.Load())
	}
}

// Rows come in the order of the file however many are put side by side, and a reader
// that has enough ends the run.
func TestOrderAndEnd(t *testing.T) {
	var b strings.Builder
	b.WriteString(given + "  - allow:\n")
	for i := range 300 {
		fmt.Fprintf(&b, "      - Doc:q3#view@p%d\n", i)
	}
	f := parse(t, b.String())
	rows, s := run(t, &assert.Runner{Explainer: explainer(t, f), Parallel: 16}, f)
	for i, r := range rows {
		if r.Question != fmt.Sprintf("Doc:q3#view@p%d", i) || r.Line != rows[0].Line+i {
			t.Fatalf("row %d is %s, line %d", i, r.Question, r.Line)
		}
	}
	if s.Failed != 300 {
		t.Errorf("%+v", s)
	}
	enough := errors.New("enough")
	n := 0
	_, err := (&assert.Runner{Explainer: explainer(t, f), Parallel: 16}).Run(t.Context(), []*assert.File{f}, func(assert.Row) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&assert.Runner{Explainer: explainer(t, f)}).Run(ctx, []*assert.File{f}, func(assert.Row) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestCoverage(t *testing.T) {
	f := parse(t, given+`[{allow: ["Doc:q3#view@carla"]}]`)
	_, s := run(t, &assert.Runner{Explainer: explainer(t, f)}, f)
	c := s.Coverage
	if c.Operands != 3 || c.Exercised != 1 || len(c.Missing) != 2 || c.Missing[0].Operand != "!this.related.blocked.includes(ctx.subject)" || c.Missing[0].Where != "model.ts:6:77" {
		t.Errorf("%+v", c)
	}
	if len(c.Permissions) != 2 || c.Permissions[0].Allowed != 1 || c.Permissions[0].Permission != "Doc#view" {
		t.Errorf("%+v", c.Permissions)
	}
	f = parse(t, given+`[{allow: ["Doc:q3#view@carla"], deny: ["Doc:q3#view@dana"]}]`)
	if _, s := run(t, &assert.Runner{Explainer: explainer(t, f)}, f); s.Coverage.Exercised != 2 || s.Coverage.Permissions[0].Denied != 1 {
		t.Errorf("%+v", s.Coverage)
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "no assertions",
		"about: x":                              "no assertions",
		"tests: [{alow: [\"a:b#c@d\"]}]":        `a.yaml:1: a group of assertions has no "alow"; did you mean "allow"?`,
		"tests:\n- name: x\n  deny:\n  - a:b#c": "a.yaml:4: ",
		"tests:\n- allow: a:b#c@d":              "expected a list of questions",
		"modell: x\ntests: []":                  `did you mean "model"?`,
		"zzzz: x":                               "it has: about, model, people, settings, tests, tuples",
		"people: {ann: a@b}\ntests:\n- allow: [\"a:b#c@${anne}\"]": `a.yaml:3: ${anne} is nobody under people; did you mean "ann"?`,
		"settings: {max_depth: deep}\ntests: []":                   "expected a number",
		"settings: {max_depth: 0}\ntests: []":                      "from 1 to 1000",
		"settings: {strict: maybe}\ntests: []":                     "expected true or false",
		"settings: {engine: old}\ntests: []":                       "classic or new",
		"- check: a:b#c@d":                                         "a.yaml:1: a check needs allow or deny",
		"- {expect: allow}":                                        "a check needs a question",
		"- {check: \"a:b#c@d\", expect: yes}":                      "allow, deny or error",
		"tests: [{who_can: {\"a:b\": []}}]":                        "not namespace:object#permission",
		"tuples: [nonsense]\ntests: [{allow: [\"a:b#c@d\"]}]":      "a.yaml:1: ",
		"a: [":                          "a.yaml",
		"about: x\nabout: y\ntests: []": "",
		"tests: [{allow: [{a: b}]}]":    "put it in quotes",
		"about: x\n---\nabout: y":       "more than one document",
	} {
		_, err := assert.Parse("a.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := assert.Parse("a.yaml", bytes.Repeat([]byte("#"), assert.MaxFile+1)); err == nil {
		t.Error("a huge file was read")
	}
	f := parse(t, "- {check: \"a:b#c@d\", expect: allow}\n- {check: \"a:b#c@e\", expect: deny}")
	if f.Count() != 2 || len(f.Groups) != 1 {
		t.Errorf("%+v", f)
	}
}

// Whatever the strings hold, the report is XML that can be read, with all of it.
func TestJUnit(t *testing.T) {
	hostile := "\x1b[31m]]><x a=\"b\">&\x00\ufffe\xff 'q'"
	rows := []assert.Row{
		{Group: hostile, File: "a.yaml", Line: 3, Assertion: "allow " + hostile, Expect: "allow", Result: assert.Fail, Reason: hostile, Millis: 12},
		{Group: hostile, File: "a.yaml", Line: 4, Assertion: "deny x", Expect: "deny", Result: assert.Pass},
		{Group: "other", File: "a.yaml", Line: 5, Assertion: "deny y", Expect: "deny", Result: assert.Unknown, Reason: "no answer"},
	}
	var b bytes.Buffer
	if err := assert.JUnit(&b, rows, func(assert.Row) string { return hostile }); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Time    string `xml:"time,attr"`
				Failure *struct {
					Text string `xml:",chardata"`
				} `xml:"failure"`
				Error *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, b.String())
	}
	if got.Tests != 3 || got.Failures != 1 || got.Errors != 1 || len(got.Suites) != 2 || len(got.Suites[0].Cases) != 2 {
		t.Errorf("%+v", got)
	}
	f := got.Suites[0].Cases[0].Failure
	if f == nil || !strings.Contains(f.Text, `]]><x a="b">&`) || strings.Contains(f.Text, "\x1b") || got.Suites[1].Cases[0].Error == nil || got.Suites[0].Cases[0].Time != "0.012" {
		t.Errorf("%+v", got)
	}
	if err := assert.JUnit(fullDisk{}, rows, nil); err == nil {
		t.Error("a write that failed is no success")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// The assertions of the story hold without any server.
func TestStory(t *testing.T) {
	text, err := os.ReadFile("../../stack/story/access.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := assert.Parse("access.test.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := story.Load()
	if err != nil {
		t.Fatal(err)
	}
	var ts []tuple.Tuple
	for _, text := range s.Tuples {
		v, err := s.Tuple(text, func(key string) (string, error) { return key, nil })
		if err != nil {
			t.Fatal(err)
		}
		ts = append(ts, v)
	}
	for _, n := range f.People { // they are those of the story
		if p, ok := s.Person(n.Key); !ok || p.Email != n.Login {
			t.Errorf("%s is not %s", n.Key, n.Login)
		}
	}
	m, _ := opl.Parse("namespaces.ts", story.Model())
	asking := func(_ context.Context, q tuple.Tuple) access.Asking {
		who := access.Person{ID: q.Subject.ID}
		if p, ok := s.Person(q.Subject.ID); ok {
			who.Emails = []string{p.Email}
		}
		return access.Asking{Question: q, Aliases: who.Aliases()}
	}
	rows, sum := run(t, &assert.Runner{Explainer: access.Explainer{Model: m, Tuples: access.NewTuples(ts)}, Asking: asking}, f)
	for _, r := range rows {
		if r.Result != assert.Pass {
			t.Errorf("%s:%d %s: %s", r.File, r.Line, r.Assertion, r.Reason)
		}
	}
	if sum.Assertions < 20 || sum.Coverage.Exercised < 15 {
		t.Errorf("%+v", sum)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(given + `[{allow: ["Doc:q3#view@carla"]}]`))
	f.Add([]byte("- {check: a, expect: allow}"))
	f.Add([]byte("a: &x [*x]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 10_000 {
			return
		}
		if file, err := assert.Parse("a.yaml", data); err == nil && file.Count() == 0 {
			t.Error("nothing was read without an error")
		}
	})
}
