package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goTool is the Go tool of this machine.
type goTool struct {
	path    string
	version string // as `go env GOVERSION` prints it: go1.26.8
	cc      string // the C compiler it would use; may not exist
	target  string // GOOS-GOARCH
}

// findGo looks the Go tool up. The error says what is missing in words that fit
// after the server's name.
func findGo(ctx context.Context) (goTool, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return goTool{}, errors.New("there is no Go on the PATH")
	}
	cmd := exec.CommandContext(ctx, path, "env", "GOVERSION", "CC", "GOHOSTOS", "GOHOSTARCH")
	cmd.Env = goEnv(false)
	out, err := cmd.Output()
	f := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(f) != 4 {
		return goTool{}, fmt.Errorf("%s does not run (%v)", path, err)
	}
	return goTool{path: path, version: f[0], cc: f[1], target: f[2] + "-" + f[3]}, nil
}

// hasC tells whether a C compiler is there.
func (g goTool) hasC() bool {
	words := strings.Fields(g.cc)
	if len(words) == 0 {
		return false
	}
	_, err := exec.LookPath(words[0])
	return err == nil
}

// goEnv is the environment of a build: the user's, for the sake of proxies and
// private registries, without what would make another program of the same source.
// An empty GOFLAGS would fall back to the one in `go env -w`, hence the harmless flags.
func goEnv(cgo bool) []string {
	drop := map[string]bool{"GOFLAGS": true, "GOOS": true, "GOARCH": true, "GOTOOLCHAIN": true, "GOWORK": true, "GO111MODULE": true,
		"GOEXPERIMENT": true, "CGO_ENABLED": true, "CGO_CFLAGS": true, "CGO_LDFLAGS": true, "GODEBUG": true, "GOTMPDIR": true, "GOAMD64": true, "GOARM64": true}
	var env []string
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); !drop[name] {
			env = append(env, kv)
		}
	}
	enabled := "CGO_ENABLED=0"
	if cgo {
		enabled = "CGO_ENABLED=1"
	}
	return append(env, "GOFLAGS=-mod=readonly -buildvcs=false", "GOTOOLCHAIN=local", "GOWORK=off", "GO111MODULE=on", enabled)
}

// goKey names the output of a Go build. Without Go on the machine its version
// and target are unknown: then the pattern matches what any Go built from these sources.
func goKey(s goServer, sqlite bool, goVersion, target string) string {
	tags := "notags"
	if sqlite && s.sqlite {
		tags = "sqlite"
	}
	return fmt.Sprintf("%s-%s-%s-%s-%s-%s", s.server, s.version, lockHash(s.server), tags, target, goVersion)
}

// goBinary returns the path of a Go server built from its lock file, and builds it
// where the cache does not have it. needSQLite says that it must know SQLite, which
// takes a C compiler. Without the need it still gets SQLite where there is a
// compiler, so that one build serves every stack.
func (b *builder) goBinary(ctx context.Context, s goServer, needSQLite bool) (string, error) {
	binary := func(dir string) string { return filepath.Join(dir, string(s.server)) }
	g, err := findGo(ctx)
	if err != nil {
		for _, sqlite := range []bool{true, needSQLite} {
			if dir := b.cache.find(goKey(s, sqlite, "*", "*")); dir != "" {
				return binary(dir), nil
			}
		}
		return "", fmt.Errorf("%w, and %s %s was not built here before; install Go from https://go.dev/dl, or name a binary with --%s-bin", err, s.server, s.version, s.server)
	}
	sqlite := s.sqlite && (g.hasC() || b.cache.has(goKey(s, true, g.version, g.target)))
	if s.sqlite && needSQLite && !sqlite {
		return "", fmt.Errorf("there is no C compiler (%s), which %s needs for SQLite; install gcc or clang, name a binary with --%s-bin, or use --database postgres://…", g.cc, s.server, s.server)
	}
	key := goKey(s, sqlite, g.version, g.target)
	waiting := func() { b.say(s.server, "another gatehouse builds "+s.version+" already: waiting for it") }
	dir, err := b.cache.once(ctx, key, waiting, func(dir string) error { return b.buildGo(ctx, g, s, sqlite, key, dir) })
	if err != nil {
		return "", err
	}
	return binary(dir), nil
}

func (b *builder) buildGo(ctx context.Context, g goTool, s goServer, sqlite bool, key, dir string) error {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	src := filepath.Join(dir, "src")
	tmp := filepath.Join(dir, "tmp") // where Go works, so that a killed build leaves nothing in /tmp
	for _, d := range []string{src, tmp} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
	}
	for _, kind := range []string{"mod", "sum"} {
		if err := os.WriteFile(filepath.Join(src, "go."+kind), lockFile(string(s.server)+"."+kind), 0o600); err != nil {
			return err
		}
	}
	args := []string{"build", "-ldflags", "-s -w -X " + s.stamp + "=" + s.version, "-o", filepath.Join(dir, string(s.server))}
	if sqlite {
		args = append(args, "-tags", "sqlite")
	}
	cmd := exec.Command(g.path, append(args, s.module)...)
	cmd.Dir = src
	cmd.Env = append(goEnv(sqlite), "GOTMPDIR="+tmp, "PWD="+src)
	doing := "building " + s.version
	b.say(s.server, doing+" (once on this machine; one to three minutes)")
	if err := b.tool(ctx, s.server, doing, key, cmd); err != nil {
		return err
	}
	for _, d := range []string{src, tmp} {
		if err := os.RemoveAll(d); err != nil {
			return err
		}
	}
	return nil
}
