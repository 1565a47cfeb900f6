package flaskjwt_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/bcrypt"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/systems/flaskjwt"
	"gatehouse/demo/vectors"
)

// serve runs the system with a change to it, at /.
func serve(t *testing.T, env gate.Env, change func(flaskjwt.App)) (flaskjwt.App, string) {
	t.Helper()
	env.BcryptCost = bcrypt.MinCost
	if err := env.Complete(nil); err != nil {
		t.Fatal(err)
	}
	a, err := flaskjwt.NewApp(&env)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(a)
	}
	return a, run(t, &env, a.System())
}

func run(t *testing.T, env *gate.Env, s *gate.System) string {
	t.Helper()
	h := httptest.NewUnstartedServer(nil)
	g, err := gate.New(env, gate.Config{PublicURL: "http://" + h.Listener.Addr().String(), Alone: true}, s)
	if err != nil {
		t.Fatal(err)
	}
	h.Config.Handler = g.Handler()
	h.Start()
	t.Cleanup(h.Close)
	return h.URL
}

// token makes the token that a vector names.
func token(t *testing.T, v vectors.Vector, key []byte, now time.Time) string {
	t.Helper()
	var want struct {
		Header map[string]any  `json:"header"`
		Claims json.RawMessage `json:"claims"`
	}
	if err := json.Unmarshal(v.Request.Token, &want); err != nil {
		t.Fatalf("%v in %s", err, v.Request.Token)
	}
	var claims map[string]any
	payload := []byte("not JSON")
	if json.Unmarshal(want.Claims, &claims) == nil {
		for k, c := range claims {
			if s, ok := c.(string); ok && strings.HasPrefix(s, "now") {
				n, _ := strconv.Atoi(strings.TrimPrefix(s, "now"))
				claims[k] = now.Unix() + int64(n)
			}
		}
		payload, _ = json.Marshal(claims)
	}
	head, _ := json.Marshal(want.Header)
	b := base64.RawURLEncoding
	text := b.EncodeToString(head) + "." + b.EncodeToString(payload)
	switch v.Case {
	case "alg none":
		return text + "."
	case "alg missing":
		return text + ".x" // one letter is no base64
	case "wrong secret":
		key = []byte("another secret of thirty-two bytes")
	case "forged for user 2":
		key = []byte("super-secret")
	}
	sig, err := jwt.SigningMethodHS256.Sign(text, key)
	if err != nil {
		t.Fatal(err)
	}
	if v.Case == "bad signature" {
		sig[0] ^= 1
	}
	return text + "." + b.EncodeToString(sig)
}

func TestVectors(t *testing.T) {
	seeds := gate.Env{Accounts: gate.Seeds}
	a, url := serve(t, seeds, nil)
	demotest.Replay(t, "flask-jwt", func(t *testing.T, v *vectors.Vector) demotest.Target {
		a, url := a, url
		switch {
		case strings.Contains(v.Setup, "returns None"):
			a, url = serve(t, seeds, func(a flaskjwt.App) { a.Forget(2) })
		case strings.Contains(v.Setup, "LEEWAY=0"):
			a, url = serve(t, seeds, func(a flaskjwt.App) { a.Set(time.Second, 0) })
		}
		target := demotest.Target{URL: url, Vars: vectors.Vars{}}
		if len(v.Request.Token) > 0 {
			target.Vars["jwt"] = token(t, *v, a.Key(), time.Now())
		}
		if v.Request.Method == http.MethodPost {
			delete(target.Vars, "jwt") // what we issue is another one each time
		}
		return target
	})
}

func post(t *testing.T, url, path string, body any) (int, map[string]string) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := demotest.Send(t, "POST", url, path, http.Header{"Content-Type": {"application/json"}}, string(b))
	out := map[string]string{}
	var any map[string]any
	_ = json.Unmarshal(r.Body, &any)
	for k, v := range any {
		out[k] = fmt.Sprint(v)
	}
	return r.Status, out
}

func TestIssuedTokenWorks(t *testing.T) {
	_, url := serve(t, gate.Env{Accounts: gate.Seeds}, nil)
	status, out := post(t, url, "/auth", map[string]string{"username": "user2", "password": "abcxyz"})
	if status != 200 {
		t.Fatal(status, out)
	}
	r := demotest.Send(t, "GET", url, "/protected", http.Header{"Authorization": {"JWT " + out["access_token"]}}, "")
	if r.Status != 200 || string(r.Body) != "User(id='2')" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := demotest.Send(t, "POST", url, "/auth", http.Header{"Content-Type": {"application/json"}}, "["+strings.Repeat("1,", 1<<20)+"1]"); r.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("2 MB: %d", r.Status)
	}
}

func TestRefresh(t *testing.T) {
	now := time.Now()
	env := gate.Env{Accounts: gate.Seeds, BcryptCost: bcrypt.MinCost, Now: func() time.Time { return now }}
	if err := env.Complete(nil); err != nil {
		t.Fatal(err)
	}
	s, err := flaskjwt.NewRefresh(&env)
	if err != nil {
		t.Fatal(err)
	}
	url := run(t, &env, s)
	login := func() string {
		t.Helper()
		status, out := post(t, url, "/auth", map[string]string{"username": "user1", "password": "abcxyz"})
		if status != 200 || out["refresh_token"] == "" {
			t.Fatal(status, out)
		}
		return out["refresh_token"]
	}
	refresh := func(token string) (int, string) {
		t.Helper()
		status, out := post(t, url, "/auth/refresh", map[string]string{"refresh_token": token})
		return status, out["refresh_token"]
	}
	first := login()
	status, second := refresh(first)
	if status != 200 || second == first {
		t.Fatal(status, second)
	}
	if status, _ := refresh(first); status != 401 {
		t.Errorf("a used token: %d", status)
	}
	if status, _ := refresh(second); status != 401 {
		t.Errorf("after a used token came back the login goes on: %d", status)
	}
	other := login()
	now = now.Add(flaskjwt.RefreshLife + time.Second)
	if status, _ := refresh(other); status != 401 {
		t.Errorf("after its life: %d", status)
	}
	last := login()
	if status, _ := post(t, url, "/auth/logout", map[string]string{"refresh_token": last}); status != 204 {
		t.Errorf("logout: %d", status)
	}
	if status, _ := refresh(last); status != 401 {
		t.Errorf("after the logout: %d", status)
	}
	for _, bad := range []any{"", "x", strings.Repeat("A", 26) + ".x", nil, 7, []string{"x"}} {
		if status, _ := post(t, url, "/auth/refresh", map[string]any{"refresh_token": bad}); status != 401 {
			t.Errorf("%v: %d", bad, status)
		}
	}
}
