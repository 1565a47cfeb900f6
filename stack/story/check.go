package story

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"gatehouse/access/tuple"
)

var (
	reference  = regexp.MustCompile(`\$\{([^}]*)\}`)
	keyPattern = regexp.MustCompile(`^[a-z][a-z0-9]*$`)
)

// expand replaces the references of a text.
func (s *Story) expand(text string, id func(string) (string, error)) (string, error) {
	var failed error
	out := reference.ReplaceAllStringFunc(text, func(ref string) string {
		key, form, _ := strings.Cut(ref[2:len(ref)-1], ".")
		p, ok := s.Person(key)
		if !ok {
			failed = fmt.Errorf("%s: there is nobody called %q", ref, key)
			return ref
		}
		switch form {
		case "":
			value, err := id(key)
			if err != nil {
				failed = err
			}
			return value
		case "email":
			return p.Email
		case "seed":
			return strings.ReplaceAll(p.Email, "@", "")
		}
		failed = fmt.Errorf("%s: write ${%s}, ${%s.email} or ${%s.seed}", ref, key, key, key)
		return ref
	})
	return out, failed
}

// Named lists the keys of the people whom a text refers to.
func Named(text string) []string {
	var keys []string
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		key, _, _ := strings.Cut(m[1], ".")
		keys = append(keys, key)
	}
	return keys
}

// check finds what the reader cannot: dangling references, repetitions, and tickets
// whose fix is true already.
func (s *Story) check() error {
	s.byKey = map[string]int{}
	for i, p := range s.People {
		if _, dup := s.byKey[p.Key]; dup || !keyPattern.MatchString(p.Key) {
			return fmt.Errorf("people[%d]: %q is no key, or is there twice", i, p.Key)
		}
		s.byKey[p.Key] = i
	}
	c := &checker{s: s, names: map[string]bool{}}
	c.keycloak()
	c.people()
	c.tuples()
	c.tickets()
	return errors.Join(c.errs...)
}

type checker struct {
	s      *Story
	names  map[string]bool // what exists: "client X", "realm role X", "client role C X", "group X", "scope X"
	stored map[string]bool
	errs   []error
}

func (c *checker) fail(where, format string, a ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, a...)))
}

// declare notes that something exists, once.
func (c *checker) declare(where, what string) {
	if c.names[what] {
		c.fail(where, "%s is there twice", what)
	}
	c.names[what] = true
}

// want complains when something does not exist.
func (c *checker) want(where, what string) {
	if !c.names[what] {
		c.fail(where, "there is no %s", what)
	}
}

func (c *checker) roles(where string, r Roles) {
	for _, name := range r.RealmRoles {
		c.want(where, "realm role "+name)
	}
	for client, names := range r.ClientRoles {
		for _, name := range names {
			if client != "realm-management" && client != "account" { // those that every realm has
				c.want(where, "client role "+client+" "+name)
			}
		}
	}
}

func (c *checker) keycloak() {
	k := c.s.Keycloak
	if k.Name == "" {
		c.fail("keycloak", "the realm has no name")
	}
	for _, r := range k.RealmRoles {
		c.declare("keycloak.realm_roles", "realm role "+r.Name)
	}
	for _, scope := range append([]ClientScope{{Name: "roles"}}, k.Scopes...) {
		c.declare("keycloak.scopes", "scope "+scope.Name)
	}
	for _, cl := range k.Clients {
		c.declare("keycloak.clients", "client "+cl.ClientID)
		for _, r := range cl.Roles {
			c.declare("keycloak.clients."+cl.ClientID, "client role "+cl.ClientID+" "+r.Name)
		}
	}
	for _, r := range k.RealmRoles {
		c.roles("realm role "+r.Name, r.Composites)
	}
	for _, cl := range k.Clients {
		where := "client " + cl.ClientID
		c.roles(where, cl.ScopeRoles)
		c.roles(where, cl.ServiceAccountRoles)
		for _, r := range cl.Roles {
			c.roles(where, r.Composites)
		}
		for _, scope := range cl.OptionalScopes {
			c.want(where, "scope "+scope)
		}
	}
	for _, g := range k.Groups {
		if parent := path.Dir(g.Path); parent != "/" {
			c.want("group "+g.Path, "group "+parent)
		}
		c.declare("keycloak.groups", "group "+g.Path)
		c.roles("group "+g.Path, g.Roles)
	}
}

func (c *checker) people() {
	emails, logins := map[string]bool{}, map[string]bool{}
	for _, p := range c.s.People {
		where := "person " + p.Key
		if email := strings.ToLower(p.Email); !strings.Contains(email, "@") || emails[email] {
			c.fail(where, "the e-mail %q is none, or is there twice", p.Email)
		} else {
			emails[email] = true
		}
		if p.State != "" && p.State != "active" && p.State != "inactive" {
			c.fail(where, "the state %q is neither active nor inactive", p.State)
		}
		if p.Password != "" && p.Password != "none" {
			c.fail(where, "passwords are random; only \"none\" may stand here")
		}
		if n := p.Sessions; n.Active+n.Expired+n.Revoked > 0 && (!p.Active() || !p.HasPassword()) {
			c.fail(where, "who is suspended or has no password cannot have sessions")
		}
		if p.Login == nil {
			continue
		}
		if logins[p.Login.Username] || p.Login.Username != strings.ToLower(p.Login.Username) || len(p.Login.Username) < 3 {
			c.fail(where, "the username %q is there twice, or not lower-case, or too short for Keycloak", p.Login.Username)
		}
		logins[p.Login.Username] = true
		if p.First() == "" || p.Last() == "" {
			c.fail(where, "Keycloak wants a first and a last name")
		}
		c.roles(where, p.Login.Roles)
		for _, g := range p.Login.Groups {
			c.want(where, "group "+g)
		}
	}
}

// fakeID stands for ids while texts are only checked.
func fakeID(key string) (string, error) { return "id-of-" + key, nil }

func (c *checker) tuples() {
	c.stored = map[string]bool{}
	for i, text := range c.s.Tuples {
		where := fmt.Sprintf("tuples[%d]", i)
		t, err := c.s.Tuple(text, fakeID)
		if err != nil {
			c.fail(where, "%v", err)
			continue
		}
		if c.stored[t.Key()] {
			c.fail(where, "%s is there twice", text)
		}
		c.stored[t.Key()] = true
	}
}

func (c *checker) tickets() {
	ids := map[string]bool{}
	for _, t := range c.s.Tickets {
		where := "ticket " + t.ID
		if ids[t.ID] || t.ID == "" {
			c.fail(where, "the id is empty or there twice")
		}
		ids[t.ID] = true
		if t.Title == "" || t.Text == "" || t.Cause.Summary == "" || len(t.Fix) == 0 {
			c.fail(where, "title, text, cause and fix are needed")
		}
		if !slices.Contains([]System{Keto, Keycloak, Both}, t.System) {
			c.fail(where, "the system %q is not keto, keycloak or both", t.System)
		}
		if t.Verdict != Denied && t.Verdict != Unknown || t.After != Allowed {
			c.fail(where, "a ticket is denied or unknown at first, and allowed after its fix")
		}
		c.person(where, t.From)
		c.question(where, t)
		for i, w := range t.Fix {
			c.write(fmt.Sprintf("%s: fix[%d]", where, i), w)
		}
	}
}

func (c *checker) person(where, key string) Person {
	p, ok := c.s.Person(key)
	if !ok {
		c.fail(where, "there is nobody called %q", key)
	}
	return p
}

func (c *checker) user(where, key string) {
	if p := c.person(where, key); p.Key != "" && p.Login == nil {
		c.fail(where, "%s has no Keycloak login", key)
	}
}

func (c *checker) question(where string, t Ticket) {
	q := t.Question
	codes := KetoCauses
	switch {
	case (q.Tuple == "") == (q.Keycloak == nil):
		c.fail(where, "the question is either a tuple or about Keycloak")
	case q.Tuple != "":
		if _, err := c.s.Tuple(q.Tuple, fakeID); err != nil {
			c.fail(where, "%v", err)
		}
	default:
		codes = KeycloakCauses
		k := q.Keycloak
		c.user(where, k.User)
		c.want(where, "client "+k.Client)
		if k.Role != "" {
			c.want(where, "client role "+k.Client+" "+k.Role)
		}
		if k.RealmRole != "" {
			c.want(where, "realm role "+k.RealmRole)
		}
		if tokens := []string{"access", "id", "userinfo"}; !k.AsksLogin() && !slices.Contains(tokens, k.Token) {
			c.fail(where, "the token %q is not access, id or userinfo", k.Token)
		}
	}
	for _, code := range append([]string{t.Cause.Code}, t.Cause.Then...) {
		if !slices.Contains(codes, code) {
			c.fail(where, "the cause %q is not one of %s", code, strings.Join(codes, ", "))
		}
	}
}

func (c *checker) write(where string, w Write) {
	need, ok := needs[w.Op]
	if !ok {
		c.fail(where, "the operation %q is not known", w.Op)
		return
	}
	has := w.fields()
	for _, field := range slices.Sorted(maps.Keys(has)) {
		if has[field] != slices.Contains(need, field) {
			c.fail(where, "%s wants exactly %s", w.Op, strings.Join(need, ", "))
			return
		}
	}
	switch w.Op {
	case OpAdd, OpRemove:
		var t tuple.Tuple
		t, err := c.s.Tuple(w.Tuple, fakeID)
		if err != nil {
			c.fail(where, "%v", err)
		} else if c.stored[t.Key()] != (w.Op == OpRemove) {
			c.fail(where, "%s of %s changes nothing", w.Op, w.Tuple)
		}
	case OpActivateIdentity:
		if p := c.person(where, w.Person); p.Active() {
			c.fail(where, "%s is active", w.Person)
		}
	case OpAddScopeMapping:
		c.want(where, "client "+w.Client)
		c.want(where, "realm role "+w.RealmRole)
	case OpSetMapper:
		c.want(where, "scope "+w.Scope)
	default:
		c.userWrite(where, w)
	}
}

// userWrite checks the writes that concern one Keycloak user.
func (c *checker) userWrite(where string, w Write) {
	c.user(where, w.User)
	p, _ := c.s.Person(w.User)
	if p.Login == nil {
		return
	}
	switch {
	case w.Op == OpEnableUser && p.Login.IsEnabled():
		c.fail(where, "%s is enabled", w.User)
	case w.Op == OpVerifyEmail && p.IsVerified():
		c.fail(where, "the e-mail of %s is verified", w.User)
	case w.Op == OpJoinGroup:
		c.want(where, "group "+w.Group)
		if slices.Contains(p.Login.Groups, w.Group) {
			c.fail(where, "%s is in %s", w.User, w.Group)
		}
	}
}
