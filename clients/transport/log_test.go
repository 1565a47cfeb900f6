package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNoSecretLeaks sends secrets in every place where they travel, has the server
// repeat them all, and searches everything that is kept or shown.
func TestNoSecretLeaks(t *testing.T) {
	secrets := []string{"tok-0123456789", "gw-abcdefgh", "sess-qwertyui", "code-998877", "pa55w0rd-x", "p-in-body-1"}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(400)
		reason := fmt.Sprint(r.Header, r.URL, strings.Join(secrets, " "))
		json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"reason": reason}})
	})
	log := &Log{}
	o := quick(Options{Auth: Bearer(secrets[0]), Headers: map[string]string{"X-Gateway-Key": secrets[1]}, Log: log})
	c := caller(t, strings.Replace(s.URL, "http://", "http://admin:"+secrets[4]+"@", 1), o)
	_, err := c.Do(context.Background(), Request{Op: "try it", Path: []string{"x"}, Header: http.Header{"X-Session-Token": {secrets[2]}},
		Query: url.Values{"code": {secrets[3]}, "password": {secrets[4]}, "page_token": {"cursor-1"}}, Secrets: secrets[5:]})
	p := wantProblem(t, err, "invalid")
	if !strings.Contains(p.Reason, "X-Gateway-Key") {
		t.Fatalf("the server did not repeat the request: %q", p.Reason)
	}
	entries, _ := json.Marshal(log.Entries())
	shown := p.Error() + fmt.Sprintf("%+v", *p) + string(entries) + fmt.Sprintf("%+v", log.Entries())
	for _, secret := range secrets {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is shown in %s", secret, shown)
		}
	}
	if !strings.Contains(string(entries), "page_token=cursor-1") || !strings.Contains(string(entries), "code=REDACTED") {
		t.Errorf("the log shows too little: %s", entries)
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"Authorization: Bearer abcdefgh.ijk":              "Authorization: Bearer REDACTED",
		"token eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.sig_x-y end": "token REDACTED end",
		"session ory_st_AbC123 expired":                   "session REDACTED expired",
		"proxy http://u:p@host/x":                         "proxy http://host/x",
		`{"password":"hunter22","a":1}`:                   `{"password":"REDACTED","a":1}`,
		"client_secret=abc&x=1":                           "client_secret=REDACTED&x=1",
		"The page_token: xyz is invalid":                  "The page_token: xyz is invalid",
		"nothing to hide":                                 "nothing to hide",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Redact(strings.Repeat("é", 1<<20)); len(got) > maxText+8 || !strings.HasSuffix(got, "…") {
		t.Errorf("a long text keeps %d bytes", len(got))
	}
	u, _ := url.Parse("http://u:p@h/p?access_token=a&flow=f&%zz#frag")
	if got := RedactURL(u); strings.Contains(got, "p@h") || strings.Contains(got, "access_token=a") || strings.Contains(got, "frag") {
		t.Errorf("RedactURL = %s", got)
	}
}

// TestLogRing: it keeps the last LogSize, in order, while many write and one reads.
func TestLogRing(t *testing.T) {
	s := serve(t, status(200, "{}"))
	log := &Log{}
	c := caller(t, s.URL, quick(Options{Log: log}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 80 {
				if err := get(c, nil); err != nil {
					t.Error(err)
				}
				log.Entries()
			}
		})
	}
	wg.Wait()
	e := log.Entries()
	if len(e) != LogSize || e[0].Seq != 640-LogSize+1 || e[LogSize-1].Seq != 640 {
		t.Fatalf("%d entries from %d to %d", len(e), e[0].Seq, e[len(e)-1].Seq)
	}
	for _, x := range e {
		if !x.Done || x.Status != 200 || x.Method != "GET" || x.RequestID == "" || x.Bytes != 2 || x.Kind != "" {
			t.Fatalf("entry %+v", x)
		}
	}
}

// TestLogWait: a screen can sleep until something happens, and sees a request
// while it is still under way.
func TestLogWait(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { <-release; w.Write([]byte("{}")) })
	log := &Log{}
	c := caller(t, s.URL, quick(Options{Log: log}))
	done := make(chan error, 1)
	go func() { done <- get(c, nil) }()
	seen, err := log.Wait(context.Background(), 0)
	if err != nil || seen == 0 {
		t.Fatal(seen, err)
	}
	if e := log.Entries(); len(e) != 1 || e[0].Done {
		t.Errorf("under way: %+v", e)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for e := log.Entries(); !e[0].Done; e = log.Entries() {
		if seen, err = log.Wait(context.Background(), seen); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := log.Wait(ctx, log.Changed()); err == nil {
		t.Error("Wait returned although nothing changed")
	}
	var none *Log
	if none.Entries() != nil || none.Changed() != 0 {
		t.Error("a nil log remembers something")
	}
}
