//go:build unix

package stack_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gatehouse/config"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// Everything is killed outright, one after the other: each server is reported and
// comes back with its data; the supervisor takes its servers with it; and a new
// start finds what was written.
func TestKillEverything(t *testing.T) {
	shared := stacktest.All(t)
	ownState(t)
	i := detach(t, stack.Options{Name: "kill"})
	d := write(t, i)
	before := status(t, "kill")
	if !before.Healthy() || before.PID != i.PID {
		t.Fatalf("after the start: %+v", before)
	}
	for _, v := range before.Servers {
		if v.State != stack.ServerReady {
			t.Fatalf("%s is %s: %s", v.Server, v.State, v.Missing)
		}
	}
	private(t, i, before)
	ownKeys(t, i, shared)
	ownConfig(t, i)

	for _, v := range before.Servers {
		t.Run(string(v.Server), func(t *testing.T) {
			kill9(t, v.PID)
			stack.Eventually(t, slow, "its return", func() bool {
				now := serverOf(status(t, "kill"), v.Server)
				return now.State == stack.ServerReady && now.PID != v.PID && now.Restarts == 1 && strings.HasPrefix(now.LastExit, "signal: killed at ")
			})
			log, err := os.ReadFile(stack.SupervisorLog("kill"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(log), string(v.Server)+" ended without being asked to (pid ") || !strings.Contains(string(log), v.Log) {
				t.Errorf("the supervisor reports: %s", log)
			}
			d.check(t, i, v.Server)
		})
	}

	last := status(t, "kill")
	kill9(t, last.PID)
	released(t, last)
	if now := status(t, "kill"); now.Phase != stack.Died || now.Running() || now.Healthy() {
		t.Errorf("a killed supervisor is found to be %q", now.Phase)
	}

	again := detach(t, stack.Options{Name: "kill"})
	if again.Kratos != i.Kratos || again.Keto != i.Keto || again.Keycloak != i.Keycloak || again.Oathkeeper != i.Oathkeeper {
		t.Errorf("the new start is elsewhere:\n%+v\n%+v", again, i)
	}
	for _, s := range stack.Servers() {
		d.check(t, again, s)
	}
	last = status(t, "kill")
	if err := stack.Stop(t.Context(), "kill", false, func(string) {}); err != nil {
		t.Fatal(err)
	}
	released(t, last)
	if now := status(t, "kill"); now.Phase != stack.Stopped {
		t.Errorf("a stopped stack is found to be %q", now.Phase)
	}
}

// private checks that a running stack shows its secrets to nobody: not in the
// arguments of a process, not in what it prints, and in no file that others may read.
func private(t *testing.T, i stack.Info, s stack.Status) {
	t.Helper()
	var secrets map[string]string
	b, err := os.ReadFile(filepath.Join(i.Dir, "secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &secrets); err != nil {
		t.Fatal(err)
	}
	delete(secrets, "id")
	shows := func(where string, text []byte) {
		for name, v := range secrets {
			if v != "" && strings.Contains(string(text), v) {
				t.Errorf("the secret %s is in %s", name, where)
			}
		}
	}
	printed, _ := json.Marshal(s)
	shows("the status", printed)
	err = filepath.WalkDir(i.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return nil // a journal that came and went
		}
		// Keycloak makes side files of its own with its own mode; their folder is closed.
		if mode := info.Mode().Perm(); mode&0o077 != 0 && filepath.Base(filepath.Dir(path)) != "keycloak" {
			t.Errorf("%s has mode %v", path, mode)
		}
		if strings.HasPrefix(path, filepath.Join(i.Dir, "logs")) && !e.IsDir() {
			text, _ := os.ReadFile(path)
			shows(path, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	for _, pid := range append([]int{s.PID}, pids(s)...) {
		args, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "cmdline"))
		if err != nil {
			t.Fatal(err)
		}
		shows("the arguments of process "+itoa(pid), args)
	}
}

func pids(s stack.Status) []int {
	var all []int
	for _, v := range s.Servers {
		all = append(all, v.PID)
	}
	return all
}

// ownKeys checks that two stacks share neither signing keys nor the password that
// the template of their databases came with.
func ownKeys(t *testing.T, a, b stack.Info) {
	t.Helper()
	certs := func(i stack.Info) map[string]bool {
		_, answer := send(t, "GET", i.Keycloak.URL+"/realms/master/protocol/openid-connect/certs", "", nil)
		var set struct {
			Keys []struct{ Kid string }
		}
		if err := json.Unmarshal(answer, &set); err != nil || len(set.Keys) < 2 {
			t.Fatalf("the keys of %s: %v: %.300s", i.Name, err, answer)
		}
		kids := map[string]bool{}
		for _, k := range set.Keys {
			kids[k.Kid] = true
		}
		return kids
	}
	others := certs(b)
	for kid := range certs(a) {
		if others[kid] {
			t.Errorf("two stacks share the key %s", kid)
		}
	}
	// The others, such as those for the sessions' tokens, are seen by the admin API alone.
	var keys struct {
		Keys []struct{ ProviderPriority int }
	}
	_, answer := send(t, "GET", a.Keycloak.URL+"/admin/realms/master/keys", adminToken(t, a), nil)
	if err := json.Unmarshal(answer, &keys); err != nil || len(keys.Keys) < 4 {
		t.Errorf("%v: %.300s", err, answer)
	}
	for _, k := range keys.Keys {
		if k.ProviderPriority != 200 {
			t.Errorf("a key of the template is left, of priority %d", k.ProviderPriority)
		}
	}
	dir, err := stack.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	templates, _ := filepath.Glob(filepath.Join(dir, "out", "template-*", "password"))
	if len(templates) == 0 {
		t.Error("there is no template to compare with")
	}
	for _, f := range templates {
		pw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := keycloakToken(t, a, strings.TrimSpace(string(pw))); ok {
			t.Error("the template's password opens the stack")
		}
	}
	pa, _ := a.Keycloak.Password()
	pb, _ := b.Keycloak.Password()
	if pa == "" || pa == pb {
		t.Error("two stacks share the administrator's password")
	}
}

// ownConfig checks that gatehouse itself takes the file that Info names.
func ownConfig(t *testing.T, i stack.Info) {
	t.Helper()
	c, err := config.Load(config.Options{Path: i.Config, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := c.Context("")
	if err != nil || ctx.Name != i.Name {
		t.Fatalf("the current context: %v", err)
	}
	password, err := ctx.Keycloak.Password.Resolve(t.Context())
	wanted, _ := i.Keycloak.Password()
	if err != nil || password != wanted {
		t.Errorf("the password by reference: %v", err)
	}
	if ctx.Kratos.AdminURL != i.Kratos.AdminURL || ctx.Keto.OPL != i.Keto.OPL || ctx.Keycloak.URL != i.Keycloak.URL {
		t.Errorf("the context: %+v %+v", ctx.Kratos, ctx.Keto)
	}
}
