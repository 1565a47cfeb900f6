package tui

import (
	"context"
	"io"
	"time"

	"gatehouse/tui/theme"
)

// Options is what a program gives the shell. Only Root is needed.
type Options struct {
	// Root is the screen at the bottom of the stack.
	Root Screen
	// Name of the program, first in the title line; empty means gatehouse.
	Name string
	// Context is the name of the context, shown always.
	Context string
	// Colour of the context's name, as theme.Coloured reads it; may be empty.
	Colour string
	// ReadOnly refuses every action that mutates and shows a badge.
	ReadOnly bool
	// Production shows a badge and makes dangerous questions need the name of the context.
	Production bool
	// Palette is where `:` goes.
	Palette []Entry
	// Health asks each back end how it is: at the start, every HealthEvery (0 means
	// 30 s, less than 0 never again) while the terminal has the focus, side by side.
	Health      []Probe
	HealthEvery time.Duration
	// RetryAfter is how soon what could not be read is read again by itself; each further
	// try waits twice as long, up to half a minute. 0 never does.
	RetryAfter time.Duration
	// Requests gives the newest requests, oldest first, for `:log`. It is called off
	// the loop, so it must be safe beside the requests themselves. nil switches the
	// screen off.
	Requests func() []Request
	// Explain says in words what an error means; nil knows the standard library only.
	// It is called on and off the loop, so it must keep nothing.
	Explain func(error) Failure
	// Export writes a file that the person asked for and returns where it is. name is
	// safe (clean.FileName). nil writes into the working folder, readable by the
	// owner only, and never over another file.
	Export func(name string, write func(io.Writer) error) (path string, err error)
	// Columns recalls which columns of a kind of list were chosen before, by their titles
	// from left to right; none when none were. KeepColumns remembers a choice. Both are
	// called on the loop and may be nil.
	Columns     func(list string) []string
	KeepColumns func(list string, titles []string)
	// Theme fixes the background; nil asks the terminal.
	Theme *theme.Kind
	// Plain says that nothing is drawn (RunPlain): there are no spinners and no clock.
	Plain bool
	// Mouse is whether the mouse is on at the start; alt+m switches it.
	Mouse bool
	// Clock replaces time.Now.
	Clock func() time.Time
	// History is what was entered in the palette before, oldest first; Remember is
	// called on the loop with each new entry and may be nil.
	History  []string
	Remember func(line string)
}

// Entry is a place that the palette knows.
type Entry struct {
	// Name is what is typed: "identities". Aliases are other words for it: "id".
	Name    string
	Aliases []string
	// Help is one short sentence.
	Help string
	// Open makes the screen.
	Open func() Screen
	// OpenWith makes it for what is typed behind the name (":tuples Doc:a"); nil
	// when it takes nothing.
	OpenWith func(arg string) Screen
}

// Probe asks one back end how it is.
type Probe struct {
	Name string
	// Check runs off the loop with a deadline of three seconds.
	Check func(context.Context) Health
}

// State is how a back end is.
type State uint8

// The closed list of states.
const (
	StateUnknown State = iota // not asked yet
	StateUp
	StateDown
	StateOff // not configured in this context
)

// Health is the answer of a probe.
type Health struct {
	Name    string // that of the probe, filled in by the shell
	State   State
	Version string // "1.3.1"; may be empty
	// Why it is down, in one line; shown by Home and in the help.
	Why string
}

// Request is one line of the request log.
type Request struct {
	At       time.Time
	System   string // "kratos"
	Method   string
	URL      string // redacted
	Status   int    // 0 when there was no answer
	Took     time.Duration
	ID       string // the request id, where the server sent one
	Err      string // why there was no answer
	Attempts int    // more than 1 when it was repeated
}
