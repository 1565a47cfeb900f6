package keycloak

import (
	"context"
	"math"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
)

// LockState is what brute-force protection knows about a user.
type LockState struct {
	// Locked reports a lock at this moment, temporary or permanent.
	Locked bool `json:"locked"`
	// Permanent locks end only when an administrator enables the account.
	Permanent bool `json:"permanent,omitempty"`
	// Until is when a temporary lock ends.
	Until time.Time `json:"until,omitzero"`
	// Failures counts wrong attempts since the last success; it survives the end of a
	// lock, so that the next failure locks at once.
	Failures          int       `json:"failures"`
	SecondaryFailures int       `json:"secondary_failures,omitempty"`
	TemporaryLockouts int       `json:"temporary_lockouts,omitempty"`
	LastFailure       time.Time `json:"last_failure_at,omitzero"`
	LastIP            string    `json:"last_ip,omitempty"`
}

type wireLock struct {
	Disabled                 bool   `json:"disabled"`
	NumFailures              int    `json:"numFailures"`
	NumTemporaryLockouts     int    `json:"numTemporaryLockouts"`
	NumSecondaryAuthFailures int    `json:"numSecondaryAuthFailures"`
	LastIPFailure            string `json:"lastIPFailure"`
	LastFailure              int64  `json:"lastFailure"`          // milliseconds
	FailedLoginNotBefore     int64  `json:"failedLoginNotBefore"` // seconds; the largest number is "for ever"
}

func (w wireLock) neutral() LockState {
	l := LockState{Locked: w.Disabled, Failures: w.NumFailures, SecondaryFailures: w.NumSecondaryAuthFailures,
		TemporaryLockouts: w.NumTemporaryLockouts, LastFailure: millis(w.LastFailure)}
	if w.LastIPFailure != "n/a" {
		l.LastIP = w.LastIPFailure
	}
	if w.FailedLoginNotBefore == math.MaxInt64 {
		l.Permanent = w.Disabled
	} else if w.Disabled {
		l.Until = seconds(w.FailedLoginNotBefore)
	}
	return l
}

// Lock reads the brute-force state of a user, together with the account's own word
// on a permanent lock. A user that does not exist is NotFound, although the server
// answers zeros.
func (r *Realm) Lock(ctx context.Context, userID string) (LockState, error) {
	l, _, err := r.lock(ctx, userID)
	return l, err
}

func (r *Realm) lock(ctx context.Context, userID string) (l LockState, u User, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { u, err = r.User(ctx, userID); return })
	g.Go(func() (err error) {
		l, err = one[wireLock](ctx, r.s, r.get("read the brute-force state", "view-users", "attack-detection", "brute-force", "users", userID))
		return
	})
	err = g.Wait()
	return l.of(u), u, err
}

// of adds what only the account tells: a permanent lock is written into it, and
// clearing the counters hides it from the brute-force state alone.
func (l LockState) of(u User) LockState {
	if u.PermanentlyLocked() {
		l.Locked, l.Permanent, l.Until = true, true, time.Time{}
	}
	return l
}

// Unlock ends a lock of either kind: a temporary one by clearing the counters, a
// permanent one by enabling the account. An account that a person disabled stays
// disabled.
func (r *Realm) Unlock(ctx context.Context, userID string) (clients.Change[LockState], error) {
	const op = "unlock the user"
	var u User
	read := func(ctx context.Context) (l LockState, err error) {
		l, u, err = r.lock(ctx, userID)
		return l, err
	}
	return change(ctx, read, func(LockState) (LockState, error) {
		c := r.del(op, "manage-users", "attack-detection", "brute-force", "users", userID)
		if u.PermanentlyLocked() {
			c = r.put(op, "manage-users", map[string]bool{"enabled": true}, "users", userID)
		}
		_, err := r.s.do(ctx, c, nil)
		return LockState{}, err
	})
}

// UnlockAll clears the counters of all users, which ends all temporary locks.
func (r *Realm) UnlockAll(ctx context.Context) error {
	_, err := r.s.do(ctx, r.del("unlock all users", "manage-users", "attack-detection", "brute-force", "users"), nil)
	return err
}

// UsersWithLocks lists users with their lock state, without the end of a lock (ask
// Lock for that). The list is the console's own; on a server without it each user
// costs a request.
func (r *Realm) UsersWithLocks(q UserQuery) clients.Fetch[User] {
	v := q.values()
	v.Set("briefRepresentation", boolText(q.Brief))
	fast := r.get("list users with their locks", "view-users", "ui-ext", "brute-force-user").with(v)
	slow := r.get("list users with their locks", "view-users", "users").with(v)
	return q.sound(r, fast, honest(r, fast, "view-users", pages(fast.title(), q.PageSize, func(ctx context.Context, first, size int) ([]User, error) {
		if !r.s.lacks("brute-force-user") {
			users, err := all[wireUser](ctx, r.s, fast.page(first, size))
			if !isUnknownPath(err) {
				return withLocks(users), err
			}
			r.s.learnLack("brute-force-user")
		}
		users, err := all[wireUser](ctx, r.s, slow.page(first, size))
		if err != nil {
			return nil, err
		}
		return users, r.fillLocks(ctx, users)
	})))
}

// withLocks corrects the list's word on permanent locks: it says "not disabled".
func withLocks(users []User) []User {
	for i := range users {
		l := LockState{}
		if users[i].Lock != nil {
			l = *users[i].Lock
		}
		l = l.of(users[i])
		users[i].Lock = &l
	}
	return users
}

func (r *Realm) fillLocks(ctx context.Context, users []User) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range users {
		g.Go(func() error {
			l, err := one[wireLock](ctx, r.s, r.get("read the brute-force state", "view-users", "attack-detection", "brute-force", "users", users[i].ID))
			l = l.of(users[i])
			users[i].Lock = &l
			return err
		})
	}
	return g.Wait()
}

// LockCounters is Lock without a look at the account: one request. It says nothing of
// a permanent lock whose counters were cleared, and has zeros for a user that does not
// exist.
func (r *Realm) LockCounters(ctx context.Context, userID string) (LockState, error) {
	return one[wireLock](ctx, r.s, r.get("read the brute-force state", "view-users", "attack-detection", "brute-force", "users", userID))
}
