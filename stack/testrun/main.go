// Command testrun is `make test`: it starts the real servers once, runs every
// test of the project against them, and stops them again. Its last lines say how
// many tests ran, against which server, and what was skipped.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ok, err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "make test: interrupted; the servers are stopped")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "make test:", err)
		os.Exit(2)
	case !ok:
		os.Exit(1)
	}
}

// run starts the servers, tests, and stops them. Arguments replace the default
// package list and may carry go test flags. "-keto" before them starts no other server
// than Keto, and shows what go test prints instead of a summary: for long comparisons.
func run(ctx context.Context, args []string) (bool, error) {
	begin := time.Now()
	servers := stack.Servers()
	long := len(args) > 0 && args[0] == "-keto"
	if long {
		args, servers = args[1:], []stack.Server{stack.Keto}
	}
	dir, err := os.MkdirTemp("", "gatehouse-test-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)

	say("starting the real servers (built on the first run, which takes some minutes)")
	st, err := stack.Up(ctx, stack.Options{
		Name: fmt.Sprintf("test-%d", os.Getpid()), Dir: filepath.Join(dir, "stack"), Unlisted: true, With: servers,
		Progress: func(s stack.Server, line string) { say("  %-10s %s", s, line) },
	})
	if err != nil {
		return false, fmt.Errorf("start the real servers: %w", err)
	}
	defer st.Down()
	info := st.Info()
	for _, s := range servers {
		if why := info.Missing(s); why != "" {
			return false, fmt.Errorf("the suite needs %s: %s", s, why)
		}
	}
	infoFile, countFile := filepath.Join(dir, "stack.json"), filepath.Join(dir, "count")
	b, err := json.Marshal(info)
	if err != nil {
		return false, err
	}
	if err := os.WriteFile(infoFile, b, 0o600); err != nil {
		return false, err
	}
	say("servers are ready after %s; testing (%s, %d processors)", since(begin), runtime.Version(), runtime.NumCPU())

	tests := time.Now()
	env := append(os.Environ(), stacktest.EnvStack+"="+infoFile, stacktest.EnvCount+"="+countFile, stacktest.EnvRequire+"=1")
	if long {
		return plainTest(ctx, args, env)
	}
	total, err := goTest(ctx, args, withDecisions(env))
	if err != nil {
		return false, err
	}
	if err := runAgain(ctx, total, withDecisions(env)); err != nil {
		return false, err
	}
	say("tests took %s; stopping the servers", since(tests))
	if err := st.Down(); err != nil {
		return false, fmt.Errorf("stop the servers: %w", err)
	}
	asked, err := countServers(countFile)
	if err != nil {
		return false, err
	}
	fmt.Print(total.report(asked, since(begin)))
	return total.failed == 0 && len(total.broken) == 0, nil
}

// goTest runs `go test -json` and tells what happens while it happens.
func goTest(ctx context.Context, args, env []string) (*results, error) {
	if len(args) == 0 {
		args = []string{"./..."}
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-timeout", "30m"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env, cmd.Stderr = env, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := newResults(os.Stdout)
	readErr := r.read(out)
	waitErr := cmd.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if readErr != nil {
		return nil, readErr
	}
	var exit *exec.ExitError
	if waitErr != nil && !errors.As(waitErr, &exit) {
		return nil, waitErr
	}
	if waitErr != nil && r.failed == 0 && len(r.broken) == 0 {
		r.broken = append(r.broken, "go test ended with "+waitErr.Error())
	}
	return r, nil
}

// envDecisions is how many random decisions package access compares with the real Keto.
const envDecisions = "GATEHOUSE_EXPLAIN_DECISIONS"

// withDecisions makes a whole run compare more decisions than a quick one does.
func withDecisions(env []string) []string {
	if os.Getenv(envDecisions) != "" {
		return env
	}
	return append(env, envDecisions+"=20000")
}

// plainTest runs go test for one package after the other, so that what it prints is
// seen while it runs.
func plainTest(ctx context.Context, args, env []string) (bool, error) {
	at := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "./") })
	if at < 0 {
		return false, errors.New("-keto needs packages, like ./access")
	}
	good := true
	for _, pkg := range args[at:] {
		cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"test", "-v", "-count=1", "-timeout", "24h"}, args[:at], []string{pkg})...)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 10 * time.Second
		cmd.Env, cmd.Stdout, cmd.Stderr = env, os.Stdout, os.Stderr
		err := cmd.Run()
		var exit *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil && !errors.As(err, &exit):
			return false, err
		}
		good = good && err == nil
	}
	return good, nil
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func since(t time.Time) time.Duration { return time.Since(t).Round(time.Second) }
