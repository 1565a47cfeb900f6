package tuitest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// poll is how often the screen is looked at.
const poll = 2 * time.Millisecond

// Want waits until all texts are on the screen.
func (s *Term) Want(texts ...string) {
	s.t.Helper()
	if err := s.Await(texts...); err != nil {
		s.t.Fatal(err)
	}
}

// Await is Want for programs that are not tests.
func (s *Term) Await(texts ...string) error {
	for end := time.Now().Add(s.wait); ; time.Sleep(poll) {
		screen, missing := s.Screen(), ""
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				missing = text
			}
		}
		if missing == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%q is not on the screen:\n%s", missing, screen)
		}
	}
}

// WantNot waits until everything sent so far has been handled and drawn and none of
// the texts is on the screen.
func (s *Term) WantNot(texts ...string) {
	s.t.Helper()
	s.Settle()
	for end := time.Now().Add(s.wait); ; time.Sleep(poll) {
		screen, there := s.Screen(), ""
		for _, text := range texts {
			if strings.Contains(screen, text) {
				there = text
			}
		}
		if there == "" {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%q is still on the screen:\n%s", there, screen)
		}
	}
}

// Line is the text of one row, counted from 0; negative ones count from the bottom.
func (s *Term) Line(n int) string {
	lines := strings.Split(s.Screen(), "\n")
	if n < 0 {
		n += len(lines)
	}
	if n < 0 || n >= len(lines) {
		return ""
	}
	return lines[n]
}

// Find is the column and row of a text on the screen, to click on; a test fails when
// it is not there.
func (s *Term) Find(text string) (x, y int) {
	s.t.Helper()
	s.Want(text)
	for y, line := range strings.Split(s.Screen(), "\n") {
		if before, _, ok := strings.Cut(line, text); ok {
			return len([]rune(before)), y
		}
	}
	s.t.Fatalf("%q has left the screen", text)
	return 0, 0
}

// Settle waits until everything sent so far has been handled, and the screen has not
// changed for a few frames (for at most a second: a spinner never rests).
func (s *Term) Settle() {
	done := make(synced)
	s.Send(done)
	select {
	case <-done:
	case <-s.done:
	case <-time.After(s.wait):
	}
	const still = 40 * time.Millisecond
	last, since := s.Styled(), time.Now()
	for end := time.Now().Add(time.Second); time.Since(since) < still && time.Now().Before(end); time.Sleep(poll) {
		if now := s.Styled(); now != last {
			last, since = now, time.Now()
		}
	}
}

// Golden compares the screen with testdata/NAME.golden. With UPDATE_GOLDEN=1 in the
// environment it writes the file instead.
func (s *Term) Golden(name string) {
	s.t.Helper()
	s.Settle()
	got := s.Screen() + "\n"
	file := filepath.Join("testdata", name+".golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatalf("%v (UPDATE_GOLDEN=1 writes it)", err)
	}
	if got != string(want) {
		s.t.Errorf("the screen is not that of %s; UPDATE_GOLDEN=1 takes it over.\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}
