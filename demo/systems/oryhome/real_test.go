package oryhome_test

import (
	"slices"
	"testing"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/stack/stacktest"
)

// TestTheSubjectCollision registers somebody whose e-mail is the victim's once the @
// is gone, on the real servers. The original's way lets them in and warns; the
// default does not.
func TestTheSubjectCollision(t *testing.T) {
	kratos := stacktest.Kratos(t)
	keto := stacktest.OwnKeto(t, demotest.AppOPL, nil)
	name := demotest.Unique("victim")
	local, domain := name[:len(name)-len("@demo-test.example")], "demo-test.example"
	victim := demotest.NewIdentity(t, kratos, local+"x@"+domain)
	attacker := demotest.NewIdentity(t, kratos, local+"@x"+domain)
	subject := local + "x" + domain
	demotest.Allow(t, keto, subject)   // as the original names the victim
	demotest.Allow(t, keto, victim.ID) // as we do
	for _, c := range []struct {
		rule             gate.SubjectRule
		victim, attacker int
		reason           decisions.Reason // the attacker's
		tuple            string
	}{
		{gate.SubjectSeed, 200, 200, decisions.OK, "app:homepage#read@" + subject},
		{gate.SubjectID, 200, 403, decisions.KetoDenied, "app:homepage#read@" + attacker.ID},
		{gate.SubjectEmail, 403, 403, decisions.EmailUnverified, ""},
	} {
		s := demotest.Start(t, server.Options{Systems: []string{"ory-home"}, Env: gate.Env{KratosPublicURL: kratos.PublicURL, KetoReadURL: keto.ReadURL, KratosUIURL: kratosUI, Subject: c.rule}})
		v, _, _ := get(t, s.URL, "ory_kratos_session="+victim.Cookie(t))
		a, h, _ := get(t, s.URL, "ory_kratos_session="+attacker.Cookie(t))
		if v != c.victim || a != c.attacker {
			t.Errorf("%s: the victim gets %d, the attacker %d; want %d, %d", c.rule, v, a, c.victim, c.attacker)
		}
		d, ok := s.Ring.Get(h.Get("X-Gatehouse-Decision"))
		if !ok || d.Reason != c.reason || d.Tuple() != c.tuple || d.Subject.IdentityID != attacker.ID {
			t.Errorf("%s: %+v", c.rule, d)
		}
		warned := slices.ContainsFunc(d.Hops, func(h decisions.Hop) bool { return slices.Contains(h.Warn, "subject_collision_possible") })
		if warned != (c.rule == gate.SubjectSeed) || (len(s.Systems()[0].Warn) > 0) != warned {
			t.Errorf("%s: warned: %v, %v", c.rule, warned, s.Systems()[0].Warn)
		}
	}
}

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
