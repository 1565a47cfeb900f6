package person

import (
	"strings"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
)

// Names are all names of an identity by which another back end may know the person:
// its id, the addresses and login names of its traits, and those by which it still
// signs in (kratos.Identity.StaleIdentifiers tells of the difference).
func Names(i kratos.Identity) access.Person {
	p := access.Person{ID: i.ID, Emails: i.Emails()}
	addLogin(&p, i.Username())
	for _, kind := range []string{kratos.Password, kratos.Code} {
		c, _ := i.Credentials.Of(kind)
		for _, name := range c.Identifiers {
			addLogin(&p, name)
		}
	}
	if i.ExternalID != "" {
		p.ExternalIDs = []string{i.ExternalID}
	}
	return p
}

// AddAccount adds the names of a Keycloak account.
func AddAccount(p *access.Person, u keycloak.User) {
	if u.ID != "" {
		p.KeycloakIDs = append(p.KeycloakIDs, u.ID)
	}
	addLogin(p, u.Username)
	addLogin(p, u.Email)
}

// addLogin adds a login name where it belongs: what holds an @ is an address.
func addLogin(p *access.Person, name string) {
	switch {
	case name == "":
	case strings.Contains(name, "@"):
		p.Emails = append(p.Emails, name)
	default:
		p.Usernames = append(p.Usernames, name)
	}
}

// Said is what a subject of Keto says about a person by itself: an address, or else
// something that may be an id or a login name. A group says nothing.
func Said(s tuple.Subject) access.Person {
	name := s.ID
	if s.Set != nil {
		if s.Set.Relation != "" {
			return access.Person{}
		}
		name = s.Set.Object
	}
	if strings.Contains(name, "@") {
		return access.Person{Emails: []string{name}}
	}
	return access.Person{ID: name}
}
