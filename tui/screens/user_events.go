package screens

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// eventTypes are the more frequent login events in words.
var eventTypes = map[string]string{
	"LOGIN": "logged in", "LOGIN_ERROR": "login failed", "LOGOUT": "logged out", "LOGOUT_ERROR": "logout failed",
	"CODE_TO_TOKEN": "tokens issued", "CODE_TO_TOKEN_ERROR": "tokens refused", "REFRESH_TOKEN": "tokens renewed", "REFRESH_TOKEN_ERROR": "renewal refused",
	"CLIENT_LOGIN": "client logged in", "CLIENT_LOGIN_ERROR": "client refused", "UPDATE_PASSWORD": "chose a new password", "UPDATE_PROFILE": "changed the profile",
	"UPDATE_EMAIL": "changed the e-mail", "VERIFY_EMAIL": "verified the e-mail", "SEND_VERIFY_EMAIL": "mail sent to verify the e-mail",
	"SEND_VERIFY_EMAIL_ERROR": "the mail to verify the e-mail failed", "SEND_RESET_PASSWORD": "mail sent to reset the password", "RESET_PASSWORD": "reset the password",
	"RESET_PASSWORD_ERROR": "password reset failed", "REGISTER": "registered", "REGISTER_ERROR": "registration failed", "GRANT_CONSENT": "gave consent",
	"REVOKE_GRANT": "took consent back", "UPDATE_TOTP": "set up an authenticator app", "REMOVE_TOTP": "removed the authenticator app",
	"USER_DISABLED_BY_TEMPORARY_LOCKOUT": "locked for a while", "USER_DISABLED_BY_PERMANENT_LOCKOUT": "locked for good",
	"VERIFY_PROFILE": "was asked to complete the profile", "FEDERATED_IDENTITY_LINK": "linked an identity provider", "REMOVE_FEDERATED_IDENTITY": "unlinked an identity provider",
	"UPDATE_CREDENTIAL": "changed a credential", "REMOVE_CREDENTIAL": "removed a credential", "TOKEN_EXCHANGE": "exchanged a token", "DELETE_ACCOUNT": "deleted the own account",
	"IDENTITY_PROVIDER_LOGIN": "logged in with an identity provider", "IDENTITY_PROVIDER_LOGIN_ERROR": "login with an identity provider failed",
}

// eventErrors are the more frequent reasons in words.
var eventErrors = map[string]string{
	"invalid_user_credentials": "wrong password or code", "user_not_found": "no user of this name", "user_disabled": "the account is disabled",
	"user_temporarily_disabled": "the account is locked for a while", "resolve_required_actions": "something has to be done at the login page first",
	"invalid_redirect_uri": "the redirect URI is not registered", "client_not_found": "no such client", "client_disabled": "the client is disabled",
	"invalid_client_credentials": "the client's secret is wrong", "not_allowed": "the client may not log in that way", "expired_code": "the page was open for too long",
	"cookie_not_found": "the browser sent no cookie", "access_denied": "a rule of the login flow denies it", "rejected_by_user": "the user did not consent",
	"consent_denied": "consent is missing", "invalid_code": "the code is used up or not of this client", "email_send_failed": "the mail could not be sent",
	"session_expired": "the session is over", "invalid_token": "the token is not good",
}

// adminEvents are what administrators do to a user, in words, by operation and resource.
var adminEvents = map[string]string{
	"CREATE USER": "account made", "UPDATE USER": "account changed", "DELETE USER": "account deleted",
	"CREATE GROUP_MEMBERSHIP": "joined a group", "DELETE GROUP_MEMBERSHIP": "left a group",
	"CREATE REALM_ROLE_MAPPING": "realm role granted", "DELETE REALM_ROLE_MAPPING": "realm role revoked",
	"CREATE CLIENT_ROLE_MAPPING": "client role granted", "DELETE CLIENT_ROLE_MAPPING": "client role revoked",
	"DELETE USER_LOGIN_FAILURE": "unlocked", "DELETE USER_SESSION": "session ended",
	"CREATE USER_FEDERATED_IDENTITY": "identity provider linked", "DELETE USER_FEDERATED_IDENTITY": "identity provider unlinked",
	"ACTION USER reset-password": "password reset", "ACTION USER logout": "logged out everywhere", "DELETE USER consents": "consent revoked",
	"ACTION USER consents": "consent revoked", "ACTION USER credentials": "credential removed", "DELETE USER credentials": "credential removed",
	"ACTION USER impersonation": "impersonated", "ACTION USER execute-actions-email": "mail sent with actions", "ACTION USER send-verify-email": "mail sent to verify the e-mail",
}

func lowerWords(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", " ")) }

// eventWords says what happened.
func eventWords(e keycloak.UserEvent) string {
	if a := e.Admin; a != nil {
		words := adminEvents[a.Operation+" "+a.ResourceType]
		for _, part := range strings.Split(a.ResourcePath, "/") {
			if w := adminEvents[a.Operation+" "+a.ResourceType+" "+part]; w != "" {
				words = w
			}
		}
		words = orWord(words, lowerWords(a.Operation+" "+a.ResourceType))
		if what := adminNames(a.Representation); what != "" {
			words += ": " + what
		}
		if a.Error != "" {
			words += " failed: " + lowerWords(a.Error)
		}
		return "by an administrator: " + words
	}
	l := e.Login
	if l == nil {
		return ""
	}
	words := orWord(eventTypes[l.Type], lowerWords(l.Type))
	if l.Error != "" {
		words += ": " + orWord(eventErrors[l.Error], lowerWords(l.Error))
	}
	return words
}

// adminNames are the names of the roles or of the group in what was written. The rest of
// it stays unseen: it may hold what nobody should read in passing.
func adminNames(raw json.RawMessage) string {
	type named struct {
		Name string `json:"name"`
		Path string `json:"path"`
	}
	var list []named
	if json.Unmarshal(raw, &list) != nil {
		var one named
		if json.Unmarshal(raw, &one) != nil {
			return ""
		}
		list = []named{one}
	}
	var out []string
	for _, n := range list {
		if name := orWord(n.Path, n.Name); name != "" {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

// eventFrom says where it came from, and how it was found when no user id says so.
func eventFrom(e keycloak.UserEvent) string {
	var parts []string
	if l := e.Login; l != nil {
		parts = append(parts, joinWords(l.ClientID, orWord(l.IP, "")))
		switch e.Found {
		case keycloak.FoundByName:
			parts = append(parts, fmt.Sprintf("found by the name %q", strings.TrimSpace(orWord(l.Details["username"], l.Details["email"]))))
		case keycloak.FoundByClient:
			parts = append(parts, "perhaps somebody else: no name was given")
		}
	}
	if a := e.Admin; a != nil {
		parts = append(parts, a.AuthIP)
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " · ")
}

func eventFailed(e keycloak.UserEvent) bool {
	if e.Admin != nil {
		return e.Admin.Error != ""
	}
	return e.Login != nil && (e.Login.Error != "" || strings.HasPrefix(e.Login.Type, "USER_DISABLED_BY"))
}

// eventID tells events apart; older servers give them no id.
func eventID(e keycloak.UserEvent) string {
	if a := e.Admin; a != nil {
		return "admin " + orWord(a.ID, fmt.Sprint(a.Time.UnixNano(), a.Operation, a.ResourcePath))
	}
	if l := e.Login; l != nil {
		return "login " + orWord(l.ID, fmt.Sprint(l.Time.UnixNano(), l.Type, l.Error, l.ClientID, l.IP))
	}
	return ""
}

// eventsOff says which events the realm does not keep; empty when it keeps all that
// matter here.
func eventsOff(c keycloak.EventsConfig) string {
	switch {
	case !c.Enabled && !c.AdminEnabled:
		return "this realm keeps no events, neither of logins nor of administrators"
	case !c.Enabled:
		return "this realm keeps no events of logins"
	case !c.AdminEnabled:
		return "this realm keeps no events of administrators"
	case len(c.Types) > 0 && !slices.Contains(c.Types, "LOGIN_ERROR"):
		return "this realm does not keep failed logins"
	}
	return ""
}

// userEvents is the list of what happened to a user.
type userEvents struct {
	realm UserEventReader
	user  keycloak.User
	write tui.Job

	mu     sync.Mutex
	client string // whose nameless failures are listed too
	config keycloak.EventsConfig
	known  bool
}

// NewUserEvents lists what happened to a user, the newest first. write says that the
// switch may be offered when the realm keeps none.
func NewUserEvents(realm UserEventReader, u keycloak.User, write bool) *tui.List[keycloak.UserEvent] {
	s := &userEvents{realm: realm, user: u}
	text := func(title string, width, flex, drop int, cell func(keycloak.UserEvent) string) tui.Column[keycloak.UserEvent] {
		return tui.Column[keycloak.UserEvent]{Title: title, Width: width, Flex: flex, Drop: drop, Cell: cell}
	}
	what := text("WHAT", 34, 2, 0, eventWords)
	what.Tone = func(e keycloak.UserEvent) theme.Tone { return toneIf(eventFailed(e), theme.Bad) }
	at := text("TIME", 20, 0, 0, func(e keycloak.UserEvent) string { return e.Time().Local().Format("2 Jan 2006 15:04:05") })
	at.Less = func(a, b keycloak.UserEvent) int { return a.Time().Compare(b.Time()) }
	return tui.NewList(tui.Spec[keycloak.UserEvent]{
		Title:   "events of " + u.Username,
		ID:      eventID,
		Columns: []tui.Column[keycloak.UserEvent]{at, what, text("FROM", 26, 1, 1, eventFrom)},
		Stream:  s.read,
		Note:    s.note,
		Detail:  eventSections,
		Open:    func(e keycloak.UserEvent) tui.Screen { return tui.NewFields("event", eventSections(e)...) },
		Text:    func(e keycloak.UserEvent) string { return eventCode(e) },
		Value:   func(e keycloak.UserEvent) any { return e },
		Actions: func(l *tui.List[keycloak.UserEvent]) []tui.Action { return s.actions(l, write) },
		Empty:   "Nothing is stored about " + u.Username + ". An event is only kept while the realm keeps events: O tells, and switches them on.",
	})
}

// eventCode are the server's own words.
func eventCode(e keycloak.UserEvent) string {
	if e.Admin != nil {
		return e.Admin.Operation + " " + e.Admin.ResourceType
	}
	if e.Login != nil {
		return e.Login.Type + " " + e.Login.Error
	}
	return ""
}

// read finds the events, and learns meanwhile what the realm keeps.
func (s *userEvents) read(ctx context.Context, emit func(tui.Page[keycloak.UserEvent]) error) error {
	if c, err := s.realm.EventsConfig(ctx); err == nil {
		s.mu.Lock()
		s.config, s.known = c, true
		s.mu.Unlock()
	}
	page := tui.Page[keycloak.UserEvent]{Total: -1}
	s.mu.Lock()
	client := s.client
	s.mu.Unlock()
	for e, err := range s.realm.UserEvents(ctx, keycloak.UserEventQuery{User: s.user, Client: client}) {
		if err != nil {
			return err
		}
		if page.Items = append(page.Items, e); len(page.Items) < 20 {
			continue
		}
		if err := emit(page); err != nil {
			return err
		}
		page.Items = nil
	}
	return emit(page)
}

func (s *userEvents) kept() (keycloak.EventsConfig, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config, s.known
}

func (s *userEvents) note() string {
	c, known := s.kept()
	if !known {
		return ""
	}
	if eventsOff(c) != "" {
		return theme.MarkUnknown + " not all is kept: O switches it on"
	}
	if c.Expiration > 0 {
		return "kept for " + lasts(c.Expiration)
	}
	return "kept for ever"
}

func (s *userEvents) actions(l *tui.List[keycloak.UserEvent], write bool) []tui.Action {
	acts := []tui.Action{{Name: "at a client", Keys: []string{"c"}, Footer: 3, Run: tui.Do(func() { s.askClient(l) }),
		Help: "List also the failures at a client that hold no name, such as a wrong redirect URI; they may be somebody else's."}}
	if !write {
		return acts
	}
	return append(acts, tui.Action{Name: "events switch", Keys: []string{"O"}, Group: "Realm", Footer: 2, Mutates: true, Why: s.whyNoSwitch, Run: tui.Do(func() { s.askSwitch(l) }),
		Help: "Let the realm keep what happens from now on. It concerns everybody in the realm."})
}

func (s *userEvents) askClient(l *tui.List[keycloak.UserEvent]) {
	l.Push(tui.NewForm(tui.FormSpec{Title: "events at a client", Asks: true, Lead: "List also the nameless failures at which client? Empty lists none.", What: "list the events",
		Fields: []tui.FormField{{Name: "client", Label: "Client", Value: s.client, Help: "the clientId that the application uses"}},
		Submit: func(context.Context, map[string]string) error { return nil },
		Done: func(v map[string]string) {
			s.mu.Lock()
			s.client = strings.TrimSpace(v["client"])
			s.mu.Unlock()
			l.Restart()
		}}))
}

func (s *userEvents) whyNoSwitch() string {
	c, known := s.kept()
	switch {
	case !known:
		return "what the realm keeps is not visible: needs view-events"
	case c.Enabled && c.AdminEnabled:
		return "the realm keeps the events of logins and of administrators already"
	}
	return ""
}

// askSwitch switches on what is off. What is on stays as it is.
func (s *userEvents) askSwitch(l *tui.List[keycloak.UserEvent]) {
	c, _ := s.kept()
	on := true
	var p, back keycloak.EventsPatch
	var lines, undo []string
	if !c.Enabled {
		p.Enabled, back.Enabled = &on, new(bool)
		lines, undo = append(lines, "+ events of logins: kept from now on"), append(undo, "- events of logins: not kept any more; those that are there stay")
	}
	if !c.AdminEnabled {
		p.AdminEnabled, back.AdminEnabled = &on, new(bool)
		lines, undo = append(lines, "+ events of administrators: kept from now on, without what they wrote"), append(undo, "- events of administrators: not kept any more")
	}
	lines = append(lines, "This is a setting of the whole realm: it concerns everybody in it.", "What happened before now was not kept and cannot be had.")
	if c.Expiration > 0 {
		lines = append(lines, "Events are deleted after "+lasts(c.Expiration)+".")
	} else {
		lines = append(lines, "Events are never deleted: the realm sets no time for them, and its database grows.")
	}
	const what = "switch the events on"
	l.Confirm(tui.Question{Title: "Keep events from now on?", Lines: lines, Verb: "switch on", Yes: func() {
		realm := s.realm
		tui.Write(l, &s.write, what, 0, func(ctx context.Context) (clients.Change[keycloak.EventsConfig], error) {
			return realm.UpdateEventsConfig(ctx, p)
		},
			func(ch clients.Change[keycloak.EventsConfig], err error) {
				if err != nil {
					l.Fail(err)
					return
				}
				l.Undo(tui.Undo{What: what, Lines: undo, Then: l.Reload, Run: func(ctx context.Context) error {
					now, err := realm.EventsConfig(ctx)
					if err == nil && (now.Enabled != ch.After.Enabled || now.AdminEnabled != ch.After.AdminEnabled) {
						err = &clients.Problem{Kind: clients.Conflict, Op: "undo: " + what, Reason: "somebody changed this setting since", Hint: "look at it again and decide anew"}
					}
					if err == nil {
						_, err = realm.UpdateEventsConfig(ctx, back)
					}
					return err
				}})
				l.Toast("the realm keeps events from now on · u undoes it")
				l.Reload()
			})
	}})
}

// eventSections are all that is known of one event.
func eventSections(e keycloak.UserEvent) []widget.Section {
	about := widget.Section{Title: eventWords(e)}
	add := func(label, value string) {
		if value != "" {
			about.Fields = append(about.Fields, widget.Field{Label: label, Value: value})
		}
	}
	add("time", e.Time().Local().Format(time.RFC1123))
	if a := e.Admin; a != nil {
		add("operation", a.Operation+" "+a.ResourceType)
		add("path", a.ResourcePath)
		add("by", joinWords("user", a.AuthUser, "of", a.AuthRealm))
		add("with client", a.AuthClient)
		add("address", a.AuthIP)
		add("error", a.Error)
		add("id", a.ID)
		return []widget.Section{about}
	}
	l := e.Login
	add("type", l.Type)
	add("error", l.Error)
	add("client", l.ClientID)
	add("user", orWord(l.UserID, "none: "+eventFrom(e)))
	add("session", l.SessionID)
	add("address", l.IP)
	add("id", l.ID)
	details := widget.Section{Title: "Details"}
	for _, k := range slices.Sorted(maps.Keys(l.Details)) {
		details.Fields = append(details.Fields, widget.Field{Label: k, Value: l.Details[k]})
	}
	return []widget.Section{about, details}
}
