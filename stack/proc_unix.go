//go:build unix && !linux

package stack

import (
	"os/exec"
	"syscall"
)

func startServer(cmd *exec.Cmd) (release func(), err error) {
	return startGuarded(cmd, func(cmd *exec.Cmd) (func(), error) {
		if cmd.SysProcAttr == nil {
			cmd.SysProcAttr = &syscall.SysProcAttr{}
		}
		cmd.SysProcAttr.Setpgid = true
		return func() {}, cmd.Start()
	})
}

func startTool(cmd *exec.Cmd) (release func(), err error) { return startServer(cmd) }
