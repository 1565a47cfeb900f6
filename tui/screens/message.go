package screens

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// message is one mail or SMS with every attempt to send it.
type message struct {
	tui.Host
	spec      MessagesSpec
	id        string
	m         kratos.Message
	body      clients.Secret // the text, once somebody asked for it
	asked     bool
	job, text tui.Job
	detail    widget.Detail
	built     [2]bool
}

// NewMessage makes the screen of one message.
func NewMessage(spec MessagesSpec, id string) tui.Screen { return &message{spec: spec, id: id} }

func (s *message) Title() string { return "message" }
func (s *message) Typing() bool  { return false }

// Close forgets the text.
func (s *message) Close() { s.body = "" }

func (s *message) Init(h tui.Host) tea.Cmd {
	s.Host = h
	s.detail.ShowCursor()
	s.load()
	return nil
}

func (s *message) load() {
	k, id := s.spec.Kratos, s.id
	tui.Go(s, &s.job, identityTimeout, func(ctx context.Context) (kratos.Message, error) { return k.Message(ctx, id) }, func(m kratos.Message, err error) {
		if err == nil {
			s.m = m
		}
		s.build()
	})
	s.build()
}

// showText asks for the text of this one message.
func (s *message) showText() {
	if s.asked {
		s.body, s.asked = "", false
		s.build()
		return
	}
	k, id := s.spec.Kratos, s.id
	tui.Go(s, &s.text, identityTimeout, func(ctx context.Context) (clients.Secret, error) { return k.MessageBody(ctx, id) }, func(body clients.Secret, err error) {
		if err != nil {
			s.Fail(err)
		} else {
			s.body, s.asked = body, true
		}
		s.build()
		if err == nil {
			s.detail.MoveTo("text")
		}
	})
}

// redactedBody is what Kratos gives in place of a text unless it runs with --dev.
const redactedBody = "<redacted-unless-dev-mode>"

func (s *message) build() {
	s.built = s.reading()
	if s.m.ID == "" {
		s.detail.Set(s.unread())
		return
	}
	now := s.Env().Now()
	m := s.m
	head := widget.Section{Title: messagePurpose(m.Template) + " to " + m.Recipient, Fields: []widget.Field{
		{Label: "status", Value: messageStatus(m), Note: messageNotes[m.Status], Tone: messageTone(m)},
		{Label: "to", Value: m.Recipient, Note: m.Type},
		{Label: "subject", Value: m.Subject},
		{Label: "template", Value: m.Template}, {Label: "made", Value: moment(m.Created), Note: ago(now, m.Created)},
		{Label: "last change", Value: moment(m.Updated), Note: ago(now, m.Updated)}, {Label: "id", Value: m.ID}}}
	if m.Channel != "" {
		head.Fields = append(head.Fields, widget.Field{Label: "channel", Value: m.Channel})
	}
	if err := s.job.Err(); err != nil {
		head.Note = theme.MarkStale + " as of " + ago(now, s.job.Done()) + ": " + s.Env().Explain(err).Why
	}
	tries := widget.Section{Title: "Attempts", Note: count(m.SendCount, "try")}
	if m.SendCount != 1 {
		tries.Note = fmt.Sprintf("%d tries", m.SendCount)
	}
	if len(m.Attempts) == 0 {
		tries.Note = "none yet: the courier of Kratos has not tried; does it run (kratos courier watch, or serve --watch-courier)?"
	}
	for i, d := range m.Attempts {
		tries.Fields = append(tries.Fields, widget.Field{Label: moment(d.Created), Value: attemptMark(d) + " " + dispatchWords(d), Tone: toneIf(d.Status == "failed", theme.Bad), Key: fmt.Sprint("try", i)})
	}
	text := widget.Section{Title: "Text", Note: "hidden: it may hold a code or a link that signs in; b asks for it"}
	if s.asked {
		text.Note = "b hides it again"
		value := s.body.Reveal()
		if strings.TrimSpace(value) == redactedBody {
			value, text.Note = "Kratos does not give it: it shows texts only when it runs with --dev", ""
		}
		text.Fields = []widget.Field{{Value: value, Key: "text"}}
	}
	s.detail.Set(head, tries, text)
}

func attemptMark(d kratos.Dispatch) string {
	if d.Status == "failed" {
		return theme.MarkDenied
	}
	return theme.MarkAllowed
}

// unread is what stands while there is no message.
func (s *message) unread() widget.Section {
	switch err := s.job.Err(); {
	case s.job.Busy():
		return widget.Section{Title: "Message", Note: "reading…"}
	case err != nil:
		f := s.Env().Explain(err)
		if f.Kind == "not_found" {
			return widget.Section{Title: theme.MarkDenied + " There is no such message", Note: "Kratos may have cleaned it up"}
		}
		out := widget.Section{Title: theme.MarkDenied + " The message could not be read", Fields: []widget.Field{{Label: "why", Value: f.Why, Tone: theme.Bad}}}
		return widget.Section{Title: out.Title, Fields: append(out.Fields, widget.Field{Label: "what to do", Value: joinSentences(f.Hint, "^r tries again")})}
	}
	return widget.Section{Title: "Message", Note: "stopped; ^r reads it"}
}

func (s *message) reading() [2]bool { return [2]bool{s.job.Busy(), s.text.Busy()} }

func (s *message) View(w, h int) string {
	if s.built != s.reading() {
		s.build()
	}
	return s.detail.View(s.Env().Theme, w, h)
}

func (s *message) Update(msg tea.Msg) tea.Cmd {
	tui.DetailMouse(&s.detail, msg, 0)
	return nil
}

func (s *message) Actions() []tui.Action {
	need := func() string {
		if s.m.ID == "" {
			return "the message has not been read; ^r reads it"
		}
		return ""
	}
	name := "show text"
	if s.asked {
		name = "hide text"
	}
	acts := []tui.Action{
		{Name: name, Keys: []string{"b"}, Footer: 1, Why: need, Run: tui.Do(s.showText), Help: "Ask Kratos for the text of this message. It may hold a code or a link that signs in, so that it is shown only here, and asked for only now."},
		{Name: "reload", Keys: []string{"ctrl+r"}, Footer: 3, Run: tui.Do(s.load), Help: "Read the message again; what is shown stays until then."},
	}
	if s.spec.People != nil {
		acts = append(acts, tui.Action{Name: "person", Keys: []string{"P"}, Footer: 2, Why: need, Help: "Show who has the address that it was sent to.", Run: tui.Do(func() { s.Push(s.spec.People(s.m.Recipient)) })})
	}
	return append(acts, tui.DetailActions(s, &s.detail)...)
}
