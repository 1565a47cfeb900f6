package kratos_test

// The traps that mislead: wrong addresses, lists that lie, writes that are refused
// in words nobody understands. All on the real server.

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

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
