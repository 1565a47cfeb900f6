package keycloak

import (
	"context"
	"math"
	"time"

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
	return LockState{}, notYet
}

// Unlock ends a lock of either kind: a temporary one by clearing the counters, a
// permanent one by enabling the account. An account that a person disabled stays
// disabled.
func (r *Realm) Unlock(ctx context.Context, userID string) (clients.Change[LockState], error) {
	return clients.Change[LockState]{}, notYet
}

// UnlockAll clears the counters of all users, which ends all temporary locks.
func (r *Realm) UnlockAll(ctx context.Context) error { return notYet }

// UsersWithLocks lists users with their lock state. On a server without that list
// it is a list of users, each with a request for its state.
func (r *Realm) UsersWithLocks(search string, pageSize int) clients.Fetch[User] {
	return func(context.Context, string) (clients.Page[User], error) { return clients.Page[User]{}, notYet }
}
