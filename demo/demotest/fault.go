package demotest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Fault is one way in which an upstream does not do its part.
type Fault struct {
	Name string
	// Status is the status of the answer where it is what is wrong.
	Status int
	// Hangs says that only a deadline ends it.
	Hangs bool
	// Down says that nothing listens; Serve is not used then.
	Down bool
	// Serve answers in place of the endpoint; healthy is what that would have said.
	Serve func(w http.ResponseWriter, r *http.Request, healthy *httptest.ResponseRecorder)
}

// Faults are those that every endpoint is tried with.
func Faults() []Fault {
	status := func(n int) Fault { // the body is what a good answer has: the status must count
		return Fault{Name: fmt.Sprint(n, " with a good body"), Status: n, Serve: func(w http.ResponseWriter, _ *http.Request, h *httptest.ResponseRecorder) {
			maps.Copy(w.Header(), h.Header())
			w.Header().Set("Location", "http://127.0.0.1:1/canary-location")
			w.WriteHeader(n)
			if n != http.StatusNoContent && n != http.StatusNotModified {
				_, _ = w.Write(h.Body.Bytes())
			}
		}}
	}
	body := func(name string, b func(good string) string) Fault {
		return Fault{Name: name, Serve: func(w http.ResponseWriter, _ *http.Request, h *httptest.ResponseRecorder) {
			maps.Copy(w.Header(), h.Header())
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, b(h.Body.String()))
		}}
	}
	text := func(s string) func(string) string { return func(string) string { return s } }
	list := []Fault{
		{Name: "refused", Down: true},
		{Name: "no answer", Hangs: true, Serve: func(_ http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) { <-r.Context().Done() }},
		{Name: "half an answer and no more", Hangs: true, Serve: half},
		{Name: "an answer byte by byte", Hangs: true, Serve: drip},
		{Name: "cut in the middle", Serve: func(w http.ResponseWriter, _ *http.Request, h *httptest.ResponseRecorder) {
			w.Header().Set("Content-Length", fmt.Sprint(h.Body.Len()+10))
			_, _ = w.Write(h.Body.Bytes())
			panic(http.ErrAbortHandler)
		}},
		{Name: "cut before the head", Serve: func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder) { panic(http.ErrAbortHandler) }},
		body("not JSON", text("hello, canary-upstream")), body("an HTML page", text("<!doctype html><p>canary-upstream")), body("nothing", text("")), body("a list", text("[]")),
		body("null", text("null")), body("true", text("true")), body("an empty object", text("{}")), body(`"allowed" and "active" as texts`, text(`{"allowed":"true","active":"true"}`)),
		body("false", text(`{"allowed":false,"active":false}`)), body(twoInOne, func(good string) string { return good + good }),
		body("half of it", func(good string) string { return good[:len(good)/2] }), body("other types", otherTypes),
		body("longer than anything", func(good string) string { return good + strings.Repeat(" ", 2<<20) + "{}" }),
	}
	for _, n := range []int{201, 202, 204, 299, 301, 302, 304, 307, 400, 401, 403, 404, 405, 410, 418, 429, 499, 500, 501, 502, 503, 504, 599} {
		list = append(list, status(n))
	}
	return list
}

func half(w http.ResponseWriter, r *http.Request, h *httptest.ResponseRecorder) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(h.Body.Bytes()[:h.Body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// drip begins with blanks, which JSON allows, and never gets to the end of them.
func drip(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
	w.Header().Set("Content-Type", "application/json")
	for {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(5 * time.Millisecond):
			fmt.Fprint(w, " ")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// otherTypes gives every member of an answer a value of another type.
func otherTypes(good string) string {
	var m map[string]any
	if json.Unmarshal([]byte(good), &m) != nil {
		return `{"oauth_token":1}`
	}
	for k, v := range m {
		switch v.(type) {
		case string:
			m[k] = 1
		case bool:
			m[k] = "true"
		default:
			m[k] = "text"
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// StoreFaults are the ways in which a session store can fail: it has no bodies.
func StoreFaults() []Fault {
	return []Fault{{Name: "refused", Down: true}, {Name: "no answer", Hangs: true}}
}

func (f Fault) storeError() error {
	if f.Hangs {
		return fmt.Errorf("the store: %w", context.DeadlineExceeded)
	}
	return fmt.Errorf("the store: %w", syscall.ECONNREFUSED)
}

// answers are the statuses by which an endpoint says something that is no fault, as
// the real server does: nobody is logged in, a flow is over, a code is not taken.
var answers = map[string][]int{
	"kratos.whoami": {401, 403}, "kratos.flow": {401, 403, 404, 410}, "kratos.logout": {401}, "kratos.errors": {401, 403, 404, 410}, "kratos.submit": {400, 401},
	"okta.user": {404}, "facebook.token": {400}, "twitter.access": {401, 403},
}

// IsAnswer reports whether a fault is something that the endpoint may say.
func (f Fault) IsAnswer(endpoint string) bool { return slices.Contains(answers[endpoint], f.Status) }

// Fits reports whether a fault can be told from a good answer at all: two forms in one
// (the answers of OAuth 1.0a) are a form.
func (f Fault) Fits(endpoint string) bool {
	return f.Name != twoInOne || endpoint != "twitter.access" && endpoint != "twitter.request"
}

const twoInOne = "two answers in one"

// brokenClient is the way out of a server whose endpoint is broken: requests to it
// carry the fault, or go where nothing listens.
type brokenClient struct {
	w        *World
	endpoint string
	fault    Fault
	seen     func(endpoint string)
}

// closedPort is where nothing listens: loopback's port 1, which no user may open.
const closedPort = "127.0.0.1:1"

func (b *brokenClient) RoundTrip(r *http.Request) (*http.Response, error) {
	name := b.w.endpoint(r)
	if b.seen != nil && name != "" {
		b.seen(name)
	}
	if name == "" || name != b.endpoint {
		return http.DefaultTransport.RoundTrip(r)
	}
	if b.fault.Down {
		r = r.Clone(r.Context())
		r.URL.Host = closedPort
		return http.DefaultTransport.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	r.Header.Set(faultHeader, b.fault.Name)
	return http.DefaultTransport.RoundTrip(r)
}

// faultHeader names the fault that a request is to meet in the world.
const faultHeader = "X-World-Fault"

var faultsByName = sync.OnceValue(func() map[string]Fault {
	m := map[string]Fault{}
	for _, f := range Faults() {
		m[f.Name] = f
	}
	return m
})

// ServeHTTP is the world, whole or with the fault that the request names.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // else nobody notices that the client goes away
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(w.life, cancel)() // what hangs ends with the world
	r = r.WithContext(ctx)
	f, broken := faultsByName()[r.Header.Get(faultHeader)]
	if !broken {
		w.mux.ServeHTTP(rw, r)
		return
	}
	healthy := httptest.NewRecorder()
	w.mux.ServeHTTP(healthy, r)
	f.Serve(rw, r, healthy)
}
