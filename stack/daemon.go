package stack

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

// order is what a detached supervisor is told. It goes through a pipe, so that a
// database's password is in nobody's arguments.
type order struct {
	Options Options `json:"options"`
	Seed    string  `json:"seed"`
}

// event is one line of what the supervisor tells while it starts.
type event struct {
	Server  Server `json:"server,omitempty"`
	Line    string `json:"line,omitempty"`
	Info    *Info  `json:"info,omitempty"`    // it is ready; the last event
	Problem string `json:"problem,omitempty"` // it failed; the last event
	Running bool   `json:"running,omitempty"` // the problem is ErrRunning
}

// The pipes between the two, as exec.Cmd.ExtraFiles numbers them.
const orderFD, eventFD = 3, 4

// Detach starts this program again as a supervisor that outlives us and our
// terminal, and returns when its stack is ready. args is the command line that
// leads to Supervise; seed is handed to it. Progress comes through o.Progress.
// When ctx ends before the stack is ready, the start is undone.
func Detach(ctx context.Context, o Options, seed string, args ...string) (Info, error) {
	if err := o.complete(); err != nil {
		return Info{}, err
	}
	if err := os.MkdirAll(registry(), 0o700); err != nil {
		return Info{}, fmt.Errorf("make the stacks' folder: %w; set %s to a folder you may write", err, EnvState)
	}
	self, err := os.Executable()
	if err != nil {
		return Info{}, fmt.Errorf("find this program, to start a supervisor: %w", err)
	}
	log, _, err := openLog(supervisorLog(o.Name))
	if err != nil {
		return Info{}, err
	}
	defer log.Close()
	ours, theirs, err := newPipes()
	if err != nil {
		return Info{}, err
	}
	defer ours.close()
	cmd := exec.Command(self, args...)
	cmd.Dir = "/" // it must not hold the folder in which it happened to be started
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{theirs.orders, theirs.events}
	if err := detached(cmd); err != nil {
		theirs.close()
		return Info{}, err
	}
	err = cmd.Start()
	theirs.close()
	if err != nil {
		return Info{}, fmt.Errorf("start a supervisor: %w", err)
	}
	if err := json.NewEncoder(ours.orders).Encode(order{o, seed}); err != nil {
		return Info{}, fmt.Errorf("tell the supervisor what to start: %w; see %s", err, supervisorLog(o.Name))
	}
	return relay(ctx, o, ours, cmd)
}

// relay passes the supervisor's events on until the last one.
func relay(ctx context.Context, o Options, ours pipes, cmd *exec.Cmd) (Info, error) {
	undo := context.AfterFunc(ctx, func() { _ = ours.orders.Close() }) // the supervisor sees it and gives up
	defer undo()
	from := json.NewDecoder(bufio.NewReader(ours.events))
	for {
		var e event
		switch err := from.Decode(&e); {
		case errors.Is(err, io.EOF):
			_ = cmd.Wait()
			if ctx.Err() != nil {
				return Info{}, context.Cause(ctx)
			}
			return Info{}, fmt.Errorf("the supervisor ended (%s) before the stack was ready; its log is %s", cmd.ProcessState, supervisorLog(o.Name))
		case err != nil:
			return Info{}, fmt.Errorf("listen to the supervisor: %w", err)
		case e.Problem != "":
			_ = cmd.Wait()
			if ctx.Err() != nil {
				return Info{}, context.Cause(ctx)
			}
			if e.Running {
				return Info{}, runningError(e.Problem)
			}
			return Info{}, errors.New(e.Problem)
		case e.Info != nil:
			return *e.Info, cmd.Process.Release()
		default:
			o.Progress(e.Server, e.Line)
		}
	}
}

// runningError is ErrRunning as another process told it.
type runningError string

func (e runningError) Error() string { return string(e) }

func (e runningError) Is(target error) bool { return target == ErrRunning }

// Supervise is the other half of Detach: it starts the stack that it is told,
// keeps it until ctx ends, and stops it. prepare may complete the options, above
// all with what the seed's name stands for.
func Supervise(ctx context.Context, prepare func(o *Options, seed string) error) error {
	orders, events := os.NewFile(orderFD, "orders"), os.NewFile(eventFD, "events")
	in := json.NewDecoder(orders)
	var todo order
	if err := in.Decode(&todo); err != nil {
		return fmt.Errorf("this command is for `gatehouse stack up --detach`: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ready atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, orders) // ends when the other side is gone
		if !ready.Load() {
			cancel()
		}
	}()
	tell := json.NewEncoder(events)
	say := func(s Server, line string) {
		fmt.Fprintf(os.Stderr, "%s %s %s\n", time.Now().Format(time.RFC3339), s, line)
		if !ready.Load() {
			_ = tell.Encode(event{Server: s, Line: line}) // nobody may be listening any more
		}
	}
	todo.Options.Progress = say
	if err := prepare(&todo.Options, todo.Seed); err != nil {
		_ = tell.Encode(event{Problem: err.Error()})
		return err
	}
	k, err := Up(ctx, todo.Options)
	if err != nil {
		_ = tell.Encode(event{Problem: err.Error(), Running: errors.Is(err, ErrRunning)})
		return err
	}
	info := k.Info()
	ready.Store(true)
	_ = tell.Encode(event{Info: &info})
	_ = events.Close()
	_ = k.Wait(ctx)
	return k.Down()
}

// supervisorLog is where a detached supervisor writes; it has no terminal.
func supervisorLog(name string) string { return filepath.Join(registry(), name+".log") }

// pipes are one side's ends of the two pipes.
type pipes struct{ orders, events *os.File }

func newPipes() (ours, theirs pipes, err error) {
	if theirs.orders, ours.orders, err = os.Pipe(); err != nil {
		return
	}
	if ours.events, theirs.events, err = os.Pipe(); err != nil {
		_, _ = theirs.orders.Close(), ours.orders.Close()
	}
	return
}

func (p pipes) close() {
	_ = p.orders.Close()
	_ = p.events.Close()
}
