package access

import (
	"strings"

	"gatehouse/access/tuple"
)

// Person is what is known about one human being over all back ends. Keto knows no
// people, only subjects, and every application chooses by itself which of these
// names it writes into a tuple; the same person may stand there under several.
// Any part may be empty.
type Person struct {
	ID          string   // the id of the Kratos identity
	ExternalIDs []string // ids of other systems, such as external_id of newer Kratos servers
	Emails      []string // as they were typed, from traits, addresses and accounts
	Usernames   []string // login names that are no e-mail addresses
	KeycloakIDs []string // user ids of Keycloak, which are the "sub" of its tokens
	// Namespaces are those whose objects stand for people, in subject sets such as
	// User:<id>#. Nil means "User", the name that Ory's own examples use.
	Namespaces []string
}

// AliasKind says which name of a person a subject is made of.
type AliasKind string

// The kinds of alias, in words that fit behind "as" on a screen.
const (
	AliasKratosID    AliasKind = "Kratos id"
	AliasEmail       AliasKind = "e-mail"
	AliasLowerEmail  AliasKind = "e-mail in lower case"
	AliasUsername    AliasKind = "username"
	AliasKeycloakID  AliasKind = "Keycloak id"
	AliasExternalID  AliasKind = "external id"
	AliasJoinedEmail AliasKind = "e-mail without @"
	// AliasObject is a subject set that stands for the person as an object.
	AliasObject AliasKind = "object"
)

// Alias is one subject of Keto that may mean the person.
type Alias struct {
	Subject tuple.Subject
	Kind    AliasKind
	// Unsafe aliases can mean somebody else as well: tuples under them are worth
	// showing and never worth writing.
	Unsafe bool
}

// Aliases lists every subject that may mean the person, each once, the likeliest
// first: bare ids before subject sets, the Kratos id before e-mails, names and the
// Keycloak id. Keto compares byte by byte, so an address that holds capitals comes
// twice. Last comes the address without its @, which some guards ask for although
// two people can share it: ab@c.example and a@bc.example.
func (p Person) Aliases() []Alias {
	bare := p.bare()
	l := aliasList{seen: make(map[string]bool)}
	for _, b := range bare {
		l.add(tuple.SubjectID(b.name), b.kind, false)
	}
	spaces := p.Namespaces
	if spaces == nil {
		spaces = []string{"User"}
	}
	for _, ns := range spaces {
		for _, b := range bare {
			l.add(tuple.SubjectSet(ns, b.name, ""), AliasObject, false)
		}
	}
	for _, e := range p.Emails {
		if joined := strings.ReplaceAll(strings.ToLower(e), "@", ""); joined != e {
			l.add(tuple.SubjectID(joined), AliasJoinedEmail, true)
		}
	}
	return l.list
}

type bareName struct {
	name string
	kind AliasKind
}

// bare is every name of the person, in order of likelihood, maybe repeated.
func (p Person) bare() []bareName {
	out := []bareName{{p.ID, AliasKratosID}}
	for _, e := range p.Emails {
		out = append(out, bareName{e, AliasEmail})
	}
	for _, e := range p.Emails {
		out = append(out, bareName{strings.ToLower(e), AliasLowerEmail})
	}
	for _, list := range []struct {
		names []string
		kind  AliasKind
	}{{p.Usernames, AliasUsername}, {p.KeycloakIDs, AliasKeycloakID}, {p.ExternalIDs, AliasExternalID}} {
		for _, n := range list.names {
			out = append(out, bareName{n, list.kind})
		}
	}
	return out
}

// aliasList keeps the first of each subject, which has the likelier kind.
type aliasList struct {
	list []Alias
	seen map[string]bool
}

func (l *aliasList) add(s tuple.Subject, k AliasKind, unsafe bool) {
	if s.Set == nil && s.ID == "" || s.Set != nil && s.Set.Object == "" {
		return
	}
	key := tuple.Tuple{Subject: s}.Key()
	if l.seen[key] {
		return
	}
	l.seen[key] = true
	l.list = append(l.list, Alias{Subject: s, Kind: k, Unsafe: unsafe})
}
