//go:build !unix

package stack

import (
	"errors"
	"os"
	"os/exec"
)

var terminate = os.Interrupt

var errUnsupported = errors.New("this system has no way to end servers together with gatehouse; run the stack on Linux, macOS or in WSL, or use stack/compose.yaml")

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

func startServer(*exec.Cmd) (func(), error) { return nil, errUnsupported }

func startTool(*exec.Cmd) (func(), error) { return nil, errUnsupported }

func detached(*exec.Cmd) error { return errUnsupported }
