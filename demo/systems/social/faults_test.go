package social_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/clients/decisions"
)

// TestFaults: an answer that this browser began, from a provider that does not do its
// part. A refusal leads back with a message, a failure to 503; neither logs in.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name, id, me string
		change       func(callback string) string
		record       int64
		status       int
	}{
		{"code refused", "social-fb", "{}", func(s string) string { return strings.Replace(s, "code=good", "code=bad", 1) }, 200, 302},
		{"token endpoint 500", "social-fb", "{}", func(s string) string { return strings.Replace(s, "code=good", "code=broken", 1) }, 200, 503},
		{"record 500", "social-fb", `{"id":"1"}`, nil, 500, 503},
		{"record 302", "social-fb", `{"id":"1"}`, nil, 302, 503},
		{"record not JSON", "social-fb", "hello", nil, 200, 503},
		{"record id list", "social-fb", `{"id":["1"]}`, nil, 200, 503},
		{"record id null", "social-fb", `{"id":null}`, nil, 200, 503},
		{"record id negative", "social-fb", `{"id":-1}`, nil, 200, 503},
		{"verifier refused", "social-tw", "{}", func(s string) string { return strings.Replace(s, "V1", "V2", 1) }, 200, 302},
		{"record 401 with an id", "social-tw", `{"id":1}`, nil, 401, 503},
		{"record huge", "social-tw", `{"x":"` + strings.Repeat("x", 2<<20) + `","id":1}`, nil, 200, 503},
	} {
		t.Run(c.id+" "+c.name, func(t *testing.T) {
			p := newProvider(t)
			p.me.Store(c.me)
			p.status.Store(c.record)
			r := serve(t, c.id, p)
			s, callback := r.begin(t)
			if c.change != nil {
				callback = c.change(callback)
			}
			a := r.get(t, callback, s)
			d := r.Ring.Since("", "", 1)
			if a.Status != c.status || len(d) != 1 || d[0].Outcome == decisions.Allowed || !decisions.Known(d[0].Reason) || a.Status == 503 && a.Header.Get("Retry-After") == "" {
				t.Errorf("%d %+v", a.Status, d)
			}
			if b := r.get(t, "/", s); b.Status != http.StatusOK || strings.Contains(string(b.Body), "Hi, ") {
				t.Errorf("logged in: %s", b.Body)
			}
		})
	}
}
