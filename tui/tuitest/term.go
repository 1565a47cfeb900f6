// Package tuitest drives the console on an emulated terminal. What a test sees is
// what a person would see: the cells of the screen after the renderer has written
// its differences, never the bytes in between.
//
//	s := tuitest.Open(t, app)
//	s.Type("/ann")
//	s.Press("enter", "ctrl+d")
//	s.Want("remove 1 identity?")
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
	mu   sync.Mutex
	em   *vt.Emulator
	prog *tea.Program
	t    testing.TB
	done chan struct{}
	err  error
	wait time.Duration
	last string // the last text put on the clipboard
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
	t.Cleanup(func() { s.Close() })
	return s
}

// Start runs a program outside a test; Close ends it.
func Start(m tea.Model, opts ...Option) *Term {
	c := config{w: 100, h: 30, profile: colorprofile.TrueColor, wait: 10 * time.Second}
	for _, o := range opts {
		o(&c)
	}
	s := &Term{em: vt.NewEmulator(c.w, c.h), done: make(chan struct{}), wait: c.wait}
	go io.Copy(io.Discard, s.em)   //nolint:errcheck // the answers of the terminal, which nobody reads
	s.em.Write([]byte("\x1b[20h")) // line feeds return the carriage, as a tty does
	s.prog = tea.NewProgram(m, tea.WithInput(new(bytes.Buffer)), tea.WithOutput(s), tea.WithWindowSize(c.w, c.h),
		tea.WithColorProfile(c.profile), tea.WithoutSignals(), tea.WithFPS(120), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
	go func() {
		defer close(s.done)
		_, s.err = s.prog.Run()
	}()
	if c.light {
		s.prog.Send(tea.BackgroundColorMsg{Color: color.White})
	}
	return s
}

// Write is the terminal's end of the program's output.
func (s *Term) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.em.Write(b)
}

// Screen is the text on the screen, one line per row, without styles.
func (s *Term) Screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.em.String()
}

// Cells is a copy of the screen with its styles, by row and column.
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

// Press sends keystrokes by name: "enter", "ctrl+d", "x", "space".
func (s *Term) Press(keys ...string) {
	for _, k := range keys {
		s.prog.Send(Key(k))
	}
}

// Type sends text as single keystrokes.
func (s *Term) Type(text string) {
	for _, r := range text {
		s.prog.Send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
}

// Want waits until all texts are on the screen.
func (s *Term) Want(texts ...string) {
	s.t.Helper()
	for end := time.Now().Add(s.wait); ; time.Sleep(2 * time.Millisecond) {
		screen, missing := s.Screen(), ""
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%q is not on the screen:\n%s", missing, screen)
		}
	}
}

// Close ends the program.
func (s *Term) Close() error {
	s.prog.Quit()
	<-s.done
	return s.err
}
