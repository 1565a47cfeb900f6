package cmd

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

// messageOut is one mail or SMS of Kratos. Its text is never in it: it may hold a code.
type messageOut struct {
	ID        string       `json:"id"`
	Status    string       `json:"status" jsonschema_description:"queued, processing, sent (handed to the mail or SMS server) or abandoned (given up)."`
	Type      string       `json:"type" jsonschema_description:"email or sms."`
	Recipient string       `json:"recipient"`
	Subject   string       `json:"subject" jsonschema_description:"Its codes are masked."`
	Template  string       `json:"template_type" jsonschema_description:"What it is for, such as recovery_code_valid."`
	Tries     int          `json:"send_count"`
	CreatedAt *time.Time   `json:"created_at,omitempty"`
	UpdatedAt *time.Time   `json:"updated_at,omitempty"`
	Attempts  []attemptOut `json:"dispatches,omitempty" jsonschema_description:"Each attempt, where it was read: with --errors, or for one message."`
}

// attemptOut is one attempt to send a message.
type attemptOut struct {
	Status    string     `json:"status" jsonschema_description:"success or failed."`
	Reason    string     `json:"reason,omitempty"`
	Message   string     `json:"message,omitempty"`
	CreatedAt *time.Time `json:"created_at,omitempty"`
}

type identitiesMessagesOptions struct {
	g         *globals
	status    string
	recipient string
	errors    bool
	limit     int
}

func newIdentitiesMessagesCommand(g *globals) *cobra.Command {
	o := &identitiesMessagesOptions{g: g}
	c := &cobra.Command{
		Use:   "messages [ID | IDENTIFIER]",
		Short: "List the mails and SMS that Kratos sent, and why they did not arrive",
		Long: "Lists what the courier of Kratos sends, newest first: all of it, or what went to the addresses of one\n" +
			"identity. --errors also reads why the last attempts failed, which takes a request for each message that\n" +
			"was not sent. The texts are never printed: they may hold codes that sign in.",
		Example: "  gatehouse identities messages ann@acme.example --errors\n" +
			"  gatehouse identities messages --status abandoned --jsonl",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 && o.recipient != "" {
				return usageError("give an identity or --recipient, not both")
			}
			return o.run(c.Context(), strings.Join(args, ""))
		},
		ValidArgsFunction: completeIdentities(g),
	}
	c.Flags().StringVar(&o.status, "status", "", "only messages with this `STATUS`: queued, processing, sent or abandoned")
	c.Flags().StringVar(&o.recipient, "recipient", "", "only messages to this whole `ADDRESS`")
	c.Flags().BoolVar(&o.errors, "errors", false, "also read why each message that was not sent failed")
	c.Flags().IntVar(&o.limit, "limit", 0, "stop after `N` messages; 0 is all of them")
	_ = c.RegisterFlagCompletionFunc("status", cobra.FixedCompletions([]string{"queued", "processing", "sent", "abandoned"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (o *identitiesMessagesOptions) run(ctx context.Context, name string) error {
	if o.limit < 0 {
		return usageError("--limit must not be negative")
	}
	_, k, err := o.g.kratos(ctx)
	if err != nil {
		return err
	}
	to := []string{o.recipient}
	if name != "" {
		i, err := findIdentity(ctx, k, name)
		if err != nil {
			return cannotDo(err)
		}
		if to = addressesOf(i); len(to) == 0 {
			o.g.note("%s has no address to which Kratos sends", i.Label())
		}
	}
	out := newRows(o.g, messageColumns).whenEmpty("no messages match")
	return printAll(o.g, out, o.messages(ctx, k, to), o.limit, messageOf)
}

// addressesOf are the addresses to which Kratos sends, each once.
func addressesOf(i kratos.Identity) []string {
	var to []string
	for _, a := range i.Addresses {
		to = append(to, a.Value)
	}
	for _, a := range i.RecoveryAddresses {
		to = append(to, a.Value)
	}
	slices.Sort(to)
	return slices.Compact(to)
}

// messages yields what was sent to each of the addresses; an empty one stands for all.
func (o *identitiesMessagesOptions) messages(ctx context.Context, k *kratos.Client, to []string) iter.Seq2[kratos.Message, error] {
	return func(yield func(kratos.Message, error) bool) {
		for _, recipient := range to {
			q := kratos.MessageQuery{Status: kratos.MessageStatus(o.status), Recipient: recipient, PageSize: kratos.DefaultPageSize}
			for m, err := range clients.Each(ctx, func(ctx context.Context, cursor string) (clients.Page[kratos.Message], error) {
				return k.Messages(ctx, q, cursor)
			}) {
				if err == nil && o.errors && m.Status != kratos.Sent && m.SendCount > 0 {
					m, err = k.Message(ctx, m.ID)
				}
				if !yield(m, err) || err != nil {
					return
				}
			}
		}
	}
}

func messageOf(m kratos.Message) messageOut {
	out := messageOut{ID: m.ID, Status: string(m.Status), Type: m.Type, Recipient: m.Recipient, Subject: m.Subject, Template: m.Template, Tries: m.SendCount,
		CreatedAt: timeOrNil(m.Created), UpdatedAt: timeOrNil(m.Updated)}
	for _, d := range m.Attempts {
		out.Attempts = append(out.Attempts, attemptOut{Status: d.Status, Reason: d.Error.Reason, Message: d.Error.Message, CreatedAt: timeOrNil(d.Created)})
	}
	return out
}

// why is the reason of the last attempt that failed.
func (m messageOut) why() string {
	for _, a := range slices.Backward(m.Attempts) {
		if a.Status == "failed" {
			return strings.TrimPrefix(a.Reason+": "+a.Message, ": ")
		}
	}
	return ""
}

var messageColumns = []column[messageOut]{
	{Name: "id", Text: func(m messageOut) string { return m.ID }},
	{Name: "status", Text: func(m messageOut) string { return m.Status }},
	{Name: "recipient", Text: func(m messageOut) string { return m.Recipient }},
	{Name: "template_type", Text: func(m messageOut) string { return m.Template }},
	{Name: "send_count", Text: func(m messageOut) string { return strconv.Itoa(m.Tries) }},
	{Name: "created_at", Text: func(m messageOut) string { return moment(m.CreatedAt) }},
	{Name: "why", Text: messageOut.why},
	{Name: "subject", Text: func(m messageOut) string { return m.Subject }, CSVOnly: true},
	{Name: "type", Text: func(m messageOut) string { return m.Type }, CSVOnly: true},
}
