//go:build faults

package cmd

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"gatehouse/clients"
	"gatehouse/stack/stacktest/faultproxy"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// faultless are the screens that show what no back end is asked for when they are read
// again, or that keep the failure on a line for each of their rows.
var faultless = map[string]string{
	"NewTicket": "asks nobody before it is opened", "NewContexts": "asks nobody", "NewDecision": "asks nobody", "NewDecisions": "asks the demo server",
	"NewUserPick": "asks when something is searched", "NewTokenPaste": "asks when something is pasted", "NewPolicyTree": "asks nobody",
	"NewModel": "is read from a file", "NewHome": "counts, each place for itself: TestHome", "NewPerson": "TestPersonPartsFailAlone: each part for itself",
}

// explained remembers the newest error that the shell was asked to put into words.
type explained struct {
	mu   sync.Mutex
	last tui.Failure
}

func (e *explained) explain(err error) tui.Failure {
	f := explainFailure(err)
	if !clients.Is(err, clients.Canceled) {
		e.mu.Lock()
		e.last = f
		e.mu.Unlock()
	}
	return f
}

func (e *explained) get() tui.Failure { e.mu.Lock(); defer e.mu.Unlock(); return e.last }
func (e *explained) forget()          { e.mu.Lock(); e.last = tui.Failure{}; e.mu.Unlock() }

// While a screen is open its back end stops, is slow, is cut, answers garbage, 401, 403,
// 429 or 500: the screen says what and what to do, keeps what it had, and is whole again
// by itself when the fault is over. With GATEHOUSE_TEST_FAULTS=all every screen meets
// every fault, without it each meets two of them; it takes minutes, so that it is built
// on request: go test -tags faults ./cmd -run TestEveryScreenUnderFaults.
func TestEveryScreenUnderFaults(t *testing.T) {
	info := walkStack(t)
	all := os.Getenv("GATEHOUSE_TEST_FAULTS") == "all"
	for i, s := range everyScreen {
		if faultless[s.made] != "" {
			continue
		}
		t.Run(s.made, func(t *testing.T) {
			w := newWalk(t, info)
			for k, fault := range faultproxy.Faults {
				if all || k == i%len(faultproxy.Faults) || k == (i+3)%len(faultproxy.Faults) {
					t.Run(string(fault), func(t *testing.T) { w.fault(t, s.open(w.console, w.objects), fault) })
				}
			}
		})
	}
}

func (w *walk) fault(t *testing.T, root tui.Screen, mode faultproxy.Mode) {
	w.set(faultproxy.Pass)
	var said explained
	r := tuitest.NewRig(t, w.app(t.Context(), root, func(o *tui.Options) {
		o.Explain, o.RetryAfter = said.explain, 200*time.Millisecond
	}), 120, 40)
	body := func() string { return flat(bodyOf(r.View())) }
	r.Await(t, "it shows something", func() bool { return r.Idle() && len(body()) > 40 })
	before := keepers(bodyOf(r.View()))
	said.forget()

	w.set(mode)
	r.Press("ctrl+r")
	r.Await(t, "the fault is told", func() bool { return said.get().Why != "" && r.Idle() })
	view := flat(r.View())
	f := said.get()
	if why := flat(f.Why); !strings.Contains(view, why[:min(len(why), 24)]) {
		t.Errorf("%s: it does not say why: %q\n%s", mode, f, ansi.Strip(r.View()))
	}
	if f.Hint == "" {
		t.Errorf("%s: it does not say what to do: %q", mode, f)
	}
	kept := 0
	for _, line := range before {
		if strings.Contains(view, line) {
			kept++
		}
	}
	if kept == 0 && len(before) > 0 {
		t.Errorf("%s: nothing of what was known is kept: %q\n%s", mode, before, ansi.Strip(r.View()))
	}
	w.set(faultproxy.Pass)
	r.Await(t, "it is whole again by itself", func() bool {
		now := flat(bodyOf(r.View()))
		for _, line := range before {
			if !strings.Contains(now, line) {
				return false
			}
		}
		why := flat(f.Why)
		return r.Idle() && !strings.Contains(now, why[:min(len(why), 24)])
	})
}

// bodyOf is a frame without its title and its footer.
func bodyOf(view string) string {
	lines := strings.Split(ansi.Strip(view), "\n")
	if len(lines) < 5 {
		return ""
	}
	return strings.Join(lines[2:len(lines)-2], "\n")
}

// keepers are a few lines by which data is known again: long, and without anything that
// counts time or requests.
func keepers(body string) []string {
	var out []string
	for _, line := range strings.Split(body, "\n") {
		line = flat(strings.TrimLeft(line, " ▸*"))
		if len(line) > 12 && !strings.ContainsAny(line, "◌…") && !strings.Contains(line, " ago") && !strings.Contains(line, " ms") && !strings.Contains(line, "request") {
			if out = append(out, line[:min(len(line), 40)]); len(out) == 5 {
				break
			}
		}
	}
	if len(out) > 2 {
		out = out[1:] // the first is about the list
	}
	return out
}
