package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Stop ends a stack that another process supervises, and with wipe deletes all it
// kept: its files, its databases on PostgreSQL and its place in the list. It
// returns when the servers are gone. A stack that does not run is no error;
// ErrNotFound says that there is none of that name.
func Stop(ctx context.Context, name string, wipe bool, progress func(string)) error {
	r, err := loadRecord(name)
	if errors.Is(err, ErrNotFound) && wipe && held(name) {
		err = nil // it was started this moment and has written nothing yet
	}
	if err != nil && !(wipe && r.Name == "" && !errors.Is(err, ErrNotFound)) {
		return err // an unreadable record does not stand in the way of a wipe
	}
	if held(name) {
		if err := endSupervisor(ctx, name, r.PID, progress); err != nil {
			return err
		}
		progress("stopped")
	} else {
		progress("was not running")
	}
	if !wipe {
		return nil
	}
	return wipeStack(ctx, name, progress)
}

// How long a supervisor may take to stop its servers, which is bounded by the
// grace of each of them.
const supervisorGrace = 45 * time.Second

func endSupervisor(ctx context.Context, name string, pid int, progress func(string)) error {
	if pid <= 1 {
		return fmt.Errorf("stop the stack %q: somebody holds its lock but has not said who; try again", name)
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("stop the stack %q: %w", name, err)
	}
	if err := p.Signal(terminate); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the stack %q (pid %d): %w", name, pid, err)
	}
	gone, err := awaitRelease(ctx, name, supervisorGrace)
	if gone || err != nil {
		return err
	}
	progress(fmt.Sprintf("did not stop within %s: killing it", supervisorGrace))
	_ = p.Kill() // its servers die with it
	if gone, err = awaitRelease(ctx, name, 5*time.Second); !gone && err == nil {
		err = fmt.Errorf("stop the stack %q: its supervisor (pid %d) does not end", name, pid)
	}
	return err
}

// awaitRelease waits until nobody supervises the stack.
func awaitRelease(ctx context.Context, name string, limit time.Duration) (bool, error) {
	deadline := time.After(limit)
	for held(name) {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			return false, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	return true, nil
}

// wipeStack deletes what a stack made, and nothing that it did not make: --dir may
// have named a folder in which somebody put other things since.
func wipeStack(ctx context.Context, name string, progress func(string)) error {
	dir, err := placeOf(name, "")
	if err != nil {
		return err
	}
	if !exists(dir, marker) {
		return fmt.Errorf("%s is not a stack's folder (%s is not in it); nothing was deleted", dir, marker)
	}
	release, err := claim(name, dir, true)
	if err != nil {
		return err
	}
	defer release()
	var s secrets
	if err := readJSON(secretsPath(dir), &s); err == nil && s.Database != "" {
		if err := dropDatabases(ctx, s.Database, name, s.ID); err != nil {
			return fmt.Errorf("drop the databases of the stack %q: %w", name, err)
		}
	}
	entries := []string{"logs", "secrets.json", "state.json", "gatehouse.yaml", "people.json", "lock", marker}
	for _, s := range Servers() {
		entries = append(entries, string(s))
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e)); err != nil {
			return fmt.Errorf("wipe the stack %q: %w", name, err)
		}
	}
	if err := os.Remove(dir); err != nil {
		progress("other files were left in " + dir)
	}
	// NAME.lock stays: deleting a lock that somebody waits for would give two the same name.
	for _, kind := range []string{".json", ".log"} {
		if err := os.Remove(filepath.Join(registry(), name+kind)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	progress("wiped")
	return nil
}
