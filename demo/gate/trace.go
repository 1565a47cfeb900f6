package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"gatehouse/clients/decisions"
	"gatehouse/tui/clean"
)

// trace is a decision while it is being made. One goroutine writes it.
type trace struct {
	d     decisions.Decision
	hops  []*decisions.Hop // pointers: who fills a hop may hold it while others follow
	begin time.Time
}

func newTrace(r *http.Request, now time.Time) *trace {
	t := &trace{begin: now}
	t.d = decisions.Decision{
		ID: ulid.MustNew(ulid.Timestamp(now), rand.Reader).String(), RequestID: requestID(r), At: now.UTC(),
		Request: decisions.Request{Method: clean.Line(r.Method, 16), Path: clean.Line(r.URL.Path, 300), Cred: "none"},
	}
	return t
}

func (t *trace) hop(name, out string) *decisions.Hop {
	h := &decisions.Hop{N: len(t.hops) + 1, Hop: name, Out: out}
	t.hops = append(t.hops, h)
	return h
}

// done is the decision, whole.
func (t *trace) done(status int) decisions.Decision {
	t.d.Hops = make([]decisions.Hop, 0, len(t.hops)+1)
	for _, h := range t.hops {
		t.d.Hops = append(t.d.Hops, *h)
	}
	t.d.Hops = append(t.d.Hops, decisions.Hop{N: len(t.hops) + 1, Hop: "response", Out: string(t.d.Outcome), Status: status})
	t.d.Status, t.d.MS = status, since(t.begin)
	return t.d
}

// requestID takes over a sane X-Request-Id and makes one otherwise.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if len(id) >= 1 && len(id) <= 64 && !slices.ContainsFunc([]byte(id), notInID) {
		return id
	}
	return "gh-" + rand.Text()[:16]
}

func notInID(b byte) bool {
	return !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '.' || b == '_' || b == '-')
}

// Ring keeps the last decisions and passes new ones on. Its memory is bounded: by
// its size, and by the buffer of each follower.
type Ring struct {
	mu    sync.Mutex
	list  []decisions.Decision // oldest first once full, see at
	next  int
	full  bool
	subs  map[*Follower]struct{}
	total uint64
}

// ringSize is how many decisions are kept, followerBuffer how many a follower may be
// behind before it loses some.
const (
	ringSize       = 1000
	followerBuffer = 256
)

func newRing() *Ring {
	return &Ring{list: make([]decisions.Decision, ringSize), subs: map[*Follower]struct{}{}}
}

// Follower receives decisions as they are made.
type Follower struct {
	C       chan decisions.Decision
	mu      sync.Mutex
	dropped int
}

// Dropped is how many were lost since it was asked last.
func (f *Follower) Dropped() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.dropped
	f.dropped = 0
	return n
}

func (r *Ring) add(d decisions.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list[r.next] = d
	r.next = (r.next + 1) % len(r.list)
	r.full = r.full || r.next == 0
	r.total++
	for f := range r.subs {
		select {
		case f.C <- d:
		default: // a slow follower loses decisions; it never slows a request
			f.mu.Lock()
			f.dropped++
			f.mu.Unlock()
		}
	}
}

// Since are the decisions after the one with an id, oldest first, at most limit of
// the newest. An empty id is all; system "" is every system.
func (r *Ring) Since(id, system string, limit int) []decisions.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.since(id, system, limit)
}

func (r *Ring) since(id, system string, limit int) []decisions.Decision {
	var out []decisions.Decision
	for d := range r.each {
		if (system == "" || d.System == system) && d.ID != id {
			out = append(out, d)
		}
		if id != "" && d.ID == id {
			out = out[:0] // in the order of finishing: what stands behind it came later
		}
	}
	if limit > 0 && len(out) > limit {
		out = out[len(out)-limit:]
	}
	return out
}

func (r *Ring) each(yield func(decisions.Decision) bool) {
	if r.full {
		for _, d := range r.list[r.next:] {
			if !yield(d) {
				return
			}
		}
	}
	for _, d := range r.list[:r.next] {
		if !yield(d) {
			return
		}
	}
}

// Get finds a decision by its id.
func (r *Ring) Get(id string) (decisions.Decision, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for d := range r.each {
		if d.ID == id {
			return d, true
		}
	}
	return decisions.Decision{}, false
}

// Follow hands over what is there after id and everything that comes, without a gap
// and without a decision twice. stop ends it.
func (r *Ring) Follow(id, system string) (past []decisions.Decision, f *Follower, stop func()) {
	f = &Follower{C: make(chan decisions.Decision, followerBuffer)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subs[f] = struct{}{}
	past = r.since(id, system, 0)
	return past, f, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.subs, f)
	}
}

// upstreamError is an upstream that gave no usable answer.
type upstreamError struct {
	reason decisions.Reason
	err    error
}

func (e *upstreamError) Error() string { return string(e.reason) + ": " + e.err.Error() }
func (e *upstreamError) Unwrap() error { return e.err }

// reasonOf is the reason that an error stands for.
func reasonOf(err error) decisions.Reason {
	var u *upstreamError
	if errors.As(err, &u) {
		return u.reason
	}
	return decisions.InternalError
}

// IsUpstream reports whether an error is that of an upstream which gave no usable answer.
func IsUpstream(err error) bool {
	var u *upstreamError
	return errors.As(err, &u)
}

// Malformed makes the error of an upstream whose answer means nothing.
func Malformed(u decisions.Upstream, err error) error {
	return &upstreamError{decisions.Malformed(u), err}
}

// UpstreamFailed sorts the error of a request to an upstream: no answer in time, or none.
func UpstreamFailed(u decisions.Upstream, err error) error {
	var have *upstreamError
	if errors.As(err, &have) {
		return err
	}
	var t interface{ Timeout() bool }
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout() {
		return &upstreamError{decisions.Timeout(u), err}
	}
	return &upstreamError{decisions.Unavailable(u), err}
}
