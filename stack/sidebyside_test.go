//go:build unix

package stack_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

func itoa(n int) string { return strconv.Itoa(n) }

var light = []stack.Server{stack.Kratos, stack.Keto}

// Two stacks run side by side and know nothing of each other; a third of a name
// that is taken is refused, whoever asks.
func TestTwoStacks(t *testing.T) {
	stacktest.Kratos(t)
	stacktest.Keto(t)
	ownState(t)
	a := detach(t, stack.Options{Name: "a", With: light})
	b := detach(t, stack.Options{Name: "b", With: light, Dir: filepath.Join(t.TempDir(), "else where")})
	da, db := write(t, a), write(t, b)
	if a.Kratos == b.Kratos || a.Keto == b.Keto || a.Dir == b.Dir {
		t.Errorf("they share something:\n%+v\n%+v", a, b)
	}
	if !strings.Contains(a.Keycloak.Missing, "not asked for") || !strings.Contains(a.Oathkeeper.Missing, "--with kratos,keto,oathkeeper") {
		t.Errorf("what was not asked for: %q, %q", a.Keycloak.Missing, a.Oathkeeper.Missing)
	}
	for _, again := range []func() error{
		func() error {
			_, err := stack.Detach(t.Context(), stack.Options{Name: "a", With: light}, "")
			return err
		},
		func() error { _, err := stack.Up(t.Context(), stack.Options{Name: "a", With: light}); return err },
		func() error {
			_, err := stack.Up(t.Context(), stack.Options{Name: "c", Dir: b.Dir, With: light})
			return err
		},
	} {
		if err := again(); !errors.Is(err, stack.ErrRunning) || !strings.Contains(err.Error(), "stack down --name") {
			t.Errorf("a second start: %v", err)
		}
	}
	all, err := stack.List(t.Context())
	if err != nil || len(all) != 2 || !all[0].Healthy() || !all[1].Healthy() {
		t.Errorf("%v: %+v", err, all)
	}
	last := status(t, "a")
	if err := stack.Stop(t.Context(), "a", false, func(string) {}); err != nil {
		t.Fatal(err)
	}
	released(t, last)
	db.check(t, b, stack.Kratos)
	db.check(t, b, stack.Keto)
	if err := stack.Stop(t.Context(), "a", false, func(string) {}); err != nil {
		t.Errorf("stopping it again: %v", err)
	}
	// The folder of a is found again by its name, that of b too.
	a = detach(t, stack.Options{Name: "a", With: light})
	da.check(t, a, stack.Kratos)
	da.check(t, a, stack.Keto)
	if s := status(t, "b"); s.Dir != b.Dir {
		t.Errorf("b is in %s", s.Dir)
	}
}

// lines collects progress.
type lines struct {
	mu  sync.Mutex
	all []string
	on  func(stack.Server, string)
}

func (l *lines) add(s stack.Server, line string) {
	l.mu.Lock()
	l.all = append(l.all, string(s)+" "+line)
	l.mu.Unlock()
	if l.on != nil {
		l.on(s, line)
	}
}

func (l *lines) have(parts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		found := true
		for _, p := range parts {
			found = found && strings.Contains(line, p)
		}
		if found {
			return true
		}
	}
	return false
}

// Somebody takes a port in the instant between our look and the server's listen:
// the server gets others.
func TestPortTakenMeanwhile(t *testing.T) {
	stacktest.All(t)
	for _, s := range stack.Servers() {
		for _, l := range stack.Listeners(s) {
			if s == stack.Keycloak && l != "http" {
				continue // its starts are long, and one listener shows it
			}
			t.Run(string(s)+"."+l, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "s")
				var taken net.Listener
				said := &lines{}
				said.on = func(_ stack.Server, line string) {
					if !strings.HasPrefix(line, "starting ") || taken != nil {
						return
					}
					var err error
					if taken, err = net.Listen("tcp", "127.0.0.1:"+itoa(portIn(t, dir, string(s)+"."+l))); err != nil {
						t.Error(err)
					}
				}
				st := up(t, stack.Options{Name: "race", Dir: dir, With: []stack.Server{s}, Progress: said.add})
				defer taken.Close()
				if !said.have("trying others") {
					t.Errorf("it said: %q", said.all)
				}
				if port := portIn(t, dir, string(s)+"."+l); port == taken.Addr().(*net.TCPAddr).Port {
					t.Error("it has the port that was taken")
				}
				if why := st.Info().Missing(s); why != "" {
					t.Error(why)
				}
			})
		}
	}
}

// portIn reads a port from the record of a stack.
func portIn(t *testing.T, dir, listener string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), `"`+listener+`": `)
	n, err := strconv.Atoi(after[:strings.IndexAny(after, ",\n ")])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A crash is reported with the end of the log and what to do; without restarts
// the server stays down.
func TestCrashWithoutRestart(t *testing.T) {
	stacktest.Keto(t)
	said := &lines{}
	dir := filepath.Join(t.TempDir(), "s")
	up(t, stack.Options{Name: "crash", Dir: dir, With: []stack.Server{stack.Keto}, NoRestart: true, Progress: said.add})
	b, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), `"keto": {`)
	_, after, _ = strings.Cut(after, `"pid": `)
	pid, err := strconv.Atoi(after[:strings.IndexAny(after, ",\n ")])
	if err != nil {
		t.Fatal(err)
	}
	kill9(t, pid)
	stack.Eventually(t, slow, "a report", func() bool {
		return said.have("keto ended without being asked to", itoa(pid), "signal: killed", "level=info", "keto.log", "gatehouse stack up")
	})
	time.Sleep(1500 * time.Millisecond)
	if said.have("runs again") {
		t.Error("it was started again")
	}
}

// Without Java, Go and a compiler what was built before runs, and what cannot run
// says why. Asked for by name, it is an error and nothing is left running.
func TestRestRunsWithoutTools(t *testing.T) {
	stacktest.All(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("JAVA_HOME", "")
	st := up(t, stack.Options{Name: "poor"})
	i := st.Info()
	for _, s := range []stack.Server{stack.Kratos, stack.Keto, stack.Oathkeeper} {
		if why := i.Missing(s); why != "" {
			t.Errorf("%s is missing: %s", s, why)
		}
	}
	if !strings.Contains(i.Keycloak.Missing, "there is no Java; install") {
		t.Errorf("Keycloak is missing because %q", i.Keycloak.Missing)
	}
	_, err := stack.Up(t.Context(), stack.Options{Name: "poor", Dir: filepath.Join(t.TempDir(), "s"), Unlisted: true, With: []stack.Server{stack.Keto, stack.Keycloak}})
	if err == nil || !strings.Contains(err.Error(), "there is no Java") {
		t.Errorf("asked for by name: %v", err)
	}
}

// A seed that fails stops the stack; one that is told to stop stops at once; and a
// detached start that nobody waits for any more is undone.
func TestStartThatFails(t *testing.T) {
	stacktest.Keto(t)
	ownState(t)
	var seen stack.Info
	_, err := stack.Up(t.Context(), stack.Options{Name: "s", With: []stack.Server{stack.Keto}, Seed: func(_ context.Context, i stack.Info, say func(string)) error {
		seen = i
		say("filling")
		return errors.New("no more room")
	}})
	if err == nil || !strings.Contains(err.Error(), `fill the stack "s": no more room`) || seen.Keto.ReadURL == "" {
		t.Errorf("%v; it saw %+v", err, seen)
	}
	if s := status(t, "s"); s.Running() {
		t.Errorf("it is %s", s.Phase)
	} else {
		released(t, s)
	}

	ctx, cancel := context.WithCancel(t.Context())
	_, err = stack.Detach(ctx, stack.Options{Name: "undone", With: light, Progress: func(s stack.Server, line string) {
		if strings.HasPrefix(line, "starting ") {
			cancel()
		}
	}}, "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled start: %v", err)
	}
	s := status(t, "undone")
	if s.Running() {
		t.Errorf("it is %s", s.Phase)
	}
	released(t, s)
}
