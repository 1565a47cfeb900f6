package screens

import (
	"fmt"
	"path"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
)

// ruleText shows a rule in the text of its model.
type ruleText struct {
	rule  access.Rule
	lines []string
	top   int
	h     int
	host  tui.Host
}

func newRuleText(r access.Rule, source string) *ruleText {
	s := &ruleText{rule: r, top: -1}
	if source == "" {
		source = strings.Repeat("\n", max(0, r.Line-1)) + r.Text
	}
	s.lines = strings.Split(strings.ReplaceAll(source, "\r\n", "\n"), "\n")
	return s
}

// Title is the crumb.
func (s *ruleText) Title() string {
	return path.Base(s.rule.File) + ":" + fmt.Sprint(s.rule.Line)
}

// Init has nothing to load.
func (s *ruleText) Init(h tui.Host) tea.Cmd { s.host = h; return nil }

// Typing is never true here.
func (s *ruleText) Typing() bool { return false }

// Close has nothing to do.
func (s *ruleText) Close() {}

// Update takes the mouse.
func (s *ruleText) Update(msg tea.Msg) tea.Cmd { s.scroll(tui.Wheel(msg)); return nil }

func (s *ruleText) scroll(n int) { s.top = max(0, min(s.top+n, len(s.lines)-1)) }

// Actions move the text.
func (s *ruleText) Actions() []tui.Action {
	move := func(name, help string, by func() int, keys ...string) tui.Action {
		return tui.Action{Name: name, Keys: keys, Help: help, Run: tui.Do(func() { s.scroll(by()) })}
	}
	return []tui.Action{
		move("up", "One line up.", func() int { return -1 }, "up", "k"),
		move("down", "One line down.", func() int { return 1 }, "down", "j"),
		move("page up", "One screen up.", func() int { return -max(1, s.h-1) }, "pgup"),
		move("page down", "One screen down.", func() int { return max(1, s.h-1) }, "pgdown"),
		{Name: "copy", Keys: []string{"y"}, Footer: 1, Help: "Copy the rule with its place.", Run: tui.Do(func() {
			s.host.Copy("the rule", fmt.Sprintf("%s:%d: %s", s.rule.File, s.rule.Line, s.rule.Text))
		})},
	}
}

// View shows the rule with the lines around it.
func (s *ruleText) View(w, h int) string {
	th := s.host.Env().Theme
	s.h = h
	if s.top < 0 {
		s.top = max(0, min(s.rule.Line-1-h/3, len(s.lines)-h))
	}
	var out []string
	for i := s.top; i < len(s.lines) && len(out) < h; i++ {
		number := fmt.Sprintf("%4d  ", i+1)
		text := clean.Line(strings.ReplaceAll(s.lines[i], "\t", "  "), max(1, w-8))
		switch {
		case i+1 != s.rule.Line:
			out = append(out, "  "+th.Dim.Render(number)+text)
		default:
			out = append(out, th.Accent.Render(theme.MarkCursor)+" "+th.Dim.Render(number)+th.Selected.Render(text))
		}
	}
	return strings.Join(out, "\n")
}
