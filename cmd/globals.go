// Package cmd is the command line of gatehouse: one file per verb, each a thin
// cobra command over an options struct and a run function. It is the only package
// that knows all the others; it parses, wires and prints, and decides nothing.
//
// What scripts may rely on (flags, exit codes, JSON shapes) is kept the same for
// every verb by globals.go, output.go, errors.go and exit.go.
package cmd

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// World is what a run of gatehouse touches outside itself. Tests hand in their own.
type World struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Env is the environment as "NAME=value", like os.Environ.
	Env []string
	// Now is the clock.
	Now func() time.Time
}

// OSWorld is the world of a real process.
func OSWorld() World {
	return World{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ(), Now: time.Now}
}

// globals carries the flags that every verb knows and the world it runs in. It is
// made once per run and handed to every command; there is no package state.
type globals struct {
	configFile  string // --config
	contextName string // --context
	json        bool   // --json: one value, or one array
	jsonl       bool   // --jsonl: one object a line
	yaml        bool   // --yaml
	csv         bool   // --csv
	plain       bool   // the console is for a screen reader
	readOnly    bool   // --read-only: refuse every write, whatever the context says
	dryRun      bool   // --dry-run: print what would be written, write nothing
	yes         bool   // --yes: answer confirmations
	noColor     bool   // --no-color
	quiet       bool   // --quiet: results and errors only
	verbose     bool   // --verbose: one line per request on stderr
	// timeout bounds the whole command; 0 leaves only the deadline that the context
	// puts on each request.
	timeout time.Duration

	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    map[string]string
	now    func() time.Time

	// atEnd runs when the command is over, whatever its outcome.
	atEnd []func()
}

func newGlobals(w World) *globals {
	g := &globals{stdin: w.Stdin, stdout: w.Stdout, stderr: w.Stderr, now: w.Now, env: map[string]string{}}
	for _, kv := range w.Env {
		for i := 1; i < len(kv); i++ { // from 1: Windows has names like "=C:"
			if kv[i] == '=' {
				g.env[kv[:i]] = kv[i+1:]
				break
			}
		}
	}
	return g
}

// getenv is os.Getenv over the environment of this run.
func (g *globals) getenv(name string) string { return g.env[name] }

// addFlags puts the persistent flags on the root command.
func (g *globals) addFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&g.configFile, "config", "", "read the configuration from this `FILE`")
	f.StringVar(&g.contextName, "context", "", "use the context `NAME` of the configuration")
	f.BoolVar(&g.json, "json", false, "print JSON: one value, or one array")
	f.BoolVar(&g.jsonl, "jsonl", false, "print JSON lines: one object a line")
	f.BoolVar(&g.yaml, "yaml", false, "print YAML")
	f.BoolVar(&g.csv, "csv", false, "print CSV with a header line")
	f.BoolVar(&g.readOnly, "read-only", false, "refuse every write")
	f.BoolVar(&g.dryRun, "dry-run", false, "print what would be written, write nothing")
	f.BoolVar(&g.yes, "yes", false, "answer yes to a confirmation")
	f.DurationVar(&g.timeout, "timeout", 0, "give up after this `DURATION` (such as 10s); without it only each request has a deadline")
	f.BoolVar(&g.noColor, "no-color", false, "no colour")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "results and errors only")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "also print every request on stderr")
	root.MarkFlagsMutuallyExclusive("json", "jsonl", "yaml", "csv")
	root.MarkFlagsMutuallyExclusive("quiet", "verbose")
	root.MarkPersistentFlagFilename("config", "yaml", "yml")
}

// deadline puts --timeout on a context. The caller runs cancel.
func (g *globals) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if g.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, g.timeout)
}

// isTerminal reports whether v, one of the three streams, is a terminal.
func isTerminal(v any) bool {
	f, ok := v.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

// colour reports whether results may be coloured: on a terminal that can, unless
// --no-color or NO_COLOR (https://no-color.org, any value but the empty one) forbids.
func (g *globals) colour() bool {
	return !g.noColor && g.getenv("NO_COLOR") == "" && g.getenv("TERM") != "dumb" && isTerminal(g.stdout)
}
