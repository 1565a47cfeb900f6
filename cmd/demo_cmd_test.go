package cmd

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/demo/seeding"
	"gatehouse/demo/server"
	"gatehouse/stack/stacktest"
)

// TestDemoVerbsOnRealServers runs what scripts run: the systems, what is missing, what
// would be made, and the decisions of a server, each against its schema.
func TestDemoVerbsOnRealServers(t *testing.T) {
	info := stacktest.All(t)
	env := []string{"GATEHOUSE_CONFIG=" + info.Config, "HOME=" + t.TempDir()}
	dir, err := os.MkdirTemp("", "gh") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s.sock")
	s, err := server.Start(t.Context(), server.Options{Systems: []string{"ory-home"}, DebugSocket: socket,
		Env: gate.Env{KratosPublicURL: info.Kratos.PublicURL, KetoReadURL: info.Keto.ReadURL, KratosUIURL: "http://127.0.0.1:4455"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	systems := decode[[]decisions.System](t, "demo-system", gatehouse(t, env, "demo", "systems", "--socket", socket, "--json").want(t, exitYes))
	if len(systems) != 1 || systems[0].ID != "ory-home" || systems[0].Routes[0].Policy != "a session and app:homepage#read" {
		t.Errorf("%+v", systems)
	}
	resp, err := http.Get(s.URL + "/nope")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	list := decode[[]decisions.Decision](t, "decision", gatehouse(t, env, "demo", "decisions", "--socket", socket, "--json").want(t, exitYes))
	if len(list) != 1 || list[0].ID != resp.Header.Get("X-Gatehouse-Decision") || list[0].Reason != decisions.NotFound {
		t.Errorf("%+v", list)
	}
	one := gatehouse(t, env, "demo", "decisions", "--socket", socket, list[0].ID).want(t, exitYes)
	if !strings.Contains(one.stdout, decisions.NotFound.Words()) {
		t.Errorf("%s", one.stdout)
	}
	gatehouse(t, env, "demo", "decisions", "--socket", socket, "made-up").want(t, exitNo)
	gatehouse(t, env, "demo", "decisions", "--socket", socket+"x").want(t, exitProblem)
	followed := gatehouse(t, env, "demo", "decisions", "--socket", socket, "--follow", "--jsonl", "--timeout", "10s").want(t, exitYes)
	if !strings.Contains(followed.stdout, list[0].ID) {
		t.Errorf("%s", followed.stdout)
	}
	steps := decode[[]seeding.Step](t, "demo-seeded", gatehouse(t, env, "demo", "seed", "--dry-run", "--json").want(t, exitYes))
	if len(steps) < 5 {
		t.Errorf("%+v", steps)
	}
	files := t.TempDir()
	gatehouse(t, env, "demo", "oathkeeper-config", "--dir", files, "--json").want(t, exitYes)
	if i, err := os.Stat(filepath.Join(files, "id_token.jwks.json")); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", i, err)
	}
	gatehouse(t, env, "demo", "oathkeeper-config", "--dir", files).want(t, exitProblem)
}

// TestDemoServeRefuses holds what may not start.
func TestDemoServeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		args []string
		says string
	}{
		"a public address":    {nil, []string{"--listen", "0.0.0.0:0"}, "--listen-public"},
		"a published secret":  {[]string{"SECRET_KEY=something-insecure"}, nil, "SECRET_KEY"},
		"a short secret":      {[]string{"SECRET_KEY=short"}, nil, "32 bytes"},
		"an unknown system":   {nil, []string{"--system", "nope"}, "no system"},
		"unknown accounts":    {nil, []string{"--accounts", "nope"}, "story or seeds"},
		"an unknown subject":  {nil, []string{"--subject", "nope"}, "subject"},
		"an unknown store":    {nil, []string{"--session-store", "mongo://x"}, "--session-store"},
		"a system that lacks": {nil, []string{"--system", "ory-home"}, "Kratos and Keto"},
	} {
		env := append([]string{"HOME=" + t.TempDir()}, c.env...)
		r := gatehouse(t, env, append([]string{"demo", "serve", "--listen", "127.0.0.1:0", "--debug-socket", "off"}, c.args...)...).want(t, exitProblem)
		if !strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: %s", name, r.stderr)
		}
	}
}
