package cmd

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"charm.land/fang/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go run .. docs --dir ../docs

// generatedDocs are the documents that are written from the program itself, by
// file name. A test keeps the files current.
var generatedDocs = map[string]func(w io.Writer, root *cobra.Command) error{
	"commands.md":        writeCommandDocs,
	"demo-deviations.md": func(w io.Writer, _ *cobra.Command) error { return writeDeviationDocs(w) },
	"demo-systems.md":    func(w io.Writer, _ *cobra.Command) error { return writeSystemDocs(w) },
	"keys.md":            writeKeyDocs,
	"lints.md":           func(w io.Writer, _ *cobra.Command) error { return writeLintDocs(w) },
	"output.md":          func(w io.Writer, _ *cobra.Command) error { return writeSchemaDocs(w) },
}

// newDocsCommand is for those who build gatehouse, so help does not show it.
func newDocsCommand(g *globals) *cobra.Command {
	dir := ""
	c := &cobra.Command{
		Use:    "docs --dir DIR",
		Short:  "Write the generated documents",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, name := range slices.Sorted(maps.Keys(generatedDocs)) {
				path := filepath.Join(dir, name)
				var out bytes.Buffer
				if err := generatedDocs[name](&out, c.Root()); err != nil {
					return err
				}
				if g.dryRun {
					g.note("would write %s (%d bytes)", path, out.Len())
					continue
				}
				if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
					return fmt.Errorf("write the documents: %w", err)
				}
				g.note("%s", path)
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "docs", "the `FOLDER` to write into")
	c.AddCommand(&cobra.Command{
		Use:   "man",
		Short: "Print the manual page",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			root := c.Root()
			root.SetArgs([]string{"man"}) // fang adds the command that it then runs
			return fang.Execute(c.Context(), root, fang.WithoutVersion())
		},
	})
	return c
}

// writeCommandDocs writes the reference of all verbs as Markdown.
func writeCommandDocs(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	b.WriteString("# Commands\n\nWritten by `make docs` from the program itself; do not edit.\n\n")
	b.WriteString("What scripts may rely on: results go to stdout and everything else to stderr. The exit code is\n" +
		"**0** for done or yes, **1** for no (denied, not found), **2** for what could not be told or done,\n" +
		"and **130** when interrupted. The form of the output is in [output.md](output.md).\n\n")
	b.WriteString("## Flags of every command\n\n")
	writeFlags(&b, root.PersistentFlags())
	b.WriteString("\n## The commands\n\n")
	visible(root, func(c *cobra.Command) {
		fmt.Fprintf(&b, "- [`%s`](#%s) %s\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
	})
	visible(root, func(c *cobra.Command) { writeCommand(&b, c) })
	_, err := io.WriteString(w, b.String())
	return err
}

// visible calls f for each command that help shows, parents before children.
func visible(c *cobra.Command, f func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
			continue
		}
		f(sub)
		visible(sub, f)
	}
}

func writeCommand(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n", c.CommandPath(), strings.TrimSuffix(c.Short, "."))
	if c.Long != "" {
		fmt.Fprintf(b, "\n%s\n", c.Long)
	}
	if c.HasAvailableSubCommands() {
		return
	}
	fmt.Fprintf(b, "\n```\n%s\n```\n", c.UseLine())
	if c.HasExample() {
		fmt.Fprintf(b, "\nExamples:\n\n```\n%s\n```\n", dedent(c.Example))
	}
	if len(c.Aliases) > 0 {
		fmt.Fprintf(b, "\nAlso: `%s`\n", strings.Join(c.Aliases, "`, `"))
	}
	if c.LocalNonPersistentFlags().HasAvailableFlags() {
		b.WriteString("\n")
		writeFlags(b, c.LocalNonPersistentFlags())
	}
}

// writeFlags writes a table of flags.
func writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	b.WriteString("| Flag | |\n|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		kind, usage := pflag.UnquoteUsage(f)
		if kind != "" {
			name += " " + kind
		}
		if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "0s" && d != "[]" {
			usage += " (default " + d + ")"
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, cell(usage))
	})
}

// cell makes text safe inside a table of Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}

// dedent takes the two spaces off the lines that help wants.
func dedent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}
