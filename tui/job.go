package tui

import (
	"context"
	"time"
)

// Job is one kind of request of a screen: "load the list", "read the sessions". A
// new run cancels the older one, and the answer of an older run, or of a closed
// screen, is dropped: the function that waits for it is simply never called. The
// zero Job is ready; all methods belong to the loop.
type Job struct {
	run    uint64
	cancel context.CancelFunc
	busy   bool
	write  bool
	began  time.Time
	done   time.Time
	err    error
}

// Busy is true from the start of a run until its answer was handed over.
func (j *Job) Busy() bool { return j.busy }

// Began is when the newest run was started; zero before the first.
func (j *Job) Began() time.Time { return j.began }

// Done is when a run last succeeded; zero before the first. Data that is on the
// screen while Err is not nil is stale since then.
func (j *Job) Done() time.Time { return j.done }

// Err is how the last finished run failed, or nil.
func (j *Job) Err() error { return j.err }

// Stop cancels the run and drops its answer. A write is not stopped: it may have
// happened already, and its answer is the only way to know.
func (j *Job) Stop() {
	if j.busy && !j.write {
		j.cancel()
		j.run++
		j.busy = false
	}
}

// begin starts a new run and gives its number.
func (j *Job) begin(f *frame, cancel context.CancelFunc, write bool) uint64 {
	j.Stop()
	j.run++
	j.cancel, j.busy, j.write, j.began = cancel, true, write, f.app.now()
	f.track(j)
	return j.run
}

// end takes the answer of a run; false means that it came too late.
func (j *Job) end(f *frame, run uint64, err error) bool {
	if j.run != run || !j.busy {
		return false
	}
	j.cancel()
	j.busy, j.err = false, err
	if err == nil {
		j.done = f.app.now()
	}
	return true
}
