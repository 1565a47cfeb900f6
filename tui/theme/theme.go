// Package theme turns the few things a screen may want to say with looks (one
// accent, two verdicts, dim, strong) into terminal styles, for a dark and a light
// background and for none at all. It knows nothing of screens or of any server.
//
// Nothing is ever said by colour alone: beside each tone stands a mark (see the
// Mark constants), so a screen reads the same with NO_COLOR and to a screen reader.
package theme

import (
	"fmt"
	"image/color"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// The marks that go with the tones. Each is one cell wide in every terminal.
const (
	MarkAllowed = "✓"
	MarkDenied  = "✗"
	MarkUnknown = "?"
	MarkUp      = "●"
	MarkDown    = "○"
	MarkStale   = "◌"
	MarkCursor  = "▸"
	MarkChosen  = "*"
)

// Tone says what a piece of text is, not how it looks.
type Tone uint8

// The closed list of tones.
const (
	Plain  Tone = iota // as the terminal writes
	Dim                // secondary: labels, hints, what is not known
	Strong             // what is selected, what matters
	Accent             // where the person is, what can be pressed
	Good               // allowed, up, verified
	Bad                // denied, down, an error
)

// Style is a ready-made escape sequence. Rendering costs one concatenation, so a
// table may style single cells.
type Style struct{ open string }

const reset = "\x1b[m"

// Render wraps text, which must not contain styles of its own, in the style.
func (s Style) Render(text string) string {
	if s.open == "" || text == "" {
		return text
	}
	return s.open + text + reset
}

// Open is the sequence that switches the style on; Close the one that ends it.
func (s Style) Open() string { return s.open }

// Close ends what Open began; it is empty for a style that does nothing.
func (s Style) Close() string {
	if s.open == "" {
		return ""
	}
	return reset
}

// Kind is the background a theme is made for.
type Kind uint8

// The closed list of kinds.
const (
	Dark  Kind = iota // light text on a dark background
	Light             // dark text on a light background
	Mono              // no colour at all: bold and reverse only
)

// Theme is a set of styles, one per tone, and the few that belong to the shell.
// The shell changes the theme in place when it learns the background of the
// terminal, so a screen keeps the pointer and never a style.
type Theme struct {
	Kind Kind

	Plain, Dim, Strong, Accent, Good, Bad Style

	Selected Style // the row under the cursor
	Badge    Style // a word that must not be overlooked: read-only, production
	Match    Style // the typed part of a completion
}

// New makes the theme for a kind of background.
func New(kind Kind) *Theme {
	if kind == Mono {
		bold, rev := raw(ansi.NewStyle().Bold()), raw(ansi.NewStyle().Reverse(true))
		return &Theme{Kind: kind, Strong: bold, Accent: bold, Bad: bold, Selected: rev, Match: bold,
			Badge: raw(ansi.NewStyle().Bold().Reverse(true))}
	}
	p := palettes[kind]
	fg := func(hex string) ansi.Style { return ansi.NewStyle().ForegroundColor(lipgloss.Color(hex)) }
	return &Theme{
		Kind:     kind,
		Dim:      raw(fg(p.dim)),
		Strong:   raw(ansi.NewStyle().Bold()),
		Accent:   raw(fg(p.accent)),
		Good:     raw(fg(p.good).Bold()),
		Bad:      raw(fg(p.bad).Bold()),
		Selected: raw(ansi.NewStyle().Bold().BackgroundColor(lipgloss.Color(p.selected))),
		Badge:    raw(fg(p.bad).Bold().Reverse(true)),
		Match:    raw(fg(p.accent).Bold()),
	}
}

// The colours of both backgrounds keep a contrast of 4.5:1 or more against plain
// black and white (WCAG 2.2, 1.4.3).
var palettes = map[Kind]struct{ accent, good, bad, dim, selected string }{
	Dark:  {accent: "#7aa2f7", good: "#8fce6a", bad: "#ff7b86", dim: "#8b91a8", selected: "#2c3350"},
	Light: {accent: "#1f56c4", good: "#1f6f2b", bad: "#b3202c", dim: "#5d6372", selected: "#dde6f8"},
}

func raw(s ansi.Style) Style { return Style{open: s.String()} }

// Tone gives the style of a tone.
func (t *Theme) Tone(tone Tone) Style {
	switch tone {
	case Dim:
		return t.Dim
	case Strong:
		return t.Strong
	case Accent:
		return t.Accent
	case Good:
		return t.Good
	case Bad:
		return t.Bad
	default:
		return t.Plain
	}
}

// named are the colours that a context may be given by name in the configuration:
// those of the terminal's own sixteen, which people have already set to their eyes.
var named = map[string]color.Color{
	"red": ansi.Red, "green": ansi.Green, "yellow": ansi.Yellow, "blue": ansi.Blue,
	"magenta": ansi.Magenta, "cyan": ansi.Cyan, "white": ansi.White, "black": ansi.Black,
	"grey": ansi.BrightBlack, "gray": ansi.BrightBlack, "orange": lipgloss.Color("#d9822b"),
}

// Coloured is the bold style of a colour that a person wrote down: a name
// ("red") or "#rrggbb". An empty word gives the zero style; anything else is an
// error that names the word. In a Mono theme only the boldness is left.
func (t *Theme) Coloured(word string) (Style, error) {
	word = strings.ToLower(strings.TrimSpace(word))
	if word == "" {
		return Style{}, nil
	}
	c, ok := named[word]
	if !ok {
		var r, g, b uint8
		if n, err := fmt.Sscanf(word, "#%02x%02x%02x", &r, &g, &b); err != nil || n != 3 || len(word) != 7 {
			return Style{}, fmt.Errorf("colour %q is neither a name nor #rrggbb", word)
		}
		c = color.RGBA{R: r, G: g, B: b, A: 0xff}
	}
	if t.Kind == Mono {
		return t.Strong, nil
	}
	return raw(ansi.NewStyle().Bold().ForegroundColor(c)), nil
}
