package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/clean"
	"gatehouse/tui/widget"
)

// help shows every key that works here. Typing searches.
type help struct {
	input  *widget.Input
	groups []helpGroup
	top    int
	height int
	count  int
}

type helpGroup struct {
	title string
	acts  []Action
}

func (a *App) openHelp() {
	if a.over != nil {
		return
	}
	h := &help{input: widget.NewInput("? ")}
	h.input.Placeholder = "type to search: a key, a name, a word"
	f := a.top()
	reserved, rest := a.globals()
	h.add(f.screen.Title(), f.screen.Actions())
	h.add(f.screen.Title(), reserved)
	h.add(f.screen.Title(), rest)
	a.over = h
}

// add sorts actions under their headings, in the order of their first action.
func (h *help) add(title string, acts []Action) {
next:
	for _, act := range acts {
		group := act.Group
		if group == "" {
			group = title
		}
		for i := range h.groups {
			if h.groups[i].title == group {
				h.groups[i].acts = append(h.groups[i].acts, act)
				continue next
			}
		}
		h.groups = append(h.groups, helpGroup{group, []Action{act}})
	}
}

func (h *help) update(a *App, msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		switch msg.String() {
		case "esc", "f1":
			if msg.String() == "esc" && h.input.Value() != "" {
				h.input.SetValue("")
				return
			}
			a.closeOver()
		case "?", "q":
			if h.input.Value() == "" {
				a.closeOver()
				return
			}
			h.input.Update(msg)
		case "enter":
			a.closeOver()
		case "up":
			h.top--
		case "down":
			h.top++
		case "pgup":
			h.top -= h.height
		case "pgdown":
			h.top += h.height
		default:
			h.input.Update(msg)
			h.top = 0
		}
	case tea.PasteMsg:
		h.input.Update(msg)
	case tea.MouseWheelMsg:
		h.top += Wheel(msg)
	}
}

func (h *help) lines(a *App, w, height int) []string {
	th := a.env.Theme
	out := []string{h.input.View(th, w)}
	text := h.table(a, w)
	if h.count == 0 {
		text = []string{"", th.Dim.Render("  nothing matches; esc clears the search")}
	}
	h.height = max(0, height-1)
	h.top = max(0, min(h.top, len(text)-h.height))
	out = append(out, text[h.top:min(h.top+h.height, len(text))]...)
	for len(out) < height {
		out = append(out, "")
	}
	return out
}

// table makes the lines of all actions that match what is typed.
func (h *help) table(a *App, w int) []string {
	th := a.env.Theme
	words := strings.Fields(strings.ToLower(h.input.Value()))
	var out []string
	h.count = 0
	for _, g := range h.groups {
		first := true
		for _, act := range g.acts {
			if !helpMatches(&act, g.title, words) {
				continue
			}
			if first {
				out = append(out, "", th.Strong.Render(clean.Line(g.title, w)))
				first = false
			}
			h.count++
			out = append(out, h.line(a, &act, w)...)
		}
	}
	return out
}

func helpMatches(act *Action, group string, words []string) bool {
	text := strings.ToLower(act.Name + " " + act.Help + " " + group + " " + keyNames(act) + " " + strings.Join(act.Keys, " "))
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

func keyNames(act *Action) string {
	names := make([]string, len(act.Keys))
	for i, k := range act.Keys {
		names[i] = KeyName(k)
	}
	return strings.Join(names, ", ")
}

const (
	helpKeys  = 14 // cells for the keys
	helpNames = 14 // cells for the name
)

// line is one action: keys, name, what it does, and why it cannot be done now.
func (h *help) line(a *App, act *Action, w int) []string {
	th := a.env.Theme
	keys := keyNames(act)
	if keys == "" {
		keys = ":"
	}
	head := "  " + th.Accent.Render(widget.Pad(clean.Line(keys, helpKeys), helpKeys)) + " " + widget.Pad(clean.Line(act.Name, helpNames), helpNames) + " "
	text := act.Help
	switch {
	case act.Danger:
		text += " Cannot be undone; asks first."
	case act.Mutates:
		text += " Writes."
	}
	if why := act.refusal(&a.env); why != "" {
		text += " Not now: " + why + "."
	}
	room := w - 2 - helpKeys - helpNames - 2
	if room < 16 {
		return []string{head}
	}
	var out []string
	for i, line := range widget.Wrap(text, room) {
		if i > 0 {
			head = strings.Repeat(" ", 2+helpKeys+helpNames+2)
		}
		out = append(out, head+th.Dim.Render(line))
	}
	return out
}

func (h *help) atTop() bool    { return true }
func (h *help) quitting() bool { return false }
func (h *help) hints() []hint {
	return []hint{{"↑↓", "scroll"}, {"type", "to search"}, {"esc", "close"}}
}
