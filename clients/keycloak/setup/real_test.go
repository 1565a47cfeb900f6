package setup_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients/keycloak"
	"gatehouse/clients/keycloak/setup"
	"gatehouse/clients/transport"
	"gatehouse/stack/stacktest"
)

func admin(t *testing.T) *keycloak.Server {
	t.Helper()
	info := stacktest.Keycloak(t)
	pw, err := info.Password()
	if err != nil {
		t.Fatal(err)
	}
	s, err := keycloak.New(keycloak.Options{URL: info.URL, Login: keycloak.Login{Username: info.AdminUsername, Password: pw},
		Transport: transport.Options{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func unique() string {
	var b [5]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

const (
	callback = "http://localhost:50100/oauth/login/callback"
	home     = "http://localhost:50100/"
	password = "correct horse battery"
)

// tutorial is the realm of the tutorial under a name of its own; it is deleted at the
// end of the test.
func tutorial(t *testing.T, s *keycloak.Server) setup.Wish {
	name := "gh-setup-" + unique()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s.Realm(name).DeleteRealm(ctx)
	})
	return setup.Wish{Realm: name, Client: "flaskClient", Roles: []string{"admin"}, Redirects: []string{callback}, PostLogout: []string{home},
		Users: []setup.User{{Username: "alice", Email: "alice@example.com", FirstName: "Alice", LastName: "Doe", Password: password}}}
}

func apply(t *testing.T, s *keycloak.Server, w setup.Wish) []setup.Step {
	t.Helper()
	var out []setup.Step
	if err := setup.Apply(t.Context(), s, w, nil, func(st setup.Step) { out = append(out, st) }); err != nil {
		t.Fatalf("%v\n%s", err, show(out))
	}
	return out
}

func check(t *testing.T, s *keycloak.Server, w setup.Wish) []setup.Step {
	t.Helper()
	out, err := setup.Check(t.Context(), s, w)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func show(steps []setup.Step) string {
	var b strings.Builder
	for _, st := range steps {
		j, _ := json.Marshal(st)
		b.Write(append(j, '\n'))
	}
	return b.String()
}

// TestTutorial sets a client up from nothing, and logs in as the application and a
// browser do: the roles are in the ID token and in userinfo.
func TestTutorial(t *testing.T) {
	t.Parallel()
	s := admin(t)
	w := tutorial(t, s)

	would, err := setup.DryRun(t.Context(), s, w)
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range would {
		if st.Outcome != setup.WouldDo {
			t.Errorf("a dry run of nothing: step %d has outcome %q, want would_do: %+v", st.Number, st.Outcome, st)
		}
	}
	if len(would) != 10 {
		t.Errorf("%d steps, want 10", len(would))
	}
	if all := check(t, s, w); all[0].State != setup.Missing {
		t.Fatal("the dry run wrote something")
	}

	first := apply(t, s, w)
	for _, n := range []int{1, 2, 4, 5, 6, 7} {
		if st := first[n-1]; st.Outcome != setup.Changed || st.State != setup.Done {
			t.Errorf("step %d: %+v", n, st)
		}
	}
	for _, st := range check(t, s, w) {
		if st.State != setup.Done {
			t.Errorf("after the setup step %d is %s: %s", st.Number, st.State, st.Found)
		}
	}
	for _, st := range apply(t, s, w) {
		if st.Outcome != setup.Unchanged {
			t.Errorf("the second run: step %d has outcome %s", st.Number, st.Outcome)
		}
	}

	r := s.Realm(w.Realm)
	c := must(r.ClientByClientID(t.Context(), w.Client))(t)
	secret := must(r.ClientSecret(t.Context(), c.ID))(t)
	id, info := login(t, s, w, secret)
	for name, claims := range map[string]map[string]any{"ID token": id, "userinfo": info} {
		if got := roles(claims, w.Client); !slices.Equal(got, []string{"admin"}) {
			t.Errorf("%s holds the roles %v, want [admin]", name, got)
		}
	}
	if id["email"] != "alice@example.com" || id["preferred_username"] != "alice" {
		t.Errorf("the ID token lacks what the application reads: %v", id)
	}
}

// TestEachMissingStep takes one thing away after the other, and expects exactly that
// step to be named, its write to cure it, and undo to bring the lack back.
func TestEachMissingStep(t *testing.T) {
	t.Parallel()
	s := admin(t)
	w := tutorial(t, s)
	apply(t, s, w)
	r := s.Realm(w.Realm)
	c := must(r.ClientByClientID(t.Context(), w.Client))(t)
	u := must(r.UserByUsername(t.Context(), "alice"))(t)
	off := false
	no := func(ctx context.Context) error {
		scopes, err := r.ClientScopes(ctx)
		for _, sc := range scopes {
			for _, m := range sc.Mappers {
				if sc.Name == "roles" && m.Name == "client roles" {
					_, err = r.UpdateMapper(ctx, keycloak.MappersOfScope(sc.ID), m.ID, keycloak.MapperPatch{Config: map[string]string{"id.token.claim": "", "userinfo.token.claim": ""}})
				}
			}
		}
		return err
	}

	for _, tc := range []struct {
		name    string
		step    string
		effect  string // a part of it
		byHand  bool
		hurt    func(ctx context.Context) error
		restore func(ctx context.Context) error // where the step does not cure it
	}{
		{name: "the forgotten mapper", step: setup.NameMapper, effect: "KeyError", hurt: no},
		{name: "scope roles detached", step: setup.NameMapper, effect: "no roles", hurt: func(ctx context.Context) error {
			scopes, err := r.ScopesOfClient(ctx, c.ID)
			if err != nil {
				return err
			}
			for _, sc := range scopes.Default {
				if sc.Name == "roles" {
					_, err = r.DetachScope(ctx, c.ID, sc.ID)
				}
			}
			return err
		}},
		{name: "standard flow off", step: setup.NameClient, effect: "unauthorized_client", hurt: func(ctx context.Context) error {
			_, err := r.UpdateClient(ctx, c.ID, keycloak.ClientPatch{StandardFlow: &off})
			return err
		}},
		{name: "another redirect URI", step: setup.NameClient, effect: "redirect_uri", hurt: func(ctx context.Context) error {
			_, err := r.UpdateClient(ctx, c.ID, keycloak.ClientPatch{RedirectURIs: &[]string{"http://localhost:50100/other"}})
			return err
		}},
		{name: "no role", step: setup.NameRoles, effect: "nothing", hurt: func(ctx context.Context) error {
			role, err := r.RoleByName(ctx, keycloak.OfClient(c.ID), "admin")
			if err == nil {
				_, err = r.DeleteRole(ctx, role.ID)
			}
			return err
		}},
		{name: "not granted", step: setup.NameGrant, effect: "denies", hurt: func(ctx context.Context) error {
			role, err := r.RoleByName(ctx, keycloak.OfClient(c.ID), "admin")
			if err == nil {
				_, err = r.Revoke(ctx, keycloak.OfUser(u.ID), role)
			}
			return err
		}},
		{name: "no password", step: setup.NameUser, effect: "Invalid username or password", hurt: func(ctx context.Context) error {
			creds, err := r.Credentials(ctx, u.ID)
			if err == nil {
				_, err = r.DeleteCredential(ctx, u.ID, creds[0].ID)
			}
			return err
		}},
		{name: "logout target", step: setup.NameLogout, effect: "Invalid redirect uri", hurt: func(ctx context.Context) error {
			_, err := r.UpdateClient(ctx, c.ID, keycloak.ClientPatch{Attributes: map[string]string{"post.logout.redirect.uris": "-"}})
			return err
		}},
		{name: "user disabled", step: setup.NameUser, effect: "disabled", byHand: true,
			hurt:    func(ctx context.Context) error { _, err := r.SetEnabled(ctx, u.ID, false); return err },
			restore: func(ctx context.Context) error { _, err := r.SetEnabled(ctx, u.ID, true); return err }},
		{name: "client disabled", step: setup.NameClient, effect: "Client disabled", byHand: true,
			hurt: func(ctx context.Context) error {
				_, err := r.UpdateClient(ctx, c.ID, keycloak.ClientPatch{Enabled: &off})
				return err
			},
			restore: func(ctx context.Context) error {
				on := true
				_, err := r.UpdateClient(ctx, c.ID, keycloak.ClientPatch{Enabled: &on})
				return err
			}},
		{name: "realm disabled", step: setup.NameRealm, effect: "Realm not enabled", byHand: true,
			hurt: func(ctx context.Context) error {
				_, err := r.UpdateRealm(ctx, map[string]any{"enabled": false})
				return err
			},
			restore: func(ctx context.Context) error {
				_, err := r.UpdateRealm(ctx, map[string]any{"enabled": true})
				return err
			}},
	} {
		if err := tc.hurt(t.Context()); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		first := firstMissing(check(t, s, w))
		if first.Name != tc.step || !strings.Contains(first.Effect, tc.effect) || first.Writes == tc.byHand {
			t.Errorf("%s: the first missing step is %+v, want %s with %q", tc.name, first, tc.step, tc.effect)
		}
		if tc.restore != nil {
			if err := tc.restore(t.Context()); err != nil {
				t.Fatalf("%s: %v", tc.name, err)
			}
		}
		var done []setup.Step
		err := setup.Apply(t.Context(), s, w, nil, func(st setup.Step) {
			if st.Outcome == setup.Changed {
				done = append(done, st)
			}
		})
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if left := firstMissing(check(t, s, w)); left.Name != "" {
			t.Errorf("%s: still missing after the fix: %+v", tc.name, left)
		}
		if tc.restore == nil && len(done) == 0 {
			t.Errorf("%s: nothing was done", tc.name)
		}
	}
}

// TestOwnMapper leaves the mapper that clients share alone.
func TestOwnMapper(t *testing.T) {
	t.Parallel()
	s := admin(t)
	w := tutorial(t, s)
	w.OwnMapper = true
	// Without a password bob is made all the same, and the rest is done.
	w.Users = append(w.Users, setup.User{Username: "bob", Email: "bob@example.com", FirstName: "Bob", LastName: "Ray"})
	steps := apply(t, s, w)
	if bob := steps[7]; bob.Who != "bob" || bob.Outcome != setup.CannotBeDone || !strings.Contains(bob.Found, "no password") || steps[8].Outcome != setup.Changed {
		t.Errorf("%+v, then %+v", bob, steps[8])
	}
	if st := steps[4]; st.Also != "" || !strings.Contains(st.Fix, "add a mapper to the client") {
		t.Errorf("%+v", st)
	}
	r := s.Realm(w.Realm)
	scopes := must(r.ClientScopes(t.Context()))(t)
	for _, sc := range scopes {
		for _, m := range sc.Mappers {
			if m.Name == "client roles" && m.Config["id.token.claim"] == "true" {
				t.Error("the shared mapper was switched")
			}
		}
	}
	c := must(r.ClientByClientID(t.Context(), w.Client))(t)
	id, info := login(t, s, w, must(r.ClientSecret(t.Context(), c.ID))(t))
	if !slices.Equal(roles(id, w.Client), []string{"admin"}) || !slices.Equal(roles(info, w.Client), []string{"admin"}) {
		t.Errorf("ID token %v, userinfo %v", roles(id, w.Client), roles(info, w.Client))
	}
	var undone bool
	for _, st := range steps {
		if st.Name == setup.NameMapper && st.Undo != nil {
			if err := st.Undo(t.Context()); err != nil {
				t.Fatal(err)
			}
			undone = true
		}
	}
	if first := firstMissing(check(t, s, w)); !undone || first.Name != setup.NameMapper {
		t.Errorf("undo did not bring the lack back: %+v", first)
	}
}

// TestCheckWithoutRights: an account that sees nothing gets no wrong verdict.
func TestCheckWithoutRights(t *testing.T) {
	t.Parallel()
	s := admin(t)
	w := tutorial(t, s)
	apply(t, s, w)
	r := s.Realm(w.Realm)
	for _, rights := range [][]string{{"query-users", "query-clients"}, {"view-users"}, {"view-clients", "view-realm"}, {"view-users", "view-clients", "view-realm"}} {
		name := "support-" + unique()
		u := must(r.CreateUser(t.Context(), keycloak.NewUser{Username: name, Email: name + "@example.org", FirstName: "S", LastName: "P", EmailVerified: true, Password: password}))(t)
		rm := must(r.ClientByClientID(t.Context(), "realm-management"))(t)
		for _, right := range rights {
			role := must(r.RoleByName(t.Context(), keycloak.OfClient(rm.ID), right))(t)
			must(r.Grant(t.Context(), keycloak.OfUser(u.After.ID), role))(t)
		}
		s2, err := keycloak.New(keycloak.Options{URL: s.URL(), Login: keycloak.Login{Realm: w.Realm, Username: name, Password: password}})
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range check(t, s2, w) {
			if st.State == setup.Missing {
				t.Errorf("with %v step %d (%s) is called missing: %s", rights, st.Number, st.Name, st.Found)
			}
			if st.State == setup.Unknown && st.Needs == "" {
				t.Errorf("with %v step %d (%s) is unknown and does not say what it needs: %s", rights, st.Number, st.Name, st.Found)
			}
			if len(rights) == 3 && st.State != setup.Done {
				t.Errorf("with %v step %d (%s) is %s: %s", rights, st.Number, st.Name, st.State, st.Found)
			}
		}
	}
}

func firstMissing(steps []setup.Step) setup.Step {
	for _, st := range steps {
		if st.State != setup.Done {
			return st
		}
	}
	return setup.Step{}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func roles(claims map[string]any, client string) []string {
	ra, _ := claims["resource_access"].(map[string]any)
	of, _ := ra[client].(map[string]any)
	list, _ := of["roles"].([]any)
	var out []string
	for _, v := range list {
		out = append(out, v.(string))
	}
	return out
}

var (
	formAction = regexp.MustCompile(`(?s)<form[^>]*\saction="([^"]+)"`)
)

// login does what the application and a browser do: the form, the code, the tokens,
// userinfo. Cookies are sent by hand, since Keycloak marks them Secure on plain http.
func login(t *testing.T, s *keycloak.Server, w setup.Wish, secret string) (id, info map[string]any) {
	t.Helper()
	base := s.URL() + "/realms/" + w.Realm + "/protocol/openid-connect/"
	cookies := map[string]string{}
	send := func(method, target string, form url.Values, header http.Header) *http.Response {
		t.Helper()
		var body io.Reader
		if form != nil {
			body = strings.NewReader(form.Encode())
		}
		req := must(http.NewRequest(method, target, body))(t)
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for k, v := range header {
			req.Header[k] = v
		}
		for k, v := range cookies {
			req.AddCookie(&http.Cookie{Name: k, Value: v})
		}
		res := must(http.DefaultTransport.RoundTrip(req))(t)
		for _, c := range res.Cookies() {
			cookies[c.Name] = c.Value
		}
		return res
	}
	read := func(res *http.Response) []byte { defer res.Body.Close(); return must(io.ReadAll(res.Body))(t) }
	page := read(send("GET", base+"auth?"+url.Values{"response_type": {"code"}, "client_id": {w.Client}, "redirect_uri": {callback},
		"scope": {"openid profile email roles"}, "state": {"x"}}.Encode(), nil, nil))
	m := formAction.FindSubmatch(page)
	if m == nil {
		t.Fatalf("no form: %s", page)
	}
	res := send("POST", html.UnescapeString(string(m[1])), url.Values{"username": {"alice"}, "password": {password}}, nil)
	read(res)
	back := must(url.Parse(res.Header.Get("Location")))(t)
	if !strings.HasPrefix(back.String(), callback) || back.Query().Get("code") == "" {
		t.Fatalf("the login ended at %q", back)
	}
	var tok struct {
		Access string `json:"access_token"`
		ID     string `json:"id_token"`
	}
	res = send("POST", base+"token", url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {callback},
		"client_id": {w.Client}, "client_secret": {secret}}, nil)
	if err := json.Unmarshal(read(res), &tok); err != nil || tok.ID == "" {
		t.Fatalf("no tokens: %v %s", err, res.Status)
	}
	parts := strings.Split(tok.ID, ".")
	if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(parts[1]))(t), &id); err != nil {
		t.Fatal(err)
	}
	res = send("GET", base+"userinfo", nil, http.Header{"Authorization": {"Bearer " + tok.Access}})
	if err := json.Unmarshal(read(res), &info); err != nil {
		t.Fatal(err)
	}
	return id, info
}
