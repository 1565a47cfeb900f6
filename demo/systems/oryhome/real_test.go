package oryhome_test

import (
	"testing"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/stack/stacktest"
)

// TestChangesCountAtOnce changes what a decision stands on in the real servers, and
// asks again at once.
func TestChangesCountAtOnce(t *testing.T) {
	kratos := stacktest.Kratos(t)
	keto := stacktest.OwnKeto(t, demotest.AppOPL, nil)
	s := demotest.Start(t, server.Options{Systems: []string{"ory-home"}, Env: gate.Env{KratosPublicURL: kratos.PublicURL, KetoReadURL: keto.ReadURL, KratosUIURL: kratosUI}})
	ann := demotest.NewIdentity(t, kratos, demotest.Unique("ann"))
	cookie := ann.Cookie(t)
	want := func(step string, status int, why decisions.Reason) {
		t.Helper()
		got, h, _ := get(t, s.URL, "ory_kratos_session="+cookie)
		d, _ := s.Ring.Get(h.Get("X-Gatehouse-Decision"))
		if got != status || d.Reason != why {
			t.Errorf("%s: %d %s, want %d %s", step, got, d.Reason, status, why)
		}
	}
	want("without the tuple", 403, decisions.KetoDenied)
	for range 10 {
		demotest.Allow(t, keto, ann.ID)
		want("with the tuple", 200, decisions.OK)
		demotest.Deny(t, keto, ann.ID)
		want("with the tuple removed", 403, decisions.KetoDenied)
	}
	demotest.Allow(t, keto, ann.ID)
	ann.SetState(t, "inactive")
	want("suspended", 403, decisions.SessionInvalid)
	ann.SetState(t, "active")
	want("active again", 200, decisions.OK) // Kratos revives the session
	ann.EndSessions(t)
	want("logged out", 403, decisions.SessionInvalid)
	cookie = ann.Cookie(t)
	want("logged in again", 200, decisions.OK)
	ann.Delete(t)
	want("deleted", 403, decisions.SessionInvalid)
}
