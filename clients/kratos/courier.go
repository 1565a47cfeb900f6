package kratos

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// MessageStatus is how far a message has come.
type MessageStatus string

// The states of a message.
const (
	Queued     MessageStatus = "queued"
	Processing MessageStatus = "processing"
	Sent       MessageStatus = "sent"      // handed to the mail or SMS server; whether it arrived is not known
	Abandoned  MessageStatus = "abandoned" // given up; the reason is in its dispatches
)

// messageStatuses is the closed list: the server answers others with 400.
var messageStatuses = []MessageStatus{Queued, Processing, Sent, Abandoned}

// Message is one mail or SMS that Kratos sends or sent. It never holds the body,
// which carries live codes on servers that run with --dev: see MessageBody.
type Message struct {
	ID        string        `json:"id"`
	Status    MessageStatus `json:"status"`
	Type      string        `json:"type"` // "email" or "sms", whatever the API's documentation says
	Recipient string        `json:"recipient"`
	// Subject has its codes masked: some templates repeat them there.
	Subject   string     `json:"subject"`
	Template  string     `json:"template_type"` // what it is for: "recovery_code_valid"
	Channel   string     `json:"channel,omitempty"`
	SendCount int        `json:"send_count"`
	Created   time.Time  `json:"created_at"`
	Updated   time.Time  `json:"updated_at"`
	Attempts  []Dispatch `json:"dispatches,omitempty"` // only of a message that was read by itself
}

// Dispatch is one attempt to send a message.
type Dispatch struct {
	ID      string        `json:"id"`
	Status  string        `json:"status"` // "success" or "failed"
	Error   DispatchError `json:"error,omitzero"`
	Created time.Time     `json:"created_at"`
}

// DispatchError is why an attempt failed.
type DispatchError struct {
	Reason  string `json:"reason,omitempty"`  // "failed to send email via smtp"
	Message string `json:"message,omitempty"` // "dial tcp 127.0.0.1:1: connect: connection refused"
	Code    int    `json:"code,omitempty"`
}

// code is what looks like a one-time code in a text.
var code = regexp.MustCompile(`\b[0-9]{6,}\b`)

// clean hides what a message must not show by itself.
func (m *Message) clean() { m.Subject = code.ReplaceAllString(m.Subject, "••••••") }

// MessageQuery says which messages to list.
type MessageQuery struct {
	PageSize  int // 0 means DefaultPageSize; brought into 1…MaxPageSize
	Status    MessageStatus
	Recipient string // a whole address
}

// Messages reads one page of messages, newest first, without their attempts.
func (c *Client) Messages(ctx context.Context, q MessageQuery, cursor string) (clients.Page[Message], error) {
	const op = "list messages"
	none := clients.Page[Message]{Total: -1}
	if err := c.needAdmin(op); err != nil {
		return none, err
	}
	if q.Status != "" && !slices.Contains(messageStatuses, q.Status) {
		return none, c.invalid(op, fmt.Sprintf("%q is not a status", short(string(q.Status))), "use queued, processing, sent or abandoned")
	}
	v := url.Values{"page_size": {strconv.Itoa(pageSize(q.PageSize, DefaultPageSize, MaxPageSize))}}
	for name, value := range map[string]string{"page_token": cursor, "status": string(q.Status), "recipient": q.Recipient} {
		if value != "" {
			v.Set(name, value)
		}
	}
	page := none
	reply, err := c.admin.Do(ctx, transport.Request{Op: op, Path: []string{"admin", "courier", "messages"}, Query: v,
		Decode: func(r io.Reader) (err error) { page.Items, err = decodeList[Message](r); return err }})
	if err != nil {
		return none, err
	}
	for i := range page.Items {
		page.Items[i].clean()
	}
	if page.Total = totalOf(reply.Header); len(page.Items) > 0 {
		page.Next = nextToken(reply.Header)
	}
	return page, nil
}

// Message reads one message with its attempts and why they failed.
func (c *Client) Message(ctx context.Context, id string) (Message, error) {
	const op = "read the message"
	var m Message
	if err := c.needID(op, "a message", id); err != nil {
		return m, err
	}
	_, err := c.admin.Do(ctx, transport.Request{Op: op, Path: []string{"admin", "courier", "messages", id}, Out: &m})
	m.clean()
	return m, err
}

// MessageBody reads the text of one message, for a person who asked to see it.
// Servers that do not run with --dev give a placeholder.
func (c *Client) MessageBody(ctx context.Context, id string) (clients.Secret, error) {
	const op = "read the message"
	if err := c.needID(op, "a message", id); err != nil {
		return "", err
	}
	var m struct {
		Body string `json:"body"`
	}
	_, err := c.admin.Do(ctx, transport.Request{Op: op, Path: []string{"admin", "courier", "messages", id}, Out: &m})
	return clients.Secret(m.Body), err
}
