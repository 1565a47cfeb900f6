package gate

import (
	"context"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

// sessionHandler loads the session of the request, and writes it back and sets the
// cookie when the answer begins. A store that fails ends in 503 and never in an
// anonymous session, which would log people out or let a handler forget a write.
func (m *mounted) sessionHandler(c *Call, next func(context.Context, http.ResponseWriter, *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Cookie")
		token, _ := c.Cookie(m.sessions.Cookie.Name)
		ctx, err := m.sessions.Load(r.Context(), token)
		if err != nil {
			c.Hop("session", "fail")
			c.Fail(UpstreamFailed("sessions", err))
			return
		}
		r = r.WithContext(ctx)
		sw := &sessionWriter{ResponseWriter: w, m: m.sessions, ctx: ctx, c: c, sent: token}
		next(ctx, sw, r)
		sw.commit()
	})
}

// sessionWriter writes the session back before the first byte of the answer.
type sessionWriter struct {
	http.ResponseWriter
	m    *scs.SessionManager
	ctx  context.Context
	c    *Call
	sent string // the token that came with the request
	done bool
	lost bool // the store failed: the answer became a 503
}

func (w *sessionWriter) commit() {
	if w.done {
		return
	}
	w.done = true
	var err error
	switch w.m.Status(w.ctx) {
	case scs.Modified:
		var token string
		var expires time.Time
		// That somebody was seen again is kept on the server; the cookie says nothing new.
		if token, expires, err = w.m.Commit(w.ctx); err == nil && (token != w.sent || w.c.Session != nil && w.c.Session.changed) {
			w.m.WriteSessionCookie(w.ctx, w.ResponseWriter, token, expires)
		}
	case scs.Destroyed:
		w.m.WriteSessionCookie(w.ctx, w.ResponseWriter, "", time.Time{})
	}
	if err == nil {
		return
	}
	w.lost = true
	w.c.W = w.ResponseWriter
	w.c.W.Header().Del("Location")
	w.c.W.Header().Del("Content-Type")
	w.c.Fail(UpstreamFailed("sessions", err))
	w.c.W = w // what the handler goes on to write must not stand behind the 503
}

func (w *sessionWriter) WriteHeader(status int) {
	w.commit()
	if !w.lost {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *sessionWriter) Write(b []byte) (int, error) {
	w.commit()
	if w.lost {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

func (w *sessionWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
