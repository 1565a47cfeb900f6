package gate

import (
	"container/list"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/clients/decisions"
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
	key string
	l   *rate.Limiter
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

func (l *Limits) get(key string, perMinute int) *rate.Limiter {
	if e := l.by[key]; e != nil {
		l.lru.MoveToFront(e)
		return e.Value.(*limited).l
	}
	if l.lru.Len() >= maxLimited {
		e := l.lru.Back()
		delete(l.by, e.Value.(*limited).key)
		l.lru.Remove(e)
	}
	v := &limited{key, rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)}
	l.by[key] = l.lru.PushFront(v)
	return v.l
}

// Wait is how long somebody has to wait before another try; 0 means that they may
// try now. It takes nothing: only Failed does.
func (l *Limits) Wait(system, account, ip string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	wait := func(lim *rate.Limiter) time.Duration {
		missing := 1 - lim.TokensAt(now)
		if missing <= 0 {
			return 0
		}
		return time.Duration(missing / float64(lim.Limit()) * float64(time.Second))
	}
	return max(wait(l.get("a\x00"+system+"\x00"+account, l.PerAccount)), wait(l.get("i\x00"+ip, l.PerAddress)))
}

// Failed counts a failed try.
func (l *Limits) Failed(system, account, ip string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.get("a\x00"+system+"\x00"+account, l.PerAccount).AllowN(now, 1)
	l.get("i\x00"+ip, l.PerAddress).AllowN(now, 1)
}

// Len is how many keys are remembered.
func (l *Limits) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lru.Len()
}

// LimitedFor says whether a call may try to log in to an account, and answers 429
// where it may not.
func (c *Call) LimitedFor(account string) (Verdict, bool) {
	wait := c.Env.Limits.Wait(c.Sys.ID, account, c.ClientIP())
	if wait <= 0 {
		return Verdict{}, false
	}
	h := c.Hop("rate_limit", "deny")
	h.Facts = map[string]any{"retry_after_s": int(math.Ceil(wait.Seconds()))}
	return RefuseWith(decisions.RateLimited, func(c *Call) {
		c.W.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		c.Error(http.StatusTooManyRequests)
	}), true
}
