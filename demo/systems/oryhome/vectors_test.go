package oryhome_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
	"gatehouse/stack/stacktest"
)

const kratosUI = "http://127.0.0.1:4455"

// TestVectors replays what the original answered: with the real Kratos and Keto, and
// with fakes for the faults that vectors name.
func TestVectors(t *testing.T) {
	kratos := stacktest.Kratos(t)
	keto := stacktest.OwnKeto(t, demotest.AppOPL, nil)
	base := gate.Env{Accounts: gate.Seeds, KratosPublicURL: kratos.PublicURL, KratosUIURL: kratosUI, KetoReadURL: keto.ReadURL}
	start := func(t *testing.T, change func(*gate.Env)) string {
		env := base
		if change != nil {
			change(&env)
		}
		return demotest.Start(t, server.Options{Systems: []string{"ory-home"}, Env: env}).URL
	}
	andrew := demotest.NewIdentity(t, kratos, "minkin.andrew@gmail.com")
	people := map[string]*demotest.Identity{"minkin.andrew@gmail.com": andrew}
	for _, email := range []string{"minkin.andre@wgmail.com", "joe@example.com", "off@example.com"} {
		people[email] = demotest.NewIdentity(t, kratos, email)
	}
	const subject = "minkin.andrewgmail.com"
	demotest.Allow(t, keto, subject)
	real := start(t, nil)
	demotest.Replay(t, "ory-home", func(t *testing.T, v *vectors.Vector) demotest.Target {
		vars := vectors.Vars{"kratos-ui": kratosUI, "kratos-ui-host": strings.TrimPrefix(kratosUI, "http://"), "cookie": "abc"}
		for email, i := range people {
			if strings.Contains(v.Request.Headers.Get("Cookie"), "<session:"+email+">") {
				vars["session:"+email] = i.Cookie(t)
			}
		}
		if strings.Contains(v.Request.Headers.Get("X-Session-Token")+v.Request.Headers.Get("Authorization"), "<session_token>") {
			vars["session_token"] = andrew.Token(t)
		}
		target := demotest.Target{URL: real, Vars: vars}
		switch {
		case strings.HasPrefix(v.Setup, "fake upstream:"):
			up := fake(t, v.Setup)
			target.URL = start(t, func(e *gate.Env) {
				e.KratosPublicURL, e.KetoReadURL, e.HopTimeout = up, up, 300*time.Millisecond
			})
		case strings.Contains(v.Setup, "nothing listens at KETO"):
			target.URL = start(t, func(e *gate.Env) { e.KetoReadURL = refused(t) })
		case strings.Contains(v.Setup, "nothing listens at KRATOS"):
			target.URL = start(t, func(e *gate.Env) { e.KratosPublicURL = refused(t) })
		case strings.Contains(v.Setup, "never answers"):
			target.URL = start(t, func(e *gate.Env) { e.KratosPublicURL, e.HopTimeout = silent(t), 300*time.Millisecond })
		case strings.Contains(v.Setup, "state=inactive"):
			people["off@example.com"].SetState(t, "inactive")
		case strings.Contains(v.Setup, "tuple deleted"):
			demotest.Deny(t, keto, subject)
			t.Cleanup(func() { demotest.Allow(t, keto, subject) })
		case strings.Contains(v.Setup, "session revoked"):
			people["joe@example.com"].EndSessions(t)
		}
		return target
	})
}

var fakeSetup = regexp.MustCompile(`whoami (\d+) '(.*?)', check (\d+) '(.*?)'`)

// fake is a Kratos and Keto in one that answers as the setup of a vector says.
func fake(t *testing.T, setup string) string {
	t.Helper()
	m := fakeSetup.FindStringSubmatch(setup)
	if m == nil {
		t.Fatalf("the setup %q cannot be read", setup)
	}
	end := make(chan struct{})
	answer := func(w http.ResponseWriter, status, body string) {
		n, _ := strconv.Atoi(status)
		if n == http.StatusFound {
			w.Header().Set("Location", strings.ReplaceAll(body, "http://<fake>", ""))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(n)
		fmt.Fprint(w, body)
	}
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/sessions/") {
			if got := r.Header.Get("Cookie"); got != "ory_kratos_session=x" {
				t.Errorf("Kratos was sent %q", got)
			}
			answer(w, m[1], m[2])
			return
		}
		if strings.Contains(setup, "check delayed") {
			select {
			case <-end:
			case <-r.Context().Done():
			}
			return
		}
		answer(w, m[3], m[4])
	}))
	t.Cleanup(func() { close(end); up.Close() })
	return up.URL
}

// refused is an address where nothing listens.
func refused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// silent accepts connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				return
			}
		}
	}()
	return "http://" + l.Addr().String()
}
