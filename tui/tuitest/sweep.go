package tuitest

import (
	"fmt"
	"image/color"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// Sizes are the windows that every screen must survive, from none to huge.
var Sizes = [][2]int{{1, 1}, {5, 2}, {20, 4}, {20, 5}, {40, 8}, {80, 24}, {120, 40}, {200, 60}}

// looks are the terminals that every screen must look right on.
var looks = map[string][]tea.Msg{
	"dark":     {tea.BackgroundColorMsg{Color: color.Black}},
	"light":    {tea.BackgroundColorMsg{Color: color.White}},
	"no color": {tea.ColorProfileMsg{Profile: colorprofile.Ascii}},
}

// overlays are the keys that lay something over a screen, and what takes it away.
var overlays = [][]string{nil, {"f1"}, {"ctrl+p"}, {"ctrl+p", "e"}}

// Sweep draws a program at all sizes, in light, dark and without colour, with and
// without the help and the palette over it, after each of the key sequences given
// (none by default). It fails on a panic, on a line wider than the window, on a frame
// that has not exactly as many lines as the window, and on two actions with one key.
func Sweep(t *testing.T, open func() tea.Model, sequences ...[]string) {
	t.Helper()
	if len(sequences) == 0 {
		sequences = [][]string{nil}
	}
	for look, msgs := range looks {
		for _, keys := range sequences {
			t.Run(fmt.Sprint(look, keys), func(t *testing.T) {
				r := NewRig(t, open(), 100, 30)
				for _, m := range msgs {
					r.Send(m)
				}
				r.Rest(30 * time.Millisecond)
				r.Press(keys...)
				r.Rest(30 * time.Millisecond)
				r.sizes(t)
				if c, ok := r.Model.(interface{ Check() []string }); ok {
					for _, fault := range c.Check() {
						t.Error(fault)
					}
				}
			})
		}
	}
}

// sizes draws what is open at all sizes, with each overlay.
func (r *Rig) sizes(t *testing.T) {
	for _, over := range overlays {
		for _, size := range Sizes {
			r.Send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			r.Press(over...)
			if fault := r.Fault(size[0], size[1]); fault != "" {
				t.Errorf("%dx%d with %v over it: %s", size[0], size[1], over, fault)
			}
			if over != nil {
				r.Press("esc")
			}
		}
	}
}
