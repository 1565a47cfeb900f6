package stack

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// program is a server that can be started.
type program struct {
	path    string // the binary; for Keycloak the folder of the distribution
	version string // as the program itself says it
	origin  string // "built", "flag" or "PATH", for people
}

var versionText = regexp.MustCompile(`\bv?\d+\.\d+\.\d+[-.\w]*`)

// askVersion runs `BINARY version` and returns the first thing in its output that
// looks like one. Any version serves; the name of a flag is there for the message.
func askVersion(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.Env = childEnv()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("`%s version` does not run: %w", path, err)
	}
	v := versionText.FindString(string(out))
	if v == "" {
		// A build without a version stamp says "master"; it is usable all the same.
		v = "unknown"
	}
	return v, nil
}

// findGoServer returns the server named by flag, or built before, or on the PATH
// in the right version, or builds it.
func (b *builder) findGoServer(ctx context.Context, s goServer, flag string, sqlite bool) (program, error) {
	if flag != "" {
		return namedBinary(ctx, s, flag)
	}
	if p, ok := onPath(ctx, s, sqlite); ok {
		return p, nil
	}
	path, err := b.goBinary(ctx, s, sqlite)
	if err != nil {
		return program{}, err
	}
	return program{path, s.version, "built"}, nil
}

func namedBinary(ctx context.Context, s goServer, flag string) (program, error) {
	path, err := filepath.Abs(flag)
	if err != nil {
		return program{}, err
	}
	if info, err := os.Stat(path); err != nil {
		return program{}, fmt.Errorf("--%s-bin: %w", s.server, err)
	} else if info.IsDir() || info.Mode()&0o111 == 0 {
		return program{}, fmt.Errorf("--%s-bin: %s is not a program", s.server, path)
	}
	v, err := askVersion(ctx, path)
	if err != nil {
		return program{}, fmt.Errorf("--%s-bin: %w", s.server, err)
	}
	return program{path, v, "flag"}, nil
}

// onPath looks for the server in exactly the version that would be built. One
// that was built without SQLite is passed over when SQLite is wanted.
func onPath(ctx context.Context, s goServer, sqlite bool) (program, bool) {
	path, err := exec.LookPath(string(s.server))
	if err != nil {
		return program{}, false
	}
	if path, err = filepath.Abs(path); err != nil {
		return program{}, false
	}
	if v, err := askVersion(ctx, path); err != nil || v != s.version {
		return program{}, false
	}
	if sqlite && s.sqlite && !builtWithSQLite(path) {
		return program{}, false
	}
	return program{path, s.version, "PATH"}, true
}

// builtWithSQLite reads the build tags that Go stores in a binary. A binary that
// tells nothing gets the benefit of the doubt; its log will say if it was wrong.
func builtWithSQLite(path string) bool {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return true
	}
	for _, set := range info.Settings {
		if set.Key == "-tags" {
			return slices.Contains(strings.FieldsFunc(set.Value, func(r rune) bool { return r == ',' || r == ' ' }), "sqlite")
		}
	}
	return len(info.Settings) == 0
}

// findJava returns a Java of version 17 or newer, which is what Keycloak 26 needs.
func findJava(ctx context.Context) (string, error) {
	path := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path = filepath.Join(home, "bin", "java")
	}
	path, err := exec.LookPath(path)
	if err != nil {
		return "", errors.New("there is no Java; install a JRE of version 17 or newer (Debian: openjdk-17-jre-headless) and have it on the PATH or in JAVA_HOME")
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s does not run (%w: %s); install a JRE of version 17 or newer", path, err, lastLines(out, 1, ""))
	}
	if major := javaMajor(string(out)); major < 17 {
		return "", fmt.Errorf("%s is Java %d; Keycloak needs 17 or newer, on the PATH or in JAVA_HOME", path, major)
	}
	return path, nil
}

var javaVersion = regexp.MustCompile(`version "(?:1\.)?(\d+)`)

// javaMajor reads `openjdk version "17.0.15" 2025-04-15`; before 9 it was "1.8.0".
func javaMajor(out string) int {
	m := javaVersion.FindStringSubmatch(out)
	major := 0
	if m != nil {
		fmt.Sscan(m[1], &major)
	}
	return major
}
