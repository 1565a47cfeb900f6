//go:build unix

package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

const importModel = `import { Namespace } from "@ory/keto-namespace-types"

class User implements Namespace {}

class Doc implements Namespace {
  related: { viewers: User[] }
}
`

// importFile writes n tuples, all different, into a file of lines.
func importFile(t testing.TB, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Doc:d%05d#viewers@u%d\n", i, i%997)
	}
	path := filepath.Join(t.TempDir(), "many.tuples")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// storedDocs counts how often each object of Doc is stored, with a plain client.
func storedDocs(t testing.TB, k stack.KetoInfo) map[string]int {
	t.Helper()
	out := map[string]int{}
	for token := ""; ; {
		var page struct {
			Tuples []struct {
				Object string `json:"object"`
			} `json:"relation_tuples"`
			Next string `json:"next_page_token"`
		}
		where := k.ReadURL + "/relation-tuples?namespace=Doc&page_size=500"
		if token != "" {
			where += "&page_token=" + url.QueryEscape(token)
		}
		// Keto on SQLite answers 400 while something is written, and says so.
		var status int
		var body []byte
		until(t, "Keto lists its tuples", func() bool { status, body = plain{t: t}.call("GET", where, nil); return status == 200 })
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		for _, x := range page.Tuples {
			out[x.Object]++
		}
		if token = page.Next; token == "" {
			return out
		}
	}
}

// begun reports whether a first tuple is stored; unlike counting them it takes no time.
func begun(t testing.TB, k stack.KetoInfo) bool {
	t.Helper()
	status, body := plain{t: t}.call("GET", k.ReadURL+"/relation-tuples?page_size=1", nil)
	return status == 200 && bytes.Contains(body, []byte(`"object"`))
}

// importing is the import as a process of its own.
func importing(t testing.TB, k stack.KetoInfo, path string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, "tuples", "import", path, "--json")
	c.Args[0] = "gatehouse" // which makes the test binary the program, see TestMain
	c.Env = []string{"PATH=/bin:/usr/bin", "HOME=" + t.TempDir(), "XDG_CONFIG_HOME=" + t.TempDir(),
		"GATEHOUSE_KETO_READ_URL=" + k.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + k.WriteURL, "GATEHOUSE_KETO_OPL=" + k.OPL}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, os.Stderr
	return c, &out
}

// An import that was killed in the middle is gone on with by doing it again, and then
// each tuple is stored exactly once.
func TestImportKilledAndDoneAgain(t *testing.T) {
	const n = 12_000
	k := stacktest.OwnKeto(t, importModel, nil)
	killedAndDoneAgain(t, k, n)
}

func killedAndDoneAgain(t testing.TB, k stack.KetoInfo, n int) {
	t.Helper()
	path := importFile(t, n)
	c, _ := importing(t, k, path)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Minute); !begun(t, k); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was imported")
		}
	}
	_ = c.Process.Kill() // SIGKILL: it cannot say anything
	_ = c.Wait()
	half := storedDocs(t, k)
	if len(half) == 0 {
		t.Fatal("it was killed with nothing stored, though a tuple was seen")
	}
	if len(half) == n { // a busy machine let the import end before the signal came
		t.Logf("it was killed with all %d stored, which is not in the middle", n)
	}
	again, out := importing(t, k, path)
	if err := again.Run(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var r importResult
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Read != n || r.Unchanged != len(half) || r.Added != n-len(half) || !r.Complete {
		t.Errorf("killed with %d stored, then %+v", len(half), r)
	}
	all := storedDocs(t, k)
	for object, times := range all {
		if times != 1 {
			t.Fatalf("%s is stored %d times", object, times)
		}
	}
	if len(all) != n {
		t.Errorf("%d of %d are stored", len(all), n)
	}
	t.Logf("killed with %d of %d stored; the second run added %d and left %d alone; each is stored once", len(half), n, r.Added, r.Unchanged)
}

// TestMeasureImport holds the import of 100,000 tuples against a bare loop of PATCH and
// against Keto's own command line, each on a Keto of its own, in the same run. It is run
// on request: GATEHOUSE_MEASURE=1.
func TestMeasureImport(t *testing.T) {
	if os.Getenv("GATEHOUSE_MEASURE") == "" {
		t.Skip("GATEHOUSE_MEASURE=1 measures the import of 100,000 tuples; it takes minutes")
	}
	const n = 100_000
	path := importFile(t, n)
	timed := func(do func(k stack.KetoInfo)) time.Duration {
		k := stacktest.OwnKeto(t, importModel, nil)
		began := time.Now()
		do(k)
		took := time.Since(began)
		if all := storedDocs(t, k); len(all) != n {
			t.Errorf("%d of %d are stored", len(all), n)
		}
		return took
	}
	ours := func() time.Duration {
		return timed(func(k stack.KetoInfo) {
			c, out := importing(t, k, path)
			if err := c.Run(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		})
	}
	loop := func() time.Duration { return timed(func(k stack.KetoInfo) { patchLoop(t, k, n) }) }
	// One after the other, and once more the other way round: the machine is not always
	// equally fast.
	a1, b1, b2, a2 := ours(), loop(), loop(), ours()
	keto := timed(func(k stack.KetoInfo) { ketoCreate(t, k, n) })
	a, b := (a1+a2).Seconds()/2, (b1+b2).Seconds()/2
	t.Logf("gatehouse tuples import: %.0f tuples/s (%.1f s, %.1f s)", n/a, a1.Seconds(), a2.Seconds())
	t.Logf("bare PATCH loop:         %.0f tuples/s (%.1f s, %.1f s)", n/b, b1.Seconds(), b2.Seconds())
	t.Logf("keto relation-tuple create, 1,000 a file: %.0f tuples/s (%.1f s)", n/keto.Seconds(), keto.Seconds())
	t.Logf("import against the loop: %.2f of its speed; against keto's own: %.2f", b/a, keto.Seconds()/a)
	if b/a < 0.95 {
		t.Errorf("the import has only %.2f of the speed of a bare loop", b/a)
	}
	k := stacktest.OwnKeto(t, importModel, nil)
	killedAndDoneAgain(t, k, n)
}

type wireTuple struct {
	Namespace string `json:"namespace"`
	Object    string `json:"object"`
	Relation  string `json:"relation"`
	SubjectID string `json:"subject_id"`
}

func docTuple(i int) wireTuple {
	return wireTuple{"Doc", fmt.Sprintf("d%05d", i), "viewers", fmt.Sprintf("u%d", i%997)}
}

// patchLoop is the least that has to be sent: 1,000 inserts a request, one after another.
func patchLoop(t testing.TB, k stack.KetoInfo, n int) {
	t.Helper()
	type patch struct {
		Action string    `json:"action"`
		Tuple  wireTuple `json:"relation_tuple"`
	}
	for at := 0; at < n; at += 1000 {
		batch := make([]patch, 0, 1000)
		for i := at; i < min(at+1000, n); i++ {
			batch = append(batch, patch{"insert", docTuple(i)})
		}
		body, err := json.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest("PATCH", k.WriteURL+"/admin/relation-tuples", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 204 {
			t.Fatalf("PATCH: %s", resp.Status)
		}
	}
}

// ketoCreate uses Keto's own command line, with 1,000 tuples a file: it fails with 10,000.
func ketoCreate(t testing.TB, k stack.KetoInfo, n int) {
	t.Helper()
	program, err := stack.ProgramOf(stacktest.All(t), stack.Keto)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for at := 0; at < n; at += 1000 {
		var batch []wireTuple
		for i := at; i < min(at+1000, n); i++ {
			batch = append(batch, docTuple(i))
		}
		body, err := json.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.json", at)), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	remote := strings.TrimPrefix(k.WriteURL, "http://")
	for _, f := range files {
		out, err := exec.CommandContext(t.Context(), program, "relation-tuple", "create", f, "--insecure-disable-transport-security", "--write-remote", remote, "-q").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// TestMeasureRoleGrant holds a role grant as a command against Keycloak's own kcadm.sh, in
// the same run. It is run on request: GATEHOUSE_MEASURE=1.
func TestMeasureRoleGrant(t *testing.T) {
	if os.Getenv("GATEHOUSE_MEASURE") == "" {
		t.Skip("GATEHOUSE_MEASURE=1 measures a role grant against kcadm.sh")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	found, _ := filepath.Glob(filepath.Join(cache, "gatehouse/stack/out/keycloak-*/dist/bin/kcadm.sh"))
	if len(found) == 0 {
		t.Skip("the Keycloak of this stack has no kcadm.sh")
	}
	r := newRealRealm(t)
	login := []string{"--no-config", "--server", r.url, "--realm", "master", "--user", r.user, "--password", r.pass}
	began := time.Now()
	args := append([]string{"add-roles", "-r", r.name, "--uusername", "ann", "--rolename", "boss"}, login...)
	if out, err := exec.CommandContext(t.Context(), found[0], args...).CombinedOutput(); err != nil {
		t.Fatalf("kcadm.sh: %v: %s", err, out)
	}
	theirs := time.Since(began)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, "roles", "grant", "--realm", r.name, "--user", "ben", "--realm-role", "boss")
	c.Args[0] = "gatehouse"
	c.Env = append([]string{"PATH=/bin:/usr/bin", "HOME=" + t.TempDir(), "XDG_CONFIG_HOME=" + t.TempDir()}, r.env...)
	began = time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ours := time.Since(began)
	var holders []struct{ Username string }
	r.must(200, plainHTTP(t, "GET", r.base+"/roles/boss/users", r.token(), nil, &holders))
	if len(holders) != 2 {
		t.Errorf("the role has %v", holders)
	}
	t.Logf("gatehouse roles grant: %d ms; kcadm.sh add-roles: %d ms; %.0f times as fast", ours.Milliseconds(), theirs.Milliseconds(), theirs.Seconds()/ours.Seconds())
}
