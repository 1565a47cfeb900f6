package gate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/clients/decisions"
)

// maxBody is the longest body of a request that is read.
const maxBody = 1 << 20

// Config says how a server faces the world.
type Config struct {
	// PublicURL is where browsers find it: scheme, host and port.
	PublicURL string
	// Hosts are further values of the Host header to accept, without port.
	Hosts []string
	// FormTargets are origins that a form may lead to: the login servers.
	FormTargets []string
	// Alone mounts the only system at / as well.
	Alone bool
	// Note is shown on the index page.
	Note string
	// Ring takes the decisions; nil makes one.
	Ring *Ring
}

// Server serves systems.
type Server struct {
	Env     *Env
	Ring    *Ring
	systems []*System
	mounts  map[string]*mounted
	conf    Config
	csp     string
	handler http.Handler
	hosts   map[string]bool
	once    sync.Once
}

type traceKey struct{}

func traceOf(r *http.Request) *trace { return r.Context().Value(traceKey{}).(*trace) }

// New checks every route of every system and builds the server. The error names each
// route that nobody guards.
func New(env *Env, conf Config, systems ...*System) (*Server, error) {
	u, err := url.Parse(conf.PublicURL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the server's own URL %q cannot be read", conf.PublicURL)
	}
	env.publicURL = strings.TrimSuffix(conf.PublicURL, "/")
	s := &Server{Env: env, Ring: conf.Ring, systems: systems, conf: conf, mounts: map[string]*mounted{}, hosts: map[string]bool{}}
	if s.Ring == nil {
		s.Ring = newRing()
	}
	for _, h := range append([]string{"127.0.0.1", "localhost", "::1", u.Hostname()}, conf.Hosts...) {
		s.hosts[strings.ToLower(h)] = true
	}
	var errs []error
	seen := map[string]bool{}
	for _, sys := range systems {
		if seen[sys.ID] {
			errs = append(errs, fmt.Errorf("%s: is there twice", sys.ID))
		}
		seen[sys.ID] = true
		errs = append(errs, sys.check())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("not every route is guarded: %w", err)
	}
	for _, sys := range systems {
		for _, w := range sys.Warn {
			env.Log.Warn("unsafe on purpose", "system", sys.ID, "warning", w)
		}
	}
	if env.InsecureHTTP {
		env.Log.Warn("unsafe on purpose", "warning", "cookies are sent without Secure: whoever is on the way can read them")
	}
	form := strings.Join(append([]string{"'self'"}, conf.FormTargets...), " ")
	s.csp = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action " + form + "; frame-ancestors 'none'; base-uri 'none'"
	s.build()
	return s, nil
}

// build makes the one mux. Authorisation comes after routing, on the pattern that
// matched, so that no spelling of a path goes round it.
func (s *Server) build() {
	mux := http.NewServeMux()
	for _, sys := range s.systems {
		prefix := "/s/" + sys.ID
		if s.conf.Alone && len(s.systems) == 1 {
			prefix = ""
		}
		s.mounts[sys.ID] = mount(mux, s.Env, sys, prefix)
	}
	s.buildIndex(mux)
	s.handler = s.outermost(mux)
}

// Systems are the systems as data.
func (s *Server) Systems() []decisions.System {
	out := make([]decisions.System, 0, len(s.systems))
	for _, sys := range s.systems {
		out = append(out, sys.Describe(s.Env.publicURL+s.mounts[sys.ID].prefix+"/"))
	}
	return out
}

// Handler is the server as one handler.
func (s *Server) Handler() http.Handler { return s.handler }

// outermost is what every request goes through before it is routed.
func (s *Server) outermost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := newTrace(r, s.Env.Now())
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), traceKey{}, t), s.Env.RequestTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		rec := &recorder{ResponseWriter: w, csp: s.csp, id: t.d.ID, https: strings.HasPrefix(s.Env.publicURL, "https://")}
		defer s.finish(rec, r, t)
		dropSpoofed(r.Header, s.Env.TrustProxyHeaders)
		c := &Call{W: rec, R: r, Env: s.Env, trace: t}
		if !s.hosts[hostOnly(r.Host)] {
			c.Decide(decisions.Denied, decisions.HostRejected)
			c.ErrorPage(http.StatusMisdirectedRequest)
			return
		}
		if strings.HasPrefix(r.URL.Path, "//") { // the mux would send the browser to a path that reads as a host
			c.Decide(decisions.Denied, decisions.NotFound)
			c.ErrorPage(http.StatusNotFound)
			return
		}
		if r.Body != nil {
			r.Body = http.MaxBytesReader(rec, r.Body, maxBody)
		}
		next.ServeHTTP(rec, r)
	})
}

// finish records the decision, also that of a handler that crashed.
func (s *Server) finish(rec *recorder, r *http.Request, t *trace) {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			panic(p)
		}
		s.Env.Log.Error("a handler crashed", "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()), "decision", t.d.ID)
		t.d.Outcome, t.d.Reason = decisions.Failed, decisions.InternalError
		if rec.status == 0 {
			(&Call{W: rec, R: r, Env: s.Env, trace: t}).ErrorPage(http.StatusInternalServerError)
		}
	}
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	if t.d.Outcome == "" { // what the mux answers itself: a path that it cleans up
		t.d.Outcome, t.d.Reason = decisions.Denied, decisions.NotFound
	}
	d := t.done(rec.status)
	s.Ring.add(d)
	s.Env.Log.Info("request", "id", d.ID, "rid", d.RequestID, "system", d.System, "method", d.Request.Method, "path", d.Request.Path,
		"status", d.Status, "decision", string(d.Outcome), "reason", string(d.Reason), "ms", d.MS)
}

func hostOnly(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// spoofable are the headers by which a proxy says who somebody is and where they
// come from. Nobody but a proxy with a proof may, and the proof is a token of its own.
var spoofable = []string{"x-user", "x-email", "x-subject", "x-remote-user", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
	"x-forwarded-prefix", "x-forwarded-user", "x-forwarded-email", "x-original-url", "x-rewrite-url", "x-http-method-override", "x-real-ip", "forwarded"}

// dropSpoofed takes such headers off, in every spelling that some framework reads as
// the same header.
func dropSpoofed(h http.Header, trust bool) {
	for name := range h {
		plain := strings.ReplaceAll(strings.ToLower(name), "_", "-")
		if slices.Contains(spoofable, plain) && !(trust && plain == "x-user" && !strings.Contains(name, "_")) {
			delete(h, name)
		}
	}
}

// recorder notes the status and puts the headers on that every answer has.
type recorder struct {
	http.ResponseWriter
	csp, id string
	https   bool
	status  int
}

func (w *recorder) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	h := w.Header()
	h.Set("X-Gatehouse-Decision", w.id)
	h.Set("Content-Security-Policy", w.csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if w.https { // RFC 6797, 7.2: not over plain HTTP
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if !strings.HasPrefix(h.Get("Cache-Control"), "public") { // the session library says less with a cookie
		h.Set("Cache-Control", "no-store")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// HTTPServer is an http.Server for h with every deadline and limit set.
func HTTPServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second,
		IdleTimeout: 60 * time.Second, MaxHeaderBytes: 64 << 10}
}

// Close frees what the systems hold.
func (s *Server) Close() error {
	var errs []error
	s.once.Do(func() {
		for _, sys := range s.systems {
			if sys.Close != nil {
				errs = append(errs, sys.Close())
			}
		}
		s.Env.HTTP.CloseIdleConnections()
	})
	return errors.Join(errs...)
}

func isLoopback(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
