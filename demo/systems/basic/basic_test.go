package basic_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
)

func start(t *testing.T, env gate.Env) *demotest.Running {
	return demotest.Start(t, server.Options{Systems: []string{"basic"}, Env: env})
}

func TestVectors(t *testing.T) {
	s := start(t, gate.Env{Accounts: gate.Seeds})
	demotest.Replay(t, "basic", func(*testing.T, *vectors.Vector) demotest.Target { return demotest.Target{URL: s.URL} })
}

func TestTooManyTries(t *testing.T) {
	s := start(t, gate.Env{People: []gate.Person{{Username: "ann", Password: "right phrase"}}})
	try := func(header string) int {
		return demotest.Send(t, "GET", s.URL, "/secret-page", http.Header{"Authorization": {header}}, "").Status
	}
	const right, wrong = "Basic YW5uOnJpZ2h0IHBocmFzZQ==", "Basic YW5uOng="
	if got := try(right); got != 200 {
		t.Fatalf("right: %d", got)
	}
	for range 5 {
		try(wrong)
	}
	if got := try(right); got != http.StatusTooManyRequests {
		t.Errorf("after five wrong passwords: %d", got)
	}
	if log := s.Log.String(); strings.Contains(log, "right phrase") || strings.Contains(log, "YW5u") || !strings.Contains(log, "login_failed") {
		t.Errorf("the log: %s", log)
	}
}

func TestParseBasic(t *testing.T) {
	for header, want := range map[string][2]string{
		"Basic YTpi": {"a", "b"}, "basic   YTpi": {"a", "b"}, "Basic YTo=": {"a", ""}, "Basic YTo": {"a", ""}, "Basic OmI=": {"", "b"},
		"Basic YTpiOmM=": {"a", "b:c"},
	} {
		if u, p, ok := gate.ParseBasic(header); !ok || u != want[0] || p != want[1] {
			t.Errorf("%q: %q %q %v", header, u, p, ok)
		}
	}
	for _, header := range []string{"", "Basic", "Basic ", "Basic !!!", "Basic YQ==", "Bearer YTpi", "Basic /////w==", "BasicYTpi"} {
		if _, _, ok := gate.ParseBasic(header); ok {
			t.Errorf("%q is taken", header)
		}
	}
}
