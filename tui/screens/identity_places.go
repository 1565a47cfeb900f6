package screens

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/access/person"
	"gatehouse/access/tuple"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

func (s *Identity) tuplePart() widget.Section {
	const title = "Relation tuples"
	if s.spec.Keto == nil {
		return widget.Section{Title: title, Note: "Keto is not configured in this context"}
	}
	if s.tupleJob.Done().IsZero() {
		return s.unread(title, "Keto", &s.tupleJob)
	}
	out := widget.Section{Title: title}
	names, n, more := 0, 0, ""
	for _, h := range s.holds {
		out.Fields = append(out.Fields, s.holdingFields(h)...)
		if len(h.Tuples) > 0 {
			names++
			n += len(h.Tuples)
		}
		if h.More {
			more = "+"
		}
	}
	if err := s.moreJob.Err(); err != nil {
		out.Fields = append(out.Fields, s.notRead("as in Keycloak", err))
	}
	switch {
	case n == 0:
		out.Note = fmt.Sprintf("none under any of %d names; what groups give is not listed here", len(s.holds))
	case names == 1:
		out.Note = fmt.Sprintf("%d%s under one name", n, more)
	default:
		out.Note = fmt.Sprintf("%d%s under %d names", n, more, names)
	}
	if s.namesNotRead() { // what could not be read is unknown, never "none"
		out.Note = strings.Replace(out.Note, "none under any", "none found under any", 1) + "; not every name could be read"
	}
	if note := s.staleNote(&s.tupleJob); note != "" {
		out.Note = note
	}
	return out
}

// holdingFields are the lines of one alias: its name, and below it what it holds.
func (s *Identity) holdingFields(h person.Holding) []widget.Field {
	label := "as " + string(h.Alias.Kind)
	switch {
	case h.Err != nil:
		return []widget.Field{s.notRead(label, h.Err)}
	case len(h.Tuples) == 0:
		return nil
	}
	note := ""
	if h.Alias.Unsafe {
		note = "other people can have this name too"
	}
	if h.More {
		note = joinWords(note, fmt.Sprintf("(the first %d)", len(h.Tuples)))
	}
	out := []widget.Field{{Label: label, Value: h.Alias.Subject.String(), Note: note, Tone: theme.Dim,
		Key: s.ref("subject "+subjectKey(h.Alias.Subject), h.Alias.Subject)}}
	for _, t := range h.Tuples {
		out = append(out, widget.Field{Value: t.Left(), Key: s.ref("tuple "+t.Key(), t)})
	}
	return out
}

func (s *Identity) notRead(label string, err error) widget.Field {
	return widget.Field{Label: label, Value: theme.MarkUnknown + " not read: " + s.host.Env().Explain(err).Why, Tone: theme.Bad}
}

// namesNotRead: the tuples under some of the names are not known.
func (s *Identity) namesNotRead() bool {
	return s.moreJob.Err() != nil || slices.ContainsFunc(s.holds, func(h person.Holding) bool { return h.Err != nil })
}

func subjectKey(s tuple.Subject) string { return tuple.Tuple{Subject: s}.Key() }

func (s *Identity) accountParts() []widget.Section {
	const title = "Keycloak"
	switch {
	case len(s.spec.Realms) == 0:
		return []widget.Section{{Title: title, Note: "Keycloak is not configured in this context"}}
	case s.accountJob.Done().IsZero() && s.who.ID == "" && !s.whoJob.Busy():
		return []widget.Section{{Title: title, Note: "not looked up: the e-mail address is not known"}}
	case s.accountJob.Done().IsZero():
		return []widget.Section{s.unread(title, "Keycloak", &s.accountJob)}
	}
	var out []widget.Section
	for _, r := range s.accounts {
		if r.Err != nil {
			f := s.host.Env().Explain(r.Err)
			out = append(out, widget.Section{Title: title + " realm " + r.Realm, Fields: []widget.Field{
				{Label: theme.MarkDenied + " not read", Value: f.Why, Note: f.Hint, Tone: theme.Bad}}})
			continue
		}
		if len(r.Accounts) == 0 {
			out = append(out, widget.Section{Title: title + " realm " + r.Realm, Note: "no account with these e-mail addresses or user names"})
		}
		for _, a := range r.Accounts {
			out = append(out, s.accountPart(a, len(r.Accounts) > 1))
		}
	}
	return out
}

func (s *Identity) accountPart(a person.Account, several bool) widget.Section {
	out := widget.Section{Title: "Keycloak realm " + a.Realm, Note: "found by " + a.By}
	if several {
		out.Note += "; it is one of several"
	}
	key := s.ref("account "+a.Realm+" "+a.User.ID, identityAccountRef{a.Realm, a.User.ID})
	state, tone := accountState(a)
	add := func(label, value, note string, tone theme.Tone) {
		out.Fields = append(out.Fields, widget.Field{Label: label, Value: value, Note: note, Tone: tone, Key: key + " " + label})
		s.refs[key+" "+label] = s.refs[key]
	}
	add("account", state, a.User.Username, tone)
	if why := accountBlocks(a, s.host.Env().Now()); why != "" {
		add("login stops at", why, "", theme.Bad)
	}
	if note := s.emailDiffers(a.User); note != "" {
		add("e-mail", orWord(a.User.Email, "none"), note, theme.Plain)
	}
	add("roles", accountRoles(a, s.host.Env().Explain), inGroups(a.Groups), theme.Plain)
	add("id", a.User.ID, "", theme.Dim)
	return out
}

func (s *Identity) emailDiffers(u keycloak.User) string {
	for _, e := range s.names.Emails {
		if strings.EqualFold(e, u.Email) && !s.onlyFromKeycloak(e) {
			return ""
		}
	}
	return "differs from the identity's: is it the same person?"
}

// onlyFromKeycloak is an address that nobody but the account itself has.
func (s *Identity) onlyFromKeycloak(email string) bool {
	row := s.row
	if strings.EqualFold(row.Email, email) {
		return false
	}
	for _, a := range s.who.Addresses {
		if strings.EqualFold(a.Value, email) {
			return false
		}
	}
	return true
}

// requiredActions are Keycloak's own, in words.
var requiredActions = map[string]string{
	"UPDATE_PASSWORD": "set a new password", "VERIFY_EMAIL": "verify the e-mail address", "UPDATE_PROFILE": "complete the profile",
	"CONFIGURE_TOTP": "set up an authenticator app", "TERMS_AND_CONDITIONS": "accept the terms", "UPDATE_EMAIL": "change the e-mail address",
	"webauthn-register": "set up a security key", "webauthn-register-passwordless": "set up a passkey",
	"CONFIGURE_RECOVERY_AUTHN_CODES": "save backup codes", "delete_account": "delete the account",
}

func inGroups(paths []string) string {
	if len(paths) == 0 {
		return "in no group"
	}
	return "in " + strings.Join(paths, ", ")
}

func accountState(a person.Account) (string, theme.Tone) {
	switch {
	case a.User.PermanentlyLocked() || a.Lock.Locked && a.Lock.Permanent:
		return theme.MarkDenied + " locked for good", theme.Bad
	case !a.User.Enabled:
		return theme.MarkDenied + " disabled", theme.Bad
	case a.Lock.Locked:
		return theme.MarkDenied + " locked", theme.Bad
	default:
		return theme.MarkAllowed + " enabled", theme.Plain
	}
}

// accountBlocks is what keeps the account from signing in although it is enabled.
func accountBlocks(a person.Account, now time.Time) string {
	var why []string
	if a.Lock.Locked && !a.Lock.Permanent {
		why = append(why, fmt.Sprintf("too many wrong passwords (%d), until %s", a.Lock.Failures, ago(now, a.Lock.Until)))
	}
	for _, r := range a.User.RequiredActions {
		why = append(why, orWord(requiredActions[r], r))
	}
	if a.LockErr != nil {
		why = append(why, "? whether it is locked could not be read")
	}
	return strings.Join(why, ", ")
}

func accountRoles(a person.Account, explain func(error) tui.Failure) string {
	switch {
	case a.RolesErr != nil:
		return "? not visible: " + explain(a.RolesErr).Why
	case a.Roles.Cut.Any():
		return fmt.Sprintf("%d or more, %d direct; our account lacks %s", len(a.Roles.Roles), a.Direct(), a.Roles.Cut)
	default:
		return fmt.Sprintf("%s, %d direct", count(len(a.Roles.Roles), "role"), a.Direct())
	}
}
