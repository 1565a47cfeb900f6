package cmd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/clients"
)

// faulty answers every request in one bad way. As all three back ends it serves
// the verbs that read and those that write.
func faulty(t *testing.T, h http.HandlerFunc) []string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return backEndEnv(s.URL)
}

func backEndEnv(url string) []string {
	return []string{
		"GATEHOUSE_KRATOS_ADMIN_URL=" + url, "GATEHOUSE_KRATOS_PUBLIC_URL=" + url,
		"GATEHOUSE_KETO_READ_URL=" + url, "GATEHOUSE_KETO_WRITE_URL=" + url,
		"GATEHOUSE_KEYCLOAK_URL=" + url, "GATEHOUSE_KEYCLOAK_USERNAME=admin", "GATEHOUSE_KEYCLOAK_PASSWORD=s3cret-pw",
	}
}

// serverVerbs are all verbs that talk to a server.
var serverVerbs = [][]string{
	{"identities", "list"},
	{"identities", "list", "--search", "ann"},
	{"identities", "get", "ann@acme.example"},
	{"identities", "get", "5f3c1c2a-0000-4000-8000-000000000000"},
	{"tuples", "list"},
	{"tuples", "export"},
	{"tuples", "expand", "Group:g#members"},
	{"tuples", "add", "Doc:a#viewers@ann"},
	{"tuples", "rm", "Doc:a#viewers@ann"},
	{"tuples", "rm", "--namespace", "Doc", "--yes"},
	{"tuples", "import", "-"},
	{"tuples", "import", "-", "--dry-run"},
	{"namespaces"},
	{"check", "Doc:a#view@ann"},
	{"users", "list", "--realm", "r"},
	{"users", "list"},
	{"users", "get", "ann", "--realm", "r"},
	{"roles", "list", "--realm", "r"},
	{"roles", "list", "--realm", "r", "--user", "ann"},
	{"roles", "grant", "--realm", "r", "--user", "ann", "--realm-role", "boss"},
	{"roles", "revoke", "--realm", "r", "--group", "/staff", "--client", "app", "--role", "admin"},
	{"version", "--servers"},
}

// A back end that fails is never an answer: the exit code is 2, the error says of
// which kind it is, and nothing that looks whole is on stdout.
func TestFaultsOfTheBackEnds(t *testing.T) {
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		kind    clients.Kind
		slow    bool
	}{
		"401":      {status(401, `{"error":"invalid_grant"}`), clients.Denied, false},
		"403":      {status(403, `{"error":{"code":403,"message":"no"}}`), clients.Denied, false},
		"429":      {status(429, `{"error":{"code":429,"message":"slow down"}}`), clients.RateLimited, true},
		"500":      {status(500, `{"error":{"code":500,"message":"broken"}}`), clients.Unreachable, false},
		"502":      {status(502, `<html>bad gateway</html>`), clients.Unreachable, true},
		"web page": {status(200, `<html>Please sign in to the WiFi</html>`), clients.Unreachable, false},
		"empty":    {status(200, ``), clients.Unreachable, false},
		"cut":      {func(w http.ResponseWriter, _ *http.Request) { cut(w) }, clients.Unreachable, true},
		"cut body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"relation_tuples":[{"names`))
			cut(w)
		}, clients.Unreachable, true},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is it told that the client has gone
			<-r.Context().Done()
		}, clients.Timeout, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.slow && testing.Short() {
				t.Skip("the clients try such an answer again, with pauses")
			}
			env := faulty(t, c.handler)
			for _, args := range serverVerbs {
				t.Run(strings.Join(args, " "), func(t *testing.T) {
					t.Parallel()
					args := append(args, "--json")
					if c.kind == clients.Timeout {
						args = append(args, "--timeout", "300ms")
					}
					r := gatehouseIn(t, "Doc:a#viewers@ann\n", env, args...)
					if name == "empty" && args[0] == "namespaces" {
						return // reads as a Keto without namespaces, whose answer is {}
					}
					e := r.want(t, 2).failure(t)
					if e.Kind != c.kind {
						t.Errorf("kind %q, want %q: %+v", e.Kind, c.kind, e)
					}
					if e.Op == "" || e.Reason == "" {
						t.Errorf("incomplete error %+v", e)
					}
					if strings.HasSuffix(strings.TrimSpace(r.stdout), "]") {
						t.Errorf("stdout looks whole: %q", r.stdout)
					}
					if strings.Contains(r.stdout+r.stderr, "s3cret-pw") {
						t.Errorf("the password is shown: %q %q", r.stdout, r.stderr)
					}
				})
			}
		})
	}
}

func TestNothingListens(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	url := s.URL
	s.Close()
	if testing.Short() {
		t.Skip("the clients try again, with pauses")
	}
	for _, args := range serverVerbs {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			r := gatehouseIn(t, "Doc:a#viewers@ann\n", backEndEnv(url), append(args, "--json")...).want(t, 2)
			if e := r.failure(t); e.Kind != clients.Unreachable || e.Hint == "" {
				t.Errorf("%+v", e)
			}
			if args[0] != "namespaces" {
				return // the plain form is the same code for all
			}
			r = gatehouse(t, backEndEnv(url), args...).want(t, 2)
			if !strings.HasPrefix(r.stderr, "gatehouse: ") || strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("stderr is not one line: %q", r.stderr)
			}
		})
	}
}

// A back end that the context does not name is told by name, with the setting.
func TestBackEndsThatAreNotConfigured(t *testing.T) {
	env := []string{"GATEHOUSE_KETO_READ_URL=http://127.0.0.1:1"}
	for want, args := range map[string][]string{
		"no kratos in context env; add kratos.admin_url": {"identities", "list"},
		"no keycloak in context env; add keycloak.url":   {"users", "list"},
	} {
		if r := gatehouse(t, env, args...).want(t, 2); !strings.Contains(r.stderr, want) {
			t.Errorf("stderr %q, want %q", r.stderr, want)
		}
	}
	r := gatehouse(t, []string{"GATEHOUSE_KRATOS_ADMIN_URL=http://127.0.0.1:1"}, "tuples", "list").want(t, 2)
	if !strings.Contains(r.stderr, "no keto in context env; add keto.read_url") {
		t.Errorf("stderr %q", r.stderr)
	}
	r = gatehouse(t, nil, "tuples", "list", "--json").want(t, 2)
	if e := r.failure(t); !strings.Contains(e.Reason, "nothing is configured") || e.Hint == "" {
		t.Errorf("%+v", e)
	}
}
