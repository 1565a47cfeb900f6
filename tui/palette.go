package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"gatehouse/tui/clean"
	"gatehouse/tui/widget"
)

// paletteLines is how many suggestions are seen at once.
const paletteLines = 12

// target is one thing the palette can do.
type target struct {
	name  string   // what is typed
	words []string // name and aliases, lower case
	note  string
	run   func(arg string)
	arg   bool // takes what is typed behind the name
}

// palette is the `:` line. It knows the places, the actions of the screen and those
// of the shell, so nothing has to be remembered but ":".
type palette struct {
	input   *widget.Input
	targets []target
	app     *App
}

func (a *App) openPalette() {
	if a.over != nil {
		return
	}
	p := &palette{app: a, targets: a.targets()}
	p.input = widget.NewInput(": ")
	p.input.Placeholder = "where to, or what to do?"
	p.input.Eager = true
	p.input.Complete = p.complete
	p.input.History(a.history)
	p.input.Refresh()
	a.over = p
}

// targets are all that can be typed now, places first.
func (a *App) targets() []target {
	var out []target
	seen := map[string]bool{}
	add := func(t target, aliases ...string) {
		for _, w := range append([]string{t.name}, aliases...) {
			t.words = append(t.words, strings.ToLower(w))
		}
		if !seen[t.words[0]] {
			seen[t.words[0]] = true
			out = append(out, t)
		}
	}
	for _, e := range slices.Concat(a.opts.Palette, a.ownPlaces()) {
		note := e.Help
		if len(e.Aliases) > 0 {
			note += " (" + strings.Join(e.Aliases, ", ") + ")"
		}
		add(target{name: e.Name, note: note, arg: e.OpenWith != nil, run: func(arg string) { a.open(e, arg) }}, e.Aliases...)
	}
	f := a.top()
	reserved, rest := a.globals()
	for _, acts := range [][]Action{f.screen.Actions(), reserved, rest} {
		for _, act := range acts {
			if act.Name == "go to" || act.Name == "back" {
				continue
			}
			note := act.Help
			if why := act.refusal(&a.env); why != "" {
				note = "not now: " + why
			}
			if len(act.Keys) > 0 {
				note = KeyName(act.Keys[0]) + "  " + note
			}
			add(target{name: act.Name, note: note, run: func(string) {
				if !f.gone {
					a.run(f, &act)
				}
			}})
		}
	}
	return out
}

// open goes to a place. Its screen comes on top, so Esc leads back here.
func (a *App) open(e Entry, arg string) {
	switch {
	case arg != "" && e.OpenWith != nil:
		a.push(e.OpenWith(arg))
	case e.Open != nil:
		a.push(e.Open())
	case e.OpenWith != nil:
		a.push(e.OpenWith(arg))
	}
}

// rank orders the targets by how well they fit what is typed: equal, beginning,
// beginning of a word, part, and letters in order.
func (p *palette) rank(text string) []target {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" {
		return p.targets
	}
	type scored struct {
		target
		score int
	}
	var hits []scored
	for _, t := range p.targets {
		best := 99
		for i, w := range t.words {
			if s := fitness(w, text); s < best {
				best = s
				if i > 0 {
					best++ // the name before its aliases
				}
			}
		}
		if best < 99 {
			hits = append(hits, scored{t, best})
		}
	}
	slices.SortStableFunc(hits, func(a, b scored) int { return a.score - b.score })
	out := make([]target, len(hits))
	for i, h := range hits {
		out[i] = h.target
	}
	return out
}

func fitness(word, text string) int {
	switch {
	case word == text:
		return 0
	case strings.HasPrefix(word, text):
		return 2
	case strings.Contains(word, " "+text):
		return 4
	case strings.Contains(word, text):
		return 6
	case len(text) > 1 && len(fuzzy.Find(text, []string{word})) > 0:
		return 8
	default:
		return 99
	}
}

func (p *palette) complete(text string) []widget.Completion {
	if _, _, ok := p.withArg(text); ok {
		return nil
	}
	var out []widget.Completion
	for _, t := range p.rank(text) {
		out = append(out, widget.Completion{Value: t.name, Note: t.note})
	}
	return out
}

// withArg recognizes "name argument".
func (p *palette) withArg(text string) (target, string, bool) {
	name, arg, ok := strings.Cut(strings.TrimLeft(text, " :"), " ")
	if !ok {
		return target{}, "", false
	}
	for _, t := range p.targets {
		if t.arg && slices.Contains(t.words, strings.ToLower(name)) {
			return t, strings.TrimSpace(arg), true
		}
	}
	return target{}, "", false
}

func (p *palette) update(a *App, msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		switch msg.String() {
		case "esc":
			a.closeOver()
			return
		case "backspace":
			if p.input.Value() == "" {
				a.closeOver()
				return
			}
		case "enter":
			p.accept(a)
			return
		}
		p.input.Update(msg)
	case tea.PasteMsg:
		p.input.Update(msg)
	}
}

func (p *palette) accept(a *App) {
	text := p.input.Value()
	run, arg, ok := p.withArg(text)
	if c, chosen := p.input.Chosen(); chosen {
		text, ok = c.Value, false
	}
	if !ok {
		hits := p.rank(text)
		if len(hits) == 0 {
			a.say(noteBad, "nothing here is called \""+clean.Line(text, 40)+"\"; esc closes, ? shows all keys")
			return
		}
		run, arg = hits[0], ""
		text = run.name
	}
	if strings.TrimSpace(p.input.Value()) != "" {
		a.remember(strings.TrimSpace(text))
	}
	a.closeOver()
	run.run(arg)
}

func (a *App) remember(line string) {
	if n := len(a.history); n > 0 && a.history[n-1] == line {
		return
	}
	a.history = append(slices.Clone(a.history), line)
	if a.opts.Remember != nil {
		a.opts.Remember(line)
	}
}

func (p *palette) lines(a *App, w, h int) []string {
	out := []string{p.input.View(a.env.Theme, w)}
	out = append(out, p.input.Dropdown(a.env.Theme, w, min(paletteLines, h-2))...)
	return append(out, widget.Rule(a.env.Theme, w))
}

func (p *palette) atTop() bool    { return true }
func (p *palette) quitting() bool { return false }
func (p *palette) hints() []hint {
	return []hint{{KeyName("enter"), "go"}, {"tab", "complete"}, {"↑↓", "choose, or earlier ones"}, {"esc", "close"}}
}
