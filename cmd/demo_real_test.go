package cmd

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// TestDemoPlaysTheStory runs `gatehouse demo` as somebody without a terminal does:
// its own servers, the whole story, and nothing left behind.
func TestDemoPlaysTheStory(t *testing.T) {
	stacktest.All(t) // only to know that all servers can be had here
	dir := t.TempDir()
	program := filepath.Join(dir, "gatehouse")
	if out, err := exec.Command("go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var out, notes bytes.Buffer
	c := exec.Command(program, "demo")
	c.Dir, c.Stdout, c.Stderr = dir, &out, &notes
	c.Env = append(os.Environ(), stack.EnvState+"="+filepath.Join(dir, "state"))
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, &notes, &out)
	}
	text := out.String()
	at := 0
	for _, want := range []string{"… 42 identities in all", "✗ DENIED", "gatehouse tuples add", "✓ ALLOWED", "gatehouse tuples rm", "✗ DENIED",
		"✗ role instructor", "gatehouse roles grant", "✓ role instructor", "gatehouse roles revoke", "✗ role instructor", "both changes are undone"} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("%q does not come next in\n%s", want, text)
		}
		at += i + len(want)
	}
	if strings.ContainsAny(text, "\x1b\a\r") {
		t.Error("a terminal's control characters stand in plain output")
	}
	ports := regexp.MustCompile(`ready after .* on http://127\.0\.0\.1:(\d+)`).FindAllStringSubmatch(notes.String(), -1)
	if len(ports) != 4 {
		t.Fatalf("%d servers were ready, want 4:\n%s", len(ports), &notes)
	}
	for _, p := range ports {
		if conn, err := net.DialTimeout("tcp", "127.0.0.1:"+p[1], time.Second); err == nil {
			conn.Close()
			t.Errorf("something still listens on port %s", p[1])
		}
	}
	if left, err := exec.Command("pgrep", "-f", dir).Output(); err == nil {
		t.Errorf("processes are left: %s", strings.Fields(string(left)))
	}
	if pw := passwordsIn(dir); pw == "" || strings.Contains(text+notes.String(), pw) {
		t.Error("a password was printed, or none was made")
	}
}

// passwordsIn is one of the people's passwords in the demo's folder.
func passwordsIn(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "state", "stacks", demoName, "people.json"))
	if err != nil {
		return ""
	}
	m := regexp.MustCompile(fmt.Sprintf(`%q:\s*"([^"]+)"`, "ann")).FindSubmatch(b)
	if m == nil {
		return ""
	}
	return string(m[1])
}
