package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Supervisor stands for the supervisor itself where a log is asked for.
const Supervisor Server = "supervisor"

// LogOptions say what of the logs Logs shows.
type LogOptions struct {
	Servers []Server // whose; empty means all servers
	Lines   int      // how many of the last lines of each; negative means all
	Follow  bool     // go on with what is added, until ctx ends
}

// longestLine bounds one line of a log as it is shown, in terminal cells.
const longestLine = 4000

// Logs writes the servers' logs, each line cleaned for a terminal and without the
// stack's secrets. With several servers each line begins with the server's name.
func Logs(ctx context.Context, name string, o LogOptions, w io.Writer) error {
	r, err := loadRecord(name)
	if err != nil {
		return err
	}
	var s secrets
	if err := readJSON(secretsPath(r.Dir), &s); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	hide := s.redactor()
	servers := o.Servers
	if len(servers) == 0 {
		servers = Servers()
	}
	var tails []*tail
	for _, server := range servers {
		t := &tail{w: w, hide: hide}
		if len(servers) > 1 {
			t.prefix = fmt.Sprintf("%-10s | ", server)
		}
		switch known := r.Servers[server]; {
		case server == Supervisor:
			t.path = supervisorLog(name)
		case known == nil:
			return fmt.Errorf("%q is no server; choose from kratos, keto, keycloak, oathkeeper and supervisor", server)
		default:
			t.path = known.Log
		}
		if err := t.last(o.Lines); err != nil {
			return err
		}
		tails = append(tails, t)
	}
	for o.Follow {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
		for _, t := range tails {
			if err := t.more(); err != nil {
				return err
			}
		}
	}
	return nil
}

// tail shows one log file.
type tail struct {
	path   string
	prefix string
	hide   *strings.Replacer
	w      io.Writer
	at     int64  // up to where it was shown
	rest   []byte // the beginning of a line whose end is not there yet
}

// last shows the last n lines, all of them for a negative n.
func (t *tail) last(n int) error {
	f, err := os.Open(t.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if n >= 0 {
		if t.at, err = startOfLast(f, n); err != nil {
			return err
		}
	}
	return t.read(f)
}

// startOfLast finds where the last n lines begin, reading backwards.
func startOfLast(f *os.File, n int) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	end := info.Size()
	if n == 0 {
		return end, nil
	}
	buf := make([]byte, 32<<10)
	newlines := 0
	for at := end; at > 0; {
		size := min(at, int64(len(buf)))
		at -= size
		if _, err := f.ReadAt(buf[:size], at); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		for i := size - 1; i >= 0; i-- {
			if buf[i] != '\n' || at+i == end-1 { // the newline that ends the last line does not count
				continue
			}
			if newlines++; newlines == n {
				return at + i + 1, nil
			}
		}
	}
	return 0, nil
}

// more shows what was added. A file that became shorter was begun anew.
func (t *tail) more() error {
	f, err := os.Open(t.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() < t.at {
		t.at, t.rest = 0, nil
	}
	return t.read(f)
}

// read shows the whole lines from t.at to the end.
func (t *tail) read(f *os.File) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := f.ReadAt(buf, t.at)
		t.at += int64(n)
		t.rest = append(t.rest, buf[:n]...)
		if werr := t.lines(); werr != nil {
			return werr
		}
		if errors.Is(err, io.EOF) || n == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *tail) lines() error {
	for {
		i := bytes.IndexByte(t.rest, '\n')
		if i < 0 {
			if len(t.rest) < 1<<20 { // a line without end must not fill the memory
				return nil
			}
			i = len(t.rest) - 1
		}
		line := plain(t.hide.Replace(string(t.rest[:i])), longestLine)
		t.rest = t.rest[i+1:]
		if _, err := io.WriteString(t.w, t.prefix+line+"\n"); err != nil {
			return err
		}
	}
}

// A running server's log is cut when it has grown beyond this: a million requests
// make two million lines. The end of what was cut stays beside it.
const (
	logCut  = 64 << 20
	logKept = 4 << 20
)

// keepLogsSmall looks after the logs until the stack is stopped.
func (k *Stack) keepLogsSmall() {
	for tick := time.NewTicker(20 * time.Second); ; {
		select {
		case <-k.life.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		for _, s := range Servers() {
			if err := cutLog(k.logPath(s), logCut, logKept); err != nil {
				k.say(s, "its log could not be cut: "+err.Error())
			}
		}
	}
}

// cutLog empties a log that is longer than limit and keeps its end in PATH.1. The
// server goes on writing into the same file: it appends, so its next line is the
// first one. Lines that come in between are lost.
func cutLog(path string, limit, kept int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() <= limit {
		return err
	}
	end := make([]byte, kept)
	n, err := f.ReadAt(end, info.Size()-kept)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := writePrivate(path+".1", end[:n]); err != nil {
		return err
	}
	return f.Truncate(0)
}
