// Package faultproxy stands between a client under test and a real server and spoils
// what passes: it does not answer, answers slowly, cuts, answers garbage or an error, or
// puts hostile text into every string of a real answer.
package faultproxy

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Mode is one way in which answers are spoilt.
type Mode string

// The closed list of modes.
const (
	Pass         Mode = "pass"
	Stopped      Mode = "stopped" // the connection is closed without an answer
	Slow         Mode = "slow"    // no answer until the client gives up
	Cut          Mode = "cut"     // the server has answered, and half of that arrives
	Garbage      Mode = "garbage" // 200 with something that is no JSON
	Unauthorized Mode = "401"     //
	Forbidden    Mode = "403"     //
	RateLimited  Mode = "429"     //
	Broken       Mode = "500"     //
	Empty        Mode = "empty"   // every list of a real answer is empty
	Hostile      Mode = "hostile" // every text of a real answer is Evil, but for ids and tokens
	Huge         Mode = "huge"    // every text of a real answer is as long as Megabyte, up to a few of them
	Lost         Mode = "lost"    // a write is carried out and its answer never arrives
)

// Faults are the modes in which no usable answer comes.
var Faults = []Mode{Stopped, Slow, Cut, Garbage, Unauthorized, Forbidden, RateLimited, Broken}

// Mark is in every hostile text, so that a test knows that it was shown.
const Mark = "evilTEXT"

// Theirs is a sequence of styles that no program of ours writes: where it is seen, text
// of a server has reached the terminal as it was.
const Theirs = "\x1b[38;5;213;48;5;17m"

// Evil is the hostile text: a clear screen, styles, OSC 52 and OSC 8, DCS, C1 controls,
// bidirectional controls, characters without width, NUL, and bytes that are no UTF-8.
const Evil = Mark + "\x1b[2J\x1b[H" + Theirs + "\x1b]52;c;aGFjaw==\x07\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\\x1bP1;2|dcs\x1b\\" +
	"\u009b31m\u0090q\u009c\u202eRTL\u202c\u2066iso\u2069\u200b\u200d\ufeff\x00\x07\x08\x7f\r\n\t\xff\xc3\x28"

// Megabyte is how long the texts of mode Huge are.
const Megabyte = 1 << 20

// Proxy is one such server. Its methods may be called while it serves.
type Proxy struct {
	// URL is what the client is told.
	URL string

	mu    sync.Mutex
	mode  Mode
	only  func(*http.Request) bool
	seen  int
	creds map[string]bool
	ended chan struct{}
	proxy *httputil.ReverseProxy
}

// New starts a proxy before a real server; the test stops it.
func New(t testing.TB, target string) *Proxy {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{mode: Pass, ended: make(chan struct{})}
	p.proxy = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Header.Del("Accept-Encoding") // what is spoilt must be text
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { hangUp(w) }}
	s := httptest.NewServer(p)
	p.URL = s.URL
	t.Cleanup(func() { close(p.ended); s.CloseClientConnections(); s.Close() })
	return p
}

// Set spoils every answer from now on.
func (p *Proxy) Set(m Mode) { p.SetFor(m, nil) }

// SetFor spoils the answers to some requests only; nil means all.
func (p *Proxy) SetFor(m Mode, only func(*http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode, p.only = m, only
}

// Seen is how many requests have come.
func (p *Proxy) Seen() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// Credentials are the tokens that clients have sent, none of which anybody should see.
func (p *Proxy) Credentials() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]string, 0, len(p.creds))
	for c := range p.creds {
		out = append(out, c)
	}
	return out
}

// ServeHTTP answers in the mode of the moment.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	mode := p.mode
	if p.only != nil && !p.only(r) {
		mode = Pass
	}
	p.seen++
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && len(p.creds) < 1000 {
		if p.creds == nil {
			p.creds = map[string]bool{}
		}
		p.creds[token] = true
	}
	p.mu.Unlock()
	switch mode {
	case Pass:
		p.proxy.ServeHTTP(w, r)
	case Stopped:
		hangUp(w)
	case Slow:
		select {
		case <-r.Context().Done():
		case <-p.ended:
		case <-time.After(5 * time.Minute):
		}
		hangUp(w)
	case Garbage:
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "<html>{{{ this is no JSON \x00\xff") //nolint:errcheck // the client may be gone
	case Unauthorized, Forbidden, RateLimited, Broken:
		code, _ := strconv.Atoi(string(mode))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		io.WriteString(w, `{"error":{"code":`+string(mode)+`,"message":"spoilt on purpose"}}`) //nolint:errcheck // the client may be gone
	default:
		p.spoil(w, r, mode)
	}
}

// spoil lets the server answer and changes the answer.
func (p *Proxy) spoil(w http.ResponseWriter, r *http.Request, mode Mode) {
	rec := httptest.NewRecorder()
	p.proxy.ServeHTTP(rec, r)
	body := rec.Body.Bytes()
	switch {
	case mode == Lost:
		hangUp(w)
		return
	case mode == Cut:
		cut(w, rec, body)
		return
	case strings.Contains(rec.Header().Get("Content-Type"), "json"):
		body = change(body, mode)
	}
	for k, v := range rec.Header() {
		if k != "Content-Length" {
			w.Header()[k] = v
		}
	}
	w.WriteHeader(rec.Code)
	w.Write(body) //nolint:errcheck // the client may be gone
}

// cut sends half of an answer of which the whole was promised.
func cut(w http.ResponseWriter, rec *httptest.ResponseRecorder, body []byte) {
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(max(len(body), 2)))
	w.WriteHeader(rec.Code)
	w.Write(body[:len(body)/2]) //nolint:errcheck // the client may be gone
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if c, _, err := h.Hijack(); err == nil {
			if tcp, ok := c.(*net.TCPConn); ok {
				tcp.SetLinger(0) //nolint:errcheck // a polite end is as good
			}
			c.Close() //nolint:errcheck // it is given up anyway
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// kept are the fields without which a client cannot go on asking.
var kept = []string{"id", "access_token", "refresh_token", "token_type", "next_page_token", "page_token", "version", "expires_in", "containerId", "schema_id", "namespace"}

// change rewrites every value of a JSON document.
func change(body []byte, mode Mode) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return body
	}
	left := 4 // huge texts in one answer
	var b bytes.Buffer
	write(&b, rewrite(v, "", mode, &left))
	return b.Bytes()
}

func rewrite(v any, key string, mode Mode, left *int) any {
	switch v := v.(type) {
	case map[string]any:
		for k, one := range v {
			v[k] = rewrite(one, k, mode, left)
		}
		return v
	case []any:
		if mode == Empty {
			return []any{}
		}
		for i, one := range v {
			v[i] = rewrite(one, key, mode, left)
		}
		return v
	case string:
		if mode == Empty || slices.Contains(kept, key) || isTime(v) || v == "true" || v == "false" {
			return v
		}
		if mode == Huge {
			if *left--; *left < 0 {
				return v
			}
			return Mark + strings.Repeat("漢", Megabyte/3)
		}
		return Evil
	}
	return v
}

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

// write makes JSON in which Evil stands byte by byte, invalid UTF-8 too, as a careless
// server sends it.
func write(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case map[string]any:
		b.WriteByte('{')
		first := true
		for k, one := range v {
			if !first {
				b.WriteByte(',')
			}
			first = false
			quote(b, k)
			b.WriteByte(':')
			write(b, one)
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, one := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			write(b, one)
		}
		b.WriteByte(']')
	case string:
		quote(b, v)
	default:
		one, _ := json.Marshal(v)
		b.Write(one)
	}
}

// quote escapes what JSON demands and nothing else.
func quote(b *bytes.Buffer, s string) {
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20:
			b.WriteString(`\u00`)
			b.WriteByte("0123456789abcdef"[c>>4])
			b.WriteByte("0123456789abcdef"[c&15])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}
