package cmd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/creack/pty"
)

// BenchmarkFirstFrame is the time from starting the program to its first frame on a
// terminal, with three back ends configured that nobody answers at: nothing that is
// drawn first may wait for a network.
func BenchmarkFirstFrame(b *testing.B) {
	dir := b.TempDir()
	program, file := filepath.Join(dir, "gatehouse"), filepath.Join(dir, "gatehouse.yaml")
	if out, err := exec.Command("go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile(file, []byte(docsContext), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c := exec.Command(program, "--config", file)
		c.Env = append(os.Environ(), "TERM=xterm-256color")
		tty, err := pty.StartWithSize(c, &pty.Winsize{Rows: 30, Cols: 100})
		if err != nil {
			b.Fatal(err)
		}
		var seen []byte
		for buf := make([]byte, 4096); !bytes.Contains(seen, []byte("What would you like")); {
			n, err := tty.Read(buf)
			if err != nil {
				b.Fatalf("%v after %q", err, seen)
			}
			seen = append(seen, buf[:n]...)
		}
		b.StopTimer()
		c.Process.Kill() //nolint:errcheck // it is ours
		c.Wait()         //nolint:errcheck // killed
		tty.Close()
		b.StartTimer()
	}
}
