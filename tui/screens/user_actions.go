package screens

import (
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

// Groups of the actions in the help.
const (
	userGroupAccount = "Account"
	userGroupItem    = "What is selected"
	userGroupLinks   = "Go to"
)

// Actions are what can be done to the account, and to what is under the cursor.
func (s *User) Actions() []tui.Action {
	acts := []tui.Action{{Name: "open", Keys: []string{"enter"}, Group: userGroupItem, Footer: s.footer(1, s.whyNotOpen), Why: s.whyNotOpen, Run: tui.Do(s.open),
		Help: "Open the group or the event under the cursor."}}
	acts = append(acts, s.linkActions()...)
	if s.spec.Write != nil {
		acts = append(acts, s.accountActions()...)
	}
	acts = append(acts, s.copyActions()...)
	move := func(name, help string, run func(), keys ...string) tui.Action {
		return tui.Action{Name: name, Keys: keys, Group: "Move", Help: help, Run: tui.Do(func() { s.moved = true; run() })}
	}
	return append(acts,
		tui.Action{Name: "reload", Keys: []string{"ctrl+r"}, Group: "Move", Help: "Read everything again; what is shown stays until then.", Run: tui.Do(s.load)},
		move("next part", "To the next part.", func() { s.nextPart(1) }, "tab"),
		move("previous part", "To the part before.", func() { s.nextPart(-1) }, "shift+tab"),
		move("up", "One line up.", func() { s.detail.Move(-1) }, "up", "k"),
		move("down", "One line down.", func() { s.detail.Move(1) }, "down", "j"),
		move("page up", "One screen up.", func() { s.detail.Page(-1) }, "pgup", "ctrl+u"),
		move("page down", "One screen down.", func() { s.detail.Page(1) }, "pgdown", "ctrl+d"),
		move("first", "To the first line.", func() { s.detail.Move(-1 << 20) }, "home", "g"),
		move("last", "To the last line.", func() { s.detail.Move(1 << 20) }, "end", "G"))
}

// footer shows an action only while it can be done.
func (s *User) footer(n int, why func() string) int {
	if s.host == nil || why() != "" {
		return 0
	}
	return n
}

func (s *User) linkActions() []tui.Action {
	var acts []tui.Action
	link := func(name, key, help string, footer int, to func(keycloak.User) tui.Screen) {
		if to != nil {
			acts = append(acts, tui.Action{Name: name, Keys: []string{key}, Group: userGroupLinks, Footer: footer, Help: help, Why: s.whyNotRead,
				Run: tui.Do(func() { s.host.Push(to(s.user.v)) })})
		}
	}
	link("why login", "w", "Say why the user does not get into an application, or does not get a role.", 2, s.spec.Links.Why)
	link("roles", "r", "Show the role mappings of the user; roles are granted and revoked there.", 6, s.spec.Links.Roles)
	link("where from", "o", "Show every role of the user and all ways in which it is held, as a tree.", 8, s.spec.Links.Paths)
	link("tokens", "t", "Show what would stand in the user's tokens.", 0, s.spec.Links.Tokens)
	link("person", "P", "Show the human being behind the account, across Kratos, Keto and Keycloak.", 7, s.spec.Links.Person)
	return append(acts, tui.Action{Name: "events", Keys: []string{"E"}, Group: userGroupLinks, Footer: 5, Why: s.whyNotRead, Run: tui.Do(s.openEvents),
		Help: "Show what happened to this user: logins, failures also without a user id, and what administrators did; and the switch when the realm keeps nothing."})
}

func (s *User) openEvents() {
	s.host.Push(NewUserEvents(s.spec.Realm, s.user.v, s.spec.Write != nil))
}

// accountActions change the account.
func (s *User) accountActions() []tui.Action {
	act := func(name, key, help string, footer int, why func() string, run func()) tui.Action {
		return tui.Action{Name: name, Keys: []string{key}, Group: userGroupAccount, Footer: footer, Help: help, Mutates: true, Why: why, Run: tui.Do(run)}
	}
	item := func(a tui.Action) tui.Action { a.Group = userGroupItem; return a }
	danger := func(a tui.Action) tui.Action { a.Danger = true; return a }
	take := act(s.takeName(), "x", "Take away what is under the cursor: end the session, delete the credential, leave the group, revoke the consent, unlink the identity provider, or drop the required action.",
		s.footer(1, s.whyNotTake), s.whyNotTake, s.askTake)
	take.Keys = append(take.Keys, "delete")
	return []tui.Action{
		act("unlock", "U", "End the lock of the brute-force protection, for good or for a while, and forget the failures.", s.footer(1, s.whyNotUnlock), s.whyNotUnlock, s.askUnlock),
		item(take),
		act("edit", "e", "Change the profile: names, e-mail, attributes.", 3, s.whyNotWrite, s.edit),
		act("new password", "N", "Give the user a new password, for one login or to keep.", 4, s.whyNotWrite, s.askPassword),
		act("disable", "d", "Keep the user from logging in.", s.footer(7, s.whyNotDisable), s.whyNotDisable, func() { s.askEnable(false) }),
		act("enable", "a", "Let the user log in again.", s.footer(3, s.whyNotEnable), s.whyNotEnable, func() { s.askEnable(true) }),
		act("require", "A", "Pick what the user must do at the next login.", 0, s.whyNotWrite, s.pickActions),
		act("verify e-mail", "v", "Say that the e-mail address is the user's, or that it is not known to be.", 0, s.whyNotVerify, s.askVerify),
		act("join group", "M", "Pick a group for the user to be a member of.", 0, s.whyNotWrite, s.pickGroup),
		danger(act("log out", "l", "End all sessions of the user, offline ones too.", 0, s.whyNotWrite, s.askLogout)),
		danger(act("delete user", "D", "Delete the account for good.", 0, s.whyNotWrite, s.askDelete)),
	}
}

func (s *User) copyActions() []tui.Action {
	return []tui.Action{
		{Name: "copy", Keys: []string{"y"}, Group: userGroupItem, Help: "Copy what is under the cursor.", Run: tui.Do(func() {
			if f, ok := s.detail.Current(); ok {
				s.host.Copy(orWord(f.Label, "the value"), f.Value)
			}
		})},
		{Name: "copy id", Keys: []string{"i"}, Group: userGroupItem, Help: "Copy the id of the user.", Run: tui.Do(func() { s.host.Copy("the id", s.id) })},
	}
}

func (s *User) whyNotRead() string {
	if s.user.v.ID == "" {
		return "the user has not been read"
	}
	return ""
}

func (s *User) whyNotWrite() string {
	switch {
	case s.gone:
		return "this user is deleted"
	case s.write.Busy():
		return "a write waits for its answer"
	}
	return s.whyNotRead()
}

func (s *User) whyNotOpen() string {
	switch v := s.selected().(type) {
	case keycloak.UserEvent:
		return ""
	case keycloak.Group:
		if s.spec.Links.Group == nil {
			return "there is no more to see about " + v.Path
		}
		return ""
	}
	return "nothing can be opened here: select a group or an event"
}

func (s *User) open() {
	switch v := s.selected().(type) {
	case keycloak.Group:
		s.host.Push(s.spec.Links.Group(v))
	case keycloak.UserEvent:
		s.host.Push(tui.NewFields("event", eventSections(v)...))
	}
}

// nextPart moves to the first field of another part.
func (s *User) nextPart(n int) {
	cur, _ := s.detail.Current()
	at, here := 0, 0
	var starts []int
	for _, p := range s.parts {
		for i, f := range p.Fields {
			if i == 0 {
				starts = append(starts, at)
			}
			if f.Key == cur.Key {
				here = at
			}
			at++
		}
	}
	to := 0
	for i, start := range starts {
		if start <= here {
			to = i
		}
	}
	if len(starts) > 0 {
		s.detail.Move(starts[(to+n+len(starts))%len(starts)] - here)
	}
}
