package demo_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/stack/stacktest"
)

// mappers are the systems that make a Keto subject of an identity, and where.
var mappers = map[string]string{"ory-home": "/s/ory-home/", "oathkeeper": "/s/oathkeeper/homepage", "keto-policy": "/s/keto-policy/check"}

// TestTheSubjectCollisionOnTheRealServers registers somebody whose e-mail is the
// victim's once the @ is gone, in the real Kratos, with the real Keto, and goes to
// every system that maps identities to subjects. The original's way lets them in and
// warns; the default does not; the verified e-mail neither, since it is none.
func TestTheSubjectCollisionOnTheRealServers(t *testing.T) {
	kratos := stacktest.Kratos(t)
	keto := stacktest.OwnKeto(t, demotest.AppOPL, nil)
	name := demotest.Unique("victim")
	local, domain, _ := strings.Cut(name, "@")
	victim := demotest.NewIdentity(t, kratos, local+"x@"+domain)
	attacker := demotest.NewIdentity(t, kratos, local+"@x"+domain)
	subject := local + "x" + domain
	demotest.Allow(t, keto, subject)      // as the original names the victim
	demotest.Allow(t, keto, victim.Email) // as somebody may who takes the e-mail
	demotest.Allow(t, keto, victim.ID)    // as we do
	sessions := map[*demotest.Identity]string{victim: victim.Cookie(t), attacker: attacker.Cookie(t)}
	for _, c := range []struct {
		rule             gate.SubjectRule
		victim, attacker bool
		tuple            string // that was asked for the attacker
	}{
		{gate.SubjectSeed, true, true, "app:homepage#read@" + subject},
		{gate.SubjectID, true, false, "app:homepage#read@" + attacker.ID},
		{gate.SubjectEmail, false, false, ""}, // nobody has proved their address
	} {
		s := demotest.Start(t, server.Options{Systems: []string{"ory-home", "oathkeeper", "keto-policy"},
			Env: gate.Env{KratosPublicURL: kratos.PublicURL, KetoReadURL: keto.ReadURL, KratosUIURL: "http://127.0.0.1:4455", Subject: c.rule}})
		warnsAtAll := c.rule == gate.SubjectSeed
		for id, path := range mappers {
			granted := func(who *demotest.Identity) (bool, decisions.Decision) {
				a := demotest.Send(t, http.MethodGet, s.URL, path, http.Header{"Cookie": {gate.KratosCookie + "=" + sessions[who]}, "Accept": {"application/json"}}, "")
				d, ok := s.Ring.Get(a.Header.Get("X-Gatehouse-Decision"))
				if !ok || a.Status >= 500 {
					t.Errorf("%s %s: %d", c.rule, id, a.Status)
				}
				return a.Status == http.StatusOK && !strings.Contains(string(a.Body), `"allowed":false`) && !strings.Contains(string(a.Body), "No subject"), d
			}
			if in, _ := granted(victim); in != c.victim {
				t.Errorf("%s %s: the victim is let in: %v", c.rule, id, in)
			}
			in, d := granted(attacker)
			if in != c.attacker || d.Tuple() != c.tuple || d.Subject.IdentityID != attacker.ID {
				t.Errorf("%s %s: the attacker is let in: %v, asked for %q: %+v", c.rule, id, in, d.Tuple(), d.Subject)
			}
			if warned := slices.ContainsFunc(d.Hops, func(h decisions.Hop) bool { return slices.Contains(h.Warn, "subject_collision_possible") }); warned != warnsAtAll {
				t.Errorf("%s %s: the decision warns: %v", c.rule, id, warned)
			}
		}
		for _, sys := range s.Systems() {
			if (len(sys.Warn) > 0) != warnsAtAll || strings.Contains(s.Log.String(), `"msg":"unsafe on purpose","system":"`+sys.ID+`"`) != warnsAtAll {
				t.Errorf("%s %s: the system warns: %q", c.rule, sys.ID, sys.Warn)
			}
		}
	}
}
