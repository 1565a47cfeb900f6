package kratos_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
	"gatehouse/stack/stacktest"
)

// The tests of this package run one after the other: Kratos on SQLite stalls when
// two requests write at once (see busy in problem.go), and other packages write too.

const goodPassword = clients.Secret("correct horse 42")

// world is one real Kratos, our client of it, and a way around our client.
type world struct {
	*kratos.Client
	t             testing.TB
	admin, public string
	log           *transport.Log
}

// real connects to the real Kratos, or skips the test.
func real(t testing.TB) *world {
	t.Helper()
	info := stacktest.Kratos(t)
	return connect(t, info.AdminURL, info.PublicURL, transport.Options{})
}

func connect(t testing.TB, admin, public string, o transport.Options) *world {
	t.Helper()
	w := &world{t: t, admin: admin, public: public, log: &transport.Log{}}
	o.Log = w.log
	if o.Timeout == 0 {
		o.Timeout = 60 * time.Second // the machine may be busy; no test is about this limit
	}
	c, err := kratos.New(kratos.Options{AdminURL: admin, PublicURL: public, Admin: o, Public: o})
	if err != nil {
		t.Fatal(err)
	}
	w.Client = c
	return w
}

// raw asks a server without any code of ours and decodes the JSON answer.
func raw(t testing.TB, method, url string, body any, header ...string) (int, map[string]any) {
	t.Helper()
	status, text := rawText(t, method, url, body, header...)
	var v any
	_ = json.Unmarshal([]byte(text), &v)
	switch v := v.(type) {
	case map[string]any:
		return status, v
	case nil:
		return status, nil
	default:
		return status, map[string]any{"list": v}
	}
}

func rawText(t testing.TB, method, url string, body any, header ...string) (int, string) {
	t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, url, r)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// stored reads an identity as the server has it, without code of ours.
func (w *world) stored(id string) map[string]any {
	w.t.Helper()
	status, v := raw(w.t, "GET", w.admin+"/admin/identities/"+id, nil)
	if status != 200 {
		w.t.Fatalf("identity %s: %d %v", id, status, v)
	}
	return v
}

// unique is a name that no other test and no other run uses.
func unique(prefix string) string {
	var b [6]byte
	rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}

func unmail(prefix string) string { return unique(prefix) + "@gatehouse.test" }

func traits(email string) json.RawMessage {
	b, _ := json.Marshal(map[string]any{"email": email})
	return b
}

func staffTraits(email string) json.RawMessage {
	b, _ := json.Marshal(map[string]any{"email": email, "name": map[string]string{"first": "Ann", "last": "Lee"}, "department": "legal"})
	return b
}

// person makes an identity that is removed after the test.
func (w *world) person(n kratos.NewIdentity) kratos.Identity {
	w.t.Helper()
	if n.SchemaID == "" {
		n.SchemaID = "default"
	}
	if n.Traits == nil {
		n.Traits = traits(unmail("p"))
	}
	i, err := w.Create(context.Background(), n)
	if err != nil {
		w.t.Fatal(err)
	}
	w.remove(i.ID)
	return i
}

func (w *world) remove(id string) {
	w.t.Cleanup(func() { rawText(w.t, "DELETE", w.admin+"/admin/identities/"+id, nil) })
}

// signIn makes a real session as an application does and returns its token and id.
func (w *world) signIn(email string, pw clients.Secret) (token, id string) {
	w.t.Helper()
	var status int
	var v map[string]any
	// On SQLite two writers can lock each other out until one is refused with 500.
	for range 3 {
		var flow map[string]any
		if status, flow = raw(w.t, "GET", w.public+"/self-service/login/api", nil); status != 200 {
			continue
		}
		status, v = raw(w.t, "POST", w.public+"/self-service/login?flow="+url.QueryEscape(flow["id"].(string)),
			map[string]string{"method": "password", "identifier": email, "password": pw.Reveal()})
		if status == 200 {
			return v["session_token"].(string), v["session"].(map[string]any)["id"].(string)
		}
	}
	w.t.Fatalf("sign in as %s: %d %v", email, status, v)
	return "", ""
}

// letsIn reports whether an application would let the token in.
func (w *world) letsIn(token string) bool {
	w.t.Helper()
	status, _ := rawText(w.t, "GET", w.public+"/sessions/whoami", nil, "X-Session-Token", token)
	return status == 200
}

func kind(t testing.TB, err error, want clients.Kind) *clients.Problem {
	t.Helper()
	p, ok := err.(*clients.Problem)
	if !ok || p.Kind != want {
		t.Fatalf("error = %T %v, want a problem of kind %s", err, err, want)
	}
	if p.Op == "" || p.Target == "" || p.Reason == "" {
		t.Errorf("not a whole problem: %+v", p)
	}
	return p
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// at walks into decoded JSON: at(v, "traits", "email").
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func contains(t testing.TB, s, part string) {
	t.Helper()
	if !strings.Contains(s, part) {
		t.Errorf("%q does not say %q", s, part)
	}
}
