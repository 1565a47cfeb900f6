package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Action is one thing a person can do. It is the only source of key dispatch, of
// the footer, of the help, of the palette, of the refusal in read-only contexts
// and of the generated key reference, so these can never disagree.
type Action struct {
	// Name is the verb in the footer and the palette: "filter", "grant role".
	Name string
	// Keys are keystrokes as Bubble Tea names them ("enter", "ctrl+r", "x", "?");
	// the first is the one that is shown. An action without keys is reached
	// through the palette alone.
	Keys []string
	// Help is one sentence for the help and the key reference.
	Help string
	// Group is the heading it stands under in the help; empty means the title of the screen.
	Group string
	// Footer orders the footer: 1 comes first, 0 is not shown there. Of those that
	// work now, the first eight are shown.
	Footer int
	// Mutates is refused by the shell in a read-only context.
	Mutates bool
	// Danger marks what cannot be undone. It is shown as such; Run must Confirm.
	Danger bool
	// Why gives the reason why it cannot be done now; empty or nil means that it can.
	Why func() string
	// Run does it, on the loop. Most need no command of their own: see Do.
	Run func() tea.Cmd
}

// Do makes a Run of a function that needs no command.
func Do(f func()) func() tea.Cmd {
	return func() tea.Cmd { f(); return nil }
}

// matches reports whether the keystroke calls the action.
func (a *Action) matches(key string) bool {
	for _, k := range a.Keys {
		if k == key {
			return true
		}
	}
	return false
}

// refusal is why the action cannot run now, or empty.
func (a *Action) refusal(env *Env) string {
	if a.Mutates && env.ReadOnly {
		return "read-only: context " + env.Context + " may not be changed from here"
	}
	if a.Why != nil {
		return a.Why()
	}
	return ""
}

// KeyName is how a keystroke is written for people: "⏎", "^r", "space".
func KeyName(key string) string {
	switch key {
	case "enter":
		return "⏎"
	case "up":
		return "↑"
	case "down":
		return "↓"
	case "left":
		return "←"
	case "right":
		return "→"
	case "pgup":
		return "page up"
	case "pgdown":
		return "page down"
	}
	if rest, ok := strings.CutPrefix(key, "ctrl+"); ok && len(rest) == 1 {
		return "^" + rest
	}
	return key
}
