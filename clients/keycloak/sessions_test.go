package keycloak_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

func TestSessions(t *testing.T) {
	r := realm(t)
	u := newUser(t, r, "ann")
	c := newClient(t, r, keycloak.NewClient{ClientID: "app", Public: true, DirectAccessGrants: true})
	auth := keycloak.ClientAuth{ID: c.ClientID}
	login := func(scope string) keycloak.Token {
		t.Helper()
		return ok[keycloak.Token](t)(r.PasswordToken(t.Context(), auth, u.Username, "pw-ann", "", scope))
	}
	first, second := login("openid"), login("openid")
	offline := login("openid offline_access")
	list := func() []keycloak.Session { t.Helper(); return ok[[]keycloak.Session](t)(r.Sessions(t.Context(), u.ID)) }
	away := func() []keycloak.Session {
		t.Helper()
		return ok[[]keycloak.Session](t)(r.AllOfflineSessions(t.Context(), u.ID))
	}

	online := list()
	if len(online) < 2 {
		t.Fatalf("sessions are %+v", online)
	}
	for _, s := range online {
		if s.UserID != u.ID || s.IP != "127.0.0.1" || s.Clients[c.ID] != c.ClientID || time.Since(s.Start) > 10*time.Minute || s.Offline {
			t.Errorf("session is %+v", s)
		}
	}
	if got := away(); len(got) != 1 || !got[0].Offline || got[0].UserID != u.ID {
		t.Fatalf("offline sessions are %+v", got)
	}
	if n := ok[int](t)(r.CountClientSessions(t.Context(), c.ID, true)); n != 1 {
		t.Errorf("%d offline sessions of the client", n)
	}
	page := ok[clients.Page[keycloak.Session]](t)(r.ClientSessions(c.ID, false, 10)(t.Context(), ""))
	if n := ok[int](t)(r.CountClientSessions(t.Context(), c.ID, false)); n != len(page.Items) || n != len(online) {
		t.Errorf("counted %d, listed %d by client and %d by user", n, len(page.Items), len(online))
	}
	found := false
	for _, n := range ok[[]keycloak.SessionCount](t)(r.SessionCounts(t.Context())) {
		found = found || n.ClientID == c.ClientID && n.ClientUUID == c.ID && n.Online == len(online) && n.Offline == 1
	}
	if !found {
		t.Error("the counts of all clients lack this one")
	}

	if err := r.EndSession(t.Context(), first.SessionID, false); err != nil {
		t.Fatal(err)
	}
	_, err := r.RefreshToken(t.Context(), auth, first.Refresh)
	wantKind(t, err, clients.Denied)
	if _, err := r.RefreshToken(t.Context(), auth, second.Refresh); err != nil {
		t.Errorf("the other session ended too: %v", err)
	}
	// An offline session must be named as one.
	wantKind(t, r.EndSession(t.Context(), away()[0].ID, false), clients.NotFound)

	ch := ok[clients.Change[[]keycloak.Session]](t)(r.LogoutUser(t.Context(), u.ID))
	if len(ch.Before) == 0 || len(ch.After) != 0 {
		t.Errorf("change is %d -> %d", len(ch.Before), len(ch.After))
	}
	if ok[keycloak.User](t)(r.User(t.Context(), u.ID)).NotBefore.IsZero() {
		t.Error("not-before is not set")
	}
	if got := away(); len(got) != 1 {
		t.Fatalf("the trap is gone: a logout of all sessions left %d offline ones", len(got))
	}
	ch = ok[clients.Change[[]keycloak.Session]](t)(r.LogoutEverywhere(t.Context(), u.ID))
	if len(ch.Before) != 1 || len(ch.After) != 0 || len(away()) != 0 {
		t.Errorf("change is %+v", ch)
	}
	_, err = r.RefreshToken(t.Context(), auth, offline.Refresh)
	wantKind(t, err, clients.Denied)
}

func TestConsents(t *testing.T) {
	r := realm(t)
	u := newUser(t, r, "ann")
	c := newClient(t, r, keycloak.NewClient{ClientID: "shop", ConsentRequired: true, Public: true, RedirectURIs: []string{"http://app.example/cb"}})
	q := url.Values{"response_type": {"code"}, "client_id": {c.ClientID}, "redirect_uri": {"http://app.example/cb"}, "scope": {"openid email"}}
	end := newBrowser(t).login(r.Server().URL(), r.Server().URL()+"/realms/"+r.Name()+"/protocol/openid-connect/auth?"+q.Encode(), u.Username, "pw-ann")
	if !strings.Contains(end, "code=") {
		t.Fatalf("the login ended at %.300s", end)
	}
	got := ok[[]keycloak.Consent](t)(r.Consents(t.Context(), u.ID))
	if len(got) != 1 || got[0].ClientID != c.ClientID || len(got[0].Scopes) == 0 || got[0].OfflineToken || time.Since(got[0].Created) > 10*time.Minute {
		t.Fatalf("consents are %+v", got)
	}
	ch := ok[clients.Change[[]keycloak.Consent]](t)(r.RevokeConsent(t.Context(), u.ID, c.ClientID))
	if len(ch.Before) != 1 || len(ch.After) != 0 {
		t.Errorf("change is %+v", ch)
	}
	_, err := r.RevokeConsent(t.Context(), u.ID, c.ClientID)
	wantKind(t, err, clients.NotFound)
}

func TestEvents(t *testing.T) {
	r := realm(t)
	old := ok[keycloak.EventsConfig](t)(r.EventsConfig(t.Context()))
	all := ok[keycloak.ServerInfo](t)(r.Server().Info(t.Context())).EventTypes
	ok[clients.Change[keycloak.EventsConfig]](t)(r.UpdateEventsConfig(t.Context(), keycloak.EventsPatch{Enabled: ptr(true), AdminEnabled: ptr(true), AdminDetails: ptr(true), Types: &all}))
	t.Cleanup(func() {
		r.UpdateEventsConfig(context.Background(), keycloak.EventsPatch{Enabled: &old.Enabled, AdminEnabled: &old.AdminEnabled, AdminDetails: &old.AdminDetails, Types: &old.Types})
	})
	u := newUser(t, r, "ann")
	c := newClient(t, r, keycloak.NewClient{ClientID: "app", Public: true, DirectAccessGrants: true})
	auth := keycloak.ClientAuth{ID: c.ClientID}
	started := time.Now().Add(-time.Second)
	fail(t, r, c, u.Username, 3)
	ok[keycloak.Token](t)(r.PasswordToken(t.Context(), auth, u.Username, "pw-ann", "", ""))

	list := func(q keycloak.EventQuery) []keycloak.Event {
		t.Helper()
		var out []keycloak.Event
		for e, err := range clients.Each(t.Context(), r.Events(q)) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, e)
		}
		return out
	}
	got := list(keycloak.EventQuery{Client: c.ClientID, Types: []string{"LOGIN_ERROR"}, PageSize: 2})
	if len(got) != 3 {
		t.Fatalf("%d failed logins, want 3: %+v", len(got), got)
	}
	for _, e := range got {
		if e.Error != "invalid_user_credentials" || e.UserID != u.ID || e.Details["username"] != u.Username || e.Type != "LOGIN_ERROR" || e.ID == "" || e.IP == "" {
			t.Errorf("event is %+v", e)
		}
	}
	if !got[0].Time.After(got[2].Time) {
		t.Error("the newest is not first")
	}
	asc := list(keycloak.EventQuery{Client: c.ClientID, OldestFirst: true, From: started, To: time.Now().Add(time.Minute)})
	if len(asc) != 4 || asc[0].Time.After(asc[3].Time) || asc[3].Type != "LOGIN" || asc[3].SessionID == "" {
		t.Errorf("oldest first: %+v", asc)
	}
	if none := list(keycloak.EventQuery{Client: c.ClientID, From: time.Now().Add(time.Minute)}); len(none) != 0 {
		t.Errorf("from the future: %+v", none)
	}
	if mid := list(keycloak.EventQuery{Client: c.ClientID, To: started}); len(mid) != 0 {
		t.Errorf("before the start: %+v", mid)
	}
	_, err := r.Events(keycloak.EventQuery{Types: []string{"LOGIN_EROR"}})(t.Context(), "")
	if p := wantKind(t, err, clients.Invalid); !strings.Contains(p.Reason, "LOGIN_EROR") {
		t.Errorf("the refusal is %v", p)
	}

	admin := ok[clients.Page[keycloak.AdminEvent]](t)(r.AdminEvents(keycloak.AdminEventQuery{Operations: []string{"CREATE"}, ResourceTypes: []string{"CLIENT"}, ResourcePath: "clients/" + c.ID})(t.Context(), ""))
	if len(admin.Items) != 1 || admin.Items[0].AuthUser == "" || !strings.Contains(string(admin.Items[0].Representation), c.ClientID) {
		t.Errorf("admin events: %+v", admin.Items)
	}
	_, err = r.AdminEvents(keycloak.AdminEventQuery{Operations: []string{"MAKE"}})(t.Context(), "")
	wantKind(t, err, clients.Invalid)
	_, err = r.AdminEvents(keycloak.AdminEventQuery{ResourceTypes: []string{"THING"}})(t.Context(), "")
	wantKind(t, err, clients.Invalid)
}
