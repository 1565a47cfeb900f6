package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/theme"
)

// Screen is one page of the stack. Screens are pointers and live on the loop of
// Bubble Tea: Init, Update, View and Actions never block and never do I/O; that is
// what Go, Stream and Write are for.
type Screen interface {
	// Title is the crumb in the title line: one or two words.
	Title() string
	// Init is called once, when the screen is pushed. The screen keeps the Host.
	Init(Host) tea.Cmd
	// Update gets what no action took: text while Typing, pasted text, mouse
	// events (with Y counted from the first line of the screen), and messages of
	// the screen's own commands. Results of jobs do not come this way: they are
	// handed to the function that was given with the job.
	Update(tea.Msg) tea.Cmd
	// View draws at most h lines of at most w cells; the shell cuts what is more.
	// Both may be as small as 0. It must cost well under a millisecond.
	View(w, h int) string
	// Actions is everything that can be done here now. It is asked at every key
	// and every frame, and without a Host when the key reference is made.
	Actions() []Action
	// Typing is true while letters are text. Then only keys that write nothing
	// (enter, ctrl+x, f5, arrows) are looked up among the actions.
	Typing() bool
	// Close is called once, when the screen has been taken off the stack. Its jobs
	// are cancelled by the shell before.
	Close()
}

// A screen may have any of these too.
type (
	// Escaper takes Esc before the shell goes back: to close a dropdown, to clear
	// a filter. It returns false when there was nothing to close.
	Escaper interface{ Escape() bool }
	// Leaver is asked before the screen is left by Esc. A non-empty answer is put
	// to the person as a question ("The form has unsaved input: leave it?").
	Leaver interface{ Leave() string }
	// Resumer is told when the screen is on top again, after the one above it
	// was closed.
	Resumer interface{ Resume() }
	// Statuser fills the right end of the title line, where the health of the back
	// ends stands otherwise: "8 requests · 12 ms".
	Statuser interface{ Status() string }
	// Themer is told when the theme changed. Only who caches styles needs it.
	Themer interface{ Themed(*theme.Theme) }
)

// Host is all that a screen may do to the shell. Every call takes effect at once:
// the loop is single-threaded, so there is no gap into which a second key could
// slip. It is implemented by the shell only; tests run screens inside the shell.
type Host interface {
	// Push puts a screen on top and starts it.
	Push(Screen)
	// Pop closes this screen, and all above it, and shows the one below.
	Pop()
	// Toast says one line for four seconds: what was done.
	Toast(string)
	// Fail says what failed, why, and what to do, until the next key. A nil error
	// says nothing, a cancelled one says so quietly.
	Fail(error)
	// Confirm asks before something is written.
	Confirm(Question)
	// Copy puts text on the clipboard of the person's own terminal (OSC 52, so it
	// works over SSH and in tmux); what names it in the toast: "the id".
	Copy(what, text string)
	// Undo registers how to take back a write that has just been done.
	Undo(Undo)
	// Context ends when the screen is closed.
	Context() context.Context
	// Env is where the screen runs. The pointer stays valid, its content may
	// change between two calls of Update.
	Env() *Env

	own() *frame // who may start jobs; also seals the interface
}

// Env is what a screen may know about the program it runs in.
type Env struct {
	Theme      *theme.Theme
	Context    string // the name of the context, such as "dev"
	ReadOnly   bool
	Production bool
	Plain      bool     // for a screen reader: one thing a line, no columns side by side
	Health     []Health // the last answer of each probe, in the order of Options.Health
	// Changes counts the writes that succeeded in this session.
	Changes int
	// Now is the clock of the shell; tests replace it.
	Now func() time.Time
	// Explain says in words what an error means. It is never nil.
	Explain func(error) Failure
	// Recheck asks the back ends for their health again.
	Recheck func()
	// Quit ends the program as the key for it does: it asks while a write is on its
	// way or input would be lost. then, which may be nil, runs once that is settled,
	// just before the end.
	Quit func(then func())
}

// Question is what Confirm asks.
type Question struct {
	// Title is the question itself: "Remove 2 relation tuples?"
	Title string
	// Lines are exactly what will be written, one thing a line.
	Lines []string
	// Verb is what the confirming key does: "remove".
	Verb string
	// Danger marks what cannot be undone. In a production context the name of the
	// context must then be typed.
	Danger bool
	// Typed must be typed by the person before the answer counts, when not empty.
	Typed string
	// Yes and No run on the loop after the answer; No may be nil.
	Yes func()
	No  func()
}

// Undo is one way back. The shell keeps them as a stack: `u` offers the newest,
// shows Lines, asks, and runs it as a write.
type Undo struct {
	// What names the write that would be taken back: "add Group:a#members@ann".
	What string
	// Lines are exactly what the undo will write.
	Lines []string
	// Run does it. It must compare what is there now with what the write left
	// behind, and fail with a conflict when something else changed it since.
	Run func(context.Context) error
	// Screen is opened in place of Run where taking back is long enough to be watched.
	Screen func() Screen
	// Then runs on the loop after success, to load again; it may be nil. It runs
	// only while the screen that registered it is still open.
	Then func()
}
