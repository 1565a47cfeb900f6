package person

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
)

const annID = "7d312e94-b7b7-4124-b140-2673403ebde7"

// ann is a person about whom nothing stands out.
func ann() Human {
	return Human{
		Name: "Ann Okafor",
		Identity: &kratos.Identity{ID: annID, State: kratos.Active, Traits: json.RawMessage(`{"email":"ann@acme.example","name":{"first":"Ann","last":"Okafor"}}`),
			Addresses:   []kratos.Address{{Value: "ann@acme.example", Verified: true}},
			Credentials: []kratos.Credential{{Type: "password", Identifiers: []string{"ann@acme.example"}}}},
		Accounts: []Account{{Realm: "shop", User: keycloak.User{ID: "u", Username: "ann", Email: "Ann@acme.example", FirstName: "Ann", LastName: "Okafor", Enabled: true, EmailVerified: true}}},
		Holdings: []Holding{held(annID, false)},
	}
}

// held is one tuple under a name; without a name there is none.
func held(name string, unsafe bool) Holding {
	s := tuple.Subject{ID: name}
	return Holding{Alias: access.Alias{Subject: s, Unsafe: unsafe}, Tuples: []tuple.Tuple{{Namespace: "Doc", Object: "a", Relation: "viewers", Subject: s}}}
}

// Each code comes from one change to a person about whom nothing stands out, alone.
func TestWhatStandsOut(t *testing.T) {
	if f := findings(ann()); len(f) != 0 {
		t.Fatalf("without a reason: %+v", f)
	}
	account := func(change func(*Account)) func(*Human) { return func(h *Human) { change(&h.Accounts[0]) } }
	for want, change := range map[Code]func(*Human){
		NoCredential: func(h *Human) { h.Identity.Credentials = []kratos.Credential{} },
		StaleIdentifier: func(h *Human) {
			h.Identity.Credentials[0].Identifiers = []string{"ann@acme.example", "old@acme.example"}
		},
		Locked:          account(func(a *Account) { a.Lock = keycloak.LockState{Locked: true, Failures: 5, Until: time.Now()} }),
		MustDo:          account(func(a *Account) { a.User.RequiredActions = []string{"UPDATE_PASSWORD"} }),
		EmailDiffers:    account(func(a *Account) { a.User.Email = "ann@old.example" }),
		NameDiffers:     account(func(a *Account) { a.User.LastName = "Okonkwo" }),
		VerifiedDiffers: account(func(a *Account) { a.User.EmailVerified = false }),
		NoAccount:       func(h *Human) { h.Accounts = nil },
		NoIdentity:      func(h *Human) { h.Identity = nil },
		SeveralAccounts: func(h *Human) { h.Accounts = append(h.Accounts, h.Accounts[0]) },
		SeveralSubjects: func(h *Human) { h.Holdings = append(h.Holdings, held("ann@acme.example", false)) },
		NotByID:         func(h *Human) { h.Holdings = []Holding{held("ann@acme.example", false)} },
		UnsafeSubject:   func(h *Human) { h.Holdings = append(h.Holdings, held("annacme.example", true)) },
	} {
		h := ann()
		change(&h)
		if got := codes(findings(h)); !slices.Equal(got, []Code{want}) {
			t.Errorf("%s: %v", want, got)
		}
	}
	for want, change := range map[Code]func(*Human){
		Suspended:   func(h *Human) { h.Identity.State = kratos.Inactive },
		Disabled:    account(func(a *Account) { a.User.Enabled = false }),
		NotVerified: func(h *Human) { h.Identity.Addresses[0].Verified = false },
	} {
		h := ann()
		change(&h)
		got := codes(findings(h))
		if len(got) != 2 || !slices.Contains(got, want) || !slices.Contains(got, SuspendedHere) && !slices.Contains(got, VerifiedDiffers) {
			t.Errorf("%s, and that the other server differs: %v", want, got)
		}
	}
}

// What keeps a person out is said before what does not fit together.
func TestTheWorstComesFirst(t *testing.T) {
	h := ann()
	h.Holdings = []Holding{held("ann@acme.example", false)}
	h.Accounts[0].User.Email = "ann@old.example"
	h.Identity.Credentials = []kratos.Credential{}
	if got := codes(findings(h)); !slices.Equal(got, []Code{NoCredential, EmailDiffers, NotByID}) {
		t.Error(got)
	}
}

// A server that was not asked, or failed, is not one where the person is missing.
func TestWhatCouldNotBeReadIsNotMissing(t *testing.T) {
	h := ann()
	h.Accounts, h.Missed = nil, []Missed{{Server: PartRealm("shop"), Why: "refused"}}
	h.Holdings = []Holding{{Alias: access.Alias{Subject: tuple.Subject{ID: annID}}, Err: errors.New("refused")}, held("ann@acme.example", false)}
	if f := findings(h); len(f) != 0 {
		t.Errorf("%+v", f)
	}
	h.Identity, h.Accounts, h.Missed = nil, ann().Accounts, []Missed{{Server: PartKratos, Why: "refused"}}
	if f := findings(h); len(f) != 0 {
		t.Errorf("%+v", f)
	}
}

func codes(f []Finding) []Code {
	out := []Code{}
	for _, x := range f {
		out = append(out, x.Code)
	}
	return out
}
