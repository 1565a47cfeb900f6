package social_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
)

// provider is one of the test, for both protocols.
type provider struct {
	*httptest.Server
	me     atomic.Value // the body of the record
	status atomic.Int64 // its status
}

func newProvider(t *testing.T) *provider {
	p := &provider{}
	p.me.Store(`{"id":"1001","email":"ann@example.com"}`)
	p.status.Store(200)
	mux := http.NewServeMux()
	record := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			t.Error("the record was asked for without a token")
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(p.status.Load()))
		fmt.Fprint(w, p.me.Load())
	}
	mux.HandleFunc("GET /me", record)
	mux.HandleFunc("GET /1.1/account/verify_credentials.json", record)
	mux.HandleFunc("POST /oauth/request_token", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "OAuth ") {
			t.Error("a request token was asked for without a signature")
		}
		fmt.Fprint(w, "oauth_token=RT1&oauth_token_secret=RTS1&oauth_callback_confirmed=true")
	})
	mux.HandleFunc("POST /oauth/access_token", func(w http.ResponseWriter, r *http.Request) {
		switch auth := r.Header.Get("Authorization"); {
		case strings.HasPrefix(auth, "OAuth ") && strings.Contains(auth, `oauth_verifier="V1"`):
			fmt.Fprint(w, "oauth_token=AT1&oauth_token_secret=ATS1")
		case strings.HasPrefix(auth, "OAuth "):
			w.WriteHeader(http.StatusUnauthorized)
		case r.PostFormValue("code") == "good" && r.PostFormValue("code_verifier") != "":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"access_token":"AT","token_type":"bearer"}`)
		case r.PostFormValue("code") == "broken":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_grant"}`)
		}
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

type running struct {
	*demotest.Running
	id, name string
}

func serve(t *testing.T, id string, p *provider) *running {
	t.Helper()
	s := gate.SocialSettings{BaseURL: p.URL, ID: "client-id", Secret: "client-secret"}
	name := map[string]string{"social-fb": "facebook", "social-tw": "twitter"}[id]
	return &running{demotest.Start(t, server.Options{Systems: []string{id}, Env: gate.Env{Accounts: gate.Seeds, Facebook: s, Twitter: s}}), id, name}
}

func (r *running) get(t *testing.T, path, s string) vectors.Answer {
	t.Helper()
	h := http.Header{}
	if s != "" {
		h.Set("Cookie", "__Host-gh_"+r.id+"="+s)
	}
	return demotest.Send(t, http.MethodGet, r.URL, path, h, "")
}

func session(a vectors.Answer) string {
	for _, k := range (&http.Response{Header: a.Header}).Cookies() {
		if k.MaxAge >= 0 {
			return k.Value
		}
	}
	return ""
}

// begin begins a login: the session, and the path that a good answer comes to.
func (r *running) begin(t *testing.T) (s, callback string) {
	t.Helper()
	a := r.get(t, "/authorize/"+r.name, "")
	u, err := url.Parse(a.Header.Get("Location"))
	if err != nil || a.Status != http.StatusFound || session(a) == "" {
		t.Fatalf("authorize: %d", a.Status)
	}
	if r.name == "twitter" {
		return session(a), "/callback/twitter?oauth_token=" + u.Query().Get("oauth_token") + "&oauth_verifier=V1"
	}
	return session(a), "/callback/facebook?code=good&state=" + u.Query().Get("state")
}

func (r *running) login(t *testing.T) string {
	t.Helper()
	s, callback := r.begin(t)
	a := r.get(t, callback, s)
	in := session(a)
	if a.Status != http.StatusFound || in == "" || in == s || !strings.Contains(string(r.get(t, "/", in).Body), "Hi, ") {
		t.Fatalf("callback: %d %v", a.Status, a.Header)
	}
	return in
}

func TestFacebookVectors(t *testing.T) {
	p := newProvider(t)
	r := serve(t, "social-fb", p)
	demotest.Replay(t, "social-fb", func(t *testing.T, v *vectors.Vector) demotest.Target {
		s := ""
		sent := v.Request.Headers.Get("Cookie")
		switch {
		case strings.Contains(v.Case, "session cookie after logout"):
			s = r.login(t)
			r.get(t, "/logout", s)
		case strings.Contains(sent, "session="):
			s = r.login(t)
		}
		if sent != "" {
			v.Request.Headers["Cookie"] = []string{"__Host-gh_social-fb=" + s}
		}
		return demotest.Target{URL: r.URL, Vars: vectors.Vars{"code": "good"}}
	})
}

func TestTwitterVectors(t *testing.T) {
	p := newProvider(t)
	p.me.Store(`{"id":77,"screen_name":"ann"}`)
	r := serve(t, "social-tw", p)
	demotest.Replay(t, "social-tw", func(t *testing.T, v *vectors.Vector) demotest.Target {
		r, p := r, p
		if strings.HasPrefix(v.Case, "provider down") {
			p = newProvider(t)
			r = serve(t, "social-tw", p)
			p.Close()
		}
		if v.Request.Headers.Get("Cookie") != "" {
			s, _ := r.begin(t)
			v.Request.Headers["Cookie"] = []string{"__Host-gh_social-tw=" + s}
		}
		switch {
		case strings.Contains(v.Case, "verify_credentials"):
			if p.me.Store(`{"screen_name":"x"}`); strings.Contains(v.Case, "401") {
				p.status.Store(401)
			}
			t.Cleanup(func() { p.me.Store(`{"id":77,"screen_name":"ann"}`); p.status.Store(200) })
		}
		return demotest.Target{URL: r.URL, Vars: vectors.Vars{"provider": strings.TrimPrefix(p.URL, "http://")}}
	})
}

// TestLogin: who began may finish, once, in the same browser; and a copy of the
// cookie is worth nothing after the logout.
func TestLogin(t *testing.T) {
	for _, id := range []string{"social-fb", "social-tw"} {
		t.Run(id, func(t *testing.T) {
			p := newProvider(t)
			p.me.Store(`{"id":77,"screen_name":"ann","email":"ann@example.com"}`)
			r := serve(t, id, p)
			in := r.login(t)
			s, callback := r.begin(t)
			for name, other := range map[string]string{"no session": "", "another browser": func() string { s, _ := r.begin(t); r.get(t, callback, s); return s }()} {
				a := r.get(t, callback, other)
				if b := r.get(t, "/", session(a)); strings.Contains(string(b.Body), "Hi, ") {
					t.Errorf("%s: logged in", name)
				}
			}
			r.get(t, callback, s)
			if a := r.get(t, callback, s); session(a) != "" && strings.Contains(string(r.get(t, "/", session(a)).Body), "Hi, ") {
				t.Error("the same answer logs in twice")
			}
			p.me.Store(`{"email":"x@example.com"}`)
			s, callback = r.begin(t)
			if a := r.get(t, callback, s); a.Status != http.StatusServiceUnavailable {
				t.Errorf("a record without an id: %d", a.Status)
			}
			r.get(t, "/logout", in)
			if a := r.get(t, "/", in); strings.Contains(string(a.Body), "Hi, ") {
				t.Error("a copied cookie outlives the logout")
			}
			if log := r.Log.String(); strings.Contains(log, "client-secret") || strings.Contains(log, "RTS1") {
				t.Error("a secret is in the log")
			}
		})
	}
}
