package eve_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/systems/eve"
	"gatehouse/demo/vectors"
)

type maker = func(*gate.Env) (*gate.System, error)

// serve runs a system at /.
func serve(t *testing.T, env gate.Env, m maker) string {
	t.Helper()
	env.BcryptCost = bcrypt.MinCost
	if err := env.Complete(nil); err != nil {
		t.Fatal(err)
	}
	s, err := m(&env)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(nil)
	g, err := gate.New(&env, gate.Config{PublicURL: "http://" + h.Listener.Addr().String(), Alone: true}, s)
	if err != nil {
		t.Fatal(err)
	}
	h.Config.Handler = g.Handler()
	h.Start()
	t.Cleanup(h.Close)
	return h.URL
}

func seeds(t *testing.T, m maker) string { return serve(t, gate.Env{Accounts: gate.Seeds}, m) }

func variant(name string) maker {
	return func(env *gate.Env) (*gate.System, error) { return eve.Variant(env, name) }
}

// setups are the recorded setups that are not the usual one of their system, by a
// part of the words that the vectors use.
var setups = []struct{ words, name string }{
	{"check_auth returns True", "zipcodes"}, {"no auth class at all", "nobody guards"},
	{"PUBLIC_METHODS=['GET'] only", "resource only"}, {"['GET','HEAD']", "HEAD listed"}, {"only people:", "only people"},
	{"people: authentication=TokenAuth", "tokens for people"}, {"people TokenAuth, invoices HMACAuth", "mixed"},
	{"ALLOWED_ROLES=[admin], ALLOWED_READ_ROLES", "global roles"},
}

func replay(t *testing.T, id string, m maker, before map[string]func(t *testing.T, url string)) {
	urls, whole := map[string]string{"": seeds(t, m)}, t
	demotest.Replay(t, id, func(t *testing.T, v *vectors.Vector) demotest.Target {
		name := ""
		for _, s := range setups {
			if strings.Contains(v.Setup, s.words) {
				name = s.name
			}
		}
		// A server of its own where a vector leaves something behind or counts on it.
		// The roles were recorded one after the other, on what the ones before had left.
		if id != "eve-roles" && (before[v.Case] != nil || v.Request.Method == "DELETE" || v.Request.Method == "POST" || v.Request.Method == "PATCH" || strings.Contains(v.Case, "after that")) {
			mk := m
			if name != "" {
				mk = variant(name)
			}
			url := seeds(t, mk)
			if before[v.Case] != nil {
				before[v.Case](t, url)
			}
			return demotest.Target{URL: url}
		}
		if urls[name] == "" {
			urls[name] = seeds(whole, variant(name))
		}
		return demotest.Target{URL: urls[name]}
	})
}

const asAdmin = "Basic YWRtaW46c2VjcmV0"

func send(t *testing.T, url, method, path, auth, body string, more ...string) vectors.Answer {
	t.Helper()
	h := http.Header{"Content-Type": {"application/json"}}
	if auth != "" {
		h.Set("Authorization", auth)
	}
	for i := 0; i+1 < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return demotest.Send(t, method, url, path, h, body)
}

func TestGlobalVectors(t *testing.T) {
	replay(t, "eve-global", eve.Global, map[string]func(*testing.T, string){
		"people, scheme lower-case": func(t *testing.T, url string) { send(t, url, "POST", "/people", asAdmin, `{"name":"new"}`) },
	})
}
func TestPublicVectors(t *testing.T)       { replay(t, "eve-public", eve.Public, nil) }
func TestResourceVectors(t *testing.T)     { replay(t, "eve-resource", eve.Resource, nil) }
func TestResourceAuthVectors(t *testing.T) { replay(t, "eve-resource-auth", eve.ResourceAuth, nil) }
func TestRolesVectors(t *testing.T)        { replay(t, "eve-roles", eve.Roles, nil) }
func TestBcryptVectors(t *testing.T)       { replay(t, "eve-bcrypt", eve.Bcrypt, nil) }
func TestTokenVectors(t *testing.T)        { replay(t, "eve-token", eve.Token, nil) }
func TestHMACVectors(t *testing.T) {
	const mac = "alice:7c0655112d7cd0f17f8445648b223be3c17c0754"
	replay(t, "eve-hmac", eve.HMAC, map[string]func(*testing.T, string){
		"GET people after that": func(t *testing.T, url string) { send(t, url, "DELETE", "/people", mac, "") },
	})
}
func TestAuthFieldVectors(t *testing.T) {
	replay(t, "eve-auth-field", eve.AuthField, map[string]func(*testing.T, string){
		"admin lists: only own": func(t *testing.T, url string) { send(t, url, "POST", "/invoices", asAdmin, `{"name":"mine"}`) },
	})
}

// The hole of the original that its roles do not hold for items.
func TestRolesHoldForItems(t *testing.T) {
	url := seeds(t, variant("global roles"))
	const norole = "Basic bm9yb2xlOnNlY3JldA=="
	for _, method := range []string{"GET", "HEAD", "PATCH", "PUT", "DELETE"} {
		if a := send(t, url, method, "/people/5f0000000000000000000001", norole, `{"name":"owned"}`, "If-Match", "etag1"); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", method, a.Status, a.Body)
		}
	}
	strict := serve(t, gate.Env{Accounts: gate.Seeds, Strict: true}, variant("global roles"))
	if a := send(t, strict, "GET", "/people", norole, ""); a.Status != http.StatusForbidden {
		t.Errorf("strict: %d", a.Status)
	}
}

// Of the original, a password of 73 bytes matches the hash of its first 72.
func TestBcryptDoesNotCut(t *testing.T) {
	url := seeds(t, eve.Bcrypt)
	for n, want := range map[int]int{72: 200, 73: 401, 500: 401} {
		a := send(t, url, "GET", "/people", "", "", "Authorization", basicOf("long", strings.Repeat("a", n)))
		if a.Status != want {
			t.Errorf("%d bytes: %d, want %d", n, a.Status, want)
		}
	}
}

func basicOf(user, password string) string {
	r, _ := http.NewRequest("GET", "/", nil)
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// The second form of the MAC closes what the first one is there to show.
func TestSignedRequests(t *testing.T) {
	now := time.Now()
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	url := serve(t, gate.Env{Now: clock, People: []gate.Person{{Username: "ann", Password: "a phrase"}}}, eve.HMAC)
	var out struct{ Key string }
	a := send(t, url, "POST", "/-/credentials", basicOf("ann", "a phrase"), "")
	if a.Status != 200 || json.Unmarshal(a.Body, &out) != nil || out.Key == "" {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	call := func(method, path, nonce string, at time.Time, body, signedBody, signedPath string) int {
		sum := sha256.Sum256([]byte(signedBody))
		date := at.UTC().Format(http.TimeFormat)
		m := hmac.New(sha256.New, []byte(out.Key))
		m.Write([]byte(strings.Join([]string{method, signedPath, date, nonce, hex.EncodeToString(sum[:])}, "\n")))
		return send(t, url, method, path, "ann:"+hex.EncodeToString(m.Sum(nil)), body, "Date", date, "X-Nonce", nonce).Status
	}
	const body = `{"name":"paid"}`
	for _, c := range []struct {
		name      string
		got, want int
	}{ // in this order
		{"right", call("POST", "/people", "nonce-0000000001", now, body, body, "/people"), 201},
		{"again", call("POST", "/people", "nonce-0000000001", now, body, body, "/people"), 401},
		{"other path", call("POST", "/invoices", "nonce-0000000002", now, body, body, "/people"), 401},
		{"other body", call("POST", "/people", "nonce-0000000003", now, body, `{"name":"x"}`, "/people"), 401},
		{"too old", call("POST", "/people", "nonce-0000000004", now.Add(-6*time.Minute), body, body, "/people"), 401},
		{"in the past", call("POST", "/people", "nonce-0000000005", now.Add(-4*time.Minute), body, body, "/people"), 201},
		{"short nonce", call("POST", "/people", "n", now, body, body, "/people"), 401},
		{"with a query", call("GET", "/people?page=1", "nonce-0000000006", now, "", "", "/people?page=1"), 200},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
}

func TestRecordsAreBounded(t *testing.T) {
	url := seeds(t, eve.Global)
	for range 1000 {
		send(t, url, "POST", "/people", asAdmin, `{"name":"x"}`)
	}
	if a := send(t, url, "POST", "/people", asAdmin, `{"name":"x"}`); a.Status != http.StatusInsufficientStorage {
		t.Errorf("the 1,001st: %d", a.Status)
	}
	if a := send(t, url, "POST", "/people", asAdmin, `{"nope":1}`); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), "unknown field") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
