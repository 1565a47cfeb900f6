package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

type key struct{ pkg, test string }

// results counts tests, and holds the output of a test only until it has passed.
type results struct {
	w       io.Writer
	passed  int
	failed  int
	skipped []string // "test: why"
	broken  []string // packages that did not build or ended outside a test
	output  map[key][]string
	failing map[string]bool     // packages with a failed test
	again   map[string][]string // per package, the failed tests that are worth a second run
	flaky   []string            // tests that failed and then passed alone
	held    map[key]bool        // tests that get no second run
	lost    map[key]int         // per test, its failures, those of its parts included
	good    map[key]bool        // tests that passed
}

func newResults(w io.Writer) *results {
	return &results{w: w, output: map[key][]string{}, failing: map[string]bool{}, again: map[string][]string{},
		held: map[key]bool{}, lost: map[key]int{}, good: map[key]bool{}}
}

func (r *results) read(from io.Reader) error {
	in := bufio.NewReader(from)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *results) line(line []byte) {
	var e event
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &e) != nil {
		fmt.Fprintf(r.w, "%s", line)
		return
	}
	k := key{e.Package, e.Test}
	switch e.Action {
	case "output":
		r.output[k] = append(r.output[k], e.Output)
	case "build-output":
		fmt.Fprint(r.w, e.Output)
	case "pass":
		r.pass(e, k)
	case "fail":
		r.fail(e, k)
	case "skip":
		if e.Test != "" {
			r.skipped = append(r.skipped, short(e.Package)+" "+e.Test+": "+reason(r.output[k]))
		}
		delete(r.output, k)
	}
}

func (r *results) pass(e event, k key) {
	if e.Test == "" {
		fmt.Fprintf(r.w, "ok    %-28s %6.1fs\n", short(e.Package), e.Elapsed)
	} else {
		r.passed++
		r.good[k] = true
	}
	delete(r.output, k)
}

func (r *results) fail(e event, k key) {
	if e.Test != "" {
		r.failed++
		r.failing[e.Package] = true
		r.consider(e, k)
		fmt.Fprintf(r.w, "FAIL  %s %s\n%s", short(e.Package), e.Test, indent(r.output[k]))
	} else {
		fmt.Fprintf(r.w, "FAIL  %-28s %6.1fs\n", short(e.Package), e.Elapsed)
		if !r.failing[e.Package] || panicked(r.output[k]) {
			r.broken = append(r.broken, short(e.Package))
			fmt.Fprint(r.w, indent(r.output[k]))
		}
	}
	delete(r.output, k)
}

func panicked(out []string) bool {
	return slices.ContainsFunc(out, func(s string) bool { return strings.HasPrefix(s, "panic:") })
}

// report is the end of the run; its last line says what ran and what was skipped.
func (r *results) report(servers map[string]int, took fmt.Stringer) string {
	var b strings.Builder
	for _, s := range r.skipped {
		fmt.Fprintf(&b, "skipped  %s\n", s)
	}
	for _, f := range r.flaky {
		fmt.Fprintf(&b, "flaky    %s: failed beside the others, passed alone\n", f)
	}
	for _, p := range r.broken {
		fmt.Fprintf(&b, "broken   %s\n", p)
	}
	var parts []string
	for _, s := range sortedKeys(servers) {
		parts = append(parts, fmt.Sprintf("%s %d", s, servers[s]))
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	fmt.Fprintf(&b, "tests against real servers: %s; whole run %s\n", strings.Join(parts, ", "), took)
	fmt.Fprintf(&b, "%d passed, %d failed, %d skipped\n", r.passed, r.failed+len(r.broken), len(r.skipped))
	return b.String()
}

// countServers counts, per server, the distinct tests that asked for it.
func countServers(file string) (map[string]int, error) {
	b, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	seen, n := map[string]bool{}, map[string]int{}
	for line := range strings.Lines(string(b)) {
		server, _, ok := strings.Cut(line, "\t")
		if ok && !seen[line] {
			seen[line] = true
			n[server]++
		}
	}
	return n, nil
}

func short(pkg string) string {
	if rest, ok := strings.CutPrefix(pkg, "gatehouse/"); ok {
		return rest
	}
	return pkg
}

// reason finds the words of a skipped test among its output lines.
func reason(out []string) string {
	for i := len(out) - 1; i >= 0; i-- {
		line := strings.TrimSpace(out[i])
		if line != "" && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "===") {
			return line
		}
	}
	return "no reason given"
}

func indent(out []string) string {
	var b strings.Builder
	for _, line := range out {
		if !strings.HasPrefix(line, "=== ") {
			b.WriteString("      " + line)
		}
	}
	return b.String()
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
