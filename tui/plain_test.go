package tui_test

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/tui"
)

// heard is what a screen reader got.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) { h.mu.Lock(); defer h.mu.Unlock(); return h.b.Write(p) }
func (h *heard) String() string              { h.mu.Lock(); defer h.mu.Unlock(); return h.b.String() }

func (h *heard) want(t *testing.T, from int, text string) int {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if i := strings.Index(h.String()[from:], text); i >= 0 {
			return from + i + len(text)
		}
		if time.Now().After(end) {
			t.Fatalf("%q was not said after\n%s", text, h.String())
		}
	}
}

// For a screen reader everything is lines: nothing is drawn, nothing moves, and what has
// been said is not said again.
func TestPlain(t *testing.T) {
	c := newCrowd(3)
	c.all[1].Name = "evil\x1b[2J\u202e"
	o := console(tui.NewList(c.spec()))
	o.Context = "dev"
	in, typed := io.Pipe()
	out := &heard{}
	done := make(chan error, 1)
	go func() { done <- tui.RunPlain(context.Background(), tui.New(context.Background(), o), in, out) }()
	say := func(line string) { io.WriteString(typed, line+"\n") } //nolint:errcheck // the reader is the program
	at := out.want(t, 0, "selected: "+c.all[0].Name)
	say("down")
	at = out.want(t, at, "selected: evil")
	say("y")
	at = out.want(t, at, "To copy: "+c.all[1].ID)
	if said := out.String()[at:]; strings.Contains(said, c.all[0].Name) {
		t.Errorf("a line that only lost the selection was said again: %q", said)
	}
	say("/" + c.all[2].Name)
	at = out.want(t, at, ` match "`)
	say("esc")
	say("screen")
	at = out.want(t, at, c.all[0].Name)
	say("no such thing")
	at = out.want(t, at, "no such thing is no key")
	say("?")
	at = out.want(t, at, "Show every key that works here")
	say("esc")
	say(":messages")
	at = out.want(t, at, "/ messages")
	say("esc")
	say("quit")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if bad := regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f-\x9f\x{2500}-\x{25ff}\x{202a}-\x{202e}]`).FindString(out.String()); bad != "" {
		t.Errorf("%q was written in\n%s", bad, out.String())
	}
}

// Without any more input the answers on their way are still said, and the program ends.
func TestPlainEndsWithItsInput(t *testing.T) {
	c := newCrowd(3)
	out := &heard{}
	o := console(tui.NewList(c.spec()))
	if err := tui.RunPlain(context.Background(), tui.New(context.Background(), o), strings.NewReader(""), out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), c.all[2].Name) {
		t.Errorf("%q was not said: %s", c.all[2].Name, out)
	}
}
