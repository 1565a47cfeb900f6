package kratos_test

// What newer servers do otherwise than the one that tests run on, told by fakes that
// answer as their sources say. These prove our side alone.

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
)

const someID = "0b0e8a4e-52f1-4a1c-9d5a-3c1f3f4c7a01"

func otherID(n int) string { return fmt.Sprintf("0b0e8a4e-52f1-4a1c-9d5a-%012d", n) }

// fake answers by "METHOD /path"; what it does not know it answers as Kratos does.
type fake struct {
	mu     sync.Mutex
	calls  []string
	bodies map[string]string
	answer map[string]func(w http.ResponseWriter, r *http.Request)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	key := r.Method + " " + r.URL.Path
	f.mu.Lock()
	f.calls, f.bodies[key] = append(f.calls, key), string(b)
	f.mu.Unlock()
	if h := f.answer[key]; h != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		h(w, r)
		return
	}
	http.Error(w, "404 page not found", http.StatusNotFound)
}

func (f *fake) count(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(f.calls), func(c string) bool { return c != key }))
}

func faked(t *testing.T, answer map[string]func(w http.ResponseWriter, r *http.Request)) (*world, *fake) {
	f := &fake{answer: answer, bodies: map[string]string{}}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return connect(t, s.URL, s.URL, transport.Options{Retries: -1}), f
}

func says(status int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func identityJSON(id, more string) string {
	return `{"id":"` + id + `","schema_id":"default","schema_url":"","state":"active","traits":{"email":"a@b.c"}` + more + `}`
}

// TestUnknownThings: new fields, states, types and levels pass.
func TestUnknownThings(t *testing.T) {
	w, _ := faked(t, map[string]func(http.ResponseWriter, *http.Request){
		"GET /admin/identities/" + someID: says(200, identityJSON(someID, `,"external_id":"e-1","region":"eu","credentials":{"saml":{"type":"saml","identifiers":["idp:1"],"config":{"x":1}},"deviceauthn":{"type":"deviceauthn"}},"verifiable_addresses":[{"id":"1","value":"+49","via":"fax","status":"new"}]`)),
		"GET /admin/sessions":             says(200, `[{"id":"`+someID+`","active":true,"authenticator_assurance_level":"aal9","identity":null,"devices":null,"authentication_methods":[{"method":"telepathy","aal":"aal9"}]}]`),
		"GET /admin/courier/messages":     says(200, `[{"id":"`+someID+`","type":"sms","status":"queued","template_type":"new_one","recipient":"+49","subject":"Your code is 123456","body":"secret","send_count":1,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}]`),
	})
	i, err := w.Get(bg, someID)
	if err != nil || i.ExternalID != "e-1" || !slices.Equal(i.Credentials.Types(), []string{"deviceauthn", "saml"}) || i.Addresses[0].Via != "fax" {
		t.Errorf("%+v %v", i, err)
	}
	s, err := w.Sessions(bg, kratos.SessionQuery{}, "")
	if err != nil || s.Items[0].AAL != "aal9" || s.Total != -1 {
		t.Errorf("%+v %v", s, err)
	}
	m, err := w.Messages(bg, kratos.MessageQuery{}, "")
	if err != nil || m.Items[0].Type != "sms" || strings.Contains(fmt.Sprintf("%+v", m), "123456") || strings.Contains(fmt.Sprintf("%+v", m), "secret") {
		t.Errorf("%+v %v", m, err)
	}
	if n, err := w.Count(bg); err == nil && n != -1 {
		t.Errorf("count without a total: %d", n)
	}
}

// TestExternalID: a PUT that left it out would clear it.
func TestExternalID(t *testing.T) {
	w, f := faked(t, map[string]func(http.ResponseWriter, *http.Request){
		"GET /admin/identities/" + someID:     says(200, identityJSON(someID, `,"external_id":"e-1","metadata_admin":{"n":9007199254740993}`)),
		"PUT /admin/identities/" + someID:     says(200, identityJSON(someID, `,"external_id":"e-1"`)),
		"GET /admin/identities/by/external/x": says(200, identityJSON(someID, `,"external_id":"x"`)),
		"PATCH /admin/identities/" + someID:   says(200, identityJSON(someID, `,"external_id":"e-1"`)),
	})
	_, err := w.SetPassword(bg, someID, goodPassword)
	ok(t, err)
	body := f.bodies["PUT /admin/identities/"+someID]
	for _, part := range []string{`"external_id":"e-1"`, `"n":9007199254740993`, `"metadata_public":null`, `"schema_id":"default"`, `"state":"active"`, `"email":"a@b.c"`} {
		contains(t, body, part)
	}
	if i, err := w.GetByExternalID(bg, "x"); err != nil || i.ExternalID != "x" {
		t.Errorf("%+v %v", i, err)
	}
	same := "e-1"
	if _, err = w.Edit(bg, someID, kratos.Edit{ExternalID: &same}); err != nil {
		t.Error(err)
	}
}

// TestBulkSessions: the bulk call is used where it is, and asked for once where not.
func TestBulkSessions(t *testing.T) {
	var ids []string
	for n := range 600 {
		ids = append(ids, otherID(n))
	}
	more := true
	w, f := faked(t, map[string]func(http.ResponseWriter, *http.Request){
		"POST /admin/sessions": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"processed":10,"more":%v}`, more)
			more = false
		}})
	if out := w.RevokeSessions(bg, ids); len(kratos.Failed(out)) != 0 || len(out) != 600 || out[599].ID != ids[599] {
		t.Errorf("%d failed", len(kratos.Failed(out)))
	}
	if n := f.count("POST /admin/sessions"); n != 3 { // 500 in two goes, and 100
		t.Errorf("%d bulk calls, want 3", n)
	}
	contains(t, f.bodies["POST /admin/sessions"], `"action":"disable"`)

	old, g := faked(t, map[string]func(http.ResponseWriter, *http.Request){
		"POST /admin/sessions":             func(w http.ResponseWriter, r *http.Request) { http.Error(w, "Method Not Allowed", 405) },
		"DELETE /admin/sessions/" + ids[0]: says(204, ""), "DELETE /admin/sessions/" + ids[1]: says(500, `{"error":{"reason":"boom"}}`)})
	for range 2 {
		out := old.RevokeSessions(bg, ids[:3])
		if out[0].Err != nil || !clients.Is(out[1].Err, clients.UnknownOutcome) || !clients.Is(out[2].Err, clients.NotFound) {
			t.Errorf("one by one: %+v", out)
		}
	}
	if n := g.count("POST /admin/sessions"); n != 1 {
		t.Errorf("the bulk call was tried %d times", n)
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if out := old.RevokeSessions(ctx, ids[:1]); !clients.Is(out[0].Err, clients.Canceled) {
		t.Errorf("cancelled: %+v", out)
	}
}

// TestLinks: absolute and relative, in any order; and lists that lie or break.
func TestLinks(t *testing.T) {
	link, body := "", "["+identityJSON(someID, "")+"]"
	w, _ := faked(t, map[string]func(http.ResponseWriter, *http.Request){
		"GET /admin/identities": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", link)
			io.WriteString(w, body)
		}})
	for in, want := range map[string]string{
		`</admin/identities?page_size=2&page_token=a>; rel="first",</admin/identities?page_size=2&page_token=b%3D>; rel="next"`: "b=",
		`<https://x.test/admin/identities?page_token=c>; rel="next"`:                                                            "c",
		`</admin/identities?page_token=a>; rel="first"`:                                                                         "",
		``:                                "",
		`</admin/identities>; rel="next"`: "",
	} {
		link = in
		if page, err := w.Identities(bg, kratos.Query{}, ""); err != nil || page.Next != want {
			t.Errorf("%s: %q %v", in, page.Next, err)
		}
	}
	link = `</admin/identities?page_token=b>; rel="next"`
	if _, err := w.FindPrefix(bg, "zzz", ""); !clients.Is(err, clients.Invalid) || !strings.Contains(err.Error(), "ignores the filter") {
		t.Errorf("a server that ignores the prefix: %v", err)
	}
	for in, want := range map[string]clients.Kind{"null": "", "[]": "", "{}": clients.Unreachable, `[{"id":1}]`: clients.Unreachable, "[" + identityJSON(someID, ""): clients.Unreachable, "": clients.Unreachable} {
		body = in
		page, err := w.Identities(bg, kratos.Query{}, "")
		if clients.KindOf(err) != want || page.Next != "" || len(page.Items) != 0 {
			t.Errorf("%q: %v %+v", in, err, page)
		}
	}
}

// TestPagesFromZero: a server that counts the pages of sessions rightly is read
// rightly too.
func TestPagesFromZero(t *testing.T) {
	w, _ := faked(t, map[string]func(http.ResponseWriter, *http.Request){
		"GET /admin/identities/" + someID + "/sessions": func(w http.ResponseWriter, r *http.Request) {
			var page, size int
			fmt.Sscan(r.URL.Query().Get("page"), &page)
			fmt.Sscan(r.URL.Query().Get("per_page"), &size)
			var all []map[string]any
			for n := page * size; n < min(5, (page+1)*size); n++ {
				all = append(all, map[string]any{"id": otherID(n), "active": true})
			}
			json.NewEncoder(w).Encode(all)
		}})
	for size := 1; size < 7; size++ {
		n := 0
		for s, err := range clients.Each(bg, func(ctx context.Context, cursor string) (clients.Page[kratos.Session], error) {
			return w.IdentitySessions(ctx, someID, kratos.SessionQuery{PageSize: size}, cursor)
		}) {
			if ok(t, err); s.ID != otherID(n) {
				t.Fatalf("size %d: session %d is %s", size, n, s.ID)
			}
			n++
		}
		if n != 5 {
			t.Errorf("size %d: %d sessions", size, n)
		}
	}
}

// TestBatchFaults: what may have happened is never sent again, and never called
// "not happened".
func TestBatchFaults(t *testing.T) {
	rows := []kratos.NewIdentity{{Traits: traits("a@b.c")}, {Traits: traits("b@b.c")}}
	cut := func(w http.ResponseWriter, r *http.Request) {
		c, _, _ := http.NewResponseController(w).Hijack()
		c.Close()
	}
	claim := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"identities":[{"action":"create","identity":"`+someID+`","patch_id":"`+someID+`"}]}`)
	}
	for name, answers := range map[string]map[string]func(http.ResponseWriter, *http.Request){
		"cut":                   {"PATCH /admin/identities": cut},
		"gateway":               {"PATCH /admin/identities": says(502, "")},
		"garbage":               {"PATCH /admin/identities": says(200, "<html>")},
		"made, then no look-up": {"PATCH /admin/identities": claim, "GET /admin/identities": says(500, "")},
	} {
		w, f := faked(t, answers)
		for _, o := range w.CreateBatch(bg, rows) {
			if p := kind(t, o.Err, clients.UnknownOutcome); p.Hint == "" {
				t.Errorf("%s: no hint", name)
			}
		}
		if n := f.count("POST /admin/identities"); n != 0 || f.count("PATCH /admin/identities") != 1 {
			t.Errorf("%s: sent again", name)
		}
	}
	w, _ := faked(t, map[string]func(http.ResponseWriter, *http.Request){
		"PATCH /admin/identities/" + someID: says(500, `{"error":{"message":"sqlite create: named insert: database is locked"}}`),
		"GET /admin/identities/" + someID:   says(200, identityJSON(someID, "")),
	})
	_, err := w.SetState(bg, someID, kratos.Inactive)
	contains(t, kind(t, err, clients.Unreachable).Hint, "nothing was changed")
	// Half of a suspension is told as half.
	half, _ := faked(t, map[string]func(http.ResponseWriter, *http.Request){
		"PATCH /admin/identities/" + someID:             says(200, identityJSON(someID, "")),
		"GET /admin/identities/" + someID:               says(200, identityJSON(someID, "")),
		"GET /admin/identities/" + someID + "/sessions": says(503, ""),
	})
	s, err := half.Suspend(bg, someID)
	contains(t, kind(t, err, clients.Unreachable).Reason, "inactive now, but")
	if s.After.ID == "" {
		t.Error("the change that was made is not told")
	}
}

// TestExtendWithoutBody: some servers answer 204.
func TestExtendWithoutBody(t *testing.T) {
	expires := "2026-01-01T00:00:00Z"
	w, _ := faked(t, map[string]func(http.ResponseWriter, *http.Request){
		"GET /admin/sessions/" + someID: func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"id":%q,"active":true,"expires_at":%q}`, someID, expires)
		},
		"PATCH /admin/sessions/" + someID + "/extend": func(w http.ResponseWriter, r *http.Request) {
			expires = "2026-02-01T00:00:00Z"
			w.WriteHeader(204)
		}})
	e, err := w.ExtendSession(bg, someID)
	if err != nil || !e.Extended {
		t.Errorf("%+v %v", e, err)
	}
	if e, err = w.ExtendSession(bg, someID); err != nil || e.Extended {
		t.Errorf("again: %+v %v", e, err)
	}
}

// BenchmarkCrawl100000 walks a hundred thousand identities of a server that costs
// nothing, and reports the most memory that the walk took.
func BenchmarkCrawl100000(b *testing.B) {
	const total, size = 100_000, 500
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var from int
		fmt.Sscan(r.URL.Query().Get("page_token"), &from)
		if from+size < total {
			w.Header().Set("Link", fmt.Sprintf(`</admin/identities?page_token=%d>; rel="next"`, from+size))
		}
		var page strings.Builder
		for n := range size {
			sep := ","
			if n == 0 {
				sep = "["
			}
			fmt.Fprintf(&page, `%s{"id":%q,"schema_id":"staff","state":"active","traits":{"email":"p%d@gatehouse.test","name":{"first":"Ann","last":"Lee"}},"verifiable_addresses":[{"id":%q,"value":"p%d@gatehouse.test","verified":true,"via":"email","status":"completed"}],"created_at":"2026-11-22T12:04:32.801137Z","updated_at":"2026-11-22T12:04:32.801137Z"}`, sep, otherID(from+n), n, someID, n)
		}
		io.WriteString(w, page.String()+"]")
	}))
	defer srv.Close()
	w := connect(b, srv.URL, srv.URL, transport.Options{})
	var most uint64
	for b.Loop() {
		n, m := crawl(b, w)
		if most = max(most, m); n != total {
			b.Fatalf("%d identities", n)
		}
	}
	b.ReportMetric(float64(most)/(1<<20), "MB-heap")
	b.ReportMetric(float64(total*b.N)/b.Elapsed().Seconds(), "identities/s")
}

// TestReadAhead: who walks is read ahead for, who stops or pauses is not.
func TestReadAhead(t *testing.T) {
	w, f := faked(t, map[string]func(http.ResponseWriter, *http.Request){
		"GET /admin/identities": func(w http.ResponseWriter, r *http.Request) {
			var n int
			fmt.Sscan(r.URL.Query().Get("page_token"), &n)
			if n < 50 {
				w.Header().Set("Link", fmt.Sprintf(`</admin/identities?page_token=%d>; rel="next"`, n+1))
			}
			io.WriteString(w, "["+identityJSON(otherID(n), "")+"]")
		}})
	n := 0
	for i, err := range clients.Each(bg, w.Fetch(kratos.Query{})) {
		if ok(t, err); i.ID != otherID(n) {
			t.Fatalf("identity %d is %s", n, i.ID)
		}
		n++
	}
	if got := f.count("GET /admin/identities"); n != 51 || got != 51 {
		t.Errorf("%d identities by %d requests", n, got)
	}
	before := f.count("GET /admin/identities")
	_, err := w.Fetch(kratos.Query{})(bg, "")
	ok(t, err)
	if got := f.count("GET /admin/identities") - before; got != 1 {
		t.Errorf("a single page cost %d requests", got)
	}
	ctx, cancel := context.WithCancel(bg)
	n = 0
	for _, err := range clients.Each(ctx, w.Fetch(kratos.Query{})) {
		if n++; n > 5 {
			if !clients.Is(err, clients.Canceled) {
				t.Errorf("after the end of the context: %v", err)
			}
			break
		}
		if n == 5 {
			cancel()
		}
	}
	time.Sleep(50 * time.Millisecond)
	if got := f.count("GET /admin/identities") - before; got > 10 {
		t.Errorf("%d requests after the walk was stopped", got)
	}
	cancel()
}
