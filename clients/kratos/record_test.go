package kratos_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"gatehouse/clients/transport"
)

// recorded is a world whose requests pass a recording proxy on their way to the
// real server.
type recorded struct {
	*world
	mu      sync.Mutex
	patched []string
}

func (r *recorded) paths() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.patched
}

// recordPatches puts a proxy before the admin port that notes the paths of all JSON
// patches.
func recordPatches(t testing.TB, w *world) *recorded {
	r := &recorded{}
	r.world = connect(t, proxyTo(t, w.admin, func(req *http.Request) {
		if req.Method != http.MethodPatch {
			return
		}
		b, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(b))
		var ops []struct {
			Path string `json:"path"`
		}
		if json.Unmarshal(b, &ops) != nil {
			t.Errorf("a PATCH that is no list: %s", b)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, op := range ops {
			r.patched = append(r.patched, op.Path)
		}
	}), w.public, transport.Options{})
	return r
}

// proxyTo forwards everything to a server under an address of its own, as an SSH
// tunnel or a cluster's port forwarding does.
func proxyTo(t testing.TB, target string, see func(*http.Request)) string {
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(u)
		if see != nil {
			see(r.Out)
		}
	}}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return s.URL
}
