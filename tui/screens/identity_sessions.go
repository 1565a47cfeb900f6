package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// identitySessions are the newest sessions of a person.
type identitySessions struct {
	list   []kratos.Session
	more   bool            // there are older ones
	asleep map[string]bool // refused only because the identity is suspended
}

// identitySessionPage is how many sessions are read.
const identitySessionPage = 100

// readSessions reads the newest sessions. While an identity is suspended Kratos
// calls all of its sessions inactive; a list of the active ones still has those
// that were not ended (v1.3.1), and they would work again after a reactivation.
func readSessions(ctx context.Context, k IdentityKratos, id string, now time.Time) (identitySessions, error) {
	page, err := k.IdentitySessions(ctx, id, kratos.SessionQuery{PageSize: identitySessionPage}, "")
	if err != nil {
		return identitySessions{}, err
	}
	out := identitySessions{list: page.Items, more: page.Next != "", asleep: map[string]bool{}}
	if !slices.ContainsFunc(out.list, func(s kratos.Session) bool { return !s.Active && !s.Expired(now) }) {
		return out, nil
	}
	live := true
	page, err = k.IdentitySessions(ctx, id, kratos.SessionQuery{PageSize: identitySessionPage, Active: &live}, "")
	if err != nil {
		return identitySessions{}, err
	}
	for _, s := range page.Items {
		if !s.Active {
			out.asleep[s.ID] = true
		}
	}
	return out, nil
}

// active counts those that let somebody in now.
func (l identitySessions) active(now time.Time) int {
	n := 0
	for _, s := range l.list {
		if s.Live(now) {
			n++
		}
	}
	return n
}

// count is how many there are: "3 sessions", "100+ sessions".
func (l identitySessions) count() string {
	if l.more {
		return fmt.Sprintf("%d+ sessions", len(l.list))
	}
	return count(len(l.list), "session")
}

// words is the sentence about them all.
func (l identitySessions) words(now time.Time) string {
	if len(l.list) == 0 {
		return "no sessions"
	}
	last := l.list[0].AuthenticatedAt
	for _, v := range l.list {
		if v.AuthenticatedAt.After(last) {
			last = v.AuthenticatedAt
		}
	}
	if n := l.active(now); n > 0 {
		return fmt.Sprintf("%s, last %s", count(n, "session"), ago(now, last))
	}
	return "no active session, last " + ago(now, last)
}

// state tells an ended session from one that ran out and from one that only sleeps:
// Kratos says "not active" of all three.
func (l identitySessions) state(v kratos.Session, now time.Time) (string, theme.Tone) {
	switch {
	case v.Live(now):
		return theme.MarkAllowed + " active", theme.Plain
	case v.Expired(now):
		return none + " ran out", theme.Dim
	case l.asleep[v.ID]:
		return theme.MarkStale + " asleep", theme.Plain
	default:
		return theme.MarkDenied + " ended", theme.Dim
	}
}

func (s *Identity) sessionPart() widget.Section {
	if s.sessionJob.Done().IsZero() {
		return s.unread("Sessions", "Kratos", &s.sessionJob)
	}
	now := s.host.Env().Now()
	out := widget.Section{Title: "Sessions", Note: s.sessions.count() + fmt.Sprintf(", %d active", s.sessions.active(now))}
	switch {
	case s.who.ID == "" && len(s.sessions.list) == 0:
		out.Note = "none"
	case len(s.sessions.list) == 0:
		out.Note = "none: never signed in, or all were cleaned up"
	}
	if note := s.staleNote(&s.sessionJob); note != "" {
		out.Note = note
	}
	for _, v := range s.sessions.list {
		out.Fields = append(out.Fields, s.sessionField(v, now))
	}
	return out
}

func (s *Identity) sessionField(v kratos.Session, now time.Time) widget.Field {
	state, tone := s.sessions.state(v, now)
	var by []string
	for _, m := range v.Methods {
		by = append(by, joinWords(credentialName(m.Method), m.Provider))
	}
	text := widget.Pad(state, 10) + " signed in " + ago(now, v.AuthenticatedAt)
	if len(by) > 0 {
		text += " by " + strings.Join(by, " + ")
	}
	f := widget.Field{Label: shortID(v.ID), Value: text + ", " + v.AAL, Tone: tone, Key: s.ref("session "+v.ID, v)}
	for _, d := range v.Devices {
		if where := joinWords(d.IPAddress, d.Location, d.UserAgent); where != "" {
			f.Value += "\n" + where
		}
	}
	if v.Live(now) && !v.ExpiresAt.IsZero() {
		f.Note = "ends " + ago(now, v.ExpiresAt)
	}
	return f
}

// others are the sessions but one that still let somebody in, or would again once the
// person is active.
func (s *Identity) others(than kratos.Session) []kratos.Session {
	now := s.host.Env().Now()
	var out []kratos.Session
	for _, v := range s.sessions.list {
		if v.ID != than.ID && (v.Live(now) || s.sessions.asleep[v.ID]) {
			out = append(out, v)
		}
	}
	return out
}

func (s *Identity) whyNotOthers() string {
	if why := s.whyNotEdit(); why != "" {
		return why
	}
	keep, ok := s.selected().(kratos.Session)
	switch {
	case !ok:
		return "select the session that stays first; o ends all of them"
	case s.sessions.more:
		return "there are more sessions than are shown: o ends all of them"
	case len(s.others(keep)) == 0:
		return "there is no other session that could be ended"
	}
	return ""
}

// askEndOthers ends every session but the one under the cursor.
func (s *Identity) askEndOthers() {
	keep, _ := s.selected().(kratos.Session)
	k, list := s.spec.Edit, s.others(keep)
	q := tui.Question{Title: "End the other " + count(len(list), "session") + " of " + s.row.title() + "?", Verb: "end", Danger: true}
	for _, v := range list {
		q.Lines = append(q.Lines, "session "+shortID(v.ID)+", signed in "+ago(s.host.Env().Now(), v.AuthenticatedAt))
	}
	q.Lines = append(q.Lines, "session "+shortID(keep.ID)+" stays")
	q.Yes = func() {
		tui.Write(s.host, &s.write, "end the other sessions of "+s.row.title(), 0, func(ctx context.Context) (int, error) {
			for i, v := range list {
				if _, err := k.RevokeSession(ctx, v.ID); err != nil {
					return i, err
				}
			}
			return len(list), nil
		}, func(n int, err error) {
			s.after(err, countVerb(n, "other session", "other sessions")+" ended")
			s.loadSessions()
		})
	}
	s.host.Confirm(q)
}
