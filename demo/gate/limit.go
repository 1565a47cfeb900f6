package gate

import (
	"container/list"
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound failed logins: per account and per address of the client. The number
// of accounts and addresses that are remembered is bounded too; the one that was
// quiet longest is forgotten first.
type Limits struct {
	// PerAccount and PerAddress are failures a minute.
	PerAccount, PerAddress int

	now func() time.Time
	mu  sync.Mutex
	by  map[string]*list.Element
	lru *list.List // front: used last
}

type limited struct {
	key     string
	l       *rate.Limiter
	pending int           // tries under way, of an address
	turn    chan struct{} // held by the try under way, of an account
}

// maxLimited is how many keys are remembered.
const maxLimited = 10_000

// NewLimits makes the limits of a set of accounts: five failures a minute for an
// account and twenty for an address; the recorded answers need more.
func NewLimits(a Accounts, now func() time.Time) *Limits {
	l := &Limits{PerAccount: 5, PerAddress: 20, now: now, by: map[string]*list.Element{}, lru: list.New()}
	if a == Seeds {
		l.PerAccount, l.PerAddress = 60, 600
	}
	return l
}

func (l *Limits) get(key string, perMinute int) *limited {
	if e := l.by[key]; e != nil {
		l.lru.MoveToFront(e)
		return e.Value.(*limited)
	}
	if l.lru.Len() >= maxLimited {
		e := l.lru.Back()
		delete(l.by, e.Value.(*limited).key)
		l.lru.Remove(e)
	}
	v := &limited{key: key, l: rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute), turn: make(chan struct{}, 1)}
	l.by[key] = l.lru.PushFront(v)
	return v
}

// Enter is asked before a password is looked at. leave must be called after, and is
// told whether the try failed: only that takes something. leave is nil for somebody
// who has to wait; wait is how long.
//
// Tries that are under way count as if they had failed, so that many at once are no
// way round the limit: an account is tried by one at a time, and an address has no
// more under way than it has left.
func (l *Limits) Enter(ctx context.Context, system, account, ip string) (leave func(failed bool), wait time.Duration) {
	l.mu.Lock()
	a, i := l.get("a\x00"+system+"\x00"+account, l.PerAccount), l.get("i\x00"+ip, l.PerAddress)
	l.mu.Unlock()
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, time.Second
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if wait = max(a.wait(now), i.wait(now)); wait > 0 {
		<-a.turn
		return nil, wait
	}
	i.pending++
	return func(failed bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		i.pending--
		if failed {
			now := l.now()
			a.l.AllowN(now, 1)
			i.l.AllowN(now, 1)
		}
		<-a.turn
	}, 0
}

// wait is how long until there is a try left beside those under way; 0 is now.
func (v *limited) wait(now time.Time) time.Duration {
	missing := float64(1+v.pending) - v.l.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(v.l.Limit()) * float64(time.Second))
}

// Len is how many keys are remembered.
func (l *Limits) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lru.Len()
}
