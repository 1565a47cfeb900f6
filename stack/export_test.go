//go:build unix

package stack

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
