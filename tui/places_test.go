package tui_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/tui"
	"gatehouse/tui/tuitest"
	"gatehouse/tui/widget"
)

func TestPaletteGoesAnywhere(t *testing.T) {
	var remembered []string
	root := &page{title: "home", actions: []tui.Action{act("x", "explode", func() {})}}
	o := console(root)
	root.actions[0].Run = tui.Do(func() { root.Toast("boom") })
	o.Palette = []tui.Entry{
		{Name: "identities", Aliases: []string{"id", "people"}, Help: "Everybody.", Open: func() tui.Screen { return &page{title: "identities"} }},
		{Name: "tuples", Help: "Relation tuples.", OpenWith: func(arg string) tui.Screen { return &page{title: "tuples of <" + arg + ">"} }},
	}
	o.History = []string{"tuples Doc:a"}
	o.Remember = func(line string) { remembered = append(remembered, line) }
	s := open(t, o)
	s.Press(":")
	s.Want(":  where to, or what to do?", "identities", "Everybody. (id, people)", "explode", "x  Does explode.", "messages")
	s.Type("peo")
	s.Press("enter")
	s.Want("dev › identities")
	s.Type(":tuples Doc:q3 ")
	s.Press("enter")
	s.Want("dev › identities › tuples of <Doc:q3>")
	s.Press(":", "up", "up", "enter") // the history: tuples …, then identities
	s.Want("› identities\n")
	s.Press("esc", "esc", "esc")
	s.Type(":expl")
	s.Press("tab")
	s.Want(": explode")
	s.Press("enter")
	s.Want("boom")
	s.Type(":xyzzy")
	s.Press("enter")
	s.Want(`nothing here is called "xyzzy"`)
	s.Press("esc")
	s.WantNot("xyzzy")
	s.Press(":", "backspace")
	s.WantNot("where to")
	s.Close()
	if got := strings.Join(remembered, "|"); got != "identities|tuples Doc:q3|identities|explode" {
		t.Errorf("remembered %q", got)
	}
}

func TestHelpListsAndSearches(t *testing.T) {
	why := act("x", "explode", func() {})
	why.Danger, why.Why = true, func() string { return "the fuse is wet" }
	s := open(t, console(&page{title: "home", actions: []tui.Action{why, act("ctrl+r", "again", func() {})}}), tuitest.Size(160, 40))
	s.Press("?")
	s.Want("home", "x              explode", "Cannot be undone; asks first. Not now: the fuse is wet.", "^r", "Everywhere", "Quit from anywhere")
	s.Type("fuse") // words of the reason are not searched, those of the help are
	s.Want("nothing matches")
	s.Press("esc")
	s.Type("^r")
	s.Want("again")
	s.WantNot("explode")
	s.Press("esc", "esc")
	s.Want("typed:\n")
}

func TestHealthIsShownAndAskedAgain(t *testing.T) {
	state := make(chan tui.State, 10)
	state <- tui.StateDown
	o := console(&page{title: "home"})
	root := o.Root.(*page)
	root.actions = []tui.Action{act("r", "recheck", func() { root.Env().Recheck() })}
	o.HealthEvery = -1
	o.Health = []tui.Probe{
		{Name: "kratos", Check: func(context.Context) tui.Health { return tui.Health{State: tui.StateUp, Version: "v1.3.1"} }},
		{Name: "keto", Check: func(context.Context) tui.Health { return tui.Health{State: <-state, Version: "0.13"} }},
		{Name: "keycloak", Check: func(context.Context) tui.Health { return tui.Health{State: tui.StateOff} }},
	}
	s := open(t, o)
	s.Want("● kratos 1.3.1   ○ keto")
	s.WantNot("keycloak")
	state <- tui.StateUp
	s.Press("r")
	s.Want("● keto 0.13")
	s.Resize(40, 20)
	s.Want("● kratos   ● keto")
	s.Resize(28, 20)
	s.Want("●   ●")
}

func TestRequestLog(t *testing.T) {
	o := console(&page{title: "home"})
	o.Requests = func() []tui.Request {
		return []tui.Request{
			{At: noon, System: "kratos", Method: "GET", URL: "http://127.0.0.1/a", Status: 200, Took: 2500 * time.Microsecond},
			{At: noon.Add(time.Second), System: "keto", Method: "PUT", URL: "http://127.0.0.1/b", Err: "connection refused", Attempts: 3},
			{At: noon.Add(2 * time.Second), System: "keycloak", Method: "GET", URL: "http://127.0.0.1/c", Status: 403, ID: "req-7"},
		}
	}
	s := open(t, o)
	s.Type(":log")
	s.Press("enter")
	s.Want("requests   3", "12:00:00.000 kratos   GET       200     2.5 http://127.0.0.1/a", "○ –", "✗ 403", "req-7")
	s.Type("/keto")
	s.Press("enter", "enter")
	s.Want("connection refused", "attempts", "PUT http://127.0.0.1/b")
}

func TestFieldsMaskSecrets(t *testing.T) {
	s := open(t, console(tui.NewFields("one", widget.Section{Title: "Login", Note: "two fields", Fields: []widget.Field{
		{Label: "user", Value: "ann\nof two lines", Note: "verified"}, {Label: "password", Value: "hunter2", Secret: true}}})))
	s.Want("Login  two fields", "▸ user      ann", "            of two lines", "password  ••••••••")
	s.WantNot("hunter2")
	s.Press("down", "y")
	s.Want("that is a secret: x shows it, then y copies it")
	if s.Clipboard() != "" {
		t.Errorf("the clipboard has %q", s.Clipboard())
	}
	s.Press("x")
	s.Want("▸ password  hunter2")
	s.Press("y")
	s.Want("copied password")
	if s.Clipboard() != "hunter2" {
		t.Errorf("the clipboard has %q", s.Clipboard())
	}
	s.Press("x")
	s.WantNot("hunter2")
}

func TestKeyReference(t *testing.T) {
	var b strings.Builder
	danger := act("X", "purge", func() {})
	danger.Danger = true
	if err := tui.KeyReference(&b, tui.NewList(newCrowd(0).spec()), &page{title: "home", actions: []tui.Action{danger}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## Everywhere", "| `:` `^p` | go to |", "## List", "| `/` | filter |", "## People", "| `⏎` | open |", "## Home", "| `X` | purge | Does purge. **Cannot be undone.** |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the key reference lacks %q:\n%s", want, &b)
		}
	}
}

func TestCheckFindsKeysThatAreTakenTwice(t *testing.T) {
	r := tuitest.NewRig(t, tui.New(context.Background(), console(&page{title: "home", actions: []tui.Action{
		act("x", "one", nil), act("x", "two", nil), act(":", "three", nil), {Name: "four"}}})), 80, 24)
	if faults := r.Model.(*tui.App).Check(); len(faults) != 3 {
		t.Errorf("found %q", faults)
	}
}
