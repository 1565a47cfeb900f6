package lint_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/lint"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/stack/story"
)

func parse(t testing.TB, src string) *opl.Model {
	t.Helper()
	m, errs := opl.Parse("model.ts", src)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	return m
}

func parseTuples(t testing.TB, texts ...string) []tuple.Tuple {
	t.Helper()
	var out []tuple.Tuple
	for _, s := range texts {
		v, err := tuple.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// run lints and gives all findings.
func run(t testing.TB, s lint.Spec) ([]lint.Finding, lint.Report) {
	t.Helper()
	var out []lint.Finding
	rep, err := lint.Run(t.Context(), s, func(f lint.Finding) error {
		if f.Summary == "" || f.Meaning == "" || f.Todo == "" || f.Where == "" || f.Severity == "" {
			t.Errorf("incomplete: %+v", f)
		}
		if _, ok := lint.Explain(f.Code); !ok {
			t.Errorf("nobody explains %s", f.Code)
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, rep
}

func codes(list []lint.Finding) []lint.Code {
	var out []lint.Code
	for _, f := range list {
		out = append(out, f.Code)
	}
	return out
}

func find(list []lint.Finding, c lint.Code) (lint.Finding, bool) {
	i := slices.IndexFunc(list, func(f lint.Finding) bool { return f.Code == c })
	if i < 0 {
		return lint.Finding{}, false
	}
	return list[i], true
}

// rules puts the permissions into a class that has a few relations.
func rules(permits string) string {
	return `class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Team implements Namespace { related: { members: User[] } }
class Doc implements Namespace {
  related: { a: User[]
    b: User[]
    c: User[]
    g: (User | SubjectSet<Group, "members">)[]
    t: SubjectSet<Team, "members">[]
    parents: Doc[] }
  permits = { ` + permits + ` }
}`
}

func TestModel(t *testing.T) {
	for name, c := range map[string]struct {
		src      string
		settings access.Settings
		code     lint.Code
		says     string
		line     int
	}{
		"mixed":                {rules("v: (ctx) => this.related.a.includes(ctx.subject) || this.related.b.includes(ctx.subject) && this.related.c.includes(ctx.subject),"), access.Settings{}, lint.MixedOperators, "left to right", 11},
		"no operator":          {rules("v: (ctx) => this.related.a.includes(ctx.subject) this.related.b.includes(ctx.subject),"), access.Settings{}, lint.MissingOperator, "", 11},
		"an operator too many": {rules("v: (ctx) => this.related.a.includes(ctx.subject) || ,"), access.Settings{}, lint.TrailingOperator, "", 11},
		"open parenthesis":     {rules("v: (ctx) => (this.related.a.includes(ctx.subject)"), access.Settings{}, lint.OpenParenthesis, "", 11},
		"not nothing":          {rules("v: (ctx) => this.related.a.includes(ctx.subject) && !(),"), access.Settings{}, lint.EmptyGroup, "", 11},
		"dropped":              {rules("v: (ctx) => ,"), access.Settings{}, lint.DroppedPermission, "", 11},
		"two classes":          {rules("v: (ctx) => this.related.a.includes(ctx.subject),") + "\nclass User implements Namespace {}", access.Settings{}, lint.DuplicateNamespace, "", 13},
		"two relations":        {rules("a: (ctx) => this.related.b.includes(ctx.subject),"), access.Settings{}, lint.DuplicateRelation, "", 11},
		"endless":              {rules("n: (ctx) => !this.permits.n(ctx),"), access.Settings{}, lint.EndlessRule, "n → n", 11},
		"endless by two":       {rules("n: (ctx) => this.related.a.includes(ctx.subject) && this.permits.m(ctx), m: (ctx) => !this.permits.n(ctx),"), access.Settings{}, lint.EndlessRule, "n → m → n", 11},
		"endless on new":       {rules("n: (ctx) => !this.permits.n(ctx),"), access.Settings{Engine: opl.New}, lint.EndlessRule, "", 11},
		"circular":             {rules("v: (ctx) => this.related.a.includes(ctx.subject) || this.permits.v(ctx),"), access.Settings{}, lint.CircularRule, "v → v", 11},
		"exponential":          {rules("p: (ctx) => this.permits.q(ctx) || this.permits.r(ctx), q: (ctx) => this.permits.p(ctx) || this.permits.r(ctx), r: (ctx) => this.permits.p(ctx) || this.permits.q(ctx),"), access.Settings{MaxDepth: 20}, lint.ExponentialRule, "20000", 11},
		"everybody":            {rules("v: (ctx) => !this.related.a.includes(ctx.subject),"), access.Settings{}, lint.OpenToEverybody, "no tuple", 11},
		"everybody, hidden":    {rules("w: (ctx) => this.related.b.includes(ctx.subject) || this.permits.v(ctx), v: (ctx) => !this.related.a.includes(ctx.subject),"), access.Settings{}, lint.OpenToEverybody, "Doc#w", 11},
		"never":                {rules("v: (ctx) => this.related.a.includes(ctx.subject) && !this.related.a.includes(ctx.subject),"), access.Settings{}, lint.NeverGranted, "exclude", 11},
		"too deep":             {rules("v: (ctx) => (((((this.related.a.includes(ctx.subject) || this.related.b.includes(ctx.subject)) && this.related.c.includes(ctx.subject)) || this.related.b.includes(ctx.subject)) && this.related.c.includes(ctx.subject)) || this.related.b.includes(ctx.subject)) && this.related.c.includes(ctx.subject),"), access.Settings{MaxDepth: 3}, lint.UnreachableRule, "Doc#a", 11},
		"groups too deep":      {rules("v: (ctx) => this.related.t.includes(ctx.subject),"), access.Settings{MaxDepth: 2}, lint.GroupTooDeep, "no group deep", 11},
		"block":                {rules("v: (ctx) => this.related.a.includes(ctx.subject) && !this.related.g.includes(ctx.subject),"), access.Settings{}, lint.BlockFailsOpen, "Doc#g", 11},
		"nesting":              {rules("v: (ctx) => this.related.g.includes(ctx.subject) || this.related.parents.traverse((p) => p.permits.v(ctx)),"), access.Settings{}, lint.NestingLimit, "up to 3 groups deep, and what people have directly up to 4 objects away", 11},
		"traversed set": {`class User implements Namespace {}
class Folder implements Namespace { related: { viewers: User[]
inner: Folder[] } }
class Doc implements Namespace { related: {
parents: SubjectSet<Folder, "inner">[] }
permits = { v: (ctx) => this.related.parents.traverse((p) => p.related.viewers.includes(ctx.subject)) } }`, access.Settings{}, lint.TraversedSet, "Folder#inner", 5},
		"unused": {rules("v: (ctx) => this.related.a.includes(ctx.subject),"), access.Settings{}, lint.UnusedRelation, "Doc#b", 6},
	} {
		t.Run(name, func(t *testing.T) {
			list, _ := run(t, lint.Spec{Model: parse(t, c.src), Settings: c.settings})
			f, ok := find(list, c.code)
			if !ok {
				t.Fatalf("not found among %v", codes(list))
			}
			if !strings.Contains(f.Summary, c.says) || f.Rule == nil || f.Rule.Line != c.line || !strings.HasPrefix(f.Where, fmt.Sprintf("model.ts:%d:", c.line)) {
				t.Errorf("%+v %+v", f, f.Rule)
			}
		})
	}
}

// A sound model has nothing graver than a remark.
func TestNothingIsWrong(t *testing.T) {
	list, _ := run(t, lint.Spec{Model: parse(t, rules("v: (ctx) => this.related.a.includes(ctx.subject) || (this.related.b.includes(ctx.subject) && this.related.c.includes(ctx.subject)),"))})
	for _, f := range list {
		if f.Severity != lint.Info {
			t.Errorf("%s: %s", f.Code, f.Summary)
		}
	}
}

// What depth is said to be needed is what the engine needs: with it the grant is found,
// with one less it is not.
func TestDepthIsThatOfTheEngine(t *testing.T) {
	models := map[string]string{"story": story.Model(), "flat": rules("v: (ctx) => this.related.a.includes(ctx.subject) || this.related.parents.traverse((p) => p.permits.v(ctx)),"),
		"nested": rules("v: (ctx) => ((this.related.a.includes(ctx.subject) || this.related.b.includes(ctx.subject)) || (this.related.g.includes(ctx.subject))) && !this.related.c.includes(ctx.subject), w: (ctx) => this.related.b.includes(ctx.subject) || this.permits.v(ctx),")}
	held := 0
	for name, src := range models {
		for _, engine := range []opl.Engine{opl.Classic, opl.New} {
			for _, w := range lint.Ways(parse(t, src), access.Settings{Engine: engine}) {
				q := tuple.Tuple{Namespace: w.Namespace, Object: "o0", Relation: w.Permission, Subject: tuple.SubjectID("ann")}
				decide := func(depth int, ts []tuple.Tuple) access.Verdict {
					return access.Evaluate(t.Context(), access.NewTuples(ts), parse(t, src), access.Settings{Engine: engine, MaxDepth: depth}, q, 0).Verdict
				}
				for k, need := range w.Needs {
					ts := w.Tuples(k)
					if need < 1 || decide(60, ts) != access.Allowed {
						continue // something else is needed besides
					}
					held++
					if got := decide(need, ts); got != access.Allowed {
						t.Errorf("%s %s: %v is %s at a depth of %d", name, engine, ts, got, need)
					}
					if need > 1 && decide(need-1, ts) == access.Allowed {
						t.Errorf("%s %s: %v is allowed at a depth of %d already", name, engine, ts, need-1)
					}
				}
			}
		}
	}
	if held < 60 {
		t.Errorf("only %d ways were tried", held)
	}
}

func storyTuples(t testing.TB) (*opl.Model, []tuple.Tuple, []access.Person) {
	t.Helper()
	s, err := story.Load()
	if err != nil {
		t.Fatal(err)
	}
	id := func(key string) (string, error) {
		return "8f1c0000-0000-4000-8000-" + fmt.Sprintf("%012x", len(key)*1000+int(key[0])+int(key[len(key)-1])*7), nil
	}
	var ts []tuple.Tuple
	for _, text := range s.Tuples {
		tt, err := s.Tuple(text, id)
		if err != nil {
			t.Fatal(err)
		}
		ts = append(ts, tt)
	}
	var people []access.Person
	for _, p := range s.People {
		who, _ := id(p.Key)
		people = append(people, access.Person{ID: who, Emails: []string{p.Email}})
	}
	return parse(t, story.Model()), ts, people
}

func each(people []access.Person) iter.Seq2[access.Person, error] {
	return func(yield func(access.Person, error) bool) {
		for _, p := range people {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// Every mistake in the tuples of the story that a ticket is about is found without a
// ticket, with the ticket's own fix where it has one.
func TestStory(t *testing.T) {
	m, ts, people := storyTuples(t)
	list, rep := run(t, lint.Spec{Model: m, Tuples: access.NewTuples(ts), People: each(people), Namespaces: m.NamespaceNames()})
	for _, f := range list {
		t.Logf("%s %-20s %s | %s", f.Severity.Mark(), f.Code, f.Where, f.Summary)
	}
	if rep.Tuples != len(ts) || rep.People != len(people) || len(rep.Unread) != 0 {
		t.Errorf("%+v", rep)
	}
	for code, want := range map[lint.Code]string{
		lint.PoisonTuple: "Doc:roadmap#viewers@Group:product#members",
		lint.TraversedID: "Doc:runbook#parents@Folder:support-desk#",
		lint.TooDeep:     "", lint.OtherName: "", lint.JoinedEmail: "",
	} {
		f, ok := find(list, code)
		if !ok {
			t.Errorf("%s is not found", code)
		} else if want != "" && (len(f.Fix) != 2 || f.Fix[1].Tuple != want || f.Fix[0].Op != access.OpRemove) {
			t.Errorf("%s: %v", code, f.Fix)
		}
	}
}

func TestTuples(t *testing.T) {
	m := parse(t, rules("v: (ctx) => this.related.a.includes(ctx.subject) || this.related.g.includes(ctx.subject) || this.related.parents.traverse((p) => p.permits.v(ctx)), u: (ctx) => this.related.a.includes(ctx.subject) && !this.related.g.includes(ctx.subject),"))
	wide := []string{}
	for i := range 101 {
		wide = append(wide, fmt.Sprintf("Doc:wide#g@Group:w%d#members", i), fmt.Sprintf("Group:w%d#members@ann", i))
	}
	deep := []string{"Doc:deep#g@Group:d1#members", "Group:d6#members@ann"}
	for i := 1; i < 6; i++ {
		deep = append(deep, fmt.Sprintf("Group:d%d#members@Group:d%d#members", i, i+1))
	}
	for name, c := range map[string]struct {
		tuples []string
		code   lint.Code
		says   string
		fix    string
	}{
		"poison":            {[]string{"Doc:x#g@Group:y#member"}, lint.PoisonTuple, `"member"`, "Doc:x#g@Group:y#members"},
		"undeclared":        {[]string{"Doc:x#aa@ann"}, lint.UndeclaredRelation, `"aa"`, "Doc:x#a@ann"},
		"namespace":         {[]string{"Dok:x#a@ann"}, lint.UnknownNamespace, `"Dok"`, "Doc:x#a@ann"},
		"on a permission":   {[]string{"Doc:x#v@ann"}, lint.OnPermission, "permission", ""},
		"undeclared type":   {[]string{"Doc:x#a@Group:g#members", "Group:g#members@ann"}, lint.UndeclaredSubject, "takes no subject", ""},
		"traversed id":      {[]string{"Doc:x#parents@y"}, lint.TraversedID, "bare id", "Doc:x#parents@Doc:y#"},
		"plain class":       {[]string{"Doc:x#g@User:ann#members"}, lint.PlainClassRelation, "User has no relations", "Doc:x#g@ann"},
		"spaces":            {[]string{"Doc:x#a@ann "}, lint.OddCharacters, "spaces", "Doc:x#a@ann"},
		"twice":             {[]string{"Doc:x#a@ann", "Doc:x#a@ann", "Doc:x#a@ann"}, lint.DuplicateTuple, "more than once", ""},
		"case":              {[]string{"Doc:x#a@Ann", "Doc:x#b@ann"}, lint.CaseTwin, "upper and lower", ""},
		"two forms":         {[]string{"Doc:x#a@ann", "Doc:x#a@User:bob#"}, lint.MixedSubjectForms, "1 subject is named as a bare id and 1 subject is named as an object", ""},
		"too many":          {wide, lint.WideRelation, "101 subject sets", ""},
		"nobody":            {[]string{"Doc:x#g@Group:ghost#members"}, lint.EmptySet, "Nobody is in Group:ghost#members", ""},
		"nobody, misspelt":  {[]string{"Doc:x#g@Group:fnance#members", "Group:finance#members@Group:other#members", "Group:other#members@ann"}, lint.EmptySet, `"finance" was probably meant`, ""},
		"circle":            {[]string{"Group:a#members@Group:b#members", "Group:b#members@Group:a#members", "Group:a#members@ann"}, lint.SetCycle, "→", ""},
		"circle of parents": {[]string{"Doc:a#parents@Doc:b#", "Doc:b#parents@Doc:a#"}, lint.SetCycle, "Doc:a#parents", ""},
		"in itself":         {[]string{"Group:a#members@Group:a#members", "Group:a#members@ann"}, lint.SetCycle, "contains itself", "-"},
		"too deep":          {deep, lint.TooDeep, "Group:d6#members", ""},
		"a block too deep":  {deep, lint.BlockTooDeep, "is blocked from u on Doc:deep by the tuples", ""},
	} {
		t.Run(name, func(t *testing.T) {
			list, _ := run(t, lint.Spec{Model: m, Tuples: access.NewTuples(parseTuples(t, c.tuples...))})
			f, ok := find(list, c.code)
			if !ok {
				t.Fatalf("not found among %v", codes(list))
			}
			if !strings.Contains(f.Summary, c.says) {
				t.Errorf("%s", f.Summary)
			}
			if c.fix == "-" {
				if len(f.Fix) != 1 {
					t.Errorf("%v", f.Fix)
				}
			} else if c.fix != "" && (len(f.Fix) != 2 || f.Fix[1].Tuple != c.fix) {
				t.Errorf("%v", f.Fix)
			}
			if f.Code == lint.DuplicateTuple && len(slices.DeleteFunc(codes(list), func(c lint.Code) bool { return c != lint.DuplicateTuple })) != 1 {
				t.Error("told more than once")
			}
		})
	}
	// What text cannot say.
	set := tuple.Tuple{Namespace: "Doc", Object: "x", Relation: "g", Subject: tuple.SubjectID("Group:g#members")}
	empty := tuple.Tuple{Namespace: "Doc", Object: "", Relation: "a", Subject: tuple.SubjectID("ann")}
	odd := tuple.Tuple{Namespace: "Doc", Object: "x", Relation: "a", Subject: tuple.SubjectID("f:123:bob")}
	list, _ := run(t, lint.Spec{Model: m, Tuples: access.NewTuples([]tuple.Tuple{set, empty, odd})})
	for _, c := range []lint.Code{lint.SetStoredAsID, lint.EmptyPart, lint.AmbiguousText} {
		if _, ok := find(list, c); !ok {
			t.Errorf("%s is not found among %v", c, codes(list))
		}
	}
	if f, _ := find(list, lint.SetStoredAsID); len(f.Fix) != 2 || f.Fix[1].Tuple != "Doc:x#g@Group:g#members" || !strings.HasPrefix(f.Fix[0].Tuple, "{") {
		t.Errorf("%v", f.Fix)
	}
}

func TestPeople(t *testing.T) {
	m := parse(t, rules("v: (ctx) => this.related.a.includes(ctx.subject),"))
	id := func(n int) string { return fmt.Sprintf("8f1c0000-0000-4000-8000-%012d", n) }
	people := []access.Person{{ID: id(1), Emails: []string{"minkin.andrew@gmail.example"}}, {ID: id(2), Emails: []string{"Minkin.Andre@wgmail.example"}}, {ID: id(3), Emails: []string{"ann@acme.example"}}}
	ts := parseTuples(t, "Doc:h#a@minkin.andrewgmail.example", "Doc:h#a@"+id(1), "Doc:h#a@"+id(2), "Doc:h#a@ann@acme.example", "Doc:h#a@"+id(9))
	list, _ := run(t, lint.Spec{Model: m, Tuples: access.NewTuples(ts), People: each(people)})
	for _, c := range []lint.Code{lint.EmailCollision, lint.JoinedEmail, lint.OtherName, lint.NoSuchPerson} {
		if _, ok := find(list, c); !ok {
			t.Errorf("%s is not found among %v", c, codes(list))
		}
	}
	if f, _ := find(list, lint.JoinedEmail); f.Severity != lint.Error || len(f.Fix) != 0 || !strings.Contains(f.Summary, "minkin.andre@wgmail.example") {
		t.Errorf("it may be either of them: %+v", f)
	}
	list, _ = run(t, lint.Spec{Model: m, Tuples: access.NewTuples(ts), People: each(people[:1])})
	if f, _ := find(list, lint.JoinedEmail); len(f.Fix) != 2 || f.Fix[1].Tuple != "Doc:h#a@"+id(1) || !strings.Contains(f.Meaning, "minkin.andre@wgmail.example") {
		t.Errorf("%+v", f)
	}
	// Where nobody is named by an id, e-mails are the custom.
	list, _ = run(t, lint.Spec{Model: m, Tuples: access.NewTuples(ts[3:4]), People: each(people)})
	if _, ok := find(list, lint.OtherName); ok {
		t.Error("e-mails are the custom here")
	}
	// People who cannot be read are not taken for missing ones.
	broken := func(yield func(access.Person, error) bool) { yield(access.Person{}, errors.New("Kratos is down")) }
	list, rep := run(t, lint.Spec{Model: m, Tuples: access.NewTuples(ts), People: broken})
	if _, ok := find(list, lint.NoSuchPerson); ok || len(rep.Unread) != 1 || !strings.Contains(rep.Unread[0], "Kratos is down") {
		t.Errorf("%+v %v", rep, codes(list))
	}
}

func TestDrift(t *testing.T) {
	m := parse(t, rules("v: (ctx) => this.related.a.includes(ctx.subject),"))
	list, _ := run(t, lint.Spec{Model: m, Namespaces: []string{"User", "Group", "Team", "Old"}})
	if f, ok := find(list, lint.NotOnServer); !ok || !strings.Contains(f.Summary, `"Doc"`) {
		t.Errorf("%v", codes(list))
	}
	if f, ok := find(list, lint.NotInModel); !ok || !strings.Contains(f.Summary, `"Old"`) {
		t.Errorf("%v", codes(list))
	}
}

// What cannot be read ends the run with its error; what was found before was told.
func TestRunEnds(t *testing.T) {
	m := parse(t, rules("v: (ctx) => this.related.a.includes(ctx.subject),"))
	down := errors.New("keto is down")
	told := 0
	_, err := lint.Run(t.Context(), lint.Spec{Model: m, Tuples: failing{parseTuples(t, "Doc:x#zz@ann"), down}}, func(f lint.Finding) error {
		if f.Code == lint.UndeclaredRelation {
			told++
		}
		return nil
	})
	if !errors.Is(err, down) || told != 1 {
		t.Errorf("%v, %d told", err, told)
	}
	stop := errors.New("enough")
	if _, err := lint.Run(t.Context(), lint.Spec{Model: m}, func(lint.Finding) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lint.Run(ctx, lint.Spec{Model: m, Tuples: access.NewTuples(parseTuples(t, "Doc:x#a@ann"))}, func(lint.Finding) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

type failing struct {
	ts  []tuple.Tuple
	err error
}

func (f failing) All(context.Context, tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		for _, t := range f.ts {
			if !yield(t, nil) {
				return
			}
		}
		yield(tuple.Tuple{}, f.err)
	}
}

// Questions that a server would not come back from are known before they are asked.
func TestEndless(t *testing.T) {
	m := parse(t, rules("n: (ctx) => !this.permits.n(ctx), v: (ctx) => this.related.a.includes(ctx.subject) || this.permits.n(ctx), w: (ctx) => this.related.a.includes(ctx.subject),"))
	endless := lint.Endless(m)
	for rel, want := range map[string]string{"n": "Doc#n", "v": "Doc#n", "w": "", "a": ""} {
		if got := endless("Doc", rel); got != want {
			t.Errorf("%s: %q, want %q", rel, got, want)
		}
	}
}
