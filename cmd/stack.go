package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/stack"
)

// newStackCommand holds the verbs about the real servers on this machine.
func newStackCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "stack",
		Short:   "Real Kratos, Keto, Keycloak and Oathkeeper on this machine",
		Long:    "Runs the real servers as processes of this machine, on loopback and without containers.\nThey are built once into the user's cache folder; each stack has a folder with its data.",
		GroupID: groupSetup,
	}
	c.AddCommand(newStackUpCommand(g), newStackDownCommand(g), newStackSeedCommand(g), newStackStatusCommand(g), newStackListCommand(g),
		newStackLogsCommand(g), newStackEnvCommand(g), newStackCacheCommand(g), newStackComposeCommand(g), newStackSuperviseCommand(g))
	return c
}

// addStackName adds the flag that says which stack is meant.
func addStackName(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "name", stack.DefaultName, "which `STACK`: several run side by side")
	_ = c.RegisterFlagCompletionFunc("name", func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return stack.Names(), cobra.ShellCompDirectiveNoFileComp
	})
}

// stackUp are the flags of stack up.
type stackUp struct {
	o      stack.Options
	with   []string
	ports  string
	bins   map[stack.Server]*string
	seed   string
	detach bool
}

func newStackUpCommand(g *globals) *cobra.Command {
	u := &stackUp{bins: map[stack.Server]*string{}}
	c := &cobra.Command{
		Use:   "up",
		Short: "Build what is missing, start the servers, fill them, and print where they are",
		Long: "Starts Kratos, Keto, Keycloak and Oathkeeper on loopback and prints where they listen once all are\n" +
			"ready. Stays in the foreground until Ctrl-C; with --detach the servers go on in the background until\n" +
			"`gatehouse stack down`. However gatehouse ends, its servers end with it. --timeout bounds the start alone.\n\n" +
			"A server that cannot run, for want of a compiler or of Java, is reported with what to do about it, and\n" +
			"the others run; a server that --with names must run.",
		Example: "  gatehouse stack up\n  gatehouse stack up --detach --json > stack.json\n  gatehouse stack up --name scratch --with kratos,keto --seed none",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return u.run(c.Context(), g) },
	}
	f := c.Flags()
	addStackName(c, &u.o.Name)
	f.StringVar(&u.o.Dir, "dir", "", "`FOLDER` of the stack's data (remembered; by default in the state folder)")
	f.BoolVarP(&u.detach, "detach", "d", false, "run in the background until stack down")
	f.StringSliceVar(&u.with, "with", nil, "start only these `SERVERS`, separated by commas: kratos, keto, keycloak, oathkeeper")
	f.StringVar(&u.ports, "ports", string(stack.FreePorts), "`free` ports, or the well-known `default` ones (4433, 4466, 8080, …)")
	f.StringVar(&u.seed, "seed", defaultSeed, "what to fill the servers with: `story` or none")
	f.StringVar(&u.o.Database, "database", "", "keep the data on this PostgreSQL: a `URL`, or env:NAME or file:PATH that holds it")
	f.StringVar(&u.o.OPL, "opl", "", "`FILE` with a permission model for Keto, in place of the story's")
	f.StringVar(&u.o.UIURL, "ui-url", stack.DefaultUIURL, "`URL` of the login pages that Kratos and Oathkeeper send people to")
	f.StringVar(&u.o.UpstreamURL, "upstream-url", stack.DefaultUpstreamURL, "`URL` of what Oathkeeper guards")
	f.BoolVar(&u.o.NoRestart, "no-restart", false, "leave a server that crashed as it is")
	for _, s := range stack.Servers() {
		flag, what := string(s)+"-bin", "use this `BINARY` of "+string(s)+" instead of building one"
		if s == stack.Keycloak {
			flag, what = "keycloak-dist", "use (a copy of) this unpacked Keycloak `FOLDER` instead of fetching it"
		}
		u.bins[s] = f.String(flag, "", what)
	}
	_ = c.MarkFlagDirname("dir")
	_ = c.RegisterFlagCompletionFunc("with", cobra.FixedCompletions([]cobra.Completion{"kratos", "keto", "keycloak", "oathkeeper"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("ports", cobra.FixedCompletions([]cobra.Completion{"free", "default"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("seed", cobra.FixedCompletions([]cobra.Completion{"story", "none"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// options turns the flags into what package stack wants.
func (u *stackUp) options(g *globals) (stack.Options, error) {
	o := u.o
	o.Ports = stack.PortMode(u.ports)
	for _, s := range u.with {
		o.With = append(o.With, stack.Server(strings.TrimSpace(s)))
	}
	o.Binaries = map[stack.Server]string{}
	for s, path := range u.bins {
		if *path != "" {
			o.Binaries[s] = *path
		}
	}
	o.Progress = func(s stack.Server, line string) {
		if s == "" {
			s = "stack"
		}
		g.note("%-10s %s", s, line)
	}
	return o, prepareSeed(&o, u.seed)
}

func (u *stackUp) run(ctx context.Context, g *globals) error {
	if g.dryRun {
		return usageError("stack up starts servers of its own and has nothing to try out; leave --dry-run away")
	}
	o, err := u.options(g)
	if err != nil {
		return err
	}
	if u.detach {
		info, err := stack.Detach(ctx, o, u.seed, "stack", "supervise", "--name", o.Name)
		if err != nil {
			return stackFailed("start the stack", err)
		}
		return printStack(g, info, fmt.Sprintf("It runs in the background; `gatehouse stack down --name %s` stops it.", info.Name))
	}
	st, err := stack.Up(ctx, o)
	if err != nil {
		return stackFailed("start the stack", err)
	}
	// The context of a verb ends with --timeout, which is to bound the start alone.
	// The terminal's hang-up is a way to stop the stack too.
	signals, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := printStack(g, st.Info(), "Ctrl-C stops it."); err != nil {
		_ = st.Down()
		return err
	}
	_ = st.Wait(signals)
	stop() // a second Ctrl-C ends us, and the servers with us, at once
	return st.Down()
}

// printStack prints where the servers are. hint is for people only.
func printStack(g *globals, i stack.Info, hint string) error {
	columns := []column[stack.Info]{
		{Name: "name", Text: func(i stack.Info) string { return i.Name }},
		{Name: "config", Text: func(i stack.Info) string { return i.Config }},
		{Name: "kratos", Text: func(i stack.Info) string { return i.Kratos.AdminURL }},
		{Name: "keto", Text: func(i stack.Info) string { return i.Keto.ReadURL }},
		{Name: "keycloak", Text: func(i stack.Info) string { return i.Keycloak.URL }},
		{Name: "oathkeeper", Text: func(i stack.Info) string { return i.Oathkeeper.ProxyURL }},
	}
	err := printOne(g, i, columns, func(w io.Writer) error { return describeStack(w, i) })
	if err == nil && g.format() == asText {
		g.note("%s", hint)
		g.note(`In another shell: eval "$(gatehouse stack env --name %s)"`, i.Name)
	}
	return err
}

func describeStack(w io.Writer, i stack.Info) error {
	d := &detail{}
	d.add("stack", i.Name)
	line := func(s stack.Server, version string, urls ...string) {
		if why := i.Missing(s); why != "" {
			d.add(string(s), "does not run: "+why)
			return
		}
		d.add(string(s), strings.Join(urls, "  ")+"  ("+version+")")
	}
	line(stack.Kratos, i.Kratos.Version, "public "+i.Kratos.PublicURL, "admin "+i.Kratos.AdminURL)
	line(stack.Keto, i.Keto.Version, "read "+i.Keto.ReadURL, "write "+i.Keto.WriteURL, "opl "+i.Keto.OPLURL)
	line(stack.Keycloak, i.Keycloak.Version, i.Keycloak.URL, "realm "+i.Keycloak.Realm, "user "+i.Keycloak.AdminUsername+", password in "+i.Keycloak.AdminPasswordFile)
	line(stack.Oathkeeper, i.Oathkeeper.Version, "proxy "+i.Oathkeeper.ProxyURL, "api "+i.Oathkeeper.APIURL)
	d.add("model", i.Keto.OPL)
	d.add("config", i.Config)
	d.add("data", i.Dir)
	return d.print(w)
}

// stackFailed is an error of package stack as a Problem.
func stackFailed(op string, err error) error {
	kind := clients.KindOf(err)
	switch {
	case errors.Is(err, stack.ErrRunning):
		kind = clients.Conflict
	case errors.Is(err, stack.ErrNotFound):
		kind = clients.NotFound
	case kind == clients.Unreachable:
		kind = clients.Invalid // something of this machine, not of a network
	}
	reason, hint := err.Error(), ""
	if i := strings.LastIndex(reason, "; "); i >= 0 {
		reason, hint = reason[:i], reason[i+2:]
	}
	return &clients.Problem{Kind: kind, Op: op, Reason: reason, Hint: hint, Err: err}
}

// newStackSuperviseCommand is what stack up --detach starts again in the background.
func newStackSuperviseCommand(g *globals) *cobra.Command {
	var name string // for those who look at the list of processes
	c := &cobra.Command{
		Use:    "supervise",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return stack.Supervise(c.Context(), prepareSeed)
		},
	}
	c.Flags().StringVar(&name, "name", "", "the stack's name")
	return c
}

// stackServers reads the names of servers from arguments.
func stackServers(args []string, also ...stack.Server) ([]stack.Server, error) {
	var list []stack.Server
	for _, a := range args {
		s := stack.Server(a)
		if !slices.Contains(stack.Servers(), s) && !slices.Contains(also, s) {
			return nil, usageError("%q is no server; choose from kratos, keto, keycloak and oathkeeper", a)
		}
		list = append(list, s)
	}
	return list, nil
}
