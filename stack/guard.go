//go:build unix

package stack

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const terminate = syscall.SIGTERM

// killGroup kills a process and all it started, as far as they stayed in its group.
func killGroup(pid int) {
	if pid > 1 { // 0 would be our own group, 1 every process of ours
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
}

// envGuard marks a copy of this program that was started to be a guard.
const envGuard = "GATEHOUSE_STACK_GUARD"

// A guard is this same program started again. It is recognised here, before main,
// so that every program that uses the package can be its own guard, tests included.
func init() {
	if os.Getenv(envGuard) != "1" {
		return
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	guard(os.Stdin)
	os.Exit(0)
}

// guard reads the number of a process group and then waits. The pipe closes
// without a word when the program at its other end died, by whatever cause:
// then the group is killed. "done" means that the group ended by itself.
func guard(r io.Reader) {
	lines := bufio.NewScanner(r)
	pid := 0
	for lines.Scan() {
		if lines.Text() == "done" {
			return
		}
		if n, err := strconv.Atoi(strings.TrimSpace(lines.Text())); err == nil && n > 1 {
			pid = n
		}
	}
	if pid > 1 {
		killGroup(pid)
	}
}

// startGuarded starts a guard and then cmd, and hands the guard cmd's group.
// Should we die in the instant between, only the kernel can help (Linux).
func startGuarded(cmd *exec.Cmd, start func(*exec.Cmd) (func(), error)) (release func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to start a guard: %w", err)
	}
	watch := exec.Command(self)
	watch.Env = append(os.Environ(), envGuard+"=1")
	watch.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	rope, err := watch.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := watch.Start(); err != nil {
		return nil, fmt.Errorf("start a guard: %w", err)
	}
	stopGuard := sync.OnceFunc(func() {
		_, _ = io.WriteString(rope, "done\n")
		_ = rope.Close()
		_ = watch.Wait()
	})
	inner, err := start(cmd)
	if err != nil {
		stopGuard()
		return nil, err
	}
	if _, err := fmt.Fprintf(rope, "%d\n", cmd.Process.Pid); err != nil {
		killGroup(cmd.Process.Pid)
		_ = cmd.Wait()
		stopGuard()
		return nil, fmt.Errorf("tell the guard what to watch: %w", err)
	}
	return func() { inner(); stopGuard() }, nil
}

// detached makes a command outlive our terminal and our session.
func detached(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return nil
}
