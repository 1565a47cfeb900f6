package screens

import (
	"fmt"
	"strings"

	"gatehouse/access/tuple"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// identityColumns is from what width on the detail stands in two columns.
const identityColumns = 150

// View draws the answer first: who this is in each place and what stands out. Below
// are the parts, in two columns where there is room.
func (s *Identity) View(w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	if s.built != s.reading() {
		s.build()
	}
	th := s.host.Env().Theme
	head := s.head(th, w)
	if h < 12 { // too low for both: the first lines of the answer stay, the detail gets the rest
		head = head[:min(len(head), max(1, h/2))]
	}
	if rest := h - len(head) - 1; rest > 0 {
		head = append(head, "")
		head = append(head, s.body(th, w, rest)...)
	}
	return strings.Join(head, "\n")
}

// body draws the parts; in two columns the text flows from the left one into the right.
func (s *Identity) body(th *theme.Theme, w, h int) []string {
	if w < identityColumns {
		return strings.Split(s.detail.View(th, w, h), "\n")
	}
	half := (w - 3) / 2
	lines := strings.Split(s.detail.View(th, half, 2*h), "\n")
	if len(lines) <= h {
		return lines
	}
	out := lines[:h]
	for i, right := range lines[h:] {
		out[i] += strings.Repeat(" ", max(0, half-widget.Width(out[i]))) + th.Dim.Render(" │ ") + right
	}
	return out
}

// head is the summary: a line for the name, one for each back end, and what stands out.
func (s *Identity) head(th *theme.Theme, w int) []string {
	name := th.Strong.Render(clean.Line(s.Title(), w))
	if s.who.ID != "" {
		if places := s.places(); places > 1 {
			note := "the same person in " + []string{"", "", "two", "three"}[min(places, 3)] + " places"
			if gap := w - widget.Width(name) - len(note); gap >= 2 {
				name += strings.Repeat(" ", gap) + th.Dim.Render(note)
			}
		}
	}
	out := []string{name}
	for _, l := range []struct {
		system string
		text   headLine
		job    *tui.Job
	}{{"kratos", s.kratosLine(), &s.whoJob}, {"keto", s.ketoLine(), &s.tupleJob}, {"keycloak", s.keycloakLine(), &s.accountJob}} {
		if done := l.job.Done(); l.job.Err() != nil && !done.IsZero() { // the last answer stays, with its age
			l.text.rest = theme.MarkStale + " as of " + ago(s.host.Env().Now(), done) + "   " + l.text.rest
		}
		style := th.Tone(l.text.tone)
		first := clean.Line(l.text.first, max(1, w-11))
		line := "  " + th.Dim.Render(widget.Pad(l.system, 9)) + style.Render(widget.Pad(first, min(12, max(1, w-11))))
		if room := w - widget.Width(line) - 2; l.text.rest != "" && room > 4 {
			line += "  " + clean.Line(l.text.rest, room)
		}
		out = append(out, line)
	}
	for _, f := range s.findings() {
		style := th.Plain
		if f.bad {
			style = th.Bad
		}
		for i, line := range widget.Wrap(clean.Line(f.String(), 2*w), max(1, w-4)) {
			if i > 0 {
				line = "  " + line
			}
			out = append(out, "  "+style.Render(line))
		}
	}
	return out
}

// places is in how many back ends the person was found.
func (s *Identity) places() int {
	n := 1
	for _, h := range s.holds {
		if len(h.Tuples) > 0 {
			n++
			break
		}
	}
	for _, r := range s.accounts {
		if len(r.Accounts) > 0 {
			return n + 1
		}
	}
	return n
}

// headLine is what is said about one back end: a word, and the rest of it.
type headLine struct {
	first, rest string
	tone        theme.Tone
}

const noIdentity = "no identity has this id; it may have been deleted"

// waiting is the line of a part that is not there (yet).
func (s *Identity) waiting(job *tui.Job) headLine {
	switch {
	case job.Busy():
		return headLine{"reading…", "", theme.Dim}
	case job.Err() != nil:
		f := s.host.Env().Explain(job.Err())
		switch f.Kind {
		case "unreachable", "timeout":
			return headLine{theme.MarkDown + " no answer", f.Why, theme.Bad}
		case "not_found":
			return headLine{theme.MarkDenied + " not there", noIdentity, theme.Bad}
		}
		return headLine{theme.MarkDenied + " not read", f.Why, theme.Bad}
	}
	return headLine{"not read", "^r reads it", theme.Dim}
}

func (s *Identity) kratosLine() headLine {
	if s.gone {
		return headLine{theme.MarkDenied + " deleted", "this is what it was", theme.Bad}
	}
	if s.who.ID == "" {
		return s.waiting(&s.whoJob)
	}
	row := s.row
	l := headLine{first: row.state(), tone: toneIf(row.Suspended, theme.Bad)}
	parts := []string{joinWords(row.Email, row.verifiedWords())}
	if !s.sessionJob.Done().IsZero() {
		parts = append(parts, s.sessions.words(s.host.Env().Now()))
	}
	l.rest = strings.Join(parts, "   ")
	return l
}

func (s *Identity) ketoLine() headLine {
	if s.spec.Keto == nil {
		return headLine{none + " off", "Keto is not configured in this context", theme.Dim}
	}
	if s.tupleJob.Done().IsZero() {
		return s.waiting(&s.tupleJob)
	}
	var names []string
	for _, h := range s.holds {
		if len(h.Tuples) > 0 {
			more := ""
			if h.More {
				more = "+"
			}
			names = append(names, fmt.Sprintf("as %s (%d%s)", shortSubject(h.Alias.Subject), len(h.Tuples), more))
		}
	}
	if s.namesNotRead() {
		names = append(names, theme.MarkUnknown+" not every name could be read")
	}
	if s.tupleCount() == 0 && s.namesNotRead() {
		return headLine{theme.MarkUnknown + " unknown", strings.Join(names, ""), theme.Bad}
	}
	if len(names) == 0 {
		return headLine{"no tuples", "under any of their names; groups are not counted", theme.Plain}
	}
	l := headLine{first: count(s.tupleCount(), "tuple"), rest: strings.Join(names, " · ")}
	return l
}

// shortSubject cuts a UUID short, also inside a subject set.
func shortSubject(s tuple.Subject) string {
	if s.Set != nil {
		return tuple.SubjectSet(s.Set.Namespace, shortID(s.Set.Object), s.Set.Relation).String()
	}
	return shortID(s.ID)
}

func (s *Identity) tupleCount() int {
	n := 0
	for _, h := range s.holds {
		n += len(h.Tuples)
	}
	return n
}

func (s *Identity) keycloakLine() headLine {
	switch {
	case len(s.spec.Realms) == 0:
		return headLine{none + " off", "Keycloak is not configured in this context", theme.Dim}
	case s.accountJob.Done().IsZero() && s.whoJob.Busy():
		return headLine{"reading…", "", theme.Dim}
	case s.accountJob.Done().IsZero() && s.who.ID == "":
		return headLine{"? not asked", "the e-mail address is not known", theme.Dim}
	case s.accountJob.Done().IsZero():
		return s.waiting(&s.accountJob)
	}
	var parts []string
	var first headLine
	for _, r := range s.accounts {
		for _, a := range r.Accounts {
			if first.first == "" {
				first.first, first.tone = accountState(a)
			}
			words := a.User.Username
			if len(a.Groups) > 0 {
				words += "  " + inGroups(a.Groups)
			}
			parts = append(parts, words+"   "+accountRoles(a, s.host.Env().Explain)+"   "+r.Realm)
		}
	}
	if len(parts) == 0 {
		return headLine{"no account", "with these e-mail addresses or user names", theme.Plain}
	}
	first.rest = strings.Join(parts, " · ")
	return first
}
