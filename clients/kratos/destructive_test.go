package kratos_test

// The traps that destroy something, each shown on the real server first (so that it
// is known to be there) and then through the client, which must not fall into it.

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

var bg = context.Background()

// A PUT erases the metadata that it does not name.
func TestPasswordKeepsEverythingElse(t *testing.T) {
	w := real(t)
	n := kratos.NewIdentity{MetadataPublic: json.RawMessage(`{"plan":"gold","big":9007199254740993}`), MetadataAdmin: json.RawMessage(`["note"]`),
		State: kratos.Inactive, SchemaID: "staff", Traits: staffTraits(unmail("put")), OIDC: []kratos.OIDCLink{{Provider: "corp", Subject: unique("sub")}}}
	i := w.person(n)

	bare := w.person(n2(n))
	status, v := raw(t, "PUT", w.admin+"/admin/identities/"+bare.ID, map[string]any{"schema_id": "staff", "state": "inactive", "traits": bare.Traits})
	if status != 200 || v["metadata_public"] != nil {
		t.Fatalf("the trap is not there: %d %v", status, v["metadata_public"])
	}

	ch, err := w.SetPassword(bg, i.ID, goodPassword)
	ok(t, err)
	_, text := rawText(t, "GET", w.admin+"/admin/identities/"+i.ID, nil)
	// PostgreSQL sorts the keys its own way, SQLite leaves them.
	for _, part := range []string{`"plan":"gold"`, `"big":9007199254740993`, `"metadata_admin":["note"]`, `"state":"inactive"`, `"schema_id":"staff"`, `"corp:sub`, `"department":"legal"`} {
		contains(t, text, part)
	}
	if ch.Before.ID != i.ID || string(ch.After.MetadataPublic) != string(ch.Before.MetadataPublic) || ch.After.State != kratos.Inactive {
		t.Errorf("change = %+v", ch)
	}
	if c, _ := ch.After.Credentials.Of(kratos.Password); c.Created.Year() < 2000 {
		t.Error("the stale time of the answer was kept")
	}
	_, err = w.Activate(bg, i.ID)
	ok(t, err)
	w.signIn(i.Emails()[0], goodPassword)
}

// n2 is the same with an address and a subject of its own.
func n2(n kratos.NewIdentity) kratos.NewIdentity {
	n.Traits, n.OIDC = staffTraits(unmail("put")), nil
	return n
}

// Removing metadata by PATCH is answered with 200 and does nothing.
func TestClearMetadata(t *testing.T) {
	w := real(t)
	i := w.person(kratos.NewIdentity{MetadataAdmin: json.RawMessage(`{"a":1}`), MetadataPublic: json.RawMessage(`{"b":2}`)})
	status, v := raw(t, "PATCH", w.admin+"/admin/identities/"+i.ID, []any{map[string]any{"op": "remove", "path": "/metadata_admin"}})
	if status != 200 || at(v, "metadata_admin", "a") == nil {
		t.Logf("this server removes metadata when asked to: %d %v", status, v["metadata_admin"])
	}
	ch, err := w.Edit(bg, i.ID, kratos.Edit{MetadataAdmin: json.RawMessage("null")})
	ok(t, err)
	v = w.stored(i.ID)
	if v["metadata_admin"] != nil || at(v, "metadata_public", "b") != 2.0 || ch.After.MetadataAdmin != nil || string(ch.Before.MetadataAdmin) != `{"a":1}` {
		t.Errorf("stored %v, change %+v", v, ch)
	}
}

// A number as metadata makes the identity, and every page of the list with it,
// unreadable on SQLite. It is not tried here: the server is shared with other tests.
func TestNumberAsMetadata(t *testing.T) {
	w := real(t)
	i := w.person(kratos.NewIdentity{})
	for _, number := range []string{"1", "1.5", "-0", " 1e5 "} {
		for _, e := range []kratos.Edit{{MetadataPublic: json.RawMessage(number)}, {MetadataAdmin: json.RawMessage(number)}} {
			_, err := w.Edit(bg, i.ID, e)
			contains(t, kind(t, err, clients.Invalid).Reason, "bare number")
		}
		_, err := w.Create(bg, kratos.NewIdentity{Traits: traits(unmail("n")), MetadataPublic: json.RawMessage(number)})
		kind(t, err, clients.Invalid)
		out := w.CreateBatch(bg, []kratos.NewIdentity{{Traits: traits(unmail("n")), MetadataAdmin: json.RawMessage(number)}})
		kind(t, out[0].Err, clients.Invalid)
	}
	for _, fine := range []string{`"12"`, `true`, `[1]`, `{"n":1}`} {
		ch, err := w.Edit(bg, i.ID, kratos.Edit{MetadataAdmin: json.RawMessage(fine)})
		if err != nil || string(ch.After.MetadataAdmin) != fine {
			t.Errorf("%s: %v, %s", fine, err, ch.After.MetadataAdmin)
		}
	}
}

// A credential's hash can be overwritten by PATCH. No write of ours touches anything
// but the parts it is about, whatever it is given.
func TestPatchPaths(t *testing.T) {
	w := real(t)
	seen := recordPatches(t, w)
	i := seen.person(kratos.NewIdentity{Password: goodPassword})
	ext := "x"
	_, err := seen.Edit(bg, i.ID, kratos.Edit{Traits: traits(unmail("q")), MetadataPublic: json.RawMessage(`{"credentials":{"password":1}}`),
		MetadataAdmin: json.RawMessage(`"/credentials"`), State: kratos.Inactive, SchemaID: "default", ExternalID: &ext})
	if err != nil && !clients.Is(err, clients.Invalid) { // Kratos 1.3 has no external ids
		t.Fatal(err)
	}
	_, err = seen.Suspend(bg, i.ID)
	ok(t, err)
	_, err = seen.Activate(bg, i.ID)
	ok(t, err)
	now, err := seen.Get(bg, i.ID)
	ok(t, err)
	_, err = seen.MarkVerified(bg, i.ID, now.Emails()[0], true)
	ok(t, err)
	allowed := []string{"/traits", "/metadata_public", "/metadata_admin", "/state", "/schema_id", "/external_id", "/verifiable_addresses/0/verified", "/verifiable_addresses/0/status"}
	if len(seen.paths()) < 8 {
		t.Errorf("too few patches were seen: %v", seen.paths())
	}
	for _, p := range seen.paths() {
		if !slices.Contains(allowed, p) {
			t.Errorf("patched %s", p)
		}
	}
	w.signIn(now.Emails()[0], goodPassword)
}

// Disabling somebody leaves sessions that come back to life.
func TestSuspend(t *testing.T) {
	w := real(t)
	i := w.person(kratos.NewIdentity{Password: goodPassword})
	mail := i.Emails()[0]
	first, _ := w.signIn(mail, goodPassword)

	ch, err := w.SetState(bg, i.ID, kratos.Inactive)
	ok(t, err)
	if ch.Before.State != kratos.Active || ch.After.State != kratos.Inactive || w.letsIn(first) {
		t.Fatalf("inactive: %+v", ch)
	}
	a, err := w.Activate(bg, i.ID)
	ok(t, err)
	if !w.letsIn(first) {
		t.Fatal("the trap is not there: the old session stayed dead")
	}
	if len(a.Revived) != 1 || a.After.State != kratos.Active {
		t.Errorf("Activate does not tell of the session that revived: %+v", a)
	}

	second, _ := w.signIn(mail, goodPassword)
	s, err := w.Suspend(bg, i.ID)
	ok(t, err)
	if s.Ended.Total != 2 || len(s.Ended.Sessions) != 2 || s.Before.State != kratos.Active || s.After.State != kratos.Inactive {
		t.Errorf("suspension = %+v", s)
	}
	a, err = w.Activate(bg, i.ID)
	ok(t, err)
	if w.letsIn(first) || w.letsIn(second) || len(a.Revived) != 0 {
		t.Error("a session survived the suspension")
	}
	if v := w.stored(i.ID); v["state"] != "active" {
		t.Errorf("state = %v", v["state"])
	}
	// Twice in a row, and on nobody's sessions.
	for range 2 {
		s, err = w.Suspend(bg, i.ID)
		if err != nil || s.Ended.Total != 0 {
			t.Errorf("suspend again: %v %+v", err, s.Ended)
		}
	}
}

// The last sign-in provider can be deleted, and the person is locked out.
func TestLastProvider(t *testing.T) {
	w := real(t)
	sub := unique("sub")
	n := kratos.NewIdentity{OIDC: []kratos.OIDCLink{{Provider: "corp", Subject: sub}}}
	i := w.person(n)
	one := "corp:" + sub

	_, err := w.DeleteCredential(bg, i.ID, kratos.OIDC, one)
	contains(t, kind(t, err, clients.Invalid).Reason, "last way")
	_, err = w.DeleteCredential(bg, i.ID, kratos.OIDC, "corp:else")
	contains(t, kind(t, err, clients.Invalid).Hint, one)
	_, err = w.DeleteCredential(bg, i.ID, kratos.OIDC, "")
	kind(t, err, clients.Invalid)
	if c, _ := mustGet(w, i.ID).Credentials.Of(kratos.OIDC); len(c.Identifiers) != 1 {
		t.Fatalf("identifiers = %v", c.Identifiers)
	}

	_, err = w.SetPassword(bg, i.ID, goodPassword)
	ok(t, err)
	ch, err := w.DeleteCredential(bg, i.ID, kratos.OIDC, one)
	ok(t, err)
	if c, _ := ch.Before.Credentials.Of(kratos.OIDC); len(c.Identifiers) != 1 {
		t.Errorf("before = %+v", ch.Before.Credentials)
	}
	if c, _ := ch.After.Credentials.Of(kratos.OIDC); len(c.Identifiers) != 0 {
		t.Errorf("after = %+v", ch.After.Credentials)
	}
	r, err := w.Readiness(bg, i.ID)
	if err != nil || len(r.Providers) != 0 || !r.Password {
		t.Errorf("readiness %+v %v", r, err)
	}
	w.signIn(i.Emails()[0], goodPassword)
}

func mustGet(w *world, id string) kratos.Identity {
	w.t.Helper()
	i, err := w.Get(bg, id)
	ok(w.t, err)
	return i
}

// A batch with one conflict reports rows as made that were rolled back.
func TestBatchConflict(t *testing.T) {
	w := real(t)
	taken := w.person(kratos.NewIdentity{})
	mails := []string{unmail("b0"), unmail("b1"), unmail("b2")}
	row := func(mail string) map[string]any {
		return map[string]any{"create": map[string]any{"schema_id": "default", "traits": map[string]any{"email": mail}}}
	}
	status, v := raw(t, "PATCH", w.admin+"/admin/identities", map[string]any{"identities": []any{row(unmail("trap")), row(taken.Emails()[0])}})
	if id, _ := at(v, "identities", 0, "identity").(string); status == 200 && id != "" {
		there, _ := rawText(t, "GET", w.admin+"/admin/identities/"+id, nil)
		t.Logf("the server reported a row as made; reading it gives %d", there)
		w.remove(id)
	}

	rows := []kratos.NewIdentity{{SchemaID: "default", Traits: traits(mails[0])}, {SchemaID: "default", Traits: taken.Traits},
		{SchemaID: "default", Traits: traits(mails[1])}, {SchemaID: "default", Traits: json.RawMessage(`{"email":"no address"}`)},
		{SchemaID: "default", Traits: traits(mails[2]), Password: goodPassword}, {SchemaID: "default", Traits: json.RawMessage(`[]`)}}
	out := w.CreateBatch(bg, rows)
	for n, i := range []int{0, 2, 4} {
		if out[i].Err != nil || out[i].ID == "" {
			t.Fatalf("row %d: %+v", i, out[i])
		}
		w.remove(out[i].ID)
		if v := w.stored(out[i].ID); at(v, "traits", "email") != mails[n] {
			t.Errorf("row %d is %v", i, v["traits"])
		}
	}
	kind(t, out[1].Err, clients.Conflict)
	if p := kind(t, out[3].Err, clients.Invalid); len(p.Fields) != 1 || p.Fields[0].Path != "/traits/email" {
		t.Errorf("row 3 does not say what is wrong: %+v", p)
	}
	kind(t, out[5].Err, clients.Invalid)
	w.signIn(mails[2], goodPassword)
}

// A negative page size kills the request on the server; every other size out of
// bounds is cut or refused there. None of them leaves the client.
func TestPageSizes(t *testing.T) {
	w := real(t)
	for _, size := range []int{-1, 0, 1, 500, 501, 1 << 30} {
		_, err := w.Identities(bg, kratos.Query{PageSize: size}, "")
		ok(t, err)
		_, err = w.Sessions(bg, kratos.SessionQuery{PageSize: size}, "")
		ok(t, err)
		_, err = w.Messages(bg, kratos.MessageQuery{PageSize: size}, "")
		ok(t, err)
	}
	for _, e := range w.log.Entries() {
		u := must(http.NewRequest("GET", e.URL, nil)).URL.Query().Get("page_size")
		var n int
		if fmt.Sscan(u, &n); n < 1 || n > 500 {
			t.Errorf("asked with page_size=%s", u)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Ids that are none make other requests of the same words: DELETE of "" + sessions.
func TestBadIDs(t *testing.T) {
	w := real(t)
	before := len(w.log.Entries())
	for _, id := range []string{"", ".", "..", "../identities", "a/b", "nope", "00000000-0000-0000-0000-00000000000g"} {
		calls := map[string]func() error{
			"Get":              func() error { _, err := w.Get(bg, id); return err },
			"Edit":             func() error { _, err := w.Edit(bg, id, kratos.Edit{State: kratos.Active}); return err },
			"Suspend":          func() error { _, err := w.Suspend(bg, id); return err },
			"Delete":           func() error { _, err := w.Delete(bg, id); return err },
			"DeleteCredential": func() error { _, err := w.DeleteCredential(bg, id, kratos.TOTP, ""); return err },
			"SetPassword":      func() error { _, err := w.SetPassword(bg, id, goodPassword); return err },
			"AddOIDC":          func() error { _, err := w.AddOIDC(bg, id, kratos.OIDCLink{Provider: "a", Subject: "b"}); return err },
			"EndSessions":      func() error { _, err := w.EndSessions(bg, id); return err },
			"RevokeSession":    func() error { _, err := w.RevokeSession(bg, id); return err },
			"RevokeSessions":   func() error { return w.RevokeSessions(bg, []string{id})[0].Err },
			"EndSessionsOf":    func() error { return w.EndSessionsOf(bg, []string{id})[0].Err },
			"ExtendSession":    func() error { _, err := w.ExtendSession(bg, id); return err },
			"Message":          func() error { _, err := w.Message(bg, id); return err },
			"MessageBody":      func() error { _, err := w.MessageBody(bg, id); return err },
			"RecoveryCode":     func() error { _, err := w.RecoveryCode(bg, id, kratos.RecoveryOptions{}); return err },
			"IdentitySessions": func() error { _, err := w.IdentitySessions(bg, id, kratos.SessionQuery{}, ""); return err },
			"MarkVerified":     func() error { _, err := w.MarkVerified(bg, id, "a@b.c", true); return err },
			"ids":              func() error { _, err := w.Identities(bg, kratos.Query{IDs: []string{id}}, ""); return err },
		}
		for name, call := range calls {
			if err := call(); !clients.Is(err, clients.Invalid) {
				t.Errorf("%s(%q) = %v", name, id, err)
			}
		}
	}
	if n := len(w.log.Entries()); n != before {
		t.Errorf("%d requests were sent", n-before)
	}
}
