package screens

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/tuple"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// questionLine is the line on which a question is typed, with completions from what is
// known and people who are looked up meanwhile.
type questionLine struct {
	input *widget.Input
	// complete suggests how the text may go on; find finds people by the beginning of
	// their e-mail or user name. Both may be nil.
	complete func(text string) []widget.Completion
	find     func(ctx context.Context, prefix string) ([]CheckPerson, error)
	remember func(question string)
	// subject is whom a question without an @ is about; empty asks for one to be typed.
	subject string
	names   *People

	people []CheckPerson
	prefix string // what people holds
	job    tui.Job
	notice string // why what is typed is no question
}

func newQuestionLine(complete func(string) []widget.Completion, find func(context.Context, string) ([]CheckPerson, error), history []string, remember func(string)) *questionLine {
	l := &questionLine{input: widget.NewInput("> "), complete: complete, find: find, remember: remember}
	l.input.Placeholder = "namespace:object#permission@subject"
	l.input.Complete = l.completions
	l.input.History(history)
	return l
}

// start lets a question be typed, beginning with text.
func (l *questionLine) start(text string) {
	l.notice = ""
	l.input.SetValue(text)
	l.input.Focus()
}

func (l *questionLine) typing() bool { return l.input.Focused() }

// parse is the question that was typed; what is none is said in the notice.
func (l *questionLine) parse() (tuple.Tuple, bool) {
	text := strings.TrimSpace(l.input.Value())
	if l.subject != "" && text != "" && !strings.Contains(text, "@") {
		text += "@" + l.subject
	}
	q, err := tuple.Parse(text)
	if err != nil {
		l.notice = err.Error()
		l.input.Focus()
		return q, false
	}
	l.notice = ""
	l.input.Blur()
	l.input.Remember(text)
	if l.remember != nil {
		l.remember(text)
	}
	return q, true
}

// enter lets the input take a completion that is chosen in its dropdown; true means
// that the text is to be taken as the question.
func (l *questionLine) enter() bool {
	return l.input.Update(tea.KeyPressMsg{Code: tea.KeyEnter}) == widget.Accepted
}

// update takes what is typed.
func (l *questionLine) update(h tui.Host, msg tea.Msg) {
	if l.input.Focused() && l.input.Update(msg) == widget.Edited {
		l.notice = ""
		l.lookUp(h)
	}
}

// lookUp asks who may be meant by the subject that is being typed.
func (l *questionLine) lookUp(h tui.Host) {
	prefix := checkSubjectPrefix(l.input.Value())
	if l.find == nil || len(prefix) < 2 || prefix == l.prefix {
		return
	}
	find := l.find
	tui.Go(h, &l.job, 3*time.Second, func(ctx context.Context) ([]CheckPerson, error) { return find(ctx, prefix) },
		func(found []CheckPerson, err error) {
			if err == nil { // without an answer there are fewer suggestions, and that is all
				l.people, l.prefix = found, prefix
				l.input.Refresh()
			}
		})
}

// checkSubjectPrefix is what is typed of a bare subject: the part behind the @.
func checkSubjectPrefix(text string) string {
	left, subject, ok := strings.Cut(text, "@")
	if !ok || !strings.Contains(left, "#") || strings.ContainsAny(subject, ":#()") {
		return ""
	}
	return subject
}

// completions joins what the model knows with the people who were found.
func (l *questionLine) completions(text string) []widget.Completion {
	var out []widget.Completion
	if prefix := checkSubjectPrefix(text); prefix != "" {
		left := strings.TrimSuffix(text, prefix)
		for _, p := range l.people {
			if strings.HasPrefix(strings.ToLower(p.Email), strings.ToLower(prefix)) || strings.Contains(strings.ToLower(p.Name), strings.ToLower(prefix)) {
				out = append(out, widget.Completion{Value: left + p.ID, Label: p.Name, Note: p.Email + " · " + shortID(p.ID)})
			}
		}
	}
	if l.complete != nil {
		out = append(out, l.complete(text)...)
	}
	return out
}

// view draws the line and, while it is typed on, what may be meant.
func (l *questionLine) view(th *theme.Theme, w, h int) []string {
	lines := []string{l.input.View(th, w)}
	if l.typing() && l.subject != "" && !strings.Contains(l.input.Value(), "@") {
		lines = append(lines, th.Dim.Render(clean.Line("  about "+withNames(l.subject, l.names), w)))
	}
	if l.typing() {
		lines = append(lines, l.input.Dropdown(th, w, max(0, min(8, h-2)))...)
	}
	if l.notice != "" {
		lines = append(lines, th.Bad.Render(clean.Line(l.notice, w)))
	}
	return lines
}
