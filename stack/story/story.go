// Package story is the small company that a stack is filled with: people, the
// permission model, relation tuples, a Keycloak realm, and twelve support questions
// with their true cause and their fix. It is data with a strict reader; package
// seed writes it to the servers.
package story

import (
	_ "embed"
	"fmt"
	"sync"

	"github.com/goccy/go-yaml"

	"gatehouse/access/tuple"
)

//go:embed story.yaml
var source []byte

//go:embed namespaces.ts
var model string

// Model is the permission model (OPL) that the story's tuples are made for. Keto must
// be started with it, and keto.opl must name it for explanations.
func Model() string { return model }

// Source is the text of the story, for those who want to change a copy of it.
func Source() string { return string(source) }

// Story is everything.
type Story struct {
	// Company is its name.
	Company string `yaml:"company"`
	// People in the order of the file.
	People []Person `yaml:"people"`
	// Tuples are in text form with references to people; see Tuple.
	Tuples   []string `yaml:"tuples"`
	Keycloak Realm    `yaml:"keycloak"`
	// Tickets are the support questions, in the order in which Home lists them.
	Tickets []Ticket `yaml:"tickets"`

	byKey map[string]int
}

// Person is one human being, who is an identity in Kratos and, with a Login, a user
// in Keycloak.
type Person struct {
	// Key is how the story refers to them.
	Key string `yaml:"key"`
	// Name is the first and the last name; both may hold anything at all.
	Name  []string `yaml:"name"`
	Email string   `yaml:"email"`
	// Department makes them staff (the schema "staff"); without one they use the
	// schema "default".
	Department string `yaml:"department"`
	// Traits besides e-mail, name and department.
	Traits         map[string]any `yaml:"traits"`
	MetadataPublic map[string]any `yaml:"metadata_public"`
	MetadataAdmin  map[string]any `yaml:"metadata_admin"`
	// State is "active", the default, or "inactive".
	State string `yaml:"state"`
	// Verified is whether the e-mail is; default true.
	Verified *bool `yaml:"verified"`
	// Password is "none" for people who never set one; everybody else has a random
	// one for each stack.
	Password string   `yaml:"password"`
	Sessions Sessions `yaml:"sessions"`
	Login    *Login   `yaml:"login"`
}

// Sessions are how many Kratos sessions a person has at the start.
type Sessions struct {
	Active  int `yaml:"active"`
	Expired int `yaml:"expired"`
	Revoked int `yaml:"revoked"`
}

// Login is a person's Keycloak account. Its first and last name and its e-mail are
// the person's.
type Login struct {
	Username string   `yaml:"username"`
	Groups   []string `yaml:"groups"`
	Roles    `yaml:",inline"`
	// Enabled is default true.
	Enabled *bool `yaml:"enabled"`
}

// Roles are realm roles by name and client roles by clientId and name.
type Roles struct {
	RealmRoles  []string            `yaml:"realm_roles"`
	ClientRoles map[string][]string `yaml:"client_roles"`
}

// IsZero reports whether there are none.
func (r Roles) IsZero() bool { return len(r.RealmRoles) == 0 && len(r.ClientRoles) == 0 }

// First and Last are the parts of the name, empty when there is none.
func (p Person) First() string { return p.part(0) }

// Last is the family name; see First.
func (p Person) Last() string { return p.part(1) }

func (p Person) part(i int) string {
	if i < len(p.Name) {
		return p.Name[i]
	}
	return ""
}

// Active reports whether the identity is active in Kratos.
func (p Person) Active() bool { return p.State != "inactive" }

// IsVerified reports whether the e-mail is verified, in Kratos and Keycloak.
func (p Person) IsVerified() bool { return p.Verified == nil || *p.Verified }

// HasPassword reports whether the person has one.
func (p Person) HasPassword() bool { return p.Password != "none" }

// Schema is the id of the person's identity schema.
func (p Person) Schema() string {
	if p.Department != "" {
		return "staff"
	}
	return "default"
}

// AllTraits are the traits as Kratos keeps them.
func (p Person) AllTraits() map[string]any {
	out := map[string]any{"email": p.Email}
	for k, v := range p.Traits {
		out[k] = v
	}
	if len(p.Name) > 0 {
		name := map[string]any{"first": p.First()}
		if p.Last() != "" {
			name["last"] = p.Last()
		}
		out["name"] = name
	}
	if p.Department != "" {
		out["department"] = p.Department
	}
	return out
}

// Enabled reports whether the Keycloak account is.
func (l Login) IsEnabled() bool { return l.Enabled == nil || *l.Enabled }

// Person finds somebody by key.
func (s *Story) Person(key string) (Person, bool) {
	i, ok := s.byKey[key]
	if !ok {
		return Person{}, false
	}
	return s.People[i], true
}

// Ticket finds a ticket by id.
func (s *Story) Ticket(id string) (Ticket, bool) {
	for _, t := range s.Tickets {
		if t.ID == id {
			return t, true
		}
	}
	return Ticket{}, false
}

// Tuple reads the text form of a tuple in which ${key} stands for what id gives for
// that person (their Kratos id), ${key.email} for their e-mail and ${key.seed} for
// their e-mail without "@".
func (s *Story) Tuple(text string, id func(key string) (string, error)) (tuple.Tuple, error) {
	full, err := s.expand(text, id)
	if err != nil {
		return tuple.Tuple{}, fmt.Errorf("tuple %q: %w", text, err)
	}
	return tuple.Parse(full)
}

// Load reads the story that is part of the program. It is read once; the answer is
// shared and must not be changed.
var Load = sync.OnceValues(func() (*Story, error) { return Parse(source) })

// Parse reads and checks a story. An error names the line or the entry.
func Parse(data []byte) (*Story, error) {
	s := &Story{}
	if err := yaml.UnmarshalWithOptions(data, s, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("story.yaml: %s", yaml.FormatError(err, false, true))
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("story.yaml: %w", err)
	}
	return s, nil
}
