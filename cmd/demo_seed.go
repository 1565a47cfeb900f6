package cmd

import (
	"context"
	"net"
	"net/url"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/demo/gate"
	"gatehouse/demo/seeding"
)

func newDemoSeedCommand(g *globals) *cobra.Command {
	var accounts, appURL string
	c := &cobra.Command{
		Use:   "seed",
		Short: "Make in the servers of the context what the guarded applications need",
		Long: "With --accounts seeds, the default, it makes the people, the relation tuple and the realm with which the\n" +
			"answers of the originals were recorded, where they are not there yet. Their passwords are known to\n" +
			"everybody, so that it does this on this machine only. The story's people are made by `gatehouse stack seed`.\n" +
			"--dry-run says what is missing.",
		Example: "  gatehouse demo seed\n  gatehouse demo seed --dry-run --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch gate.Accounts(accounts) {
			case gate.Seeds:
				return g.runDemoSeed(c.Context(), appURL)
			case gate.Story:
				return problem(clients.Invalid, "seed the demo", "the story's people belong to a stack", "run gatehouse stack seed story")
			}
			return usageError("--accounts is %q; use story or seeds", accounts)
		},
	}
	c.Flags().StringVar(&accounts, "accounts", string(gate.Seeds), "whose: `seeds`")
	c.Flags().StringVar(&appURL, "app-url", "http://127.0.0.1:4480", "`URL` of the demo server, to which Keycloak may send people back")
	return c
}

var seedColumns = []column[seeding.Step]{
	{Name: "server", Text: func(s seeding.Step) string { return s.Server }},
	{Name: "what", Text: func(s seeding.Step) string { return s.What }},
	{Name: "outcome", Text: func(s seeding.Step) string { return string(s.Outcome) }},
}

func (g *globals) runDemoSeed(ctx context.Context, appURL string) error {
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	b, err := g.connect(ctx)
	if err != nil {
		return err
	}
	if !g.dryRun {
		if err := g.confirmProduction(ctx, b, "seed the demo", "This makes people, a tuple and a realm"); err != nil {
			return err
		}
	}
	out := newRows(g, seedColumns)
	var failed error
	err = g.seedDemo(ctx, b, appURL, func(s seeding.Step) { failed = firstError(failed, out.Add(s)) })
	if err = firstError(err, failed); err != nil {
		out.Abort()
		return cannotDo(err)
	}
	return out.Close()
}

// seedDemo makes what the accounts "seeds" need, on this machine only.
func (g *globals) seedDemo(ctx context.Context, b *backends, appURL string, tell func(seeding.Step)) error {
	if where := elsewhere(b); where != "" {
		return problem(clients.Invalid, "seed the demo", where+" is not on this machine, and the passwords of these accounts are known to everybody", "use a stack: gatehouse stack up")
	}
	c, err := g.seedClients(ctx, b)
	if err != nil {
		return err
	}
	c.AppURL, c.DryRun = appURL, g.dryRun
	return seeding.Seeds(ctx, c, tell)
}

// seedClients are the clients of the servers that the context names.
func (g *globals) seedClients(ctx context.Context, b *backends) (c seeding.Clients, err error) {
	x := b.Context
	if x.Kratos != nil && x.Kratos.AdminURL != "" {
		if c.Kratos, err = b.Kratos(ctx); err != nil {
			return c, err
		}
	}
	if x.Keto != nil && x.Keto.WriteURL != "" {
		if c.Keto, err = b.Keto(ctx); err != nil {
			return c, err
		}
	}
	if x.Keycloak != nil && x.Keycloak.URL != "" {
		if c.Keycloak, err = b.Keycloak(ctx); err != nil {
			return c, err
		}
		if len(x.Keycloak.Realms) > 0 {
			c.Realm = x.Keycloak.Realms[0]
		}
	}
	return c, nil
}

// elsewhere is the first server of the context that is not on loopback.
func elsewhere(b *backends) string {
	x := b.Context
	var urls []string
	if x.Kratos != nil {
		urls = append(urls, x.Kratos.AdminURL)
	}
	if x.Keto != nil {
		urls = append(urls, x.Keto.WriteURL)
	}
	if x.Keycloak != nil {
		urls = append(urls, x.Keycloak.URL)
	}
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if raw == "" {
			continue
		}
		if err != nil {
			return raw
		}
		if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return u.Host
		}
	}
	return ""
}
