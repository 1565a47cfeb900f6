package gate

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"gatehouse/clients/decisions"
)

// DebugHandler tells decisions to those who can open the socket. It is never part of
// the public mux.
//
//	GET /debug/decisions?since=&system=&limit=
//	GET /debug/decisions/{id}
//	GET /debug/decisions/stream?since=&system=   server-sent events
//	GET /debug/systems
//	POST /debug/explain   {"system","method","path","as","headers"}: what would be decided
func (s *Server) DebugHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/decisions", func(w http.ResponseWriter, r *http.Request) {
		limit, _ := strconv.Atoi(r.FormValue("limit"))
		list := s.Ring.Since(r.FormValue("since"), r.FormValue("system"), limit)
		if list == nil {
			list = []decisions.Decision{}
		}
		answer(w, list)
	})
	mux.HandleFunc("GET /debug/decisions/{id}", func(w http.ResponseWriter, r *http.Request) {
		d, ok := s.Ring.Get(r.PathValue("id"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		answer(w, d)
	})
	mux.HandleFunc("GET /debug/decisions/stream", s.stream)
	mux.HandleFunc("GET /debug/systems", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Systems()) })
	mux.HandleFunc("POST /debug/explain", s.explain)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		// A browser that was tricked into speaking to us names an origin or another host.
		if r.Header.Get("Origin") != "" || r.Host != "gatehouse" {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// heartbeat is how often a silent stream says that it is alive.
const heartbeat = 15 * time.Second

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{})
	since, system := r.FormValue("since"), r.FormValue("system")
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		since = id
	}
	w.Header().Set("Content-Type", "text/event-stream")
	past, f, stop := s.Ring.Follow(since, system)
	defer stop()
	send := func(d decisions.Decision) error {
		b, err := json.Marshal(d)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "id: %s\ndata: %s\n\n", d.ID, b)
		return err
	}
	for _, d := range past {
		if send(d) != nil {
			return
		}
	}
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		if rc.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			if _, err := fmt.Fprint(w, ": still here\n\n"); err != nil {
				return
			}
		case d := <-f.C:
			if n := f.Dropped(); n > 0 {
				if _, err := fmt.Fprintf(w, "event: dropped\ndata: %d\n\n", n); err != nil {
					return
				}
			}
			if (system == "" || d.System == system) && send(d) != nil {
				return
			}
		}
	}
}

// ListenDebug opens the private socket: mode 0600 in a folder of mode 0700, for
// processes of the same user only.
func ListenDebug(path string) (net.Listener, error) {
	if err := decisions.MakeDir(path); err != nil {
		return nil, fmt.Errorf("the socket for decisions: %w", err)
	}
	if err := decisions.Stale(path); err != nil {
		return nil, fmt.Errorf("the socket for decisions: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("the socket for decisions: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}
	return sameUser{l}, nil
}

// sameUser closes connections of other users, who should not have come this far.
type sameUser struct{ net.Listener }

func (l sameUser) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if peerIsUs(c) {
			return c, nil
		}
		_ = c.Close()
	}
}
