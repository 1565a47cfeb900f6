// Package screens holds the screens of the console, one file or one family of
// files per screen. Each names the few calls that it needs as an interface of its
// own, next to the code that uses it; the clients fit them, and so do fakes.
package screens

import (
	"strconv"
	"time"
)

// none stands where there is nothing to show.
const none = "–"

// ago says how long ago t was in the largest unit that fits: "2 h ago", "in 3 d".
// The zero time is "never".
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	format := func(s string) string { return s + " ago" }
	if d < 0 {
		d, format = -d, func(s string) string { return "in " + s }
	}
	switch {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return format(strconv.Itoa(int(d/time.Second)) + " s")
	case d < time.Hour:
		return format(strconv.Itoa(int(d/time.Minute)) + " min")
	case d < 48*time.Hour:
		return format(strconv.Itoa(int(d/time.Hour)) + " h")
	case d < 730*24*time.Hour:
		return format(strconv.Itoa(int(d/(24*time.Hour))) + " d")
	default:
		return format(strconv.Itoa(int(d/(365*24*time.Hour))) + " years")
	}
}

// day is the date of t as a person writes it, in the zone of the person: "2 Mar 2026".
func day(t time.Time) string {
	if t.IsZero() {
		return none
	}
	return t.Local().Format("2 Jan 2006")
}

// count is a number with its noun: "1 session", "3 sessions".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// shortID cuts the middle out of a UUID, which is enough to recognise it beside
// others and no more: "8f1c…e2". Other ids stay as they are.
func shortID(id string) string {
	if len(id) != 36 {
		return id
	}
	return id[:4] + "…" + id[34:]
}
