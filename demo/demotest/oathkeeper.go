package demotest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// FreePort is a port of loopback where nothing listened a moment ago.
func FreePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Oathkeeper starts a real Oathkeeper with exactly the files that
// stack.OathkeeperConfig makes, in front of an application of the test.
func Oathkeeper(t testing.TB, f stack.OathkeeperFiles) stack.OathkeeperInfo {
	t.Helper()
	have := stacktest.Oathkeeper(t)
	info, _, err := stacktest.Running()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := stack.ProgramOf(info, stack.Oathkeeper)
	if err != nil {
		t.Skipf("the stack does not say which Oathkeeper it runs: %v", err)
	}
	for try := 0; ; try++ { // a port may be taken between finding and using it
		i, err := runOathkeeper(t, binary, f)
		if err == nil {
			i.Version = have.Version
			return i
		}
		if try == 4 {
			t.Fatal(err)
		}
	}
}

func runOathkeeper(t testing.TB, binary string, f stack.OathkeeperFiles) (stack.OathkeeperInfo, error) {
	t.Helper()
	f.ProxyURL, f.APIURL, f.MetricsURL = "http://"+FreePort(t), "http://"+FreePort(t), "http://"+FreePort(t)
	i := stack.OathkeeperInfo{ProxyURL: f.ProxyURL, APIURL: f.APIURL}
	dir := t.TempDir()
	config, rules, err := stack.OathkeeperConfig(f)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := stack.KeySet()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"oathkeeper.yml": config, "rules.json": rules, "id_token.jwks.json": keys} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	cmd := exec.Command(binary, "serve", "-c", "oathkeeper.yml")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	stop := func() { _ = cmd.Process.Kill(); <-done }
	deadline := time.After(time.Minute)
	for {
		if resp, err := Client.Get(i.APIURL + "/health/ready"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				t.Cleanup(stop)
				return i, nil
			}
		}
		select {
		case <-done:
			return i, fmt.Errorf("Oathkeeper ended: %s", &out)
		case <-deadline:
			stop()
			return i, fmt.Errorf("Oathkeeper is not ready: %s", &out)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
