package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	spinAfter = 120 * time.Millisecond // faster answers show no spinner
	spinEvery = 150 * time.Millisecond
)

// spinTick keeps the frames coming while something loads. When nothing does, there
// are no ticks and the program sleeps.
type spinTick struct{}

// spin orders the next tick while the screen on top is busy.
func (a *App) spin() {
	if a.opts.Plain || a.spinning || len(a.stack) == 0 || a.top().busy() == nil {
		return
	}
	a.spinning = true
	a.start(tea.Tick(spinEvery, func(time.Time) tea.Msg { return spinTick{} }))
}

var spinFrames = []string{"◐", "◓", "◑", "◒"}

// busyFor says how long the screen on top has been waiting; empty when it is not, or
// not for long enough to be worth a word.
func (a *App) busyFor() string {
	j := a.top().busy()
	if j == nil {
		return ""
	}
	if a.opts.Plain {
		return "reading"
	}
	d := a.now().Sub(j.began)
	if d < spinAfter {
		return ""
	}
	mark := spinFrames[int(d/spinEvery)%len(spinFrames)]
	if d < time.Second {
		return mark
	}
	return fmt.Sprintf("%s %d s", mark, int(d.Seconds()))
}
