//go:build unix

package stack

import (
	"os/exec"
	"testing"
	"time"
)

// What the tests on real servers, which stand outside the package, need of it.
var (
	Alive      = alive
	Eventually = eventually
	PortFree   = portFree
)

// EnvRole set to RoleSupervise makes this test binary the supervisor that Detach starts.
const (
	EnvRole       = envRole
	RoleSupervise = "supervise"
)

// SupervisorLog is where a detached supervisor writes.
var SupervisorLog = supervisorLog

// Launch starts a command that ends with this process, and returns what stops it.
func Launch(cmd *exec.Cmd) (stop func(), err error) {
	p, err := launch(cmd)
	if err != nil {
		return nil, err
	}
	return func() { p.stop(10 * time.Second) }, nil
}

// FreePort returns a port that nobody listens on.
func FreePort(t *testing.T) int {
	t.Helper()
	p := ports{}
	if err := p.pick("test"); err != nil {
		t.Fatal(err)
	}
	return p["test"]
}
