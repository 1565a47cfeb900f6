package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const run1 = `{"Action":"start","Package":"gatehouse/a"}
{"Action":"output","Package":"gatehouse/a","Test":"TestGood","Output":"noise\n"}
{"Action":"pass","Package":"gatehouse/a","Test":"TestGood","Elapsed":0.1}
{"Action":"output","Package":"gatehouse/a","Test":"TestSkip","Output":"    a_test.go:3: needs a real keto\n"}
{"Action":"output","Package":"gatehouse/a","Test":"TestSkip","Output":"--- SKIP: TestSkip\n"}
{"Action":"skip","Package":"gatehouse/a","Test":"TestSkip"}
{"Action":"pass","Package":"gatehouse/a","Elapsed":1}
{"Action":"output","Package":"gatehouse/b","Test":"TestBad","Output":"    b_test.go:9: want 1\n"}
{"Action":"fail","Package":"gatehouse/b","Test":"TestBad"}
{"Action":"fail","Package":"gatehouse/b","Elapsed":2}
{"ImportPath":"gatehouse/c","Action":"build-output","Output":"c.go:1: broken\n"}
{"Action":"output","Package":"gatehouse/c","Output":"FAIL gatehouse/c [build failed]\n"}
{"Action":"fail","Package":"gatehouse/c","FailedBuild":"gatehouse/c"}
not json
`

func TestResults(t *testing.T) {
	var out strings.Builder
	r := newResults(&out)
	if err := r.read(strings.NewReader(run1)); err != nil {
		t.Fatal(err)
	}
	got := r.report(map[string]int{"keto": 3, "kratos": 2}, time.Minute)
	want := `skipped  a TestSkip: a_test.go:3: needs a real keto
broken   c
tests against real servers: keto 3, kratos 2; whole run 1m0s
1 passed, 2 failed, 1 skipped
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, part := range []string{"ok    a", "FAIL  b TestBad\n          b_test.go:9: want 1", "c.go:1: broken", "not json"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, &out)
		}
	}
	if strings.Contains(out.String(), "noise") {
		t.Error("the output of a good test is shown")
	}
}

func TestCountServers(t *testing.T) {
	f := filepath.Join(t.TempDir(), "count")
	if n, err := countServers(f); err != nil || len(n) != 0 {
		t.Fatal(n, err)
	}
	if err := os.WriteFile(f, []byte("keto\tTestA\nketo\tTestA\nketo\tTestB\nkratos\tTestA\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := countServers(f); err != nil || n["keto"] != 2 || n["kratos"] != 1 {
		t.Fatal(n, err)
	}
}

const run2 = `{"Action":"output","Package":"gatehouse/a","Test":"TestOnce/row","Output":"    a_test.go:3: too late\n"}
{"Action":"fail","Package":"gatehouse/a","Test":"TestOnce/row"}
{"Action":"fail","Package":"gatehouse/a","Test":"TestOnce"}
{"Action":"output","Package":"gatehouse/a","Test":"TestRandom","Output":"    a_test.go:9: seed 7: the server differs\n"}
{"Action":"fail","Package":"gatehouse/a","Test":"TestRandom"}
{"Action":"fail","Package":"gatehouse/a","Elapsed":1}
{"Action":"output","Package":"gatehouse/b","Test":"TestPanics","Output":"panic: oops\n"}
{"Action":"fail","Package":"gatehouse/b","Test":"TestPanics"}
{"Action":"fail","Package":"gatehouse/b","Elapsed":1}
`

func TestAgain(t *testing.T) {
	r := newResults(io.Discard)
	if err := r.read(strings.NewReader(run2)); err != nil {
		t.Fatal(err)
	}
	if r.failed != 4 || len(r.again) != 1 || !slices.Equal(r.again["gatehouse/a"], []string{"TestOnce"}) {
		t.Fatalf("%d failed, again %v: neither a failure with a seed nor a panic deserves another chance", r.failed, r.again)
	}
	second := newResults(io.Discard)
	if err := second.read(strings.NewReader(`{"Action":"pass","Package":"gatehouse/a","Test":"TestOnce/row"}
{"Action":"pass","Package":"gatehouse/a","Test":"TestOnce"}
{"Action":"pass","Package":"gatehouse/a","Elapsed":1}
`)); err != nil {
		t.Fatal(err)
	}
	r.forgive("gatehouse/a", []string{"TestOnce"}, second)
	want := `flaky    a TestOnce: failed beside the others, passed alone
tests against real servers: none; whole run 1m0s
2 passed, 2 failed, 0 skipped
`
	if got := r.report(nil, time.Minute); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAgainFailsAgain(t *testing.T) {
	r := newResults(io.Discard)
	if err := r.read(strings.NewReader(run2)); err != nil {
		t.Fatal(err)
	}
	second := newResults(io.Discard)
	if err := second.read(strings.NewReader(run2)); err != nil {
		t.Fatal(err)
	}
	r.forgive("gatehouse/a", []string{"TestOnce"}, second)
	if r.failed != 4 || len(r.flaky) != 0 {
		t.Errorf("%d failed, flaky %v", r.failed, r.flaky)
	}
}
