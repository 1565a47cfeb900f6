package screens

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/tuple"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/widget"
)

// findLine is the line on which a reverse question is typed, and the frame around its
// answer.
type findLine struct {
	host    tui.Host
	input   *widget.Input
	lead    []string // said while nothing was asked
	submit  func(text string) error
	notice  string // why what is typed is no question
	persons func(ctx context.Context, prefix string) ([]CheckPerson, error)
	people  []CheckPerson
	job     tui.Job
}

// newWhoLine takes the relation or permission of an object, newWhatLine a subject.
func newWhoLine(spec FindSpec) *findLine {
	l := &findLine{input: widget.NewInput("who can > ")}
	l.input.Placeholder = "namespace:object#permission"
	l.input.Complete = spec.Words.CompleteSet
	l.lead = []string{"Find everybody who can do something to an object:", "  Doc:q3-report#view     who may view the document q3-report?"}
	return l
}

func newWhatLine(spec FindSpec) *findLine {
	l := &findLine{input: widget.NewInput("what can > "), persons: spec.Persons}
	l.input.Placeholder = "subject"
	l.input.Complete = l.completions(spec.Words)
	l.lead = []string{"Find everything that somebody can do. The subject is an id,", "or a subject set such as Group:finance#members."}
	if spec.Persons != nil {
		l.lead = append(l.lead, "Type the beginning of an e-mail to find a person's id.")
	}
	return l
}

// completions joins the people who were found with what is known.
func (l *findLine) completions(words *Vocabulary) func(string) []widget.Completion {
	return func(text string) []widget.Completion {
		var out []widget.Completion
		low := strings.ToLower(text)
		for _, p := range l.people {
			if text != "" && (strings.HasPrefix(strings.ToLower(p.Email), low) || strings.Contains(strings.ToLower(p.Name), low)) {
				out = append(out, widget.Completion{Value: p.ID, Label: p.Name, Note: p.Email + " · " + shortID(p.ID)})
			}
		}
		return append(out, words.CompleteSubject(text)...)
	}
}

// edit lets the question be typed anew.
func (l *findLine) edit() { l.input.Focus() }

// escape closes the completions, then the typing if there is an answer to go back to.
func (l *findLine) escape(asked bool) bool {
	if l.input.Escape() {
		return true
	}
	if l.input.Focused() && asked {
		l.notice = ""
		l.input.Blur()
		return true
	}
	return false
}

// typingActions are the keys while the question is typed: letters are text.
func (l *findLine) typingActions() []tui.Action {
	return []tui.Action{{Name: "ask", Keys: []string{"enter"}, Footer: 1, Help: "Search.", Run: tui.Do(func() {
		if l.input.Update(tea.KeyPressMsg{Code: tea.KeyEnter}) == widget.Accepted {
			l.accept()
		}
	})}}
}

func (l *findLine) accept() {
	text := strings.TrimSpace(l.input.Value())
	if err := l.submit(text); err != nil {
		l.notice = err.Error()
		return
	}
	l.notice = ""
	l.input.Remember(text)
	l.input.Blur()
}

// typed takes what is typed, and looks up who may be meant.
func (l *findLine) typed(msg tea.Msg) {
	if l.input.Update(msg) != widget.Edited {
		return
	}
	l.notice = ""
	prefix := l.input.Value()
	if l.persons == nil || len(prefix) < 2 || strings.ContainsAny(prefix, ":#") {
		return
	}
	persons := l.persons
	tui.Go(l.host, &l.job, 3*time.Second, func(ctx context.Context) ([]CheckPerson, error) { return persons(ctx, prefix) },
		func(found []CheckPerson, err error) {
			// Without an answer there are fewer suggestions, and that is all; the same one again
			// must not move what is chosen.
			if err == nil && !slices.Equal(l.people, found) {
				l.people = found
				l.input.Refresh()
			}
		})
}

// viewTyping is the question while it is typed.
func (l *findLine) viewTyping(w, h int) string {
	th := l.host.Env().Theme
	lines := append([]string{l.input.View(th, w)}, l.input.Dropdown(th, w, max(0, min(8, h-2)))...)
	if l.notice != "" {
		lines = append(lines, th.Bad.Render(clean.Line(l.notice, w)))
	}
	if len(lines) == 1 {
		lines = append(lines, "")
		for _, s := range l.lead {
			lines = append(lines, th.Dim.Render(clean.Line(s, w)))
		}
	}
	return strings.Join(lines[:min(len(lines), max(0, h))], "\n")
}

// frame puts the question above an answer, and below it what has to be known about it.
func (l *findLine) frame(w, h int, s *reachState, body func(w, h int) string) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	th := l.host.Env().Theme
	var foot []string
	missing, notes := s.notes()
	for _, m := range missing {
		for _, line := range wrapWords("? There may be more: "+m+".", w-2, 2) {
			foot = append(foot, th.Bad.Render(line))
		}
	}
	for _, n := range notes {
		for _, line := range wrapWords(n+".", w-2, 2) {
			foot = append(foot, th.Dim.Render(line))
		}
	}
	foot = foot[:min(len(foot), max(0, (h-1)/3))]
	lines := []string{l.input.View(th, w)}
	if room := h - 1 - len(foot); room > 0 {
		drawn := strings.Split(body(w, room), "\n")
		for len(foot) > 0 && len(drawn) < room {
			drawn = append(drawn, "")
		}
		lines = append(lines, drawn...)
	}
	lines = append(lines, foot...)
	return strings.Join(lines[:min(len(lines), h)], "\n")
}

// below moves a click up by the lines above a part of the screen.
func below(msg tea.Msg, lines int) tea.Msg {
	if click, ok := msg.(tea.MouseClickMsg); ok {
		click.Y -= lines
		return click
	}
	return msg
}

// parseFindSet reads namespace:object#relation. A whole question is taken for what it
// asks about.
func parseFindSet(text string) (tuple.Set, error) {
	left, _, _ := strings.Cut(text, "@")
	namespace, rest, _ := strings.Cut(left, ":")
	object, relation, _ := strings.Cut(rest, "#")
	if namespace == "" || object == "" || relation == "" {
		return tuple.Set{}, errors.New("write namespace:object#permission, such as Doc:q3-report#view")
	}
	return tuple.Set{Namespace: namespace, Object: object, Relation: relation}, nil
}
