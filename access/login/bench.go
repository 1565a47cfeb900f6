package login

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// bench is what the checks of the login work on.
type bench struct {
	f *Facts
	a Asked
	// r, u and c are nil where they are not known or not there.
	r *Realm
	u *User
	c *Client
	// secretWrong is set by the checks of the password for those that come after.
	passwordWrong bool
}

func newBench(f *Facts, a Asked) *bench {
	b := &bench{f: f, a: a, r: f.Realm.Value, u: f.User.Value, c: f.Client.Value}
	if !f.Realm.Is() {
		b.r = nil
	}
	return b
}

func (b *bench) name() string { return person(b.f, b.a) }

// pass, fail and unknown make the one check of a code.
func pass(code Code, format string, args ...any) []Check {
	return []Check{{Code: code, State: Pass, Evidence: fmt.Sprintf(format, args...)}}
}

func (b *bench) fail(code Code, evidence, hint string, fixes ...Fix) []Check {
	for i := range fixes {
		fixes[i].Code = code
		for j := range fixes[i].Writes {
			fixes[i].Writes[j].Realm = b.a.Realm
		}
	}
	return []Check{{Code: code, State: Fail, Evidence: evidence, Hint: hint, Saw: b.saw(code), Fixes: fixes}}
}

// unknown is a check that rests on a part that was not read.
func unknown(code Code, what string, g Gap) []Check {
	c := Check{Code: code, State: Unknown, Needs: g.Needs}
	switch {
	case g.State == Failed:
		c.Evidence = fmt.Sprintf("%s could not be read: %s", what, g.Why)
	case g.Needs != "":
		c.Evidence = fmt.Sprintf("%s cannot be seen: our account lacks %s", what, g.Needs)
	default:
		c.Evidence = what + " was not read yet"
	}
	return []Check{c}
}

// beside is unknown in a way that no right of ours would change.
func beside(code Code, evidence, hint string) []Check {
	return []Check{{Code: code, State: Unknown, Beside: true, Evidence: evidence, Hint: hint}}
}

// ago is how long before now something was, in words.
func (b *bench) ago(t time.Time) string {
	d := b.f.Now.Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return plural(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return plural(int(d/time.Hour), "hour") + " ago"
	}
	return plural(int(d/(24*time.Hour)), "day") + " ago"
}

// left is how long from now something is, in words.
func (b *bench) left(t time.Time) string {
	d := t.Sub(b.f.Now)
	if d < time.Minute {
		return plural(max(int(d/time.Second), 1), "second")
	}
	if d > 2*time.Hour {
		return plural(int((d+time.Hour-1)/time.Hour), "hour")
	}
	return plural(int((d+time.Minute-1)/time.Minute), "minute")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func quote(s string) string { return `"` + s + `"` }

// isOf reports whether an event is about the account of the question: by its id, or by
// what was typed, since many failures carry no id.
func (b *bench) isOf(e Event) bool {
	if b.u != nil && e.UserID == b.u.ID {
		return true
	}
	typed := strings.TrimSpace(e.Details["username"])
	if e.UserID != "" || typed == "" {
		return false
	}
	if strings.EqualFold(typed, strings.TrimSpace(b.a.User)) {
		return true
	}
	return b.u != nil && (strings.EqualFold(typed, b.u.Username) || b.u.Email != "" && strings.EqualFold(typed, b.u.Email))
}

// newest is the newest event that is one of the wanted; nil where there is none.
func (b *bench) newest(wanted func(Event) bool) *Event {
	if i := slices.IndexFunc(b.f.Events.Value, wanted); i >= 0 {
		return &b.f.Events.Value[i]
	}
	return nil
}

// lastTry is the newest login, or failed login, of the account.
func (b *bench) lastTry() *Event {
	return b.newest(func(e Event) bool { return (e.Type == "LOGIN" || e.Type == "LOGIN_ERROR") && b.isOf(e) })
}

// lastOfClient is the newest event that tells what became of a request of the client
// that one of the types of event can tell of.
func (b *bench) lastOfClient(types ...string) *Event {
	return b.newest(func(e Event) bool { return e.Client == b.a.Client && slices.Contains(types, e.Type) })
}

// eventGap says why the events tell nothing: they cannot be seen, or the realm keeps
// none. ok is true where they can be relied on.
func (b *bench) eventGap() (g Gap, off, ok bool) {
	switch {
	case !b.f.Events.Is():
		return b.f.Events.Gap(), false, false
	case b.r != nil && !b.r.EventsEnabled && len(b.f.Events.Value) == 0:
		return Gap{}, true, false
	}
	return Gap{}, false, true
}
