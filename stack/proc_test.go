//go:build unix

package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A child dies with its parent even when the parent is killed outright, and so do
// the children that a build tool has of its own.
func TestChildrenDieWithTheirParent(t *testing.T) {
	for _, kind := range []string{"server", "tool"} {
		t.Run(kind, func(t *testing.T) {
			note := filepath.Join(t.TempDir(), "grandchild")
			script := "exec sleep 600"
			if kind == "tool" {
				script = "sleep 600 & echo $! >" + note + "; wait"
			}
			cmd, child := startParent(t, kind, script)
			watched := []int{child}
			if kind == "tool" {
				eventually(t, 10*time.Second, "the tool's own child", func() bool {
					b, _ := os.ReadFile(note)
					n, err := strconv.Atoi(strings.TrimSpace(string(b)))
					if err == nil {
						watched = append(watched, n)
					}
					return err == nil
				})
			}
			for _, pid := range watched {
				if !alive(pid) {
					t.Fatalf("process %d is gone before its parent died", pid)
				}
			}
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			for _, pid := range watched {
				eventually(t, 10*time.Second, "the death of process "+strconv.Itoa(pid), func() bool { return !alive(pid) })
			}
		})
	}
}

// The kernel's signal follows the thread that forked. Threads of this program may
// come and go without any child noticing.
func TestChildrenOutliveThreads(t *testing.T) {
	var procs []*process
	for range 8 {
		var wg sync.WaitGroup
		wg.Go(func() {
			runtime.LockOSThread() // and never unlocked: this thread ends with the goroutine
			p, err := launch(exec.Command("/bin/sh", "-c", "exec sleep 600"))
			if err != nil {
				t.Error(err)
				return
			}
			procs = append(procs, p)
		})
		wg.Wait()
	}
	time.Sleep(300 * time.Millisecond)
	for _, p := range procs {
		if p.exited() || !alive(p.pid()) {
			t.Errorf("process %d died with the thread that asked for it", p.pid())
		}
		p.stop(5 * time.Second)
		if alive(p.pid()) {
			t.Errorf("process %d was stopped and is still there", p.pid())
		}
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready")
	p, err := launch(exec.Command("/bin/sh", "-c", "trap '' TERM; : >"+ready+"; while :; do sleep 0.05; done"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the trap", func() bool { return exists(ready) })
	p.stop(200 * time.Millisecond)
	if !p.exited() || alive(p.pid()) {
		t.Error("the process is still there")
	}
	if got := exitOf(p).Error(); got != "signal: killed" {
		t.Errorf("it ended by %q", got)
	}
	p.stop(time.Second) // again, on a process that is gone
}

// Children see nothing of what the person's shell happens to export.
func TestChildEnvironment(t *testing.T) {
	t.Setenv("DSN", "postgres://elsewhere")
	t.Setenv("SERVE_PUBLIC_PORT", "1")
	t.Setenv("KC_DB_PASSWORD", "x")
	for _, kv := range childEnv("MINE=1") {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "DSN", "SERVE_PUBLIC_PORT", "KC_DB_PASSWORD":
			t.Errorf("%s is passed on", name)
		}
	}
}

func TestGuardOfAGroupThatEnded(t *testing.T) {
	p, err := launchTool(exec.Command("/bin/sh", "-c", "exit 3"))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		t.Fatal("the guard holds the end of its process up")
	}
	if got := exitOf(p).Error(); got != "exit status 3" {
		t.Errorf("it ended by %q", got)
	}
}
