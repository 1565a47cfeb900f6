package theme

import (
	"image/color"
	"math"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
)

// luminance is the relative luminance of WCAG 2.2.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	lin := func(v uint32) float64 {
		s := float64(v) / 0xffff
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(r) + 0.7152*lin(g) + 0.0722*lin(b)
}

func contrast(a, b color.Color) float64 {
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func TestColoursCanBeRead(t *testing.T) {
	for kind, p := range palettes {
		back, front := color.Color(color.Black), color.Color(color.White)
		if kind == Light {
			back, front = color.White, color.Black
		}
		for name, hex := range map[string]string{"accent": p.accent, "good": p.good, "bad": p.bad, "dim": p.dim} {
			if c := contrast(lipgloss.Color(hex), back); c < 4.5 {
				t.Errorf("%s of kind %d has a contrast of %.1f", name, kind, c)
			}
		}
		if c := contrast(front, lipgloss.Color(p.selected)); c < 7 {
			t.Errorf("the selected row of kind %d has a contrast of %.1f", kind, c)
		}
	}
}

func TestEveryToneCanBeToldApart(t *testing.T) {
	for _, kind := range []Kind{Dark, Light} {
		seen := map[string]Tone{}
		th := New(kind)
		for _, tone := range []Tone{Plain, Dim, Strong, Accent, Good, Bad} {
			open := th.Tone(tone).Open()
			if other, ok := seen[open]; ok {
				t.Errorf("tones %d and %d of kind %d look alike", other, tone, kind)
			}
			seen[open] = tone
		}
	}
}

func TestMonoHasNoColour(t *testing.T) {
	th := New(Mono)
	for _, s := range []Style{th.Plain, th.Dim, th.Strong, th.Accent, th.Good, th.Bad, th.Selected, th.Badge, th.Match} {
		if strings.Contains(s.Open(), "38;") || strings.Contains(s.Open(), "48;") {
			t.Errorf("%q has a colour", s.Open())
		}
	}
	if th.Selected.Open() == "" || th.Badge.Open() == "" {
		t.Error("the selected row or the badge cannot be seen")
	}
}

func TestColoured(t *testing.T) {
	th := New(Dark)
	for _, word := range []string{"", "red", " Red ", "#ff8800", "orange"} {
		if _, err := th.Coloured(word); err != nil {
			t.Errorf("%q: %v", word, err)
		}
	}
	for _, word := range []string{"redd", "#ff88", "#gggggg", "ff8800", "#ff88001"} {
		if _, err := th.Coloured(word); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v", word, err)
		}
	}
	if got := th.Good.Render("✓"); !strings.HasSuffix(got, "✓\x1b[m") || th.Plain.Render("x") != "x" || th.Good.Render("") != "" {
		t.Errorf("rendered as %q", got)
	}
}
