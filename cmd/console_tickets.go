package cmd

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/access/opl"
	"gatehouse/clients"
	"gatehouse/stack/story"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// storyTickets are the support questions of the story, if this context is a stack
// that was filled with it: its permission model is then the story's, to the letter.
func (c *console) storyTickets() []screens.Ticket {
	if !isStory(c.words.Model()) {
		return nil
	}
	st, err := story.Load()
	if err != nil {
		return nil
	}
	var out []screens.Ticket
	for i, t := range st.Tickets {
		ticket := screens.Ticket{ID: fmt.Sprint(i + 1), Title: t.Title, Text: t.Text, System: string(t.System), Cause: t.Cause.Summary, Asked: askedWords(st, t)}
		for _, w := range t.Fix {
			ticket.Fixes = append(ticket.Fixes, fixWords(st, w))
		}
		out = append(out, ticket)
	}
	return out
}

func isStory(m *opl.Model) bool {
	if m == nil || len(m.Sources) != 1 {
		return false
	}
	for _, source := range m.Sources {
		return source == story.Model()
	}
	return false
}

// askedWords is the question of a ticket before anybody's id is known.
func askedWords(st *story.Story, t story.Ticket) string {
	if k := t.Question.Keycloak; k != nil {
		user := usernameOf(st, k.User)
		switch {
		case k.AsksLogin():
			return user + " · login to " + k.Client
		case k.RealmRole != "":
			return fmt.Sprintf("%s · %s · realm role %s · %s token", user, k.Client, k.RealmRole, k.Token)
		default:
			return fmt.Sprintf("%s · %s · role %s · %s token", user, k.Client, k.Role, k.Token)
		}
	}
	return namesIn(st, t.Question.Tuple)
}

// namesIn puts first names in the place of references: "Doc:q3#view@Ann".
func namesIn(st *story.Story, text string) string {
	for _, key := range story.Named(text) {
		if p, ok := st.Person(key); ok {
			text = strings.ReplaceAll(text, "${"+key+"}", p.First())
			text = strings.ReplaceAll(text, "${"+key+".email}", p.Email)
			text = strings.ReplaceAll(text, "${"+key+".seed}", strings.ReplaceAll(p.Email, "@", ""))
		}
	}
	return text
}

func usernameOf(st *story.Story, key string) string {
	if p, ok := st.Person(key); ok && p.Login != nil {
		return p.Login.Username
	}
	return key
}

// fixWords says what a fix writes.
func fixWords(st *story.Story, w story.Write) string {
	user := usernameOf(st, w.User)
	switch w.Op {
	case story.OpAdd:
		return "add " + namesIn(st, w.Tuple)
	case story.OpRemove:
		return "remove " + namesIn(st, w.Tuple)
	case story.OpActivateIdentity:
		if p, ok := st.Person(w.Person); ok {
			return "activate the identity of " + p.First() + " " + p.Last()
		}
		return "activate the identity of " + w.Person
	case story.OpEnableUser:
		return "enable the Keycloak user " + user
	case story.OpUnlock:
		return "unlock the Keycloak user " + user
	case story.OpClearRequiredAction:
		return "clear the required action " + w.Action + " of " + user
	case story.OpVerifyEmail:
		return "mark the e-mail of " + user + " as verified in Keycloak"
	case story.OpJoinGroup:
		return "add " + user + " to the group " + w.Group
	case story.OpSetMapper:
		return fmt.Sprintf("set %v in mapper %q of client scope %s", w.Config, w.Mapper, w.Scope)
	case story.OpAddScopeMapping:
		return "let realm role " + w.RealmRole + " reach the tokens of " + w.Client
	default:
		return string(w.Op)
	}
}

// ticket opens a ticket.
func (c *console) ticket(t screens.Ticket) tui.Screen {
	st, err := story.Load()
	if err != nil {
		return screens.NewTicket(t, screens.TicketLinks{})
	}
	var found story.Ticket
	for _, s := range st.Tickets {
		if s.Title == t.Title {
			found = s
		}
	}
	links := screens.TicketLinks{Resolve: func(ctx context.Context, t screens.Ticket) (screens.Ticket, error) {
		return c.resolveTicket(ctx, st, found, t)
	}}
	if c.keto != nil {
		links.Check = c.check
		links.Why = func(t screens.Ticket) tui.Screen { return c.whyWith(t.Question) }
	}
	if p, ok := st.Person(found.From); ok && c.kratos != nil {
		links.Person = func(screens.Ticket) tui.Screen { return c.findPeople(p.Email) }
	}
	if k := found.Question.Keycloak; k != nil && c.keycloak != nil {
		r := c.keycloak.Realm(c.storyRealm(st))
		links.WhyLogin = func(screens.Ticket) tui.Screen { return c.whyLogin(askedOf(st, r.Name(), *k)) }
		links.User = func(t screens.Ticket) tui.Screen { return c.userRoles(r, t.UserID, usernameOf(st, k.User), "") }
	}
	return screens.NewTicket(t, links)
}

// resolveTicket finds the ids of the people whom the question names.
func (c *console) resolveTicket(ctx context.Context, st *story.Story, from story.Ticket, t screens.Ticket) (screens.Ticket, error) {
	if k := from.Question.Keycloak; k != nil && c.keycloak != nil {
		u, err := c.keycloak.Realm(c.storyRealm(st)).UserByUsername(ctx, usernameOf(st, k.User))
		t.UserID = u.ID
		return t, err
	}
	if from.Question.Tuple == "" || c.kratos == nil {
		return t, nil
	}
	q, err := st.Tuple(from.Question.Tuple, func(key string) (string, error) { return c.idOf(ctx, st, key) })
	if err != nil {
		return t, err
	}
	t.Question, t.Asked = q.String(), q.String()
	return t, nil
}

func (c *console) idOf(ctx context.Context, st *story.Story, key string) (string, error) {
	p, ok := st.Person(key)
	if !ok {
		return "", &clients.Problem{Kind: clients.NotFound, Op: "find " + key, Reason: "the story has nobody of that name"}
	}
	found, err := c.kratos.FindExact(ctx, p.Email)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", &clients.Problem{Kind: clients.NotFound, Op: "find " + p.Email, Reason: "no identity has this e-mail", Hint: "seed the story again: gatehouse stack seed"}
	}
	return found[0].ID, nil
}
