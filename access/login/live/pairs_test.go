package live_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gatehouse/access/login"
	"gatehouse/access/login/live"
)

// pair is two causes on one login; the first is the one that is met, the second the one
// that is met once the first is cured.
type pair struct {
	grant         login.Grant
	first, second string
}

// pairs are the precedence, two by two. Each row was first put in on the server's
// word, not on a manual's.
var pairs = []pair{
	{login.Browser, "client_disabled", "redirect_uri"},
	{login.Browser, "client_protocol saml", "redirect_uri"},
	{login.Browser, "client_disabled", "user_disabled"},
	{login.Browser, "redirect_uri", "client_flow_off"},
	{login.Browser, "redirect_uri", "user_disabled"},
	{login.Browser, "client_flow_off", "par_required"},
	{login.Browser, "client_flow_off", "scope_unavailable"},
	{login.Browser, "par_required", "scope_unavailable"},
	{login.Browser, "par_required", "pkce_required"},
	{login.Browser, "scope_unavailable", "pkce_required"},
	{login.Browser, "pkce_required", "user_disabled"},
	{login.Browser, "client_policy", "user_disabled"},
	{login.Browser, "scope_unavailable", "client_policy"},
	{login.Browser, "flow_denies first", "user_disabled"},
	{login.Browser, "user_disabled", "flow_denies at the end"},
	{login.Browser, "locked_temporarily", "user_disabled"},
	{login.Browser, "locked_temporarily", "required_action"},
	{login.Browser, "wrong_password", "user_disabled"},
	{login.Browser, "no_password", "user_disabled"},
	{login.Browser, "user_disabled", "required_action"},
	{login.Browser, "user_disabled", "profile_incomplete"},
	{login.Browser, "flow_denies at the end", "required_action"},
	{login.Browser, "email_unverified", "required_action"},
	{login.Browser, "email_unverified", "profile_incomplete"},
	{login.Browser, "required_action", "profile_incomplete"},
	{login.Browser, "required_action", "client_secret"},
	{login.Browser, "client_secret", "dpop_required"},
	{login.Browser, "client_secret", "offline_role_missing"},
	{login.Browser, "dpop_required", "offline_role_missing"},
	{login.Browser, "client_secret", "origin_not_allowed"},
	{login.Browser, "origin_not_allowed", "dpop_required"},

	{login.Direct, "client_disabled", "client_flow_off"},
	{login.Direct, "client_secret", "client_flow_off"},
	{login.Direct, "client_secret", "user_disabled"},
	{login.Direct, "client_secret", "origin_not_allowed"},
	{login.Direct, "origin_not_allowed", "client_flow_off"},
	{login.Direct, "origin_not_allowed", "dpop_required"},
	{login.Direct, "dpop_required", "client_flow_off"},
	{login.Direct, "client_flow_off", "consent_required"},
	{login.Direct, "consent_required", "scope_unavailable"},
	{login.Direct, "client_policy", "scope_unavailable"},
	{login.Direct, "scope_unavailable", "user_disabled"},
	{login.Direct, "user_disabled", "required_action"},
	{login.Direct, "otp_required", "required_action"},
	{login.Direct, "user_disabled", "flow_denies at the end"},
	{login.Direct, "flow_denies at the end", "required_action"},
	{login.Direct, "required_action", "offline_role_missing"},
	{login.Direct, "locked_temporarily", "required_action"},

	{login.Service, "client_disabled", "scope_unavailable"},
	{login.Service, "client_secret", "scope_unavailable"},
	{login.Service, "service_account_disabled", "scope_unavailable"},
	{login.Service, "client_secret", "dpop_required"},
}

func faultNamed(t testing.TB, name string) fault {
	t.Helper()
	for _, f := range faults {
		if f.String() == name {
			return f
		}
	}
	t.Fatalf("there is no fault %q", name)
	return fault{}
}

// TestTwoCauses puts two causes on one login: the one that is met is named first, with
// what is seen; the other is announced, and met once the first is cured.
func TestTwoCauses(t *testing.T) {
	l := theLab(t)
	for _, p := range pairs {
		t.Run(fmt.Sprintf("%s/%s, %s", p.grant, p.first, p.second), func(t *testing.T) {
			t.Parallel()
			first, second := faultNamed(t, p.first), faultNamed(t, p.second)
			s := l.newSubject(t, p.grant)
			inOrder := []fault{first, second}
			if second.first {
				inOrder = []fault{second, first}
			}
			for _, f := range inOrder {
				f.spoil(s)
			}
			s.wantDenied(first)
			tr := s.wantCause(first.code)
			if c, ok := tr.Of(second.code); !ok || c.State != login.Fail && second.code != login.ClientSecret {
				t.Errorf("the second cause %s is not announced: %+v", second.code, c)
			}
			s.wantHonestOfBoth(first.code, second.code)
			s.cure(first, tr)
			s.wantDenied(second)
			s.wantCause(second.code)
		})
	}
}

// wantHonestOfBoth is wantHonest where two causes stand in the way. An account that
// cannot see the first may name the second, which stops the person too; then it says that
// there may be something before it, and what it lacks to see that.
func (s *subject) wantHonestOfBoth(first, second login.Code) {
	s.t.Helper()
	for _, rights := range cutRights {
		tr, err := s.l.clerk(s.t, rights...).Why(context.Background(), s.Asked, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if tr.Cause != string(second) {
			s.judge(tr, first, rights)
			continue
		}
		if c, ok := tr.Of(first); ok && c.State != login.Unknown || !strings.Contains(tr.Hint, "something before this may stop them too, which our account cannot see: it lacks ") {
			s.t.Errorf("with %v it names %s alone (%s), and of %s it says %s\n%s", rights, second, tr.Hint, first, c.State, checksText(tr))
		}
	}
}

// cure applies the first fix of the first cause. A policy belongs to all subjects, so
// that the client is taken out of it in place of switching it off.
func (s *subject) cure(f fault, tr login.Trace) {
	s.t.Helper()
	if f.code == login.ClientPolicy {
		for _, role := range []string{"proof-key", "no-passwords"} {
			s.l.send(s.t, "DELETE", "clients/"+s.client.ID+"/roles/"+role, nil)
		}
		return
	}
	if len(tr.Fixes) == 0 {
		s.t.Fatalf("no fix for %s", f)
	}
	var in live.Inputs
	if f.inputs != nil {
		in = f.inputs(s)
	}
	if _, err := s.explainer().Apply(context.Background(), tr.Fixes[0], in); err != nil {
		s.t.Fatalf("%s: %v", tr.Fixes[0].Summary, err)
	}
}

// The list must hold at least thirty pairs, and each only once.
func TestPairsAreMany(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range pairs {
		key := strings.Join([]string{string(p.grant), p.first, p.second}, "/")
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
	}
	if len(seen) < 30 {
		t.Errorf("%d pairs", len(seen))
	}
}
