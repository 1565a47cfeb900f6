package transport

import (
	"context"
	"sync/atomic"
)

// Counter counts the requests that were sent, so that an answer can say what it cost.
type Counter struct{ n atomic.Int64 }

// Sent is how many requests were sent so far, repeated ones included.
func (c *Counter) Sent() int { return int(c.n.Load()) }

type counterKey struct{}

// counters is a Counter and those that count beside it.
type counters struct {
	own  *Counter
	rest *counters
}

// Counted makes the requests of a context count. Requests that other goroutines make
// for it with the same context count too.
func Counted(ctx context.Context, c *Counter) context.Context {
	return context.WithValue(ctx, counterKey{}, &counters{own: c})
}

// AlsoCounted is Counted for a part of what is counted already: its requests count in
// both.
func AlsoCounted(ctx context.Context, c *Counter) context.Context {
	rest, _ := ctx.Value(counterKey{}).(*counters)
	return context.WithValue(ctx, counterKey{}, &counters{c, rest})
}

func countSent(ctx context.Context) {
	for c, _ := ctx.Value(counterKey{}).(*counters); c != nil; c = c.rest {
		c.own.n.Add(1)
	}
}
