package screens

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// Ticket is one question of the kind that support gets, with what is true about it.
type Ticket struct {
	ID     string
	Title  string
	Text   string // in the words of the person who asked
	System string // "keto", "keycloak" or "both"
	// Asked is the same question as gatehouse would put it: a relation tuple, or
	// "ben · flaskClient · role admin · ID token".
	Asked string
	// Cause and Fixes are the true cause and what cures it, kept under a key so that
	// one can look for oneself first.
	Cause string
	Fixes []string
	// Question is Asked as a relation tuple, when it is one.
	Question string
	// UserID is the id of the Keycloak user whom it is about, once it is known.
	UserID string
}

// TicketLinks say where one can go from a ticket; nil where that does not exist.
type TicketLinks struct {
	// Resolve looks up the people whom the ticket is about and fills in Asked and
	// Question with their ids. It runs off the loop.
	Resolve func(ctx context.Context, t Ticket) (Ticket, error)
	Check   func(question string) tui.Screen
	Person  func(Ticket) tui.Screen
	User    func(Ticket) tui.Screen
	Why     func(Ticket) tui.Screen
	// WhyLogin explains the question to Keycloak.
	WhyLogin func(Ticket) tui.Screen
}

// TicketScreen shows one ticket.
type TicketScreen struct {
	ticket Ticket
	links  TicketLinks
	host   tui.Host
	detail widget.Detail
	job    tui.Job
	open   bool // whether cause and fix are shown
}

// NewTicket makes the screen.
func NewTicket(t Ticket, links TicketLinks) *TicketScreen {
	s := &TicketScreen{ticket: t, links: links}
	s.fill()
	return s
}

// Title is the crumb.
func (s *TicketScreen) Title() string { return strings.TrimSpace("ticket " + s.ticket.ID) }

// Init finds out whom the ticket is about.
func (s *TicketScreen) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.detail.ShowCursor()
	if s.links.Resolve != nil {
		t, resolve := s.ticket, s.links.Resolve
		tui.Go(h, &s.job, 0, func(ctx context.Context) (Ticket, error) { return resolve(ctx, t) }, func(t Ticket, err error) {
			if err != nil {
				h.Fail(err)
				return
			}
			s.ticket = t
			s.fill()
		})
	}
	return nil
}

// Update takes the mouse.
func (s *TicketScreen) Update(msg tea.Msg) tea.Cmd { tui.DetailMouse(&s.detail, msg, 0); return nil }

// Typing is never true here.
func (s *TicketScreen) Typing() bool { return false }

// Close has nothing to do.
func (s *TicketScreen) Close() {}

// View draws the ticket.
func (s *TicketScreen) View(w, h int) string { return s.detail.View(s.host.Env().Theme, w, h) }

func (s *TicketScreen) fill() {
	t := s.ticket
	sections := []widget.Section{
		{Title: t.Title, Fields: []widget.Field{
			{Label: "they say", Value: strings.Join(strings.Fields(t.Text), " ")},
			{Label: "where", Value: map[string]string{"keto": "relation tuples (Keto)", "keycloak": "role mappings (Keycloak)", "both": "both: Keto and Keycloak"}[t.System]},
			{Label: "asked", Value: t.Asked, Note: "what to ask the server"},
		}},
	}
	answer := widget.Section{Title: "Cause and fix", Fields: []widget.Field{{Label: "hidden", Value: "press c to show them", Tone: theme.Dim}}}
	if s.open {
		answer.Fields = []widget.Field{{Label: "cause", Value: t.Cause, Tone: theme.Strong}}
		for _, f := range t.Fixes {
			answer.Fields = append(answer.Fields, widget.Field{Label: "fix", Value: f})
		}
	}
	s.detail.Set(append(sections, answer)...)
}

// Actions lead from the ticket to where it is answered.
func (s *TicketScreen) Actions() []tui.Action {
	acts := []tui.Action{
		{Name: "cause and fix", Keys: []string{"c"}, Footer: 3, Help: "Show or hide what is true about this ticket.", Run: tui.Do(func() { s.open = !s.open; s.fill() })},
	}
	link := func(name, key, help string, footer int, to func(Ticket) tui.Screen) {
		if to != nil {
			var why func() string
			if name == "role mappings" {
				why = s.unknownUser
			}
			acts = append(acts, tui.Action{Name: name, Keys: []string{key}, Help: help, Footer: footer, Why: why, Run: tui.Do(func() { s.host.Push(to(s.ticket)) })})
		}
	}
	if s.ticket.Question != "" && s.links.Check != nil {
		link("ask Keto", "enter", "Put the question to Keto.", 1, func(t Ticket) tui.Screen { return s.links.Check(t.Question) })
		link("role mappings", "r", "Show the Keycloak user whom it is about.", 4, s.userLink())
	} else {
		link("role mappings", "enter", "Show the Keycloak user whom it is about.", 1, s.userLink())
	}
	link("person", "p", "Show the identity of the person whom it is about.", 2, s.links.Person)
	if s.ticket.Question != "" {
		link("why", "w", "Explain the answer.", 2, s.links.Why)
		link("why login", "W", "Say what keeps the person out in Keycloak.", 3, s.links.WhyLogin)
	} else {
		link("why", "w", "Say what keeps the person out in Keycloak.", 2, s.links.WhyLogin)
	}
	return append(acts, tui.DetailActions(s.host, &s.detail)...)
}

func (s *TicketScreen) unknownUser() string {
	switch {
	case s.ticket.UserID != "":
		return ""
	case s.job.Busy():
		return "still looking for the user"
	default:
		return "the user was not found in Keycloak"
	}
}

func (s *TicketScreen) userLink() func(Ticket) tui.Screen {
	if s.ticket.System == "keto" {
		return nil
	}
	return s.links.User
}
