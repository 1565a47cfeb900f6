package live_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/transport"
)

// costly is a kind of question with how many requests it may cost the first time, when
// nothing of the realm is known yet, and again. The realm has client policies, which
// cost three of them.
type costly struct {
	name            string
	ask             func(*claimSubject)
	verdict         access.Verdict
	requests, again int
	rounds          int
}

// costs are the kinds of question. The note of the measure has 27 requests in 3 rounds
// for one with roles and claims.
var costs = []costly{
	{name: "a login that works", requests: 15, again: 7, rounds: 3, ask: func(*claimSubject) {}, verdict: access.Allowed},
	{name: "a login of a disabled user", requests: 15, again: 7, rounds: 3, ask: func(s *claimSubject) { s.edit(keycloak.UserPatch{Enabled: new(false)}) }, verdict: access.Denied},
	{name: "a login of nobody", requests: 13, again: 5, rounds: 3, ask: func(s *claimSubject) { s.User = "nobody-" + unique() }, verdict: access.Denied},
	{name: "a role that is not held", requests: 23, again: 15, rounds: 3, ask: func(s *claimSubject) { s.role(keycloak.OfClient(s.client.ID), "admin"); s.Role = "admin" }, verdict: access.Denied},
	{name: "a role that is held directly", requests: 22, again: 14, rounds: 3, ask: func(s *claimSubject) { s.admin() }, verdict: access.Allowed},
	{name: "a role through groups and composites", requests: 29, again: 14, rounds: 6, ask: func(s *claimSubject) { s.deep() }, verdict: access.Allowed},
	{name: "a role out of the client's scope", requests: 26, again: 17, rounds: 3, ask: func(s *claimSubject) {
		other := s.l.app(s.t, nil)
		s.grant(s.role(keycloak.OfClient(other.ID), "reader"))
		s.Role, s.RoleClient = "reader", other.ClientID
		s.change(keycloak.ClientPatch{FullScope: new(false)})
	}, verdict: access.Denied},
	{name: "a role that no mapper writes", requests: 24, again: 15, rounds: 3, ask: func(s *claimSubject) { s.admin(); s.detach("roles") }, verdict: access.Denied},
	{name: "a client scope that is not the user's", requests: 20, again: 12, rounds: 3, ask: func(s *claimSubject) {
		ctx, r := context.Background(), s.l.realm
		sc, err := r.CreateClientScope(ctx, keycloak.NewClientScope{Name: "reports-" + unique()})
		s.ok(err)
		_, err = r.Grant(ctx, keycloak.ScopeOfClientScope(sc.After.ID), s.role(keycloak.OfRealm, "auditor-"+unique()))
		s.ok(err)
		_, err = r.AttachScope(ctx, s.client.ID, sc.After.ID, keycloak.ScopeOptional)
		s.ok(err)
		s.Scope = "openid " + sc.After.Name
	}, verdict: access.Denied},
	{name: "a pasted token", requests: 18, again: 9, rounds: 3, ask: func(s *claimSubject) { s.PastedToken = s.enter().token }, verdict: access.Allowed},
	{name: "a resource, by a policy of roles", requests: 25, again: 17, rounds: 4, ask: func(s *claimSubject) {
		s.server()
		p := s.policy(keycloak.NewPolicy{Name: "readers", Type: "role", Body: roleBody(s.role(keycloak.OfClient(s.client.ID), "reader"))})
		s.policy(keycloak.NewPolicy{Name: "may view", Type: "scope", Resources: []string{"report"}, Scopes: []string{"view"}, Policies: []string{p}})
	}, verdict: access.Denied},
}

// deep gives the user a role of the client through a group four deep and three
// composite roles, beside other groups and roles.
func (s *claimSubject) deep() {
	s.t.Helper()
	ctx, r := context.Background(), s.l.realm
	admin := s.role(keycloak.OfClient(s.client.ID), "admin")
	a, b, c := s.role(keycloak.OfRealm, "a-"+unique()), s.role(keycloak.OfRealm, "b-"+unique()), s.role(keycloak.OfRealm, "c-"+unique())
	for _, in := range [][2]keycloak.Role{{a, b}, {b, c}, {c, admin}} {
		_, err := r.AddComposites(ctx, in[0].ID, in[1])
		s.ok(err)
	}
	parent := ""
	for i := range 4 {
		g, err := r.CreateGroup(ctx, parent, fmt.Sprintf("g%d-%s", i, unique()))
		s.ok(err)
		if parent = g.After.ID; i == 0 {
			_, err = r.Grant(ctx, keycloak.OfGroup(parent), a)
			s.ok(err)
		}
	}
	_, err := r.JoinGroup(ctx, s.user.ID, parent)
	s.ok(err)
	s.Role = "admin"
}

// TestCostOfAQuestion holds every kind of question to what it may cost.
func TestCostOfAQuestion(t *testing.T) {
	l := theLab(t)
	for _, c := range costs {
		t.Run(c.name, func(t *testing.T) {
			s := &claimSubject{subject: l.newSubject(t, login.Direct)}
			c.ask(s)
			log := &transport.Log{}
			pw, err := l.info.Password()
			s.ok(err)
			server, err := keycloak.New(keycloak.Options{URL: l.info.URL, Login: keycloak.Login{Username: l.info.AdminUsername, Password: pw},
				Transport: transport.Options{Timeout: time.Minute, Log: log}})
			s.ok(err)
			_, err = server.Info(context.Background())
			s.ok(err)
			x := live.New(server.Realm(l.realm.Name()))
			for _, most := range []int{c.requests, c.again} {
				before := len(log.Entries())
				tr, err := x.Why(context.Background(), s.Asked, nil)
				s.ok(err)
				asked, tokens := requests(log.Entries()[before:])
				t.Logf("%d requests in %d rounds, %d ms: %s by %s\n%s", tr.Requests, tr.RoundTrips, tr.Millis, tr.Verdict, tr.Cause, strings.Join(asked, "\n"))
				if tr.Verdict != c.verdict {
					t.Errorf("it is %s by %s (%s)", tr.Verdict, tr.Cause, tr.Summary)
				}
				if len(asked) > most || tr.Requests != len(asked)+tokens {
					t.Errorf("%d requests were counted and %d sent, at most %d are wanted", tr.Requests, len(asked), most)
				}
				if tr.RoundTrips > c.rounds {
					t.Errorf("%d rounds, at most %d are wanted", tr.RoundTrips, c.rounds)
				}
				if twice := repeated(asked); len(twice) > 0 {
					t.Errorf("asked more than once: %v", twice)
				}
			}
		})
	}
}

// requests are what was asked, without our own tokens, which are renewed now and then.
func requests(entries []transport.Entry) (asked []string, tokens int) {
	for _, e := range entries {
		u, _ := url.Parse(e.URL)
		if strings.HasSuffix(u.Path, "/protocol/openid-connect/token") {
			tokens++
			continue
		}
		asked = append(asked, e.Method+" "+u.RequestURI())
	}
	return asked, tokens
}

func repeated(list []string) []string {
	var out []string
	for i, r := range list {
		if slices.Contains(list[:i], r) {
			out = append(out, r)
		}
	}
	return out
}
