package stack

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/charmbracelet/x/ansi"

	"gatehouse/tui/clean"
)

// builder makes servers where they are not there yet.
type builder struct {
	cache cache
	// turn bounds how many Go builds run at once: as many as there are cores, since
	// each of them compiles in parallel and then links on one core.
	turn chan struct{}
	say  func(Server, string)
}

func newBuilder(say func(Server, string)) (*builder, error) {
	c, err := openCache()
	if err != nil {
		return nil, err
	}
	return &builder{cache: c, turn: make(chan struct{}, max(1, runtime.NumCPU())), say: say}, nil
}

// A build that hangs on a dead network must end some time; a slow machine with
// empty caches needs about ten minutes.
const buildLimit = 45 * time.Minute

// heartbeat says when something that takes long says that it still runs: after ten
// seconds, and then later and later.
func heartbeat(sofar time.Duration) time.Duration { return max(10*time.Second, sofar/2) }

// tool runs one build command to its end, with a line of progress now and then.
// All its output goes to a log file; the error carries the end of it.
func (b *builder) tool(ctx context.Context, s Server, doing, logName string, cmd *exec.Cmd) error {
	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	logPath := filepath.Join(b.cache.dir, "logs", logName+".log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	out := &toolOutput{log: log}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 5 * time.Second // a grandchild may hold the pipe
	p, err := launchTool(cmd)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	tick := time.NewTimer(heartbeat(0))
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			if p.err != nil {
				return fmt.Errorf("%s failed (%w): %s; the whole output is in %s", doing, p.err, out.tail(), logPath)
			}
			return nil
		case <-tick.C:
			tick.Reset(heartbeat(time.Since(p.started)))
			b.say(s, fmt.Sprintf("%s: %s so far%s", doing, time.Since(p.started).Round(time.Second), out.downloads()))
		case <-ctx.Done():
			p.kill()
			return fmt.Errorf("%s was stopped: %w", doing, context.Cause(ctx))
		}
	}
}

// toolOutput keeps what a tool prints in a file, its end in memory, and counts
// the modules that Go says it downloads.
type toolOutput struct {
	log     *os.File
	last    []byte
	modules atomic.Int64
}

const tailBytes = 4 << 10

// Write is called by one goroutine, since Stdout and Stderr are the same writer.
func (o *toolOutput) Write(p []byte) (int, error) {
	o.modules.Add(int64(bytes.Count(p, []byte("go: downloading "))))
	o.last = append(o.last, p...)
	if len(o.last) > 2*tailBytes {
		o.last = append([]byte(nil), o.last[len(o.last)-tailBytes:]...)
	}
	return o.log.Write(p)
}

func (o *toolOutput) downloads() string {
	if n := o.modules.Load(); n > 0 {
		return fmt.Sprintf(", %d modules downloaded", n)
	}
	return ""
}

// tail is the last few lines on one line.
func (o *toolOutput) tail() string {
	return lastLines(o.last, 4, " | ")
}

// lastLines joins the last n lines that are not empty, cleaned for a terminal.
func lastLines(b []byte, n int, sep string) string {
	var lines []string
	for l := range strings.Lines(string(b)) {
		if l = strings.TrimSpace(plain(l, 300)); l != "" {
			lines = append(lines, l)
		}
	}
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	if len(lines) == 0 {
		return "it printed nothing"
	}
	return strings.Join(lines, sep)
}

// plain is one line as it may be shown: without the colours that programs print,
// with anything else that a terminal would obey made visible.
func plain(line string, width int) string {
	line = strings.ReplaceAll(strings.TrimRight(ansi.Strip(line), " \t\r\n"), "\t", "    ")
	return clean.Line(line, width)
}
