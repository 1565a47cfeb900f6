//go:build unix

package cmd

import (
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// onTerminal runs the program on a terminal of its own and types an answer once
// the prompt is there.
func onTerminal(t *testing.T, env []string, prompt, answer string, args ...string) (code int, screen string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, args...)
	c.Args[0] = "gatehouse" // which makes the test binary the program, see TestMain
	c.Env = append([]string{"PATH=/bin:/usr/bin", "TERM=xterm-256color", "HOME=" + t.TempDir(), "XDG_CONFIG_HOME=" + t.TempDir()}, env...)
	tty, err := pty.StartWithSize(c, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		t.Skip("no pseudo-terminal here:", err)
	}
	defer tty.Close()
	var out strings.Builder
	typed := prompt == ""
	buf := make([]byte, 4096)
	deadline := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
	defer deadline.Stop()
	for {
		n, err := tty.Read(buf)
		out.Write(buf[:n])
		if !typed && strings.Contains(out.String(), prompt) {
			typed = true
			if _, err := io.WriteString(tty, answer); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil { // EIO when the program has ended
			break
		}
	}
	return exitCodeOf(c.Wait()), out.String()
}

func TestConfirmingOnATerminal(t *testing.T) {
	f := newFakeKeto(t, "Doc:a#viewers@ann", "Doc:b#viewers@\x1b[31mben")
	for _, answer := range []string{"y\n", "\n", "22\n"} {
		code, screen := onTerminal(t, f.env(), "Type 2 to go on", answer, "tuples", "rm", "--namespace", "Doc")
		if code != 2 || !strings.Contains(screen, "it was not confirmed; nothing was written") || f.writes != 0 {
			t.Fatalf("answer %q: %d, %d writes, %q", answer, code, f.writes, screen)
		}
	}
	// Ctrl-C at the prompt is an interruption, not an answer.
	if code, screen := onTerminal(t, f.env(), "Type 2 to go on", "\x03", "tuples", "rm", "--namespace", "Doc"); code != exitInterrupted || f.writes != 0 {
		t.Fatalf("%d, %d writes, %q", code, f.writes, screen)
	}
	code, screen := onTerminal(t, f.env(), "Type 2 to go on", "2\n", "tuples", "rm", "--namespace", "Doc")
	if code != 0 || len(f.texts()) != 0 || !strings.Contains(screen, "Doc:a#viewers@ann") {
		t.Fatalf("%d, stored %q, %q", code, f.texts(), screen)
	}
	if strings.Contains(screen, "\x1b[31mben") {
		t.Errorf("the name reached the terminal as it is: %q", screen)
	}
}

// A production context asks before every write, by its name.
func TestProductionAsks(t *testing.T) {
	f := newFakeKeto(t)
	config := configFile(t, "contexts:\n  live:\n    production: true\n    keto: {read_url: \""+f.URL+"\", write_url: \""+f.URL+"\"}\n")
	r := gatehouse(t, nil, "tuples", "add", "Doc:a#viewers@ann", "--config", config).want(t, 2)
	if !strings.Contains(r.stderr, "production context live") || f.writes != 0 {
		t.Errorf("stderr %q", r.stderr)
	}
	if code, screen := onTerminal(t, nil, "Type live to go on", "live\n", "tuples", "add", "Doc:a#viewers@ann", "--config", config); code != 0 || len(f.texts()) != 1 {
		t.Errorf("%d %q", code, screen)
	}
	gatehouse(t, nil, "tuples", "rm", "Doc:a#viewers@ann", "--config", config, "--yes").want(t, 0)
}

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Colour is for terminals that want it.
func TestColour(t *testing.T) {
	f := newFakeKeto(t)
	for name, c := range map[string]struct {
		env  []string
		args []string
		want bool
	}{
		"help":             {nil, []string{"tuples", "--help"}, true},
		"help, NO_COLOR":   {[]string{"NO_COLOR=1"}, []string{"tuples", "--help"}, false},
		"help, --no-color": {nil, []string{"tuples", "--help", "--no-color"}, false},
		"table":            {nil, []string{"namespaces"}, true},
		"table, NO_COLOR":  {[]string{"NO_COLOR=1"}, []string{"namespaces"}, false},
		"dumb terminal":    {[]string{"TERM=dumb"}, []string{"namespaces"}, false},
		"JSON":             {nil, []string{"namespaces", "--json"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			code, screen := onTerminal(t, f.env(c.env...), "", "", c.args...)
			if code != 0 || colour.MatchString(screen) != c.want {
				t.Errorf("%d %q", code, screen)
			}
		})
	}
}
