package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/config"
)

func newContextCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "context",
		Short:   "List the contexts and choose the current one",
		GroupID: groupSetup,
	}
	c.AddCommand(newContextListCommand(g), newContextUseCommand(g))
	return c
}

// contextOut is one row of context ls.
type contextOut struct {
	Name        string   `json:"name"`
	InUse       bool     `json:"in_use" jsonschema_description:"The context that commands use now."`
	BackEnds    []string `json:"back_ends" jsonschema_description:"Which of kratos, keto and keycloak it names."`
	Production  bool     `json:"production"`
	ReadOnly    bool     `json:"read_only"`
	Description string   `json:"description"`
}

var contextColumns = []column[contextOut]{
	{Name: "name", Text: func(c contextOut) string { return c.Name }},
	{Name: "in_use", Text: func(c contextOut) string { return yesOrEmpty(c.InUse) }},
	{Name: "back_ends", Text: func(c contextOut) string { return strings.Join(c.BackEnds, " ") }},
	{Name: "production", Text: func(c contextOut) string { return yesOrEmpty(c.Production) }},
	{Name: "read_only", Text: func(c contextOut) string { return yesOrEmpty(c.ReadOnly) }},
	{Name: "description", Text: func(c contextOut) string { return c.Description }},
}

func yesOrEmpty(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func newContextListCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the contexts",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			conf, err := g.loadConfig()
			if err != nil {
				return err
			}
			inUse := ""
			if ctx, err := conf.Context(""); err == nil {
				inUse = ctx.Name
			}
			out := newRows(g, contextColumns).whenEmpty("there are no contexts; make some with: gatehouse config init")
			for _, name := range conf.Names() {
				if err := out.Add(contextRow(conf, name, inUse)); err != nil {
					return err
				}
			}
			return out.Close()
		},
	}
}

// contextRow describes a context as it would be used; one that cannot be used as
// it stands is described as it is written.
func contextRow(conf *config.Config, name, inUse string) contextOut {
	ctx := conf.Contexts[name]
	if name == inUse {
		if used, err := conf.Context(name); err == nil {
			ctx = used
		}
	}
	row := contextOut{Name: name, InUse: name == inUse, BackEnds: []string{}, Production: ctx.Production, ReadOnly: ctx.ReadOnly, Description: ctx.Description}
	for _, b := range []struct {
		name string
		has  bool
	}{{"kratos", ctx.Kratos != nil}, {"keto", ctx.Keto != nil}, {"keycloak", ctx.Keycloak != nil}} {
		if b.has {
			row.BackEnds = append(row.BackEnds, b.name)
		}
	}
	return row
}

func newContextUseCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "use NAME",
		Short: "Make a context the current one",
		Args:  cobra.ExactArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			conf, err := config.Load(g.configOptions())
			if err != nil || len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return conf.Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if g.dryRun {
				conf, err := g.loadConfig()
				if err != nil {
					return err
				}
				if _, err := conf.Context(args[0]); err != nil {
					return configFailed("use a context", err)
				}
				g.note("would make %s the current context of %s", args[0], conf.Path)
				return nil
			}
			path, err := config.Use(g.configOptions(), args[0])
			if err != nil {
				return configFailed("use a context", err)
			}
			if v := g.getenv("GATEHOUSE_CONTEXT"); v != "" && v != args[0] {
				g.note("GATEHOUSE_CONTEXT is set and still wins: %s", v)
			}
			out := contextUsed{args[0], path}
			return printOne(g, out, nil, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%s\n", cleanLine(args[0]))
				return err
			})
		},
	}
}

// contextUsed is what context use prints.
type contextUsed struct {
	Name string `json:"name"`
	File string `json:"file"`
}
