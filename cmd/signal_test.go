//go:build unix

package cmd

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A signal ends a command that waits for a server, with exit code 130 and nothing
// said; but of a write that was on its way it is said that it may have happened.
func TestSignals(t *testing.T) {
	arrived := make(chan bool, 10)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- true
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	keto := newFakeKeto(t)
	for _, c := range []struct {
		name           string
		signal         os.Signal
		read           string
		args           []string
		stdout, stderr string // what must be in it; nothing when empty
	}{
		{"list", os.Interrupt, slow.URL, []string{"tuples", "list"}, "", ""},
		{"check", syscall.SIGTERM, slow.URL, []string{"check", "Doc:a#view@ann", "--json"}, `"verdict":"unknown"`, ""},
		{"write", os.Interrupt, keto.URL, []string{"tuples", "add", "Doc:a#viewers@ann", "--json"}, `"outcome":"unknown"`, `"kind":"unknown_outcome"`},
		{"import", os.Interrupt, keto.URL, []string{"tuples", "import", "-", "--json"}, `"complete":false`, `"kind":"unknown_outcome"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := interrupted(t, []string{"GATEHOUSE_KETO_READ_URL=" + c.read, "GATEHOUSE_KETO_WRITE_URL=" + slow.URL}, arrived, c.signal, c.args...)
			if code != exitInterrupted {
				t.Errorf("exit code %d", code)
			}
			if !strings.Contains(stdout, c.stdout) || c.stdout == "" && stdout != "" {
				t.Errorf("stdout %q, want %q", stdout, c.stdout)
			}
			if !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
				t.Errorf("stderr %q, want %q", stderr, c.stderr)
			}
		})
	}
}

// interrupted runs the program and sends it a signal as soon as its request has
// arrived at the server that does not answer.
func interrupted(t *testing.T, env []string, arrived <-chan bool, signal os.Signal, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, args...)
	c.Args[0] = "gatehouse" // which makes the test binary the program, see TestMain
	c.Env = append([]string{"PATH=/bin:/usr/bin", "HOME=" + t.TempDir(), "XDG_CONFIG_HOME=" + t.TempDir()}, env...)
	c.Stdin = strings.NewReader("Doc:a#viewers@ann\n")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-arrived:
	case <-time.After(time.Minute):
		_ = c.Process.Kill()
		t.Fatal("no request arrived")
	}
	if err := c.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return exitCodeOf(c.Wait()), out.String(), errs.String()
}
