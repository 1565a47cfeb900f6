package transport

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"gatehouse/clients"
)

// The pause before a retry: the first is up to firstPause, each further one up to
// twice the one before, never above lastPause.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 3 * time.Second
)

// again decides whether an attempt is worth repeating, and after which pause.
func (c *call) again(ctx context.Context, resp *http.Response, err error) (time.Duration, bool) {
	if c.write || c.attempt > c.o.Retries || ctx.Err() != nil || !c.replayable() {
		return 0, false
	}
	wait := pause(c.attempt)
	switch {
	case err != nil:
		// A read that is a POST is repeated only when it never left.
		if !clients.Is(err, clients.Unreachable) || (c.sent.Load() && !repeatable(c.req)) || permanent(err) {
			return 0, false
		}
	case !repeatable(c.req):
		return 0, false
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusServiceUnavailable:
		if asked, ok := RetryAfter(resp.Header, time.Now()); ok {
			wait = max(asked, wait)
		}
	case resp.StatusCode == http.StatusBadGateway, resp.StatusCode == http.StatusGatewayTimeout:
	default:
		return 0, false
	}
	// Waiting past the deadline would turn a clear answer into a timeout.
	if end, has := ctx.Deadline(); has && time.Until(end) <= wait {
		return 0, false
	}
	return wait, true
}

// pause is the time before attempt n+1: exponential, with full jitter on its upper
// half so that many clients do not come back at the same moment.
func pause(n int) time.Duration {
	top := min(firstPause<<min(n-1, 10), lastPause)
	return top/2 + rand.N(top/2)
}

// RetryAfter reads the header of that name (RFC 9110 §10.2.3), in seconds or as a
// date; false when there is none that can be read.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if v == "" {
		return 0, false
	}
	if n, err := strconv.Atoi(v); err == nil && n >= 0 && n < 1<<30 {
		return time.Duration(n) * time.Second, true
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now), 0), true
	}
	return 0, false
}
