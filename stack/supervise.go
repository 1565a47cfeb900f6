package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// start brings all servers up side by side, writes the context file and seeds.
func (k *Stack) start(outer context.Context) error {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	wanted := k.opts.wanted()
	k.mu.Lock()
	k.rec.Info = Info{Name: k.rec.Name, Dir: k.rec.Dir, Config: k.configPath(), PID: k.rec.PID}
	for _, s := range Servers() {
		k.rec.Info.setMissing(s, unavailable(s, wanted))
	}
	k.mu.Unlock()

	// Oathkeeper is told where Kratos and Keto are, so it waits until their ports are settled.
	settled := map[Server]chan struct{}{Kratos: make(chan struct{}), Keto: make(chan struct{})}
	failed := make(map[Server]error)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, s := range Servers() {
		if !contains(wanted, s) {
			closeIf(settled[s])
			continue
		}
		all.Go(func() {
			defer closeIf(settled[s])
			var wait []chan struct{}
			if s == Oathkeeper {
				wait = []chan struct{}{settled[Kratos], settled[Keto]}
			}
			if err := k.startServer(ctx, s, wait); err != nil {
				mu.Lock()
				failed[s] = err
				mu.Unlock()
				k.missing(s, err)
				if len(k.opts.With) > 0 {
					cancel() // it was asked for by name: the others need not go on
				}
			}
		})
	}
	all.Wait()
	if err := k.verdict(outer, wanted, failed); err != nil {
		return err
	}
	if err := k.writeContext(); err != nil {
		return err
	}
	if err := k.seed(ctx); err != nil {
		return err
	}
	k.wg.Go(k.keepLogsSmall)
	k.mu.Lock()
	k.rec.Phase = Ready
	k.mu.Unlock()
	return k.save()
}

func contains(list []Server, s Server) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

func closeIf(c chan struct{}) {
	if c != nil {
		close(c)
	}
}

// verdict decides whether what runs is enough.
func (k *Stack) verdict(ctx context.Context, wanted []Server, failed map[Server]error) error {
	if len(failed) == 0 {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("start the stack %q: %w", k.rec.Name, cause)
	}
	var first []string
	for _, s := range wanted {
		if err := failed[s]; err != nil && !errors.Is(err, context.Canceled) { // those were told to give up because of another

			first = append(first, fmt.Sprintf("%s: %s", s, k.show(err.Error())))
		}
	}
	if len(failed) == len(wanted) || len(k.opts.With) > 0 {
		return fmt.Errorf("start the stack %q: %s", k.rec.Name, strings.Join(first, "; "))
	}
	return nil
}

// missing records why a server does not run.
func (k *Stack) missing(s Server, err error) {
	why := k.show(err.Error())
	k.mu.Lock()
	k.rec.Info.setMissing(s, why)
	k.mu.Unlock()
	if !errors.Is(err, context.Canceled) {
		k.say(s, "does not run: "+why)
	}
}

func (k *Stack) seed(ctx context.Context) error {
	if k.opts.Seed == nil {
		return nil
	}
	err := k.opts.Seed(ctx, k.Info(), func(line string) { k.say("", line) })
	if err != nil {
		return fmt.Errorf("fill the stack %q: %w", k.rec.Name, err)
	}
	return nil
}

// startServer takes one server from nothing to ready. wait is what must be closed
// before its configuration can be written.
func (k *Stack) startServer(ctx context.Context, s Server, wait []chan struct{}) error {
	u, err := k.unit(ctx, s)
	if err != nil {
		return err
	}
	for _, c := range wait {
		select {
		case <-c:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	begin := time.Now()
	k.say(s, fmt.Sprintf("starting %s (%s)", u.program.version, u.program.origin))
	if err := u.write(); err != nil {
		return fmt.Errorf("write its configuration: %w", err)
	}
	if u.prepare != nil {
		if err := u.prepare(ctx); err != nil {
			return err
		}
	}
	p, err := k.startOnFreePorts(ctx, u)
	if err != nil {
		return err
	}
	k.mu.Lock()
	u.describe(&k.rec.Info)
	*k.rec.Servers[s] = serverRecord{PID: p.pid(), Program: u.program.path, Origin: u.program.origin, Version: u.program.version,
		Log: k.logPath(s), Started: p.started.UTC()}
	k.mu.Unlock()
	k.wg.Go(func() { k.watch(u, p) })
	k.say(s, fmt.Sprintf("ready after %.1f s on %s", time.Since(begin).Seconds(), k.url(mainListener[s])))
	return k.save()
}

// startOnFreePorts starts the server, on other ports when somebody took one of
// them meanwhile.
func (k *Stack) startOnFreePorts(ctx context.Context, u *unit) (*process, error) {
	for attempt := 1; ; attempt++ {
		p, err := k.startOnce(ctx, u)
		if err == nil || !errors.Is(err, errPortTaken) || attempt == 5 || k.opts.Ports == DefaultPorts {
			return p, err
		}
		k.mu.Lock()
		err = k.rec.Ports.assign(k.opts.Ports, []Server{u.server})
		k.mu.Unlock()
		if err == nil {
			k.say(u.server, "a port was taken in the meantime: trying others")
			err = u.write()
		}
		if err != nil {
			return nil, err
		}
	}
}

// startOnce starts the server's process and waits until it is ready. On an error
// the process is gone.
func (k *Stack) startOnce(ctx context.Context, u *unit) (*process, error) {
	log, from, err := openLog(k.logPath(u.server))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own copy
	cmd := u.command()
	cmd.Dir = k.serverDir(u.server)
	if cmd.Env == nil {
		cmd.Env = childEnv()
	}
	cmd.Stdout, cmd.Stderr = log, log
	p, err := launch(cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", u.program.path, err)
	}
	k.mu.Lock()
	k.procs[u.server] = p
	k.mu.Unlock()
	a := awaited{server: u.server, p: p, ready: u.ready(), limit: u.limit, poll: u.poll, log: k.logPath(u.server), from: from, say: k.say}
	for _, name := range listeners(u.server) {
		a.ports = append(a.ports, k.port(name))
	}
	err = a.wait(ctx)
	if err == nil && u.finish != nil {
		err = u.finish(ctx)
	}
	if err != nil {
		p.stop(u.grace)
		return nil, err
	}
	return p, nil
}
