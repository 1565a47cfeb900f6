package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	batchEvery   = 50 * time.Millisecond  // at most this often, after the first,
	batchShare   = 8                      // and so that handling batches takes no more than 1/8 of the loop,
	batchLatest  = 150 * time.Millisecond // but not later than this
	batchPending = 1 << 16                // items that may wait for the loop before emit waits too
)

// pipe carries pages from the goroutine that reads them to the loop.
type pipe[T any] struct {
	mu    sync.Mutex
	batch Batch[T]
	wake  chan struct{} // holds one token while there is something to take
	room  chan struct{} // holds one token while there is room
	full  chan struct{} // holds one token while the reader waits
	hurry chan struct{} // closed when there is nothing more to gather
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func newPipe[T any]() *pipe[T] {
	p := &pipe[T]{wake: make(chan struct{}, 1), room: make(chan struct{}, 1), full: make(chan struct{}, 1), hurry: make(chan struct{})}
	p.batch.Total = -1
	return p
}

// put adds a page and waits while the loop is far behind.
func (p *pipe[T]) put(ctx context.Context, page Page[T]) error {
	p.mu.Lock()
	p.batch.Items = append(p.batch.Items, page.Items...)
	p.batch.Next, p.batch.Total = page.Next, page.Total
	full := len(p.batch.Items) >= batchPending
	p.mu.Unlock()
	signal(p.wake)
	if full {
		signal(p.full)
		select {
		case <-p.room:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (p *pipe[T]) finish(err error) {
	p.mu.Lock()
	p.batch.Done, p.batch.Err = true, err
	p.mu.Unlock()
	close(p.hurry)
	signal(p.wake)
}

func (p *pipe[T]) take() Batch[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.batch
	p.batch.Items = nil
	signal(p.room)
	return b
}

// stream is the body of Stream.
func stream[T any](f *frame, j *Job, work func(context.Context, func(Page[T]) error) error, batch func(Batch[T])) {
	ctx, cancel := context.WithCancel(f.ctx)
	run := j.begin(f, cancel, false)
	p := newPipe[T]()
	var wait time.Duration // how long to gather before the next batch
	var next func() tea.Msg
	next = func() tea.Msg {
		p.gather(wait)
		<-p.wake
		b := p.take()
		return answer{f, func(gone bool) {
			if gone || j.run != run {
				return
			}
			if b.Done {
				j.end(f, run, b.Err)
			}
			before := time.Now()
			batch(b)
			wait = min(max(batchEvery, batchShare*time.Since(before)), batchLatest)
			if !b.Done && j.run == run {
				f.app.start(next)
			}
		}}
	}
	f.app.start(func() tea.Msg {
		go func() { p.finish(work(ctx, func(page Page[T]) error { return p.put(ctx, page) })) }()
		return next()
	})
}

// gather lets pages collect, but not once there are no more, or too many.
func (p *pipe[T]) gather(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.hurry:
	case <-p.full:
	}
}
