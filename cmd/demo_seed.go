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
		Long: "With --accounts seeds, the default, it makes the people, the relation tuple, and in Keycloak the realm, the\n" +
			"client, its roles and the mapper with which the answers of the originals were recorded, where they are not\n" +
			"there yet. Their passwords are known to everybody, so that it does this on this machine only.\n\n" +
			"With --accounts story it leaves all people alone, here or elsewhere, and makes what the web application needs\n" +
			"of Keycloak: the client with the addresses to which browsers may be sent back, its role admin, and the mapper\n" +
			"that writes roles into the ID token. In the story's own realm that mapper is the fault of a ticket, and is\n" +
			"kept. The story's people are made by `gatehouse stack seed`.\n\n" +
			"What others entered stays, doing it again changes nothing, and --dry-run says what is missing.",
		Example: "  gatehouse demo seed\n  gatehouse demo seed --dry-run --json\n  gatehouse demo seed --accounts story --app-url https://demo.example.com",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a := gate.Accounts(accounts)
			if a != gate.Seeds && a != gate.Story {
				return usageError("--accounts is %q; use story or seeds", accounts)
			}
			if _, _, err := seeding.WayBack(appURL); err != nil {
				return usageError("--app-url: %s", err)
			}
			return g.runDemoSeed(c.Context(), a, appURL)
		},
	}
	c.Flags().StringVar(&accounts, "accounts", string(gate.Seeds), "whose: `seeds`, or story, which makes no people")
	c.Flags().StringVar(&appURL, "app-url", "http://127.0.0.1:4480", "`URL` of the demo server, to which Keycloak may send people back; on this machine its port does not matter")
	_ = c.RegisterFlagCompletionFunc("accounts", cobra.FixedCompletions([]cobra.Completion{"story", "seeds"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

var seedColumns = []column[seeding.Step]{
	{Name: "server", Text: func(s seeding.Step) string { return s.Server }},
	{Name: "outcome", Text: func(s seeding.Step) string { return string(s.Outcome) }},
	{Name: "what", Text: func(s seeding.Step) string { return s.What }},
	{Name: "note", Text: func(s seeding.Step) string { return s.Note }},
}

func (g *globals) runDemoSeed(ctx context.Context, accounts gate.Accounts, appURL string) error {
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	b, err := g.connect(ctx)
	if err != nil {
		return err
	}
	if !g.dryRun {
		what := "This makes people, a tuple and a realm"
		if accounts == gate.Story {
			what = "This makes a client in Keycloak, or changes where it may send browsers back"
		}
		if err := g.confirmProduction(ctx, b, "seed the demo", what); err != nil {
			return err
		}
	}
	out := newRows(g, seedColumns).whenEmpty("the context names no server that anything could be made in")
	var failed error
	err = g.seedDemo(ctx, b, accounts, appURL, func(s seeding.Step) { failed = firstError(failed, out.Add(s)) })
	if err = firstError(err, failed); err != nil {
		out.Abort()
		return cannotDo(err)
	}
	return out.Close()
}

// seedDemo makes what the accounts need: those of "seeds" on this machine only.
func (g *globals) seedDemo(ctx context.Context, b *backends, accounts gate.Accounts, appURL string, tell func(seeding.Step)) error {
	if where := elsewhere(b); where != "" && accounts == gate.Seeds {
		return problem(clients.Invalid, "seed the demo", where+" is not on this machine, and the passwords of these accounts are known to everybody",
			"use a stack: gatehouse stack up; or --accounts story, which makes no people")
	}
	c, err := g.seedClients(ctx, b)
	if err != nil {
		return err
	}
	c.AppURL, c.ClientID, c.DryRun = appURL, g.getenv("OIDC_CLIENT_ID"), g.dryRun
	if accounts == gate.Story {
		return seeding.App(ctx, c, tell)
	}
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
