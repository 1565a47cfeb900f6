//go:build unix

package stack

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// What is built is what the lock files name.
func TestLockFilesAgree(t *testing.T) {
	for _, s := range goServers {
		mod, sum := string(lockFile(string(s.server)+".mod")), string(lockFile(string(s.server)+".sum"))
		if !regexp.MustCompile(`(?m)^\s*(require )?` + regexp.QuoteMeta(s.module+" "+s.version)).MatchString(mod) {
			t.Errorf("%s.mod does not require %s %s", s.server, s.module, s.version)
		}
		if !strings.Contains(sum, s.module+" "+s.version+" h1:") {
			t.Errorf("%s.sum has no checksum of %s %s", s.server, s.module, s.version)
		}
		if !strings.HasPrefix(s.stamp, s.module+"/") {
			t.Errorf("the version of %s is stamped into %s, which is elsewhere", s.server, s.stamp)
		}
	}
	if !bytes.Contains(lockFile("keycloak.pom.xml"), []byte("<keycloak.version>"+KeycloakVersion+"</keycloak.version>")) {
		t.Errorf("keycloak.pom.xml is not of %s", KeycloakVersion)
	}
	if hash([]byte("ab"), []byte("c")) == hash([]byte("a"), []byte("bc")) {
		t.Error("the hash lets parts run into each other")
	}
}

func TestNames(t *testing.T) {
	for _, good := range []string{"dev", "a", "test-12", "a_b", strings.Repeat("x", 31)} {
		if err := CheckName(good); err != nil {
			t.Errorf("%q is refused: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-a", "A", "a/b", "..", "a b", "é", strings.Repeat("x", 32), "a\n"} {
		if CheckName(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestClaim(t *testing.T) {
	t.Setenv(EnvState, t.TempDir())
	dir := filepath.Join(t.TempDir(), "a", "b")
	release, err := claim("x", dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v (%v), want mode 0700", info.Mode(), err)
	}
	if !held("x") || held("y") {
		t.Error("held does not tell who is")
	}
	if err := writeJSON(filepath.Join(dir, "state.json"), record{Name: "x", PID: 4242, Started: time.Now()}); err != nil {
		t.Fatal(err)
	}
	// The same name, and the same folder under another name.
	for _, name := range []string{"x", "z"} {
		_, err := claim(name, dir, true)
		if !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), "4242") {
			t.Errorf("claim %q again: %v", name, err)
		}
	}
	if got, err := placeOf("x", ""); err != nil || got != dir {
		t.Errorf("the folder of x is remembered as %q, %v", got, err)
	}
	release()
	if held("x") {
		t.Error("held after its release")
	}
	if release, err = claim("x", dir, true); err != nil {
		t.Fatal(err)
	}
	release()
}

// A stack neither moves into a folder with other things nor deletes them.
func TestForeignFilesAreSafe(t *testing.T) {
	t.Setenv(EnvState, t.TempDir())
	foreign := t.TempDir()
	letter := filepath.Join(foreign, "letter.txt")
	if err := os.WriteFile(letter, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := claim("x", foreign, true); err == nil {
		t.Error("a folder with other files was taken")
	}

	ours := filepath.Join(t.TempDir(), "ours")
	release, err := claim("x", ours, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(filepath.Join(ours, "state.json"), record{Name: "x", Phase: Stopped, Servers: map[Server]*serverRecord{}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(ours, "letter.txt"), []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	release()
	if err := Stop(context.Background(), "x", true, func(string) {}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(ours)
	if err != nil || len(left) != 1 || left[0].Name() != "letter.txt" {
		t.Errorf("after the wipe: %v, %v", left, err)
	}
	if _, err := Load(context.Background(), "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a wiped stack: %v", err)
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	a, err := loadSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := loadSecrets(dir)
	if err != nil || a != b {
		t.Errorf("secrets do not survive a restart: %v", err)
	}
	if info, _ := os.Stat(secretsPath(dir)); info.Mode().Perm() != 0o600 {
		t.Errorf("secrets have mode %v", info.Mode())
	}
	if len(a.KratosCipher) != 32 {
		t.Errorf("Kratos wants 32 characters, not %d", len(a.KratosCipher))
	}
	other, err := loadSecrets(t.TempDir())
	if err != nil || other.KeycloakAdmin == a.KeycloakAdmin || other.KratosCookie == a.KratosCookie {
		t.Error("two stacks share secrets")
	}
	a.Database = "postgres://u:p%40ss@h/x"
	shown := a.redactor().Replace("dsn=postgres://u:p%40ss@h password p@ss cookie " + a.KratosCookie + " admin " + a.KeycloakAdmin)
	if want := "dsn=postgres://u:[redacted]@h password [redacted] cookie [redacted] admin [redacted]"; shown != want {
		t.Errorf("shown as %q", shown)
	}
}

// The key set is a private RSA key as RFC 7518 §6.3 has it.
func TestKeySet(t *testing.T) {
	b, err := newKeySet()
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []jwk }
	if err := json.Unmarshal(b, &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%v, %d keys", err, len(set.Keys))
	}
	num := func(s string) *big.Int {
		raw, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(raw)
	}
	k := set.Keys[0]
	key := rsa.PrivateKey{PublicKey: rsa.PublicKey{N: num(k.N), E: int(num(k.E).Int64())}, D: num(k.D), Primes: []*big.Int{num(k.P), num(k.Q)}}
	if err := key.Validate(); err != nil {
		t.Error(err)
	}
	key.Precompute()
	if key.Precomputed.Dp.Cmp(num(k.DP)) != 0 || key.Precomputed.Dq.Cmp(num(k.DQ)) != 0 || key.Precomputed.Qinv.Cmp(num(k.QI)) != 0 {
		t.Error("dp, dq or qi is wrong")
	}
}

// Of several that want the same output one makes it; what a killed build left is
// swept away; a failed build leaves nothing.
func TestCacheOnce(t *testing.T) {
	t.Setenv(EnvCache, t.TempDir())
	c, err := openCache()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := c.once(ctx, "k", func() {}, func(string) error { return errors.New("no") }); err == nil || c.has("k") {
		t.Fatalf("a failed build: %v, kept %v", err, c.has("k"))
	}
	if err := os.MkdirAll(filepath.Join(c.dir, "tmp", "k", "half"), 0o700); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	builds, waits := 0, 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, err := c.once(ctx, "k", func() { mu.Lock(); waits++; mu.Unlock() }, func(dir string) error {
				mu.Lock()
				builds++
				mu.Unlock()
				time.Sleep(200 * time.Millisecond)
				return os.WriteFile(filepath.Join(dir, "f"), nil, 0o600)
			})
			if err != nil || !exists(dir, "f") || exists(dir, "half") {
				t.Errorf("%s: %v", dir, err)
			}
		})
	}
	wg.Wait()
	if builds != 1 || waits == 0 {
		t.Errorf("%d builds, %d waited", builds, waits)
	}
	held, cancel := context.WithCancel(ctx)
	cancel()
	go func() {
		_, _ = c.once(ctx, "slow", func() {}, func(string) error { time.Sleep(time.Second); return nil })
	}()
	eventually(t, 5*time.Second, "the slow build", func() bool { return exists(c.dir, "tmp", "slow") })
	if _, err := c.once(held, "slow", func() {}, func(string) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting cannot be cancelled: %v", err)
	}
	eventually(t, 5*time.Second, "the slow build", func() bool { return c.has("slow") })
}

func TestRebase(t *testing.T) {
	in := settings{"a": "http://127.0.0.1:4433/x", "b": []any{"http://127.0.0.1:4433", "http://127.0.0.1:44330/", 7},
		"c": map[string]any{"d": "http://127.0.0.1:4433?q"}, "e": "see http://127.0.0.1:4433/x"}
	rebase(in, map[string]string{"http://127.0.0.1:4433": "http://127.0.0.1:9"})
	got := fmt.Sprintf("%v %v %v %v", in["a"], in["b"], in["c"], in["e"])
	if want := "http://127.0.0.1:9/x [http://127.0.0.1:9 http://127.0.0.1:44330/ 7] map[d:http://127.0.0.1:9?q] see http://127.0.0.1:4433/x"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	in.set("x.y.z", 1)
	in.set("a.b", 2) // in the place of a string
	if in["x"].(map[string]any)["y"].(map[string]any)["z"] != 1 || in["a"].(map[string]any)["b"] != 2 {
		t.Error("set does not make the maps on its way")
	}
}

// No rendered file keeps an address of the original: a server that listened on a
// port of its own would still be sought at the well-known one.
func TestRenderLeavesNoWellKnownAddress(t *testing.T) {
	k := testStack(t)
	for s, write := range map[Server]func() error{Kratos: k.writeKratos, Keto: k.writeKeto, Oathkeeper: k.writeOathkeeper, Keycloak: k.writeKeycloak} {
		if err := write(); err != nil {
			t.Fatal(s, err)
		}
	}
	err := filepath.WalkDir(k.rec.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, _ := d.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		b, err := os.ReadFile(path)
		for name, port := range wellKnown {
			if bytes.Contains(b, fmt.Appendf(nil, "127.0.0.1:%d", port)) {
				t.Errorf("%s still names %s on %d", path, name, port)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var kratos struct {
		DSN   string
		Serve map[string]struct {
			Host string
			Port int
		}
	}
	b, _ := os.ReadFile(filepath.Join(k.serverDir(Kratos), "kratos.yml"))
	if err := yaml.Unmarshal(b, &kratos); err != nil || kratos.Serve["admin"].Host != "127.0.0.1" || kratos.Serve["admin"].Port != k.rec.Ports["kratos.admin"] {
		t.Errorf("%v: %+v", err, kratos)
	}
}

// A file that a person may edit is replaced only as long as nobody did.
func TestKeepsWhatAPersonEdited(t *testing.T) {
	k := testStack(t)
	path := filepath.Join(k.serverDir(Keto), "f")
	read := func() string { b, _ := os.ReadFile(path); return string(b) }
	for _, step := range []struct{ edit, write, want string }{
		{"", "one", "one"}, {"", "two", "two"}, {"mine", "three", "mine"}, {"", "four", "mine"},
	} {
		if step.edit != "" {
			if err := os.WriteFile(path, []byte(step.edit), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.keep(path, []byte(step.write)); err != nil {
			t.Fatal(err)
		}
		if read() != step.want {
			t.Errorf("after writing %q: %q, want %q", step.write, read(), step.want)
		}
	}
}

// testStack is a stack without processes, enough to render its files.
func testStack(t *testing.T) *Stack {
	t.Helper()
	dir := t.TempDir()
	k := &Stack{opts: Options{Name: "t", Dir: dir, UIURL: DefaultUIURL, UpstreamURL: DefaultUpstreamURL}, secrets: secrets{KratosCookie: "c", KratosCipher: "d"},
		rec: record{Name: "t", Dir: dir, Ports: ports{}, Written: map[string]string{}}}
	// The pages of the demo server are elsewhere than the well-known port of anything.
	for i, name := range append(append(listeners(Kratos), listeners(Keto)...), append(listeners(Oathkeeper), listeners(Keycloak)...)...) {
		k.rec.Ports[name] = 21000 + i
	}
	for _, s := range Servers() {
		if err := os.MkdirAll(k.serverDir(s), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return k
}
