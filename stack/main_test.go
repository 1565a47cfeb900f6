//go:build unix

package stack

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests start this binary again to play the parts that must be processes of
// their own: a supervisor that is killed, a parent that dies.
const envRole = "GATEHOUSE_STACK_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(envRole) {
	case "":
		os.Exit(m.Run())
	case "supervise":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
		defer stop()
		if err := Supervise(ctx, func(*Options, string) error { return nil }); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	case "parent":
		parent()
	}
}

// parent starts one child in the way that its arguments say, prints the child's
// number, and lives until it is killed.
func parent() {
	cmd := exec.Command("/bin/sh", "-c", os.Args[2])
	start := launch
	if os.Args[1] == "tool" {
		start = launchTool
	}
	p, err := start(cmd)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.pid())
	select {}
}

// startParent runs parent in a process of its own and returns it with its child's number.
func startParent(t *testing.T, kind, script string) (*exec.Cmd, int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], kind, script)
	cmd.Env = append(os.Environ(), envRole+"=parent")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the parent says %q", line)
	}
	return cmd, pid
}

// alive tells whether a process is there and not a zombie.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return runtime.GOOS != "linux" // elsewhere there is no such file
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

// eventually waits for something that another process is about to do.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}
