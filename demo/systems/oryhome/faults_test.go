package oryhome_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
)

const (
	whoAnn  = `{"id":"s","active":true,"identity":{"id":"7d1f9a2e","state":"active","traits":{"email":"ann@example.com"}}}`
	allowed = `{"allowed":true}`
)

// upstream answers as Kratos and Keto do, or as a fault wants.
type upstream func(w http.ResponseWriter, r *http.Request)

func says(status int, body string) upstream {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// hangs answers nothing, or nothing more, until the client goes away.
func hangs(after string) upstream {
	return func(w http.ResponseWriter, r *http.Request) {
		if after != "" {
			fmt.Fprint(w, after)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
}

func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	fmt.Fprint(w, `{"act`)
	panic(http.ErrAbortHandler)
}

func pair(t *testing.T, kratos, keto upstream) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/sessions/") {
			kratos(w, r)
			return
		}
		keto(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func get(t *testing.T, url, cookie string) (int, http.Header, string) {
	t.Helper()
	h := http.Header{}
	if cookie != "" {
		h.Set("Cookie", cookie)
	}
	a := demotest.Send(t, http.MethodGet, url, "/", h, "")
	return a.Status, a.Header, string(a.Body)
}

// TestFaultsLetNobodyIn breaks each back end in every way: 503 with Retry-After, and
// never the page, a redirect into a login loop, or a 403 that reads as a decision.
func TestFaultsLetNobodyIn(t *testing.T) {
	huge := `{"allowed":true,"x":"` + strings.Repeat("x", 2<<20) + `"}`
	faults := map[string]upstream{
		"500": says(500, allowed), "502 html": says(502, "<p>bad gateway"), "429": says(429, "{}"), "404": says(404, "404 page not found"), "302": says(302, ""),
		"not JSON": says(200, "hello"), "empty": says(200, ""), "list": says(200, "[]"), "null": says(200, "null"), "empty object": says(200, "{}"), "two values": says(200, "{}{}"),
		"wrong type": says(200, `{"active":"true","allowed":"true"}`), "number": says(200, `{"active":1,"allowed":1}`), "huge": says(200, huge),
		"no answer": hangs(""), "half an answer": hangs(`{"allowed":`), "cut": cut,
	}
	run := func(name string, kratos, keto upstream, reason string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := pair(t, kratos, keto)
			s := demotest.Start(t, server.Options{Systems: []string{"ory-home"}, Env: gate.Env{KratosPublicURL: up, KetoReadURL: up, KratosUIURL: kratosUI, HopTimeout: 300 * time.Millisecond}})
			status, h, body := get(t, s.URL, "ory_kratos_session=x")
			if status != 503 || h.Get("Retry-After") == "" || h.Get("Location") != "" || strings.Contains(body, "SoftwarePals") {
				t.Errorf("%d %v", status, h)
			}
			d := s.Ring.Since("", "", 1)
			if len(d) != 1 || d[0].Outcome != decisions.Failed || !strings.HasSuffix(string(d[0].Reason), reason) || !decisions.Known(d[0].Reason) {
				t.Errorf("%+v", d)
			}
		})
	}
	for name, f := range faults {
		run("kratos "+name, f, says(200, allowed), ":kratos")
		run("keto "+name, says(200, whoAnn), f, ":keto")
	}
	for name, f := range map[string]upstream{"403 that allows": says(403, allowed), "200 that denies": says(200, `{"allowed":false}`), "201": says(201, allowed)} {
		run("keto "+name, says(200, whoAnn), f, ":keto")
	}
}

// TestAnswersAreNotFaults are the answers that do decide.
func TestAnswersAreNotFaults(t *testing.T) {
	for name, c := range map[string]struct {
		kratos, keto upstream
		status       int
		reason       decisions.Reason
	}{
		"allowed":        {says(200, whoAnn), says(200, allowed), 200, decisions.OK},
		"denied":         {says(200, whoAnn), says(403, `{"allowed":false}`), 403, decisions.KetoDenied},
		"no session":     {says(401, `{"error":{"code":401}}`), says(200, allowed), 403, decisions.SessionInvalid},
		"second factor":  {says(403, `{"error":{"id":"session_aal2_required"}}`), says(200, allowed), 403, decisions.AALRequired},
		"not active":     {says(200, strings.Replace(whoAnn, `"active":true`, `"active":false`, 1)), says(200, allowed), 403, decisions.SessionInvalid},
		"suspended":      {says(200, strings.Replace(whoAnn, `"state":"active"`, `"state":"inactive"`, 1)), says(200, allowed), 403, decisions.SessionInvalid},
		"401 but active": {says(401, whoAnn), says(200, allowed), 403, decisions.SessionInvalid},
	} {
		up := pair(t, c.kratos, c.keto)
		s := demotest.Start(t, server.Options{Systems: []string{"ory-home"}, Env: gate.Env{KratosPublicURL: up, KetoReadURL: up, KratosUIURL: kratosUI}})
		status, _, _ := get(t, s.URL, "ory_kratos_session=x")
		d := s.Ring.Since("", "", 1)
		if status != c.status || d[0].Reason != c.reason || d[0].Status != c.status {
			t.Errorf("%s: %d %s, want %d %s", name, status, d[0].Reason, c.status, c.reason)
		}
	}
}

// TestWhatIsSentUpstream holds the questions to Kratos and Keto: one credential, an
// exact subject, nothing else of the request.
func TestWhatIsSentUpstream(t *testing.T) {
	var mu sync.Mutex
	var seen []*http.Request
	note := func(next upstream) upstream {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			seen = append(seen, r.Clone(t.Context()))
			mu.Unlock()
			next(w, r)
		}
	}
	email := "a&relation=write@\\\"x\\\".example"
	up := pair(t, note(says(200, strings.Replace(whoAnn, "ann@example.com", email, 1))), note(says(200, allowed)))
	s := demotest.Start(t, server.Options{Systems: []string{"ory-home"}, Env: gate.Env{KratosPublicURL: up, KetoReadURL: up, KratosUIURL: kratosUI, Subject: gate.SubjectSeed}})
	h := http.Header{"Cookie": {"other=secret; ory_kratos_session=tok; csrf_token_x=y"}, "Authorization": {"Bearer zzz"}, "X-Session-Token": {"zzz"}, "X-Request-Id": {"my-id.1"}}
	if a := demotest.Send(t, http.MethodGet, s.URL, "/?x=1", h, ""); a.Status != 200 {
		t.Fatal(a.Status)
	}
	if len(seen) != 2 {
		t.Fatalf("%d requests", len(seen))
	}
	if k := seen[0]; k.Header.Get("Cookie") != "ory_kratos_session=tok" || k.Header.Get("Authorization") != "" || k.Header.Get("X-Session-Token") != "" || k.Header.Get("X-Request-Id") != "my-id.1" || k.URL.RawQuery != "" {
		t.Errorf("Kratos was sent %v %v", k.URL, k.Header)
	}
	q := seen[1].URL.Query()
	if q.Get("subject_id") != `a&relation=write"x".example` || q.Get("relation") != "read" || len(q["relation"]) != 1 || seen[1].Header.Get("Cookie") != "" || seen[1].Header.Get("Authorization") != "" {
		t.Errorf("Keto was asked %v %v", seen[1].URL, seen[1].Header)
	}
}

// TestOneSlowBackEndStopsNobodyElse has as many requests hang in Kratos as there are
// in a load test, and asks as somebody else meanwhile.
func TestOneSlowBackEndStopsNobodyElse(t *testing.T) {
	entered, release := make(chan struct{}, 64), make(chan struct{})
	up := pair(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Cookie"), "slow") {
			entered <- struct{}{}
			<-release
		}
		says(200, whoAnn)(w, r)
	}, says(200, allowed))
	patient := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}} // no deadline but those of the test
	s := demotest.Start(t, server.Options{Systems: []string{"ory-home"}, Env: gate.Env{KratosPublicURL: up, KetoReadURL: up, KratosUIURL: kratosUI,
		HTTP: patient, HopTimeout: time.Hour, RequestTimeout: time.Hour}})
	var hung sync.WaitGroup
	for range 64 {
		hung.Go(func() {
			r, err := http.NewRequest(http.MethodGet, s.URL+"/", nil)
			if err != nil {
				return
			}
			r.Header.Set("Cookie", "ory_kratos_session=slow")
			if resp, err := demotest.Client.Do(r); err == nil {
				resp.Body.Close()
			}
		})
	}
	for range 64 {
		<-entered
	}
	for range 50 { // all 64 hang now, and go on hanging until they are released
		if status, _, _ := get(t, s.URL, "ory_kratos_session=fast"); status != 200 {
			t.Fatal(status)
		}
		if status, _, _ := get(t, s.URL, ""); status != 302 {
			t.Fatal(status)
		}
	}
	close(release)
	hung.Wait()
}

// TestNothingSecretIsWrittenDown sends canaries in every place and looks for them in
// the log and in the decisions.
func TestNothingSecretIsWrittenDown(t *testing.T) {
	up := pair(t, says(200, whoAnn), says(403, `{"allowed":false}`))
	s := demotest.Start(t, server.Options{Systems: []string{"ory-home"}, Env: gate.Env{KratosPublicURL: up, KetoReadURL: up, KratosUIURL: kratosUI}})
	h := http.Header{"Cookie": {"ory_kratos_session=canary1; x=canary2"}, "Authorization": {"Bearer canary3"}, "X-Session-Token": {"canary4"}}
	demotest.Send(t, http.MethodGet, s.URL, "/?code=canary5&token=canary6", h, "")
	demotest.Send(t, http.MethodPost, s.URL, "/", h, "password=canary7")
	demotest.Send(t, http.MethodGet, s.URL, "/nope?code=canary8", h, "")
	b, err := json.Marshal(s.Ring.Since("", "", 0))
	if err != nil {
		t.Fatal(err)
	}
	all := append(b, s.Log.String()...)
	if bytes.Contains(all, []byte("canary")) || !bytes.Contains(all, []byte("keto_denied")) {
		t.Errorf("%s", all)
	}
}
