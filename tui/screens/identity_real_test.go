package screens_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
	"gatehouse/tui"
	"gatehouse/tui/screens"
	"gatehouse/tui/tuitest"
)

// The identities and the person over the real servers: keys go in at one end, and
// a plain HTTP client, which knows nothing of ours, looks at the other.

const identPassword = "S3cure-pass-gatehouse"

// identReal is the real Kratos as a plain HTTP client sees it.
type identReal struct {
	t    testing.TB
	info stack.KratosInfo
	tag  string // unique, so that tests can run beside each other and again
}

func newIdentReal(t testing.TB) *identReal {
	t.Helper()
	b := make([]byte, 5)
	rand.Read(b) //nolint:errcheck // it never fails
	return &identReal{t: t, info: stacktest.Kratos(t), tag: hex.EncodeToString(b)}
}

// identBusy is how Kratos on SQLite refuses a write, whole, while another one goes on:
// the tests of other packages write at the same time.
const identBusy = "database is locked"

// call sends JSON and decodes the JSON answer. It tries again while the database is busy.
func (r *identReal) call(method, where string, body, out any, headers ...string) int {
	r.t.Helper()
	for try := 0; ; try++ {
		status, text := r.once(method, where, body, headers...)
		if status == 500 && try < 6 && strings.Contains(text, identBusy) {
			continue
		}
		if out != nil {
			if err := json.Unmarshal([]byte(text), out); err != nil {
				r.t.Fatalf("%s %s: %d %s", method, where, status, text)
			}
		}
		return status
	}
}

func (r *identReal) once(method, where string, body any, headers ...string) (int, string) {
	r.t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			r.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, where, in)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	c := http.Client{Timeout: 3 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// write presses the key of a write, says yes to the question, and waits for what the
// console then says. When the database was busy it says so, nothing was changed, and
// it is done again.
func (r *identReal) write(s *tuitest.Term, key, question string, says ...string) {
	r.t.Helper()
	for try := 0; ; try++ {
		s.Press(key)
		s.Want(question)
		s.Press("y")
		for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			screen := s.Screen()
			if !slices.ContainsFunc(says, func(text string) bool { return !strings.Contains(screen, text) }) {
				return
			}
			if try < 6 && strings.Contains(screen, identBusy) {
				break
			}
			if time.Now().After(end) {
				r.t.Fatalf("%q is not on the screen:\n%s", says, screen)
			}
		}
	}
}

// must is call with the only status that is right.
func (r *identReal) must(status int, method, where string, body, out any, headers ...string) {
	r.t.Helper()
	if got := r.call(method, where, body, out, headers...); got != status {
		r.t.Fatalf("%s %s: %d, want %d", method, where, got, status)
	}
}

// identity is what the server has.
type identWire struct {
	ID          string `json:"id"`
	State       string `json:"state"`
	Credentials map[string]struct {
		Identifiers []string `json:"identifiers"`
	} `json:"credentials"`
	Addresses []struct {
		Value    string `json:"value"`
		Verified bool   `json:"verified"`
		Status   string `json:"status"`
	} `json:"verifiable_addresses"`
}

func (r *identReal) identity(id string) (w identWire, status int) {
	status = r.call("GET", r.info.AdminURL+"/admin/identities/"+id, nil, &w)
	return w, status
}

// sessions are the sessions of an identity, and how many of them are active.
func (r *identReal) sessions(id string) (all, active int) {
	var list []struct {
		Active bool `json:"active"`
	}
	r.must(200, "GET", r.info.AdminURL+"/admin/identities/"+id+"/sessions", nil, &list)
	for _, s := range list {
		if s.Active {
			active++
		}
	}
	return len(list), active
}

// person makes an identity with a password and a social sign-in.
func (r *identReal) person(first string) (id, email string) {
	r.t.Helper()
	email = strings.ToLower(first) + "-" + r.tag + "@ident.example"
	var w identWire
	r.must(201, "POST", r.info.AdminURL+"/admin/identities", map[string]any{
		"schema_id": "default", "traits": map[string]any{"email": email, "name": map[string]any{"first": first, "last": "Real" + r.tag}},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": identPassword}},
			"oidc": map[string]any{"config": map[string]any{"providers": []any{map[string]any{"provider": "corp", "subject": r.tag + first}}}}},
	}, &w)
	r.t.Cleanup(func() { r.call("DELETE", r.info.AdminURL+"/admin/identities/"+w.ID, nil, nil) })
	return w.ID, email
}

// login signs in as the person would and gives the token of the session.
func (r *identReal) login(email string) string {
	r.t.Helper()
	var flow struct{ ID string }
	r.must(200, "GET", r.info.PublicURL+"/self-service/login/api", nil, &flow)
	var done struct {
		Token string `json:"session_token"`
	}
	r.must(200, "POST", r.info.PublicURL+"/self-service/login?flow="+flow.ID,
		map[string]string{"method": "password", "identifier": email, "password": identPassword}, &done)
	return done.Token
}

// whoami is the status of the session: 200 lets in, 401 does not.
func (r *identReal) whoami(token string) int {
	return r.call("GET", r.info.PublicURL+"/sessions/whoami", nil, nil, "X-Session-Token", token)
}

// secondFactors sets up backup codes and an authenticator app, as the person would.
func (r *identReal) secondFactors(token string) {
	r.t.Helper()
	settings := func(body func(nodes map[string]string) map[string]any) {
		var flow struct {
			ID string
			UI struct {
				Nodes []struct {
					Attributes struct {
						ID   string `json:"id"`
						Text struct{ Text string }
					}
				}
			}
		}
		r.must(200, "GET", r.info.PublicURL+"/self-service/settings/api", nil, &flow, "X-Session-Token", token)
		nodes := map[string]string{}
		for _, n := range flow.UI.Nodes {
			nodes[n.Attributes.ID] = n.Attributes.Text.Text
		}
		for _, step := range []map[string]any{body(nodes)} {
			r.must(200, "POST", r.info.PublicURL+"/self-service/settings?flow="+flow.ID, step, nil, "X-Session-Token", token)
			if step["lookup_secret_regenerate"] != nil {
				r.must(200, "POST", r.info.PublicURL+"/self-service/settings?flow="+flow.ID, map[string]any{"method": "lookup_secret", "lookup_secret_confirm": true}, nil, "X-Session-Token", token)
			}
		}
	}
	settings(func(map[string]string) map[string]any {
		return map[string]any{"method": "lookup_secret", "lookup_secret_regenerate": true}
	})
	settings(func(nodes map[string]string) map[string]any {
		return map[string]any{"method": "totp", "totp_code": totpNow(r.t, nodes["totp_secret_key"])}
	})
}

// totpNow is the code of an authenticator app (RFC 6238, SHA-1, 30 s, 6 digits).
func totpNow(t testing.TB, secret string) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(secret))
	if err != nil || len(key) == 0 {
		t.Fatalf("the secret %q: %v", secret, err)
	}
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(time.Now().Unix()/30))
	mac := hmac.New(sha1.New, key)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff)%1_000_000)
}

// until waits for something that the console has said is done.
func (r *identReal) until(what string, so func() bool) {
	r.t.Helper()
	for end := time.Now().Add(15 * time.Second); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("the server does not have it so: %s", what)
		}
	}
}

// spec is the person's screen over the real clients; Keto and Keycloak only where
// they are given.
func (r *identReal) spec() screens.IdentitySpec {
	r.t.Helper()
	// The deadline is wide: the machine may be busy, and no test here is about it.
	k, err := kratos.New(kratos.Options{AdminURL: r.info.AdminURL, PublicURL: r.info.PublicURL, Admin: transport.Options{Timeout: time.Minute}})
	if err != nil {
		r.t.Fatal(err)
	}
	return screens.IdentitySpec{Kratos: k, Write: k, Edit: k, Recover: k, Forms: k}
}

func (r *identReal) open(root tui.Screen, w, h int) *tuitest.Term {
	return tuitest.Open(r.t, tui.New(context.Background(), tui.Options{Context: "test", Root: root, Explain: explainReal}), tuitest.Size(w, h), tuitest.Patience(40*time.Second))
}

func explainReal(err error) tui.Failure {
	f := tui.Failure{Kind: string(clients.KindOf(err)), Why: err.Error()}
	var p *clients.Problem
	if errors.As(err, &p) {
		f.What, f.Why, f.Hint, f.Fields = p.Op, p.Reason, p.Hint, map[string]string{}
		for _, field := range p.Fields {
			f.Fields[field.Path] = field.Message
		}
	}
	return f
}

// keycloak is an administrator's token, which lives for a minute.
func (r *identReal) keycloak(k stack.KeycloakInfo) string {
	r.t.Helper()
	pw, err := k.Password()
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.PostForm(k.URL+"/realms/master/protocol/openid-connect/token", url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {k.AdminUsername}, "password": {pw}})
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil || token.Access == "" {
		r.t.Fatalf("no token: %d %v", resp.StatusCode, err)
	}
	return token.Access
}
