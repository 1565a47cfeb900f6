package screens

import (
	"context"
	"strings"
	"testing"

	"gatehouse/access/opl"
	"gatehouse/access/person"
	"gatehouse/access/tuple"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
	"gatehouse/tui/widget"
)

const lineModel = `class User implements Namespace {}
class Doc implements Namespace {
  related: { viewers: User[], owners: User[] }
  permits = { view: (ctx: Context) => this.related.viewers.includes(ctx.subject), edit: (ctx: Context) => this.related.owners.includes(ctx.subject) }
}
class Folder implements Namespace {
  related: { viewers: User[] }
  permits = { view: (ctx: Context) => this.related.viewers.includes(ctx.subject) }
}`

// lineSpec is a Home that knows two people called Ann and a few objects.
func lineSpec(t *testing.T) HomeSpec {
	t.Helper()
	m, errs := opl.Parse("m.ts", lineModel)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	words := NewVocabulary()
	words.SetModel(m)
	words.Learn(mustTuples(t, "Doc:q3-report#viewers@ben", "Doc:budget#owners@ann", "Folder:2026#viewers@ann"))
	place := func(title string) tui.Screen { return tui.NewFields("at " + title) }
	return HomeSpec{
		Words: words, Complete: func(text string) []widget.Completion { return words.Complete(text, true) },
		Check:    func(q string) tui.Screen { return place(q) },
		Find:     func(w string) tui.Screen { return place("find " + w) },
		Person:   func(h person.Hit) tui.Screen { return place("person " + h.Name) },
		WhoCan:   func(s tuple.Set) tui.Screen { return place("who can " + s.String()) },
		Tuples:   func(q tuple.Query) tui.Screen { return place("tuples " + q.String()) },
		WhyLogin: func(u, c string) tui.Screen { return place("login " + u + " " + c) },
		People: func(_ context.Context, w string) ([]person.Hit, error) {
			var out []person.Hit
			for _, h := range []person.Hit{{ID: ann, Name: "Ann Okafor", Email: "ann@acme.example"}, {ID: "anna-id", Name: "Anna Berg", Email: "anna.berg@acme.example"}} {
				if strings.Contains(strings.ToLower(h.Name+" "+h.Email+" "+h.ID), strings.ToLower(w)) {
					out = append(out, h)
				}
			}
			return out, nil
		},
		Places: []HomePlace{{Name: "identities", Open: func() tui.Screen { return place("identities") }}},
	}
}

// What is typed is understood before Enter, and Enter does just that.
func TestHomeLineUnderstands(t *testing.T) {
	for _, c := range []struct {
		line  string
		wants []string // before Enter
		keys  []string
		at    string // after it
	}{
		{"ann view q3", []string{"Doc:q3-report#view@Ann Okafor", "may Anna Berg view Doc:q3-report?", "people: Ann Okafor, Anna Berg"}, nil, "Doc:q3-report#view@" + ann[:4]},
		{"ann view q3", []string{"may Anna Berg view Doc:q3-report?"}, []string{"down"}, "Doc:q3-report#view@anna-id"},
		{"why can't ann open the budget?", []string{"may Ann Okafor view Doc:budget?"}, nil, "Doc:budget#view@" + ann[:4]},
		{"ann okafor edit Doc:new", []string{"may Ann Okafor edit Doc:new?"}, nil, "Doc:new#edit@" + ann[:4]},
		{"ann okafor", []string{"person: Ann Okafor", "find people: ann okafor"}, nil, "person Ann Okafor"},
		{"ann okafor", []string{"find people: ann okafor"}, []string{"down"}, "find ann okafor"},
		{"anna.berg@acme.example", []string{"person: Anna Berg"}, nil, "person Anna Berg"},
		{"Doc:q3-report#view@ben", []string{"Doc:q3-report#view@ben"}, nil, "Doc:q3-report#view@ben"},
		{"Doc:q3-report#view", []string{"who can Doc:q3-report#view?"}, nil, "who can Doc:q3-report#view"},
		{"Doc:q3-report", []string{"tuples of Doc:q3-report"}, nil, "tuples Doc:q3-report"},
		{"ben login flaskClient", []string{"login of ben to flaskClient"}, nil, "login ben flaskClient"},
		{"identi", []string{"go to identities"}, nil, "identities"},
		{"ann view zzz", []string{"no object is known by “zzz”"}, nil, ""},
		{"#", []string{"not a question yet"}, nil, ""},
	} {
		t.Run(c.line, func(t *testing.T) {
			s := tuitest.Open(t, consoleOn(NewHome(lineSpec(t))), tuitest.Size(120, 30))
			s.Press("/")
			s.Type(c.line)
			s.Want(c.wants...)
			s.Press("esc", "/") // the completions, where there are any, do not take the keys
			s.Want(c.wants...)
			s.Press(c.keys...)
			s.Press("enter")
			if c.at == "" {
				s.Settle()
				s.Want("What would you like to know?")
				return
			}
			s.Want("at " + c.at)
		})
	}
}

// What was asked is asked again with the arrow key, and is kept for the next session.
func TestHomeLineRemembers(t *testing.T) {
	spec := lineSpec(t)
	var kept []string
	spec.History, spec.Remember = []string{"Doc:old#view@ben"}, func(l string) { kept = append(kept, l) }
	s := tuitest.Open(t, consoleOn(NewHome(spec)), tuitest.Size(120, 30))
	s.Press("/", "up")
	s.Want("> Doc:old#view@ben")
	s.Press("down")
	s.Type("Doc:budget#view@ben")
	s.Press("esc", "/", "enter")
	s.Want("at Doc:budget#view@ben")
	s.Press("esc", "/", "up")
	s.Want("> Doc:budget#view@ben")
	s.Press("up")
	s.Want("> Doc:old#view@ben")
	if len(kept) != 1 || kept[0] != "Doc:budget#view@ben" {
		t.Errorf("kept %q", kept)
	}
}

// Whatever is pasted, nothing of it reaches the terminal as a control, and nothing panics.
func TestHomeLineTakesAnything(t *testing.T) {
	s := tuitest.Open(t, consoleOn(NewHome(lineSpec(t))), tuitest.Size(80, 24))
	s.Press("/")
	for _, evil := range []string{"\x1b[2J\x1b]52;c;aGk=\x07", "\u202eann view q3", "a\x00b\x9b31m", strings.Repeat("ann view ", 5000), "\xff\xfe ann", "?", "why can't", "view view view", "@", ":", "::##@@()", "ann view Doc:", "'; DROP TABLE", "ann\nview\nq3"} {
		s.Press("ctrl+u")
		s.Paste(evil)
		s.Settle()
		s.Want("What would you like to know?")
		if got := s.Screen(); strings.ContainsAny(got, "\x1b\x07\x00\u202e\u009b") {
			t.Errorf("%q: %q", evil, got)
		}
	}
}
