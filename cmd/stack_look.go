package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/stack"
)

func newStackStatusCommand(g *globals) *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "status",
		Short: "Say how the servers of a stack are now (exit code 1 if not all is well)",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := stack.Load(c.Context(), name)
			if err != nil {
				return stackFailed("look at the stack", err)
			}
			if err := printStackStatus(g, s); err != nil {
				return err
			}
			if !s.Healthy() {
				return answerNo()
			}
			return nil
		},
	}
	addStackName(c, &name)
	return c
}

// printStackStatus prints one object, in plain text and CSV one line a server.
func printStackStatus(g *globals, s stack.Status) error {
	columns := []column[stack.ServerStatus]{
		{Name: "server", Text: func(v stack.ServerStatus) string { return string(v.Server) }},
		{Name: "state", Text: func(v stack.ServerStatus) string { return strings.ReplaceAll(string(v.State), "_", " ") }},
		{Name: "version", Text: func(v stack.ServerStatus) string { return v.Version }},
		{Name: "pid", Text: func(v stack.ServerStatus) string { return orNothing(v.PID) }},
		{Name: "uptime", Text: func(v stack.ServerStatus) string { return uptime(v.UptimeMS) }},
		{Name: "restarts", Text: func(v stack.ServerStatus) string { return orNothing(v.Restarts) }},
		{Name: "ports", Text: func(v stack.ServerStatus) string { return portsText(v.Server, v.Ports) }},
		{Name: "note", Text: func(v stack.ServerStatus) string {
			if v.Missing != "" {
				return v.Missing
			}
			return v.LastExit
		}},
	}
	if f := g.format(); f != asText && f != asCSV {
		return printOne(g, s, nil, nil)
	}
	if g.format() == asText {
		d := &detail{}
		d.add("stack", s.Name)
		state := string(s.Phase)
		if s.Running() {
			state += fmt.Sprintf(", pid %d, up %s", s.PID, uptime(s.UptimeMS))
		}
		d.add("state", state)
		d.add("database", s.Database)
		d.add("data", s.Dir)
		if err := d.print(g.stdout); err != nil {
			return outputError(err)
		}
	}
	r := newRows(g, columns)
	for _, v := range s.Servers {
		if err := r.Add(v); err != nil {
			return err
		}
	}
	return r.Close()
}

func orNothing(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func uptime(ms int64) string {
	if ms <= 0 {
		return ""
	}
	return (time.Duration(ms) * time.Millisecond).Round(time.Second).String()
}

// portsText lists the ports in the order in which people think of them.
func portsText(s stack.Server, ports map[string]int) string {
	var parts []string
	for _, l := range stack.Listeners(s) {
		if n := ports[l]; n != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", l, n))
		}
	}
	return strings.Join(parts, ", ")
}

func newStackListCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the stacks of this user",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, problems := stack.List(c.Context())
			r := newRows(g, []column[stack.Status]{
				{Name: "name", Text: func(s stack.Status) string { return s.Name }},
				{Name: "phase", Text: func(s stack.Status) string { return string(s.Phase) }},
				{Name: "healthy", Text: func(s stack.Status) string { return fmt.Sprint(s.Healthy()) }},
				{Name: "pid", Text: func(s stack.Status) string { return orNothing(s.PID) }},
				{Name: "uptime", Text: func(s stack.Status) string { return uptime(s.UptimeMS) }},
				{Name: "database", Text: func(s stack.Status) string { return s.Database }},
				{Name: "dir", Text: func(s stack.Status) string { return s.Dir }},
			}).whenEmpty("There is no stack; `gatehouse stack up` starts one.")
			for _, s := range all {
				if err := r.Add(s); err != nil {
					return err
				}
			}
			if problems != nil {
				r.Abort()
				return stackFailed("list the stacks", problems)
			}
			return r.Close()
		},
	}
}

func newStackLogsCommand(g *globals) *cobra.Command {
	var name string
	o := stack.LogOptions{}
	c := &cobra.Command{
		Use:       "logs [SERVER]…",
		Short:     "Show what the servers log",
		Long:      "Shows the end of the servers' logs, each line safe for a terminal and without the stack's secrets.\n`supervisor` names the log of a detached stack's own supervisor.",
		ValidArgs: []cobra.Completion{"kratos", "keto", "keycloak", "oathkeeper", "supervisor"},
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if o.Servers, err = stackServers(args, stack.Supervisor); err != nil {
				return err
			}
			if err := stack.Logs(c.Context(), name, o, g.stdout); err != nil {
				if out := outputError(err); errors.Is(out, errReaderGone) {
					return out
				}
				return stackFailed("show the logs", err)
			}
			return nil
		},
	}
	addStackName(c, &name)
	c.Flags().BoolVarP(&o.Follow, "follow", "f", false, "go on with what is added, until Ctrl-C")
	c.Flags().IntVarP(&o.Lines, "lines", "n", 40, "how many of the last `LINES` of each server; -1 for all")
	return c
}

func newStackEnvCommand(g *globals) *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:     "env",
		Short:   "Print shell exports for a running stack",
		Example: `  eval "$(gatehouse stack env)"`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := stack.Load(c.Context(), name)
			if err != nil {
				return stackFailed("print the environment", err)
			}
			if !s.Running() {
				return stackFailed("print the environment", fmt.Errorf("%w that runs: %q is %s; start it with `gatehouse stack up --name %s`", stack.ErrNotFound, name, s.Phase, name))
			}
			return printEnv(g, s.Info.Env())
		},
	}
	addStackName(c, &name)
	return c
}

func printEnv(g *globals, vars []stack.Variable) error {
	if f := g.format(); f == asJSON || f == asYAML {
		m := map[string]string{}
		for _, v := range vars {
			m[v.Name] = v.Value
		}
		return printOne(g, m, nil, nil)
	}
	r := newLines(g, []column[stack.Variable]{
		{Name: "name", Text: func(v stack.Variable) string { return v.Name }},
		{Name: "value", Text: func(v stack.Variable) string { return v.Value }},
	}, func(v stack.Variable) string { return "export " + v.Name + "=" + shellQuote(v.Value) })
	for _, v := range vars {
		if err := r.Add(v); err != nil {
			return err
		}
	}
	return r.Close()
}

// shellQuote makes a value one word of any POSIX shell, whatever is in it.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func newStackDownCommand(g *globals) *cobra.Command {
	var name string
	var wipe, all bool
	c := &cobra.Command{
		Use:   "down",
		Short: "Stop the servers of a stack; with --wipe also delete their data",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			names := []string{name}
			if all {
				names = stack.Names()
			}
			var problems []error
			for _, n := range names {
				problems = append(problems, stackDown(c.Context(), g, n, wipe))
			}
			return errors.Join(problems...)
		},
	}
	addStackName(c, &name)
	c.Flags().BoolVar(&wipe, "wipe", false, "delete the stack's data, its databases included")
	c.Flags().BoolVar(&all, "all", false, "every stack of this user")
	c.MarkFlagsMutuallyExclusive("name", "all")
	return c
}

func stackDown(ctx context.Context, g *globals, name string, wipe bool) error {
	if g.dryRun {
		s, err := stack.Load(ctx, name)
		if err != nil {
			return stackFailed("stop the stack", err)
		}
		if s.Running() {
			g.note("%-10s would stop pid %d and its servers", name, s.PID)
		}
		if wipe {
			g.note("%-10s would delete the data in %s", name, s.Dir)
		}
		return nil
	}
	err := stack.Stop(ctx, name, wipe, func(line string) { g.note("%-10s %s", name, line) })
	if err != nil {
		return stackFailed("stop the stack", err)
	}
	return nil
}

func newStackCacheCommand(g *globals) *cobra.Command {
	var clear bool
	c := &cobra.Command{
		Use:   "cache",
		Short: "Show what is kept of built servers; with --clear delete it",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			entries, err := stack.CacheEntries()
			if err != nil {
				return stackFailed("look at the cache", err)
			}
			r := newRows(g, []column[stack.CacheEntry]{
				{Name: "name", Text: func(e stack.CacheEntry) string { return e.Name }},
				{Name: "mb", Text: func(e stack.CacheEntry) string { return thousands(int(e.Bytes >> 20)) }},
				{Name: "path", Text: func(e stack.CacheEntry) string { return e.Path }},
			}).whenEmpty("Nothing is kept.")
			for _, e := range entries {
				if err := r.Add(e); err != nil {
					return err
				}
			}
			if err := r.Close(); err != nil || !clear || g.dryRun {
				return err
			}
			if err := stack.ClearCache(c.Context()); err != nil {
				return stackFailed("clear the cache", err)
			}
			g.note("Deleted; the next stack builds its servers anew.")
			return nil
		},
	}
	c.Flags().BoolVar(&clear, "clear", false, "delete it all; refused while a stack runs")
	return c
}

func newStackComposeCommand(g *globals) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "compose",
		Short: "Write the same servers as a folder for docker compose",
		Long:  "Writes compose.yaml, the configuration files that it mounts, and an .env file (mode 0600) with random secrets.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if g.dryRun {
				g.note("would write compose.yaml, .env and the files they name to %s", dir)
				return nil
			}
			files, err := stack.WriteCompose(dir)
			if err != nil {
				return stackFailed("write the folder", err)
			}
			r := newLines(g, []column[string]{{Name: "path", Text: func(p string) string { return p }}}, cleanLine)
			for _, f := range files {
				if err := r.Add(f); err != nil {
					return err
				}
			}
			return r.Close()
		},
	}
	c.Flags().StringVar(&dir, "dir", "gatehouse-compose", "`FOLDER` to write to; files that are there stay")
	_ = c.MarkFlagDirname("dir")
	return c
}
