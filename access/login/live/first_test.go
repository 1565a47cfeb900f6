package live_test

import (
	"context"
	"testing"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/clients/keycloak"
)

// The first verdict comes after two rounds and eight requests; a new token of our own
// may be a ninth.
func TestFirstVerdict(t *testing.T) {
	l := theLab(t)
	s := l.newSubject(t, login.Browser)
	s.edit(keycloak.UserPatch{Enabled: new(false)})
	var early login.Trace
	last, err := live.New(l.realm).Why(context.Background(), s.Asked, func(tr login.Trace) { early = tr })
	if err != nil {
		t.Fatal(err)
	}
	if early.Cause != string(login.UserDisabled) || early.Verdict != access.Denied || early.RoundTrips != 2 || early.Requests > 9 {
		t.Errorf("the first verdict is %s by %q after %d requests in %d rounds", early.Verdict, early.Cause, early.Requests, early.RoundTrips)
	}
	if last.Cause != early.Cause || last.Requests <= early.Requests || len(last.Checks) < len(early.Checks) {
		t.Errorf("the last one is by %q after %d requests in %d rounds", last.Cause, last.Requests, last.RoundTrips)
	}
	t.Logf("first verdict: %d requests, %d rounds, %d ms; whole: %d, %d, %d ms", early.Requests, early.RoundTrips, early.Millis, last.Requests, last.RoundTrips, last.Millis)
}

// A secret that is named in the question is compared, without any event.
func TestSecretIsCompared(t *testing.T) {
	l := theLab(t)
	s := l.newSubject(t, login.Service)
	for secret, want := range map[string]string{s.secret: "", "old-" + unique(): string(login.ClientSecret)} {
		a := s.Asked
		a.Secret = secret
		if tr := ask(t, l.realm, a); tr.Cause != want {
			t.Errorf("the cause is %q, want %q\n%s", tr.Cause, want, checksText(tr))
		}
	}
}
