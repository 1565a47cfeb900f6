package screens

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

const reachModel = `
class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Folder implements Namespace {
  related: { viewers: (User | SubjectSet<Group, "members">)[] }
  permits = { view: (ctx: Context): boolean => this.related.viewers.includes(ctx.subject) }
}
class Doc implements Namespace {
  related: { parents: Folder[], editors: User[], viewers: (User | SubjectSet<Group, "members">)[], banned: User[] }
  permits = {
    view: (ctx: Context): boolean => this.related.viewers.includes(ctx.subject) || this.permits.edit(ctx) || this.related.parents.traverse((f) => f.permits.view(ctx)),
    edit: (ctx: Context): boolean => this.related.editors.includes(ctx.subject),
    comment: (ctx: Context): boolean => !this.related.banned.includes(ctx.subject)
  }
}`

var reachRows = []string{"Doc:q3#viewers@Group:finance#members", "Group:finance#members@" + ann, "Group:finance#members@ben", "Doc:q3#editors@carla",
	"Doc:q3#parents@Folder:2026#", "Folder:2026#viewers@dan", "Doc:q4#viewers@Group:finance#members", "Doc:q3#banned@ben"}

// reachSpec searches over the stub's tuples, with our engine in the place of the server.
func reachSpec(t testing.TB, k *ketoStub) FindSpec {
	t.Helper()
	m, errs := opl.Parse("model.ts", reachModel)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	words := NewVocabulary()
	words.SetModel(m)
	words.Learn(k.rows)
	spec := FindSpec{
		Words: words,
		People: NewPeople(func(context.Context, []string) (map[string]string, error) {
			return map[string]string{ann: "Ann Okafor"}, nil
		}),
		Finder: func(context.Context) (*access.Finder, error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			ts := access.NewTuples(slices.Clone(k.rows))
			return &access.Finder{Tuples: ts, Model: m, Judge: access.EvaluateEach(ts, m, access.Settings{})}, k.fail
		},
	}
	spec.Why = func(q tuple.Tuple) tui.Screen { return whyOver(t, k, q.String()) }
	spec.WhoCan = func(of tuple.Set) tui.Screen { return NewWhoCan(spec, of) }
	spec.WhatCan = func(sub tuple.Subject) tui.Screen { return NewWhatCan(spec, sub) }
	spec.Matrix = func(namespace, object string) tui.Screen { return NewMatrix(spec, namespace, object) }
	return spec
}

func reachStub(t testing.TB) *ketoStub { return &ketoStub{rows: mustTuples(t, reachRows...)} }

// openReach opens a screen on a terminal, with patience for a busy machine.
func openReach(t testing.TB, screen tui.Screen, w, h int) *tuitest.Term {
	t.Helper()
	return tuitest.Open(t, consoleOn(screen), tuitest.Size(w, h), tuitest.Patience(time.Minute))
}

func setOf(text string) tuple.Set { s, _ := parseFindSet(text); return s }

func TestReachGoldens(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		spec := reachSpec(t, reachStub(t))
		for name, screen := range map[string]tui.Screen{
			"who-can":  NewWhoCan(spec, setOf("Doc:q3#view")),
			"what-can": NewWhatCan(spec, tuple.SubjectID(ann)),
			"matrix":   NewMatrix(spec, "Doc", "q3"),
		} {
			t.Run(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), func(t *testing.T) {
				s := openReach(t, screen, size[0], size[1])
				// How it reads once the search is over, not while it goes on.
				s.Want("Ann Okafor", map[string]string{"who-can": "who can   5   5 of 5 asked", "what-can": "what can   7   Ann Okafor · 7 of 7 asked",
					"matrix": "matrix of Doc:q3   6   6 of 6 asked"}[name])
				s.Golden(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]))
			})
		}
	}
}

// From an answer one goes on to its explanation, to the members of a set, to what else a
// subject can do, and to the matrix; and back to where one was.
func TestReachGoesOn(t *testing.T) {
	s := openReach(t, NewWhoCan(reachSpec(t, reachStub(t)), setOf("Doc:q3#view")), 140, 30)
	// Esc stops a search that still runs, so each step waits for the end of the one before.
	s.Want("who can   5   5 of 5", "✓ Ann Okafor", "✓ Group:finance#members", "✓ carla", "✓ dan", "Doc:q3#parents ← Folder:2026#viewers")
	s.Press("x")
	s.Want("who can > Group:finance#members", "who can   2   2 of 2")
	s.WantNot("carla")
	s.Press("esc", "down", "R")
	s.Want("what can > carla", "what can   5   ", "Doc:q4")
	s.Press("esc", "M")
	s.Want("matrix of Doc:q3   6   ", "view", "edit", "comment")
	s.Press("esc", "enter")
	s.Want("dev › why", "✗ DENIED  Doc:q3#view@carla")
	s.Press("esc", "home", "w")
	s.Want("dev › why", "Doc:q3#view@Group:finance#members")
}

// A question is typed with completions; what is none is refused, and what was typed stays.
func TestReachIsTyped(t *testing.T) {
	spec := reachSpec(t, reachStub(t))
	spec.Persons = func(_ context.Context, prefix string) ([]CheckPerson, error) {
		return []CheckPerson{{ID: ann, Name: "Ann Okafor", Email: "ann@acme.example"}}, nil
	}
	s := openReach(t, NewWhoCan(spec, tuple.Set{}), 110, 30)
	s.Want("who may view the document q3-report?")
	s.Type("Doc")
	s.Press("enter")
	s.Want("write namespace:object#permission")
	s.Type(":q3#vieww")
	s.Press("enter")
	s.Want("did you mean view?")
	s.Press("e", "backspace", "enter")
	s.Want("✓ carla")
	s.Press("e", "esc")
	s.Want("✓ carla") // still the answer of before

	s = openReach(t, NewWhatCan(spec, tuple.Subject{}), 110, 30)
	s.Type("ann@")
	s.Want("Ann Okafor", "ann@acme.example")
	s.Press("down", "enter", "enter")
	s.Want("what can > "+ann, "Doc:q4", "Ann Okafor · ")

	s = openReach(t, NewMatrix(spec, "", ""), 110, 30)
	s.Type("Nope:x")
	s.Press("enter")
	s.Want(`no namespace "Nope"`)
	s.Press("e", "ctrl+u")
	s.Type("Doc:q3")
	s.Press("enter")
	s.Want("matrix of Doc:q3", "carla")
}

// The cell under the cursor is the one that is explained, and asked about further.
func TestMatrixCells(t *testing.T) {
	s := openReach(t, NewMatrix(reachSpec(t, reachStub(t)), "Doc", "q3"), 110, 30)
	s.Want("▸ view", "matrix of Doc:q3   6   ", "carla")
	s.Press("right")
	s.Want("▸ edit")
	s.Press("W")
	s.Want("who can > Doc:q3#edit", "who can   1   1 of 1", "✓ carla")
	s.WantNot("Ann Okafor")
	s.Press("esc", "enter")
	s.Want("› why", "Doc:q3#edit@", "COULD NOT TELL")
	s.Press("esc", "left", "left")
	s.Want("▸ view")
}

// Nobody, a server that is down, and an answer that is not whole are three things.
func TestReachStates(t *testing.T) {
	k := &ketoStub{}
	s := openReach(t, NewWhoCan(reachSpec(t, k), setOf("Doc:q3#view")), 100, 30)
	s.Want("Nobody: no subject")
	k.set(&clients.Problem{Kind: clients.Unreachable, Op: "list relation tuples", Reason: "keto refused the connection", Hint: "is it running?"})
	s.Press("ctrl+r")
	s.Want("keto refused the connection")
	s.WantNot("Nobody:")
	s = openReach(t, NewMatrix(reachSpec(t, k), "Doc", "q3"), 100, 30)
	s.Want("keto refused the connection", "is it running?")
	k.set(nil)
	s.Press("ctrl+r")
	s.Want("Nobody can do anything with it.")

	s = openReach(t, NewWhatCan(reachSpec(t, &ketoStub{}), tuple.SubjectID("ann")), 100, 30)
	s.Want("Nothing: no tuple and no rule")
}

// endless is a group that never ends.
type endless struct{}

func (e endless) All(ctx context.Context, _ tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		for i := 0; ctx.Err() == nil; i++ {
			if !yield(tuple.Tuple{Namespace: "Group", Object: "all", Relation: "members", Subject: tuple.SubjectID(fmt.Sprint("member ", i))}, nil) {
				return
			}
		}
		yield(tuple.Tuple{}, ctx.Err())
	}
}

// A search shows what it has found while it goes on; Esc stops it, and what was found
// stays. One that has spent its budget says so, and can be taken further.
func TestReachStopsAndGoesFurther(t *testing.T) {
	spec := reachSpec(t, &ketoStub{})
	hold := make(chan struct{})
	var judged atomic.Int64
	judge := func(ctx context.Context, qs []tuple.Tuple) ([]access.Answer, int, error) {
		if judged.Add(int64(len(qs))) > 200 {
			select {
			case <-hold:
			case <-ctx.Done():
				return nil, 0, ctx.Err()
			}
		}
		out := make([]access.Answer, len(qs))
		for i := range out {
			out[i].Verdict = access.Allowed
		}
		return out, len(qs), nil
	}
	m := spec.Words.Model()
	spec.Finder = func(context.Context) (*access.Finder, error) {
		return &access.Finder{Tuples: endless{}, Model: m, Judge: judge}, nil
	}
	s := openReach(t, NewWhoCan(spec, setOf("Group:all#members")), 110, 30)
	s.Want("member 0", "found", "of 5,000 requests")
	s.Press("esc")
	s.Want("stopped: ^r searches again", "member 0")
	close(hold)
	s.Press("ctrl+r")
	s.Want("There may be more: the budget of 5000 requests is spent", "search further")
	s.Press("b")
	s.Want("of 50,000 requests")
	s.Press("esc")
}

func TestSweepOfReach(t *testing.T) {
	for name, open := range map[string]func(FindSpec) tui.Screen{
		"who can":      func(f FindSpec) tui.Screen { return NewWhoCan(f, setOf("Doc:q3#comment")) },
		"what can":     func(f FindSpec) tui.Screen { return NewWhatCan(f, tuple.SubjectID(ann)) },
		"matrix":       func(f FindSpec) tui.Screen { return NewMatrix(f, "Doc", "q3") },
		"who is typed": func(f FindSpec) tui.Screen { return NewWhoCan(f, tuple.Set{}) },
	} {
		t.Run(name, func(t *testing.T) {
			keys := [][]string{nil, {"e"}}
			if name == "who is typed" {
				keys = [][]string{nil, {"D", "o"}}
			}
			tuitest.Sweep(t, func() tea.Model { return consoleOn(open(reachSpec(t, reachStub(t)))) }, keys...)
		})
	}
}
