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

// Counted makes the requests of a context count. Requests that other goroutines make
// for it with the same context count too.
func Counted(ctx context.Context, c *Counter) context.Context {
	return context.WithValue(ctx, counterKey{}, c)
}

func countSent(ctx context.Context) {
	if c, ok := ctx.Value(counterKey{}).(*Counter); ok {
		c.n.Add(1)
	}
}
