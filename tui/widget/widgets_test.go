package widget_test

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

var dark = theme.New(theme.Dark)

func press(i *widget.Input, keys ...string) (last widget.Event) {
	codes := map[string]rune{"enter": tea.KeyEnter, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "home": tea.KeyHome, "backspace": tea.KeyBackspace}
	for _, k := range keys {
		if code, ok := codes[k]; ok {
			last = i.Update(tea.KeyPressMsg{Code: code})
			continue
		}
		for _, r := range k {
			last = i.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
	return last
}

// leastWidth is where widgets begin to fit; in less, which no window has that shows
// more than a notice, the shell cuts them.
const leastWidth = 20

// TestWidgetsFitAnyRoom draws everything in every room from nothing to large.
func TestWidgetsFitAnyRoom(t *testing.T) {
	in := widget.NewInput("find: ")
	in.Placeholder = "a name"
	in.Eager = true
	in.Complete = func(string) []widget.Completion {
		return []widget.Completion{{Value: "漢字漢字漢字", Note: "a note"}, {Value: "x\x1b[2J"}}
	}
	in.SetValue("some text that is longer than the room, with 漢字 and \x1b[31m in it")
	press(in, "left", "left")
	in.Refresh()
	empty := widget.NewInput("> ")
	empty.Placeholder = "nothing yet"
	var detail widget.Detail
	detail.Set(widget.Section{Title: "Title 漢字", Note: "note", Fields: []widget.Field{{Label: "label", Value: "value\nof two lines\x1b[2J", Note: "n"}, {Value: "漢字漢字"}, {Label: "secret", Value: "s", Secret: true}}},
		widget.Section{})
	detail.Move(1)
	var tree widget.Tree
	deep := &widget.Node{ID: "0", Label: "root", Open: true, Mark: "✓"}
	for i, n := 1, deep; i < 40; i++ {
		c := &widget.Node{ID: fmt.Sprint(i), Label: "node 漢字", Note: "note", Open: true}
		n.Children = []*widget.Node{c, {ID: fmt.Sprint("leaf", i), Label: "leaf"}}
		n = c
	}
	tree.Set(deep)
	var picker widget.Picker
	picker.Many = true
	picker.Set([]widget.Choice{{ID: "1", Label: "漢字 one", Note: "note"}, {ID: "2", Label: "two", Why: "no"}})
	var text widget.Text
	text.Set("a long line that wraps, then 漢字\nanother\x1b[2J\t.")
	for w := -2; w < 60; w++ {
		for _, h := range []int{-1, 0, 1, 2, 5, 50} {
			for name, view := range map[string]string{
				"detail": detail.View(dark, w, h), "tree": tree.View(dark, w, h), "picker": picker.View(dark, w, h), "text": text.View(dark, w, h),
				"input": in.View(dark, w), "empty input": empty.View(dark, w), "dropdown": strings.Join(in.Dropdown(dark, w, h), "\n"),
			} {
				lines := strings.Split(view, "\n")
				if len(lines) > max(1, h) && !strings.Contains(name, "input") {
					t.Errorf("%s in %d×%d has %d lines", name, w, h, len(lines))
				}
				for _, line := range lines {
					if n := ansi.StringWidth(line); n > max(0, w) && w >= leastWidth {
						t.Errorf("%s in %d×%d is %d cells wide: %q", name, w, h, n, ansi.Strip(line))
					}
				}
				if strings.Contains(view, "\x1b[2J") || strings.Contains(view, "\x1b[31m") {
					t.Fatalf("%s lets an escape through: %q", name, view)
				}
			}
		}
	}
}

func TestInputEditsAndAccepts(t *testing.T) {
	in := widget.NewInput("> ")
	if e := press(in, "ann"); e != widget.Edited || in.Value() != "ann" {
		t.Errorf("typing gave %v, %q", e, in.Value())
	}
	if e := in.Update(tea.PasteMsg{Content: "  a\x1b[2Jb\nc\n"}); e != widget.Edited || strings.ContainsAny(in.Value(), "\n\x1b") {
		t.Errorf("pasting gave %v, %q", e, in.Value())
	}
	if e := press(in, "enter"); e != widget.Accepted {
		t.Errorf("enter gave %v", e)
	}
	if e := press(in, "tab"); e != widget.Ignored {
		t.Errorf("tab without suggestions gave %v", e)
	}
	in.Blur()
	if e := press(in, "x"); e != widget.Ignored || strings.Contains(in.Value(), "x") {
		t.Error("an input without focus takes text")
	}
}

func TestInputCompletes(t *testing.T) {
	in := widget.NewInput("> ")
	in.Complete = func(text string) (out []widget.Completion) {
		for _, w := range []string{"Doc", "Document", "Group"} {
			if strings.HasPrefix(strings.ToLower(w), strings.ToLower(text)) {
				out = append(out, widget.Completion{Value: w, Note: "namespace"})
			}
		}
		return out
	}
	if in.Busy() {
		t.Error("it suggests before anything is typed")
	}
	press(in, "d")
	if lines := in.Dropdown(dark, 40, 10); len(lines) != 2 || !strings.Contains(ansi.Strip(lines[1]), "Document  namespace") {
		t.Errorf("the dropdown is %q", lines)
	}
	if e := press(in, "down", "down", "enter"); e != widget.Edited || in.Value() != "Document" {
		t.Errorf("choosing gave %v, %q", e, in.Value())
	}
	if in.Busy() {
		t.Error("what is complete is suggested again")
	}
	in.SetValue("g")
	in.Refresh()
	if press(in, "tab"); in.Value() != "Group" {
		t.Errorf("tab gave %q", in.Value())
	}
	in.SetValue("d")
	in.Refresh()
	if !in.Escape() || in.Escape() {
		t.Error("escape does not close the dropdown once")
	}
}

func TestInputHistory(t *testing.T) {
	in := widget.NewInput("> ")
	in.History([]string{"one", "two"})
	press(in, "draft", "up")
	if in.Value() != "two" {
		t.Errorf("up gave %q", in.Value())
	}
	press(in, "up", "up")
	if in.Value() != "one" {
		t.Errorf("the oldest is %q", in.Value())
	}
	press(in, "down", "down")
	if in.Value() != "draft" {
		t.Errorf("what was typed is %q", in.Value())
	}
	in.Remember("one")
	press(in, "up")
	if in.Value() != "one" {
		t.Errorf("the newest is %q", in.Value())
	}
}

func TestInputShowsWhereTheCursorIs(t *testing.T) {
	in := widget.NewInput("> ")
	in.SetValue("abc")
	press(in, "home")
	if got := in.View(dark, 10); !strings.Contains(got, "\x1b[7ma\x1b[m") {
		t.Errorf("the cursor is not on a: %q", got)
	}
	in.SetValue(strings.Repeat("x", 100) + "end")
	if got := ansi.Strip(in.View(dark, 12)); got != "> …xxxxxend " {
		t.Errorf("the end of a long text is %q", got)
	}
	in.Secret(true)
	if got := in.View(dark, 12); strings.Contains(got, "x") {
		t.Errorf("a secret is shown: %q", got)
	}
}

func TestDetail(t *testing.T) {
	var d widget.Detail
	fields := func(names ...string) widget.Section {
		s := widget.Section{Title: "Section"}
		for _, n := range names {
			s.Fields = append(s.Fields, widget.Field{Label: n, Value: "value of " + n, Secret: n == "secret"})
		}
		return s
	}
	d.Set(fields("a", "b", "secret"))
	d.View(dark, 40, 10)
	d.Move(1)
	d.Set(fields("x", "a", "b", "secret")) // loaded again, with one more
	if f, ok := d.Current(); !ok || f.Label != "b" {
		t.Errorf("the cursor is on %q", f.Label)
	}
	if d.Reveal() {
		t.Error("b is revealed as if it were a secret")
	}
	d.Move(1)
	if f, _ := d.Current(); f.Value != widget.Mask {
		t.Errorf("a masked secret is handed out: %q", f.Value)
	}
	d.Reveal()
	if f, _ := d.Current(); f.Value != "value of secret" || !strings.Contains(d.View(dark, 40, 10), "value of secret") {
		t.Error("it is not revealed")
	}
	d.Set(fields("secret"))
	if strings.Contains(d.View(dark, 40, 10), "value of secret") {
		t.Error("it is still revealed after loading again")
	}
	var many []string
	for i := range 50 {
		many = append(many, fmt.Sprintf("field-%d", i))
	}
	d.Set(fields(many...))
	d.View(dark, 40, 10)
	d.Move(100)
	if view := d.View(dark, 40, 10); !strings.Contains(view, "field-49") {
		t.Errorf("the cursor has left the view:\n%s", ansi.Strip(view))
	}
	d.Move(-100)
	if view := d.View(dark, 40, 10); !strings.Contains(view, "Section") {
		t.Errorf("the first heading is out of view:\n%s", ansi.Strip(view))
	}
}

func TestTree(t *testing.T) {
	leaf := &widget.Node{ID: "leaf", Label: "leaf", Mark: "✗", Tone: theme.Bad}
	lazy := &widget.Node{ID: "lazy", Label: "lazy", Lazy: true, Note: "not loaded"}
	root := &widget.Node{ID: "root", Label: "root", Open: true, Children: []*widget.Node{{ID: "mid", Label: "mid", Children: []*widget.Node{leaf}}, lazy}}
	var tree widget.Tree
	tree.Set(root)
	view := func() string { return ansi.Strip(tree.View(theme.New(theme.Mono), 40, 10)) }
	if got := view(); got != "▸▾ root\n ├ ▹ mid\n └ ▹ lazy   not loaded" {
		t.Errorf("the tree is\n%s", got)
	}
	tree.Move(1)
	if tree.Toggle() != nil || !strings.Contains(view(), "│ └  ✗ leaf") {
		t.Errorf("mid is not open:\n%s", view())
	}
	tree.Move(1)
	tree.Left()
	if tree.Current().ID != "mid" {
		t.Errorf("left went to %s", tree.Current().ID)
	}
	tree.Left()
	if strings.Contains(view(), "leaf") {
		t.Errorf("mid is not closed:\n%s", view())
	}
	tree.Move(1)
	if n := tree.Right(); n != lazy {
		t.Errorf("a lazy node gives %v", n)
	}
	lazy.Lazy, lazy.Children = false, []*widget.Node{{ID: "new", Label: "new"}}
	tree.Refresh()
	if !strings.Contains(view(), "new") || tree.Current() != lazy {
		t.Errorf("its children are not there:\n%s", view())
	}
	tree.Set(root) // loaded again: what was opened stays open
	if !strings.Contains(view(), "new") {
		t.Errorf("it has closed:\n%s", view())
	}
	tree.OpenAll(true)
	if tree.Len() != 5 {
		t.Errorf("%d lines", tree.Len())
	}
	tree.OpenAll(false)
	if tree.Len() != 1 {
		t.Errorf("%d lines", tree.Len())
	}
}
