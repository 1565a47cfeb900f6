package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// Limits of what the person's screen reads of their messages.
const (
	messageAddresses = 4 // addresses that are asked about
	messageShown     = 5 // newest messages
	messageReasons   = 3 // of which the reason of a failure is read
)

// identityMessages are the newest messages to a person.
type identityMessages struct {
	list  []kratos.Message
	total int // how many there are to all addresses, -1 when the server does not say
}

// loadMessages reads what Kratos sent to the addresses of the person.
func (s *Identity) loadMessages() {
	k := s.spec.Courier
	if k == nil {
		return
	}
	var to []string
	for _, a := range s.who.Addresses {
		to = append(to, a.Value)
	}
	for _, a := range s.who.RecoveryAddresses {
		to = append(to, a.Value)
	}
	slices.Sort(to)
	to = slices.Compact(to)
	to = to[:min(len(to), messageAddresses)]
	tui.Go(s.host, &s.messageJob, identityTimeout, func(ctx context.Context) (identityMessages, error) { return readMessages(ctx, k, to) },
		func(m identityMessages, err error) {
			if err == nil {
				s.messages = m
			}
			s.build()
		})
}

// readMessages reads the newest messages to some addresses, with the reasons of those
// that failed.
func readMessages(ctx context.Context, k CourierKratos, to []string) (identityMessages, error) {
	var out identityMessages
	for _, address := range to {
		page, err := k.Messages(ctx, kratos.MessageQuery{Recipient: address, PageSize: messageShown}, "")
		if err != nil {
			return out, err
		}
		out.list = append(out.list, page.Items...)
		if page.Total < 0 || out.total < 0 {
			out.total = -1
		} else {
			out.total += page.Total
		}
	}
	slices.SortStableFunc(out.list, func(a, b kratos.Message) int { return b.Created.Compare(a.Created) })
	out.list = out.list[:min(len(out.list), messageShown)]
	asked := 0
	for i, m := range out.list {
		if m.Status == kratos.Sent || m.SendCount == 0 || asked == messageReasons {
			continue
		}
		asked++
		one, err := k.Message(ctx, m.ID)
		if err == nil {
			out.list[i] = one
		} else if !clients.Is(err, clients.NotFound) { // cleaned up meanwhile
			return out, err
		}
	}
	return out, nil
}

// identityMailRef stands for all messages to an address.
type identityMailRef struct{ recipient string }

// messagePart shows the newest messages; nil where there is no courier.
func (s *Identity) messagePart() []widget.Section {
	if s.spec.Courier == nil || s.who.ID == "" {
		return nil
	}
	if s.messageJob.Done().IsZero() {
		return []widget.Section{s.unread("Messages", "Kratos", &s.messageJob)}
	}
	now := s.host.Env().Now()
	out := widget.Section{Title: "Messages"}
	switch n := s.messages.total; {
	case len(s.messages.list) == 0:
		out.Note = "none was sent to this person, or they were cleaned up"
	case n > len(s.messages.list):
		out.Note = fmt.Sprintf("the newest %d of %d", len(s.messages.list), n)
	}
	if note := s.staleNote(&s.messageJob); note != "" {
		out.Note = note
	}
	var seen []string
	for _, m := range s.messages.list {
		f := widget.Field{Label: ago(now, m.Created), Value: widget.Pad(messageStatus(m), 12) + " " + messagePurpose(m.Template), Note: "to " + m.Recipient,
			Tone: messageTone(m), Key: s.ref("message "+m.ID, m)}
		if n := len(m.Attempts); n > 0 && m.Status != kratos.Sent {
			f.Value += "\n" + theme.MarkDenied + " " + dispatchWords(m.Attempts[n-1])
		}
		out.Fields = append(out.Fields, f)
		if !slices.ContainsFunc(seen, func(a string) bool { return strings.EqualFold(a, m.Recipient) }) {
			seen = append(seen, m.Recipient)
		}
	}
	if s.spec.Links.Messages != nil {
		for _, a := range seen {
			out.Fields = append(out.Fields, widget.Field{Label: "all", Value: "all messages to " + a, Key: s.ref("messages "+a, identityMailRef{a})})
		}
	}
	return []widget.Section{out}
}
