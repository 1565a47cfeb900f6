package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// RealmKeycloak is what the screen of one realm needs of it.
type RealmKeycloak interface {
	Name() string
	Settings(ctx context.Context) (keycloak.RealmSettings, error)
	EventsConfig(ctx context.Context) (keycloak.EventsConfig, error)
	RequiredActions(ctx context.Context) ([]keycloak.RequiredAction, error)
	Composites(ctx context.Context, roleID string) (keycloak.Roleset, error)
	NewClientScopes(ctx context.Context) (keycloak.AttachedScopes, error)
	Rights(ctx context.Context) (keycloak.Rights, error)
}

// RealmSpec says which realm is shown, and where one goes from it. Realm is needed.
type RealmSpec struct {
	Realm RealmKeycloak
	// Places are the lists of the realm by their key, in the order of the footer.
	Places []RealmPlace
	// Role opens a role; nil where there is none.
	Role func(keycloak.Role) tui.Screen
}

// RealmPlace is one list of a realm.
type RealmPlace struct {
	Key, Name, Help string
	Open            func() tui.Screen
}

// Realm is one realm: whether it lets people in, what it asks of them, when it locks them,
// what it keeps, and what of that our account may not see.
type Realm struct {
	sheet
	spec     RealmSpec
	settings keycloak.RealmSettings
	events   keycloak.EventsConfig
	actions  []keycloak.RequiredAction
	defaults keycloak.Roleset
	scopes   keycloak.AttachedScopes
	rights   keycloak.Rights
}

// NewRealm makes the screen.
func NewRealm(spec RealmSpec) *Realm {
	s := &Realm{spec: spec}
	r := spec.Realm
	s.parts = []*sheetPart{
		{name: "Realm", read: keeping(&s.settings, r.Settings), show: s.settingParts},
		{name: "Roles that every new user gets", read: keeping(&s.defaults, func(ctx context.Context) (keycloak.Roleset, error) {
			set, err := r.Settings(ctx)
			if err != nil || set.DefaultRole.ID == "" {
				return keycloak.Roleset{Cut: set.Cut}, err
			}
			return r.Composites(ctx, set.DefaultRole.ID)
		}), show: func() []widget.Section {
			return []widget.Section{rolePart(&s.sheet, "Roles that every new user gets", "default", "none", s.defaults.Roles, s.defaults.Cut)}
		}},
		{name: "Required actions", read: keeping(&s.actions, r.RequiredActions), show: s.actionParts},
		{name: "Events", read: keeping(&s.events, r.EventsConfig), show: s.eventParts},
		{name: "Client scopes of new clients", read: keeping(&s.scopes, r.NewClientScopes), show: func() []widget.Section {
			return []widget.Section{{Title: "Client scopes of new clients", Fields: []widget.Field{{Label: "always", Value: scopeNames(s.scopes.Default)}, {Label: "when named", Value: scopeNames(s.scopes.Optional)}}}}
		}},
		{name: "What our account may see", read: keeping(&s.rights, r.Rights), show: s.rightParts},
	}
	return s
}

func scopeNames(scopes []keycloak.ClientScope) string {
	var out []string
	for _, c := range scopes {
		out = append(out, c.Name)
	}
	slices.Sort(out)
	return orWord(strings.Join(out, ", "), none)
}

// Title is the crumb.
func (s *Realm) Title() string { return "realm " + s.spec.Realm.Name() }

// triField is a setting that is on, off, or not told to us.
func triField(label string, t keycloak.Tri, yes, no string) widget.Field {
	return widget.Field{Label: label, Value: triWord(t, yes, no)}
}

func (s *Realm) settingParts() []widget.Section {
	x := s.settings
	text := func(label, v, empty string) widget.Field {
		if v == "" && x.Cut.Any() {
			return widget.Field{Label: label, Value: theme.MarkUnknown + " not visible"}
		}
		return widget.Field{Label: label, Value: orWord(v, empty)}
	}
	about := widget.Section{Title: "Realm", Fields: []widget.Field{
		{Label: "name", Value: x.Name}, text("called", x.DisplayName, none), triField("state", x.Enabled, theme.MarkAllowed+" enabled", theme.MarkDenied+" disabled: nobody logs in"),
		text("https", sslWords(x.SSLRequired), none), text("id", x.ID, none),
	}}
	if !x.NotBefore.IsZero() {
		about.Fields = append(about.Fields, widget.Field{Label: "not before", Value: x.NotBefore.Local().Format("2 Jan 2006 15:04"), Note: "older tokens are refused"})
	}
	if x.Cut.Any() {
		about.Note = "our account sees little of it: it lacks " + x.Cut.String()
	}
	login := widget.Section{Title: "Login", Fields: []widget.Field{
		text("browser flow", x.BrowserFlow, none), text("direct grant flow", x.DirectGrantFlow, none),
		triField("by e-mail", x.LoginWithEmailAllowed, "yes", "no: only by user name"), triField("same e-mail twice", x.DuplicateEmails, "allowed", "no"),
		triField("e-mail is user name", x.EmailAsUsername, "yes", "no"), triField("registration", x.RegistrationAllowed, "open to everybody", "no"),
		triField("e-mail must be verified", x.VerifyEmail, "yes", "no"), triField("forgot password", x.ResetPasswordAllowed, "offered", "not offered"),
		triField("mail server", x.HasSMTP, "set up", "none: no mail can be sent"), text("password policy", x.PasswordPolicy, "none: any password will do"),
	}}
	life := widget.Section{Title: "How long", Fields: []widget.Field{
		text("access token", lasting(x.AccessTokenLife), none), text("session, when idle", lasting(x.SSOSessionIdle), none), text("session at most", lasting(x.SSOSessionMaxLife), none)}}
	return []widget.Section{about, login, s.bruteForcePart(), life}
}

// sslWords says what sslRequired means.
func sslWords(v string) string {
	switch v {
	case "all":
		return "required of everybody (all)"
	case "external":
		return "required but from private addresses (external)"
	case "none":
		return theme.MarkDenied + " not required (none)"
	}
	return v
}

// lasting is a span of time as people say it; empty for none.
func lasting(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d%(24*time.Hour) == 0:
		return count(int(d/(24*time.Hour)), "day")
	case d%time.Hour == 0:
		return count(int(d/time.Hour), "hour")
	case d%time.Minute == 0:
		return count(int(d/time.Minute), "minute")
	}
	return count(int(d/time.Second), "second")
}

func (s *Realm) bruteForcePart() widget.Section {
	b := s.settings.BruteForce
	out := widget.Section{Title: "Failed logins", Fields: []widget.Field{triField("protection", b.Enabled, theme.MarkAllowed+" on", theme.MarkDenied+" off: passwords can be guessed without end")}}
	if b.Enabled != keycloak.Yes {
		return out
	}
	f := func(label, v string) {
		if v != "" {
			out.Fields = append(out.Fields, widget.Field{Label: label, Value: v})
		}
	}
	f("locks after", count(b.FailureFactor, "failure"))
	f("for", lasting(b.WaitIncrement)+", growing up to "+orWord(lasting(b.MaxWait), "any time"))
	switch {
	case b.Permanent == keycloak.Yes && b.MaxTemporaryLocks > 0:
		f("for good", "after "+count(b.MaxTemporaryLocks, "lock")+" for a time")
	case b.Permanent == keycloak.Yes:
		f("for good", "at once")
	case b.Permanent == keycloak.No:
		f("for good", "never")
	}
	f("too fast", "two failures within "+fmt.Sprint(b.QuickLoginCheck)+" lock for "+lasting(b.MinQuickLoginWait))
	f("forgotten after", lasting(b.FailureReset))
	return out
}

func (s *Realm) actionParts() []widget.Section {
	out := widget.Section{Title: "Required actions"}
	for _, a := range s.actions {
		f := widget.Field{Label: a.Alias, Value: onOff(a.Enabled), Note: a.Name}
		if a.Default {
			f.Note += " · asked of every new user"
		}
		out.Fields = append(out.Fields, f)
	}
	return []widget.Section{out}
}

func (s *Realm) eventParts() []widget.Section {
	e := s.events
	return []widget.Section{{Title: "Events", Fields: []widget.Field{
		{Label: "logins", Value: either(e.Enabled, theme.MarkAllowed+" kept", theme.MarkDenied+" not kept: nobody can say afterwards why a login failed")},
		{Label: "for", Value: orWord(lasting(e.Expiration), "ever")},
		{Label: "kinds", Value: either(len(e.Types) == 0, "all", fmt.Sprintf("%d kinds", len(e.Types)))},
		{Label: "changes by admins", Value: either(e.AdminEnabled, theme.MarkAllowed+" kept", theme.MarkDenied+" not kept")},
		{Label: "with details", Value: yesNo(e.AdminDetails)},
		{Label: "told to", Value: orWord(strings.Join(e.Listeners, ", "), none)},
	}}}
}

func (s *Realm) rightParts() []widget.Section {
	missing := s.rights.Missing("view-users", "view-realm", "view-clients")
	value := "users, clients, roles and settings of this realm"
	if missing.Any() {
		value = theme.MarkUnknown + " not all: it lacks " + missing.String() + " of realm-management"
	}
	return []widget.Section{{Title: "What our account may see", Fields: []widget.Field{{Label: "rights", Value: value}}}}
}

// Actions are the lists of the realm, and what every sheet has.
func (s *Realm) Actions() []tui.Action {
	var acts []tui.Action
	if s.spec.Role != nil {
		acts = append(acts, tui.Action{Name: "open", Keys: []string{"enter"}, Why: func() string {
			if _, ok := s.selected().(keycloak.Role); !ok {
				return "there is nothing to open here: a role can be"
			}
			return ""
		}, Help: "Open the role under the cursor.", Run: tui.Do(func() { s.host.Push(s.spec.Role(s.selected().(keycloak.Role))) })})
	}
	for i, p := range s.spec.Places {
		acts = append(acts, tui.Action{Name: p.Name, Keys: []string{p.Key}, Footer: i + 1, Help: p.Help, Run: tui.Do(func() { s.host.Push(p.Open()) })})
	}
	return append(acts, s.keys()...)
}
