package okta_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
)

const cookie = "__Host-gh_okta-oidc"

// provider is an Okta of the test: it keeps to the rules, and to PKCE, except where a
// test changes a token.
type provider struct {
	*httptest.Server
	mu    sync.Mutex
	codes map[string]grant
	users int // status of the user API
}

type grant struct{ nonce, challenge, token string }

func newProvider(t *testing.T) *provider {
	p := &provider{codes: map[string]grant{}, users: http.StatusOK}
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /oauth2/default/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i := p.issuer()
		reply(w, 200, map[string]string{"issuer": i, "authorization_endpoint": i + "/v1/authorize", "token_endpoint": i + "/v1/token", "jwks_uri": i + "/v1/keys"})
	})
	mux.HandleFunc("GET /oauth2/default/v1/keys", demotest.Body(demotest.KeySet(demotest.JWK("k1", "sig", &demotest.SigningKey().PublicKey))))
	mux.HandleFunc("POST /oauth2/default/v1/token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		g, ok := p.codes[r.PostFormValue("code")]
		delete(p.codes, r.PostFormValue("code"))
		p.mu.Unlock()
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
			reply(w, 400, map[string]string{"error": "invalid_grant"})
			return
		}
		reply(w, 200, map[string]string{"access_token": "at", "token_type": "Bearer", "id_token": g.token})
	})
	mux.HandleFunc("GET /api/v1/users/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "SSWS api-token" {
			t.Errorf("the user API was sent %q", r.Header.Get("Authorization"))
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		reply(w, p.users, map[string]string{"id": r.PathValue("id"), "status": "ACTIVE"})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) issuer() string { return p.URL + "/oauth2/default" }

// issue makes a code for the login that the browser was sent to begin.
func (p *provider) issue(t *testing.T, code, to string, change map[string]any) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	now := time.Now().Unix()
	claims := map[string]any{"iss": p.issuer(), "aud": "CID", "sub": "00u1", "nonce": q.Get("nonce"), "iat": now, "exp": now + 300, "preferred_username": "ann"}
	for k, v := range change {
		claims[k] = v
		if v == nil {
			delete(claims, k)
		}
	}
	header := map[string]any{"alg": "RS256", "kid": "k1"}
	token := demotest.Sign(t, header, claims)
	if change["alg"] == "none" {
		delete(claims, "alg")
		token = demotest.Unsigned(t, map[string]any{"alg": "none"}, claims) + ".anVuaw"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = grant{q.Get("nonce"), q.Get("code_challenge"), token}
	return "/oidc/callback?state=" + url.QueryEscape(q.Get("state")) + "&code=" + code
}

type running struct {
	*demotest.Running
	p *provider
}

func serve(t *testing.T, p *provider) *running {
	t.Helper()
	return &running{demotest.Start(t, server.Options{Systems: []string{"okta-oidc"}, Env: gate.Env{Accounts: gate.Seeds,
		Okta: gate.OktaSettings{OrgURL: p.URL, ClientID: "CID", ClientSecret: "client-secret", APIToken: "api-token"}}}), p}
}

func (r *running) get(t *testing.T, path, s string) vectors.Answer {
	t.Helper()
	h := http.Header{}
	if s != "" {
		h.Set("Cookie", cookie+"="+s)
	}
	return demotest.Send(t, http.MethodGet, r.URL, path, h, "")
}

func session(a vectors.Answer) string {
	for _, k := range (&http.Response{Header: a.Header}).Cookies() {
		if k.Name == cookie && k.MaxAge >= 0 {
			return k.Value
		}
	}
	return ""
}

func (r *running) begin(t *testing.T, path string) (s, to string) {
	t.Helper()
	a := r.get(t, path, "")
	if a.Status != http.StatusFound || session(a) == "" {
		t.Fatalf("%s: %d", path, a.Status)
	}
	return session(a), a.Header.Get("Location")
}

func (r *running) login(t *testing.T) string {
	t.Helper()
	s, to := r.begin(t, "/login")
	a := r.get(t, r.p.issue(t, "login", to, nil), s)
	if a.Status != http.StatusFound || session(a) == "" || session(a) == s {
		t.Fatalf("callback: %d %s", a.Status, a.Body)
	}
	return session(a)
}

// flaws are the ID tokens that cases name.
var flaws = map[string]map[string]any{
	"wrong audience": {"aud": "other"}, "audience list with azp": {"aud": []string{"CID", "other"}, "azp": "CID"}, "azp other client": {"azp": "other"},
	"wrong issuer": {"iss": "http://other.example"}, "iat 1 h old": {"iat": time.Now().Unix() - 3600}, "no sub": {"sub": nil}, "no aud": {"aud": nil},
}

func TestVectors(t *testing.T) {
	p := newProvider(t)
	r := serve(t, p)
	demotest.Replay(t, "okta-oidc", func(t *testing.T, v *vectors.Vector) demotest.Target {
		r, s := r, ""
		if v.Request.Method == "" {
			return demotest.Target{Skip: "the original does not start with this library: it answers nothing"}
		}
		sent := v.Request.Headers.Get("Cookie")
		vars := vectors.Vars{"okta": strings.TrimPrefix(p.URL, "http://")}
		switch {
		case strings.HasPrefix(v.Case, "Okta down"):
			down := newProvider(t)
			r = serve(t, down)
			vars["okta"] = strings.TrimPrefix(down.URL, "http://")
			if strings.Contains(v.Case, "callback") {
				var to string
				s, to = r.begin(t, "/login")
				v.Request.Path = down.issue(t, "c", to, nil)
			} else if sent != "" {
				s = r.login(t)
			}
			down.Close()
		case strings.HasPrefix(v.Case, "callback replayed"):
			var to string
			first, to := r.begin(t, "/login")
			v.Request.Path = p.issue(t, "c1", to, nil)
			s = session(r.get(t, v.Request.Path, first))
		case strings.HasPrefix(v.Case, "callback ok (from /dashboard"):
			var to string
			s, to = r.begin(t, "/dashboard?x=1")
			v.Request.Path = p.issue(t, "c2", to, nil)
		case strings.HasPrefix(v.Case, "login CSRF"):
			_, foreign := r.begin(t, "/login")
			p.issue(t, "foreign", foreign, nil)
			var to string
			s, to = r.begin(t, "/login")
			u, _ := url.Parse(to)
			v.Request.Path = "/oidc/callback?code=foreign&state=" + u.Query().Get("state")
		case strings.HasPrefix(v.Case, "callback own state, no code"):
			var to string
			s, to = r.begin(t, "/login")
			u, _ := url.Parse(to)
			v.Request.Path = "/oidc/callback?state=" + u.Query().Get("state")
		case strings.HasPrefix(v.Case, "callback") && sent != "":
			var to string
			s, to = r.begin(t, "/login")
			change := flaws[strings.TrimPrefix(v.Case, "callback, ID token ")]
			if strings.HasPrefix(v.Case, "callback, ID token") && change == nil {
				t.Fatalf("no such flaw: %s", v.Case)
			}
			v.Request.Path = p.issue(t, "c", to, change)
		case strings.HasPrefix(v.Case, "user "):
			s = r.login(t)
			status := 500
			fmt.Sscanf(v.Case[strings.Index(v.Case, "API ")+4:], "%d", &status)
			p.mu.Lock()
			p.users = status
			p.mu.Unlock()
			t.Cleanup(func() { p.mu.Lock(); p.users = 200; p.mu.Unlock() })
		case strings.HasPrefix(v.Case, "dashboard after logout"):
			s = r.login(t)
			r.get(t, "/logout", s)
		case strings.HasPrefix(v.Case, "old oidc_token"):
			s = r.login(t)
			r = serve(t, p)
		case strings.Contains(v.Case, "tampered"), strings.Contains(v.Case, "garbage"):
			s = "garbage"
		case sent != "":
			s = r.login(t)
		}
		if sent != "" {
			v.Request.Headers["Cookie"] = []string{cookie + "=" + s}
		}
		return demotest.Target{URL: r.URL, Vars: vars}
	})
}

// TestForgedTokensLogNobodyIn are the ID tokens that the original takes.
func TestForgedTokensLogNobodyIn(t *testing.T) {
	p := newProvider(t)
	r := serve(t, p)
	for name, change := range map[string]map[string]any{"alg none": {"alg": "none"}, "another nonce": {"nonce": "x"}, "no nonce": {"nonce": nil}, "no exp": {"exp": nil},
		"another at_hash": {"at_hash": "x"}, "expired": {"exp": time.Now().Unix() - 60}, "two audiences without azp": {"aud": []string{"CID", "x"}}} {
		s, to := r.begin(t, "/login")
		a := r.get(t, p.issue(t, "c", to, change), s)
		if a.Status != http.StatusUnauthorized || session(a) != "" {
			t.Errorf("%s: %d", name, a.Status)
		}
		if b := r.get(t, "/dashboard", s); b.Status != http.StatusFound {
			t.Errorf("%s: the dashboard opens: %d", name, b.Status)
		}
	}
	if log := r.Log.String(); strings.Contains(log, "eyJ") || strings.Contains(log, "api-token") || strings.Contains(log, "client-secret") {
		t.Error("a token or secret is in the log")
	}
}
