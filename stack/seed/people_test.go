package seed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/access/tuple"
	"gatehouse/clients/keto"
	"gatehouse/stack/seed"
	"gatehouse/stack/story"
)

// identity is what Kratos' admin API says about somebody, read with plain HTTP.
type identity struct {
	ID             string
	SchemaID       string `json:"schema_id"`
	State          string
	Traits         map[string]any
	MetadataPublic map[string]any `json:"metadata_public"`
	Addresses      []struct {
		Value    string
		Verified bool
	} `json:"verifiable_addresses"`
}

type session struct {
	Active    bool
	ExpiresAt time.Time `json:"expires_at"`
}

func getJSON(t *testing.T, u string, out any) {
	t.Helper()
	resp, err := http.Get(u)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		t.Fatalf("%s: %d %s", u, resp.StatusCode, b)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
}

func (w *world) identity(t *testing.T, key string) identity {
	t.Helper()
	var i identity
	getJSON(t, w.info.Kratos.AdminURL+"/admin/identities/"+w.first.IDs[key], &i)
	return i
}

// kratosLogin signs in with plain HTTP and answers the status.
func (w *world) kratosLogin(t *testing.T, email, password string) int {
	t.Helper()
	var flow struct{ ID string }
	getJSON(t, w.info.Kratos.PublicURL+"/self-service/login/api", &flow)
	body, _ := json.Marshal(map[string]string{"method": "password", "identifier": email, "password": password})
	resp, err := http.Post(w.info.Kratos.PublicURL+"/self-service/login?flow="+url.QueryEscape(flow.ID), "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode
}

// TestPeople reads everybody back: what the story says is what the server has.
func TestPeople(t *testing.T) {
	w := seeded(t)
	for _, p := range w.st.People {
		i := w.identity(t, p.Key)
		want, _ := json.Marshal(p.AllTraits())
		got, _ := json.Marshal(i.Traits)
		if string(got) != string(want) || i.SchemaID != p.Schema() || (i.State == "active") != p.Active() {
			t.Errorf("%s: %s %s %s\nwant %s", p.Key, i.SchemaID, i.State, got, want)
		}
		if len(i.Addresses) != 1 || i.Addresses[0].Verified != p.IsVerified() {
			t.Errorf("%s: addresses %+v, verified should be %v", p.Key, i.Addresses, p.IsVerified())
		}
		if p.MetadataPublic != nil && fmt.Sprint(i.MetadataPublic) != fmt.Sprint(p.MetadataPublic) {
			t.Errorf("%s: metadata %v", p.Key, i.MetadataPublic)
		}
		w.checkSessions(t, p)
	}
	if info, err := os.Stat(w.opts.PasswordFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with passwords: %v %v", info.Mode(), err)
	}
	for key, want := range map[string]int{"ann": 200, "zoe": 200, "mallory": 200, "bo": 401, "ines": 401} {
		p, _ := w.st.Person(key)
		if got := w.kratosLogin(t, p.Email, w.password(t, key)); got != want {
			t.Errorf("%s signs in to Kratos: %d, want %d", key, got, want)
		}
	}
}

func (w *world) checkSessions(t *testing.T, p story.Person) {
	t.Helper()
	var all []session
	getJSON(t, w.info.Kratos.AdminURL+"/admin/identities/"+w.first.IDs[p.Key]+"/sessions?per_page=200", &all)
	var n story.Sessions
	for _, s := range all {
		switch {
		case s.Active:
			n.Active++
		case s.ExpiresAt.Before(time.Now()):
			n.Expired++
		default:
			n.Revoked++
		}
	}
	p.Sessions.Expired = 0 // see TestExpiredSession
	// Other tests of this package sign in too, so that there may be more.
	if n.Active < p.Sessions.Active || n.Expired < p.Sessions.Expired || n.Revoked < p.Sessions.Revoked {
		t.Errorf("%s: sessions %+v, want %+v", p.Key, n, p.Sessions)
	}
}

// TestCollision proves what the two Rosas are there for: who is named by the e-mail
// without "@" shares a name with a stranger.
func TestCollision(t *testing.T) {
	w := seeded(t)
	stranger, _ := w.st.Person("rosa2")
	rosa, _ := w.st.Person("rosa")
	seedOf := func(p story.Person) string { return strings.ReplaceAll(p.Email, "@", "") }
	if seedOf(stranger) != seedOf(rosa) {
		t.Fatalf("%s and %s do not collide", stranger.Email, rosa.Email)
	}
	home := strings.TrimSuffix(w.homepage(t), "@")
	if got := w.askKeto(t, home+"@${rosa2.seed}"); got != story.Allowed {
		t.Errorf("the stranger under the unsafe name: %s", got)
	}
	if got := w.askKeto(t, home+"@${rosa2}"); got != story.Denied {
		t.Errorf("the stranger under her id: %s", got)
	}
}

// homepage is "app:…#read@" as this run has renamed it.
func (w *world) homepage(t *testing.T) string {
	t.Helper()
	for _, text := range w.st.Tuples {
		if left, _, ok := strings.Cut(text, "${rosa.seed}"); ok {
			return left
		}
	}
	t.Fatal("no tuple about the home page")
	return ""
}

// TestHappyPaths proves that what should work does, at Keto's default depth.
func TestHappyPaths(t *testing.T) {
	w := seeded(t)
	obj := func(ns, name string) string { return ns + ":" + w.word + "-" + name }
	tests := []struct {
		question string
		want     story.Verdict
	}{
		{obj("Doc", "handbook") + "#view@${ben}", story.Allowed},      // staff > eng, through the folder
		{obj("Doc", "handbook") + "#view@${zoe}", story.Denied},       // one group deeper: past the fifth level
		{obj("Doc", "handbook") + "#view@${yusuf}", story.Allowed},    // contractors, directly
		{obj("Doc", "first-day") + "#view@${carl}", story.Allowed},    // two folders up, direct member of staff
		{obj("Doc", "handbook") + "#publish@${grace}", story.Allowed}, // reviewer and owner of the folder
		{obj("Doc", "handbook") + "#publish@${chloe}", story.Denied},  // owner, but no reviewer
		{obj("Doc", "syllabus-go") + "#view@${tomas}", story.Allowed}, // two folders and a group: exactly five
		{obj("Doc", "faq") + "#view@${ivo}", story.Allowed},
		{obj("Doc", "faq") + "#edit@${ivo}", story.Denied},
		{obj("Doc", "q3-report") + "#view@${carla}", story.Allowed},
		{obj("Doc", "roadmap") + "#view@${carla}", story.Allowed},
		{obj("Doc", "roadmap") + "#view@${anna}", story.Allowed},
		{obj("Doc", "ledger-2025") + "#view@${ines}", story.Allowed}, // suspended, but her tuples stand
		{obj("Doc", "runbook") + "#view@${jurgen}", story.Allowed},
		{obj("Project", "console") + "#deploy@${ben}", story.Allowed},
		{obj("Project", "console") + "#deploy@${omar}", story.Allowed}, // administrator of the workspace
		{obj("Project", "billing") + "#deploy@${anna}", story.Allowed},
		{obj("Project", "billing") + "#deploy@${wei}", story.Denied},
		{obj("Project", "billing") + "#view@${wei}", story.Allowed},
		{obj("Group", "eng") + "#invite@${anna}", story.Allowed},
	}
	for _, tt := range tests {
		if got := w.askKeto(t, tt.question); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.question, got, tt.want)
		}
	}
}

// TestRepair damages all three servers and seeds again.
func TestRepair(t *testing.T) {
	w := seeded(t)
	realm := w.opts.Realm
	ben := w.kc.user(t, realm, "ben")
	anna := w.kc.user(t, realm, "anna.berg")
	var groups []struct{ ID, Path string }
	w.kc.get(t, &groups, "%s/users/%s/groups", realm, anna["id"])
	w.kc.do(t, http.MethodDelete, nil, nil, "%s/users/%s", realm, ben["id"])
	w.kc.do(t, http.MethodDelete, nil, nil, "%s/users/%s/groups/%s", realm, anna["id"], groups[0].ID)
	w.kc.do(t, http.MethodDelete, nil, nil, "%s/roles/examiner", realm)
	_, uuid := w.kc.client(t, realm, "gradebook")
	w.kc.do(t, http.MethodPut, map[string]any{"fullScopeAllowed": true}, nil, "%s/clients/%s", realm, uuid)
	gone, err := w.st.Tuple(w.st.Tuples[3], w.id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.c.Keto.Remove(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if _, err := w.c.Kratos.MarkVerified(t.Context(), w.first.IDs["wei"], mail(w, "wei"), false); err != nil {
		t.Fatal(err)
	}
	if _, err := w.c.Kratos.Activate(t.Context(), w.first.IDs["bo"]); err != nil {
		t.Fatal(err)
	}

	r, err := seed.Story(t.Context(), w.c, w.st, w.opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Parts {
		if p.Created+p.Changed == 0 {
			t.Errorf("%s: nothing was repaired", p.Name)
		}
	}
	w.kc.user(t, realm, "ben") // fails the test when he is not there
	w.kc.get(t, &groups, "%s/users/%s/groups", realm, anna["id"])
	if len(groups) != 2 {
		t.Errorf("Anna is in %v", groups)
	}
	var roles []struct{ Name string }
	w.kc.get(t, &roles, "%s/users/%s/role-mappings/realm", realm, w.kc.user(t, realm, "nils.haugen")["id"])
	if !strings.Contains(fmt.Sprint(roles), "examiner") {
		t.Errorf("Nils has %v", roles)
	}
	if c, _ := w.kc.client(t, realm, "gradebook"); c["fullScopeAllowed"] != false {
		t.Error("the gradebook has full scope")
	}
	if copies, err := w.c.Keto.Copies(t.Context(), gone); err != nil || copies[0] != 1 {
		t.Errorf("%d copies of %s, %v", copies[0], gone, err)
	}
	if i := w.identity(t, "wei"); !i.Addresses[0].Verified {
		t.Error("the e-mail of 李伟 is not verified again")
	}
	if i := w.identity(t, "bo"); i.State != "inactive" {
		t.Error("Bo is active")
	}
}

func mail(w *world, key string) string {
	p, _ := w.st.Person(key)
	return p.Email
}

// TestLostPasswords proves that people get new passwords when the file is gone.
func TestLostPasswords(t *testing.T) {
	w := seeded(t)
	before := w.password(t, "hugo")
	if err := os.Remove(w.opts.PasswordFile); err != nil {
		t.Fatal(err)
	}
	if _, err := seed.Story(t.Context(), w.c, w.st, w.opts); err != nil {
		t.Fatal(err)
	}
	now := w.password(t, "hugo")
	if now == before {
		t.Fatal("the password is the old one")
	}
	if got := w.kratosLogin(t, mail(w, "hugo"), now); got != 200 {
		t.Errorf("the new password: %d", got)
	}
	if got := w.kratosLogin(t, mail(w, "hugo"), before); got != 400 {
		t.Errorf("the old password: %d", got)
	}
	if status, _ := w.login(t, "learningPortal", "samir", ""); status != 200 {
		t.Errorf("the new password at Keycloak: %d", status)
	}
}

// TestMissingBackEnds proves that what is not there is left out, with a word.
func TestMissingBackEnds(t *testing.T) {
	r, err := seed.Story(t.Context(), seed.Clients{}, must(story.Load()), seed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Parts {
		if p.Skipped == "" || p.Created > 0 {
			t.Errorf("%+v", p)
		}
	}
	if r.IDs["ann"] != "ann" {
		t.Errorf("without Kratos Ann is %q", r.IDs["ann"])
	}
	if r, err := seed.Many(t.Context(), seed.Clients{}, seed.Counts{Identities: 5, Tuples: 5, Users: 5}, seed.Options{}); err != nil || r.Parts[0].Skipped == "" || r.Parts[2].Skipped == "" {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := seed.Apply(t.Context(), seed.Clients{}, must(story.Load()), seed.Options{}, "ann-q3-report", true); err == nil {
		t.Error("a fix without Keto was applied")
	}
	if _, err := seed.Apply(t.Context(), seed.Clients{}, must(story.Load()), seed.Options{}, "nonsense", true); err == nil {
		t.Error("a fix of no ticket was applied")
	}
}

// TestKetoAlone proves that the story works without Kratos, people named by key.
func TestKetoAlone(t *testing.T) {
	w := seeded(t)
	st, err := renamed(w.word + "k")
	if err != nil {
		t.Fatal(err)
	}
	c := seed.Clients{Keto: w.c.Keto}
	r, err := seed.Story(t.Context(), c, st, seed.Options{})
	if err != nil || r.Parts[1].Created == 0 || len(r.Parts[1].Notes) == 0 {
		t.Fatalf("%+v %v", r.Parts, err)
	}
	t.Cleanup(func() {
		var edits []keto.Edit
		for _, text := range st.Tuples {
			if tp, err := st.Tuple(text, func(k string) (string, error) { return k, nil }); err == nil {
				edits = append(edits, keto.Edit{Op: keto.Delete, Tuple: tp})
			}
		}
		if _, err := w.c.Keto.Apply(context.Background(), edits); err != nil { // t.Context has ended
			t.Error(err)
		}
	})
	q, err := tuple.Parse("Doc:" + w.word + "k-faq#view@ivo")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := w.c.Keto.Check(t.Context(), q, 0); err != nil || !ok {
		t.Errorf("%s: %v %v", q, ok, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
