//go:build unix

package stack_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// cli is the program itself, built for the test, with a list of stacks of its own.
type cli struct {
	t   *testing.T
	bin string
	env []string
}

func newCLI(t *testing.T) cli {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "gatehouse")
	build := exec.Command("go", "build", "-o", bin, "gatehouse")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return cli{t, bin, append(os.Environ(), stack.EnvState+"="+t.TempDir(), stack.EnvRole+"=", "HOME="+os.Getenv("HOME"))}
}

// run returns what the program printed and its exit code.
func (c cli) run(args ...string) (stdout, stderr string, code int) {
	c.t.Helper()
	cmd := exec.Command(c.bin, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// ok runs a command that must succeed.
func (c cli) ok(args ...string) string {
	c.t.Helper()
	out, errs, code := c.run(args...)
	if code != 0 {
		c.t.Fatalf("gatehouse %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// The commands as a script uses them: what they print, and their exit codes.
func TestCommands(t *testing.T) {
	stacktest.Keto(t)
	c := newCLI(t)
	t.Cleanup(func() { c.run("stack", "down", "--name", "cli", "--wipe") })
	for _, args := range [][]string{{"status"}, {"env"}, {"logs"}, {"down"}} {
		if _, errs, code := c.run("stack", args[0], "--name", "cli"); code != 1 || !strings.Contains(errs, "there is no such stack") {
			t.Errorf("stack %s without a stack: exit %d, %s", args[0], code, errs)
		}
	}
	for flags, says := range map[string]string{"--with mysql": "no server", "--ports 80": "--ports is", "--name A": "no name for a stack", "--seed x": "--seed is", "--dir /tmp/a;b": "cannot live with"} {
		if _, errs, code := c.run(append([]string{"stack", "up"}, strings.SplitN(flags, " ", 2)...)...); code != 2 || !strings.Contains(errs, says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("stack up %s: exit %d, %q", flags, code, errs)
		}
	}

	up := []string{"stack", "up", "--name", "cli", "--with", "keto", "--seed", "none", "--detach", "--json", "--quiet"}
	printed := c.ok(up...)
	var i stack.Info
	if err := json.Unmarshal([]byte(printed), &i); err != nil || i.Keto.ReadURL == "" {
		t.Fatalf("%v: %s", err, printed)
	}
	if out := c.ok("stack", "status", "--name", "cli", "--json"); !strings.Contains(out, `"phase":"ready"`) {
		t.Errorf("status: %s", out)
	}
	if _, errs, code := c.run(up...); code != 2 || !strings.Contains(errs, `"kind":"conflict"`) || !strings.Contains(errs, "already running") {
		t.Errorf("the same name twice: exit %d, %s", code, errs)
	}
	if out := c.ok("stack", "list", "--csv"); !strings.Contains(out, "\ncli,ready,true,") {
		t.Errorf("list: %s", out)
	}
	if out := c.ok("stack", "logs", "keto", "--name", "cli", "-n", "-1"); !strings.Contains(out, "Ory Keto") {
		t.Errorf("logs: %.300s", out)
	}
	shell := exec.Command("/bin/sh", "-c", c.ok("stack", "env", "--name", "cli")+`printf '%s %s %s' "$KETO_READ_URL" "$GATEHOUSE_CONFIG" "$KRATOS_ADMIN_URL"`)
	shell.Env = []string{}
	if out, err := shell.Output(); err != nil || string(out) != i.Keto.ReadURL+" "+i.Config+" " {
		t.Errorf("env: %v, %s", err, out)
	}
	// The file that it names is one that gatehouse works with.
	if out := c.ok("namespaces", "--config", i.Config, "--jsonl"); !strings.Contains(out, `"name":"Doc"`) {
		t.Errorf("namespaces: %s", out)
	}
	if out := c.ok("stack", "cache", "--csv"); !strings.Contains(out, "keto-v0.13.0-alpha.0-") {
		t.Errorf("cache: %s", out)
	}
	last := statusOf(t, c, "cli")
	c.ok("stack", "down", "--name", "cli", "--wipe", "--dry-run")
	if out := c.ok("stack", "status", "--name", "cli"); !strings.Contains(out, "ready") {
		t.Errorf("after a dry run: %s", out)
	}
	c.ok("stack", "down", "--name", "cli", "--wipe")
	released(t, last)
	if _, err := os.Stat(i.Dir); !os.IsNotExist(err) {
		t.Errorf("after the wipe %s is there (%v)", i.Dir, err)
	}
}

func statusOf(t *testing.T, c cli, name string) stack.Status {
	t.Helper()
	var s stack.Status
	if err := json.Unmarshal([]byte(c.ok("stack", "status", "--name", name, "--json")), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The shape that other programs read: exactly these keys, and of a server that
// does not run only why.
func TestPrintedShape(t *testing.T) {
	full := stack.Info{Name: "dev", Dir: "/d", Config: "/d/gatehouse.yaml", PID: 1,
		Kratos:     stack.KratosInfo{PublicURL: "a", AdminURL: "b", Version: "v"},
		Keto:       stack.KetoInfo{ReadURL: "a", WriteURL: "b", OPLURL: "c", OPL: "d", Version: "v"},
		Keycloak:   stack.KeycloakInfo{URL: "a", AdminUsername: "b", AdminPasswordFile: "c", Realm: "d", Version: "v"},
		Oathkeeper: stack.OathkeeperInfo{Absent: stack.Absent{Missing: "why; what to do"}}}
	got, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"dev","dir":"/d","config":"/d/gatehouse.yaml","pid":1,` +
		`"kratos":{"public_url":"a","admin_url":"b","version":"v"},` +
		`"keto":{"read_url":"a","write_url":"b","opl_url":"c","opl":"d","version":"v"},` +
		`"keycloak":{"url":"a","admin_username":"b","admin_password_file":"c","realm":"d","version":"v"},` +
		`"oathkeeper":{"missing":"why; what to do"}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
