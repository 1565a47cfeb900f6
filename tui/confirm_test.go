package tui_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/tui"
	"gatehouse/tui/tuitest"
	"gatehouse/tui/widget"
)

// asking is a screen whose key x asks a question.
func asking(q tui.Question) (*page, *[]string) {
	said := &[]string{}
	p := &page{title: "home"}
	q.Yes = func() { *said = append(*said, "yes"); p.Toast("did it") }
	q.No = func() { *said = append(*said, "no"); p.Toast("left it") }
	p.actions = []tui.Action{act("x", "ask", func() { p.Confirm(q) }), act("y", "ask by y", func() { p.Confirm(q) })}
	return p, said
}

func TestConfirmShowsWhatWillBeWritten(t *testing.T) {
	p, said := asking(tui.Question{Title: "Remove 2 tuples?", Lines: []string{"Group:a#members@ann", "Group:a#members@bo\x1b[2J"}, Verb: "remove"})
	s := open(t, console(p))
	s.Press("x")
	s.Want("Remove 2 tuples?", "  Group:a#members@ann", "  Group:a#members@bo␛[2J", "y remove   esc cancel")
	s.Press("x", "x", "space", "enter") // neither the opener nor enter answers
	s.Want("y to remove, esc to cancel")
	s.Press("n")
	s.Want("left it")
	s.Press("x", "y")
	s.Want("did it")
	s.Close()
	if fmt.Sprint(*said) != "[no yes]" {
		t.Errorf("answered %v", *said)
	}
}

func TestConfirmCutsNothingOff(t *testing.T) {
	p, _ := asking(tui.Question{Title: "Write?", Lines: []string{"PUT " + strings.Repeat("long ", 20) + "the end\nof it"}})
	s := open(t, console(p), tuitest.Size(50, 20))
	s.Press("x")
	s.Want("  PUT long", "    long", "the end␊of it")
}

func TestConfirmIsNeverTheKeyThatOpenedIt(t *testing.T) {
	p, _ := asking(tui.Question{Title: "Sure?"})
	s := open(t, console(p))
	s.Press("y")
	s.Want("Sure?", "Y yes")
	s.Press("y", "y")
	s.WantNot("did it")
	s.Press("Y")
	s.Want("did it")
}

func TestDangerInProductionIsTyped(t *testing.T) {
	p, _ := asking(tui.Question{Title: "Delete ann?", Verb: "delete", Danger: true})
	o := console(p)
	o.Production = true
	s := open(t, o)
	s.Press("x")
	s.Want("This cannot be undone.", "type dev to delete:")
	s.Type("prod")
	s.Press("enter")
	s.Want("that is not dev: nothing was done")
	s.Press("ctrl+u")
	s.Type("dev")
	s.Press("enter")
	s.Want("did it")
}

func TestLongQuestionsScroll(t *testing.T) {
	var lines []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf("tuple %d", i))
	}
	p, _ := asking(tui.Question{Title: "Remove 100?", Lines: lines, Danger: true})
	s := open(t, console(p), tuitest.Size(60, 16))
	s.Press("x")
	s.Want("Remove 100?", "tuple 0", "and 92 more: ↑ ↓ show them", "This cannot be undone.")
	s.Press("pgdown")
	s.Want("tuple 15")
	s.WantNot("tuple 0\n")
	s.Press("esc")
	s.Want("left it")
}

func TestQuestionThatOpensByItselfIsDeafAtFirst(t *testing.T) {
	p, said := asking(tui.Question{})
	p.init = func(p *page) {
		tui.Go(p, new(tui.Job), 0, func(context.Context) (int, error) { return 0, nil }, func(int, error) {
			p.Confirm(tui.Question{Title: "By itself?", Yes: func() { *said = append(*said, "yes") }})
		})
	}
	r := tuitest.NewRig(t, tui.New(context.Background(), console(p)), 80, 24)
	r.Until(t, "By itself?")
	r.Press("y")
	if len(*said) > 0 {
		t.Error("a key that was on its way answered the question")
	}
	time.Sleep(450 * time.Millisecond)
	r.Press("y")
	if len(*said) != 1 {
		t.Error("the question takes no answer")
	}
}

func TestQuestionWaitsForThePalette(t *testing.T) {
	p, _ := asking(tui.Question{})
	release := make(chan struct{})
	p.init = func(p *page) {
		tui.Go(p, new(tui.Job), 0, func(context.Context) (int, error) { <-release; return 0, nil }, func(int, error) {
			p.Confirm(tui.Question{Title: "Later?"})
		})
	}
	s := open(t, console(p))
	s.Press(":")
	s.Want("where to")
	close(release)
	s.WantNot("Later?")
	s.Press("esc")
	s.Want("Later?")
}

func TestUndo(t *testing.T) {
	world := "old"
	p := &page{title: "home"}
	var job tui.Job
	write := func(value string) func() {
		return func() {
			before := world
			tui.Write(p, &job, "set "+value, 0, func(context.Context) (int, error) { world = value; return 0, nil }, func(int, error) {
				p.Toast("set " + value)
				p.Undo(tui.Undo{What: "set " + value, Lines: []string{"PUT " + before}, Then: func() { p.typed = append(p.typed, "again") },
					Run: func(context.Context) error {
						if world != value {
							return errors.New("somebody changed it since: it is " + world)
						}
						world = before
						return nil
					}})
			})
		}
	}
	p.actions = []tui.Action{act("a", "set a", write("a")), act("b", "set b", write("b"))}
	s := open(t, console(p))
	s.Press("u")
	s.Want("nothing to undo")
	s.Press("a")
	s.Want("set a")
	s.Press("b")
	s.Want("set b")
	s.Press("down")
	s.Want("u undo")
	s.Press("u")
	s.Want("Undo: set b?", "PUT a")
	s.Press("y")
	s.Want("undone: set b")
	s.Press("down")
	s.Want("again")
	s.Press("u")
	s.Want("Undo: set a?", "PUT old")
	s.Press("y")
	s.Want("undone: set a")
	s.Press("u")
	s.Want("nothing to undo")
}

func TestUndoRefusesWhenSomethingChanged(t *testing.T) {
	p := &page{title: "home"}
	p.actions = []tui.Action{act("a", "register", func() {
		p.Undo(tui.Undo{What: "the write", Run: func(context.Context) error { return errors.New("somebody changed it since") }})
	})}
	s := open(t, console(p))
	s.Press("a", "u", "y")
	s.Want("✗ undo the write: somebody changed it since")
	s.Press("u")
	s.Want("nothing to undo")
}

func TestPickMany(t *testing.T) {
	var got []widget.Choice
	root := &page{title: "home"}
	root.actions = []tui.Action{act("p", "pick", func() {
		root.Push(tui.NewPick(tui.PickSpec{Title: "grant", Lead: "Grant roles to Ann", Many: true, Verb: "grant",
			Load: func(context.Context) ([]widget.Choice, error) {
				return []widget.Choice{{ID: "1", Label: "admin"}, {ID: "2", Label: "auditor", Note: "reads all"}, {ID: "3", Label: "staff", Why: "she has it by /staff"}, {ID: "4", Label: "viewer"}}, nil
			}, Done: func(picked []widget.Choice) { got = picked; root.Toast(fmt.Sprintf("%d picked", len(picked))) }}))
	})}
	s := open(t, console(root))
	s.Press("p")
	s.Want("Grant roles to Ann", "▸   admin", "– staff    she has it by /staff", "4 of 4, 0 picked")
	s.Press("tab")
	s.Want("✓ admin", "1 picked")
	s.Type("staff")
	s.Press("tab")
	s.Want("she has it by /staff", "1 of 4")
	s.Press("esc")
	s.Want("4 of 4, 1 picked")
	s.Press("down", "tab", "enter")
	s.Want("2 picked")
	s.Close()
	if len(got) != 2 || got[0].Label != "admin" || got[1].Label != "viewer" {
		t.Errorf("picked %v", got)
	}
}

func TestFormKeepsInputWhenTheServerRefuses(t *testing.T) {
	fail := errors.New("refused")
	root := &page{title: "home"}
	root.actions = []tui.Action{act("n", "new", func() {
		root.Push(tui.NewForm(tui.FormSpec{Title: "new identity", What: "create the identity",
			Fields: []tui.FormField{
				{Name: "/traits/email", Label: "E-mail", Required: true, Help: "People log in with it.",
					Complete: func(string) []widget.Completion { return []widget.Completion{{Value: "ann@acme.example"}} }},
				{Name: "state", Label: "State", Choices: []string{"active", "inactive"}, Value: "active"},
				{Name: "password", Label: "Password", Secret: true},
			},
			Review: func(v map[string]string) (tui.Question, error) {
				return tui.Question{Lines: []string{"email = " + v["/traits/email"], "state = " + v["state"]}}, nil
			},
			Submit: func(_ context.Context, v map[string]string) error {
				if v["password"] != "s3cret" {
					return fmt.Errorf("password is %q", v["password"])
				}
				return fail
			},
			Done: func(map[string]string) { root.Toast("created") },
		}))
	})}
	o := console(root)
	o.Explain = func(err error) tui.Failure {
		f := tui.Failure{Why: err.Error()}
		if errors.Is(err, fail) {
			f.Fields = map[string]string{"email": "is taken"}
		}
		return f
	}
	s := open(t, o)
	s.Press("n", "ctrl+s")
	s.Want("✗ E-mail: is needed", "✗ is needed")
	s.Type("a")
	s.Want("ann@acme.example")
	s.Press("tab", "tab", "right", "tab")
	s.Type("s3cret")
	s.Want("E-mail *    ann@acme.example", "active [inactive]", "▸ Password    ••••••")
	s.WantNot("s3cret")
	s.Press("enter")
	s.Want("Write this?", "email = ann@acme.example", "state = inactive")
	s.Press("y")
	s.Want("✗ is taken", "✗ refused", "▸ E-mail *    ann@acme.example")
	s.Press("esc")
	s.Want("Leave the form? What was typed is lost.")
	s.Press("esc")
	fail = nil
	s.Press("ctrl+s", "y")
	s.Want("created")
}
