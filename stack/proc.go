package stack

import (
	"os"
	"os/exec"
	"time"
)

// process is one child that dies with us, however we die.
type process struct {
	cmd     *exec.Cmd
	started time.Time
	done    chan struct{} // closed when the child has ended and was waited for
	err     error         // how it ended, as of exec.Cmd.Wait; only after done
}

// launch starts a server. On Linux the kernel kills it when we die; elsewhere a
// guard process does.
func launch(cmd *exec.Cmd) (*process, error) { return follow(cmd, startServer) }

// launchTool starts a build tool. Tools have children of their own, which the
// kernel's parent-death signal does not reach, so a guard watches the whole group.
func launchTool(cmd *exec.Cmd) (*process, error) { return follow(cmd, startTool) }

func follow(cmd *exec.Cmd, start func(*exec.Cmd) (release func(), err error)) (*process, error) {
	release, err := start(cmd)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, started: time.Now(), done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		release()
		close(p.done)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop asks the process to end and kills it when it has not done so after grace.
// It returns when the process is gone.
func (p *process) stop(grace time.Duration) {
	if p.exited() {
		return
	}
	_ = p.cmd.Process.Signal(terminate)
	select {
	case <-p.done:
		return
	case <-time.After(grace):
	}
	p.kill()
}

// kill ends the process and its group at once and returns when it is gone.
func (p *process) kill() {
	if p.exited() {
		return
	}
	killGroup(p.pid())
	<-p.done
}

// childEnv is the environment that children get: enough to find their libraries,
// a home and a proxy. Nothing else is passed on, because the servers read settings
// from the environment (DSN, SERVE_PUBLIC_PORT, KC_…) and would obey what the
// user's shell happens to export.
func childEnv(extra ...string) []string {
	env := []string{"SQA_OPT_OUT=true"} // no telemetry from the Ory servers
	for _, name := range []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LC_ALL", "TZ", "JAVA_HOME", "XDG_CACHE_HOME",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, extra...)
}
