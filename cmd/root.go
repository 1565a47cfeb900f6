package cmd

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"charm.land/fang/v2"
	"github.com/spf13/cobra"

	"gatehouse/clients"
)

// Main runs one command line (without the program's name) and returns the exit
// code. Results go to w.Stdout, everything else to w.Stderr.
func Main(ctx context.Context, args []string, w World) int {
	g := newGlobals(w)
	ctx, interrupted, stop := withSignals(ctx)
	defer stop()
	root := newRootCommand(g)
	root.SetArgs(args)
	err := run(ctx, g, root)
	for _, f := range g.atEnd {
		f()
	}
	if err != nil && !g.json && !g.jsonl && slices.ContainsFunc(args, func(a string) bool { return a == "--json" || a == "--jsonl" }) {
		g.json = true // the error came before the flags were read
	}
	code, show := exitCode(err, interrupted())
	if show {
		g.printError(err)
	}
	return code
}

// run executes the tree and turns cobra's own complaints into usage errors.
func run(ctx context.Context, g *globals, root *cobra.Command) error {
	ran := false
	prepare(g, root, &ran)
	c, err := root.ExecuteContextC(ctx)
	if err == nil || ran {
		return err
	}
	return &clients.Problem{Kind: clients.Invalid, Op: "bad usage", Reason: oneSentence(err.Error()),
		Hint: "see " + c.CommandPath() + " --help"}
}

// prepare puts --timeout under every verb and notes when one starts, and makes a
// command that only holds others say so: cobra would print its help and succeed,
// and a script with a mistyped verb would go on.
func prepare(g *globals, c *cobra.Command, ran *bool) {
	c.SuggestionsMinimumDistance = 2
	for _, sub := range c.Commands() {
		prepare(g, sub, ran)
	}
	switch inner := c.RunE; {
	case inner != nil:
		c.RunE = func(c *cobra.Command, args []string) error {
			*ran = true
			ctx, cancel := g.deadline(c.Context())
			defer cancel()
			c.SetContext(ctx)
			return inner(c, args)
		}
	case c.Run == nil && c.HasSubCommands():
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			*ran = true
			return needVerb(c, args)
		}
	}
}

func needVerb(c *cobra.Command, args []string) error {
	p := &clients.Problem{Kind: clients.Invalid, Op: "bad usage", Hint: "see " + c.CommandPath() + " --help"}
	switch {
	case len(args) == 0:
		var verbs []string
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				verbs = append(verbs, sub.Name())
			}
		}
		p.Reason = c.CommandPath() + " needs one of: " + strings.Join(verbs, ", ")
	case len(c.SuggestionsFor(args[0])) > 0:
		p.Reason = fmt.Sprintf("%s has no %q, did you mean %s?", c.CommandPath(), args[0], strings.Join(c.SuggestionsFor(args[0]), " or "))
	default:
		p.Reason = fmt.Sprintf("%s has no %q", c.CommandPath(), args[0])
	}
	return p
}

// oneSentence joins the lines of cobra's suggestions.
func oneSentence(s string) string { return strings.Join(strings.Fields(s), " ") }

// newRootCommand builds the whole tree.
func newRootCommand(g *globals) *cobra.Command {
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "A terminal console for Ory Kratos, Ory Keto and Keycloak",
		Long: "gatehouse is a terminal console for identity and access: one program over\n" +
			"Ory Kratos (who somebody is), Ory Keto (which relations they hold) and\n" +
			"Keycloak (which roles reach their token).\n\n" +
			"Without a verb it opens the console.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(g.stdin)
	root.SetOut(g.stdout)
	root.SetErr(g.stderr)
	g.addFlags(root)
	root.AddGroup(
		&cobra.Group{ID: groupData, Title: "Data"},
		&cobra.Group{ID: groupAsk, Title: "Decisions"},
		&cobra.Group{ID: groupSetup, Title: "Setting up"},
	)
	root.SetHelpCommandGroupID(groupSetup)
	root.SetCompletionCommandGroupID(groupSetup)
	_ = root.RegisterFlagCompletionFunc("context", completeContexts(g))
	root.AddCommand(
		// data
		newPersonCommand(g),
		newIdentitiesCommand(g),
		newTuplesCommand(g),
		newNamespacesCommand(g),
		newUsersCommand(g),
		newGroupsCommand(g),
		newRolesCommand(g),
		newTokenCommand(g), newKeycloakCommand(g),
		// decisions
		newCheckCommand(g),
		newWhyCommand(g),
		newWhoCanCommand(g),
		newWhatCanCommand(g),
		newMatrixCommand(g),
		newWhatIfCommand(g),
		newFixCommand(g),
		newLintCommand(g),
		newTestCommand(g),
		newOPLCommand(g),
		// setting up
		newDemoCommand(g),
		newStackCommand(g),
		newConfigCommand(g),
		newContextCommand(g),
		newDoctorCommand(g),
		newSchemaCommand(g),
		newVersionCommand(g),
		newDocsCommand(g),
	)
	root.Flags().BoolVar(&g.plain, "plain", false, "open the console for a screen reader: lines in and lines out, nothing drawn")
	root.Args = cobra.ArbitraryArgs
	root.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return needVerb(c, args)
		}
		return g.runConsole(c.Context())
	}
	styleHelp(g, root)
	return root
}

// The groups under which help lists the commands.
const (
	groupData  = "data"
	groupAsk   = "ask"
	groupSetup = "setup"
)

// styleHelp draws help in colour where there is a terminal for it. fang draws it,
// but only help: it asks the terminal for its background colour before it prints
// an error, which would cost every "no" of a check a round trip on the terminal.
func styleHelp(g *globals, root *cobra.Command) {
	plain := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if !g.colour() {
			plain(c, args)
			return
		}
		var path []string
		for p := c; p.HasParent(); p = p.Parent() {
			path = append([]string{p.Name()}, path...)
		}
		root.SetArgs(append(path, "--help"))
		_ = fang.Execute(c.Context(), root, fang.WithoutVersion(), fang.WithoutManpage())
	})
}

// withSignals cancels the context at the first SIGINT or SIGTERM; the second one
// ends the process at once, as without us. SIGPIPE becomes an error of the write,
// so that a write to a server is not torn when the reader of our output goes away.
func withSignals(parent context.Context) (ctx context.Context, interrupted func() bool, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	var hit atomic.Bool
	ints, pipes := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(ints, os.Interrupt, syscall.SIGTERM)
	signal.Notify(pipes, syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		select {
		case <-ints:
			hit.Store(true)
			signal.Stop(ints)
			cancel()
		case <-done:
		}
	}()
	return ctx, hit.Load, func() {
		close(done)
		signal.Stop(ints)
		signal.Stop(pipes)
		cancel()
	}
}
