package screens

import (
	"fmt"
	"time"

	"gatehouse/clients/keycloak"
	"gatehouse/tui/theme"
)

// lockWords says how the brute-force protection has the user: a sentence, what is to be
// added dimly, and how it looks. The settings say how many failures are left; where our
// account may not see them that is left out.
func lockWords(l keycloak.LockState, b keycloak.BruteForceSettings, now time.Time) (text, note string, tone theme.Tone) {
	failures := l.Failures + l.SecondaryFailures
	after := "after " + count(failures, "failure")
	switch {
	case l.Permanent && failures == 0:
		return theme.MarkDenied + " locked for good", "U enables the account again", theme.Bad
	case l.Permanent:
		return theme.MarkDenied + " locked for good, " + after, "U enables the account again", theme.Bad
	case l.Locked && !l.Until.IsZero() && l.Until.After(now):
		note = "U unlocks"
		if b.FailureFactor > 0 && l.Failures < b.FailureFactor {
			note = "the tries came too quickly after each other; " + note
		}
		return fmt.Sprintf("%s locked for %s more, %s", theme.MarkDenied, lasts(l.Until.Sub(now)), after), note, theme.Bad
	case l.Locked:
		return theme.MarkAllowed + " the lock is just over, " + after, "U forgets the failures", theme.Plain
	case b.Enabled == keycloak.No:
		return "not protected", "this realm locks nobody, however often a password is wrong", theme.Dim
	case failures == 0:
		return theme.MarkAllowed + " not locked", failuresLeft(l, b), theme.Plain
	}
	return theme.MarkAllowed + " not locked, " + after, failuresLeft(l, b), theme.Plain
}

// failuresLeft says when the next lock comes. Keycloak 26.7.3 keeps the number of
// failures after a lock, so that from the limit on each failure locks at once.
func failuresLeft(l keycloak.LockState, b keycloak.BruteForceSettings) string {
	if !b.Enabled.Known() || b.FailureFactor < 1 {
		return ""
	}
	kind := ""
	switch {
	case b.Permanent == keycloak.Yes && b.MaxTemporaryLocks == 0,
		b.Permanent == keycloak.Yes && l.TemporaryLockouts >= b.MaxTemporaryLocks:
		kind = " for good"
	case b.Permanent == keycloak.Yes:
		kind = fmt.Sprintf("; %d of %d temporary locks are used up, then it is for good", l.TemporaryLockouts, b.MaxTemporaryLocks)
	}
	left := b.FailureFactor - l.Failures
	if left <= 0 {
		return "the next failure locks" + kind
	}
	if left == 1 {
		return "1 more failure locks" + kind
	}
	return fmt.Sprintf("%d more failures lock%s", left, kind)
}

// lasts is a time that is left, in the two largest units, and never "0 s": "43 s", "2 min 5 s".
func lasts(d time.Duration) string {
	s := int((d + time.Second - 1) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", max(1, s))
	case s < 3600:
		return unitPair(s/60, "min", s%60, "s")
	case s < 48*3600:
		return unitPair(s/3600, "h", s/60%60, "min")
	}
	return unitPair(s/86400, "d", s/3600%24, "h")
}

func unitPair(a int, unit string, b int, small string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unit)
	}
	return fmt.Sprintf("%d %s %d %s", a, unit, b, small)
}
