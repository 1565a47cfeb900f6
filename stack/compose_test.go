//go:build unix

package stack_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// composeFile is as much of compose.yaml as these tests look at.
type composeFile struct {
	Services map[string]composeService `yaml:"services"`
}

type composeService struct {
	Image       string            `yaml:"image"`
	Command     []string          `yaml:"command"`
	WorkingDir  string            `yaml:"working_dir"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Ports       []string          `yaml:"ports"`
	DependsOn   map[string]any    `yaml:"depends_on"`
}

// composeFolder writes the folder for compose and reads it as compose would, with
// the variables of .env put in.
func composeFolder(t *testing.T) (string, composeFile) {
	t.Helper()
	dir := t.TempDir()
	files, err := stack.WriteCompose(dir)
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	env, err := os.ReadFile(filepath.Join(dir, ".env"))
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(env)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		vars[name] = value
	}
	filled := regexp.MustCompile(`\$\{(\w+)(?::\?[^}]*)?\}`).ReplaceAllStringFunc(string(text), func(ref string) string {
		name := regexp.MustCompile(`\w+`).FindString(ref)
		if vars[name] == "" {
			t.Errorf(".env has no %s", name)
		}
		return vars[name]
	})
	var c composeFile
	if err := yaml.Unmarshal([]byte(filled), &c); err != nil {
		t.Fatal(err)
	}
	return dir, c
}

// compose.yaml is held together: what it mounts is there, its images are those of
// the lock files, its ports those of the configurations, and nothing listens
// beyond this machine.
func TestComposeHoldsTogether(t *testing.T) {
	dir, c := composeFolder(t)
	images := map[string]string{
		"kratos": "oryd/kratos:" + stack.Version(stack.Kratos), "keto": "oryd/keto:" + stack.Version(stack.Keto),
		"oathkeeper": "oryd/oathkeeper:" + stack.Version(stack.Oathkeeper),
	}
	for name, image := range images {
		if c.Services[name].Image != image {
			t.Errorf("%s runs %s, the native one is %s", name, c.Services[name].Image, image)
		}
	}
	if v := strings.TrimPrefix(c.Services["keycloak"].Image, "quay.io/keycloak/keycloak:"); !strings.HasPrefix(stack.KeycloakVersion, v+".") {
		t.Errorf("keycloak runs %s, the native one is %s", v, stack.KeycloakVersion)
	}
	mounted := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		s := c.Services[name]
		for _, v := range s.Volumes {
			host, _, _ := strings.Cut(v, ":")
			if !strings.HasPrefix(host, "./") {
				continue
			}
			mounted[filepath.Clean(host)] = true
			if info, err := os.Stat(filepath.Join(dir, host)); err != nil || info.IsDir() || info.Mode().Perm() != 0o644 {
				t.Errorf("%s mounts %s: %v", name, host, err)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s opens %s beyond this machine", name, p)
			}
		}
		for on := range s.DependsOn {
			if _, ok := c.Services[on]; !ok {
				t.Errorf("%s waits for %s, which is not there", name, on)
			}
		}
	}
	configs, _ := filepath.Glob(filepath.Join(dir, "config", "*"))
	for _, f := range configs {
		if rel, _ := filepath.Rel(dir, f); !mounted[rel] {
			t.Errorf("nobody mounts %s", rel)
		}
	}
	for name, mode := range map[string]os.FileMode{".env": 0o600, "secrets": 0o700 | os.ModeDir} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	// A second call changes no secret.
	before, _ := os.ReadFile(filepath.Join(dir, ".env"))
	files, err := stack.WriteCompose(dir)
	after, _ := os.ReadFile(filepath.Join(dir, ".env"))
	if err != nil || len(files) != 0 || string(before) != string(after) {
		t.Errorf("a second call wrote %v, %v", files, err)
	}
}

// Each file that compose.yaml mounts is loaded into the native server, unchanged
// and by the very command line and environment of its service. Only what the
// containers' network would do is done by hand: ports of our own, and addresses
// in place of the services' names.
func TestComposeFilesLoadNatively(t *testing.T) {
	i := stacktest.All(t)
	dir, c := composeFolder(t)
	for _, s := range []stack.Server{stack.Kratos, stack.Keto, stack.Oathkeeper} {
		t.Run(string(s), func(t *testing.T) {
			service := c.Services[string(s)]
			work := mountedCopy(t, dir, service)
			env, ready := nativeEnv(t, i, s, service, filepath.Join(t.TempDir(), "data.db"))
			binary, err := stack.ProgramOf(i, s)
			if err != nil {
				t.Fatal(err)
			}
			if m, ok := c.Services[string(s)+"-migrate"]; ok {
				run := exec.Command(binary, m.Command...)
				run.Dir, run.Env = work, env
				if out, err := run.CombinedOutput(); err != nil {
					t.Fatalf("%v: %v\n%.2000s", m.Command, err, out)
				}
			}
			runUntilReady(t, exec.Command(binary, service.Command...), work, env, ready)
			if s == stack.Oathkeeper {
				oathkeeperDecides(t, strings.TrimSuffix(ready, "/health/ready"))
			}
		})
	}
}

// mountedCopy lays the files that a service mounts out as they are in its container.
func mountedCopy(t *testing.T, dir string, s composeService) string {
	t.Helper()
	work := t.TempDir()
	for _, v := range s.Volumes {
		parts := strings.Split(v, ":")
		if path.Dir(parts[1]) != s.WorkingDir {
			t.Fatalf("%s is not in the working folder %s", parts[1], s.WorkingDir)
		}
		b, err := os.ReadFile(filepath.Join(dir, parts[0]))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(work, path.Base(parts[1])), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return work
}

// nativeEnv is a service's environment with what the network of the containers
// would give, and the address at which the server will be ready.
func nativeEnv(t *testing.T, i stack.Info, s stack.Server, c composeService, database string) (env []string, ready string) {
	t.Helper()
	names := strings.NewReplacer("http://kratos:4433", i.Kratos.PublicURL, "http://keto:4466", i.Keto.ReadURL)
	for name, value := range c.Environment {
		if name == "DSN" {
			if !strings.HasPrefix(value, "postgres://postgres:") || !strings.Contains(value, "@postgres:5432/"+string(s)+"?") {
				t.Errorf("the database of %s is %s", s, value)
			}
			value = "sqlite://" + database + "?_fk=true&mode=rwc"
		}
		env = append(env, name+"="+names.Replace(value))
	}
	listeners := map[stack.Server][]string{stack.Kratos: {"PUBLIC", "ADMIN"}, stack.Keto: {"READ", "WRITE", "METRICS", "OPL"}, stack.Oathkeeper: {"API", "PROXY", "PROMETHEUS"}}[s]
	for n, l := range listeners {
		port := stack.FreePort(t)
		env = append(env, fmt.Sprintf("SERVE_%s_PORT=%d", l, port), "SERVE_"+l+"_HOST=127.0.0.1")
		if n == 0 {
			ready = fmt.Sprintf("http://127.0.0.1:%d/health/ready", port)
		}
	}
	return env, ready
}

// runUntilReady runs a server for the rest of the test.
func runUntilReady(t *testing.T, cmd *exec.Cmd, dir string, env []string, ready string) {
	t.Helper()
	logPath := filepath.Join(t.TempDir(), "log")
	log, err := os.Create(logPath)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, log, log
	stop, err := stack.Launch(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	t.Cleanup(func() {
		if t.Failed() {
			b, _ := os.ReadFile(logPath)
			t.Logf("%s", b[max(0, len(b)-3000):])
		}
	})
	stack.Eventually(t, slow, ready, func() bool {
		res, err := http.Get(ready)
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// oathkeeperDecides checks that the environment of compose.yaml reaches the
// handlers: without a session the real Kratos is asked and says no.
func oathkeeperDecides(t *testing.T, api string) {
	t.Helper()
	for rule, wanted := range map[string]int{"/healthz": http.StatusOK, "/oathkeeper": http.StatusUnauthorized, "/nowhere": http.StatusNotFound} {
		req, _ := http.NewRequest("GET", api+"/decisions"+rule, nil)
		req.Header.Set("X-Forwarded-Host", "127.0.0.1:4457")
		req.Header.Set("X-Forwarded-Proto", "http")
		req.Header.Set("X-Session-Token", "ory_st_nonsense")
		res, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != wanted {
			t.Errorf("%s: %d, want %d", rule, res.StatusCode, wanted)
		}
	}
}
