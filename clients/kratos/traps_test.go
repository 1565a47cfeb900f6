package kratos_test

// The traps that mislead: wrong addresses, lists that lie, writes that are refused
// in words nobody understands. All on the real server.

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
)

// The two listeners are often mixed up; each redirects to where the server believes
// the other to be. With other addresses than the server knows, that is elsewhere.
func TestWrongPort(t *testing.T) {
	w := real(t)
	mixed := connect(t, proxyTo(t, w.public, nil), proxyTo(t, w.admin, nil), transport.Options{})
	_, err := mixed.List(bg, "")
	contains(t, kind(t, err, clients.Unreachable).Hint, "looks like the public port")
	contains(t, err.(*clients.Problem).Hint, w.admin)
	_, err = mixed.Create(bg, kratos.NewIdentity{Traits: traits(unmail("x"))})
	kind(t, err, clients.Unreachable)
	_, err = mixed.Schemas(bg)
	contains(t, kind(t, err, clients.Unreachable).Hint, "looks like the admin port")

	none := connect(t, "", "", transport.Options{})
	_, err = none.Count(bg)
	contains(t, kind(t, err, clients.Unreachable).Hint, "kratos.admin_url")
	_, err = none.Schemas(bg)
	contains(t, kind(t, err, clients.Unreachable).Hint, "kratos.public_url")
	_, err = none.Whoami(bg, kratos.Token{Session: "x"}, "")
	kind(t, err, clients.Unreachable)
}

// Schemas are read at our own address, though each identity names another.
func TestSchemas(t *testing.T) {
	w := real(t)
	tunnel := connect(t, proxyTo(t, w.admin, nil), proxyTo(t, w.public, nil), transport.Options{})
	all, err := tunnel.Schemas(bg)
	ok(t, err)
	if ids := schemaIDs(all); !slices.Contains(ids, "default") || !slices.Contains(ids, "staff") {
		t.Fatalf("schemas %v", ids)
	}
	one, err := tunnel.Schema(bg, "staff")
	ok(t, err)
	_, text := rawText(t, "GET", w.public+"/schemas/staff", nil)
	if strings.TrimSpace(string(one.Schema)) != strings.TrimSpace(text) || one.ID != "staff" {
		t.Error("the schema is not what the server has")
	}
	_, err = tunnel.Schema(bg, "nosuch")
	kind(t, err, clients.NotFound)
}

func schemaIDs(all []kratos.Schema) (ids []string) {
	for _, s := range all {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestHealth(t *testing.T) {
	w := real(t)
	for name, ask := range map[string]func() error{"ready": func() error { return w.Ready(bg) }, "alive": func() error { return w.Alive(bg) }, "public": func() error { return w.PublicReady(bg) }} {
		if err := ask(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	v, err := w.Version(bg)
	if err != nil || v == "" {
		t.Errorf("version %q %v", v, err)
	}
	m, err := w.Metrics(bg)
	ok(t, err)
	contains(t, m, "go_goroutines")
}

// Walking the list meets everybody once, page by page; a plain list has no
// credentials, and one with them has no configuration of any.
func TestWalk(t *testing.T) {
	w := real(t)
	run := unique("walk")
	want := map[string]bool{}
	for n := range 5 {
		want[w.person(kratos.NewIdentity{Password: goodPassword, Traits: traits(run + string(rune('a'+n)) + "@gatehouse.test")}).ID] = true
	}
	for _, q := range []kratos.Query{{PageSize: 2, Prefix: run}, {PageSize: 5, Prefix: run}, {PageSize: 500}, {PageSize: 500, WithCredentials: true}} {
		seen := map[string]bool{}
		for i, err := range clients.Each(bg, w.Fetch(q)) {
			ok(t, err)
			if seen[i.ID] {
				t.Fatalf("%s came twice", i.ID)
			}
			if seen[i.ID] = true; !want[i.ID] {
				if q.Prefix != "" {
					t.Errorf("%+v found %s", q, i.Traits)
				}
				continue
			}
			with := q.WithCredentials || q.Prefix != ""
			if with != (i.Credentials != nil) {
				t.Errorf("%+v: credentials %v", q, i.Credentials)
			}
			if c, has := i.Credentials.Of(kratos.Password); with && (!has || len(c.Identifiers) != 1) {
				t.Errorf("credentials %v", i.Credentials)
			}
		}
		for id := range want {
			if !seen[id] {
				t.Errorf("%+v did not meet %s", q, id)
			}
		}
	}
	// Page by page, each fetched again from its cursor, by List and by a Fetch that has
	// read another page ahead.
	fetch := w.Fetch(kratos.Query{Prefix: run, PageSize: 2})
	first, err := fetch(bg, "")
	ok(t, err)
	second, err := fetch(bg, first.Next)
	ok(t, err)
	for _, again := range []string{"", first.Next, "", second.Next, first.Next} {
		got, err := fetch(bg, again)
		ok(t, err)
		direct, err := w.Identities(bg, kratos.Query{Prefix: run, PageSize: 2}, again)
		if err != nil || len(got.Items) != len(direct.Items) || got.Items[0].ID != direct.Items[0].ID || got.Next != direct.Next {
			t.Errorf("cursor %q: %v, %v; %v", again, got, direct, err)
		}
	}
	for _, e := range w.log.Entries() {
		for _, secret := range []string{"include_credential=password", "include_credential=lookup", "include_credential=totp", "include_credential=oidc"} {
			if strings.Contains(e.URL, secret) {
				t.Errorf("a list asked for %s", e.URL)
			}
		}
	}
	n, err := w.Count(bg)
	if err != nil || n < len(want) {
		t.Errorf("count %d %v", n, err)
	}
	_, err = w.Identities(bg, kratos.Query{}, "no token")
	contains(t, kind(t, err, clients.Invalid).Hint, "first page")
}

// Searching knows whole login names and their beginnings, and never means
// "everybody" by nothing.
func TestSearch(t *testing.T) {
	w := real(t)
	name, sub := unique("find"), unique("Sub")
	a := w.person(kratos.NewIdentity{Traits: traits(name + "-A@gatehouse.test"), OIDC: []kratos.OIDCLink{{Provider: "corp", Subject: sub}}})
	b := w.person(kratos.NewIdentity{Traits: traits(name + "-b@gatehouse.test")})
	one := func(got []kratos.Identity, err error) string {
		t.Helper()
		ok(t, err)
		if len(got) != 1 {
			t.Fatalf("%d found", len(got))
		}
		return got[0].ID
	}
	if one(w.FindExact(bg, " "+strings.ToUpper(name)+"-a@GATEHOUSE.test ")) != a.ID || one(w.FindExact(bg, "corp:"+sub)) != a.ID {
		t.Error("another was found")
	}
	for _, none := range []string{"", "  ", name, "corp:" + strings.ToLower(sub)} {
		if got, err := w.FindExact(bg, none); err != nil || len(got) != 0 {
			t.Errorf("FindExact(%q) = %d, %v", none, len(got), err)
		}
		if none == name || none == "" {
			continue
		}
	}
	page, err := w.FindPrefix(bg, strings.ToUpper(name), "")
	if err != nil || len(page.Items) != 2 {
		t.Errorf("prefix: %d %v", len(page.Items), err)
	}
	for _, none := range []string{"", " ", "atehouse.test", "%", "_"} {
		if page, err := w.FindPrefix(bg, none, ""); err != nil || len(page.Items) != 0 {
			t.Errorf("FindPrefix(%q) = %d, %v", none, len(page.Items), err)
		}
	}
	page, err = w.Identities(bg, kratos.Query{IDs: []string{a.ID, b.ID, "00000000-0000-4000-8000-000000000000"}}, "")
	if err != nil || len(page.Items) != 2 || page.Next != "" {
		t.Errorf("by ids: %d %q %v", len(page.Items), page.Next, err)
	}
	_, err = w.Identities(bg, kratos.Query{Identifier: "a", Prefix: "b"}, "")
	contains(t, kind(t, err, clients.Invalid).Reason, "cannot combine filters")
	_, err = w.Identities(bg, kratos.Query{IDs: make([]string, 501)}, "")
	kind(t, err, clients.Invalid)
	// Kratos 1.3 does not know the filter and answers with everybody.
	if page, err = w.Identities(bg, kratos.Query{OrganizationID: "00000000-0000-4000-8000-000000000000"}, ""); err == nil && len(page.Items) > 0 {
		t.Errorf("%d identities of no organization", len(page.Items))
	}
}

// The sessions of one identity are paged wrongly by Kratos 1.3: pages 0 and 1 are the
// same, and who follows its links never sees the last.
func TestIdentitySessionPages(t *testing.T) {
	w := real(t)
	i := w.person(kratos.NewIdentity{Password: goodPassword})
	var made []string
	for range 5 {
		_, id := w.signIn(i.Emails()[0], goodPassword)
		made = append(made, id)
	}
	slices.Reverse(made) // newest first
	for _, size := range []int{1, 2, 3, 4, 5, 6} {
		var got []string
		for s, err := range clients.Each(bg, func(c context.Context, cursor string) (clients.Page[kratos.Session], error) {
			return w.IdentitySessions(c, i.ID, kratos.SessionQuery{PageSize: size}, cursor)
		}) {
			ok(t, err)
			got = append(got, s.ID)
			if s.Identity == nil || len(s.Devices) == 0 || strings.Contains(s.Devices[0].IPAddress, ":") || s.AAL != "aal1" || len(s.Methods) != 1 || !s.Live(time.Now()) {
				t.Fatalf("session %+v", s)
			}
		}
		if !slices.Equal(got, made) {
			t.Errorf("pages of %d: %d sessions %v, want %v", size, len(got), got, made)
		}
	}
	page, err := w.IdentitySessions(bg, "00000000-0000-4000-8000-000000000000", kratos.SessionQuery{PageSize: 1}, "")
	if err != nil || len(page.Items) != 0 || page.Next != "" {
		t.Errorf("of nobody: %+v %v", page, err)
	}
	for _, cursor := range []string{"x", "0:a", "-1:a", "3"} {
		_, err = w.IdentitySessions(bg, i.ID, kratos.SessionQuery{}, cursor)
		kind(t, err, clients.Invalid)
	}
	last, err := w.LastSignIn(bg, i.ID)
	if err != nil || time.Since(last) > time.Hour {
		t.Errorf("last sign-in %v %v", last, err)
	}
}

func TestSessions(t *testing.T) {
	w := real(t)
	i := w.person(kratos.NewIdentity{Password: goodPassword})
	mail := i.Emails()[0]
	token, id := w.signIn(mail, goodPassword)
	page, err := w.Sessions(bg, kratos.SessionQuery{Identity: true, Devices: true, PageSize: 500}, "")
	ok(t, err)
	at := slices.IndexFunc(page.Items, func(s kratos.Session) bool { return s.ID == id })
	if at < 0 || page.Items[at].Identity == nil || page.Items[at].Identity.ID != i.ID || len(page.Items[at].Devices) != 1 {
		t.Fatalf("session %d of %d", at, len(page.Items))
	}
	if plain, err := w.Sessions(bg, kratos.SessionQuery{PageSize: 1}, ""); err != nil || len(plain.Items) != 1 || plain.Items[0].Identity != nil {
		t.Errorf("plain list: %+v %v", plain, err)
	}
	// "Extend" is answered with success and does nothing while the session is young.
	e, err := w.ExtendSession(bg, id)
	ok(t, err)
	if now, _ := w.Session(bg, id); e.Extended != now.ExpiresAt.After(e.Before.ExpiresAt) || e.After.ExpiresAt != now.ExpiresAt {
		t.Errorf("extended=%v: %v → %v", e.Extended, e.Before.ExpiresAt, now.ExpiresAt)
	}
	ch, err := w.RevokeSession(bg, id)
	if err != nil || !ch.Before.Active || ch.After.Active || w.letsIn(token) {
		t.Errorf("revoke: %v %+v", err, ch)
	}
	if e, err = w.ExtendSession(bg, id); err == nil && e.Extended {
		t.Error("a revoked session was extended")
	}
	_, err = w.RevokeSession(bg, "00000000-0000-4000-8000-000000000000")
	kind(t, err, clients.NotFound)
	if end, err := w.EndSessions(bg, i.ID); err != nil || end.Total != 0 {
		t.Errorf("end none: %+v %v", end, err)
	}
	if end, err := w.EndSessions(bg, "00000000-0000-4000-8000-000000000000"); err != nil || end.Total != 0 {
		t.Errorf("end those of nobody: %+v %v", end, err)
	}
	var tokens, ids []string
	for range 3 {
		token, id := w.signIn(mail, goodPassword)
		tokens, ids = append(tokens, token), append(ids, id)
	}
	out := w.RevokeSessions(bg, append(ids[:2:2], "00000000-0000-4000-8000-000000000000"))
	if len(kratos.Failed(out)) != 1 || !clients.Is(out[2].Err, clients.NotFound) || w.letsIn(tokens[0]) || w.letsIn(tokens[1]) || !w.letsIn(tokens[2]) {
		t.Errorf("revoke many: %+v", out)
	}
	if out = w.EndSessionsOf(bg, []string{i.ID}); out[0].Err != nil || w.letsIn(tokens[2]) {
		t.Errorf("end of many: %+v", out)
	}
}

// What Kratos says of a token is one text for many causes, and an error only when
// nobody answered.
func TestWhoami(t *testing.T) {
	w := real(t)
	i := w.person(kratos.NewIdentity{Password: goodPassword})
	token, id := w.signIn(i.Emails()[0], goodPassword)
	in := kratos.Token{Session: clients.Secret(token)}
	got, err := w.Whoami(bg, in, "")
	if err != nil || got.Standing != kratos.SignedIn || got.Session.ID != id || got.Session.Identity.ID != i.ID || !json.Valid(got.Raw) {
		t.Fatalf("%+v %v", got, err)
	}
	if jwt, err := w.Whoami(bg, in, "gatehouse"); err != nil || strings.Count(jwt.Tokenized.Reveal(), ".") != 2 || strings.Contains(string(jwt.Raw), "tokenized") {
		t.Errorf("tokenized %v %v", jwt.Tokenized, err)
	}
	_, err = w.Whoami(bg, in, "nosuch")
	contains(t, kind(t, err, clients.Invalid).Reason, "nosuch")
	for _, bad := range []kratos.Token{{}, {Session: "a", Cookie: "b"}} {
		_, err = w.Whoami(bg, bad, "")
		kind(t, err, clients.Invalid)
	}
	for _, wrong := range []kratos.Token{{Session: "ory_st_wrong"}, {Cookie: "wrong"}} {
		if got, err = w.Whoami(bg, wrong, ""); err != nil || got.Standing != kratos.NoSession || got.Reason == "" {
			t.Errorf("wrong token: %+v %v", got, err)
		}
	}
	// An error page in between is not "nobody is signed in".
	gateway := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(must(url.Parse("http://127.0.0.1:1"))) }})
	defer gateway.Close()
	_, err = connect(t, "", gateway.URL, transport.Options{Retries: -1}).Whoami(bg, in, "")
	kind(t, err, clients.Unreachable)
	for _, e := range w.log.Entries() {
		if strings.Contains(e.URL+e.Error, token) {
			t.Error("the token is in the log")
		}
	}
}

func TestTryLogin(t *testing.T) {
	w := real(t)
	i := w.person(kratos.NewIdentity{Password: goodPassword})
	mail := i.Emails()[0]
	got, err := w.TryLogin(bg, mail, goodPassword)
	if err != nil || !got.OK || !got.Ended || got.Session.Identity.ID != i.ID {
		t.Fatalf("%+v %v", got, err)
	}
	if s, err := w.Session(bg, got.Session.ID); err != nil || s.Active {
		t.Errorf("a session was left behind: %+v %v", s, err)
	}
	public := connect(t, "", w.public, transport.Options{})
	if got, err = public.TryLogin(bg, mail, goodPassword); err != nil || !got.OK || !got.Ended {
		t.Errorf("without the admin port: %+v %v", got, err)
	}
	if page, _ := w.IdentitySessions(bg, i.ID, kratos.SessionQuery{Active: new(true)}, ""); len(page.Items) != 0 {
		t.Errorf("%d sessions were left behind", len(page.Items))
	}
	for _, wrong := range []string{mail, unmail("nobody")} {
		if got, err = w.TryLogin(bg, wrong, "wrong horse 42"); err != nil || got.OK || got.MessageID != 4000006 || got.Reason == "" {
			t.Errorf("wrong: %+v %v", got, err)
		}
	}
	_, err = w.Suspend(bg, i.ID)
	ok(t, err)
	got, err = w.TryLogin(bg, mail, goodPassword)
	if err != nil || got.OK {
		t.Fatalf("suspended: %+v %v", got, err)
	}
	contains(t, got.Reason, "disabled")
	_, err = w.TryLogin(bg, mail, "")
	kind(t, err, clients.Invalid)
}

func TestRecovery(t *testing.T) {
	w := real(t)
	i := w.person(kratos.NewIdentity{})
	code, err := w.RecoveryCode(bg, i.ID, kratos.RecoveryOptions{Life: 30 * time.Minute})
	ok(t, err)
	if len(code.Code.Reveal()) != 6 || !strings.HasPrefix(code.Link.Reveal(), "http") || time.Until(code.Expires) > 31*time.Minute || time.Until(code.Expires) < 25*time.Minute {
		t.Errorf("code of %d digits, expires %v", len(code.Code.Reveal()), code.Expires)
	}
	if b, _ := json.Marshal(code); strings.Contains(string(b), code.Code.Reveal()) {
		t.Error("the code is shown unasked")
	}
	link, err := w.RecoveryLink(bg, i.ID, kratos.RecoveryOptions{ReturnTo: "http://127.0.0.1:4455/x"})
	if err != nil || !strings.Contains(link.Link.Reveal(), "token=") || link.Code != "" {
		t.Errorf("link: %v", err)
	}
	_, err = w.RecoveryLink(bg, i.ID, kratos.RecoveryOptions{ReturnTo: "https://elsewhere.test/"})
	contains(t, kind(t, err, clients.Invalid).Hint, "allowed_return_urls")
	for _, life := range []time.Duration{-time.Second, time.Millisecond, 8 * 24 * time.Hour} {
		_, err = w.RecoveryCode(bg, i.ID, kratos.RecoveryOptions{Life: life})
		kind(t, err, clients.Invalid)
	}
	const nobody = "00000000-0000-4000-8000-000000000000"
	_, err = w.RecoveryCode(bg, nobody, kratos.RecoveryOptions{})
	kind(t, err, clients.NotFound)
	_, err = w.RecoveryLink(bg, nobody, kratos.RecoveryOptions{})
	kind(t, err, clients.NotFound)
	_, err = w.Suspend(bg, i.ID)
	ok(t, err)
	for _, make := range []func() error{
		func() error { _, err := w.RecoveryCode(bg, i.ID, kratos.RecoveryOptions{}); return err },
		func() error { _, err := w.RecoveryLink(bg, i.ID, kratos.RecoveryOptions{}); return err }} {
		contains(t, kind(t, make(), clients.Invalid).Reason, "inactive")
	}
}

// Messages are read though the generated client cannot, and show no code.
func TestCourier(t *testing.T) {
	w := real(t)
	i := w.person(kratos.NewIdentity{})
	mail := strings.ToLower(i.Emails()[0])
	_, flow := raw(t, "GET", w.public+"/self-service/recovery/api", nil)
	status, v := raw(t, "POST", w.public+"/self-service/recovery?flow="+flow["id"].(string), map[string]string{"method": "code", "email": mail})
	if status != 200 {
		t.Fatalf("recovery: %d %v", status, v)
	}
	page, err := w.Messages(bg, kratos.MessageQuery{Recipient: mail}, "")
	ok(t, err)
	if len(page.Items) != 1 {
		t.Fatalf("%d messages", len(page.Items))
	}
	m := page.Items[0]
	if m.Type != "email" || m.Template != "recovery_code_valid" || m.Recipient != mail || m.Subject == "" || m.Created.IsZero() {
		t.Errorf("message %+v", m)
	}
	one, err := w.Message(bg, m.ID)
	if err != nil || one.ID != m.ID {
		t.Errorf("%+v %v", one, err)
	}
	for _, d := range one.Attempts {
		if d.Status == "failed" && d.Error.Message == "" && d.Error.Reason == "" {
			t.Errorf("a failed attempt without a reason: %+v", d)
		}
	}
	body, err := w.MessageBody(bg, m.ID)
	if err != nil || body == "" || body.String() == body.Reveal() {
		t.Errorf("body %v %v", body, err)
	}
	if page, err = w.Messages(bg, kratos.MessageQuery{Status: kratos.Sent, Recipient: mail}, ""); err != nil || len(page.Items) != 0 {
		t.Errorf("sent: %d %v", len(page.Items), err)
	}
	_, err = w.Messages(bg, kratos.MessageQuery{Status: "bogus"}, "")
	kind(t, err, clients.Invalid)
}

// What the schema refuses is told by field, once each.
func TestSchemaProblems(t *testing.T) {
	w := real(t)
	_, err := w.Create(bg, kratos.NewIdentity{SchemaID: "staff", Traits: json.RawMessage(`{"email":"nope","name":{"first":"x"},"surprise":1}`)})
	p := kind(t, err, clients.Invalid)
	got := map[string]string{}
	for _, f := range p.Fields {
		if _, twice := got[f.Path]; twice {
			t.Errorf("%s comes twice", f.Path)
		}
		got[f.Path] = f.Message
	}
	for _, path := range []string{"/traits/email", "/traits/name/last", "/traits/department"} {
		if got[path] == "" {
			t.Errorf("nothing about %s in %v", path, got)
		}
	}
	if strings.Contains(p.Reason, "I[#") || strings.Contains(p.Reason, "\n") {
		t.Errorf("reason %q", p.Reason)
	}
	i := w.person(kratos.NewIdentity{})
	_, err = w.Edit(bg, i.ID, kratos.Edit{Traits: json.RawMessage(`{"email":"nope"}`)})
	if p = kind(t, err, clients.Invalid); len(p.Fields) != 1 || p.Fields[0].Path != "/traits/email" {
		t.Errorf("edit: %+v", p.Fields)
	}
	_, err = w.Create(bg, kratos.NewIdentity{SchemaID: "nosuch", Traits: traits(unmail("x"))})
	contains(t, kind(t, err, clients.Invalid).Hint, "identity schemas")
	_, err = w.Create(bg, kratos.NewIdentity{Traits: i.Traits})
	contains(t, kind(t, err, clients.Conflict).Hint, "search for it")
	_, err = w.Create(bg, kratos.NewIdentity{Traits: traits(unmail("x")), PasswordHash: "no hash"})
	contains(t, kind(t, err, clients.Invalid).Hint, "bcrypt")
	_, err = w.Create(bg, kratos.NewIdentity{Traits: traits(unmail("x")), Password: "short"})
	contains(t, kind(t, err, clients.Invalid).Reason, "shorter than 8")
	_, err = w.SetPassword(bg, i.ID, "x") // Kratos would take it
	kind(t, err, clients.Invalid)
}

// An edit on top of somebody else's is refused, which Kratos cannot do.
func TestConflict(t *testing.T) {
	w := real(t)
	i := w.person(kratos.NewIdentity{SchemaID: "staff", Traits: staffTraits(unmail("c"))})
	base := mustGet(w, i.ID)
	_, err := w.Edit(bg, i.ID, kratos.Edit{MetadataAdmin: json.RawMessage(`{"by":"another"}`)})
	ok(t, err)
	_, err = w.Edit(bg, i.ID, kratos.Edit{State: kratos.Inactive, Base: &base})
	kind(t, err, clients.Conflict)
	base = mustGet(w, i.ID)
	ch, err := w.Edit(bg, i.ID, kratos.Edit{State: kratos.Inactive, Base: &base})
	if err != nil || ch.After.State != kratos.Inactive {
		t.Errorf("%v %+v", err, ch)
	}
	back, err := w.Edit(bg, i.ID, kratos.Revert(ch.Before))
	if err != nil || back.After.State != kratos.Active || string(back.After.Traits) != string(ch.Before.Traits) {
		t.Errorf("undo: %v %+v", err, back)
	}
	for _, e := range []kratos.Edit{{}, {State: "bogus"}, {Traits: json.RawMessage("[]")}, {Traits: json.RawMessage("null")}, {MetadataPublic: json.RawMessage("{")}} {
		_, err = w.Edit(bg, i.ID, e)
		kind(t, err, clients.Invalid)
	}
	ext := "e-1"
	if _, err = w.Edit(bg, i.ID, kratos.Edit{ExternalID: &ext}); err != nil {
		contains(t, kind(t, err, clients.Invalid).Reason, "external ids")
	}
	if _, err = w.GetByExternalID(bg, unique("ext")); !clients.Is(err, clients.Invalid) && !clients.Is(err, clients.NotFound) {
		t.Errorf("by external id: %v", err)
	}
}

// A change of schema leaves the old login name behind.
func TestStaleIdentifiers(t *testing.T) {
	w := real(t)
	old := unmail("old")
	i := w.person(kratos.NewIdentity{SchemaID: "staff", Traits: staffTraits(old), Password: goodPassword})
	if got := mustGet(w, i.ID).StaleIdentifiers(); len(got) != 0 {
		t.Errorf("stale from the start: %v", got)
	}
	ch, err := w.Edit(bg, i.ID, kratos.Edit{SchemaID: "default", Traits: traits(unmail("new"))})
	ok(t, err)
	found, err := w.FindExact(bg, old)
	ok(t, err)
	// Where the server still finds it by the old name, we say so; where not, we do not.
	if stale := slices.Contains(ch.After.StaleIdentifiers(), old); stale != (len(found) == 1) {
		t.Errorf("found by the old name: %d; stale: %v", len(found), ch.After.StaleIdentifiers())
	}
}

// An entry for a credential does not mean that it is set up, and what it holds is
// seen by nobody.
func TestReadiness(t *testing.T) {
	w := real(t)
	bare := w.person(kratos.NewIdentity{})
	r, err := w.Readiness(bg, bare.ID)
	if err != nil || r.Password || r.FirstFactor() || r.SecondFactor() || !r.Code {
		t.Errorf("bare: %+v %v", r, err)
	}
	if _, has := mustGet(w, bare.ID).Credentials.Of(kratos.Password); !has {
		t.Log("this server makes no empty password entry")
	}
	hash := clients.Secret("$2a$04$zrwZ8CCyh.8xTnOeKRrGwO2dZn8G6Q1cZp3n7z0iYwP7o5WcI0U0q")
	full := w.person(kratos.NewIdentity{PasswordHash: hash})
	if r, err = w.Readiness(bg, full.ID); err != nil || !r.Password || !r.FirstFactor() {
		t.Errorf("with a hash: %+v %v", r, err)
	}
	b, _ := json.Marshal(mustGet(w, full.ID))
	if strings.Contains(string(b), "$2a$") || strings.Contains(string(b), "config") {
		t.Errorf("the identity holds its hash: %s", b)
	}
	_, err = w.DeleteCredential(bg, full.ID, kratos.Password, "")
	if err != nil { // newer servers allow it while another first factor is left
		kind(t, err, clients.Invalid)
	}
	_, err = w.DeleteCredential(bg, full.ID, kratos.TOTP, "")
	kind(t, err, clients.NotFound)
	_, err = w.Readiness(bg, "00000000-0000-4000-8000-000000000000")
	kind(t, err, clients.NotFound)
}
