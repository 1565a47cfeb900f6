// Package seeding makes in the real servers what the demo's systems need of them:
// for the accounts "seeds" the people, tuples and realm with which the answers of the
// originals were recorded. Everything is looked for before it is written.
package seeding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
	"gatehouse/demo/gate"
	"gatehouse/demo/systems/ketopolicy"
)

// Password is that of the people of the accounts "seeds" in Kratos. Everybody may
// know it, which is why they are made on this machine only.
const Password = "S3cure-pass-gatehouse"

// Emails are the people of the accounts "seeds" in Kratos: one with the relation, one
// whose address is the same without its @, and two without.
var Emails = []string{"minkin.andrew@gmail.com", "minkin.andre@wgmail.com", "joe@example.com", "off@example.com"}

// Outcome is what became of one thing.
type Outcome string

// The outcomes.
const (
	Made    Outcome = "made"
	Changed Outcome = "changed"
	Same    Outcome = "same"    // it was there already
	Missing Outcome = "missing" // it would be made, were it not a dry run
	Differs Outcome = "differs" // it would be changed, were it not a dry run
	Kept    Outcome = "kept"    // it is not as the demo needs it, on purpose, and stays
)

// Step is one thing that was looked at.
type Step struct {
	Server  string  `json:"server" jsonschema:"enum=kratos,enum=keto,enum=keycloak"`
	What    string  `json:"what" jsonschema_description:"What it is: an identity, a tuple, a client, a role."`
	Outcome Outcome `json:"outcome" jsonschema:"enum=made,enum=changed,enum=same,enum=missing,enum=differs,enum=kept"`
	Note    string  `json:"note,omitempty" jsonschema_description:"What else there is to know: why it was kept, or what brings it back."`
}

// Clients are the servers; any may be nil and is left out.
type Clients struct {
	Kratos   *kratos.Client
	Keto     *keto.Client
	Keycloak *keycloak.Server
	// Realm is that of the web application in Keycloak.
	Realm string
	// ClientID is the web application's; empty is WebClientID.
	ClientID string
	// AppURL is where the demo server is, for redirect addresses.
	AppURL string
	// DryRun looks and writes nothing.
	DryRun bool
}

// Part makes one server's share and tells every step.
type Part func(ctx context.Context, c Clients, tell func(Step)) error

// parts are all shares; that of Keycloak stands in a file of its own.
var parts = []Part{seedKratos, seedKeto, seedKeycloak}

// Seeds makes what the accounts "seeds" need. Each step is told when it is done; on an
// error those that were told stay done, and seeding again goes on.
func Seeds(ctx context.Context, c Clients, tell func(Step)) error {
	for _, p := range parts {
		if err := p(ctx, c, tell); err != nil {
			return err
		}
	}
	return nil
}

func seedKratos(ctx context.Context, c Clients, tell func(Step)) error {
	if c.Kratos == nil {
		return nil
	}
	for _, email := range Emails {
		have, err := c.Kratos.FindExact(ctx, email)
		if err != nil {
			return fmt.Errorf("look for %s: %w", email, err)
		}
		s := Step{Server: "kratos", What: "identity " + email, Outcome: Same}
		switch {
		case len(have) > 0:
		case c.DryRun:
			s.Outcome = Missing
		default:
			traits, err := json.Marshal(map[string]string{"email": email})
			if err != nil {
				return err
			}
			_, err = c.Kratos.Create(ctx, kratos.NewIdentity{SchemaID: "default", Traits: traits, Password: clients.Secret(Password)})
			if err != nil && !clients.Is(err, clients.Conflict) {
				return err
			}
			s.Outcome = Made
		}
		tell(s)
	}
	return nil
}

func seedKeto(ctx context.Context, c Clients, tell func(Step)) error {
	if c.Keto == nil {
		return nil
	}
	t, err := tuple.Parse(ketopolicy.SeedTuple)
	if err != nil {
		return err
	}
	s := Step{Server: "keto", What: "tuple " + t.String(), Outcome: Same}
	if c.DryRun {
		n, err := c.Keto.Copies(ctx, t)
		if err != nil {
			return err
		}
		if n[0] == 0 {
			s.Outcome = Missing
		}
		tell(s)
		return nil
	}
	done, err := c.Keto.Add(ctx, t)
	if clients.Is(err, clients.NotFound) {
		return errors.Join(err, errors.New("the permission model needs a namespace app with a relation read; gatehouse stack up starts Keto with one"))
	}
	if err != nil {
		return err
	}
	if done.Changed() {
		s.Outcome = Made
	}
	tell(s)
	return nil
}

// People are those of the accounts "seeds" who can sign in with one click, in Kratos
// or in Keycloak.
func People() []gate.Person {
	var list []gate.Person
	for _, email := range Emails {
		list = append(list, gate.Person{Key: email, Name: email, Email: email, Password: Password})
	}
	for _, p := range webPeople {
		note := "no roles"
		if len(p.roles) > 0 {
			note = strings.Join(p.roles, ", ")
		}
		list = append(list, gate.Person{Key: p.name, Name: p.name, Username: p.name, Password: Password, Note: note})
	}
	return list
}
