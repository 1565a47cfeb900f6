package cmd

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/config"
	"gatehouse/demo/gate"
	"gatehouse/demo/systems/kratosui"
	"gatehouse/demo/tour"
	"gatehouse/stack"
	"gatehouse/stack/story"
)

// demoName is the stack that `gatehouse demo` runs.
const demoName = "demo"

// newDemoCommand runs everything that there is to see on one machine.
func newDemoCommand(g *globals) *cobra.Command {
	var text bool
	var listen string
	c := &cobra.Command{
		Use:   "demo",
		Short: "The real servers with a small company in them, and the console over it",
		Long: "Builds (the first time) and starts Kratos, Keto, Oathkeeper and Keycloak on loopback, fills them with a\n" +
			"small company and its support tickets, serves the guarded applications, and opens the console. Without a terminal, or with --text, it plays\n" +
			"the same as text instead: look somebody up, ask and be denied, add the missing relation tuple, ask and be\n" +
			"allowed, grant a role and see it in the token, undo both. Everything is stopped at the end; the data stay\n" +
			"for the next time, and the tickets' faults are made anew.",
		Example: "  gatehouse demo\n  gatehouse demo --text",
		GroupID: groupSetup,
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return g.runDemo(c.Context(), text, listen) },
	}
	c.Flags().BoolVar(&text, "text", false, "play the story as text even on a terminal")
	c.Flags().StringVar(&listen, "listen", "", "`HOST:PORT` of the guarded applications (default 127.0.0.1:4480, or a free port)")
	c.AddCommand(newDemoServeCommand(g), newDemoSystemsCommand(g), newDemoDecisionsCommand(g), newDemoExplainCommand(g), newDemoSeedCommand(g), newDemoCheckCommand(g), newDemoOathkeeperCommand(g))
	return c
}

// serveNote says where the guarded applications are; the text of a note.
const serveNote = "The guarded applications are at %s"

func (g *globals) runDemo(ctx context.Context, text bool, listen string) error {
	text = text || !isTerminal(g.stdin) || !isTerminal(g.stdout)
	begin := time.Now()
	l, err := demoListener(listen)
	if err != nil {
		return problem(clients.Conflict, "start the demo", err.Error(), "choose another --listen")
	}
	defer l.Close()
	g.note("Starting the real servers. The first time they are built, which takes some minutes.")
	o := demoStack("http://" + l.Addr().String())
	o.Progress = func(s stack.Server, line string) {
		if s == "" {
			s = "stack"
		}
		g.note("%-10s %s", s, line)
	}
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
	socket, stop := g.serveBeside(ctx, st.Info(), l)
	defer stop()
	if text {
		return g.playTour(ctx, st.Info())
	}
	return g.demoConsole(ctx, st.Info(), socket)
}

// demoListener takes the address before the servers are told of it. The usual port
// may be taken; then any will do, unless one was asked for.
func demoListener(listen string) (net.Listener, error) {
	if listen != "" {
		return net.Listen("tcp", listen)
	}
	if l, err := net.Listen("tcp", "127.0.0.1:4480"); err == nil {
		return l, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// demoStack is the stack of the demo: its login pages are the demo server's, and so
// is what Oathkeeper guards.
func demoStack(origin string) stack.Options {
	return stack.Options{Name: demoName, UIURL: origin + "/s/" + kratosui.ID, UpstreamURL: origin, Settings: map[stack.Server]map[string]any{
		stack.Kratos: {"selfservice.allowed_return_urls": []string{origin}, "serve.public.cors.allowed_origins": []string{origin}},
	}}
}

// serveBeside runs the guarded applications over a stack. Without them the rest of
// the demo works all the same, and that is said.
func (g *globals) serveBeside(ctx context.Context, info stack.Info, l net.Listener) (socket string, stop func()) {
	own := *g
	own.configFile, own.contextName = info.Config, info.Name
	d := &demoServe{accounts: string(gate.Story), uiListen: "off", uiURL: "http://" + l.Addr().String() + "/s/" + kratosui.ID}
	d.o.Listener, d.o.Listen, d.o.ProviderListen = l, l.Addr().String(), "auto"
	s, closeLog, err := d.start(ctx, &own)
	if err != nil {
		g.note("The guarded applications cannot be served: %s", err)
		return "", func() {}
	}
	g.note(serveNote, s.URL)
	return s.Socket, func() {
		_ = s.Close()
		closeLog()
	}
}

// demoConsole opens the console over a stack.
func (g *globals) demoConsole(ctx context.Context, info stack.Info, socket string) error {
	conf, err := config.Load(config.Options{Path: info.Config, ReadOnly: g.readOnly})
	if err != nil {
		return configProblem(err)
	}
	chosen, err := conf.Context(info.Name)
	if err != nil {
		return configProblem(err)
	}
	quiet := *g // the servers' news would tear the screen; Home shows how they are
	quiet.quiet = true
	c := newConsole(ctx, newBackends(chosen))
	c.demoSocket = socket
	return c.run(ctx, &quiet)
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
