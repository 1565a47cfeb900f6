package seed

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
)

// How many requests to one server run side by side. Keycloak is bound by hashing
// passwords, so that more gain nothing. Kratos on SQLite writes one at a time, and on
// a busy machine answers 500 "database is locked" to who does not wait for his turn.
const (
	parallelKeycloak = 4
	parallelKratos   = 1
)

// Step is a moment of progress.
type Step struct {
	// Part is the server: "kratos", "keto" or "keycloak".
	Part string `json:"part"`
	// What is being done, in words: "identities", "relation tuples".
	What string `json:"what"`
	// Done of Total; Total is 0 where it is not known.
	Done  int `json:"done"`
	Total int `json:"total"`
	// Rate is how many a second, 0 at the start.
	Rate float64 `json:"per_second"`
}

// Part is what was done to one server.
type Part struct {
	Name string `json:"name"`
	// Created were missing, Changed were there but not as the story wants them, Same
	// were right already.
	Created int `json:"created"`
	Changed int `json:"changed"`
	Same    int `json:"same"`
	// Skipped says why nothing was done.
	Skipped string `json:"skipped,omitempty"`
	// Notes are what a person should know, such as something that could not be had.
	Notes []string `json:"notes,omitempty"`
}

// tally counts what happens to one server and reports it as it goes on.
type tally struct {
	mu       sync.Mutex
	part     Part
	what     string
	done     int
	total    int
	started  time.Time
	progress func(Step)
}

func newTally(name string, progress func(Step)) *tally {
	return &tally{part: Part{Name: name}, progress: progress}
}

// begin starts a stretch of work.
func (t *tally) begin(what string, total int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.what, t.done, t.total, t.started = what, 0, total, time.Now()
	t.report()
}

// The ways in which one object may be found.
type outcome int

const (
	same outcome = iota
	created
	changed
)

// count notes n objects of the present stretch.
func (t *tally) count(o outcome, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch o {
	case created:
		t.part.Created += n
	case changed:
		t.part.Changed += n
	default:
		t.part.Same += n
	}
	t.done += n
	t.report()
}

func (t *tally) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.part.Notes = append(t.part.Notes, text)
}

// report tells the progress. Called with the lock held, so that reports of one part
// come one at a time and in order.
func (t *tally) report() {
	if t.progress == nil {
		return
	}
	s := Step{Part: t.part.Name, What: t.what, Done: t.done, Total: t.total}
	if d := time.Since(t.started); t.done > 0 && d > 0 {
		s.Rate = float64(t.done) / d.Seconds()
	}
	t.progress(s)
}

// each runs f for every item, limit of them side by side, and stops at the first error.
func each[T any](ctx context.Context, limit int, items []T, f func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(limit)
	for _, item := range items {
		g.Go(func() error {
			return again(ctx, func(ctx context.Context) error { return f(ctx, item) })
		})
	}
	return g.Wait()
}

// attempts is how often something is tried that a busy server did not answer.
const attempts = 5

// again repeats work that looks before it writes, when its outcome is not known or
// the server had no time: right after a start, on a machine that is busy with the
// start, Keycloak takes longer for a new realm than a request may last, and Kratos
// on SQLite answers 500 to a write that had to wait. A conflict right after such a
// failure is the earlier attempt that has come through in the meantime.
func again(ctx context.Context, work func(context.Context) error) error {
	unsure := false
	for n := 1; ; n++ {
		err := work(ctx)
		kind := clients.KindOf(err)
		slow := kind == clients.UnknownOutcome || kind == clients.Timeout || kind == clients.RateLimited || kind == clients.Unreachable && status(err) >= 500
		if err == nil || n == attempts || ctx.Err() != nil || !slow && !(unsure && kind == clients.Conflict) {
			return err
		}
		unsure = true
		if pause(ctx, time.Duration(n)*retryPause) != nil {
			return err
		}
	}
}

// retryPause is the time before the first repetition; each further one waits longer.
var retryPause = time.Second

// status is the HTTP status of a failed request, 0 when there was no answer.
func status(err error) int {
	if p, ok := errors.AsType[*clients.Problem](err); ok {
		return p.Status
	}
	return 0
}

// collect reads all pages of a list that is known to be short.
func collect[T any](ctx context.Context, fetch clients.Fetch[T]) ([]T, error) {
	var out []T
	for item, err := range clients.Each(ctx, fetch) {
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}
