package screens

import (
	"fmt"
	"slices"
	"time"

	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// What a field of the detail can stand for, beside kratos.Session, kratos.Address
// and tuple.Tuple themselves.
type (
	identityCredRef    struct{ kind, identifier string }
	identityAccountRef struct{ realm, user string }
)

// build makes the sections anew from what is known.
func (s *Identity) build() {
	s.built = s.reading()
	s.row, s.names = identityRow(s.who), s.person()
	s.holds = s.held()
	clear(s.refs)
	var all []widget.Section
	if s.who.ID != "" {
		all = append(all, s.traitsPart(), s.addressPart(), s.credentialPart())
	} else {
		all = append(all, s.unread("Identity", "Kratos", &s.whoJob))
	}
	all = append(all, s.sessionPart())
	all = append(all, s.messagePart()...)
	all = append(all, s.tuplePart())
	all = append(all, s.accountParts()...)
	if s.who.ID != "" {
		all = append(all, s.metadataParts()...)
		all = append(all, s.recordPart())
	}
	for i := range all {
		for k := range all[i].Fields {
			if f := &all[i].Fields[k]; f.Key == "" { // so that each field can be told from the others
				f.Key = fmt.Sprint(all[i].Title, "/", f.Label, "/", k)
			}
		}
	}
	s.parts = all
	s.detail.Set(all...)
	if !s.moved { // parts come in any order: until the person moves, the cursor waits at the top
		s.detail.Move(-s.position())
	}
}

// reading tells which parts are being read: when one is stopped nobody calls back.
func (s *Identity) reading() [7]bool {
	return [...]bool{s.whoJob.Busy(), s.sessionJob.Busy(), s.tupleJob.Busy(), s.moreJob.Busy(), s.accountJob.Busy(), s.setUpJob.Busy(), s.messageJob.Busy()}
}

// ref remembers what a field stands for and gives its key.
func (s *Identity) ref(key string, v any) string {
	s.refs[key] = v
	return key
}

// unread is a part that has nothing to show, with the reason and what to do.
func (s *Identity) unread(title, system string, job *tui.Job) widget.Section {
	out := widget.Section{Title: title}
	if job.Err() == nil {
		out.Note = "reading…"
		if !job.Busy() {
			out.Note = "not read; ^r reads it"
		}
		return out
	}
	f := s.host.Env().Explain(job.Err())
	if f.Kind == "canceled" {
		out.Note = "stopped; ^r reads it"
		return out
	}
	if f.Kind == "not_found" && job == &s.whoJob {
		out.Note = noIdentity
		return out
	}
	mark := theme.MarkDenied
	if f.Kind == "unreachable" || f.Kind == "timeout" {
		mark = theme.MarkDown
	}
	out.Fields = []widget.Field{{Label: mark + " " + system, Value: f.Why, Tone: theme.Bad}}
	if f.Hint != "" {
		out.Fields = append(out.Fields, widget.Field{Label: "what to do", Value: f.Hint})
	}
	return out
}

// staleNote says since when a part could not be read again; empty when it is fresh.
func (s *Identity) staleNote(job *tui.Job) string {
	if job.Err() == nil || job.Done().IsZero() {
		return ""
	}
	return theme.MarkStale + " as of " + ago(s.host.Env().Now(), job.Done()) + ": " + s.host.Env().Explain(job.Err()).Why
}

func (s *Identity) traitsPart() widget.Section {
	out := traitSection("Traits", s.who.Traits)
	if len(out.Fields) == 0 {
		out.Note = "none"
	}
	if note := s.staleNote(&s.whoJob); note != "" {
		out.Note = note
	}
	return out
}

func (s *Identity) addressPart() widget.Section {
	out := widget.Section{Title: "Addresses"}
	if len(s.who.Addresses) == 0 {
		out.Note = "none: the schema of this identity has nothing to verify"
	}
	for _, a := range s.who.Addresses {
		f := widget.Field{Label: a.Via, Value: theme.MarkDenied + " not verified  " + a.Value, Note: "v marks it as verified",
			Key: s.ref("address "+a.Via+" "+a.Value, a)}
		if a.Verified {
			f.Value, f.Note = theme.MarkAllowed+" verified  "+a.Value, "since "+day(a.VerifiedAt)
		} else if a.Status == "sent" {
			f.Note = "a code was sent; v marks it as verified"
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}

// credentialPart lists what the person may sign in with. Kratos keeps an entry for
// each method of the schema, also for one that was never set up.
func (s *Identity) credentialPart() widget.Section {
	out := widget.Section{Title: "Ways to sign in"}
	switch {
	case len(s.who.Credentials) == 0:
		out.Note = "none: this person cannot sign in"
	case s.setUp == nil:
		out.Note = "p asks which are really set up"
	}
	stale := s.who.StaleIdentifiers()
	for _, c := range sortedCredentials(s.who.Credentials) {
		known := s.setUpWords(c.Type)
		// Where no login name belongs to it, Kratos files it under the id of the identity.
		names := slices.DeleteFunc(slices.Clone(c.Identifiers), func(n string) bool { return n == s.id })
		if len(names) == 0 {
			names = []string{""}
		}
		for _, name := range names {
			f := widget.Field{Label: credentialName(c.Type), Value: name, Note: known,
				Key: s.ref("credential "+c.Type+" "+name, identityCredRef{c.Type, name})}
			if name == "" {
				f.Value = orWord(known, "no login name of its own")
				f.Note = ""
			}
			if slices.Contains(stale, name) {
				f.Note = "? left over: no trait has it any more, yet it still works"
			}
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

// setUpWords says whether a credential really works; empty where that is not known.
// Authenticator apps and backup codes have an entry only when they are set up.
func (s *Identity) setUpWords(kind string) string {
	on := kind == kratos.TOTP || kind == kratos.LookupSecret
	switch {
	case on:
	case s.setUp == nil:
		return ""
	case kind == kratos.Password:
		on = s.setUp.Password
	case kind == kratos.Passkey:
		on = s.setUp.Passkey
	case kind == kratos.WebAuthn:
		on = s.setUp.SecurityKey || s.setUp.PasswordlessKey
	default:
		return ""
	}
	if on {
		return theme.MarkAllowed + " set up"
	}
	return theme.MarkDenied + " not set up"
}

// credentialOrder is first factors before second ones, the usual before the rare.
var credentialOrder = []string{kratos.Password, kratos.Passkey, kratos.OIDC, kratos.SAML, kratos.Code, kratos.TOTP, kratos.WebAuthn, kratos.LookupSecret}

func sortedCredentials(list kratos.Credentials) kratos.Credentials {
	list = slices.Clone(list)
	place := func(c kratos.Credential) int {
		if i := slices.Index(credentialOrder, c.Type); i >= 0 {
			return i
		}
		return len(credentialOrder)
	}
	slices.SortStableFunc(list, func(a, b kratos.Credential) int { return place(a) - place(b) })
	return list
}

var credentialNames = map[string]string{
	"password": "password", "code": "one-time code", "totp": "authenticator app", "lookup_secret": "backup codes",
	"webauthn": "security key", "passkey": "passkey", "oidc": "social sign-in", "saml": "SAML",
}

// credentialName is the method in the words of a support person.
func credentialName(kind string) string {
	return orWord(credentialNames[kind], kind)
}

func orWord(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (s *Identity) metadataParts() []widget.Section {
	var out []widget.Section
	for _, m := range []struct {
		title string
		raw   []byte
	}{{"Public metadata", s.who.MetadataPublic}, {"Admin metadata", s.who.MetadataAdmin}} {
		if p := traitSection(m.title, m.raw); len(p.Fields) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// recordPart is what Kratos itself notes about the identity.
func (s *Identity) recordPart() widget.Section {
	now := s.host.Env().Now()
	out := widget.Section{Title: "Record", Fields: []widget.Field{
		{Label: "id", Value: s.who.ID}, {Label: "schema", Value: s.who.SchemaID},
		{Label: "state", Value: s.row.state(), Note: sinceWords(now, s.who.StateChangedAt)},
		{Label: "created", Value: day(s.who.Created), Note: ago(now, s.who.Created)},
	}}
	if s.who.ExternalID != "" {
		out.Fields = append(out.Fields, widget.Field{Label: "external id", Value: s.who.ExternalID})
	}
	return out
}

func sinceWords(now, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return "since " + day(t) + ", " + ago(now, t)
}
