// Package tuitest drives the console on an emulated terminal. What a test sees is
// what a person would see: the cells of the screen after the renderer has written
// its differences, never the bytes in between.
//
//	s := tuitest.Open(t, app, tuitest.Size(80, 24))
//	s.Type("/ann")
//	s.Press("enter", "ctrl+d")
//	s.Want("Remove 1 identity?")
//	s.Press("y")
//	s.WantNot("Ann Okafor")
//
// A test that needs no terminal (a benchmark, a sweep over sizes) uses a Rig, which
// drives the model alone.
package tuitest

import (
	"bytes"
	"image/color"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
)

// Term is a program running on an emulated terminal.
type Term struct {
	prog *tea.Program
	t    testing.TB
	wait time.Duration
	done chan struct{}
	err  error // of the program; read after done

	mu   sync.Mutex
	em   *vt.Emulator
	clip clipboard
}

// Option changes the terminal.
type Option func(*config)

type config struct {
	w, h    int
	profile colorprofile.Profile
	light   bool
	wait    time.Duration
}

// Size is the size of the terminal in cells; 100×30 when not given.
func Size(w, h int) Option { return func(c *config) { c.w, c.h = w, h } }

// NoColor is a terminal with NO_COLOR set.
func NoColor() Option { return func(c *config) { c.profile = colorprofile.Ascii } }

// Light is a terminal with a light background.
func Light() Option { return func(c *config) { c.light = true } }

// Patience is how long Want waits; 10 s when not given.
func Patience(d time.Duration) Option { return func(c *config) { c.wait = d } }

// Open runs a program until the test ends.
func Open(t testing.TB, m tea.Model, opts ...Option) *Term {
	t.Helper()
	s := Start(m, opts...)
	s.t = t
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("the program ended with: %v", err)
		}
	})
	return s
}

// Start runs a program outside a test; Close ends it. The Want family needs a test.
func Start(m tea.Model, opts ...Option) *Term {
	c := config{w: 100, h: 30, profile: colorprofile.TrueColor, wait: 10 * time.Second}
	for _, o := range opts {
		o(&c)
	}
	s := &Term{em: vt.NewEmulator(c.w, c.h), done: make(chan struct{}), wait: c.wait}
	go io.Copy(io.Discard, s.em)                         //nolint:errcheck // what the terminal answers: nobody asked
	s.em.Write([]byte("\x1b[20h"))                       //nolint:errcheck // line feeds return the carriage, as a tty does
	environ := []string{"TERM=xterm-256color", "TMUX=1"} // TMUX: no questions about modes, whose answers nobody reads
	s.prog = tea.NewProgram(model{m}, tea.WithInput(new(bytes.Buffer)), tea.WithOutput(s), tea.WithWindowSize(c.w, c.h),
		tea.WithColorProfile(c.profile), tea.WithoutSignals(), tea.WithFPS(120), tea.WithEnvironment(environ))
	go func() {
		defer close(s.done)
		_, s.err = s.prog.Run()
	}()
	if c.light {
		s.Send(tea.BackgroundColorMsg{Color: color.White})
	}
	return s
}

// model passes everything on and answers a sync itself.
type model struct{ tea.Model }

type synced chan struct{}

func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if done, ok := msg.(synced); ok {
		close(done)
		return m, nil
	}
	next, cmd := m.Model.Update(msg)
	return model{next}, cmd
}

// Send gives the program any message.
func (s *Term) Send(msg tea.Msg) { s.prog.Send(msg) }

// Press sends keystrokes by name: "enter", "ctrl+d", "x", "space".
func (s *Term) Press(keys ...string) {
	for _, k := range keys {
		s.Send(Key(k))
	}
}

// Type sends text as single keystrokes.
func (s *Term) Type(text string) {
	for _, r := range text {
		s.Send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
}

// Paste sends text as one paste.
func (s *Term) Paste(text string) { s.Send(tea.PasteMsg{Content: text}) }

// Click presses the left mouse button on a cell.
func (s *Term) Click(x, y int) {
	s.Send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	s.Send(tea.MouseReleaseMsg{X: x, Y: y, Button: tea.MouseLeft})
}

// Wheel turns the mouse wheel over a cell: n notches down, or up when negative.
func (s *Term) Wheel(x, y, n int) {
	button := tea.MouseWheelDown
	if n < 0 {
		button, n = tea.MouseWheelUp, -n
	}
	for range n {
		s.Send(tea.MouseWheelMsg{X: x, Y: y, Button: button})
	}
}

// Resize changes the size of the terminal.
func (s *Term) Resize(w, h int) {
	s.mu.Lock()
	s.em.Resize(w, h)
	s.mu.Unlock()
	s.Send(tea.WindowSizeMsg{Width: w, Height: h})
}

// Write is the terminal's end of the program's output.
func (s *Term) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clip.watch(b)
	return s.em.Write(b)
}

// Screen is the text on the screen, one line per row, without styles and without
// spaces at the ends of the lines.
func (s *Term) Screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return trim(s.em.String())
}

// Styled is the text on the screen with its styles as escape sequences.
func (s *Term) Styled() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.em.Render()
}

func trim(screen string) string {
	lines := strings.Split(screen, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Cells is a copy of the screen with its styles, by row and column; a wide character
// is in the first of its cells and the next is empty.
func (s *Term) Cells() [][]uv.Cell {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := make([][]uv.Cell, s.em.Height())
	for y := range rows {
		rows[y] = make([]uv.Cell, s.em.Width())
		for x := range rows[y] {
			if c := s.em.CellAt(x, y); c != nil {
				rows[y][x] = *c
			}
		}
	}
	return rows
}

// Clipboard is the text that was last put on the clipboard of the terminal.
func (s *Term) Clipboard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clip.text
}

// Ended waits for the program to end by itself and returns its error; a test fails
// when it does not.
func (s *Term) Ended() error {
	select {
	case <-s.done:
		return s.err
	case <-time.After(s.wait):
		if s.t != nil {
			s.t.Helper()
			s.t.Fatalf("the program is still running:\n%s", s.Screen())
		}
		return nil
	}
}

// Close ends the program.
func (s *Term) Close() error {
	s.prog.Quit()
	<-s.done
	if pipe, ok := s.em.InputPipe().(io.Closer); ok {
		pipe.Close() //nolint:errcheck // ends whoever drains it; Emulator.Close would race with that
	}
	return s.err
}
