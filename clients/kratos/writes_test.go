package kratos_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
)

// scene is what a write of the table finds.
type scene struct {
	*world
	who     kratos.Identity // with a password, metadata, a provider and one address
	mail    string
	provid  string // its provider's identifier
	token   string // of a live session
	session string
	made    kratos.Recovery // by the writes that make one
}

func (w *world) scene() *scene {
	s := &scene{world: w, mail: unmail("w")}
	sub := unique("sub")
	s.provid = "corp:" + sub
	s.who = w.person(kratos.NewIdentity{SchemaID: "staff", Traits: staffTraits(s.mail), Password: goodPassword,
		MetadataPublic: json.RawMessage(`{"p":1}`), MetadataAdmin: json.RawMessage(`{"a":1}`), OIDC: []kratos.OIDCLink{{Provider: "corp", Subject: sub}}})
	s.token, s.session = w.signIn(s.mail, goodPassword)
	return s
}

// write is one write, and how the server looks afterwards. do returns the kind of
// before-image it got: whether there was one.
type write struct {
	name string
	do   func(*scene) (before bool, err error)
	want func(*scene, map[string]any) bool // sees the identity as stored
}

func had(ch clients.Change[kratos.Identity], err error) (bool, error) { return ch.Before.ID != "", err }

// writes is every write of the package on one identity or session.
var writes = []write{
	{"Edit traits", func(s *scene) (bool, error) {
		return had(s.Edit(bg, s.who.ID, kratos.Edit{Traits: json.RawMessage(`{"email":"` + s.mail + `","name":{"first":"Bo","last":"Li"},"department":"sales","skills":["a","b"]}`)}))
	}, func(s *scene, v map[string]any) bool {
		return at(v, "traits", "name", "first") == "Bo" && at(v, "traits", "skills", 1) == "b" && at(v, "metadata_public", "p") == 1.0
	}},
	{"Edit metadata", func(s *scene) (bool, error) {
		return had(s.Edit(bg, s.who.ID, kratos.Edit{MetadataPublic: json.RawMessage(`{"x":[1,2]}`), MetadataAdmin: json.RawMessage("null")}))
	}, func(s *scene, v map[string]any) bool {
		return at(v, "metadata_public", "x", 1) == 2.0 && at(v, "metadata_public", "p") == nil && v["metadata_admin"] == nil
	}},
	{"Edit schema", func(s *scene) (bool, error) {
		return had(s.Edit(bg, s.who.ID, kratos.Edit{SchemaID: "default", Traits: traits(s.mail)}))
	}, func(s *scene, v map[string]any) bool {
		return v["schema_id"] == "default" && at(v, "traits", "department") == nil
	}},
	{"SetState", func(s *scene) (bool, error) { return had(s.SetState(bg, s.who.ID, kratos.Inactive)) },
		func(s *scene, v map[string]any) bool { return v["state"] == "inactive" && !s.letsIn(s.token) }},
	{"Suspend", func(s *scene) (bool, error) {
		r, err := s.Suspend(bg, s.who.ID)
		return r.Before.ID != "" && r.Ended.Total == 1, err
	}, func(s *scene, v map[string]any) bool { return v["state"] == "inactive" && s.sessions() == 0 }},
	{"Activate", func(s *scene) (bool, error) {
		if _, err := s.Suspend(bg, s.who.ID); err != nil {
			return false, err
		}
		r, err := s.Activate(bg, s.who.ID)
		return r.Before.State == kratos.Inactive, err
	}, func(s *scene, v map[string]any) bool { return v["state"] == "active" && !s.letsIn(s.token) }},
	{"MarkVerified", func(s *scene) (bool, error) {
		return had(s.MarkVerified(bg, s.who.ID, strings.ToUpper(s.mail), true))
	},
		func(s *scene, v map[string]any) bool {
			return at(v, "verifiable_addresses", 0, "verified") == true && at(v, "verifiable_addresses", 0, "status") == "completed"
		}},
	{"MarkVerified false", func(s *scene) (bool, error) {
		if _, err := s.MarkVerified(bg, s.who.ID, s.mail, true); err != nil {
			return false, err
		}
		return had(s.MarkVerified(bg, s.who.ID, s.mail, false))
	}, func(s *scene, v map[string]any) bool {
		return at(v, "verifiable_addresses", 0, "verified") == false && at(v, "verifiable_addresses", 0, "status") == "pending"
	}},
	{"SetPassword", func(s *scene) (bool, error) { return had(s.SetPassword(bg, s.who.ID, "another horse 43")) },
		func(s *scene, v map[string]any) bool {
			token, _ := s.signIn(s.mail, "another horse 43")
			return s.letsIn(token) && s.letsIn(s.token) && at(v, "metadata_admin", "a") == 1.0
		}},
	{"AddOIDC", func(s *scene) (bool, error) {
		return had(s.AddOIDC(bg, s.who.ID, kratos.OIDCLink{Provider: "second", Subject: s.mail}))
	}, func(s *scene, v map[string]any) bool {
		ids, _ := at(v, "credentials", "oidc", "identifiers").([]any)
		return slices.Contains(ids, any("second:"+s.mail)) && slices.Contains(ids, any(s.provid))
	}},
	{"DeleteCredential oidc", func(s *scene) (bool, error) {
		return had(s.DeleteCredential(bg, s.who.ID, kratos.OIDC, s.provid))
	}, func(s *scene, v map[string]any) bool {
		ids, _ := at(v, "credentials", "oidc", "identifiers").([]any)
		return !slices.Contains(ids, any(s.provid))
	}},
	{"RevokeSession", func(s *scene) (bool, error) {
		ch, err := s.RevokeSession(bg, s.session)
		return ch.Before.Active, err
	}, func(s *scene, _ map[string]any) bool { return !s.letsIn(s.token) && s.sessions() == 0 }},
	{"EndSessions", func(s *scene) (bool, error) {
		e, err := s.EndSessions(bg, s.who.ID)
		return len(e.Sessions) == 1 && e.Sessions[0].ID == s.session, err
	}, func(s *scene, _ map[string]any) bool { return !s.letsIn(s.token) && s.sessions() == 0 }},
	{"ExtendSession", func(s *scene) (bool, error) {
		e, err := s.ExtendSession(bg, s.session)
		return e.Before.ID == s.session && e.After.ExpiresAt.Compare(e.Before.ExpiresAt) >= 0, err
	}, func(s *scene, _ map[string]any) bool { return s.letsIn(s.token) }},
	{"RevokeSessions", func(s *scene) (bool, error) { return true, s.RevokeSessions(bg, []string{s.session})[0].Err },
		func(s *scene, _ map[string]any) bool { return !s.letsIn(s.token) }},
	{"EndSessionsOf", func(s *scene) (bool, error) { return true, s.EndSessionsOf(bg, []string{s.who.ID})[0].Err },
		func(s *scene, _ map[string]any) bool { return !s.letsIn(s.token) }},
	{"RecoveryCode", func(s *scene) (bool, error) {
		r, err := s.RecoveryCode(bg, s.who.ID, kratos.RecoveryOptions{Life: time.Hour, API: true})
		s.made = r
		return r.Code != "" && r.Link != "", err
	}, func(s *scene, _ map[string]any) bool {
		// The code really lets the person in.
		u := must(url.Parse(s.made.Link.Reveal()))
		_, text := rawText(s.t, "POST", s.public+"/self-service/recovery?"+u.RawQuery, map[string]string{"method": "code", "code": s.made.Code.Reveal()})
		return strings.Contains(text, "ory_session_token")
	}},
	{"RecoveryLink", func(s *scene) (bool, error) {
		r, err := s.RecoveryLink(bg, s.who.ID, kratos.RecoveryOptions{Life: time.Hour})
		s.made = r
		return r.Link != "", err
	}, func(s *scene, _ map[string]any) bool {
		// The link really lets the person in: by a session cookie and on to the settings.
		stay := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp := must(stay.Get(s.made.Link.Reveal()))
		resp.Body.Close()
		return strings.Contains(resp.Header.Get("Location"), "/settings") && slices.ContainsFunc(resp.Cookies(), func(c *http.Cookie) bool { return c.Name == "ory_kratos_session" })
	}},
	{"TryLogin", func(s *scene) (bool, error) {
		l, err := s.TryLogin(bg, s.mail, goodPassword)
		return l.OK && l.Ended, err
	}, func(s *scene, _ map[string]any) bool { return s.letsIn(s.token) && s.sessions() == 1 }},
	{"Create", func(s *scene) (bool, error) {
		i, err := s.Create(bg, kratos.NewIdentity{SchemaID: "default", Traits: traits("made-" + s.mail), State: kratos.Inactive})
		if err == nil {
			s.remove(i.ID)
		}
		return true, err
	}, func(s *scene, _ map[string]any) bool { return s.known("made-"+s.mail) == 1 }},
	{"CreateBatch", func(s *scene) (bool, error) {
		out := s.CreateBatch(bg, []kratos.NewIdentity{{SchemaID: "default", Traits: traits("b1-" + s.mail)}, {SchemaID: "default", Traits: traits("b2-" + s.mail)}})
		for _, o := range out {
			if o.ID != "" {
				s.remove(o.ID)
			}
		}
		return true, out[0].Err
	}, func(s *scene, _ map[string]any) bool { return s.known("b1-"+s.mail) == 1 && s.known("b2-"+s.mail) == 1 }},
	{"Import", func(s *scene) (bool, error) {
		var err error
		for r := range s.Import(bg, slices.Values([]kratos.NewIdentity{{SchemaID: "default", Traits: traits("i-" + s.mail)}}), kratos.ImportOptions{}) {
			if err = r.Err; r.ID != "" {
				s.remove(r.ID)
			}
		}
		return true, err
	}, func(s *scene, _ map[string]any) bool { return s.known("i-"+s.mail) == 1 }},
	{"Delete", func(s *scene) (bool, error) {
		before, err := s.Delete(bg, s.who.ID)
		return before.ID == s.who.ID && before.MetadataAdmin != nil, err
	}, func(s *scene, v map[string]any) bool { return v == nil }},
}

// sessions counts the live sessions of the identity, without our code.
func (s *scene) sessions() int {
	_, v := raw(s.t, "GET", s.admin+"/admin/identities/"+s.who.ID+"/sessions?active=true&per_page=50", nil)
	list, _ := v["list"].([]any)
	return len(list)
}

// known counts the identities with a login name, without our code.
func (s *scene) known(mail string) int {
	_, v := raw(s.t, "GET", s.admin+"/admin/identities?credentials_identifier="+mail, nil)
	list, _ := v["list"].([]any)
	return len(list)
}

// TestEveryWrite does each write on the real server and reads back what it did with
// plain net/http.
func TestEveryWrite(t *testing.T) {
	w := real(t)
	for _, tt := range writes {
		t.Run(tt.name, func(t *testing.T) {
			w := *w
			w.t = t
			s := w.scene()
			before, err := tt.do(s)
			if err != nil || !before {
				t.Fatalf("before-image %v, %v", before, err)
			}
			status, v := raw(t, "GET", s.admin+"/admin/identities/"+s.who.ID, nil)
			if status == 404 {
				v = nil
			}
			if !tt.want(s, v) {
				t.Errorf("the server has %v", v)
			}
		})
	}
}

// TestReadOnlyContext: not one of them gets through when the context is read-only,
// and the server is as it was.
func TestReadOnlyContext(t *testing.T) {
	w := real(t)
	s := w.scene()
	ro := connect(t, w.admin, w.public, transport.Options{ReadOnly: true})
	before := w.stored(s.who.ID)
	for _, tt := range writes {
		if tt.name == "MarkVerified false" || tt.name == "Activate" {
			continue // their first step is refused, which others test
		}
		copied := *s
		copied.world = ro
		_, err := tt.do(&copied)
		p := kind(t, err, clients.Denied)
		contains(t, p.Reason, "read-only")
	}
	now := w.stored(s.who.ID)
	b1, _ := json.Marshal(before)
	b2, _ := json.Marshal(now)
	if string(b1) != string(b2) || !w.letsIn(s.token) || s.known("made-"+s.mail) != 0 {
		t.Errorf("something changed:\n%s\n%s", b1, b2)
	}
	for _, e := range ro.log.Entries() {
		if e.Write && e.Status != 0 {
			t.Errorf("%s %s reached the server", e.Method, e.URL)
		}
	}
	// What only reads still works.
	_, err := ro.Get(bg, s.who.ID)
	ok(t, err)
	_, err = ro.Schemas(bg)
	ok(t, err)
	_, err = ro.Whoami(bg, kratos.Token{Session: clients.Secret(s.token)}, "")
	ok(t, err)
}

// TestCreateEverything: each part of a new identity arrives.
func TestCreateEverything(t *testing.T) {
	w := real(t)
	mail := unmail("full")
	var n kratos.NewIdentity
	body := `{"schema_id":"staff","state":"inactive","traits":` + string(staffTraits(mail)) + `,"metadata_public":{"big":9007199254740993},"metadata_admin":["x"],
		"credentials":{"password":{"config":{"password":"` + goodPassword.Reveal() + `"}},"oidc":{"config":{"providers":[{"provider":"corp","subject":"` + mail + `"}]}}},
		"verifiable_addresses":[{"value":"` + mail + `","via":"email","verified":true,"status":"completed"}],"recovery_addresses":[{"value":"` + mail + `","via":"email"}]}`
	ok(t, json.Unmarshal([]byte(body), &n))
	i := w.person(n)
	_, text := rawText(t, "GET", w.admin+"/admin/identities/"+i.ID, nil)
	for _, part := range []string{`"state":"inactive"`, `"big":9007199254740993`, `"metadata_admin":["x"]`, `"corp:` + mail, `"verified":true`, `"department":"legal"`} {
		contains(t, text, part)
	}
	if i.Name() != "Ann Lee" || i.Emails()[0] != mail || i.Label() != "Ann Lee" {
		t.Errorf("name %q, mails %v", i.Name(), i.Emails())
	}
	_, err := w.Activate(bg, i.ID)
	ok(t, err)
	w.signIn(mail, goodPassword)
	if err := json.Unmarshal([]byte(`{"traits":{},"surprise":1}`), &n); err == nil || !strings.Contains(err.Error(), "surprise") {
		t.Errorf("an unknown key: %v", err)
	}
	_, err = w.Create(bg, kratos.NewIdentity{Traits: traits(unmail("x")), ExternalID: "e"})
	if err != nil {
		contains(t, kind(t, err, clients.Invalid).Hint, "25.4")
	}
	_, err = w.Create(bg, kratos.NewIdentity{Traits: traits(unmail("x")), Password: "long enough", PasswordHash: "$2a$"})
	kind(t, err, clients.Invalid)
}

// TestLookupSecrets sets up recovery codes as a person does, and takes them away.
// The server would give the codes in clear to whoever asks for them.
func TestLookupSecrets(t *testing.T) {
	w := real(t)
	s := w.scene()
	settings := func() {
		t.Helper()
		_, flow := raw(t, "GET", w.public+"/self-service/settings/api", nil, "X-Session-Token", s.token)
		id, _ := flow["id"].(string)
		for _, step := range []string{"lookup_secret_regenerate", "lookup_secret_confirm"} {
			if status, v := raw(t, "POST", w.public+"/self-service/settings?flow="+id, map[string]any{"method": "lookup_secret", step: true}, "X-Session-Token", s.token); status != 200 {
				t.Fatalf("%s: %d %v", step, status, v)
			}
		}
	}
	settings()
	_, text := rawText(t, "GET", w.admin+"/admin/identities/"+s.who.ID+"?include_credential=lookup_secret", nil)
	if !strings.Contains(text, "recovery_codes") {
		t.Fatalf("no codes were made: %s", text)
	}
	r, err := w.Readiness(bg, s.who.ID)
	if err != nil || !r.LookupSecret || !r.SecondFactor() || !r.Password || len(r.Providers) != 1 {
		t.Errorf("readiness %+v %v", r, err)
	}
	b, _ := json.Marshal(mustGet(w, s.who.ID))
	if strings.Contains(string(b), "recovery_codes") {
		t.Error("the identity holds its recovery codes")
	}
	ch, err := w.DeleteCredential(bg, s.who.ID, kratos.LookupSecret, "")
	ok(t, err)
	if _, has := ch.After.Credentials.Of(kratos.LookupSecret); has {
		t.Errorf("still there: %v", ch.After.Credentials.Types())
	}
	if r, _ = w.Readiness(bg, s.who.ID); r.SecondFactor() {
		t.Errorf("readiness %+v", r)
	}
}
