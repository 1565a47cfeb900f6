package cmd

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
	"gatehouse/tui/tuitest"
)

// consoleOverKeto opens the console over nothing but one Keto.
func consoleOverKeto(t testing.TB, info stack.KetoInfo, w, h int) *tuitest.Term {
	t.Helper()
	file := writeFile(t, fmt.Sprintf("contexts:\n  here:\n    keto: {read_url: %s, write_url: %s, opl_url: %s, opl: %s}\n", info.ReadURL, info.WriteURL, info.OPLURL, info.OPL))
	conf, err := config.Load(config.Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := conf.Context("here")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	s := tuitest.Open(t, newConsole(ctx, newBackends(chosen)).app(ctx, newGlobals(World{Now: time.Now})), tuitest.Size(w, h), tuitest.Patience(30*time.Second))
	s.Want("What would you like to know?", "● keto")
	return s
}

// ketoOf starts a Keto with the story's model and some tuples.
func ketoOf(t testing.TB, tuples ...string) (stack.KetoInfo, []string) {
	t.Helper()
	info := stacktest.OwnKeto(t, story.Model(), map[string]any{"log.level": "error"})
	env := fixEnv(info.ReadURL, info.WriteURL, info.OPL)
	gatehouse(t, env, append([]string{"tuples", "add", "--force"}, tuples...)...).want(t, exitYes)
	return info, env
}

// The questions in reverse, over the real Keto: who is listed is let in by the server, a
// row opens its explanation, and what changed on the server is there when it is asked again.
func TestConsoleAsksInReverse(t *testing.T) {
	t.Parallel()
	info, env := ketoOf(t, "Doc:q3#viewers@Group:finance#members", "Group:finance#members@ben", "Doc:q3#owners@olga", "Doc:plan#viewers@ben", "Doc:q3#blocked@carl", "Doc:q3#viewers@carl")
	s := consoleOverKeto(t, info, 130, 36)
	goTo(s, "who-can Doc:q3#view")
	s.Want("✓ ben", "✓ olga", "Group:finance#members")
	s.WantNot("✓ carl")
	s.Press("/")
	s.Type("ben")
	s.Press("enter", "enter")
	s.Want("✓ ALLOWED", "Doc:q3#view@ben", "ben is in Group:finance#members")
	s.Press("esc")
	gatehouse(t, env, "tuples", "rm", "Group:finance#members@ben").want(t, exitYes)
	s.Press("esc", "ctrl+r")
	s.Want("✓ olga")
	s.WantNot("✓ ben")

	goTo(s, "what-can ben")
	s.Want("Doc:plan", "view")
	s.WantNot("Doc:q3")
	s.Press("enter")
	s.Want("✓ ALLOWED", "Doc:plan#")

	goTo(s, "matrix Doc:q3")
	s.Want("olga", "view", "edit")
	t.Log(s.Screen())
	for _, line := range strings.Split(s.Screen(), "\n") { // view, open, edit, change, publish
		for who, marks := range map[string]string{"olga": "✓ ✓ ✓ ✓ ✗", "carl": "✗ ✓ ✗ ✗ ✗"} {
			if f := strings.Fields(strings.ReplaceAll(line, "▸", "")); len(f) > 6 && f[0] == who && strings.Join(f[1:6], " ") != marks {
				t.Errorf("the block of carl, and what olga owns: %s", line)
			}
		}
	}
}

// The lints screen finds a mistake in the real Keto's tuples and writes its fix; the
// model screen shows the real model and holds it against the server.
func TestConsoleLintsAndShowsTheModel(t *testing.T) {
	t.Parallel()
	info, env := ketoOf(t, "Doc:run#parents@support", "Folder:support#viewers@ben", "Doc:q3#viewers@Group:g#members", "Group:g#members@ben")
	s := consoleOverKeto(t, info, 130, 36)
	gatehouse(t, env, "check", "Doc:run#view@ben").want(t, exitNo)
	goTo(s, "lints")
	s.Want("Doc:run#parents@support", "traversed_id")
	s.Press("/")
	s.Type("traversed_id")
	s.Press("enter", "a")
	s.Want("- Doc:run#parents@support", "+ Doc:run#parents@Folder:support#")
	s.Press("y")
	until(t, "the parent is an object", func() bool { return gatehouse(t, env, "check", "Doc:run#view@ben").code == exitYes })
	s.WantNot("Doc:run#parents@support ")
	t.Log(s.Screen())

	s.Press(":")
	s.Want("where to")
	s.Type("model")
	s.Press("enter")
	s.Want("namespaces.ts", "class Group")
	s.Press("/")
	s.Type("class Doc")
	s.Press("enter")
	s.Want("class Doc implements Namespace")
	s.Press("g") // as a tree, without the text
	s.WantNot("class Doc implements Namespace")
	s.Want("blocked")
	t.Log(s.Screen())
	s.Press("g")
	s.Want("class Doc implements Namespace")
	s.Press("!")
	s.Want("! Doc#view notices who is in Doc#blocked")
}
