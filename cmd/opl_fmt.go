package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access/opl"
	"gatehouse/clients"
)

type oplFormatOptions struct {
	g                  *globals
	write, diff, check bool
}

func newOPLFormatCommand(g *globals) *cobra.Command {
	o := &oplFormatOptions{g: g}
	c := &cobra.Command{
		Use:   "fmt [SOURCE… | -]",
		Short: "Lay a permission model out in the one canonical way",
		Long: "The result means the same: its words and its comments are those of the source. It is printed,\n" +
			"or with --write put into the file. --check and --diff write nothing and end with exit code 1\n" +
			"where a file would change. A source that Keto would refuse is not touched (exit code 2).",
		Example: "  gatehouse opl fmt model.ts --diff\n  gatehouse opl fmt --write model/\n  gatehouse opl fmt - < model.ts",
		RunE:    func(c *cobra.Command, args []string) error { return o.run(c.Context(), args) },
	}
	f := c.Flags()
	f.BoolVarP(&o.write, "write", "w", false, "put the result into the file")
	f.BoolVar(&o.diff, "diff", false, "show what would change")
	f.BoolVar(&o.check, "check", false, "only name the files that would change")
	c.MarkFlagsMutuallyExclusive("write", "diff", "check")
	return c
}

// formatOut is one formatted file.
type formatOut struct {
	File    string `json:"file"`
	Changed bool   `json:"changed" jsonschema_description:"Whether the file is laid out otherwise."`
	Written bool   `json:"written" jsonschema_description:"Whether it was put into the file (--write)."`
	Text    string `json:"text,omitempty" jsonschema_description:"The formatted source; absent with --write, --check and --diff."`
	Diff    string `json:"diff,omitempty" jsonschema_description:"With --diff: what would change."`
}

func (o *oplFormatOptions) run(ctx context.Context, args []string) error {
	b, err := o.g.maybeConnect(ctx, len(args) == 0)
	if err != nil {
		return cannotDo(err)
	}
	sources := make([][]string, 0, len(args))
	for _, a := range args {
		sources = append(sources, []string{a})
	}
	if len(args) == 0 {
		sources = [][]string{nil}
	}
	out := newLines(o.g, formatColumns, o.text)
	changed := false
	for _, source := range sources {
		l, err := o.g.loadSource(ctx, b, source)
		if err != nil {
			return cannotDo(firstError(out.Close(), err))
		}
		for _, file := range l.Files {
			f, err := o.format(file, l.Model.Sources[file], len(source) > 0 && source[0] == "-")
			if err != nil {
				return cannotDo(firstError(out.Close(), err))
			}
			changed = changed || f.Changed
			if o.g.format() == asText && (o.check || o.write || o.diff) && !f.Changed {
				continue
			}
			if err := out.Add(f); err != nil {
				return err
			}
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	if changed && (o.check || o.diff) {
		return answerNo()
	}
	return nil
}

// format lays one file out, and puts it back if it is to.
func (o *oplFormatOptions) format(file, src string, stdin bool) (formatOut, error) {
	const op = "format the permission model"
	text, errs := opl.Format(file, src)
	if len(errs) > 0 {
		return formatOut{}, problem(clients.Invalid, op, "Keto would refuse it: "+errs[0].Error(), "see gatehouse opl check")
	}
	f := formatOut{File: file, Changed: text != src}
	switch {
	case o.diff && f.Changed:
		f.Diff = lineDiff(file, src, text)
	case o.diff, o.check:
	case o.write && (stdin || strings.Contains(file, "://")):
		return f, problem(clients.Invalid, op, file+" is no file that could be written", "leave --write out")
	case o.write && f.Changed && (o.g.dryRun || o.g.readOnly):
		if o.g.readOnly {
			return f, problem(clients.Denied, op, "--read-only refuses every write", "use --check or --diff")
		}
	case o.write && f.Changed:
		if err := replaceFile(file, text); err != nil {
			return f, problem(clients.Invalid, op, err.Error(), "nothing was written")
		}
		f.Written = true
	case !o.write:
		f.Text = text
	}
	return f, nil
}

// replaceFile writes a file as a whole: whoever reads it, as a Keto that watches it,
// sees the old text or the new one and nothing between.
func replaceFile(path, text string) (err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays one
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	err = errors.Join(err, tmp.Chmod(info.Mode().Perm()), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

var formatColumns = []column[formatOut]{
	{Name: "file", Text: func(f formatOut) string { return f.File }},
	{Name: "changed", Text: func(f formatOut) string { return fmt.Sprint(f.Changed) }},
	{Name: "written", Text: func(f formatOut) string { return fmt.Sprint(f.Written) }},
}

// text is the plain form of a result: the source itself, the difference, or the name.
func (o *oplFormatOptions) text(f formatOut) string {
	lines := strings.TrimSuffix(f.Text, "\n")
	switch {
	case o.diff:
		lines = strings.TrimSuffix(f.Diff, "\n")
	case o.check:
		return cleanLine(f.File)
	case o.write:
		if !f.Written {
			return "would write " + cleanLine(f.File)
		}
		return "wrote " + cleanLine(f.File)
	}
	if !isTerminal(o.g.stdout) {
		return lines // it goes into a file: as it is
	}
	parts := strings.Split(lines, "\n")
	for i, p := range parts {
		parts[i] = cleanTabs(p)
	}
	return strings.Join(parts, "\n")
}

// cleanTabs is cleanLine for a line of a source, whose spaces count.
func cleanTabs(s string) string {
	return strings.Map(func(r rune) rune {
		if r != ' ' && unsafeText(string(r)) {
			return '·'
		}
		return r
	}, strings.ReplaceAll(s, "\t", "    "))
}
