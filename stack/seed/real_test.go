package seed_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
	"gatehouse/stack"
	"gatehouse/stack/seed"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
)

// world is a stack with a story of this run's own in it: objects, e-mails and the
// realm carry a random word, so that it disturbs nobody else who uses the servers.
type world struct {
	info  stack.Info
	word  string
	st    *story.Story
	c     seed.Clients
	opts  seed.Options
	first seed.Result
	err   error
	kc    *adminHTTP
}

var (
	once   sync.Once
	shared world
)

// seeded gives the world, seeding it for the first test that asks.
func seeded(t *testing.T) *world {
	t.Helper()
	stacktest.Kratos(t)
	stacktest.Keto(t)
	stacktest.Keycloak(t)
	once.Do(func() { shared.err = shared.start() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return &shared
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.word != "" {
		shared.remove()
	}
	os.Exit(code)
}

func (w *world) start() error {
	info, _, err := stacktest.Running()
	if err != nil {
		return err
	}
	w.info, w.word = info, strings.ToLower(rand.Text()[:8])
	if w.st, err = renamed(w.word); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "seed")
	if err != nil {
		return err
	}
	w.opts = seed.Options{PasswordFile: filepath.Join(dir, "people.json"), Realm: "story-" + w.word}
	if w.c, err = connect(info); err != nil {
		return err
	}
	if w.kc, err = newAdminHTTP(info.Keycloak); err != nil {
		return err
	}
	w.first, err = seed.Story(context.Background(), w.c, w.st, w.opts)
	return err
}

// renamed is the story with other objects and e-mails.
func renamed(word string) (*story.Story, error) {
	text := story.Source()
	text = regexp.MustCompile(`\b(Group|Folder|Doc|Workspace|Project|app):([a-z0-9])`).ReplaceAllString(text, "$1:"+word+"-$2")
	text = strings.ReplaceAll(text, ".example", "-"+word+".example")
	text = regexp.MustCompile(`traits: \{username: ([a-z.]+)`).ReplaceAllString(text, "traits: {username: ${1}-"+word)
	text = strings.ReplaceAll(text, "parents@support-desk", "parents@"+word+"-support-desk")
	return story.Parse([]byte(text))
}

func connect(info stack.Info) (seed.Clients, error) {
	http := func(target string) *http.Client {
		return transport.New(transport.Options{Target: target, Timeout: 30 * time.Second})
	}
	var c seed.Clients
	var err error
	if info.Keycloak.Missing == "" {
		if c.Keycloak, err = connectKeycloak(info.Keycloak); err != nil {
			return c, err
		}
	}
	if c.Kratos, err = kratos.New(kratos.Options{AdminURL: info.Kratos.AdminURL, PublicURL: info.Kratos.PublicURL}); err != nil {
		return c, err
	}
	c.Keto, err = keto.New(keto.Options{ReadURL: info.Keto.ReadURL, WriteURL: info.Keto.WriteURL, Read: http("keto read"), Write: http("keto write")})
	return c, err
}

func connectKeycloak(info stack.KeycloakInfo) (*keycloak.Server, error) {
	pw, err := info.Password()
	if err != nil {
		return nil, err
	}
	return keycloak.New(keycloak.Options{URL: info.URL, Login: keycloak.Login{Username: info.AdminUsername, Password: pw},
		Transport: transport.Options{Timeout: 30 * time.Second}})
}

// remove takes away what the run has made.
func (w *world) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, _ = w.c.Keycloak.Realm(w.opts.Realm).DeleteRealm(ctx)
	for _, p := range w.st.People {
		hits, _ := w.c.Kratos.FindExact(ctx, p.Email)
		for _, i := range hits {
			_, _ = w.c.Kratos.Delete(ctx, i.ID)
		}
	}
	var edits []keto.Edit
	for _, text := range w.texts() {
		if tp, err := w.st.Tuple(text, w.id); err == nil {
			edits = append(edits, keto.Edit{Op: keto.Delete, Tuple: tp})
		}
	}
	_, _ = w.c.Keto.Apply(ctx, edits)
	_ = os.RemoveAll(filepath.Dir(w.opts.PasswordFile))
}

// texts are all tuples that the story or a fix may have stored.
func (w *world) texts() []string {
	out := slices.Clone(w.st.Tuples)
	for _, t := range w.st.Tickets {
		for _, f := range t.Fix {
			if f.Tuple != "" && !slices.Contains(out, f.Tuple) {
				out = append(out, f.Tuple)
			}
		}
	}
	return out
}

func (w *world) id(key string) (string, error) { return w.first.IDs[key], nil }

// password reads a person's password from the file, as somebody would who logs in.
func (w *world) password(t *testing.T, key string) string {
	t.Helper()
	b, err := os.ReadFile(w.opts.PasswordFile)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil || m[key] == "" {
		t.Fatalf("no password of %s: %v", key, err)
	}
	return m[key]
}

// ask puts a ticket's question to the real servers with plain HTTP.
func (w *world) ask(t *testing.T, q story.Question) story.Verdict {
	t.Helper()
	if q.Tuple != "" {
		return w.askKeto(t, q.Tuple)
	}
	if q.Keycloak.AsksLogin() {
		status, _ := w.login(t, q.Keycloak.Client, q.Keycloak.User, "")
		return verdict(status == 200)
	}
	return w.askRole(t, *q.Keycloak)
}

func verdict(yes bool) story.Verdict {
	if yes {
		return story.Allowed
	}
	return story.Denied
}

func (w *world) askKeto(t *testing.T, text string) story.Verdict {
	t.Helper()
	tp, err := w.st.Tuple(text, w.id)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(tp)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(w.info.Keto.ReadURL+"/relation-tuples/check/openapi", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		t.Logf("Keto: %d %s", resp.StatusCode, b)
		return story.Unknown
	}
	var answer struct{ Allowed bool }
	if err := json.Unmarshal(b, &answer); err != nil {
		t.Fatal(err)
	}
	return verdict(answer.Allowed)
}

// login asks for a token with a person's password.
func (w *world) login(t *testing.T, client, key, scope string) (int, map[string]any) {
	t.Helper()
	p, _ := w.st.Person(key)
	form := url.Values{"grant_type": {"password"}, "client_id": {client}, "username": {p.Login.Username}, "password": {w.password(t, key)}, "scope": {"openid " + scope}}
	if secret := w.kc.secret(t, w.opts.Realm, client); secret != "" {
		form.Set("client_secret", secret)
	}
	resp, err := http.PostForm(w.info.Keycloak.URL+"/realms/"+w.opts.Realm+"/protocol/openid-connect/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var body map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Logf("Keycloak: %d %v", resp.StatusCode, body)
	}
	return resp.StatusCode, body
}

// askRole looks for a role in the token that Keycloak would give, and where the
// client takes passwords in the token that it does give.
func (w *world) askRole(t *testing.T, q story.LoginOrRoleAsk) story.Verdict {
	t.Helper()
	p, _ := w.st.Person(q.User)
	claims := w.kc.preview(t, w.opts.Realm, q.Client, p.Login.Username, q.Token, q.Scope)
	has := hasRole(claims, q)
	client, _ := w.kc.client(t, w.opts.Realm, q.Client)
	if client["directAccessGrantsEnabled"] == true && q.Token == "access" {
		status, tokens := w.login(t, q.Client, q.User, q.Scope)
		if status != 200 {
			t.Fatalf("%s cannot log in to %s", q.User, q.Client)
		}
		if real := hasRole(decode(t, tokens["access_token"].(string)), q); real != has {
			t.Errorf("the preview says %v, the real token %v", has, real)
		}
	}
	return verdict(has)
}

func hasRole(claims map[string]any, q story.LoginOrRoleAsk) bool {
	in := claims
	name := q.RealmRole
	if q.Role != "" {
		in, _ = claims["resource_access"].(map[string]any)
		in, _ = in[q.Client].(map[string]any)
		name = q.Role
	} else {
		in, _ = claims["realm_access"].(map[string]any)
	}
	roles, _ := in["roles"].([]any)
	return slices.Contains(roles, any(name))
}
