package screens

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/access/person"
	"gatehouse/access/tuple"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// View draws the person: the places first, then what does not fit, then everything else.
func (s *Person) View(w, h int) string {
	th := s.host.Env().Theme
	if s.input == nil {
		return s.detail.View(th, w, h)
	}
	if h <= 0 {
		return ""
	}
	return s.input.View(th, w) + "\n\n" + s.detail.View(th, w, h-2)
}

// build lays out what is known. The cursor stays on its line.
func (s *Person) build() {
	clear(s.refs)
	switch {
	case s.known:
		sections := []widget.Section{s.places(), s.findings()}
		sections = append(sections, s.tuples()...)
		sections = append(sections, s.accounts()...)
		s.detail.Set(append(sections, s.notLooked()...)...)
	case s.job.Busy():
		s.detail.Set(widget.Section{Title: s.Title(), Note: "looking in Kratos and Keycloak…"})
	case len(s.hits) == 0 && s.job.Err() != nil && len(s.missed) == 0:
		f := s.host.Env().Explain(s.job.Err())
		s.detail.Set(widget.Section{Title: s.Title(), Fields: []widget.Field{{Label: theme.MarkDenied, Value: f.String(), Tone: theme.Bad}}})
	default:
		s.detail.Set(append([]widget.Section{s.found()}, s.notLookedIn(s.missed)...)...)
	}
}

// found are the people to choose from, or that there is nobody.
func (s *Person) found() widget.Section {
	out := widget.Section{Title: "People found by " + s.Title(), Note: fmt.Sprintf("%d; Enter shows one of them", len(s.hits))}
	switch {
	case len(s.hits) == 0 && firstMissed(s.missed) != nil:
		out.Title, out.Note = "Nobody found by "+s.Title()+" so far", "not every back end could be asked"
	case len(s.hits) == 0:
		out.Title, out.Note = "Nobody is found by "+s.Title(), "Kratos finds ids, login names and their beginnings, Keycloak also names"
	case len(s.hits) >= person.MaxHits:
		out.Note = fmt.Sprintf("the first %d; type more of the name for fewer", len(s.hits))
	}
	for i := range s.hits {
		h := s.hits[i]
		var where []string
		if h.ID != "" {
			where = append(where, "kratos "+shortID(h.ID))
		}
		for _, realm := range sortedKeys(h.Accounts) {
			where = append(where, realm+" "+h.Accounts[realm].Username)
		}
		spec := s.spec
		spec.Hit = &h
		key := s.put(fmt.Sprintf("hit %d", i), personRef{open: func() tui.Screen { return NewPerson(spec) }})
		out.Fields = append(out.Fields, widget.Field{Value: joinWords(orWord(h.Name, h.Email), pickWord(h.Name != "", h.Email)), Note: strings.Join(where, " · "), Key: key})
	}
	return out
}

// put remembers what a line stands for.
func (s *Person) put(key string, r personRef) string {
	s.refs[key] = r
	return key
}

// places is a line for each place where the person is, or is not.
func (s *Person) places() widget.Section {
	out := widget.Section{Title: s.Title()}
	n := 0
	for _, there := range []bool{s.human.Identity != nil, len(s.holding()) > 0, len(s.human.Accounts) > 0} {
		if there {
			n++
		}
	}
	switch {
	case s.job.Busy() && len(s.human.Waiting) > 0:
		out.Note = "reading…"
	case n == 0:
		out.Note = "nobody, as far as could be looked"
	case n > 1:
		out.Note = "the same person in " + []string{2: "two", 3: "three"}[n] + " places"
	default:
		out.Note = "in one place only"
	}
	out.Fields = append(out.Fields, s.kratosField())
	out.Fields = append(out.Fields, s.ketoFields()...)
	out.Fields = append(out.Fields, s.keycloakFields()...)
	return out
}

// holding are the names under which Keto holds something.
func (s *Person) holding() []person.Holding {
	return slices.DeleteFunc(slices.Clone(s.human.Holdings), func(h person.Holding) bool { return len(h.Tuples) == 0 })
}

// unread is the line of a part that is not there: it is still read, there is no such
// back end, or it could not be read; false when it was read.
func (s *Person) unread(label, part string) (widget.Field, bool) {
	if slices.Contains(s.human.Waiting, part) {
		return widget.Field{Label: label, Value: "reading…", Tone: theme.Dim}, true
	}
	m := s.missing(part)
	switch {
	case m == nil:
		return widget.Field{}, false
	case m.Err == nil:
		return widget.Field{Label: label, Value: none + " not looked: " + m.Why, Tone: theme.Dim}, true
	}
	f := s.host.Env().Explain(m.Err)
	mark := theme.MarkUnknown + " unknown: "
	if f.Kind == "unreachable" || f.Kind == "timeout" {
		mark = theme.MarkUnknown + " unknown, no answer: "
	}
	return widget.Field{Label: label, Value: mark + m.Why, Note: f.Hint, Tone: theme.Bad}, true
}

// stale is what stands before data of before: that it is old, and how old.
func (s *Person) stale(part string) (string, bool) {
	m, at := s.missing(part), s.good[part]
	if m == nil || m.Err == nil || at.IsZero() {
		return "", false
	}
	return theme.MarkStale + " as of " + ago(s.host.Env().Now(), at) + "   ", true
}

func (s *Person) kratosField() widget.Field {
	const label = "kratos"
	who, age := s.human.Identity, ""
	if old, is := s.stale(person.PartKratos); who == nil && is && s.last.Identity != nil {
		who, age = s.last.Identity, old
	}
	if who == nil {
		if f, is := s.unread(label, person.PartKratos); is {
			return f
		}
		return widget.Field{Label: label, Value: none + " no identity"}
	}
	row := identityRow(*who)
	parts := []string{row.state(), joinWords(row.Email, row.verifiedWords())}
	if who.State == kratos.Active || len(s.human.Sessions) > 0 {
		parts = append(parts, s.sessionWords())
	}
	id := tuple.SubjectID(who.ID)
	r := personRef{subject: &id, copies: who.ID}
	if open := s.spec.Links.Identity; open != nil {
		r.open = func() tui.Screen { return open(who.ID) }
	}
	return widget.Field{Label: label, Value: age + joinGap(parts...), Note: shortID(who.ID), Tone: toneIf(row.Suspended, theme.Bad), Key: s.put("identity", r)}
}

func (s *Person) sessionWords() string {
	if slices.Contains(s.human.Waiting, person.PartSessions) {
		return "sessions: reading…"
	}
	list, age := s.human.Sessions, ""
	if m := s.missing(person.PartSessions); m != nil {
		old, is := s.stale(person.PartSessions)
		if !is {
			return theme.MarkUnknown + " sessions unknown: " + m.Why
		}
		list, age = s.last.Sessions, strings.TrimSpace(old)+" "
	}
	var last time.Time
	for _, v := range list {
		if v.AuthenticatedAt.After(last) {
			last = v.AuthenticatedAt
		}
	}
	if len(list) == 0 {
		return age + "no live session"
	}
	return fmt.Sprintf("%s%s, last %s", age, count(len(list), "session"), ago(s.host.Env().Now(), last))
}

func (s *Person) ketoFields() []widget.Field {
	var out []widget.Field
	label := "keto"
	add := func(f widget.Field) {
		f.Label = label
		out = append(out, f)
		label = ""
	}
	held := s.holding()
	old, stale := s.stale(person.PartKeto)
	if stale { // what was read this time is not all
		held = slices.DeleteFunc(slices.Clone(s.last.Holdings), func(h person.Holding) bool { return len(h.Tuples) == 0 })
	}
	safe, said := 0, false
	for _, h := range held {
		if !h.Alias.Unsafe {
			safe++
		}
	}
	for i, h := range held {
		f := s.subjectField(h, old)
		if i > 0 && safe > 1 && !said && f.Note == "" {
			f.Note, said = "← "+numberWord(safe)+" names, a check uses one", true
		}
		add(f)
	}
	f, unread := s.unread("", person.PartKeto)
	switch {
	case unread:
		add(f)
	case len(held) == 0:
		add(widget.Field{Value: none + " no tuples under any of " + count(len(s.human.Aliases), "name"), Note: "what groups give is not listed here"})
	}
	return out
}

func (s *Person) subjectField(h person.Holding, age string) widget.Field {
	more := ""
	if h.More {
		more = "+"
	}
	sub := h.Alias.Subject
	r := personRef{subject: &sub, copies: sub.String()}
	if open := s.spec.Links.Holds; open != nil {
		r.open = func() tui.Screen { return open(sub) }
	}
	noun := "tuples"
	if len(h.Tuples) == 1 && !h.More {
		noun = "tuple"
	}
	f := widget.Field{Value: fmt.Sprintf("%sas %s (%d%s %s)", age, shortSubject(sub), len(h.Tuples), more, noun), Key: s.put("subject "+subjectKey(sub), r)}
	if h.Alias.Unsafe {
		f.Note = "← this name can mean somebody else too"
	}
	return f
}

func (s *Person) keycloakFields() []widget.Field {
	var out []widget.Field
	label := "keycloak"
	add := func(f widget.Field) {
		f.Label = label
		out = append(out, f)
		label = ""
	}
	for _, realm := range s.human.Realms {
		part := person.PartRealm(realm)
		accounts, age := accountsIn(s.human, part), ""
		if old, is := s.stale(part); is && len(accounts) == 0 {
			accounts, age = accountsIn(s.last, part), old
		}
		for _, a := range accounts {
			add(s.accountField(a, age, slices.Contains(s.human.Waiting, part)))
		}
		f, unread := s.unread("", part)
		switch {
		case unread && len(accounts) > 0 && age == "":
		case unread:
			f.Note = joinWords(f.Note, realm)
			add(f)
		case len(accounts) == 0:
			add(widget.Field{Value: none + " no account", Note: realm})
		}
	}
	if f, unread := s.unread("", "keycloak"); len(s.human.Realms) == 0 && unread {
		add(f)
	}
	return out
}

func (s *Person) accountField(a person.Account, age string, waiting bool) widget.Field {
	state, tone := accountState(a)
	parts := []string{state, a.User.Username}
	if why := accountBlocks(a, s.host.Env().Now()); why != "" && !waiting {
		parts[0] += ", login stops at: " + why
	}
	switch {
	case waiting:
		parts = append(parts, "reading…")
	case a.GroupsErr != nil:
		parts = append(parts, theme.MarkUnknown+" groups unknown", accountRoles(a, s.host.Env().Explain))
	default:
		parts = append(parts, inGroups(a.Groups), accountRoles(a, s.host.Env().Explain))
	}
	r := personRef{realm: a.Realm, account: a.User.Username, copies: a.User.ID}
	if open := s.spec.Links.Account; open != nil {
		r.open = func() tui.Screen { return open(a.Realm, a.User.ID) }
	}
	return widget.Field{Value: age + joinGap(parts...), Note: a.Realm, Tone: tone, Key: s.put("account "+a.Realm+" "+a.User.ID, r)}
}

// copying is the same line with another thing to copy.
func (r personRef) copying(text string) personRef { r.copies = text; return r }

// weightMarks are the marks of findings, those that the command prints.
var weightMarks = map[person.Weight]string{person.KeepsOut: theme.MarkDenied, person.Unequal: "≠", person.Worth: "!"}

// findings is what does not fit together, in words.
func (s *Person) findings() widget.Section {
	out := widget.Section{Title: "What stands out"}
	switch {
	case len(s.human.Waiting) > 0 || s.job.Busy() && s.human.Findings == nil:
		out.Note = "known when everything has been read"
	case len(s.human.Findings) == 0 && firstMissed(s.human.Missed) != nil:
		out.Note = "nothing in what could be read"
	case len(s.human.Findings) == 0:
		out.Note = "nothing: what is known of them fits together"
	}
	for _, f := range s.human.Findings {
		text := f.Text
		if f.Do != "" {
			text += "\n→ " + f.Do
		}
		out.Fields = append(out.Fields, widget.Field{Label: weightMarks[f.Weight], Value: text, Tone: toneIf(f.Weight == person.KeepsOut, theme.Bad), Key: s.put("finding "+f.Text, s.findingRef(f))})
	}
	return out
}

// findingRef leads to where something can be done about it.
func (s *Person) findingRef(f person.Finding) personRef {
	switch f.Code {
	case person.Disabled, person.Locked, person.MustDo, person.SeveralAccounts, person.NoIdentity:
		for _, a := range s.human.Accounts {
			if strings.Contains(f.Text, a.Realm) || f.Code == person.NoIdentity {
				return s.refs["account "+a.Realm+" "+a.User.ID]
			}
		}
	case person.UnsafeSubject:
		for _, h := range s.holding() {
			if h.Alias.Unsafe {
				return s.refs["subject "+subjectKey(h.Alias.Subject)]
			}
		}
	}
	return s.refs["identity"]
}

// tuples are the relation tuples of each name.
func (s *Person) tuples() []widget.Section {
	var out []widget.Section
	for _, h := range s.holding() {
		sub := h.Alias.Subject
		section := widget.Section{Title: "Relation tuples of " + shortSubject(sub), Note: "their " + string(h.Alias.Kind)}
		if h.More {
			section.Note += fmt.Sprintf("; the first %d", len(h.Tuples))
		}
		for _, t := range h.Tuples {
			r := personRef{subject: &sub, copies: t.String()}
			if open := s.spec.Links.Tuple; open != nil {
				r.open = func() tui.Screen { return open(t) }
			}
			section.Fields = append(section.Fields, widget.Field{Value: t.Left(), Key: s.put("tuple "+t.Key(), r)})
		}
		out = append(out, section)
	}
	return out
}

// accounts are the details of each account.
func (s *Person) accounts() []widget.Section {
	var out []widget.Section
	for _, a := range s.human.Accounts {
		key := "account " + a.Realm + " " + a.User.ID
		section := widget.Section{Title: "Account " + a.User.Username + " in " + a.Realm, Note: "found by " + a.By}
		add := func(label, value string) {
			if value != "" {
				section.Fields = append(section.Fields, widget.Field{Label: label, Value: value, Key: s.put(key+" "+label, s.refs[key].copying(value))})
			}
		}
		add("id", a.User.ID)
		add("e-mail", joinWords(a.User.Email, pickWord(a.User.EmailVerified, theme.MarkAllowed+" verified")))
		add("groups", strings.Join(a.Groups, ", "))
		var names []string
		for _, r := range a.Roles.Roles {
			names = append(names, r.Role.String())
		}
		slices.Sort(names)
		add("roles", strings.Join(names, ", "))
		out = append(out, section)
	}
	return out
}

func (s *Person) notLooked() []widget.Section { return s.notLookedIn(s.human.Missed) }

// notLookedIn says where could not be looked, and why: nothing follows from what is not
// there.
func (s *Person) notLookedIn(missed []person.Missed) []widget.Section {
	if len(missed) == 0 {
		return nil
	}
	out := widget.Section{Title: "Where could not be looked", Note: "nothing follows from what is not there"}
	for _, m := range missed {
		f := widget.Field{Label: m.Server, Value: m.Why}
		if m.Err != nil {
			f.Note, f.Tone = s.host.Env().Explain(m.Err).Hint, theme.Bad
		}
		out.Fields = append(out.Fields, f)
	}
	return []widget.Section{out}
}

// joinGap joins what is there with room between.
func joinGap(parts ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return p == "" }), "   ")
}

// pickWord is a word that is only said when something is so.
func pickWord(on bool, word string) string {
	if on {
		return word
	}
	return ""
}

// numberWord writes small numbers out.
func numberWord(n int) string {
	if n < 10 {
		return []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}[n]
	}
	return fmt.Sprint(n)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
