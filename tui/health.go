package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	healthEvery   = 30 * time.Second
	healthTimeout = 3 * time.Second
)

// prober asks the back ends how they are.
type prober struct {
	jobs  []*Job
	round int
	due   bool // a round was left out while the terminal had no focus
	own   *frame
}

// healthTick starts the next round.
type healthTick struct{ round int }

func (p *prober) init(a *App) {
	a.env.Health = make([]Health, len(a.opts.Health))
	p.jobs = make([]*Job, len(a.opts.Health))
	for i, probe := range a.opts.Health {
		a.env.Health[i].Name = probe.Name
		p.jobs[i] = new(Job)
	}
	// The probes belong to no screen: they go on whatever is on top.
	p.own = &frame{app: a, ctx: a.ctx, cancel: func() {}}
}

// recheck asks all back ends side by side; each answer is shown when it comes.
func (a *App) recheck() {
	p := &a.health
	p.round++
	p.due = false
	for i, probe := range a.opts.Health {
		Go(p.own, p.jobs[i], healthTimeout, func(ctx context.Context) (Health, error) {
			return probe.Check(ctx), nil
		}, func(h Health, _ error) {
			h.Name = probe.Name
			a.env.Health[i] = h
		})
	}
	every := a.opts.HealthEvery
	if every == 0 {
		every = healthEvery
	}
	if every > 0 && len(a.opts.Health) > 0 {
		round := p.round
		a.start(tea.Tick(every, func(time.Time) tea.Msg { return healthTick{round} }))
	}
}

// tick starts a round, or leaves it until somebody looks.
func (p *prober) tick(a *App, t healthTick) {
	switch {
	case t.round != p.round:
	case a.blurred:
		p.due = true
	default:
		a.recheck()
	}
}

func (p *prober) focus(a *App) {
	if p.due {
		a.recheck()
	}
}
