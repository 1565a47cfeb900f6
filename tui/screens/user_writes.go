package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// UserWriter changes users.
type UserWriter interface {
	User(ctx context.Context, id string) (keycloak.User, error)
	CreateUser(ctx context.Context, u keycloak.NewUser) (clients.Change[keycloak.User], error)
	UpdateUser(ctx context.Context, id string, p keycloak.UserPatch) (clients.Change[keycloak.User], error)
	DeleteUser(ctx context.Context, id string) (clients.Change[keycloak.User], error)
	ResetPassword(ctx context.Context, id, password string, temporary bool) (clients.Change[[]keycloak.Credential], error)
	DeleteCredential(ctx context.Context, userID, credentialID string) (clients.Change[[]keycloak.Credential], error)
	Unlock(ctx context.Context, userID string) (clients.Change[keycloak.LockState], error)
	JoinGroup(ctx context.Context, userID, groupID string) (clients.Change[[]keycloak.Group], error)
	LeaveGroup(ctx context.Context, userID, groupID string) (clients.Change[[]keycloak.Group], error)
	EndSession(ctx context.Context, sessionID string, offline bool) error
	LogoutEverywhere(ctx context.Context, userID string) (clients.Change[[]keycloak.Session], error)
	RevokeConsent(ctx context.Context, userID, clientID string) (clients.Change[[]keycloak.Consent], error)
	LinkFederatedIdentity(ctx context.Context, userID string, f keycloak.FederatedIdentity) (clients.Change[[]keycloak.FederatedIdentity], error)
	UnlinkFederatedIdentity(ctx context.Context, userID, provider string) (clients.Change[[]keycloak.FederatedIdentity], error)
	RequiredActions(ctx context.Context) ([]keycloak.RequiredAction, error)
	Profile(ctx context.Context) (keycloak.Profile, error)
	GroupLister
}

// GroupLister walks the groups of a realm.
type GroupLister interface {
	Groups(q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
	GroupChildren(groupID string, q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
}

// userWrite is one write to the account: what it is called, and what is said and how it
// is taken back once it was done; a nil undo means that it cannot be.
type userWrite struct {
	what, done string
	undo       *tui.Undo
}

// change carries out a write and shows what came of it.
func (s *User) change(w userWrite, work func(context.Context) error) {
	tui.Write(s.host, &s.write, w.what, 0, func(ctx context.Context) (struct{}, error) { return struct{}{}, work(ctx) }, func(_ struct{}, err error) {
		if err != nil {
			s.host.Fail(err)
			if clients.Is(err, clients.UnknownOutcome) || clients.Is(err, clients.Conflict) {
				s.load() // only the server knows how it is now
			}
			return
		}
		said := w.done
		if w.undo != nil {
			u := *w.undo
			u.Then = s.load
			s.host.Undo(u)
			said += " · u undoes it"
		}
		s.host.Toast(said)
		s.load()
	})
}

// since is the conflict of an undo that finds something else than it left behind.
func since(what, thing string) error {
	return &clients.Problem{Kind: clients.Conflict, Op: "undo: " + what, Reason: "somebody changed " + thing + " since", Hint: "look at it again and decide anew"}
}

// undoPatch takes a change of fields back where they are still as it left them.
func undoPatch(w UserWriter, id, what string, lines []string, back keycloak.UserPatch, still func(keycloak.User) bool) *tui.Undo {
	return &tui.Undo{What: what, Lines: lines, Run: func(ctx context.Context) error {
		u, err := w.User(ctx, id)
		if err == nil && !still(u) {
			err = since(what, "this")
		}
		if err == nil {
			_, err = w.UpdateUser(ctx, id, back)
		}
		return err
	}}
}

func (s *User) whyNotDisable() string {
	if why := s.whyNotWrite(); why != "" {
		return why
	}
	if !s.user.v.Enabled {
		return "the account is disabled already; a enables it"
	}
	return ""
}

func (s *User) whyNotEnable() string {
	if why := s.whyNotWrite(); why != "" {
		return why
	}
	if s.user.v.Enabled {
		return "the account is enabled already; d disables it"
	}
	return ""
}

// enablePatch is the write, the way back, and what to know before.
func enableLines(u keycloak.User, on bool) []string {
	lines := []string{fmt.Sprintf("enabled = %t", on)}
	switch {
	case on && u.PermanentlyLocked():
		lines = append(lines, "The brute-force protection had switched it off: its failures are forgotten with it.", "No write locks it again, so that this cannot be undone.")
	case on && u.FederationLink != "":
		lines = append(lines, "It comes from a user storage: while that is off or does not answer it stays shown as disabled.")
	case !on:
		lines = append(lines, "Logins and renewals of tokens are refused from then on.", "Tokens that were issued stay good until they expire; l ends the sessions.")
	}
	return lines
}

func (s *User) askEnable(on bool) {
	u, w, id := s.user.v, s.spec.Write, s.id
	verb := map[bool]string{true: "enable", false: "disable"}[on]
	what := verb + " " + u.Username
	back := !on
	var undo *tui.Undo
	if !u.PermanentlyLocked() {
		undo = undoPatch(w, id, what, []string{fmt.Sprintf("enabled = %t", back)}, keycloak.UserPatch{Enabled: &back}, func(now keycloak.User) bool { return now.Enabled == on })
	}
	s.host.Confirm(tui.Question{Title: capitalWord(verb) + " " + u.Username + "?", Verb: verb, Lines: enableLines(u, on), Danger: undo == nil, Yes: func() {
		s.change(userWrite{what, u.Username + " is " + verb + "d", undo}, func(ctx context.Context) error {
			_, err := w.UpdateUser(ctx, id, keycloak.UserPatch{Enabled: &on})
			return err
		})
	}})
}

func capitalWord(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (s *User) whyNotUnlock() string {
	if why := s.whyNotWrite(); why != "" {
		return why
	}
	switch l := s.lock.v; {
	case s.lock.job.Done().IsZero():
		return "the lock is not visible: needs view-users"
	case l.Locked || l.Failures+l.SecondaryFailures > 0:
		return ""
	case !s.user.v.Enabled:
		return "it is not locked but disabled; a enables it"
	}
	return "it is not locked, and no failure is counted"
}

func (s *User) askUnlock() {
	u, w, id, l := s.user.v, s.spec.Write, s.id, s.lock.v
	lines := []string{"the failures are forgotten (" + count(l.Failures+l.SecondaryFailures, "failure") + ")"}
	if l.Permanent {
		lines = []string{"enabled = true, and the failures are forgotten", "A lock for good ends only by enabling the account."}
	}
	lines = append(lines, "It cannot be locked again by a write; wrong passwords do that.")
	s.host.Confirm(tui.Question{Title: "Unlock " + u.Username + "?", Verb: "unlock", Lines: lines, Yes: func() {
		s.change(userWrite{what: "unlock " + u.Username, done: u.Username + " is unlocked"}, func(ctx context.Context) error {
			_, err := w.Unlock(ctx, id)
			return err
		})
	}})
}

func (s *User) whyNotVerify() string {
	if why := s.whyNotWrite(); why != "" {
		return why
	}
	if s.user.v.Email == "" {
		return "the user has no e-mail address; e gives one"
	}
	return ""
}

func (s *User) askVerify() {
	u, w, id := s.user.v, s.spec.Write, s.id
	on := !u.EmailVerified
	back := !on
	word := map[bool]string{true: "verified", false: "not verified"}[on]
	what := "mark " + u.Email + " as " + word
	s.host.Confirm(tui.Question{Title: capitalWord(what) + "?", Verb: "mark", Lines: []string{fmt.Sprintf("emailVerified = %t", on), "No mail is sent."}, Yes: func() {
		undo := undoPatch(w, id, what, []string{fmt.Sprintf("emailVerified = %t", back)}, keycloak.UserPatch{EmailVerified: &back}, func(now keycloak.User) bool {
			return now.EmailVerified == on && now.Email == u.Email
		})
		s.change(userWrite{what, u.Email + " is marked as " + word, undo}, func(ctx context.Context) error {
			_, err := w.UpdateUser(ctx, id, keycloak.UserPatch{EmailVerified: &on})
			return err
		})
	}})
}

// pickActions lets what must be done at the next login be picked; what is required now
// is picked already.
func (s *User) pickActions() {
	u := s.user.v
	s.host.Push(tui.NewPick(tui.PickSpec{Title: "must do", Many: true, Verb: "require", Lead: "What must " + u.Username + " do at the next login?",
		Empty: "This realm has no required actions.", Load: actionChoices(s.spec.Write, u.RequiredActions),
		Done: func(picked []widget.Choice) { s.askActions(pickedActions(picked)) }}))
}

// actionChoices are the required actions of the realm, and "nothing" where there is
// something to clear.
func actionChoices(w UserWriter, have []string) func(context.Context) ([]widget.Choice, error) {
	return func(ctx context.Context) ([]widget.Choice, error) {
		all, err := w.RequiredActions(ctx)
		var out []widget.Choice
		if len(have) > 0 {
			out = append(out, widget.Choice{Label: "nothing", Note: "clears what is required now; take the others back with tab"})
		}
		for _, a := range all {
			note := a.Alias
			if !a.Enabled {
				note += "; switched off in this realm: a login page passes it, a direct grant does not"
			}
			out = append(out, widget.Choice{ID: a.Alias, Label: orWord(a.Name, a.Alias), Note: note, Picked: slices.Contains(have, a.Alias)})
		}
		return out, err
	}
}

func pickedActions(picked []widget.Choice) []string {
	want := []string{}
	for _, p := range picked {
		if p.ID != "" {
			want = append(want, p.ID)
		}
	}
	return want
}

// askActions shows what is added and taken away.
func (s *User) askActions(want []string) {
	u, w, id := s.user.v, s.spec.Write, s.id
	have := slices.Sorted(slices.Values(u.RequiredActions))
	slices.Sort(want)
	lines, undo := setLines(have, want), setLines(want, have)
	if len(lines) == 0 {
		s.host.Toast("that is how it is already: nothing was written")
		return
	}
	what := "required actions of " + u.Username
	s.host.Confirm(tui.Question{Title: "Change what " + u.Username + " must do at the next login?", Verb: "change", Lines: lines, Yes: func() {
		back := undoPatch(w, id, what, undo, keycloak.UserPatch{RequiredActions: &have}, func(now keycloak.User) bool {
			return slices.Equal(slices.Sorted(slices.Values(now.RequiredActions)), want)
		})
		s.change(userWrite{what, "the required actions are changed", back}, func(ctx context.Context) error {
			_, err := w.UpdateUser(ctx, id, keycloak.UserPatch{RequiredActions: &want})
			return err
		})
	}})
}

// setLines is the difference of two sets, a line each.
func setLines(from, to []string) []string {
	var out []string
	for _, a := range from {
		if !slices.Contains(to, a) {
			out = append(out, "- "+joinWords(a, actionMeaning(a)))
		}
	}
	for _, a := range to {
		if !slices.Contains(from, a) {
			out = append(out, "+ "+joinWords(a, actionMeaning(a)))
		}
	}
	return out
}

func actionMeaning(alias string) string {
	if m := requiredActions[alias]; m != "" {
		return "(" + m + ")"
	}
	return ""
}

// askPassword asks for a new password; it is shown nowhere.
func (s *User) askPassword() {
	u, w, id := s.user.v, s.spec.Write, s.id
	s.host.Push(tui.NewForm(tui.FormSpec{Title: "new password", Lead: "A new password for " + u.Username + ":", What: "reset the password of " + u.Username,
		Fields: []tui.FormField{
			{Name: "password", Label: "Password", Secret: true, Required: true, Help: "it is not shown, and not kept here"},
			{Name: "again", Label: "Again", Secret: true, Required: true},
			{Name: "temporary", Label: "For one login", Value: "yes", Choices: []string{"yes", "no"}, Help: "yes: the user must choose another at the next login; no: it stays, and a pending UPDATE_PASSWORD is cleared"},
		},
		Review: func(v map[string]string) (tui.Question, error) {
			if v["password"] != v["again"] {
				return tui.Question{}, &clients.Problem{Kind: clients.Invalid, Op: "reset the password", Reason: "the two passwords differ", Hint: "type both again"}
			}
			q := tui.Question{Title: "Give " + u.Username + " this password?", Verb: "set", Danger: true, Lines: []string{"+ a new password; the one of before is lost"}}
			if v["temporary"] == "yes" {
				q.Lines = append(q.Lines, "+ UPDATE_PASSWORD (set a new password) at the next login")
			} else {
				q.Lines = append(q.Lines, "- UPDATE_PASSWORD, where it is required")
			}
			q.Lines = append(q.Lines, "Sessions stay; l ends them.")
			return q, nil
		},
		Submit: func(ctx context.Context, v map[string]string) error {
			_, err := w.ResetPassword(ctx, id, v["password"], v["temporary"] == "yes")
			return passwordField(err)
		},
		Done: func(map[string]string) {
			s.host.Toast("the new password of " + u.Username + " is set")
			s.load()
		},
	}))
}

// passwordField puts a refusal by the password policy beside the field.
func passwordField(err error) error {
	if p, ok := asProblem(err); ok && p.Kind == clients.Invalid && len(p.Fields) == 0 {
		c := *p
		c.Fields = []clients.Field{{Path: "password", Message: p.Reason}}
		return &c
	}
	return err
}

func (s *User) askLogout() {
	u, w, id := s.user.v, s.spec.Write, s.id
	lines := []string{"all sessions, on every device and with every client, offline ones too"}
	if !s.sessions.job.Done().IsZero() {
		lines[0] = count(len(s.sessions.v.list), "session") + ", offline ones too"
	}
	lines = append(lines, "Access tokens that an application checks by itself stay good until they expire.", "The user can log in again at once.")
	s.host.Confirm(tui.Question{Title: "End all sessions of " + u.Username + "?", Verb: "log out", Danger: true, Lines: lines, Yes: func() {
		s.change(userWrite{what: "log " + u.Username + " out", done: u.Username + " is logged out everywhere"}, func(ctx context.Context) error {
			_, err := w.LogoutEverywhere(ctx, id)
			return err
		})
	}})
}

// askDelete deletes the account; its name has to be typed.
func (s *User) askDelete() {
	u, w, id := s.user.v, s.spec.Write, s.id
	lines := []string{userWho(u), "with credentials, role mappings, group memberships, sessions and consents",
		"Who is made anew under this name is another user: applications that keep the id do not know them."}
	s.host.Confirm(tui.Question{Title: "Delete " + u.Username + " from realm " + s.spec.Realm.Name() + "?", Verb: "delete", Danger: true, Typed: u.Username, Lines: lines, Yes: func() {
		tui.Write(s.host, &s.write, "delete "+u.Username, 0, func(ctx context.Context) (struct{}, error) {
			_, err := w.DeleteUser(ctx, id)
			return struct{}{}, err
		}, func(_ struct{}, err error) {
			if err != nil {
				s.host.Fail(err)
				return
			}
			s.gone = true
			s.host.Toast(u.Username + " is deleted")
			s.build()
		})
	}})
}

// userWho names a user without doubt.
func userWho(u keycloak.User) string {
	who := u.Username
	if u.Email != "" && u.Email != u.Username {
		who += " <" + u.Email + ">"
	}
	return who + " (" + shortID(u.ID) + ")"
}
