package tui_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

func TestTitleSaysWhereOneIs(t *testing.T) {
	root := &page{title: "home"}
	root.actions = []tui.Action{act("n", "next", func() { root.Push(&page{title: "tickets"}) })}
	o := console(root)
	o.ReadOnly, o.Production = true, true
	s := open(t, o)
	s.Want("gatehouse  dev  PRODUCTION   READ-ONLY")
	s.Press("n")
	s.Want("dev  PRODUCTION   READ-ONLY  › tickets", "esc back")
	s.Press("esc")
	s.WantNot("tickets")
	s.Press("esc")
	s.Want("this is the first screen; q quits")
}

func TestDeepCrumbsKeepTheEnds(t *testing.T) {
	var push func(depth int) *page
	push = func(depth int) *page {
		p := &page{title: strings.Repeat(string(rune('a'+depth)), 12)}
		p.actions = []tui.Action{act("n", "next", func() { p.Push(push(depth + 1)) })}
		return p
	}
	s := open(t, console(push(0)), tuitest.Size(60, 12))
	s.Press("n", "n", "n", "n", "n", "n")
	s.Want("dev › bbbbbbbbbbbb › … › ffffffffffff › gggggggggggg")
}

func TestFooterShowsTheEightThatWork(t *testing.T) {
	root := &page{title: "home"}
	for i, key := range strings.Split("a b c d e f g", " ") {
		one := act(key, "act-"+key, func() {})
		one.Footer = 10 - i // the later, the more useful
		root.actions = append(root.actions, one)
	}
	root.actions[6].Why = func() string { return "not today" }
	s := open(t, console(root), tuitest.Size(140, 20))
	s.Want("f act-f   e act-e   d act-d   c act-c   b act-b   : go to   ? help")
	s.Want("q quit")
	s.WantNot("act-g", "act-a")
	s.Press("g")
	s.Want("✗ not today")
}

func TestReadOnlyRefusesWhatMutates(t *testing.T) {
	root := &page{title: "home"}
	ran := false
	one := act("x", "delete", func() { ran = true })
	one.Mutates = true
	root.actions = []tui.Action{one, act("w", "write", func() {
		tui.Write(root, new(tui.Job), "write", 0, func(context.Context) (int, error) { ran = true; return 0, nil }, func(int, error) {})
	})}
	o := console(root)
	o.ReadOnly = true
	s := open(t, o)
	s.Want("READ-ONLY")
	s.WantNot("delete")
	s.Press("x")
	s.Want("read-only: context dev may not be changed from here")
	s.Press("down")
	s.WantNot("may not be changed")
	s.Press("w") // an action that forgot to say that it writes
	s.Want("read-only: context dev may not be changed from here")
	s.Press("ctrl+p")
	s.Type("delete")
	s.Want("not now: read-only")
	s.Press("enter")
	s.Want("read-only: context dev may not be changed from here")
	s.Close()
	if ran {
		t.Error("something was written")
	}
}

func TestTypingMakesLettersText(t *testing.T) {
	root := &page{title: "home", typing: true}
	root.actions = []tui.Action{act("x", "explode", func() { t.Error("a letter was a key") }), act("enter", "ask", func() { root.Toast("asked") })}
	s := open(t, console(root))
	s.Type("x q:?u")
	s.Paste("pasted")
	s.Want("typed: x,space,q,:,?,u,pasted")
	s.Want("⏎ ask   ^p go to   f1 help")
	s.Press("enter")
	s.Want("asked")
}

func TestEscClosesTheInnermost(t *testing.T) {
	opened := true
	child := &page{title: "child", leave: "Really leave?"}
	child.escape = func() bool { was := opened; opened = false; return was }
	hang := func(p *page) {
		tui.Go(p, new(tui.Job), time.Minute, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
			func(int, error) { t.Error("a stopped job was answered") })
	}
	child.init = hang
	root := &page{title: "home"}
	root.actions = []tui.Action{act("n", "next", func() { root.Push(child) })}
	s := open(t, console(root))
	s.Press("n", "esc")
	s.WantNot("stopped") // it closed what the screen had open
	s.Press("esc")
	s.Want("stopped")
	s.Press("esc")
	s.Want("Really leave?", "y leave   esc cancel")
	s.Press("esc")
	s.Want("dev › child")
	s.Press("esc", "y")
	s.WantNot("child")
	s.Close()
	if !child.closed || root.resumed != 1 {
		t.Errorf("closed %v, resumed %d times", child.closed, root.resumed)
	}
}

func TestQuit(t *testing.T) {
	for _, key := range []string{"q", "ctrl+c"} {
		s := open(t, console(&page{title: "home"}))
		s.Want("gatehouse")
		s.Press(key)
		if err := s.Ended(); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	s := open(t, console(&page{title: "home", typing: true}))
	s.Press("ctrl+p", "ctrl+c") // also out of the palette
	if err := s.Ended(); err != nil {
		t.Error(err)
	}
}

func TestQuitAsksWhileAWriteIsOnItsWay(t *testing.T) {
	answer := make(chan struct{})
	root := &page{title: "home"}
	root.actions = []tui.Action{act("w", "write", func() {
		tui.Write(root, new(tui.Job), "write", 0, func(context.Context) (int, error) { <-answer; return 0, nil }, func(int, error) { root.Toast("written") })
	})}
	s := open(t, console(root))
	s.Press("w", "q")
	s.Want("A write is on its way: quit without its answer?")
	s.Press("esc", "esc")
	s.Want("a write is on its way: its answer is the only way to know whether it happened")
	close(answer)
	s.Want("written")
	s.Press("q")
	if err := s.Ended(); err != nil {
		t.Error(err)
	}
}

func TestCtrlCTwiceQuitsEvenThen(t *testing.T) {
	root := &page{title: "home"}
	block := make(chan struct{})
	t.Cleanup(func() { close(block) })
	root.actions = []tui.Action{act("w", "write", func() {
		tui.Write(root, new(tui.Job), "write", 0, func(context.Context) (int, error) { <-block; return 0, nil }, func(int, error) {})
	})}
	r := tuitest.NewRig(t, tui.New(context.Background(), console(root)), 80, 24)
	r.Press("w", "ctrl+c")
	if !strings.Contains(r.View(), "quit without its answer?") {
		t.Fatalf("it does not ask:\n%s", r.View())
	}
	_, cmd := r.Model.Update(tuitest.Key("ctrl+c"))
	if !quits(cmd) {
		t.Error("the second ctrl+c does not quit")
	}
}

// quits reports whether a command ends the program.
func quits(cmd tea.Cmd) bool {
	if cmd == nil {
		return false
	}
	switch msg := cmd().(type) {
	case tea.QuitMsg:
		return true
	case tea.BatchMsg:
		for _, c := range msg {
			if quits(c) {
				return true
			}
		}
	}
	return false
}

func TestToasts(t *testing.T) {
	long := "the server refused this for a reason that takes more than one line to tell, and whoever reads it should not have to guess what stood at its end; ask the administrator"
	root := &page{title: "home"}
	root.actions = []tui.Action{act("i", "info", func() { root.Toast("hello\x1b[2J") }), act("e", "error", func() { root.Fail(errors.New(long)) }),
		act("c", "cancel", func() { root.Fail(context.Canceled) }), act("n", "nil", func() { root.Fail(nil) })}
	s := open(t, console(root), tuitest.Size(60, 20))
	s.Press("i")
	s.Want("hello␛[2J")
	s.Press("e")
	s.Want("✗ the server refused", "ask the administrator")
	s.Press("n")
	s.WantNot("administrator", "✗")
	s.Press("c")
	s.Want("stopped")
	s.Type(":messages")
	s.Press("enter")
	s.Want("messages   3", "✗ the server refused", "hello␛[2J")
}

func TestLightDarkAndNone(t *testing.T) {
	styled := func(opts ...tuitest.Option) string {
		s := open(t, console(tui.NewList(newCrowd(3).spec())), opts...)
		s.Want("▸  Person 0")
		s.Settle()
		return s.Styled()
	}
	dark, light, none := styled(), styled(tuitest.Light()), styled(tuitest.NoColor())
	if dark == light {
		t.Error("a light background changes nothing")
	}
	for _, colour := range []string{"38;2;", "48;2;", "\x1b[3", "\x1b[4"} {
		if strings.Contains(none, colour) {
			t.Errorf("NO_COLOR still has %q:\n%q", colour, none)
		}
	}
	if !strings.Contains(none, "\x1b[7m") {
		t.Errorf("without colour the cursor row is not reversed:\n%q", none)
	}
}

func TestFirstFrameNeedsNoNetwork(t *testing.T) {
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	spec := newCrowd(1).spec()
	spec.Fetch = func(context.Context, string) (tui.Page[person], error) { <-never; return tui.Page[person]{}, nil }
	o := console(tui.NewList(spec))
	o.Health = []tui.Probe{{Name: "kratos", Check: func(context.Context) tui.Health { <-never; return tui.Health{} }}}
	a := tui.New(context.Background(), o)
	a.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	a.Init() // its commands are never run
	if view := a.View().Content; !strings.Contains(view, "reading…") || !strings.Contains(view, "◌") {
		t.Errorf("the first frame is\n%s", view)
	}
}

func TestIdleDoesNotTick(t *testing.T) {
	r := tuitest.NewRig(t, tui.New(context.Background(), console(tui.NewList(newCrowd(300).spec()))), 80, 24)
	r.Until(t, "people   300\n")
	r.Press("/", "9", "esc", "?", "esc", ":", "esc")
	r.Rest(200 * time.Millisecond) // spinner of the load
	if msg := r.Next(600 * time.Millisecond); msg != nil {
		t.Errorf("an idle program got %T", msg)
	}
}

func TestRunWithoutATerminalSaysWhatToDo(t *testing.T) {
	err := tui.Run(context.Background(), tui.New(context.Background(), console(&page{title: "home"})))
	if err == nil || !strings.Contains(err.Error(), "not a terminal") {
		t.Errorf("Run says %v", err)
	}
}
