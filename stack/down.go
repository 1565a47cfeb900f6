package stack

import (
	"errors"
	"sync"
)

// Down stops all servers, SIGTERM first, and gives the stack's name free. It
// returns when they are gone; the data stay. Calling it again is allowed.
func (k *Stack) Down() error {
	var err error
	k.down.Do(func() { err = k.shut() })
	return err
}

func (k *Stack) shut() error {
	k.mu.Lock()
	k.closing = true
	k.rec.Phase = Stopping
	err := k.saveLocked()
	k.mu.Unlock()
	k.stop()
	// First the watchers: one of them may be starting a server again this moment.
	k.wg.Wait()

	var all sync.WaitGroup
	k.mu.Lock()
	for s, p := range k.procs {
		all.Go(func() {
			p.stop(grace(s))
			k.say(s, "stopped")
		})
	}
	k.mu.Unlock()
	all.Wait()

	k.mu.Lock()
	for _, r := range k.rec.Servers {
		r.PID = 0
	}
	k.rec.Phase = Stopped
	err = errors.Join(err, k.saveLocked())
	k.mu.Unlock()
	k.release()
	close(k.done)
	return err
}
