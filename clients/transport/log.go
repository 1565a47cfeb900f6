package transport

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"gatehouse/clients"
)

// LogSize is how many requests a Log remembers.
const LogSize = 500

// Entry is one attempt of one request. It holds no secret: neither headers nor
// bodies are kept, and the URL is redacted.
type Entry struct {
	Seq       uint64        // counts up from 1 over the life of the log
	Time      time.Time     // when it was sent
	Target    string        // the back end: "kratos admin"
	Method    string        // the HTTP method
	URL       string        // redacted
	Write     bool          // whether it can change something on the server
	Status    int           // the HTTP status, 0 while there is none
	Took      time.Duration // until the end of the answer, or so far
	Bytes     int64         // of the answer's body as far as it was read
	Clock     time.Time     // what the server's clock said when it answered (the Date header); zero when it did not
	RequestID string        // as sent in X-Request-Id; the same for all attempts of a request
	Attempt   int           // from 1
	Kind      clients.Kind  // how it failed; empty when it did not
	Error     string        // why, redacted
	Done      bool          // false while the answer is still awaited or read
}

// MarshalJSON writes the names that CLI.md asks for: snake_case, durations in ms.
func (e Entry) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Seq       uint64       `json:"seq"`
		Time      time.Time    `json:"time"`
		Target    string       `json:"target"`
		Method    string       `json:"method"`
		URL       string       `json:"url"`
		Write     bool         `json:"write"`
		Status    int          `json:"status"`
		TookMS    float64      `json:"took_ms"`
		Bytes     int64        `json:"bytes"`
		RequestID string       `json:"request_id"`
		Attempt   int          `json:"attempt"`
		Kind      clients.Kind `json:"kind,omitempty"`
		Error     string       `json:"error,omitempty"`
		Done      bool         `json:"done"`
	}{e.Seq, e.Time.UTC(), e.Target, e.Method, e.URL, e.Write, e.Status, float64(e.Took.Microseconds()) / 1000,
		e.Bytes, e.RequestID, e.Attempt, e.Kind, e.Error, e.Done})
}

// Log remembers the last LogSize requests of all clients that share it. The zero
// value is ready, a nil *Log remembers nothing, and all methods may be called from
// several goroutines.
type Log struct {
	mu      sync.Mutex
	ring    [LogSize]Entry
	seq     uint64
	changes uint64
	wake    chan struct{} // closed at the next change; nil while nobody waits
}

// Entries returns what is remembered, oldest first.
func (l *Log) Entries() []Entry {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(l.seq, LogSize)
	out := make([]Entry, 0, n)
	for seq := l.seq - n + 1; seq <= l.seq; seq++ {
		e := l.ring[seq%LogSize]
		if !e.Done {
			e.Took = time.Since(e.Time)
		}
		out = append(out, e)
	}
	return out
}

// Changed counts every change of the log, so that a screen can tell cheaply
// whether to draw again.
func (l *Log) Changed() uint64 {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changes
}

// Wait blocks until Changed differs from seen, and returns it; or until the
// context ends, whose error it then returns.
func (l *Log) Wait(ctx context.Context, seen uint64) (uint64, error) {
	if l == nil {
		<-ctx.Done()
		return seen, ctx.Err()
	}
	for {
		l.mu.Lock()
		now := l.changes
		if l.wake == nil {
			l.wake = make(chan struct{})
		}
		wake := l.wake
		l.mu.Unlock()
		if now != seen {
			return now, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return seen, ctx.Err()
		}
	}
}

// changed must be called with the lock held.
func (l *Log) changed() {
	l.changes++
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
}

// begin opens the entry of an attempt and returns its number.
func (l *Log) begin(c *call, req *http.Request) uint64 {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	l.ring[l.seq%LogSize] = Entry{Seq: l.seq, Time: time.Now(), Target: c.o.Target, Method: req.Method,
		URL: RedactURL(req.URL), Write: c.write, RequestID: c.id, Attempt: c.attempt}
	l.changed()
	return l.seq
}

// refused notes a request that was not let through.
func (l *Log) refused(c *call, kind clients.Kind, reason string) {
	if l != nil {
		l.end(l.begin(c, c.req), 0, 0, kind, reason)
	}
}

// answered notes the status; the body is still to come.
func (l *Log) answered(seq uint64, resp *http.Response) {
	clock, _ := http.ParseTime(resp.Header.Get("Date"))
	l.update(seq, func(e *Entry) { e.Status, e.Clock = resp.StatusCode, clock })
}

// Skew is how far the clock of the server behind target is ahead of ours, negative
// when it is behind, told by the answer that leaves least room for doubt; false
// when no answer had a time. A Date header counts in whole seconds and an answer
// takes its time, so up to about a second means nothing.
func (l *Log) Skew(target string) (time.Duration, bool) {
	best, room, found := time.Duration(0), time.Duration(0), false
	for _, e := range l.Entries() {
		if e.Target != target || e.Clock.IsZero() || found && e.Took >= room {
			continue
		}
		// The true time on the server lay within the second that it named, ours
		// within the request: half of each is the best guess.
		ours := e.Time.Add(e.Took / 2)
		best, room, found = e.Clock.Add(time.Second/2).Sub(ours), e.Took, true
	}
	return best, found
}

// end notes how an attempt ended.
func (l *Log) end(seq uint64, status int, bytes int64, kind clients.Kind, reason string) {
	l.update(seq, func(e *Entry) {
		e.Status, e.Bytes, e.Kind, e.Error = status, bytes, kind, reason
		e.Took, e.Done = time.Since(e.Time), true
	})
}

// update changes an entry unless newer ones have pushed it out.
func (l *Log) update(seq uint64, f func(*Entry)) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := &l.ring[seq%LogSize]; seq > 0 && e.Seq == seq {
		f(e)
		l.changed()
	}
}
