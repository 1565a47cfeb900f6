package screens

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// CourierKratos reads the mails and SMS that Kratos sends or sent. Nothing can be
// written: Kratos has no way to send one again or to delete one.
type CourierKratos interface {
	Messages(ctx context.Context, q kratos.MessageQuery, cursor string) (clients.Page[kratos.Message], error)
	Message(ctx context.Context, id string) (kratos.Message, error)
	// MessageBody reads the text, which may hold a code or a link that signs in: it is
	// called only when a person asks for that one text.
	MessageBody(ctx context.Context, id string) (clients.Secret, error)
}

// MessagesSpec is what the list of messages is made of. Kratos is needed.
type MessagesSpec struct {
	Kratos    CourierKratos
	Recipient string                            // only those to this address; empty lists all
	People    func(recipient string) tui.Screen // who has the address; nil where that cannot be looked up
}

// NewMessages lists what Kratos sends, newest first.
func NewMessages(spec MessagesSpec) *tui.List[kratos.Message] {
	k := spec.Kratos
	title := "courier messages"
	if spec.Recipient != "" {
		title = "messages to " + spec.Recipient
	}
	type m = kratos.Message
	return tui.NewList(tui.Spec[m]{
		Title: title,
		ID:    func(r m) string { return r.ID },
		Columns: []tui.Column[m]{
			{Title: "SENT", Width: 17, Cell: func(r m) string { return moment(r.Created) }, Less: func(a, b m) int { return a.Created.Compare(b.Created) }},
			{Title: "STATUS", Width: 12, Cell: messageStatus, Tone: messageTone},
			{Title: "TO", Width: 18, Flex: 2, Drop: 1, Cell: func(r m) string { return r.Recipient }},
			{Title: "WHAT FOR", Width: 16, Flex: 2, Drop: 2, Cell: func(r m) string { return messagePurpose(r.Template) }},
			{Title: "TRIES", Width: 5, Drop: 3, Right: true, Cell: func(r m) string { return fmt.Sprint(r.SendCount) }, Less: func(a, b m) int { return cmp.Compare(a.SendCount, b.SendCount) }},
			{Title: "BY", Width: 6, Drop: 4, Cell: func(r m) string { return r.Type }},
			{Title: "SUBJECT", Width: 24, Flex: 2, Drop: 5, Cell: func(r m) string { return r.Subject }},
		},
		Fetch: messagePages(k, kratos.MessageQuery{Recipient: spec.Recipient, PageSize: kratos.DefaultPageSize}),
		Search: func(ctx context.Context, words, cursor string) (tui.Page[m], error) {
			return messagePages(k, kratos.MessageQuery{Recipient: words, PageSize: kratos.DefaultPageSize})(ctx, cursor)
		},
		SearchHint: "the whole address or number it was sent to",
		Text:       func(r m) string { return r.ID + " " + string(r.Status) + " " + r.Template },
		Open:       func(r m) tui.Screen { return NewMessage(spec, r.ID) },
		Actions:    messageActions(spec),
		Value:      func(r m) any { return r },
		Empty:      "Kratos has sent nothing, or cleaned up what it had sent. Messages appear here when somebody asks for a code.",
		Timeout:    30 * time.Second,
	})
}

func messagePages(k CourierKratos, q kratos.MessageQuery) tui.Fetch[kratos.Message] {
	return func(ctx context.Context, cursor string) (tui.Page[kratos.Message], error) {
		p, err := k.Messages(ctx, q, cursor)
		return tui.Page[kratos.Message](p), err
	}
}

// messageActions choose a status, which the server filters by, and go to the person.
func messageActions(spec MessagesSpec) func(*tui.List[kratos.Message]) []tui.Action {
	status := kratos.MessageStatus("")
	return func(l *tui.List[kratos.Message]) []tui.Action {
		acts := []tui.Action{{Name: "status", Keys: []string{"t"}, Footer: 20, Help: "Let the server list only messages of one status: given up, waiting, being sent or sent.",
			Run: tui.Do(func() {
				l.Push(tui.NewPick(tui.PickSpec{Title: "status", Verb: "show", Lead: "Show which messages?", Choices: messageChoices(status), Done: func(picked []widget.Choice) {
					if len(picked) != 1 {
						return
					}
					status = kratos.MessageStatus(strings.TrimPrefix(picked[0].ID, "all"))
					l.Spec.Fetch = messagePages(spec.Kratos, kratos.MessageQuery{Recipient: spec.Recipient, Status: status, PageSize: kratos.DefaultPageSize})
					l.Spec.Note = nil
					if status != "" {
						note := "only " + messageWords[status]
						l.Spec.Note = func() string { return note }
					}
					l.Restart()
				}}))
			})}}
		if spec.People != nil {
			acts = append(acts, tui.Action{Name: "person", Keys: []string{"P"}, Footer: 21, Why: l.NeedRow, Help: "Show who has the address that it was sent to.",
				Run: tui.Do(func() {
					if r, ok := l.Current(); ok {
						l.Push(spec.People(r.Recipient))
					}
				})})
		}
		return acts
	}
}

func messageChoices(now kratos.MessageStatus) []widget.Choice {
	out := []widget.Choice{{ID: "all", Label: "all", Note: "newest first"}}
	for _, s := range []kratos.MessageStatus{kratos.Abandoned, kratos.Queued, kratos.Processing, kratos.Sent} {
		out = append(out, widget.Choice{ID: string(s), Label: messageWords[s], Note: messageNotes[s]})
	}
	for i := range out {
		if out[i].ID == string(now) || now == "" && out[i].ID == "all" {
			out[i].Note = joinWords(out[i].Note, "(shown now)")
		}
	}
	return out
}

var messageWords = map[kratos.MessageStatus]string{kratos.Abandoned: "given up", kratos.Queued: "waiting", kratos.Processing: "being sent", kratos.Sent: "sent"}

var messageNotes = map[kratos.MessageStatus]string{kratos.Abandoned: "Kratos tried several times; nothing will come any more",
	kratos.Queued: "not handed over yet", kratos.Processing: "on its way to the mail or SMS server", kratos.Sent: "handed to the mail or SMS server; whether it arrived is not known"}

// messageStatus is the status with its mark.
func messageStatus(m kratos.Message) string {
	mark := theme.MarkUnknown
	switch m.Status {
	case kratos.Abandoned:
		mark = theme.MarkDenied
	case kratos.Queued, kratos.Processing:
		mark = theme.MarkStale
	case kratos.Sent:
		mark = theme.MarkAllowed
	}
	return mark + " " + orWord(messageWords[m.Status], string(m.Status))
}

func messageTone(m kratos.Message) theme.Tone {
	return toneIf(m.Status == kratos.Abandoned, theme.Bad)
}

// messagePurposes say what a template is for (Kratos v1.3, courier/template.go).
var messagePurposes = map[string]string{
	"recovery_valid": "recovery link", "recovery_invalid": "recovery link asked for an unknown address",
	"recovery_code_valid": "recovery code", "recovery_code_invalid": "recovery asked for an unknown address",
	"verification_valid": "verification link", "verification_invalid": "verification asked for an unknown address",
	"verification_code_valid": "verification code", "verification_code_invalid": "verification asked for an unknown address",
	"login_code_valid": "code to sign in", "login_code_invalid": "code asked for an unknown address", "registration_code_valid": "code to register", "registration_code_invalid": "code asked for a known address", "otp": "one-time code", "stub": "test",
}

func messagePurpose(template string) string { return orWord(messagePurposes[template], template) }

// moment is a time as a list shows it: "2 Mar 2026 15:04".
func moment(t time.Time) string {
	if t.IsZero() {
		return none
	}
	return t.Local().Format("2 Jan 2006 15:04")
}

// dispatchWords say what became of one attempt.
func dispatchWords(d kratos.Dispatch) string {
	if d.Error.Reason == "" && d.Error.Message == "" {
		return d.Status
	}
	return joinSentences(d.Error.Reason, d.Error.Message)
}
