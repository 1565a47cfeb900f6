package kratos_test

// Sessions, sign-in, recovery and messages on the real server, with what misleads
// about them.

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
