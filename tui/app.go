package tui

import (
	"context"
	"reflect"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/theme"
)

// App is the shell: it owns the stack of screens, the overlay, the toast and the
// routing of messages. It is the one tea.Model of the program.
type App struct {
	ctx     context.Context
	opts    Options
	env     Env
	w, h    int
	stack   []*frame
	pending []tea.Cmd
	note    note
	undos   []undo
	writes  int
}

// New makes the shell. ctx ends the program and everything it does.
func New(ctx context.Context, opts Options) *App {
	a := &App{ctx: ctx, opts: opts}
	if a.opts.Clock == nil {
		a.opts.Clock = time.Now
	}
	if a.opts.Explain == nil {
		a.opts.Explain = explain
	}
	a.env = Env{Theme: theme.New(theme.Dark), Context: opts.Context, ReadOnly: opts.ReadOnly, Production: opts.Production,
		Now: a.opts.Clock, Explain: a.opts.Explain, Recheck: func() {}}
	return a
}

func (a *App) now() time.Time { return a.opts.Clock() }

// Init starts the first screen.
func (a *App) Init() tea.Cmd {
	a.push(a.opts.Root)
	return a.flush()
}

func (a *App) top() *frame { return a.stack[len(a.stack)-1] }

func (a *App) push(s Screen) {
	f := &frame{app: a, screen: s}
	f.ctx, f.cancel = context.WithCancel(a.ctx)
	a.stack = append(a.stack, f)
	a.startFor(f, s.Init(f))
}

// cut closes the screens from position at on.
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
			if strings.HasPrefix(reflect.TypeOf(msg).PkgPath(), "charm.land/bubbletea") {
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

// Update is the loop.
func (a *App) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.w, a.h = msg.Width, msg.Height
	case answer:
		msg.apply(msg.to.gone)
	case routed:
		if !msg.to.gone {
			msg.to.update(msg.msg)
		}
	case tea.KeyPressMsg:
		a.key(msg)
	default:
		a.top().update(msg)
	}
	return a, a.flush()
}

func (a *App) key(msg tea.KeyPressMsg) {
	key := msg.String()
	a.note = note{}
	f := a.top()
	if key == "ctrl+c" {
		a.start(tea.Quit)
		return
	}
	typing := f.screen.Typing()
	if !typing || msg.Key().Text == "" {
		for _, act := range f.screen.Actions() {
			if act.matches(key) {
				if why := act.refusal(&a.env); why != "" {
					a.say(noteBad, why)
				} else if act.Run != nil {
					a.startFor(f, act.Run())
				}
				return
			}
		}
	}
	switch {
	case key == "esc":
		if e, ok := f.screen.(Escaper); ok && e.Escape() {
			return
		}
		if !f.stop() {
			f.Pop()
		}
	case typing:
		f.update(msg)
	case key == "q":
		a.start(tea.Quit)
	}
}

// View draws the program.
func (a *App) View() tea.View {
	v := tea.NewView("")
	v.AltScreen = true
	if len(a.stack) > 0 {
		v.SetContent(a.top().screen.Title() + "\n" + a.top().screen.View(a.w, max(0, a.h-2)) + "\n" + a.note.text)
	}
	return v
}
