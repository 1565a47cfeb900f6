package screens

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/lint"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// lintsOver looks at the stub's tuples with the real lints.
func lintsOver(t testing.TB, k *ketoStub) LintsSpec {
	t.Helper()
	m, errs := opl.Parse("model.ts", screenModel)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	return LintsSpec{Keto: k, Tuples: func(q tuple.Query) tui.Screen { return NewTuples(TuplesSpec{Keto: k, Query: q}) },
		Rule: func(r access.Rule) tui.Screen { return modelOver(screenModel, PlaceOf(r)) },
		Prepare: func(context.Context) (lint.Spec, error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			return lint.Spec{Model: m, Tuples: access.NewTuples(slices.Clone(k.rows))}, k.fail
		}}
}

// modelOver shows a source.
func modelOver(src string, at Place) *Model {
	return NewModel(ModelSpec{At: at, Load: func(context.Context) (*opl.Loaded, error) {
		m, errs := opl.Parse("model.ts", src)
		return &opl.Loaded{Model: m, Errors: errs, Files: []string{"model.ts"}}, nil
	}, Namespaces: func(context.Context) ([]string, error) { return []string{"User", "Group", "Doc"}, nil }})
}

func wrongTuples(t testing.TB) *ketoStub {
	return &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@Group:finance#member", "Doc:q3#viewers@Group:ghosts#members", "Group:finance#members@ann", "Doc:q3#view@ben")}
}

func TestLintsFindsFixesAndUndoes(t *testing.T) {
	k := wrongTuples(t)
	s := tuitest.Open(t, consoleOn(NewLints(lintsOver(t, k))), tuitest.Size(120, 40))
	s.Want("✗ error", `Group declares no relation "member"`, "Doc:q3#viewers@Group:finance#m…", "poison_tuple", "Nobody is in Group:ghosts#members", "4 tuples read")
	s.WantNot("nesting_limit")
	s.Golden("lints-120x40")
	before := k.texts()
	s.Press("a")
	s.Want("Apply this fix?", "- Doc:q3#viewers@Group:finance#member", "+ Doc:q3#viewers@Group:finance#members")
	s.Press("y")
	s.Want("u undoes it")
	s.WantNot("declares no relation")
	if slices.Equal(k.texts(), before) {
		t.Error("nothing was written")
	}
	s.Press("u")
	s.Want("+ Doc:q3#viewers@Group:finance#member")
	s.Press("y")
	s.Want("declares no relation")
	if !slices.Equal(k.texts(), before) {
		t.Errorf("stored %q, before %q", k.texts(), before)
	}
	s.Press("i")
	s.Want("· info", "hide remarks")
}

func TestLintsOpensFindingTupleAndRule(t *testing.T) {
	k := wrongTuples(t)
	s := tuitest.Open(t, consoleOn(NewLints(lintsOver(t, k))), tuitest.Size(80, 24))
	s.Want("declares no relation")
	s.Golden("lints-80x24")
	s.Press("enter")
	s.Want("what is wrong", "what it means", "what to do", "remove", "add", "poison_tuple")
	s.Golden("lint-finding-80x24")
	s.Press("enter")
	s.Want("tuples Doc:q3#viewers")
	s.Press("esc")
	s.Want("what it means")
	s.Press("a", "y")
	s.Want("u undoes it")
	s.WantNot("what it means", "declares no relation")
	s.Press("i")
	s.Want("· info")
	s.Press("/")
	s.Type("info")
	s.Press("enter")
	s.Press("o")
	s.Want("model model.ts", "class Doc implements Namespace")
}

// What a long run finds is shown while it goes on; leaving the screen ends it.
func TestLintsStreams(t *testing.T) {
	k := wrongTuples(t)
	spec := lintsOver(t, k)
	hold, ended := make(chan struct{}), make(chan struct{})
	inner := spec.Prepare
	spec.Prepare = func(ctx context.Context) (lint.Spec, error) {
		out, err := inner(ctx)
		out.Tuples = slowTuples{mustTuples(t, "Doc:q3#nope@ann"), hold, ended}
		return out, err
	}
	root := NewLints(LintsSpec{Prepare: inner})
	s := tuitest.Open(t, consoleOn(root), tuitest.Size(120, 40))
	s.Want("declares no relation")
	root.Push(NewLints(spec))
	s.Want(`declares no relation "nope"`)
	s.Press("esc", "esc")
	<-ended
}

// slowTuples gives some and then waits until nobody wants more.
type slowTuples struct {
	ts    []tuple.Tuple
	hold  chan struct{}
	ended chan struct{}
}

func (s slowTuples) All(ctx context.Context, _ tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		defer close(s.ended)
		for _, t := range s.ts {
			if !yield(t, nil) {
				return
			}
		}
		<-ctx.Done()
		yield(tuple.Tuple{}, ctx.Err())
	}
}

func TestLintsFailsAloud(t *testing.T) {
	k := &ketoStub{fail: &clients.Problem{Kind: clients.Unreachable, Op: "list", Reason: "keto refused the connection", Hint: "^r tries again"}}
	s := tuitest.Open(t, consoleOn(NewLints(lintsOver(t, k))), tuitest.Size(120, 40))
	s.Want("keto refused the connection")
	s.WantNot("Nothing is wrong")
	k.set(nil)
	s.Press("ctrl+r")
	s.Want("Nothing is wrong")
}

// Names may hold anything: it stays on its line and is not obeyed.
func TestLintsHostile(t *testing.T) {
	bad := "\x1b[2J\u202eevil" + strings.Repeat("x", 5000)
	k := &ketoStub{rows: []tuple.Tuple{{Namespace: "Doc", Object: bad, Relation: "viewers", Subject: tuple.SubjectSet("Group", bad, "member")}}}
	s := tuitest.Open(t, consoleOn(NewLints(lintsOver(t, k))), tuitest.Size(100, 30))
	s.Want("odd_characters")
	s.Press("enter")
	s.Want("what is wrong")
	tuitest.Sweep(t, func() tea.Model { return consoleOn(NewLints(lintsOver(t, k))) }, nil, []string{"enter"})
}

func TestSweepOfLints(t *testing.T) {
	k := wrongTuples(t)
	tuitest.Sweep(t, func() tea.Model { return consoleOn(NewLints(lintsOver(t, k))) }, nil, []string{"enter"}, []string{"i"})
}

const wrongModel = screenModel + `
class Old implements Namespace {
  related: { owners: User[] }
  permits = {
    // everybody but the blocked
    open: (ctx: Context): boolean => !this.related.owners.includes(ctx.subject),
  }
}`

func TestModel(t *testing.T) {
	s := tuitest.Open(t, consoleOn(modelOver(wrongModel, Place{"model.ts", 4})), tuitest.Size(120, 40))
	s.Want("model.ts · 14 lines · ! the server runs another model", "▸  4 ", "class User implements Namespace {}", "The server knows no namespace \"Old\"")
	s.Press("!")
	s.Want("This lets everybody in who is not in owners, strangers")
	s.Golden("model-120x40")
	s.Press("/")
	s.Want("text of a line")
	s.Type("class doc")
	s.Press("enter")
	s.Press("y")
	eventually(t, func() bool { return strings.HasPrefix(s.Clipboard(), "model.ts:4: class Doc") })
	s.Press("/")
	s.Type("xyzzy")
	s.Press("enter")
	s.Want(`"xyzzy" is not in this file`)
	s.Press("n", "g")
	s.Want("takes User, Group#members", "ƒ view", "permission")
	s.Golden("model-tree-120x40")
	s.Press("down", "down", "enter")
	s.Want("class User implements Namespace {}")
}

func TestModelSmall(t *testing.T) {
	s := tuitest.Open(t, consoleOn(modelOver(wrongModel, Place{"model.ts", 12})), tuitest.Size(80, 24))
	s.Want("strangers included")
	s.Golden("model-80x24")
}

// A model that Keto refuses is shown all the same, with its mistakes; one that was
// changed is read again; one that cannot be read leaves what was there.
func TestModelReadsAgain(t *testing.T) {
	var reads atomic.Int32
	m := NewModel(ModelSpec{Load: func(context.Context) (*opl.Loaded, error) {
		switch n := reads.Add(1); n {
		case 1:
			parsed, errs := opl.Parse("model.ts", "class A implements Namespace {\n  related: { x: B[] }\n}")
			return &opl.Loaded{Model: parsed, Errors: errs, Files: []string{"model.ts"}}, nil
		case 3:
			return nil, &clients.Problem{Kind: clients.Invalid, Op: "read the permission model", Reason: "the file is gone"}
		default:
			parsed, errs := opl.Parse("model.ts", fmt.Sprintf("class Read%d implements Namespace {}", n))
			return &opl.Loaded{Model: parsed, Errors: errs, Files: []string{"model.ts"}}, nil
		}
	}})
	s := tuitest.Open(t, consoleOn(m), tuitest.Size(100, 20))
	s.Want("Keto refuses it: 1 error")
	s.Press("!")
	s.Want("Keto refuses this: expected a declared class")
	s.Press("r")
	s.Want("class Read2")
	s.Press("r")
	s.Want("the file is gone", "class Read2")
	s.Press("esc", "r")
	s.Want("class Read4")
}

// The files of a folder follow each other, and a rule opens the file that it is in.
func TestModelOfManyFiles(t *testing.T) {
	texts := map[string]string{"dir/a.ts": "class A implements Namespace {}", "dir/b.ts": "class B implements Namespace {}\nclass C implements Namespace {}"}
	load := func(context.Context) (*opl.Loaded, error) {
		l := &opl.Loaded{Model: &opl.Model{Sources: texts}, Files: []string{"dir/a.ts", "dir/b.ts"}}
		return l, nil
	}
	s := tuitest.Open(t, consoleOn(NewModel(ModelSpec{Load: load, At: Place{"dir/b.ts", 2}})), tuitest.Size(80, 12))
	s.Want("dir/b.ts · file 2 of 2", "class C")
	s.Press("]")
	s.Want("dir/a.ts · file 1 of 2", "class A")
	s.Press("[")
	s.Want("class C")
}

func TestSweepOfModel(t *testing.T) {
	tuitest.Sweep(t, func() tea.Model {
		return consoleOn(modelOver(wrongModel+"\n// \x1b[2J\u202e evil\t"+strings.Repeat("x", 3000), Place{}))
	}, nil, []string{"g"}, []string{"/"}, []string{"end"})
}
