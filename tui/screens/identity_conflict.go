package screens

import (
	"context"
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// identityConflict is what is shown when an identity was changed on the server while
// somebody edited it: what changed there, what was changed here, and the choice.
type identityConflict struct {
	tui.Host
	k         IdentityForms
	base, now kratos.Identity
	mine      kratos.Document
	merged    kratos.Document
	both      []string // fields that both changed, in different ways
	bad       error    // why they could not be brought together
	saved     func(ch clients.Change[kratos.Identity], note string)
	write     tui.Job
	detail    widget.Detail
}

func newIdentityConflict(k IdentityForms, base, now kratos.Identity, mine kratos.Document, saved func(clients.Change[kratos.Identity], string)) *identityConflict {
	c := &identityConflict{k: k, base: base, mine: mine, saved: saved}
	c.take(now)
	return c
}

// take compares with what the server has now.
func (c *identityConflict) take(now kratos.Identity) {
	c.now = now
	c.merged, c.both, c.bad = c.mine.Merged(c.base, now)
	there := c.section("Changed on the server since it was opened", kratos.DocumentOf(c.base), kratos.DocumentOf(now))
	here := c.section("Changed by you", kratos.DocumentOf(c.base), c.mine)
	what := widget.Section{Title: "Which is to be kept?", Fields: []widget.Field{{Label: "m", Value: "both: your changes on top of those on the server" + c.clash()},
		{Label: "o", Value: "only yours: what was changed on the server is taken back"}, {Label: "t", Value: "theirs: your changes are thrown away"}, {Label: "esc", Value: "neither yet: back to the form, nothing is lost"}}}
	c.detail.Set(what, there, here)
}

func (c *identityConflict) clash() string {
	if len(c.both) == 0 {
		return ""
	}
	return "; where both changed " + strings.ReplaceAll(strings.TrimPrefix(strings.Join(c.both, ", "), "/"), ", /", ", ") + ", yours stands"
}

func (c *identityConflict) section(title string, from, to kratos.Document) widget.Section {
	s := widget.Section{Title: title}
	diff, err := clients.Diff(from, to)
	if err != nil {
		s.Note = err.Error()
		return s
	}
	for _, d := range diff {
		f := widget.Field{Label: strings.TrimPrefix(d.Field, "/"), Value: shortJSON(d.Before) + " → " + shortJSON(d.After)}
		if slices.ContainsFunc(c.both, func(p string) bool { return p == d.Field || strings.HasPrefix(d.Field, p+"/") }) {
			f.Note, f.Tone = "both changed it", theme.Bad
		}
		s.Fields = append(s.Fields, f)
	}
	if len(s.Fields) == 0 {
		s.Note = "nothing"
	}
	return s
}

func (c *identityConflict) Title() string { return "changed meanwhile" }
func (c *identityConflict) Typing() bool  { return false }
func (c *identityConflict) Close()        {}

func (c *identityConflict) Init(h tui.Host) tea.Cmd {
	c.Host = h
	c.detail.ShowCursor()
	return nil
}

func (c *identityConflict) Update(msg tea.Msg) tea.Cmd {
	tui.DetailMouse(&c.detail, msg, 0)
	return nil
}

func (c *identityConflict) View(w, h int) string { return c.detail.View(c.Env().Theme, w, h) }

func (c *identityConflict) Actions() []tui.Action {
	busy := func() string {
		if c.write.Busy() {
			return "it is being written"
		}
		if c.bad != nil {
			return "they cannot be brought together: " + c.bad.Error()
		}
		return ""
	}
	acts := []tui.Action{
		{Name: "keep both", Keys: []string{"m"}, Footer: 1, Mutates: true, Why: busy, Help: "Save your changes on top of those on the server.",
			Run: tui.Do(func() { c.ask(c.merged) })},
		{Name: "only mine", Keys: []string{"o"}, Footer: 2, Mutates: true, Why: busy, Help: "Save what you have, and take back what was changed on the server.",
			Run: tui.Do(func() { c.ask(c.mine) })},
		{Name: "take theirs", Keys: []string{"t"}, Footer: 3, Help: "Throw your changes away and keep what the server has.", Run: tui.Do(c.askTheirs)},
	}
	return append(acts, tui.DetailActions(c, &c.detail)...)
}

// ask shows what would be written over what is there now.
func (c *identityConflict) ask(want kratos.Document) {
	q, err := reviewDocument(c.now, want)
	if err != nil {
		c.Fail(err)
		return
	}
	now := c.now
	q.Yes = func() {
		type result struct {
			ch   clients.Change[kratos.Identity]
			note string
		}
		tui.Write(c, &c.write, "edit "+identityRow(now).title(), 0, func(ctx context.Context) (result, error) {
			ch, note, err := saveDocument(ctx, c.k, now, want)
			return result{ch, note}, err
		}, func(r result, err error) {
			if again, ok := errors.AsType[*changedMeanwhile](err); ok {
				c.take(again.now)
				c.Fail(err)
				return
			}
			if err != nil {
				c.Fail(err)
				return
			}
			c.Pop()
			c.saved(r.ch, r.note)
		})
	}
	c.Confirm(q)
}

func (c *identityConflict) askTheirs() {
	lines, _ := documentLines(kratos.DocumentOf(c.base), c.mine)
	c.Confirm(tui.Question{Title: "Throw your changes away?", Verb: "throw away", Lines: lines, Yes: func() {
		now := c.now
		c.Pop()
		c.saved(clients.Change[kratos.Identity]{Before: now, After: now}, "nothing was written; it is as the server has it")
	}})
}
