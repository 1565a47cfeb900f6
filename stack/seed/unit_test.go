package seed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"gatehouse/access/tuple"
	"gatehouse/clients"
)

func TestGenerated(t *testing.T) {
	names := Options{}.namer()
	seen := map[string]bool{}
	for g := generated(1); g <= 2500; g++ {
		for _, text := range []string{names.username(g), names.email(g)} {
			if back, ok := names.numberOf(text); !ok || back != g {
				t.Fatalf("%s is number %d, %v", text, back, ok)
			}
		}
		full := g.first() + " " + g.last()
		if seen[full] {
			t.Fatalf("%s comes twice within the first %d", full, g)
		}
		seen[full] = true
	}
	for _, bad := range []string{"many-", "many-0", "many-x", "ann@many.example", "many--1", ""} {
		if g, ok := names.numberOf(bad); ok {
			t.Errorf("%q is number %d", bad, g)
		}
	}
}

func TestNumbers(t *testing.T) {
	var s numbers
	for _, g := range []generated{1, 64, 65, 1, 1_000_000} {
		s.add(g)
	}
	if s.n != 4 || !s.has(64) || s.has(2) || !s.has(1_000_000) || s.has(2_000_000) {
		t.Errorf("%d members", s.n)
	}
}

func TestUUIDs(t *testing.T) {
	var u uuids
	const id = "c08960b8-5fb0-4e6d-aef2-461840675bdf"
	u.set(3000, id)
	u.set(2, "no uuid")
	if got, ok := u.get(3000); !ok || got != id {
		t.Errorf("%q %v", got, ok)
	}
	for _, g := range []generated{1, 2, 9999} {
		if got, ok := u.get(g); ok {
			t.Errorf("%d has %q", g, got)
		}
	}
}

// TestGeneratedTuples proves that there are as many as wanted and none twice.
func TestGeneratedTuples(t *testing.T) {
	subject := func(g generated) (string, bool) { return fmt.Sprint("id", int(g)), g%7 != 0 } // some have no id
	for _, tt := range []struct{ total, people, want int }{{0, 10, 0}, {5, 10, 5}, {5000, 1200, 5000}, {3000, 1, 3000}, {10, 0, 0}} {
		seen := map[string]bool{}
		for tp, err := range generatedTuples("many-", tt.total, tt.people, subject) {
			if err != nil {
				t.Fatal(err)
			}
			if seen[tp.Key()] {
				t.Fatalf("%s comes twice", tp)
			}
			seen[tp.Key()] = true
		}
		if len(seen) != tt.want {
			t.Errorf("%+v: %d tuples", tt, len(seen))
		}
	}
	nobody := func(generated) (string, bool) { return "", false }
	n := 0
	for range generatedTuples("many-", 100, 3, nobody) {
		n++
	}
	if n > 1 { // the group above the groups is all that is left
		t.Errorf("%d tuples about nobody", n)
	}
	var first tuple.Tuple
	for tp := range generatedTuples("x-", 1, 3, subject) {
		first = tp
	}
	if first.String() != "Group:x-00000#members@id1" {
		t.Errorf("the first is %s", first)
	}
}

func TestPasswords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "people.json")
	p, err := OpenPasswords(path)
	if err != nil {
		t.Fatal(err)
	}
	ann := p.Of("ann")
	if len(ann) < 20 || ann != p.Of("ann") || ann == p.Of("ben") || !p.isFresh("ann") {
		t.Error("passwords are not random, or change")
	}
	if err := p.save(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	again, err := OpenPasswords(path)
	if err != nil || again.Of("ann") != ann || again.isFresh("ann") || again.Of("carl") == "" || !again.isFresh("carl") {
		t.Errorf("read again: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPasswords(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others read: %v", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("{"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPasswords(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken file: %v", err)
	}
}

// TestShortSessions proves that the file is put back byte for byte, also after a failure.
func TestShortSessions(t *testing.T) {
	const text = "# mine\nsession: {lifespan: 24h, cookie: {same_site: Lax}}\nserve: {public: {port: 1}}\n"
	path := filepath.Join(t.TempDir(), "kratos.yml")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("sign in failed")
	err := withShortSessions(t.Context(), path, func(context.Context) error {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var now struct {
			Session struct {
				Lifespan string
				Cookie   map[string]string
			}
			Serve map[string]any
		}
		if err := yaml.Unmarshal(b, &now); err != nil || now.Session.Lifespan != "1s" || now.Session.Cookie["same_site"] != "Lax" || now.Serve["public"] == nil {
			t.Errorf("meanwhile it holds %s (%v)", b, err)
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("the failure is lost: %v", err)
	}
	b, _ := os.ReadFile(path)
	info, err := os.Stat(path)
	if string(b) != text || err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("put back as %q, mode %v", b, info.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".seed-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDiffering(t *testing.T) {
	raw := json.RawMessage(`{"verifyEmail":true,"failureFactor":5,"name":"x","gone":null}`)
	got, err := differing(raw, map[string]any{"verifyEmail": true, "failureFactor": uint64(5), "name": "y", "gone": false, "new": 1})
	if err != nil || len(got) != 3 || got["name"] != "y" || got["gone"] != false || got["new"] != 1 {
		t.Errorf("%v %v", got, err)
	}
}

func TestAgain(t *testing.T) {
	retryPause = time.Millisecond
	t.Cleanup(func() { retryPause = time.Second })
	problem := func(k clients.Kind, status int) error { return &clients.Problem{Kind: k, Status: status} }
	unsure, conflict := problem(clients.UnknownOutcome, 0), problem(clients.Conflict, 409)
	tests := []struct {
		name    string
		answers []error // of the attempts; nil ends it
		tries   int
		fails   bool
	}{
		{"at once", []error{nil}, 1, false},
		{"unknown outcome, then there", []error{unsure, nil}, 2, false},
		{"unknown outcome, then a conflict, then there", []error{unsure, conflict, nil}, 3, false},
		{"a conflict of its own", []error{conflict, nil}, 1, true},
		{"a locked database", []error{problem(clients.Unreachable, 500), nil}, 2, false},
		{"nobody there", []error{problem(clients.Unreachable, 0), nil}, 1, true},
		{"a wrong request", []error{problem(clients.Invalid, 400), nil}, 1, true},
		{"never", []error{unsure, unsure, unsure, unsure, unsure, nil}, attempts, true},
	}
	for _, tt := range tests {
		n := 0
		err := again(t.Context(), func(context.Context) error { n++; return tt.answers[n-1] })
		if n != tt.tries || (err != nil) != tt.fails {
			t.Errorf("%s: %d attempts, %v", tt.name, n, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	if err := again(ctx, func(context.Context) error { n++; cancel(); return unsure }); err == nil || n != 1 {
		t.Errorf("after a cancel: %d attempts, %v", n, err)
	}
}
