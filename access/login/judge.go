package login

import (
	"time"

	"gatehouse/access"
)

// group judges one kind of cause; its checks come in the order in which Keycloak, or
// the application, applies them.
type group func(f *Facts, a Asked) []Check

// groups are all kinds, in the order in which a person meets them.
var groups = []group{loginChecks, roleChecks, claimChecks, tokenChecks, resourceChecks}

// Judge holds the facts against every cause. It is pure and may be called again as
// more facts come in: what is not known yet makes unknown checks, not wrong ones.
func Judge(f *Facts, a Asked) Trace {
	a = a.withDefaults()
	if f.Now.IsZero() {
		f.Now = time.Now()
	}
	t := Trace{Trace: access.Trace{Schema: access.Schema, Question: a.Question(), Server: access.NotAsked}, Asked: a, Checks: []Check{}}
	t.Asked.Secret, t.Asked.PastedToken = "", ""
	for _, g := range groups {
		t.Checks = append(t.Checks, g(f, a)...)
	}
	for i := range t.Checks {
		t.Checks[i].Stops = t.Checks[i].Code.Stops()
	}
	conclude(&t, f, a)
	t.Proof = policyTree(f, a)
	return t
}
