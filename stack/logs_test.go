//go:build unix

package stack

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestStartOfLast(t *testing.T) {
	for _, test := range []struct {
		text string
		n    int
		want string
	}{
		{"", 3, ""}, {"a\nb\nc\n", 2, "b\nc\n"}, {"a\nb\nc", 2, "b\nc"}, {"a\n", 5, "a\n"}, {"a\nb\n", 0, ""}, {"\n\n\n", 1, "\n"},
		{strings.Repeat("x", 100000) + "\nlast\n", 1, "last\n"},
		{strings.Repeat("line\n", 30000), 20000, strings.Repeat("line\n", 20000)},
	} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		at, err := startOfLast(f, test.n)
		if err != nil || test.text[at:] != test.want {
			t.Errorf("last %d of %d bytes: %d bytes, %v", test.n, len(test.text), len(test.text)-int(at), err)
		}
		_ = f.Close()
	}
}

// safeBuffer is a buffer that two goroutines may use.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// What is shown of a log has no escapes and no secret, goes on with what is
// added, and survives that the log is begun anew.
func TestLogs(t *testing.T) {
	t.Setenv(EnvState, t.TempDir())
	dir := t.TempDir()
	release, err := claim("x", filepath.Join(dir, "s"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	home := filepath.Join(dir, "s")
	log := filepath.Join(dir, "keto.log")
	sec, err := loadSecrets(home)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(filepath.Join(home, "state.json"), record{Name: "x", Dir: home, Servers: map[Server]*serverRecord{Keto: {Log: log}}}); err != nil {
		t.Fatal(err)
	}
	add := func(text string, flag int) {
		f, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, text)
		_ = f.Close()
	}
	add("old\n\x1b[31mred\x1b[0m \x1b]0;title\x07cookie="+sec.KratosCookie+"\n", os.O_APPEND)
	var out safeBuffer
	if err := Logs(context.Background(), "x", LogOptions{Servers: []Server{Keto}, Lines: 1}, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.ContainsAny(got, "\x1b\x07") || strings.Contains(got, sec.KratosCookie) || !strings.Contains(got, "red") || strings.Contains(got, "old") {
		t.Errorf("shown: %q", got)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var follow safeBuffer
	done := make(chan error, 1)
	go func() { done <- Logs(ctx, "x", LogOptions{Servers: []Server{Keto}, Lines: 0, Follow: true}, &follow) }()
	time.Sleep(50 * time.Millisecond)
	add("one\ntw", os.O_APPEND)
	eventually(t, 5*time.Second, "the first line", func() bool { return follow.String() == "one\n" })
	add("o\n", os.O_APPEND)
	eventually(t, 5*time.Second, "the second line as a whole", func() bool { return follow.String() == "one\ntwo\n" })
	add("anew\n", os.O_TRUNC)
	eventually(t, 5*time.Second, "a log that was begun anew", func() bool { return strings.HasSuffix(follow.String(), "anew\n") })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := Logs(context.Background(), "x", LogOptions{Servers: []Server{"mysql"}}, &out); err == nil {
		t.Error("a server that does not exist has a log")
	}
}

func TestLastLines(t *testing.T) {
	if got := lastLines([]byte("a\n\n b \r\n\x1b[1mc\x1b[0m\n"), 2, " | "); got != "b | c" {
		t.Errorf("%q", got)
	}
	if got := lastLines(nil, 2, " | "); got != "it printed nothing" {
		t.Errorf("%q", got)
	}
}

// A log that has grown too long is cut under the hands of the server that writes it.
func TestCutLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, _, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	fmt.Fprint(w, strings.Repeat("a", 90)+"0123456789")
	if err := cutLog(path, 100, 10); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Size() != 100 {
		t.Errorf("a log that is not too long was cut to %d", info.Size())
	}
	fmt.Fprint(w, "x")
	if err := cutLog(path, 100, 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, "next")
	now, _ := os.ReadFile(path)
	kept, _ := os.ReadFile(path + ".1")
	if string(now) != "next" || string(kept) != "123456789x" {
		t.Errorf("%q, kept %q", now, kept)
	}
	if err := cutLog(path+"none", 1, 1); err != nil {
		t.Error(err)
	}
}
