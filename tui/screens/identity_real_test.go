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
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
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

// call sends JSON and decodes the JSON answer.
func (r *identReal) call(method, where string, body, out any, headers ...string) int {
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
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			r.t.Fatalf("%s %s: %d %s", method, where, resp.StatusCode, text)
		}
	}
	return resp.StatusCode
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
	return screens.IdentitySpec{Kratos: k, Write: k, Edit: k, Recover: k}
}

func (r *identReal) open(root tui.Screen, w, h int) *tuitest.Term {
	return tuitest.Open(r.t, tui.New(context.Background(), tui.Options{Context: "test", Root: root, Explain: explainReal}), tuitest.Size(w, h), tuitest.Patience(40*time.Second))
}

func explainReal(err error) tui.Failure {
	f := tui.Failure{Kind: string(clients.KindOf(err)), Why: err.Error()}
	var p *clients.Problem
	if errors.As(err, &p) {
		f.What, f.Why, f.Hint = p.Op, p.Reason, p.Hint
	}
	return f
}

// TestRealIdentityWrites performs every write of the person's screen with keys, one
// row after the other, and reads the server after each.
func TestRealIdentityWrites(t *testing.T) {
	r := newIdentReal(t)
	id, email := r.person("Ann")
	token, other := r.login(email), r.login(email)
	r.secondFactors(token)
	s := r.open(screens.NewIdentity(r.spec(), id), 110, 60)
	s.Want("Ann Real"+r.tag, "2 sessions, last", "backup codes", "authenticator app", "corp:"+r.tag+"Ann")

	state := func(want string) func() bool {
		return func() bool { w, _ := r.identity(id); return w.State == want }
	}
	verified := func(want bool) func() bool {
		return func() bool {
			w, _ := r.identity(id)
			return len(w.Addresses) == 1 && w.Addresses[0].Verified == want && (w.Addresses[0].Status == "completed") == want
		}
	}
	without := func(kind string) func() bool {
		return func() bool { w, _ := r.identity(id); return len(w.Credentials[kind].Identifiers) == 0 }
	}
	confirm := func(question string) { s.Want(question); s.Press("y") }

	for _, row := range []struct {
		name string
		keys func()
		so   func() bool
	}{
		{"mark an address as verified", func() { s.Press("tab", "v"); confirm("as verified?"); s.Want("is marked as verified", "✓ verified") }, verified(true)},
		{"undo it", func() { s.Press("u"); confirm("Undo: mark"); s.Want("undone: mark") }, verified(false)},
		{"mark it again, and as not verified", func() {
			s.Press("v")
			confirm("as verified?")
			s.Want("is marked as verified", "✓ verified")
			s.Press("v")
			confirm("as not verified?")
			s.Want("is marked as not verified")
		}, verified(false)},
		{"ask what is set up", func() { s.Press("p"); s.Want("✓ set up") }, func() bool { return true }},
		{"remove the backup codes", func() {
			identTo(s, "backup codes")
			s.Press("x")
			confirm("Remove backup codes")
			s.Want("backup codes removed")
		}, without("lookup_secret")},
		{"remove the authenticator app", func() {
			identTo(s, "authenticator app")
			s.Press("x")
			confirm("Remove authenticator app")
			s.Want("authenticator app removed")
		}, without("totp")},
		{"remove the social sign-in", func() {
			identTo(s, "social sign-in")
			s.Press("x")
			confirm("Remove social sign-in")
			s.Want("social sign-in removed")
		},
			func() bool {
				w, _ := r.identity(id)
				return !slices.Contains(w.Credentials["oidc"].Identifiers, "corp:"+r.tag+"Ann")
			}},
		{"end one session", func() { s.Press("tab", "x"); confirm("End this session"); s.Want("ended") },
			func() bool {
				_, active := r.sessions(id)
				return active == 1 && r.whoami(token)+r.whoami(other) == 200+401
			}},
		{"suspend, which ends the other", func() { s.Press("d"); confirm("Suspend Ann"); s.Want("suspended, 1 session ended", "✗ suspended") },
			func() bool {
				all, _ := r.sessions(id)
				return state("inactive")() && all == 0 && r.whoami(token) == 401 && r.whoami(other) == 401
			}},
		{"undo the suspension", func() { s.Press("u"); confirm("Undo: suspend"); s.Want("undone: suspend", "✓ active") }, state("active")},
		{"suspend again", func() { s.Press("d"); confirm("Suspend Ann"); s.Want("suspended, 0 sessions ended") }, state("inactive")},
		{"reactivate", func() { s.Press("a"); confirm("Reactivate Ann"); s.Want("reactivated") }, state("active")},
	} {
		t.Log(row.name)
		row.keys()
		r.until(row.name, row.so)
	}
}

// identTo moves the cursor to the line with a text.
func identTo(s *tuitest.Term, text string) {
	s.Press("home")
	for range 80 {
		s.Settle()
		for line := range strings.SplitSeq(s.Screen(), "\n") {
			if strings.Contains(line, "▸") && strings.Contains(line, text) {
				return
			}
		}
		s.Press("down")
	}
}

// A session that was only asleep works again; the screen warns before, says so
// after, and ends it.
func TestRealIdentityAsleepSessions(t *testing.T) {
	r := newIdentReal(t)
	id, email := r.person("Bo")
	token := r.login(email)
	r.must(200, "PATCH", r.info.AdminURL+"/admin/identities/"+id, []any{map[string]any{"op": "replace", "path": "/state", "value": "inactive"}}, nil)
	s := r.open(screens.NewIdentity(r.spec(), id), 110, 50)
	s.Want("✗ Cannot sign in: suspended", "1 session works again once it is reactivated", "◌ asleep")
	if got := r.whoami(token); got != 401 {
		t.Fatalf("whoami of a suspended identity: %d", got)
	}
	s.Press("a")
	s.Want("Reactivate Bo")
	s.Press("y")
	s.Want("1 session works again, o ends them")
	r.until("the old session works again", func() bool { return r.whoami(token) == 200 })
	s.Press("o")
	s.Want("out everywhere?")
	s.Press("y")
	s.Want("1 session ended")
	r.until("no session is left", func() bool { all, _ := r.sessions(id); return all == 0 && r.whoami(token) == 401 })
}

// A recovery code or link is made, shown, and really lets the person in; of a
// suspended identity it is refused.
func TestRealIdentityRecovery(t *testing.T) {
	r := newIdentReal(t)
	id, _ := r.person("Carla")
	s := r.open(screens.NewIdentity(r.spec(), id), 180, 50)
	s.Want("Carla", "no sessions")
	s.Press("c")
	s.Want("valid for 24 hours")
	s.Press("enter")
	s.Want("For Carla", "to enter at")
	code := regexp.MustCompile(`code +(\d{6})\b`).FindStringSubmatch(s.Screen())
	link := regexp.MustCompile(`to enter at +(\S+)`).FindStringSubmatch(s.Screen())
	if code == nil || link == nil {
		t.Fatalf("no code or no link:\n%s", s.Screen())
	}
	s.Press("esc", "y")
	s.Want("Ways to sign in")
	s.WantNot(code[1])
	u, err := url.Parse(link[1])
	if err != nil {
		t.Fatal(err)
	}
	if got := r.redeem(u.Query().Get("flow"), "000000"); got {
		t.Error("a wrong code was taken")
	}
	if !r.redeem(u.Query().Get("flow"), code[1]) {
		t.Error("the code that was shown does not let the person in")
	}

	s.Press("c")
	s.Want("valid for 24 hours")
	s.Type("link")
	s.Press("enter")
	s.Want("link", "token=")
	at := regexp.MustCompile(`link +(http\S+)`).FindStringSubmatch(s.Screen())
	if at == nil {
		t.Fatalf("no link:\n%s", s.Screen())
	}
	s.Press("esc", "y")
	before, _ := r.sessions(id)
	if got := r.call("GET", at[1], nil, nil, "Accept", "text/html"); got != 303 {
		t.Errorf("the link answers %d, want 303", got)
	}
	r.until("the link signs in", func() bool { all, _ := r.sessions(id); return all == before+1 })

	s.Press("d", "y")
	s.Want("✗ suspended")
	s.Press("c")
	s.Want("suspended: a code would be made, but signing in with it is refused")
}

// redeem enters a recovery code as a browser would and reports whether it was taken.
func (r *identReal) redeem(flow, code string) bool {
	r.t.Helper()
	form := url.Values{"method": {"code"}, "code": {code}}
	jar := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := jar.PostForm(r.info.PublicURL+"/self-service/recovery?flow="+flow, form)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, c := range resp.Cookies() {
		if c.Name == "ory_kratos_session" && c.Value != "" {
			return true
		}
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
	r.t.Logf("redeem: %d %s %s", resp.StatusCode, resp.Header.Get("Location"), text)
	return false
}

func TestRealIdentityDelete(t *testing.T) {
	r := newIdentReal(t)
	id, email := r.person("Dora")
	s := r.open(screens.NewIdentity(r.spec(), id), 110, 40)
	s.Want("Dora", "no sessions")
	s.Press("D")
	s.Want("Delete the identity of Dora", "type "+email)
	s.Type("dora")
	s.Press("enter")
	s.Want("nothing was done")
	if _, status := r.identity(id); status != 200 {
		t.Fatalf("the identity is gone without the right name: %d", status)
	}
	s.Press("ctrl+u")
	s.Type(email)
	s.Press("enter")
	s.Want("is deleted", "✗ deleted")
	if _, status := r.identity(id); status != 404 {
		t.Errorf("the server still has it: %d", status)
	}
}

// TestRealIdentitiesList finds people and writes to several of them at once.
func TestRealIdentitiesList(t *testing.T) {
	r := newIdentReal(t)
	spec := r.spec()
	k := spec.Kratos.(*kratos.Client)
	var ids, tokens []string
	for _, name := range []string{"Ida", "Ivo", "Ines"} {
		id, email := r.person(name)
		ids, tokens = append(ids, id), append(tokens, r.login(email))
	}
	s := r.open(screens.NewIdentities(k, k, func(id string) tui.Screen { return screens.NewIdentity(spec, id) }), 120, 40)
	s.Want("identities")
	s.Press("f")
	s.Type("ida-" + r.tag + "@ident.example")
	s.Press("enter")
	s.Want("found for", "Ida Real"+r.tag)
	s.Press("f", "ctrl+u")
	s.Type(ids[1])
	s.Press("enter")
	s.Want("Ivo Real" + r.tag)
	s.WantNot("Ida Real" + r.tag)
	s.Press("esc")
	s.Press("/")
	s.Type("real" + r.tag)
	s.Press("enter")
	s.Want("3 match")

	states := func(want string) func() bool {
		return func() bool {
			return !slices.ContainsFunc(ids, func(id string) bool { w, _ := r.identity(id); return w.State != want })
		}
	}
	whoami := func(want int) bool {
		return !slices.ContainsFunc(tokens, func(tok string) bool { return r.whoami(tok) != want })
	}
	s.Press("ctrl+a", "d")
	s.Want("Suspend 3 people?", "Ida Real", "Ivo Real", "Ines Real")
	s.Press("y")
	s.Want("3 people suspended, 3 sessions ended")
	r.until("all are suspended", func() bool { return states("inactive")() && whoami(401) })
	s.Press("u")
	s.Want("Undo: suspend 3 people?")
	s.Press("y")
	s.Want("undone")
	r.until("all are active", states("active"))
	s.Press("d", "y")
	s.Want("3 people suspended, 0 sessions ended")
	s.Press("a")
	s.Want("Reactivate 3 people?")
	s.Press("y")
	s.Want("3 people reactivated")
	r.until("all are active", states("active"))
	for i, name := range []string{"ida", "ivo", "ines"} {
		tokens[i] = r.login(name + "-" + r.tag + "@ident.example")
	}
	s.Press("o")
	s.Want("Sign 3 people out everywhere?")
	s.Press("y")
	s.Want("3 people signed out everywhere, 3 sessions ended")
	r.until("nobody is signed in", func() bool { return whoami(401) })
}

// TestRealIdentityInThreePlaces puts one person into all three servers under
// several names and finds all of it on one screen.
func TestRealIdentityInThreePlaces(t *testing.T) {
	kcInfo, ktInfo := stacktest.Keycloak(t), stacktest.Keto(t)
	r := newIdentReal(t)
	id, email := r.person("Tri")
	realm := "ident-" + r.tag
	admin := r.keycloak(kcInfo)
	r.must(201, "POST", kcInfo.URL+"/admin/realms", map[string]any{"realm": realm, "enabled": true,
		"groups": []any{map[string]any{"name": "staff", "realmRoles": []string{"employee"}}},
		"roles":  map[string]any{"realm": []any{map[string]any{"name": "employee"}, map[string]any{"name": "examiner"}}},
		"users": []any{map[string]any{"username": "tri." + r.tag, "email": email, "enabled": true, "firstName": "Tri", "lastName": "Real",
			"requiredActions": []string{"UPDATE_PASSWORD"}, "groups": []string{"/staff"}, "realmRoles": []string{"examiner"}}},
	}, nil, "Authorization", "Bearer "+admin)
	t.Cleanup(func() {
		r.call("DELETE", kcInfo.URL+"/admin/realms/"+realm, nil, nil, "Authorization", "Bearer "+r.keycloak(kcInfo))
	})
	var users []struct{ ID string }
	r.must(200, "GET", kcInfo.URL+"/admin/realms/"+realm+"/users?username=tri."+r.tag, nil, &users, "Authorization", "Bearer "+admin)

	objects := map[string]map[string]any{
		"by-id-" + r.tag:     {"subject_id": id},
		"by-mail-" + r.tag:   {"subject_id": email},
		"by-kc-" + r.tag:     {"subject_id": users[0].ID},
		"by-name-" + r.tag:   {"subject_id": "tri." + r.tag},
		"as-object-" + r.tag: {"subject_set": map[string]string{"namespace": "User", "object": id, "relation": ""}},
	}
	for object, body := range objects {
		body["namespace"], body["object"], body["relation"] = "Group", object, "members"
		r.must(201, "PUT", ktInfo.WriteURL+"/admin/relation-tuples", body, nil)
		t.Cleanup(func() {
			r.call("DELETE", ktInfo.WriteURL+"/admin/relation-tuples?namespace=Group&relation=members&object="+url.QueryEscape(object), nil, nil)
		})
	}

	spec := r.spec()
	kt, err := keto.New(keto.Options{ReadURL: ktInfo.ReadURL, Read: transport.New(transport.Options{Target: "keto read", Timeout: time.Minute})})
	if err != nil {
		t.Fatal(err)
	}
	pw, err := kcInfo.Password()
	if err != nil {
		t.Fatal(err)
	}
	kc, err := keycloak.New(keycloak.Options{URL: kcInfo.URL, Login: keycloak.Login{Username: kcInfo.AdminUsername, Password: pw}, Transport: transport.Options{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	spec.Keto, spec.Realms = kt, []screens.IdentityRealm{kc.Realm(realm)}
	s := r.open(screens.NewIdentity(spec, id), 200, 70)
	s.Want("the same person in three places", "5 tuples", "Known to Keto under 5 names")
	for object := range objects {
		s.Want("Group:" + object + "#members")
	}
	s.Want("keycloak ✓ enabled", "tri."+r.tag, "in /staff", "1 direct", realm, "set a new password", "found by e-mail")
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
