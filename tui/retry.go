package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// A screen may have this too: Retry reads again what could not be read. Where it is
// missing, the screen's own action on ctrl+r is run.
type Retrier interface{ Retry() }

// retryMost is the longest time between two tries to read again.
const retryMost = 30 * time.Second

// retryTick is the time to try again.
type retryTick struct{ of *frame }

// heal sees to it that a screen which could not be read is read again by itself, at
// first soon and then ever later, as long as it is on top and nobody is typing.
func (a *App) heal() {
	if a.opts.RetryAfter <= 0 || a.retrying || len(a.stack) == 0 {
		return
	}
	f := a.top()
	if !a.ailing(f) {
		if f.busy() == nil {
			f.tries = 0
		}
		return
	}
	a.retrying = true
	wait := min(a.opts.RetryAfter<<min(f.tries, 10), retryMost)
	a.start(tea.Tick(wait, func(time.Time) tea.Msg { return retryTick{f} }))
}

// ailing is whether something on a screen could not be read and may be readable later.
func (a *App) ailing(f *frame) bool {
	if f.busy() != nil {
		return false
	}
	for _, j := range f.jobs {
		if j.err == nil || j.write {
			continue
		}
		switch a.opts.Explain(j.err).Kind {
		case "unreachable", "timeout", "rate_limited", "denied", "":
			return true
		}
	}
	return false
}

// retry tries once, unless the person is busy with something else.
func (a *App) retry(t retryTick) {
	a.retrying = false
	f := t.of
	if f.gone || a.top() != f || a.over != nil || a.blurred || f.screen.Typing() || !a.ailing(f) {
		return
	}
	f.tries++
	for _, h := range a.env.Health {
		if h.State == StateDown {
			a.recheck()
			break
		}
	}
	if r, ok := f.screen.(Retrier); ok {
		r.Retry()
		return
	}
	for _, act := range f.screen.Actions() {
		if act.matches("ctrl+r") && act.refusal(&a.env) == "" && !act.Mutates {
			a.run(f, &act)
			return
		}
	}
}
