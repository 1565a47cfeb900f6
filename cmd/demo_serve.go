package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/demo/gate"
	"gatehouse/demo/seeding"
	"gatehouse/demo/server"
)

func newDemoServeCommand(g *globals) *cobra.Command {
	d := &demoServe{}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the guarded applications over the servers of the context",
		Long: "Serves the applications of the seed documents, each guarded for real by the Kratos, Keto, Keycloak and\n" +
			"Oathkeeper of the context, or by itself. Prints one line when it listens, and stops on Ctrl-C. A system whose\n" +
			"servers the context does not name is left out and said. --accounts seeds also makes the people and tuples of\n" +
			"the recorded answers in the context's servers, as `demo seed` does, where these are on this machine.\n\n" +
			"The environment variables of the originals count: KRATOS_EXTERNAL_API_URL, KRATOS_UI_URL, KETO_API_READ_URL\n" +
			"and SECRET_KEY. A flag wins over them, they over the context.",
		Example: "  gatehouse demo serve\n  gatehouse demo serve --system ory-home --listen 127.0.0.1:5000 --accounts seeds --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return d.run(c.Context(), g) },
	}
	d.addFlags(c)
	return c
}

func (d *demoServe) run(ctx context.Context, g *globals) error {
	if g.dryRun {
		return usageError("demo serve runs until it is stopped and has nothing to try out; leave --dry-run away")
	}
	s, closeLog, err := d.start(ctx, g)
	if err != nil {
		return err
	}
	defer closeLog()
	signals, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := printListing(g, s); err != nil {
		_ = s.Close()
		return err
	}
	waited := s.Wait(signals)
	stop() // a second Ctrl-C ends us at once
	return firstError(waited, s.Close())
}

// start makes the server and lets it listen.
func (d *demoServe) start(ctx context.Context, g *globals) (*server.Server, func(), error) {
	o, err := d.options(ctx, g)
	if err != nil {
		return nil, nil, err
	}
	log, closeLog, err := d.log(g)
	if err != nil {
		return nil, nil, err
	}
	o.Env.Log = log
	if err := d.seedFirst(ctx, g, o); err != nil {
		closeLog()
		return nil, nil, err
	}
	if err := g.secretAfterSeeding(ctx, &o); err != nil {
		closeLog()
		return nil, nil, err
	}
	s, err := server.Start(ctx, o)
	if err != nil {
		closeLog()
		return nil, nil, problem(clients.Invalid, "start the demo server", err.Error(), "")
	}
	for _, k := range s.Skipped {
		g.note("%s is left out: %s", k.ID, k.Why)
	}
	for _, n := range s.Notes {
		g.note("%s", n)
	}
	if s.SecretIsNew {
		g.note("SECRET_KEY is not set: a secret was made for this run, and what it signed ends with it")
	}
	for _, sys := range s.Systems() {
		for _, w := range sys.Warn {
			g.note("warning: %s: %s", sys.ID, w)
		}
	}
	return s, closeLog, nil
}

// seedFirst makes in the servers of the context what the accounts need: for "seeds"
// people and all, for the story's the way back from Keycloak, in a stack that is ours.
// A server that is not on this machine is left alone, and that is said.
func (d *demoServe) seedFirst(ctx context.Context, g *globals, o server.Options) error {
	b, err := g.demoBackends(ctx)
	if err != nil || b == nil || !server.NeedsServers(o.Systems) {
		return err
	}
	if o.Env.Accounts == gate.Story && (stackBeside(b).Dir == "" || b.readOnly || !o.Serves("kc-web")) {
		return nil
	}
	if where := elsewhere(b); where != "" || b.readOnly {
		g.note("nothing is made in the servers of the context: %s", firstText(where+" is not on this machine", b.readOnly, "it is read-only"))
		return nil
	}
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	err = g.seedDemo(ctx, b, o.Env.Accounts, o.BaseURL(), func(s seeding.Step) {
		if s.Outcome != seeding.Same {
			g.note("%s: %s: %s", s.Server, s.Outcome, s.What+parenthesis(s.Note))
		}
	})
	if err != nil { // the systems that lean on nothing run all the same; the others answer 503
		g.note("not everything could be made in the servers of the context: %s", problemOf(err).Error())
	}
	return nil
}

// secretAfterSeeding reads the secret of a client that was made just now.
func (g *globals) secretAfterSeeding(ctx context.Context, o *server.Options) error {
	b, err := g.demoBackends(ctx)
	if err == nil && b != nil && o.Env.ClientSecret == "" && o.Env.RealmURL() != "" {
		o.Env.ClientSecret = webClientSecret(ctx, b, o.Env.Realm, o.Env.ClientID)
	}
	return err
}

func parenthesis(note string) string {
	if note == "" {
		return ""
	}
	return " (" + note + ")"
}

// firstText is a, or b where is.
func firstText(a string, is bool, b string) string {
	if is {
		return b
	}
	return a
}

// printListing prints the one line that scripts wait for.
func printListing(g *globals, s *server.Server) error {
	l := s.Listing()
	if f := g.format(); f == asJSON || f == asJSONL {
		b, err := encodeJSON(l)
		if err != nil {
			return err
		}
		return outputError(write(g.stdout, append(b, '\n')))
	}
	return printOne(g, l, nil, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s  %d systems, accounts: %s\n", l.URL, len(l.Systems), s.Env.Accounts)
		for _, sys := range l.Systems {
			_, _ = fmt.Fprintf(w, "  %-18s %s  (%s)\n", sys.ID, sys.URL, sys.Guard)
		}
		if s.Socket != "" {
			g.note("Decisions: gatehouse demo decisions --follow   (%s)", s.Socket)
		}
		return err
	})
}
