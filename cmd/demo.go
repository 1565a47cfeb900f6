package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/config"
	"gatehouse/demo/tour"
	"gatehouse/stack"
	"gatehouse/stack/story"
)

// demoName is the stack that `gatehouse demo` runs.
const demoName = "demo"

// newDemoCommand runs everything that there is to see on one machine.
func newDemoCommand(g *globals) *cobra.Command {
	var text bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "The real servers with a small company in them, and the console over it",
		Long: "Builds (the first time) and starts Kratos, Keto, Oathkeeper and Keycloak on loopback, fills them with a\n" +
			"small company and its support tickets, and opens the console. Without a terminal, or with --text, it plays\n" +
			"the same as text instead: look somebody up, ask and be denied, add the missing relation tuple, ask and be\n" +
			"allowed, grant a role and see it in the token, undo both. Everything is stopped at the end; the data stay\n" +
			"for the next time, and the tickets' faults are made anew.",
		Example: "  gatehouse demo\n  gatehouse demo --text",
		GroupID: groupSetup,
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return g.runDemo(c.Context(), text) },
	}
	c.Flags().BoolVar(&text, "text", false, "play the story as text even on a terminal")
	c.AddCommand(newDemoServeCommand(g), newDemoSystemsCommand(g), newDemoDecisionsCommand(g), newDemoSeedCommand(g), newDemoCheckCommand(g), newDemoOathkeeperCommand(g))
	return c
}

func (g *globals) runDemo(ctx context.Context, text bool) error {
	text = text || !isTerminal(g.stdin) || !isTerminal(g.stdout)
	begin := time.Now()
	g.note("Starting the real servers. The first time they are built, which takes some minutes.")
	o := stack.Options{Name: demoName, Progress: func(s stack.Server, line string) {
		if s == "" {
			s = "stack"
		}
		g.note("%-10s %s", s, line)
	}}
	if err := prepareSeed(&o, "story"); err != nil {
		return err
	}
	st, err := stack.Up(ctx, o)
	if err != nil {
		return stackFailed("start the demo", err)
	}
	defer func() {
		g.note("Stopping the servers.")
		_ = st.Down()
	}()
	g.note("Ready after %s. What other programs need is in %s", time.Since(begin).Round(time.Second), st.Info().Config)
	if text {
		return g.playTour(ctx, st.Info())
	}
	conf, err := config.Load(config.Options{Path: st.Info().Config, ReadOnly: g.readOnly})
	if err != nil {
		return configProblem(err)
	}
	chosen, err := conf.Context(st.Info().Name)
	if err != nil {
		return configProblem(err)
	}
	quiet := *g // the servers' news would tear the screen; Home shows how they are
	quiet.quiet = true
	o.Progress = nil
	return newConsole(ctx, newBackends(chosen)).run(ctx, &quiet)
}

// playTour tells the story as text. Each step looks at what it did.
func (g *globals) playTour(ctx context.Context, info stack.Info) error {
	st, err := story.Load()
	if err != nil {
		return err
	}
	c, err := stackClients(ctx, info)
	if err != nil {
		return err
	}
	fmt.Fprintln(g.stdout)
	return tour.Play(ctx, c, st, g.stdout)
}
