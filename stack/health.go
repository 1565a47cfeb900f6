package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"time"
)

// probe asks health questions on loopback: no proxy, no redirects, short.
var probe = &http.Client{
	Timeout:       3 * time.Second,
	Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// healthy tells whether the address answers 200 now.
func healthy(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := probe.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// awaited is a server that was started and is to become ready.
type awaited struct {
	server Server
	p      *process
	ready  string // answers 200 when it is
	ports  []int  // that it must listen on itself
	limit  time.Duration
	poll   time.Duration
	log    string
	from   int64 // where in the log its own lines begin
	say    func(Server, string)
}

// wait returns nil when the process answers 200 on its health address. That it is
// this process that answers, and not another one that got the port first, is looked
// up where the system tells.
func (a awaited) wait(ctx context.Context) error {
	limit := time.After(a.limit)
	beat := time.NewTimer(heartbeat(0))
	defer beat.Stop()
	tick := time.NewTicker(a.poll)
	defer tick.Stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-a.p.done:
			if saysPortTaken(a.tail(40)) {
				return fmt.Errorf("%w; its last words: %s", errPortTaken, a.tail(2))
			}
			return fmt.Errorf("it ended while starting (%w); its last words: %s; the log is %s", exitOf(a.p), a.tail(4), a.log)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-limit:
			return fmt.Errorf("it was not ready after %s; its last words: %s; the log is %s", a.limit, a.tail(4), a.log)
		case <-beat.C:
			beat.Reset(heartbeat(time.Since(a.p.started)))
			a.say(a.server, fmt.Sprintf("not ready yet after %s", time.Since(a.p.started).Round(time.Second)))
		case <-look.C:
			// Keto without its read port neither ends nor says a word.
			if err := a.robbed(); err != nil {
				return err
			}
		case <-tick.C:
			if !healthy(ctx, a.ready) || !a.allOpen() || a.p.exited() {
				continue
			}
			return a.robbed()
		}
	}
}

// allOpen tells whether every port takes connections: a server that is ready on
// one may be about to open another.
func (a awaited) allOpen() bool {
	for _, port := range a.ports {
		c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
		if err != nil {
			return false
		}
		_ = c.Close()
	}
	return true
}

// robbed tells whether another process listens on one of the ports, as far as the
// system says.
func (a awaited) robbed() error {
	for _, port := range a.ports {
		if heldByOther(a.p.pid(), port) {
			return fmt.Errorf("%w: port %d%s", errPortTaken, port, holder(port))
		}
	}
	return nil
}

func (a awaited) tail(lines int) string { return logTail(a.log, a.from, lines) }

// exitOf says how a process ended, in words: "exit status 1", "signal: killed".
func exitOf(p *process) error {
	var exit *exec.ExitError
	switch {
	case p.err == nil:
		return errors.New("exit status 0")
	case errors.As(p.err, &exit):
		return errors.New(exit.ProcessState.String())
	default:
		return p.err
	}
}
