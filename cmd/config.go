package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/config"
)

func newConfigCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "config",
		Short:   "Make, find, check and show the configuration",
		GroupID: groupSetup,
	}
	c.AddCommand(newConfigInitCommand(g), newConfigPathCommand(g), newConfigValidateCommand(g), newConfigSchemaCommand(g), newConfigViewCommand(g))
	return c
}

func newConfigInitCommand(g *globals) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a commented configuration file to start from",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if g.dryRun {
				_, err := io.WriteString(g.stdout, config.Template())
				return outputError(err)
			}
			path, err := config.Init(g.configOptions(), force)
			if err != nil {
				return configFailed("write the configuration", err)
			}
			return printPath(g, path)
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace a file that exists")
	return c
}

// configFailed is what went wrong while doing op, as a Problem.
func configFailed(op string, err error) error {
	p := &clients.Problem{Kind: clients.Invalid, Op: op, Reason: err.Error(), Err: err}
	var e *config.Error
	if errors.As(err, &e) {
		bare := *e
		bare.Hint = ""
		p.Reason, p.Hint = bare.Error(), e.Hint
	}
	if errors.Is(err, fs.ErrExist) {
		p.Kind = clients.Conflict
	}
	return p
}

// pathOut is what config path and config init print.
type pathOut struct {
	Path   string `json:"path"`
	Exists bool   `json:"exists"`
}

func printPath(g *globals, path string) error {
	_, err := os.Stat(path)
	out := pathOut{path, err == nil}
	columns := []column[pathOut]{
		{Name: "path", Text: func(p pathOut) string { return p.Path }},
		{Name: "exists", Text: func(p pathOut) string { return fmt.Sprint(p.Exists) }},
	}
	return printOne(g, out, columns, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, cleanLine(path))
		return err
	})
}

func newConfigPathCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "path",
		Short: "Print which configuration file is read",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			path, _ := config.FindPath(g.configOptions())
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				g.note("it does not exist yet; make it with: gatehouse config init")
			}
			return printPath(g, path)
		},
	}
}

// configFinding is one line of config validate.
type configFinding struct {
	File    string `json:"file"`
	Line    int    `json:"line" jsonschema_description:"From 1; 0 when it concerns no line."`
	Context string `json:"context"`
	Key     string `json:"key"`
	Level   string `json:"level" jsonschema:"enum=error,enum=advice"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

var configFindingColumns = []column[configFinding]{
	{Name: "level", Text: func(f configFinding) string { return f.Level }},
	{Name: "file", Text: func(f configFinding) string { return f.File }},
	{Name: "line", Text: func(f configFinding) string { return fmt.Sprint(f.Line) }},
	{Name: "context", Text: func(f configFinding) string { return f.Context }},
	{Name: "key", Text: func(f configFinding) string { return f.Key }},
	{Name: "message", Text: func(f configFinding) string { return f.Message }},
	{Name: "hint", Text: func(f configFinding) string { return f.Hint }},
}

// configFindingLine is the plain form: the same one line that loading would end with.
func configFindingLine(f configFinding) string {
	e := config.Error{File: f.File, Line: f.Line, Msg: f.Message, Hint: f.Hint}
	if f.Context != "" {
		e.Msg = f.Context + "." + f.Key + ": " + f.Message
		if f.Key == "" {
			e.Msg = f.Context + ": " + f.Message
		}
	}
	return cleanLine(f.Level + ": " + e.Error())
}

func newConfigValidateCommand(g *globals) *cobra.Command {
	var secrets bool
	c := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration and everything that it refers to",
		Long: "Prints everything that is wrong, one line each, and what is unwise. No server is\n" +
			"contacted. Exits with 1 when something is wrong, with 0 when there is only advice.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			found := configFindings(c, g, secrets)
			out := newLines(g, configFindingColumns, configFindingLine).whenEmpty("nothing is wrong")
			bad := false
			for _, f := range found {
				bad = bad || f.Level == "error"
				if err := out.Add(f); err != nil {
					return err
				}
			}
			if err := out.Close(); err != nil || !bad {
				return err
			}
			return answerNo()
		},
	}
	c.Flags().BoolVar(&secrets, "secrets", false, "also resolve every secret, which may make a keyring or vault ask you")
	return c
}

func configFindings(c *cobra.Command, g *globals, secrets bool) []configFinding {
	var out []configFinding
	fail := func(e *config.Error) {
		out = append(out, configFinding{File: e.File, Line: e.Line, Key: e.Key, Level: "error", Message: e.Msg, Hint: e.Hint})
	}
	for _, e := range config.Validate(g.configOptions()) {
		fail(e)
	}
	conf, err := config.Load(g.configOptions())
	if err != nil {
		return out // Validate has said why
	}
	for _, w := range conf.Warnings {
		out = append(out, configFinding{File: "environment", Level: "advice", Message: w})
	}
	names := conf.Names()
	if g.contextName != "" || len(names) == 0 {
		names = []string{""} // the one that is asked for, or the reason why there is none
	}
	for _, name := range names {
		ctx, err := conf.Context(name)
		var e *config.Error
		if errors.As(err, &e) {
			fail(e)
			continue
		}
		for _, f := range ctx.Check(c.Context(), secrets) {
			level := "advice"
			if f.Fatal {
				level = "error"
			}
			out = append(out, configFinding{File: ctx.Origin, Context: ctx.Name, Key: f.Key, Level: level, Message: f.Msg, Hint: f.Hint})
		}
	}
	return out
}

func newConfigSchemaCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of the configuration file, for editors",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b, err := config.Schema()
			if err != nil {
				return fmt.Errorf("print the schema: %w", err)
			}
			if g.yaml {
				if b, err = yaml.JSONToYAML(b); err != nil {
					return fmt.Errorf("print the schema: %w", err)
				}
			}
			_, err = g.stdout.Write(append(b, '\n'))
			return outputError(err)
		},
	}
}

func newConfigViewCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "view",
		Short: "Print the configuration in effect, without secrets",
		Long: "Prints all contexts with their defaults filled in, and the context in use with\n" +
			"the environment and the flags laid over it. References to secrets are shown,\n" +
			"secrets are not.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			conf, err := g.loadConfig()
			if err != nil {
				return err
			}
			text, err := conf.View()
			if err != nil {
				return configFailed("show the configuration", err)
			}
			if g.format() == asJSON || g.format() == asJSONL {
				b, err := yaml.YAMLToJSON([]byte(text))
				if err != nil || !json.Valid(b) {
					return fmt.Errorf("show the configuration: it cannot be written as JSON")
				}
				text = string(escapeJSON(b))
			}
			_, err = io.WriteString(g.stdout, text)
			return outputError(err)
		},
	}
}
