package tui

import (
	"context"
	"reflect"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"gatehouse/tui/theme"
)

// App is the shell: it owns the stack of screens, the overlay, the toast and the
// routing of messages. It is the one tea.Model of the program.
type App struct {
	ctx     context.Context
	opts    Options
	env     Env
	w, h    int
	dark    bool // what the terminal said of its background
	mono    bool // the terminal shows no colours
	mouse   bool
	blurred bool

	stack   []*frame
	pending []tea.Cmd
	over    overlay
	asked   []asked // questions that wait for the overlay to close
	opener  string  // the key that is being handled, empty outside of a key press

	note     note
	messages []message
	undos    []undo
	writes   int // writes on their way
	health   prober
	spinning bool
	retrying bool   // a try to read again is waited for
	crumbs   []span // where the crumbs were drawn, for the mouse
	body     rect   // where the screen was drawn
	history  []string
}

// New makes the shell. ctx ends the program and everything it does.
func New(ctx context.Context, opts Options) *App {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Explain == nil {
		opts.Explain = explain
	}
	if opts.Name == "" {
		opts.Name = "gatehouse"
	}
	a := &App{ctx: ctx, opts: opts, dark: true, mouse: opts.Mouse, history: opts.History}
	a.env = Env{Theme: theme.New(theme.Dark), Context: opts.Context, ReadOnly: opts.ReadOnly, Production: opts.Production,
		Now: opts.Clock, Explain: opts.Explain, Recheck: a.recheck, Quit: a.quitThen}
	a.health.init(a)
	a.retheme()
	return a
}

func (a *App) now() time.Time { return a.opts.Clock() }

// Init draws first and loads then: it starts the first screen, asks the terminal for
// its background and the back ends for their health, all off the loop.
func (a *App) Init() tea.Cmd {
	a.push(a.opts.Root)
	if a.opts.Theme == nil {
		a.start(tea.RequestBackgroundColor)
	}
	a.recheck()
	return a.flush()
}

func (a *App) top() *frame { return a.stack[len(a.stack)-1] }

func (a *App) push(s Screen) {
	if s == nil {
		return
	}
	f := &frame{app: a, screen: s}
	f.ctx, f.cancel = context.WithCancel(a.ctx)
	a.stack = append(a.stack, f)
	a.startFor(f, s.Init(f))
}

// cut closes the screens from position at on, the topmost first.
func (a *App) cut(at int) {
	for i := len(a.stack) - 1; i >= at; i-- {
		a.stack[i].close()
	}
	a.stack = a.stack[:at]
	if r, ok := a.top().screen.(Resumer); ok {
		r.Resume()
	}
}

// start runs a command when this update is over.
func (a *App) start(cmd tea.Cmd) {
	if cmd != nil {
		a.pending = append(a.pending, cmd)
	}
}

// startFor runs a command of a screen; what it answers goes back to that screen.
func (a *App) startFor(f *frame, cmd tea.Cmd) {
	if cmd != nil {
		a.start(route(f, cmd))
	}
}

// routed is a message of a screen's own command, on its way back.
type routed struct {
	to  *frame
	msg tea.Msg
}

func route(f *frame, cmd tea.Cmd) tea.Cmd {
	return func() tea.Msg {
		switch msg := cmd().(type) {
		case nil, answer:
			return msg
		case tea.BatchMsg:
			for i, c := range msg {
				if c != nil {
					msg[i] = route(f, c)
				}
			}
			return msg
		default:
			// Messages of Bubble Tea itself (quit, clipboard, suspend) are for the program.
			if ofTea(msg) {
				return msg
			}
			return routed{f, msg}
		}
	}
}

func (a *App) flush() tea.Cmd {
	cmds := a.pending
	a.pending = nil
	return tea.Batch(cmds...)
}

// Update is the loop. First what concerns the terminal, then answers on their way to
// the screen that asked, then the person: the overlay, the keys of the shell and of
// the screen on top.
func (a *App) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if len(a.stack) == 0 { // a message before Init: only its size can matter
		if size, ok := msg.(tea.WindowSizeMsg); ok {
			a.w, a.h = size.Width, size.Height
		}
		return a, nil
	}
	if !a.terminal(msg) && !a.answers(msg) {
		a.person(msg)
	}
	a.spin()
	a.heal()
	return a, a.flush()
}

// terminal handles what the terminal says about itself.
func (a *App) terminal(msg tea.Msg) bool {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.w, a.h = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		a.dark = msg.IsDark()
		a.retheme()
	case tea.ColorProfileMsg:
		a.mono = msg.Profile <= colorprofile.Ascii
		a.retheme()
	case tea.FocusMsg:
		a.blurred = false
		a.health.focus(a)
	case tea.BlurMsg:
		a.blurred = true
	default:
		return false
	}
	return true
}

// answers handles what comes back from work off the loop.
func (a *App) answers(msg tea.Msg) bool {
	switch msg := msg.(type) {
	case answer:
		msg.apply(msg.to != nil && msg.to.gone)
	case routed:
		if !msg.to.gone {
			msg.to.update(msg.msg)
		}
	case noteEnd:
		a.endNote(msg)
	case spinTick:
		a.spinning = false
	case healthTick:
		a.health.tick(a, msg)
	case retryTick:
		a.retry(msg)
	default:
		return false
	}
	return true
}

// person handles keys, pasted text and the mouse.
func (a *App) person(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		a.opener = msg.String()
		a.key(msg)
		a.opener = ""
	case tea.KeyReleaseMsg:
	case tea.PasteMsg:
		if a.over != nil {
			a.over.update(a, msg)
			return
		}
		a.top().update(msg)
	case tea.MouseMsg:
		a.pointer(msg)
	default:
		if !ofTea(msg) { // sent from outside; what Bubble Tea says else is for the shell
			a.top().update(msg)
		}
	}
}

// ofTea recognizes messages of Bubble Tea itself.
func ofTea(msg tea.Msg) bool {
	return strings.HasPrefix(reflect.TypeOf(msg).PkgPath(), "charm.land/bubbletea")
}

// retheme makes the styles anew, in place.
func (a *App) retheme() {
	kind := theme.Light
	if a.dark {
		kind = theme.Dark
	}
	if a.opts.Theme != nil {
		kind = *a.opts.Theme
	}
	if a.mono {
		kind = theme.Mono
	}
	*a.env.Theme = *theme.New(kind)
	for _, f := range a.stack {
		if t, ok := f.screen.(Themer); ok {
			t.Themed(a.env.Theme)
		}
	}
}
