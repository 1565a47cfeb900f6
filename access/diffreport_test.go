package access_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bug fails the test with everything that is needed to see the case again: settings,
// model, tuples in the server's order, question and our trace. With a folder the
// report becomes a file of it.
func (c chunk) bug(t *testing.T, d *decided, what string, sum *tally) {
	t.Helper()
	sum.different++
	report := fmt.Sprintf("# seed %d, chunk %d, world %d\nsettings: %v\nquestion: %s with depth %d\n%s\n\n# model\n%s\n# tuples\n",
		c.seed, c.n, d.w.seed, c, d.q, d.depth, what, d.w.src)
	var b strings.Builder
	for _, r := range d.w.rows {
		fmt.Fprintln(&b, r)
	}
	report += b.String() + "\n# trace\n" + mustJSON(d.trace) + "\n"
	if c.dir == "" {
		t.Errorf("%s", report)
		return
	}
	file := filepath.Join(c.dir, fmt.Sprintf("bug-%d-%d-%d.txt", c.seed, d.w.seed, time.Now().UnixNano()))
	if err := os.WriteFile(file, []byte(report), 0o600); err != nil {
		t.Error(err)
	}
	t.Errorf("seed %d: %s with depth %d: %s; see %s", c.seed, d.q, d.depth, what, file)
}

// progress is how far a long comparison came. Its file has one line for each chunk.
type progress struct {
	seed   uint64
	chunks int
	sum    tally
	file   string
}

// chunkDone is a line of the file.
type chunkDone struct {
	Seed  uint64
	Chunk int
	Tally []uint64
}

// openProgress begins a comparison, or goes on with the one that the folder tells of,
// unless another seed is asked for or that one is complete.
func openProgress(t *testing.T, dir string, want uint64) *progress {
	t.Helper()
	p := &progress{seed: fromEnv(envSeed, uint64(time.Now().UnixNano()))}
	if dir == "" {
		return p
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.file = filepath.Join(dir, "progress.jsonl")
	old := &progress{}
	if f, err := os.Open(p.file); err == nil {
		defer f.Close()
		for in := bufio.NewScanner(f); in.Scan(); {
			var d chunkDone
			if json.Unmarshal(in.Bytes(), &d) != nil || len(d.Tally) != 12 {
				continue
			}
			if d.Seed != old.seed {
				*old = progress{seed: d.Seed}
			}
			old.chunks = d.Chunk + 1
			old.sum.add(fromNumbers(d.Tally))
		}
	}
	if old.chunks > 0 && old.sum.asked < want && (os.Getenv(envSeed) == "" || p.seed == old.seed) {
		old.file = p.file
		t.Logf("going on after %d decisions", old.sum.asked)
		return old
	}
	return p
}

func (p *progress) done(t *testing.T, n int, got tally) {
	t.Helper()
	if p.file == "" {
		return
	}
	line, err := json.Marshal(chunkDone{p.seed, n, got.numbers()})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(p.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
}

func (a tally) numbers() []uint64 {
	return []uint64{a.asked, a.allowed, a.denied, a.failed, a.ordered, a.flapped, a.settled, a.different, a.silent, a.explained, a.fixes, a.removals}
}

func fromNumbers(n []uint64) tally {
	return tally{asked: n[0], allowed: n[1], denied: n[2], failed: n[3], ordered: n[4], flapped: n[5], settled: n[6], different: n[7], silent: n[8], explained: n[9], fixes: n[10], removals: n[11]}
}
