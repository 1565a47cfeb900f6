//go:build unix

package stack

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pathWith makes a PATH of one folder with the named programs, each a shell script.
func pathWith(t *testing.T, programs map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv("JAVA_HOME", "")
}

const fakeGo = `case "$1" in
env) echo go1.99.0; echo no-such-compiler -m64; echo plan9; echo mips;;
*) echo "go: downloading example.com/a v1.0.0" >&2; echo "go: cannot reach the proxy: connection refused" >&2; exit 1;;
esac`

// Each missing tool is named, with what to do about it.
func TestMissingTools(t *testing.T) {
	tests := []struct {
		name     string
		programs map[string]string
		server   Server
		flag     string
		postgres bool
		want     []string
	}{
		{"no Go", nil, Kratos, "", false, []string{"there is no Go on the PATH", "https://go.dev/dl", "--kratos-bin"}},
		{"no C compiler", map[string]string{"go": fakeGo}, Keto, "", false, []string{"no C compiler", "no-such-compiler", "gcc or clang", "--database"}},
		{"no network", map[string]string{"go": fakeGo}, Oathkeeper, "", false, []string{"building v0.40.9 failed", "connection refused", "whole output is in"}},
		{"PostgreSQL needs no C compiler", map[string]string{"go": fakeGo}, Keto, "", true, []string{"building v0.13.0-alpha.0 failed"}},
		{"no Java", nil, Keycloak, "", false, []string{"no Java", "17 or newer", "JAVA_HOME"}},
		{"old Java", map[string]string{"java": `echo 'openjdk version "11.0.2"' >&2`}, Keycloak, "", false, []string{"is Java 11", "17 or newer"}},
		{"a Java that is a stub", map[string]string{"java": "echo 'Unable to locate a Java Runtime' >&2; exit 1"}, Keycloak, "", false, []string{"does not run", "Unable to locate"}},
		{"no Maven", map[string]string{"java": `echo 'openjdk version "21"' >&2`}, Keycloak, "", false, []string{"there is no Maven on the PATH", "--keycloak-dist"}},
		{"Maven fails", map[string]string{"java": `echo 'openjdk version "21"' >&2`, "mvn": "echo '[ERROR] cannot reach repo'; exit 1"}, Keycloak, "", false, []string{"fetching 26.7.3 failed", "cannot reach repo"}},
		{"a flag that names nothing", nil, Kratos, "/no/such/kratos", false, []string{"--kratos-bin", "/no/such/kratos"}},
		{"a flag that names a folder", nil, Kratos, "/", false, []string{"--kratos-bin", "is not a program"}},
		{"a folder that is no distribution", map[string]string{"java": `echo 'openjdk version "21"' >&2`}, Keycloak, "/", false, []string{"--keycloak-dist", "no Keycloak distribution"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(EnvCache, t.TempDir())
			pathWith(t, test.programs)
			b, err := newBuilder(func(Server, string) {})
			if err != nil {
				t.Fatal(err)
			}
			k := &Stack{opts: Options{Binaries: map[Server]string{test.server: test.flag}}, build: b}
			if test.postgres {
				k.pg = &postgres{}
			}
			_, err = k.unit(context.Background(), test.server)
			if err == nil {
				t.Fatal("it was found")
			}
			for _, w := range test.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("the error is not one clean line: %q", err)
			}
		})
	}
}

// A server on the PATH is used in exactly the right version.
func TestServerOnThePath(t *testing.T) {
	for version, want := range map[string]bool{"v0.40.9": true, "v0.40.8": false, "master": false} {
		pathWith(t, map[string]string{"oathkeeper": "echo 'Version:    " + version + "'; echo 'Git Hash: undefined'"})
		p, ok := onPath(context.Background(), goServers[Oathkeeper], true)
		if ok != want || ok && (p.version != version || p.origin != "PATH") {
			t.Errorf("%s: used %v as %+v", version, ok, p)
		}
	}
	pathWith(t, map[string]string{"oathkeeper": "exit 1"})
	if _, ok := onPath(context.Background(), goServers[Oathkeeper], true); ok {
		t.Error("one that does not run was used")
	}
}

func TestKeycloakOnThePath(t *testing.T) {
	dist := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dist, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dist, "bin", "kc.sh"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir() // as packagers do it: a link in a folder of the PATH
	if err := os.Symlink(filepath.Join(dist, "bin", "kc.sh"), filepath.Join(bin, "kc.sh")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	for version, want := range map[string]bool{KeycloakVersion: true, "26.0.0": false} {
		if err := os.WriteFile(filepath.Join(dist, "version.txt"), []byte("Keycloak - Version "+version+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, ok := keycloakOnPath()
		real, _ := filepath.EvalSymlinks(dist)
		if ok != want || ok && got != real {
			t.Errorf("%s: %q, %v", version, got, ok)
		}
	}
}

func TestJavaMajor(t *testing.T) {
	for out, want := range map[string]int{
		`openjdk version "17.0.15" 2025-04-15`: 17, `java version "1.8.0_392"`: 8, `openjdk version "25" 2025-09-16`: 25, "nonsense": 0,
	} {
		if got := javaMajor(out); got != want {
			t.Errorf("%s: %d, want %d", out, got, want)
		}
	}
}

// What the user's environment says about Go builds does not reach ours.
func TestGoEnvironment(t *testing.T) {
	t.Setenv("GOFLAGS", "-mod=mod -tags=evil")
	t.Setenv("GOOS", "plan9")
	t.Setenv("GOPROXY", "https://proxy.example")
	env := strings.Join(goEnv(true), "\n") + "\n"
	for _, want := range []string{"GOFLAGS=-mod=readonly -buildvcs=false\n", "GOTOOLCHAIN=local\n", "GOWORK=off\n", "CGO_ENABLED=1\n", "GOPROXY=https://proxy.example\n"} {
		if !strings.Contains(env, want) {
			t.Errorf("%q is not set", want)
		}
	}
	if strings.Contains(env, "evil") || strings.Contains(env, "plan9") {
		t.Error("the user's settings got through")
	}
}

// A build that is cancelled ends at once, with all that it started.
func TestBuildCanBeCancelled(t *testing.T) {
	t.Setenv(EnvCache, t.TempDir())
	b, err := newBuilder(func(Server, string) {})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	note := filepath.Join(t.TempDir(), "n")
	done := make(chan error, 1)
	go func() {
		done <- b.tool(ctx, Kratos, "building", "x", exec.Command("/bin/sh", "-c", "sleep 600 & echo $! >"+note+"; wait"))
	}()
	var pid int
	eventually(t, 10*time.Second, "the tool", func() bool {
		raw, _ := os.ReadFile(note)
		pid, err = strconv.Atoi(string(bytes.TrimSpace(raw)))
		return err == nil
	})
	cancel()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "was stopped") {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on")
	}
	eventually(t, 5*time.Second, "the death of its child", func() bool { return !alive(pid) })
}

func TestPorts(t *testing.T) {
	p := ports{}
	if err := p.assign(FreePorts, Servers()); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for name := range wellKnown {
		if p[name] < lowestPort || p[name] > highestPort || seen[p[name]] {
			t.Errorf("%s has port %d", name, p[name])
		}
		seen[p[name]] = true
	}
	// Ports stay over a restart, except those that were taken meanwhile.
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(p["keto.read"]))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	before := ports{}
	for k, v := range p {
		before[k] = v
	}
	if err := p.assign(FreePorts, Servers()); err != nil {
		t.Fatal(err)
	}
	for name := range wellKnown {
		if same := p[name] == before[name]; same == (name == "keto.read") {
			t.Errorf("%s had %d and has %d", name, before[name], p[name])
		}
	}
	if pid, _ := listenerOf(before["keto.read"]); pid != 0 && pid != os.Getpid() {
		t.Errorf("port %d is said to be held by %d, not by us", before["keto.read"], pid)
	}
}

// A well-known port that is taken is told with who has it.
func TestWellKnownPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(wellKnown["keto.metrics"]))
	if err != nil {
		t.Skip("the port is somebody else's on this machine: ", err)
	}
	defer l.Close()
	err = ports{}.assign(DefaultPorts, []Server{Keto})
	if err == nil || !strings.Contains(err.Error(), "port 4468 for keto.metrics is taken") || !strings.Contains(err.Error(), "--ports free") {
		t.Errorf("%v", err)
	}
}
