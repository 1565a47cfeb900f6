package keto_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/transport"
	"gatehouse/stack/stacktest"
)

// real is a real Keto with our client on it, and plain net/http beside it for what
// our client refuses to do and for reading back.
type real struct {
	*keto.Client
	t                *testing.T
	read, write, opl string
	sent             *recorder
	// ns declares rel, which takes members of itself; model is the running one.
	ns, rel string
	model   *opl.Model
	prefix  string
	objects []string
	known   map[string]bool
}

// recorder keeps the requests that left the client.
type recorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	got  []string // "METHOD path?query"
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.got = append(r.got, req.Method+" "+req.URL.Path+"?"+req.URL.RawQuery)
	r.mu.Unlock()
	return r.next.RoundTrip(req)
}

// count is how many requests begin like that.
func (r *recorder) count(prefix string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, s := range r.got {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = nil
}

func realKeto(t *testing.T, opts ...func(*keto.Options, *transport.Options)) *real {
	t.Helper()
	t.Parallel()
	info := stacktest.Keto(t)
	r := &real{t: t, read: info.ReadURL, write: info.WriteURL, opl: info.OPLURL, sent: &recorder{}, known: map[string]bool{},
		prefix: fmt.Sprintf("t-%s-%x", t.Name(), rand.Uint64())}
	o := keto.Options{ReadURL: info.ReadURL, WriteURL: info.WriteURL, OPLURL: info.OPLURL}
	to := transport.Options{Target: "keto", Timeout: 30 * time.Second}
	for _, f := range opts {
		f(&o, &to)
	}
	hc := transport.New(to)
	r.sent.next = hc.Transport
	hc.Transport = r.sent
	o.Read, o.Write, o.OPL = hc, hc, hc
	c, err := keto.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Client = c
	r.findModel(info.OPL)
	t.Cleanup(r.clean)
	return r
}

// findModel looks for a relation that takes members of itself, such as
// Group#members, and a permission, in the model that the server runs.
func (r *real) findModel(path string) {
	src, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	m, errs := opl.Parse(path, string(src))
	if len(errs) > 0 {
		r.t.Fatal(errs[0])
	}
	r.model = m
	for _, n := range m.Namespaces {
		for _, rel := range n.Related() {
			if slices.ContainsFunc(rel.Types, func(ty opl.Type) bool { return ty.Namespace == n.Name && ty.Relation == rel.Name }) {
				r.ns, r.rel = n.Name, rel.Name
			}
		}
	}
	if r.ns == "" {
		r.t.Fatal("the model of the stack has no relation like Group#members")
	}
}

// obj is an object of this test, cleaned up after it.
func (r *real) obj(name string) string {
	o := r.prefix + "-" + name
	if !r.known[o] {
		r.known[o] = true
		r.objects = append(r.objects, o)
	}
	return o
}

// tup is a tuple on an object of this test; the subject is text.
func (r *real) tup(object, subject string) tuple.Tuple {
	return tuple.Tuple{Namespace: r.ns, Object: r.obj(object), Relation: r.rel, Subject: tuple.SubjectID(subject)}
}

// members is the set of those in an object of this test.
func (r *real) members(object string) tuple.Subject {
	return tuple.SubjectSet(r.ns, r.obj(object), r.rel)
}

func (r *real) on(object string) tuple.Query {
	o := r.obj(object)
	return tuple.Query{Namespace: &r.ns, Object: &o}
}

func (r *real) clean() {
	var del []map[string]any
	for _, o := range r.objects {
		for _, t := range r.rows(url.Values{"namespace": {r.ns}, "object": {o}, "page_size": {"10000"}}) {
			del = append(del, map[string]any{"action": "delete", "relation_tuple": t})
		}
	}
	for part := range slices.Chunk(del, 1000) {
		r.plain("PATCH", r.write+"/admin/relation-tuples", part)
	}
}

// plain is a request without our client; it returns status and body.
func (r *real) plain(method, u string, body any) (int, []byte) {
	r.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	var rd io.Reader
	if body != nil {
		rd = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, u, rd)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, out
}

// rows reads tuples with plain net/http.
func (r *real) rows(q url.Values) []json.RawMessage {
	r.t.Helper()
	status, body := r.plain("GET", r.read+"/relation-tuples?"+q.Encode(), nil)
	var out struct {
		Rows []json.RawMessage `json:"relation_tuples"`
	}
	if err := json.Unmarshal(body, &out); err != nil || status != 200 {
		r.t.Fatalf("plain list: %d %s", status, body)
	}
	return out.Rows
}

// stored is how many rows of exactly this tuple there are, by plain net/http.
func (r *real) stored(t tuple.Tuple) int {
	r.t.Helper()
	return len(r.rows(values(t)))
}

func values(t tuple.Tuple) url.Values {
	q := url.Values{"namespace": {t.Namespace}, "object": {t.Object}, "relation": {t.Relation}, "page_size": {"1000"}}
	if s := t.Subject.Set; s != nil {
		q.Set("subject_set.namespace", s.Namespace)
		q.Set("subject_set.object", s.Object)
		q.Set("subject_set.relation", s.Relation)
	} else {
		q.Set("subject_id", t.Subject.ID)
	}
	return q
}

// put stores a row with plain net/http, as often as it is called.
func (r *real) put(ts ...tuple.Tuple) {
	r.t.Helper()
	for _, t := range ts {
		if status, body := r.plain("PUT", r.write+"/admin/relation-tuples", t); status != 201 {
			r.t.Fatalf("plain put %s: %d %s", t, status, body)
		}
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// problem checks the kind and code of an error and that it says what to do.
func problem(t testing.TB, err error, kind clients.Kind, code string) *clients.Problem {
	t.Helper()
	pr, ok := err.(*clients.Problem)
	if !ok {
		t.Fatalf("got %T %v, want a problem of kind %s", err, err, kind)
	}
	if pr.Kind != kind || pr.Code != code {
		t.Fatalf("got kind %q code %q (%v), want %q %q", pr.Kind, pr.Code, pr, kind, code)
	}
	if pr.Op == "" || pr.Reason == "" || (kind != clients.Canceled && pr.Hint == "") {
		t.Errorf("incomplete problem: %+v", pr)
	}
	return pr
}

var bg = context.Background()
