package cmd

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/decisions"
)

// demoTail are the flags of demo decisions and demo systems.
type demoTail struct {
	socket string
	follow bool
	q      decisions.Query
}

func addSocketFlag(c *cobra.Command, socket *string) {
	c.Flags().StringVar(socket, "socket", "", "`PATH` of the server's private socket (default: that of the one that runs)")
	_ = c.MarkFlagFilename("socket", "sock")
}

// demoClient is a client of the running demo server.
func demoClient(socket string) (*decisions.Client, error) {
	if socket == "" {
		var err error
		if socket, err = decisions.Find(); err != nil {
			return nil, err
		}
	}
	return decisions.New(socket), nil
}

func newDemoDecisionsCommand(g *globals) *cobra.Command {
	d := &demoTail{}
	c := &cobra.Command{
		Use:   "decisions [ID]",
		Short: "Show what the running demo server decided, and why",
		Long: "Reads the last decisions of the running demo server from its private socket: who asked for what, every step\n" +
			"on the way, and the outcome with its reason. With an id, which each answer of the server carries in\n" +
			"X-Gatehouse-Decision, it shows that one whole. --follow goes on with every new one until Ctrl-C.",
		Example: "  gatehouse demo decisions --follow\n  gatehouse demo decisions --system ory-home --jsonl\n  gatehouse demo decisions 01JD3W0W1Y1V6N7T0Q4C9M5Z2A",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := demoClient(d.socket)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return d.one(c.Context(), g, client, args[0])
			}
			return d.list(c.Context(), g, client)
		},
	}
	addSocketFlag(c, &d.socket)
	f := c.Flags()
	f.BoolVarP(&d.follow, "follow", "f", false, "go on with every new decision until Ctrl-C")
	f.StringVar(&d.q.Since, "since", "", "begin after the decision with this `ID`")
	f.StringVar(&d.q.System, "system", "", "only those of this `SYSTEM`")
	f.IntVar(&d.q.Limit, "limit", 0, "at most this many of the newest (0 is all that are kept)")
	return c
}

var decisionColumns = []column[decisions.Decision]{
	{Name: "ts", Text: func(d decisions.Decision) string { return d.At.Format("15:04:05.000") }},
	{Name: "decision", Text: func(d decisions.Decision) string { return string(d.Outcome) }},
	{Name: "status", Text: func(d decisions.Decision) string { return fmt.Sprint(d.Status) }},
	{Name: "system", Text: func(d decisions.Decision) string { return d.System }},
	{Name: "request", Text: func(d decisions.Decision) string { return d.Request.Method + " " + d.Request.Path }},
	{Name: "who", Text: func(d decisions.Decision) string { return d.Subject.Name() }},
	{Name: "reason", Text: func(d decisions.Decision) string { return string(d.Reason) }},
	{Name: "ms", Text: func(d decisions.Decision) string { return fmt.Sprintf("%.1f", d.MS) }},
	{Name: "id", Text: func(d decisions.Decision) string { return d.ID }},
}

func (d *demoTail) list(ctx context.Context, g *globals, client *decisions.Client) error {
	if !d.follow {
		ctx, cancel := g.deadline(ctx)
		defer cancel()
		list, err := client.List(ctx, d.q)
		if err != nil {
			return err
		}
		out := newRows(g, decisionColumns).whenEmpty("no decision yet: open one of the demo's pages")
		for _, one := range list {
			if err := out.Add(one); err != nil {
				return err
			}
		}
		return out.Close()
	}
	if g.json {
		return usageError("--follow never ends, so that it has no JSON array; use --jsonl")
	}
	out := newRows(g, decisionColumns)
	out.line = func(one decisions.Decision) string { return decisionLine(one) }
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	err := client.Follow(ctx, d.q, func(one decisions.Decision) error {
		return firstError(out.Add(one), out.flush())
	}, func(n int) { g.note("%d decisions were lost: they come faster than they can be printed", n) })
	if clients.Is(err, clients.Timeout) || ctx.Err() == context.DeadlineExceeded {
		return out.Close() // --timeout is how long to follow
	}
	return err
}

// decisionLine is one decision on one line.
func decisionLine(d decisions.Decision) string {
	mark := map[decisions.Outcome]string{decisions.Allowed: "✓", decisions.Denied: "✗"}[d.Outcome]
	if mark == "" {
		mark = "?"
	}
	who := d.Subject.Name()
	if who == "" {
		who = "nobody"
	}
	return cleanLine(fmt.Sprintf("%s %s %d  %-16s %-24s %-28s %s  %s", d.At.Local().Format("15:04:05"), mark, d.Status, d.System,
		d.Request.Method+" "+d.Request.Path, who, d.Reason, d.ID))
}

// one shows a decision with all its steps.
func (d *demoTail) one(ctx context.Context, g *globals, client *decisions.Client, id string) error {
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	one, err := client.Get(ctx, id)
	if err != nil {
		return err
	}
	return printDecision(g, one)
}

// printDecision prints a decision with its steps and the way to its explanation.
func printDecision(g *globals, one decisions.Decision) error {
	return printOne(g, one, decisionColumns, func(w io.Writer) error {
		if _, err := fmt.Fprintln(w, decisionLine(one)); err != nil {
			return err
		}
		var b strings.Builder
		fmt.Fprintf(&b, "\n%s\n\n", one.Reason.Words())
		for _, h := range one.Hops {
			fmt.Fprintf(&b, "  %d  %s\n", h.N, cleanLine(h.String()))
		}
		fmt.Fprintf(&b, "\nThe route asks for: %s\n", cleanLine(one.Policy.String()))
		if tuple := one.Tuple(); tuple != "" && one.Outcome == decisions.Denied {
			fmt.Fprintf(&b, "Why: gatehouse why '%s'\n", cleanLine(tuple))
		}
		if s := one.Subject; s.Realm != "" && s.User != "" && s.Client != "" && one.Outcome == decisions.Denied {
			fmt.Fprintf(&b, "Why: gatehouse why keycloak --realm '%s' --user '%s' --client '%s' --token id%s\n", cleanLine(s.Realm), cleanLine(s.User), cleanLine(s.Client), roleFlag(one))
		}
		_, err := fmt.Fprint(w, b.String())
		return err
	})
}

// roleFlag asks for the role that a decision is about.
func roleFlag(d decisions.Decision) string {
	if len(d.Policy.Roles) == 0 {
		return ""
	}
	return " --role '" + cleanLine(d.Policy.Roles[0]) + "'"
}
