package stack

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// starter is one operating system thread that starts every child and lives as
// long as the program. The kernel sends the parent-death signal when the *thread*
// that forked ends (prctl(2), PR_SET_PDEATHSIG), and the Go runtime ends threads
// whenever it likes, so an ordinary goroutine must not do this.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread() // never unlocked
		for f := range work {
			f()
		}
	}()
	return work
})

func startServer(cmd *exec.Cmd) (release func(), err error) {
	// A group of its own keeps the terminal's Ctrl-C for us, who stop the servers in order.
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
	result := make(chan error, 1)
	starter() <- func() { result <- cmd.Start() }
	return func() {}, <-result
}

func startTool(cmd *exec.Cmd) (release func(), err error) {
	return startGuarded(cmd, startServer)
}
