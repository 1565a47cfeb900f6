package tui_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// office is a server on which people are disabled, with what can go wrong.
type office struct {
	mu      sync.Mutex
	off     map[string]bool
	asked   []string
	running int
	most    int
	fail    map[string]error
	gate    chan struct{} // every write takes one token, when not nil
}

func (o *office) write(ctx context.Context, p person, off bool) error {
	o.mu.Lock()
	o.asked = append(o.asked, p.ID)
	o.running++
	o.most = max(o.most, o.running)
	o.mu.Unlock()
	defer func() { o.mu.Lock(); o.running--; o.mu.Unlock() }()
	if o.gate != nil {
		select {
		case <-o.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.fail[p.ID]; err != nil {
		return err
	}
	o.off[p.ID] = off
	return nil
}

func (o *office) look(f func()) { o.mu.Lock(); defer o.mu.Unlock(); f() }

func (o *office) spec(rows []person) tui.BulkSpec[person] {
	return tui.BulkSpec[person]{
		Title: "disable people", Verb: "disable", Done: "disabled", Noun: "person", Nouns: "people", Rows: rows,
		ID: func(p person) string { return p.ID }, Name: func(p person) string { return p.Name },
		Writes: "enabled = false", UndoWrites: "enabled = true", Mind: []string{"They cannot sign in any more."},
		Why: func(p person) string {
			if p.Mail == "" {
				return "is disabled already"
			}
			return ""
		},
		Do: func(ctx context.Context, p person) (tui.BulkResult, error) {
			err := o.write(ctx, p, true)
			return tui.BulkResult{Note: "had 2 sessions", Undo: func(ctx context.Context) error { return o.write(ctx, p, false) }}, err
		},
	}
}

// kinds says what the errors of these tests mean.
func kinds(err error) tui.Failure {
	f := tui.Failure{What: "disable", Why: err.Error(), Hint: "look at it"}
	for _, kind := range []string{"unknown_outcome", "unreachable", "denied"} {
		if strings.Contains(err.Error(), kind) {
			f.Kind = kind
		}
	}
	return f
}

func staff(n int) []person {
	rows := newCrowd(n).all
	rows[n-1].Mail = "" // makes no sense for the last
	return rows
}

// bulkConsole is a program whose key b does it to all of them.
func bulkConsole(o *office, rows []person) tui.Options {
	root := &page{title: "home"}
	root.actions = []tui.Action{act("b", "bulk", func() { tui.Bulk(root, o.spec(rows)) })}
	opts := console(root)
	opts.Explain = kinds
	return opts
}

func newOffice() *office { return &office{off: map[string]bool{}, fail: map[string]error{}} }

func TestBulkDoesItToAllAndTakesItBack(t *testing.T) {
	o := newOffice()
	s := open(t, bulkConsole(o, staff(13)))
	s.Press("b")
	s.Want("Disable 12 people?", "enabled = false, for", "Person 0")
	s.Type("11")
	s.Press("enter")
	s.Want("that is not 12")
	s.Press("backspace")
	s.Type("2")
	s.Press("enter")
	s.Want("12 people disabled", "✓ disabled", "had 2 sessions", "– left out", "is disabled already", "12 of 12 disabled")
	o.look(func() {
		if len(o.off) != 12 || len(o.asked) != 12 || o.most > 4 {
			t.Errorf("%d are disabled by %d writes, up to %d side by side", len(o.off), len(o.asked), o.most)
		}
	})
	s.Press("u")
	s.Want("Undo: disable 12 people?", "enabled = true, for")
	s.Press("y")
	s.Want("undo disable people", "12 people as before")
	o.look(func() {
		for id, off := range o.off {
			if off {
				t.Errorf("%s is still disabled", id)
			}
		}
	})
	s.Press("u")
	s.Want("nothing to undo")
}

func TestBulkFailuresAreListedReportedAndTriedAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	o := newOffice()
	o.fail["3"], o.fail["5"] = errors.New("denied: Person 3 is holy \x1b]0;x"), errors.New("unknown_outcome: cut")
	s := open(t, bulkConsole(o, staff(9)), tuitest.Size(120, 30))
	s.Press("b")
	s.Want("Disable 8 people?")
	s.Press("y")
	s.Want("6 people disabled, 1 failed, 1 may have been: no answer came", "✗ failed", "? unknown", "Person 3 is holy")
	s.Press("R")
	s.Want("wrote 2 lines to")
	files, _ := filepath.Glob("gatehouse-disable_people-failed-*.jsonl")
	if len(files) == 0 {
		files, _ = filepath.Glob("*.jsonl")
	}
	if len(files) != 1 {
		t.Fatalf("the report files are %v", files)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the report is readable by others: %v %v", info.Mode(), err)
	}
	data, _ := os.ReadFile(files[0])
	if bytes.ContainsRune(data, 0x1b) {
		t.Errorf("an escape byte of a server is in the report: %q", data)
	}
	var got []string
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		var l map[string]any
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintln(l["action"], l["id"], l["name"], l["outcome"], l["kind"], l["hint"], l["time"] != nil))
	}
	want := []string{"disable 3 Person 3 failed denied look at it true\n", "disable 5 Person 5 unknown unknown_outcome look at it true\n"}
	if !slices.Equal(got, want) {
		t.Errorf("the report is\n%s", data)
	}

	o.look(func() { delete(o.fail, "3"); o.asked = nil })
	s.Press("r")
	s.Want("Disable 1 person again?", "Person 3")
	s.Press("y")
	s.Want("7 people disabled, 1 may have been")
	o.look(func() {
		if !slices.Equal(o.asked, []string{"3"}) {
			t.Errorf("trying again asked for %v: what may have happened must be left alone", o.asked)
		}
	})
}

func TestBulkEscSendsNothingMoreAndWaitsForWhatWasSent(t *testing.T) {
	o := newOffice()
	o.gate = make(chan struct{})
	s := open(t, bulkConsole(o, staff(9)))
	s.Press("b")
	s.Want("Disable 8 people?")
	s.Press("y")
	s.Want("… working", "· waiting")
	o.await(t, func() bool { return o.running == 4 })
	s.Press("esc")
	s.Want("stopping")
	s.Press("esc")
	s.Want("what has been sent is waited for")
	for range 4 {
		o.gate <- struct{}{}
	}
	s.Want("4 people disabled, 4 not sent", "– not sent", "stopped before it was sent")
	o.look(func() {
		if len(o.asked) != 4 || len(o.off) != 4 {
			t.Errorf("%d were sent, %d done", len(o.asked), len(o.off))
		}
	})
	s.Press("esc")
	s.Want("Leave? Which 4 were not disabled")
	s.Press("n")
	s.Press("u") // what was done can be taken back although it was stopped
	s.Want("Undo: disable 4 people?")
}

// await polls a condition of the office.
func (o *office) await(t *testing.T, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		ok := false
		o.look(func() { ok = cond() })
		if ok {
			return
		}
	}
	t.Fatal("it did not come to that")
}

func TestBulkGivesUpWhenNobodyAnswers(t *testing.T) {
	o := newOffice()
	rows := staff(60)
	for _, p := range rows {
		o.fail[p.ID] = errors.New("unreachable")
	}
	opts := bulkConsole(o, rows)
	s := open(t, opts)
	s.Press("b")
	s.Want("type 59")
	s.Type("59")
	s.Press("enter")
	s.Want("not sent", "0 people disabled", "R writes a report")
	o.look(func() {
		if len(o.asked) > 40 {
			t.Errorf("%d of 59 were sent to a server that does not answer", len(o.asked))
		}
	})
}

func TestBulkIsAWriteOfTheShell(t *testing.T) {
	o := newOffice()
	o.gate = make(chan struct{})
	s := open(t, bulkConsole(o, staff(3)))
	s.Press("b")
	s.Want("Disable 2 people?")
	s.Press("y")
	s.Want("… working")
	s.Press("ctrl+c")
	s.Want("A write is on its way")
	s.Press("n")
	close(o.gate)
	s.Want("2 people disabled")

	opts := bulkConsole(o, staff(3))
	opts.ReadOnly = true
	o.look(func() { o.asked = nil })
	s = open(t, opts)
	s.Press("b")
	s.Want("Disable 2 people?")
	s.Press("y")
	s.Want("read-only")
	o.look(func() {
		if len(o.asked) > 0 {
			t.Errorf("a read-only context wrote %v", o.asked)
		}
	})
}

func TestBulkRefusesWhatMakesNoSense(t *testing.T) {
	s := open(t, bulkConsole(newOffice(), []person{{ID: "1", Name: "Ann"}}))
	s.Press("b")
	s.Want("is disabled already")
	s = open(t, bulkConsole(newOffice(), nil))
	s.Press("b")
	s.Want("nothing is selected")
}

func TestBulkGoldensAndSizes(t *testing.T) {
	half := func() *office {
		o := newOffice()
		o.fail["3"], o.fail["5"] = errors.New("denied: Person 3 is not yours to change 漢字"), errors.New("unknown_outcome: the connection was cut")
		return o
	}
	for name, size := range map[string][2]int{"bulk-80x24": {80, 24}, "bulk-120x40": {120, 40}} {
		s := open(t, bulkConsole(half(), staff(9)), tuitest.Size(size[0], size[1]))
		s.Press("b")
		s.Want("Disable 8 people?")
		s.Press("y")
		s.Want("6 people disabled, 1 failed")
		s.Press("f")
		s.Golden(name)
	}
	tuitest.Sweep(t, func() tea.Model { return tui.New(context.Background(), bulkConsole(half(), staff(9))) },
		[]string{"b"}, []string{"b", "y"}, []string{"b", "y", "f", "r"})
}
