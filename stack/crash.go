package stack

import (
	"fmt"
	"strings"
	"time"
)

// A server that ends by itself is started again, later and later, and given up
// when it keeps ending soon after it was ready.
const (
	maxRestarts  = 5
	firstPause   = time.Second
	calmDown     = 2 * time.Minute // a server that ran this long gets all its chances back
	restartWords = 4               // lines of its log in the report
)

// watch follows one server until the stack is stopped.
func (k *Stack) watch(u *unit, p *process) {
	failures := 0
	for {
		select {
		case <-p.done:
		case <-k.life.Done():
			return
		}
		k.mu.Lock()
		closing := k.closing
		k.mu.Unlock()
		if closing {
			return
		}
		if time.Since(p.started) > calmDown {
			failures = 0
		}
		failures++
		k.report(u, p, failures)
		if k.opts.NoRestart || failures > maxRestarts {
			return
		}
		if p = k.restart(u, &failures); p == nil {
			return
		}
	}
}

// report tells how a server ended and what happens next, and records it.
func (k *Stack) report(u *unit, p *process, failures int) {
	exit := exitOf(p).Error()
	words := logTail(k.logPath(u.server), 0, restartWords)
	next := fmt.Sprintf("starting it again (%d of %d)", failures, maxRestarts)
	switch {
	case k.opts.NoRestart:
		next = fmt.Sprintf("start the stack anew: `gatehouse stack down --name %s`, then `gatehouse stack up --name %s`", k.rec.Name, k.rec.Name)
	case failures > maxRestarts:
		next = fmt.Sprintf("giving up after %d times; see `gatehouse stack logs %s --name %s`, then start the stack anew", failures, u.server, k.rec.Name)
	}
	k.mu.Lock()
	r := k.rec.Servers[u.server]
	r.PID = 0
	r.LastExit = fmt.Sprintf("%s at %s", exit, time.Now().UTC().Format(time.RFC3339))
	k.mu.Unlock()
	k.say(u.server, fmt.Sprintf("ended without being asked to (pid %d, %s); its last words: %s; the log is %s; %s",
		p.pid(), exit, words, k.logPath(u.server), next))
	if err := k.save(); err != nil {
		k.say(u.server, "its end could not be recorded: "+err.Error())
	}
}

// restart starts the server again on the ports it had, since its clients know
// them. nil means that it was given up or that the stack is being stopped.
func (k *Stack) restart(u *unit, failures *int) *process {
	for pause := firstPause << (*failures - 1); ; pause *= 2 {
		select {
		case <-time.After(pause):
		case <-k.life.Done():
			return nil
		}
		p, err := k.startOnce(k.life, u)
		if err == nil {
			k.mu.Lock()
			r := k.rec.Servers[u.server]
			r.PID, r.Started = p.pid(), p.started.UTC()
			r.Restarts++
			k.mu.Unlock()
			k.say(u.server, fmt.Sprintf("runs again (pid %d)", p.pid()))
			if err := k.save(); err != nil {
				k.say(u.server, "the restart could not be recorded: "+err.Error())
			}
			return p
		}
		if k.life.Err() != nil {
			return nil
		}
		*failures++
		if *failures > maxRestarts {
			k.say(u.server, fmt.Sprintf("does not start again: %v; see `gatehouse stack logs %s --name %s`, then start the stack anew", err, u.server, k.rec.Name))
			return nil
		}
		k.say(u.server, fmt.Sprintf("did not start: %v; trying again (%d of %d)", err, *failures, maxRestarts))
	}
}

// show makes a text fit for a person's eyes: one line, no control characters, no secret.
func (k *Stack) show(text string) string {
	text = k.secrets.redactor().Replace(text)
	var lines []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(plain(l, 2000)); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, " ")
}
