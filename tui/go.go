package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
)

// DefaultTimeout is the deadline of a request for which none is given (timeout < 1).
const DefaultTimeout = 10 * time.Second

// DefaultWriteTimeout is the deadline of a write for which none is given. It is
// longer: a write that was cut may have happened, which is harder to live with than
// waiting.
const DefaultWriteTimeout = 30 * time.Second

// answer is the message in which a job comes back. It belongs to one screen and
// carries what is left to do on the loop.
type answer struct {
	to *frame
	// apply runs on the loop. gone says that the screen was closed meanwhile.
	apply func(gone bool)
}

// Go runs work off the loop, with a deadline (0 means DefaultTimeout), and then
// calls done on the loop. It returns at once. The context of work ends with the
// deadline, with a newer run of the same job, with Esc, and with the screen; done
// is not called when the run was stopped or the screen was closed.
//
// work must not touch the screen: it gets what it needs as captured values.
func Go[T any](h Host, j *Job, timeout time.Duration, work func(context.Context) (T, error), done func(T, error)) {
	f := h.own()
	ctx, cancel := context.WithTimeout(f.ctx, orDefault(timeout))
	run := j.begin(f, cancel, false)
	f.app.start(func() tea.Msg {
		v, err := work(ctx)
		return answer{f, func(gone bool) {
			if !gone && j.end(f, run, err) {
				done(v, err)
			}
		}}
	})
}

// Write is Go for something that changes a server. what names it for the person
// ("grant flaskClient:admin to ben"). It differs in what must never happen to a
// write: it is refused in a read-only context and while the same job is still
// writing; Esc and closing the screen do not cancel it; quitting asks first; and
// when the screen is gone by the time the answer comes, the shell reports it.
// done is called on the loop while the screen is open.
func Write[T any](h Host, j *Job, what string, timeout time.Duration, work func(context.Context) (T, error), done func(T, error)) {
	f := h.own()
	a := f.app
	switch {
	case a.env.ReadOnly:
		a.say(noteBad, "read-only: context "+a.env.Context+" may not be changed from here")
		return
	case j.busy && j.write:
		a.say(noteInfo, "still busy: "+what+" waits for its answer")
		return
	}
	if timeout < 1 {
		timeout = DefaultWriteTimeout
	}
	ctx, cancel := context.WithTimeout(a.ctx, timeout)
	run := j.begin(f, cancel, true)
	a.writes++
	a.start(func() tea.Msg {
		v, err := work(ctx)
		return answer{f, func(gone bool) {
			a.writes--
			if err == nil {
				a.env.Changes++
			}
			ours := j.end(f, run, err)
			switch {
			case !gone && ours:
				done(v, err)
			case err != nil:
				a.fail(err)
			default:
				a.say(noteInfo, "done: "+what)
			}
		}}
	})
}

func orDefault(d time.Duration) time.Duration {
	if d < 1 {
		return DefaultTimeout
	}
	return d
}

// After calls then on the loop when d is over, unless the screen was closed by then:
// for what changes by itself on the screen, such as the time that a lock still has.
// It is no work that is waited for, so nothing says that the screen is busy.
func After(h Host, d time.Duration, then func()) {
	f := h.own()
	f.app.start(tea.Tick(d, func(time.Time) tea.Msg {
		return answer{f, func(gone bool) {
			if !gone {
				then()
			}
		}}
	}))
}
