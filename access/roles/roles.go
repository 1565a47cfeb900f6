// Package roles answers where a role comes from: for a user, a group or a service
// account every effective role with the ways that lead to it (direct, through groups
// and their ancestors, through composite roles, through the realm's default roles),
// for a client the roles that may reach its tokens, and for a role everybody who
// holds it.
//
// It is pure: a client fills a Graph, or stands behind Directory; nothing here knows
// HTTP. What could not be read is told with the right that was missing, so that a
// role which was not found is unknown and not "not held".
package roles

import (
	"cmp"
	"slices"
	"strings"
)

// Kind tells what a step on the way to a role is.
type Kind string

// The kinds of step, in the words that paths are printed with.
const (
	User           Kind = "user"
	ServiceAccount Kind = "service account"
	Group          Kind = "group"
	RealmRole      Kind = "realm role"
	ClientRole     Kind = "client role"
	Client         Kind = "client"       // the start of what may reach the tokens of a client
	ClientScope    Kind = "client scope" // brings roles into the scope of a client
)

// IsRole reports whether a step is a role and not somebody who holds roles.
func (k Kind) IsRole() bool { return k == RealmRole || k == ClientRole }

// Step is one node on the way to a role.
type Step struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
	// Name is a username, the path of a group, the bare name of a role, or a clientId
	// (of a client and of a service account).
	Name string `json:"name"`
	// Client is the clientId of a client role; empty for everything else.
	Client string `json:"client,omitempty"`
	// Default marks the realm's default role, which every new user is given.
	Default bool `json:"default,omitempty"`
}

// Label is the step without its kind: "/staff", "employee", "flaskClient:admin".
func (s Step) Label() string {
	if s.Kind == ClientRole {
		return s.Client + ":" + s.Name
	}
	return s.Name
}

// String is the step as paths are printed: "client role flaskClient:admin".
func (s Step) String() string { return string(s.Kind) + " " + s.Label() }

// Ref names the role that a step is; the zero Ref for a step that is none.
func (s Step) Ref() Ref {
	if !s.Kind.IsRole() {
		return Ref{}
	}
	return Ref{Client: s.Client, Name: s.Name}
}

// compare orders roles as they are listed: realm roles, then by client and name.
func (s Step) compare(o Step) int {
	return cmp.Or(cmp.Compare(s.Client, o.Client), cmp.Compare(s.Name, o.Name), cmp.Compare(s.ID, o.ID))
}

// Path leads from a holder to a role; both ends are part of it.
type Path []Step

// Strings are the steps as texts, the form of "paths" in the output of commands.
func (p Path) Strings() []string {
	out := make([]string, len(p))
	for i, s := range p {
		out[i] = s.String()
	}
	return out
}

// String is the path on one line, for logs and tests.
func (p Path) String() string { return strings.Join(p.Strings(), " > ") }

// ByDefault reports whether the path leads through the realm's default role.
func (p Path) ByDefault() bool {
	for _, s := range p {
		if s.Default {
			return true
		}
	}
	return false
}

// Ref names a role: a realm role (Client is empty) or a role of a client.
type Ref struct {
	// Client is the clientId of a client role.
	Client string
	Name   string
}

// String is the role as people write it: "employee", "flaskClient:admin".
func (r Ref) String() string {
	if r.Client == "" {
		return r.Name
	}
	return r.Client + ":" + r.Name
}

// State is the answer to "is this role held?".
type State string

// The states. The zero State is no answer.
const (
	IsHeld  State = "held"
	NotHeld State = "not_held"
	// Unknown stands where the role was not found but our account may not have been
	// shown everything.
	Unknown State = "unknown"
)

// Held is one role that somebody holds, and how.
type Held struct {
	Role Step `json:"role"`
	// Direct reports a mapping to the holder itself, also when there are other ways.
	Direct bool `json:"direct"`
	// Paths are the ways, shortest first: for each mapping that leads to the role its
	// shortest continuation through composite roles. Whoever takes away the first role
	// of every path takes away the role. There may be more of them than are listed.
	Paths []Path `json:"paths"`
	// Count is how many ways there are, at most MaxCount. 0 means that the server says
	// that the role is held, and that no way to it could be read.
	Count int `json:"count"`
}

// More is how many ways are not listed in Paths.
func (h Held) More() int { return h.Count - len(h.Paths) }

// Provenance is every role that somebody holds, with the ways in which it is held.
type Provenance struct {
	Holder Step `json:"holder"`
	// Roles are sorted: realm roles first, then by client and name.
	Roles []Held `json:"roles"`
	// RealmNeeds and ClientNeeds name the rights that our account lacks and without
	// which realm roles, and client roles, may be missing from Roles.
	RealmNeeds  []string `json:"realm_needs,omitempty"`
	ClientNeeds []string `json:"client_needs,omitempty"`
	// PathNeeds names the rights without which ways may be missing from a role that is
	// in Roles.
	PathNeeds []string `json:"path_needs,omitempty"`
	// Checked reports whether the server could be asked for its own answer. OnlyServer
	// and OnlyOurs are the roles in which the two differ; an explanation that differs
	// from the server is shown with the difference.
	Checked    bool   `json:"checked"`
	OnlyServer []Step `json:"only_server,omitempty"`
	OnlyOurs   []Step `json:"only_ours,omitempty"`
}

// Find answers whether a role is held. With IsHeld the first result says how; with
// Unknown the rights are named that would make it known.
func (p Provenance) Find(role Ref) (Held, State, []string) {
	for _, h := range p.Roles {
		if h.Role.Ref() == role {
			return h, IsHeld, nil
		}
	}
	needs := p.ClientNeeds
	if role.Client == "" {
		needs = p.RealmNeeds
	}
	if len(needs) > 0 {
		return Held{}, Unknown, needs
	}
	return Held{}, NotHeld, nil
}

// Agrees reports whether our answer is the server's, as far as it could be asked.
func (p Provenance) Agrees() bool { return len(p.OnlyServer)+len(p.OnlyOurs) == 0 }

// Needs names every right that is missing for a complete answer.
func (p Provenance) Needs() []string {
	var out []string
	for _, l := range [][]string{p.RealmNeeds, p.ClientNeeds, p.PathNeeds} {
		out = addNew(out, l...)
	}
	return out
}

// Scope is which roles may reach the tokens of one client: a token holds the roles
// that its user holds and that are in the scope.
type Scope struct {
	// Full reports that the client has full scope: every role of the user is in it.
	Full bool `json:"full"`
	// Provenance has the client as holder and says of each role in scope through what
	// it came there: the client's own roles, its scope mappings, those of its client
	// scopes, and what composite roles among these contain. Empty with Full.
	Provenance
}

// Lets answers whether a role may reach the tokens of the client: IsHeld is yes.
func (s Scope) Lets(role Ref) (State, []string) {
	if s.Full {
		return IsHeld, nil
	}
	_, state, needs := s.Find(role)
	return state, needs
}

// addNew appends what is not there yet.
func addNew(list []string, more ...string) []string {
next:
	for _, m := range more {
		for _, l := range list {
			if l == m {
				continue next
			}
		}
		list = append(list, m)
	}
	return list
}

// Sort puts roles into the order of Provenance.Roles.
func Sort(held []Held) {
	slices.SortFunc(held, func(a, b Held) int { return a.Role.compare(b.Role) })
}
