package screens

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

func asProblem(err error) (*clients.Problem, bool) {
	var p *clients.Problem
	return p, errors.As(err, &p)
}

// takeName is the verb for what is under the cursor.
func (s *User) takeName() string {
	if s.host == nil {
		return "take away"
	}
	switch s.selected().(type) {
	case keycloak.Session:
		return "end session"
	case keycloak.Credential:
		return "delete credential"
	case keycloak.Group:
		return "leave group"
	case keycloak.Consent:
		return "revoke consent"
	case keycloak.FederatedIdentity:
		return "unlink"
	case userActionRef:
		return "drop action"
	}
	return "take away"
}

func (s *User) whyNotTake() string {
	if why := s.whyNotWrite(); why != "" {
		return why
	}
	switch v := s.selected().(type) {
	case keycloak.Credential:
		if v.FederationLink != "" {
			return "a user storage holds this credential: it is deleted there"
		}
		return ""
	case keycloak.Session, keycloak.Group, keycloak.Consent, keycloak.FederatedIdentity, userActionRef:
		return ""
	}
	return "select a session, a credential, a group, a consent, an identity provider or a required action first"
}

func (s *User) askTake() {
	switch v := s.selected().(type) {
	case keycloak.Session:
		s.askEnd(v)
	case keycloak.Credential:
		s.askCredential(v)
	case keycloak.Group:
		s.askLeave(v)
	case keycloak.Consent:
		s.askRevoke(v)
	case keycloak.FederatedIdentity:
		s.askUnlink(v)
	case userActionRef:
		s.askActions(slices.DeleteFunc(slices.Clone(s.user.v.RequiredActions), func(a string) bool { return a == string(v) }))
	}
}

func (s *User) askEnd(v keycloak.Session) {
	w, now := s.spec.Write, s.host.Env().Now()
	line := joinWords("session", shortID(v.ID), "since", ago(now, v.Start), "from", v.IP)
	lines := []string{line, "Whoever uses it has to log in again; access tokens stay good until they expire."}
	if v.Offline {
		lines = append(lines, "It is an offline session: the application loses the access that it keeps for later.")
	}
	s.host.Confirm(tui.Question{Title: "End this session of " + s.user.v.Username + "?", Verb: "end", Danger: true, Lines: lines, Yes: func() {
		s.change(userWrite{what: "end session " + shortID(v.ID), done: "session " + shortID(v.ID) + " is ended"}, func(ctx context.Context) error {
			return w.EndSession(ctx, v.ID, v.Offline)
		})
	}})
}

func (s *User) askCredential(v keycloak.Credential) {
	w, id := s.spec.Write, s.id
	name := orWord(userCredentials[v.Type], v.Type)
	lines := []string{joinWords("-", name, v.Label, "set", day(v.Created))}
	if v.Type == "password" {
		lines = append(lines, "Without a password the user can log in only with a passkey or an identity provider. N sets a new one.")
	} else {
		lines = append(lines, "The user is no longer asked for it, and can set it up anew.")
	}
	s.host.Confirm(tui.Question{Title: fmt.Sprintf("Delete this %s of %s?", name, s.user.v.Username), Verb: "delete", Danger: true, Lines: lines, Yes: func() {
		s.change(userWrite{what: "delete the " + name, done: "the " + name + " is deleted"}, func(ctx context.Context) error {
			_, err := w.DeleteCredential(ctx, id, v.ID)
			return err
		})
	}})
}

func hasGroup(list []keycloak.Group, id string) bool {
	return slices.ContainsFunc(list, func(g keycloak.Group) bool { return g.ID == id })
}

func (s *User) askLeave(g keycloak.Group) {
	w, id, name := s.spec.Write, s.id, s.user.v.Username
	what := name + " leaves " + g.Path
	s.host.Confirm(tui.Question{Title: "Take " + name + " out of " + g.Path + "?", Verb: "take out", Lines: []string{"- member of " + g.Path, "The roles that this group and those above it bring go with it."}, Yes: func() {
		s.change(userWrite{what, name + " is no longer in " + g.Path, joinAgain(w, id, g, what)}, func(ctx context.Context) error {
			_, err := w.LeaveGroup(ctx, id, g.ID)
			return err
		})
	}})
}

// joinAgain takes the leaving of a group back, if nobody did it meanwhile.
func joinAgain(w UserWriter, id string, g keycloak.Group, what string) *tui.Undo {
	return &tui.Undo{What: what, Lines: []string{"+ member of " + g.Path}, Run: func(ctx context.Context) error {
		ch, err := w.JoinGroup(ctx, id, g.ID)
		if err == nil && hasGroup(ch.Before, g.ID) {
			err = since(what, "the membership")
		}
		return err
	}}
}

// leaveAgain takes the joining of a group back.
func leaveAgain(w UserWriter, id string, g keycloak.Group, what string) *tui.Undo {
	return &tui.Undo{What: what, Lines: []string{"- member of " + g.Path}, Run: func(ctx context.Context) error {
		ch, err := w.LeaveGroup(ctx, id, g.ID)
		if err == nil && !hasGroup(ch.Before, g.ID) {
			err = since(what, "the membership")
		}
		return err
	}}
}

func (s *User) pickGroup() {
	w, id, name := s.spec.Write, s.id, s.user.v.Username
	s.host.Push(groupPick("Which group should "+name+" join?", w, s.groups.v, func(g keycloak.Group) {
		what := name + " joins " + g.Path
		s.host.Confirm(tui.Question{Title: "Make " + name + " a member of " + g.Path + "?", Verb: "join", Lines: []string{"+ member of " + g.Path, "The roles of this group and of those above it come with it."}, Yes: func() {
			s.change(userWrite{what, name + " is in " + g.Path, leaveAgain(w, id, g, what)}, func(ctx context.Context) error {
				_, err := w.JoinGroup(ctx, id, g.ID)
				return err
			})
		}})
	}))
}

// groupsMax is how many groups are offered; a realm with more is better searched.
const groupsMax = 5000

// groupPick lets one group be picked out of the whole tree.
func groupPick(lead string, w GroupLister, have []keycloak.Group, done func(keycloak.Group)) tui.Screen {
	return tui.NewPick(tui.PickSpec{Title: "groups", Lead: lead, Verb: "join", Empty: "This realm has no groups.",
		Load: func(ctx context.Context) ([]widget.Choice, error) {
			var out []widget.Choice
			err := walkGroups(ctx, w, w.Groups(keycloak.GroupQuery{Brief: true}), func(g keycloak.Group) bool {
				c := widget.Choice{ID: g.ID, Label: g.Path}
				if hasGroup(have, g.ID) {
					c.Why = "a member already"
				}
				out = append(out, c)
				return len(out) < groupsMax
			})
			return out, err
		},
		Done: func(picked []widget.Choice) {
			if len(picked) == 1 {
				done(keycloak.Group{ID: picked[0].ID, Path: picked[0].Label})
			}
		}})
}

// walkGroups calls visit with each group of a tree, parents first, until it has enough.
func walkGroups(ctx context.Context, w GroupLister, fetch clients.Fetch[keycloak.Group], visit func(keycloak.Group) bool) error {
	for g, err := range clients.Each(ctx, fetch) {
		if err != nil || !visit(g) {
			return err
		}
		if g.SubGroupCount > 0 {
			if err := walkGroups(ctx, w, w.GroupChildren(g.ID, keycloak.GroupQuery{Brief: true}), visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *User) askRevoke(v keycloak.Consent) {
	w, id, name := s.spec.Write, s.id, s.user.v.Username
	lines := []string{joinWords("-", v.ClientID, "may no longer see what", name, "allowed it")}
	if v.OfflineToken {
		lines = append(lines, "- its offline sessions: the application loses the access that it keeps for later")
	}
	lines = append(lines, name+" is asked again at the next login with it.")
	s.host.Confirm(tui.Question{Title: "Revoke the consent of " + name + " to " + v.ClientID + "?", Verb: "revoke", Danger: true, Lines: lines, Yes: func() {
		s.change(userWrite{what: "revoke the consent to " + v.ClientID, done: "the consent to " + v.ClientID + " is revoked"}, func(ctx context.Context) error {
			_, err := w.RevokeConsent(ctx, id, v.ClientID)
			return err
		})
	}})
}

func (s *User) askUnlink(v keycloak.FederatedIdentity) {
	w, id, name := s.spec.Write, s.id, s.user.v.Username
	what := "unlink " + v.Provider + " from " + name
	lines := []string{joinWords("-", v.Provider, v.Username, v.UserID)}
	if !slices.ContainsFunc(s.creds.v, func(c keycloak.Credential) bool { return c.Type == "password" }) {
		lines = append(lines, "The user has no password here: without the link nothing is left to log in with. N sets one.")
	}
	undo := &tui.Undo{What: what, Lines: []string{joinWords("+", v.Provider, v.Username, v.UserID)}, Run: func(ctx context.Context) error {
		_, err := w.LinkFederatedIdentity(ctx, id, v) // a link that is there again is a conflict of the server's own
		return err
	}}
	s.host.Confirm(tui.Question{Title: "Unlink " + v.Provider + " from " + name + "?", Verb: "unlink", Lines: lines, Yes: func() {
		s.change(userWrite{what, v.Provider + " is unlinked", undo}, func(ctx context.Context) error {
			_, err := w.UnlinkFederatedIdentity(ctx, id, v.Provider)
			return err
		})
	}})
}
