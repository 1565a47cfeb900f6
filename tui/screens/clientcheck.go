package screens

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/clients/keycloak/setup"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// ClientCheckSpec says which client is looked at, and how.
type ClientCheckSpec struct {
	// Wish is what the application needs; Realm and Client are needed.
	Wish setup.Wish
	// Check looks at the steps, Apply does those that are wanted; see package setup.
	Check func(context.Context, setup.Wish) ([]setup.Step, error)
	Apply func(ctx context.Context, w setup.Wish, want func(setup.Step) bool, report func(setup.Step)) error
}

// clientCheck is the list of the ten steps before an application finds the roles of
// its users.
type clientCheck struct {
	spec  ClientCheckSpec
	write tui.Job
}

// NewClientCheck makes the screen.
func NewClientCheck(spec ClientCheckSpec) *tui.List[setup.Step] {
	c := &clientCheck{spec: spec}
	return tui.NewList(tui.Spec[setup.Step]{
		Title: "check " + spec.Wish.Client,
		ID:    stepID,
		Columns: []tui.Column[setup.Step]{
			{Title: "STEP", Width: 12, Cell: func(s setup.Step) string { return stepMark(s) + fmt.Sprintf(" %2d %s", s.Number, s.Name) }, Tone: stepTone},
			{Title: "WHAT IS THERE", Width: 40, Flex: 3, Cell: func(s setup.Step) string { return s.Found }},
			{Title: "TO DO", Width: 30, Flex: 2, Drop: 1, Cell: func(s setup.Step) string {
				if s.State == setup.Unknown {
					return "needs " + s.Needs
				}
				return s.Fix
			}},
		},
		Fetch: func(ctx context.Context, _ string) (tui.Page[setup.Step], error) {
			steps, err := c.spec.Check(ctx, c.spec.Wish)
			return tui.Page[setup.Step]{Items: steps, Total: len(steps)}, err
		},
		Detail:  stepSections,
		Open:    func(s setup.Step) tui.Screen { return tui.NewFields(s.Name, stepSections(s)...) },
		Value:   func(s setup.Step) any { return s },
		Actions: c.actions,
		Empty:   "There is nothing to check.",
	})
}

// stepID tells the steps apart; those of users come once for each.
func stepID(s setup.Step) string { return fmt.Sprintf("%02d %s %s", s.Number, s.Name, s.Who) }

func stepMark(s setup.Step) string {
	return map[setup.State]string{setup.Done: "✓", setup.Missing: "✗", setup.Unknown: "?", setup.Skipped: "–"}[s.State]
}

func stepTone(s setup.Step) theme.Tone {
	switch s.State {
	case setup.Done:
		return theme.Good
	case setup.Missing:
		return theme.Bad
	}
	return theme.Dim
}

func stepSections(s setup.Step) []widget.Section {
	fields := []widget.Field{{Label: "state", Value: stepMark(s) + " " + string(s.State), Tone: stepTone(s)}, {Label: "what is there", Value: s.Found}}
	for _, f := range []widget.Field{{Label: "people see", Value: s.Effect}, {Label: "to do", Value: s.Fix}, {Label: "changes also", Value: s.Also}, {Label: "needs", Value: s.Needs}} {
		if f.Value != "" {
			fields = append(fields, f)
		}
	}
	return []widget.Section{{Title: fmt.Sprintf("Step %d of 10: %s", s.Number, s.Name), Fields: fields}}
}

func (c *clientCheck) actions(l *tui.List[setup.Step]) []tui.Action {
	return []tui.Action{
		{Name: "fix", Keys: []string{"a"}, Footer: 2, Mutates: true, Help: "Do the step under the cursor.", Why: func() string { return c.whyNotFix(l) }, Run: tui.Do(func() {
			if s, ok := l.Current(); ok {
				c.fix(l, []setup.Step{s})
			}
		})},
		{Name: "ask more", Keys: []string{"e"}, Footer: 3, Help: "Say which roles, user and redirect URI the application needs.", Run: tui.Do(func() { c.ask(l) })},
	}
}

func (c *clientCheck) whyNotFix(l *tui.List[setup.Step]) string {
	s, ok := l.Current()
	switch {
	case !ok:
		return l.NeedRow()
	case s.State == setup.Done || s.State == setup.Skipped:
		return "there is nothing to do"
	case s.State == setup.Unknown:
		return "our account cannot see whether it is missing: it needs " + s.Needs
	case !s.Writes:
		return "a person has to do this: " + s.Fix
	}
	return ""
}

// fix asks, does the steps, and registers the way back where there is one.
func (c *clientCheck) fix(l *tui.List[setup.Step], steps []setup.Step) {
	var lines []string
	want := map[string]bool{}
	for _, s := range steps {
		want[stepID(s)] = true
		lines = append(lines, s.Fix)
		if s.Also != "" {
			lines = append(lines, "  also: "+s.Also)
		}
	}
	what := steps[0].Fix
	l.Confirm(tui.Question{Title: "Change the client " + c.spec.Wish.Client + "?", Lines: lines, Verb: "fix", Yes: func() {
		tui.Write(l, &c.write, what, 0, func(ctx context.Context) ([]setup.Step, error) {
			var done []setup.Step
			err := c.spec.Apply(ctx, c.spec.Wish, func(s setup.Step) bool { return want[stepID(s)] }, func(s setup.Step) {
				if s.Outcome == setup.Changed {
					done = append(done, s)
				}
			})
			return done, err
		}, func(done []setup.Step, err error) { c.fixed(l, what, done, err) })
	}})
}

func (c *clientCheck) fixed(l *tui.List[setup.Step], what string, done []setup.Step, err error) {
	l.Reload()
	if err != nil {
		l.Fail(err)
		return
	}
	if len(done) == 0 {
		l.Toast("it was done already")
		return
	}
	undo := done[len(done)-1].Undo
	if undo == nil {
		l.Toast("done: " + what)
		return
	}
	l.Toast("done: " + what + " · u undoes it")
	l.Undo(tui.Undo{What: what, Lines: []string{"back to how it was: " + what}, Run: undo, Then: l.Reload})
}

// ask lets a person say more of what the application needs, and looks again.
func (c *clientCheck) ask(l *tui.List[setup.Step]) {
	w := c.spec.Wish
	user := ""
	if len(w.Users) > 0 {
		user = w.Users[0].Username
	}
	first := func(list []string) string { return strings.Join(list, " ") }
	l.Push(tui.NewForm(tui.FormSpec{Title: "check " + w.Client, Asks: true, Lead: "What does the application need? Each may stay empty.", What: "ask about the client",
		Fields: []tui.FormField{
			{Name: "roles", Label: "Roles", Value: first(w.Roles), Help: "roles of the client, with blanks between them"},
			{Name: "user", Label: "User", Value: user, Help: "somebody who must have them, by username"},
			{Name: "redirect", Label: "Redirect URIs", Value: first(w.Redirects), Help: "where the login sends the browser back to"},
			{Name: "logout", Label: "After a logout", Value: first(w.PostLogout), Help: "where the logout may send it to"},
			{Name: "scope", Label: "Scope", Value: w.Scope, Help: "empty is " + setup.DefaultScope},
		},
		Submit: func(_ context.Context, v map[string]string) error {
			next := w
			next.Roles, next.Redirects, next.PostLogout, next.Scope = strings.Fields(v["roles"]), strings.Fields(v["redirect"]), strings.Fields(v["logout"]), strings.TrimSpace(v["scope"])
			next.Users = nil
			if name := strings.TrimSpace(v["user"]); name != "" {
				next.Users = []setup.User{{Username: name}}
			}
			if err := next.Validate(); err != nil {
				return err
			}
			return nil
		},
		Done: func(v map[string]string) {
			c.spec.Wish.Roles, c.spec.Wish.Redirects, c.spec.Wish.PostLogout = strings.Fields(v["roles"]), strings.Fields(v["redirect"]), strings.Fields(v["logout"])
			c.spec.Wish.Scope, c.spec.Wish.Users = strings.TrimSpace(v["scope"]), nil
			if name := strings.TrimSpace(v["user"]); name != "" {
				c.spec.Wish.Users = []setup.User{{Username: name}}
			}
			l.Reload()
		},
	}))
}
