package screens

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// userActionRef is a required action under the cursor.
type userActionRef string

// build makes the sections anew from what is known.
func (s *User) build() {
	s.built = s.reading()
	clear(s.refs)
	all := []widget.Section{s.accountPart(), s.attributePart(), s.credentialPart(), s.groupPart(), s.rolePart(), s.sessionPart(), s.consentPart(), s.linkPart(), s.eventPart()}
	for i := range all {
		for k := range all[i].Fields {
			if f := &all[i].Fields[k]; f.Key == "" {
				f.Key = fmt.Sprint(all[i].Title, "/", f.Label, "/", k)
			}
		}
	}
	s.parts = all
	s.detail.Set(all...)
	if !s.moved { // parts come in any order: until the person moves, the cursor waits at the top
		s.detail.Move(-1 << 20)
	}
	s.tick()
}

func (s *User) ref(key string, v any) string {
	s.refs[key] = v
	return key
}

// selected is what the field under the cursor stands for; nil for a plain value.
func (s *User) selected() any {
	f, _ := s.detail.Current()
	return s.refs[f.Key]
}

// unreadNote says of a part that was never read why; right is what it needs.
func (s *User) unreadNote(job *tui.Job, right string) string {
	err := job.Err()
	switch {
	case job.Busy():
		return "reading…"
	case err == nil || clients.Is(err, clients.Canceled):
		return "not read; ^r reads it"
	case clients.Is(err, clients.Denied):
		return theme.MarkUnknown + " not visible: needs " + right
	}
	f := s.host.Env().Explain(err)
	return theme.MarkDenied + " not read: " + strings.TrimSuffix(f.Why+"; "+f.Hint, "; ")
}

// part is a section that is filled once its job has an answer.
func (s *User) part(title string, job *tui.Job, right string, fill func(*widget.Section)) widget.Section {
	out := widget.Section{Title: title}
	if job.Done().IsZero() {
		out.Note = s.unreadNote(job, right)
		return out
	}
	fill(&out)
	if err := job.Err(); err != nil && !clients.Is(err, clients.Canceled) {
		out.Note = theme.MarkStale + " as of " + ago(s.host.Env().Now(), job.Done()) + ": " + s.host.Env().Explain(err).Why
	}
	return out
}

func (s *User) accountPart() widget.Section {
	return s.part("User of "+s.spec.Realm.Name(), &s.user.job, "view-users", func(out *widget.Section) {
		u, now := s.user.v, s.host.Env().Now()
		add := func(label, value, note string, tone theme.Tone) {
			out.Fields = append(out.Fields, widget.Field{Label: label, Value: value, Note: note, Tone: tone})
		}
		if s.gone {
			out.Note = "deleted; this is what it was"
		}
		add("user name", u.Username, "", theme.Strong)
		if u.Name() != "" {
			add("name", u.Name(), "", theme.Plain)
		}
		state, note, tone := accountWords(u)
		add("account", state, note, tone)
		s.lockField(out)
		for _, a := range slices.Sorted(slices.Values(u.RequiredActions)) {
			out.Fields = append(out.Fields, widget.Field{Label: "must", Value: orWord(requiredActions[a], a), Note: a + "; x takes it away", Tone: theme.Bad, Key: s.ref("action "+a, userActionRef(a))})
		}
		s.emailField(out, u)
		add("created", day(u.Created), ago(now, u.Created), theme.Plain)
		if !u.NotBefore.IsZero() {
			add("logged out", u.NotBefore.Local().Format("2 Jan 2006 15:04:05"), "tokens from before are refused", theme.Plain)
		}
		if u.FederationLink != "" {
			add("from", "user storage "+u.FederationLink, "", theme.Plain)
		}
		add("id", u.ID, "", theme.Dim)
	})
}

// accountWords says whether the account may log in, apart from a temporary lock.
func accountWords(u keycloak.User) (text, note string, tone theme.Tone) {
	switch {
	case u.PermanentlyLocked():
		return theme.MarkDenied + " switched off by the brute-force protection", "U enables it again", theme.Bad
	case !u.Enabled && u.FederationLink != "":
		return theme.MarkUnknown + " shown as disabled", "it comes from a user storage: perhaps that is off or does not answer", theme.Bad
	case !u.Enabled:
		return theme.MarkDenied + " disabled by an administrator", "a enables it", theme.Bad
	}
	return theme.MarkAllowed + " enabled", "", theme.Good
}

func (s *User) lockField(out *widget.Section) {
	f := widget.Field{Label: "lock", Tone: theme.Dim, Key: "lock"}
	if s.lock.job.Done().IsZero() {
		f.Value = s.unreadNote(&s.lock.job, "view-users")
	} else {
		b := keycloak.BruteForceSettings{}
		if !s.settings.job.Done().IsZero() {
			b = s.settings.v.BruteForce
		}
		f.Value, f.Note, f.Tone = lockWords(s.lock.v, b, s.host.Env().Now())
		if b.Enabled.Known() && b.FailureFactor < 1 || s.settings.v.Cut.Any() {
			f.Note = joinWords(f.Note, "(how many failures lock is not visible: needs view-realm)")
		}
		if l := s.lock.v; !l.LastFailure.IsZero() {
			f.Value += ", the last " + ago(s.host.Env().Now(), l.LastFailure)
			if l.LastIP != "" {
				f.Value += " from " + l.LastIP
			}
		}
	}
	out.Fields = append(out.Fields, f)
}

func (s *User) emailField(out *widget.Section, u keycloak.User) {
	switch {
	case u.Email == "":
		out.Fields = append(out.Fields, widget.Field{Label: "e-mail", Value: none, Tone: theme.Dim})
	case u.EmailVerified:
		out.Fields = append(out.Fields, widget.Field{Label: "e-mail", Value: u.Email, Note: theme.MarkAllowed + " verified"})
	default:
		out.Fields = append(out.Fields, widget.Field{Label: "e-mail", Value: u.Email, Note: theme.MarkDenied + " not verified; v says that it is"})
	}
}

func (s *User) attributePart() widget.Section {
	return s.part("Attributes", &s.user.job, "view-users", func(out *widget.Section) {
		for _, name := range slices.Sorted(maps.Keys(s.user.v.Attributes)) {
			out.Fields = append(out.Fields, widget.Field{Label: name, Value: strings.Join(s.user.v.Attributes[name], " · ")})
		}
		if len(out.Fields) == 0 {
			out.Note = "none"
		}
	})
}

// userCredentials are Keycloak's credential types in words.
var userCredentials = map[string]string{"password": "password", "otp": "authenticator app", "webauthn": "security key",
	"webauthn-passwordless": "passkey", "recovery-authn-codes": "backup codes", "kerberos": "Kerberos"}

func (s *User) credentialPart() widget.Section {
	return s.part("Credentials", &s.creds.job, "view-users", func(out *widget.Section) {
		now := s.host.Env().Now()
		for _, c := range s.creds.v {
			f := widget.Field{Label: orWord(userCredentials[c.Type], c.Type), Value: "set " + day(c.Created), Note: ago(now, c.Created), Key: s.ref("credential "+c.ID, c)}
			if c.Created.IsZero() {
				f.Value, f.Note = "set up", ""
			}
			if c.Label != "" {
				f.Value = c.Label + ", " + f.Value
			}
			if c.FederationLink != "" {
				f.Note = "held by user storage " + c.FederationLink
			}
			out.Fields = append(out.Fields, f)
		}
		if len(s.creds.v) == 0 {
			out.Note = "none: this user cannot log in with a password; N sets one"
			if len(s.links.v) > 0 {
				out.Note = "none here: the user logs in with an identity provider"
			}
		}
	})
}

func (s *User) groupPart() widget.Section {
	return s.part("Groups", &s.groups.job, "view-users", func(out *widget.Section) {
		for _, g := range s.groups.v {
			out.Fields = append(out.Fields, widget.Field{Label: "member of", Value: g.Path, Key: s.ref("group "+g.ID, g)})
		}
		if len(s.groups.v) == 0 {
			out.Note = "in none; M joins one"
		}
	})
}

func (s *User) rolePart() widget.Section {
	return s.part("Roles", &s.roles.job, "view-users", func(out *widget.Section) {
		m := s.roles.v
		name := func(list []keycloak.Role) string {
			var names []string
			for _, r := range list {
				names = append(names, r.Name)
			}
			slices.Sort(names)
			return strings.Join(names, ", ")
		}
		if len(m.Realm) > 0 {
			out.Fields = append(out.Fields, widget.Field{Label: "of the realm", Value: name(m.Realm)})
		}
		for _, c := range slices.Sorted(maps.Keys(m.Clients)) {
			out.Fields = append(out.Fields, widget.Field{Label: "of " + c, Value: name(m.Clients[c])})
		}
		out.Note = "mapped directly; o shows all of them and where each comes from"
		if m.Cut.Any() {
			out.Note = theme.MarkUnknown + " not all are visible: needs " + m.Cut.String()
		} else if len(out.Fields) == 0 {
			out.Note = "none mapped directly, not even the default roles of the realm; o shows what groups bring"
		}
	})
}

func (s *User) sessionPart() widget.Section {
	return s.part("Sessions", &s.sessions.job, "view-users", func(out *widget.Section) {
		now := s.host.Env().Now()
		for _, v := range s.sessions.v.list {
			names := slices.Sorted(maps.Values(v.Clients))
			f := widget.Field{Label: "since " + ago(now, v.Start), Value: joinWords(orWord(strings.Join(names, ", "), "no client"), "from", v.IP),
				Note: "last used " + ago(now, v.LastAccess), Key: s.ref("session "+v.ID, v)}
			if v.Offline {
				f.Note = "offline: it outlives a logout; " + f.Note
			}
			if v.RememberMe {
				f.Note += ", remembered"
			}
			out.Fields = append(out.Fields, f)
		}
		if len(s.sessions.v.list) == 0 {
			out.Note = "none: nobody is logged in as this user"
		}
		if err := s.sessions.v.offlineErr; err != nil {
			out.Note = theme.MarkUnknown + " offline sessions are not visible: " + s.host.Env().Explain(err).Why
			if clients.Is(err, clients.Denied) {
				out.Note = theme.MarkUnknown + " offline sessions are not visible: needs view-clients"
			}
		}
	})
}

func (s *User) consentPart() widget.Section {
	return s.part("Consents", &s.consents.job, "view-users", func(out *widget.Section) {
		now := s.host.Env().Now()
		for _, c := range s.consents.v {
			f := widget.Field{Label: c.ClientID, Value: orWord(strings.Join(c.Scopes, ", "), "no scope"), Note: "given " + ago(now, c.Created), Key: s.ref("consent "+c.ClientID, c)}
			if c.OfflineToken {
				f.Note = joinWords("with offline tokens", f.Note)
			}
			if c.Created.IsZero() {
				f.Note = strings.TrimSpace(strings.TrimSuffix(f.Note, "given never"))
			}
			out.Fields = append(out.Fields, f)
		}
		if len(s.consents.v) == 0 {
			out.Note = "none"
		}
	})
}

func (s *User) linkPart() widget.Section {
	return s.part("Identity providers", &s.links.job, "view-users", func(out *widget.Section) {
		for _, l := range s.links.v {
			out.Fields = append(out.Fields, widget.Field{Label: l.Provider, Value: orWord(l.Username, l.UserID), Note: l.UserID, Key: s.ref("link "+l.Provider, l)})
		}
		if len(s.links.v) == 0 {
			out.Note = "not linked to any"
		}
	})
}

// eventPart shows the newest events, and says when the realm keeps none.
func (s *User) eventPart() widget.Section {
	return s.part("Events", &s.events.job, "view-events", func(out *widget.Section) {
		out.Note = "the newest; E shows all"
		if len(s.events.v) == 0 {
			out.Note = "none are stored"
		}
		if !s.config.job.Done().IsZero() {
			if off := eventsOff(s.config.v); off != "" {
				out.Note = theme.MarkUnknown + " " + off + "; E offers the switch"
			}
		}
		for _, e := range s.events.v {
			out.Fields = append(out.Fields, widget.Field{Label: ago(s.host.Env().Now(), e.Time()), Value: eventWords(e), Note: eventFrom(e),
				Tone: toneIf(eventFailed(e), theme.Bad), Key: s.ref(fmt.Sprint("event ", eventID(e)), e)})
		}
	})
}
