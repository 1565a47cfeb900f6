package cmd

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
)

// Bounds of what is looked up about a person. It is a help to the explanation, which
// does not wait for it longer.
const (
	lookUpTime   = 4 * time.Second
	lookUpRealms = 5
	lookUpsKept  = 10_000 // of a batch
)

// personOf is what a subject says about the person by itself.
func personOf(s tuple.Subject) access.Person {
	name := s.ID
	if s.Set != nil {
		if s.Set.Relation != "" {
			return access.Person{} // a group
		}
		name = s.Set.Object
	}
	if strings.Contains(name, "@") {
		return access.Person{Emails: []string{name}}
	}
	return access.Person{ID: name}
}

// personNamespaces are those whose objects stand for people: the model declares nothing
// about them. Nil where no model says so, which means the usual name.
func personNamespaces(m *opl.Model) []string {
	var out []string
	if m != nil {
		for _, n := range m.Namespaces {
			if len(n.Relations) == 0 {
				out = append(out, n.Name)
			}
		}
	}
	return out
}

// asPlain is the asking of a question about whose subject nothing is looked up.
func asPlain(q tuple.Tuple, m *opl.Model) access.Asking {
	p := personOf(q.Subject)
	p.Namespaces = personNamespaces(m)
	return access.Asking{Question: q, Aliases: p.Aliases()}
}

// whoAsks looks the subject of a question up in Kratos and in Keycloak, so that the
// tuples can be tried with the other names of the same person. Whoever is not there, or
// does not answer, is named in NotLooked; the question is explained without.
func whoAsks(ctx context.Context, b *backends, q tuple.Tuple) access.Asking {
	p := personOf(q.Subject)
	a := access.Asking{Question: q}
	if p.ID != "" || len(p.Emails) > 0 {
		l := lookUp{b: b, said: p}
		a.Name, p, a.NotLooked = l.person(ctx)
	}
	m, _ := b.Model(ctx) // what is wrong with it is told where the explanation needs it
	p.Namespaces = personNamespaces(m)
	a.Aliases = p.Aliases()
	return a
}

// lookUp finds one person in the back ends.
type lookUp struct {
	b    *backends
	said access.Person // what the subject itself says

	mu        sync.Mutex
	identity  *kratos.Identity
	accounts  []keycloak.User
	notLooked []string
}

// person asks both back ends side by side by what the subject says, and then the one
// that knew nobody by what the other one knows.
func (l *lookUp) person(ctx context.Context) (name string, p access.Person, notLooked []string) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { l.inKratos(ctx, l.said) })
	wg.Go(func() { l.inKeycloak(ctx, l.said) })
	wg.Wait()
	switch {
	case l.identity == nil && len(l.accounts) > 0:
		l.inKratos(ctx, accountNames(l.accounts[0]))
	case l.identity != nil && len(l.accounts) == 0:
		l.inKeycloak(ctx, identityNames(*l.identity))
	}
	return l.found()
}

// found puts together what is known.
func (l *lookUp) found() (name string, p access.Person, notLooked []string) {
	p = l.said
	if l.identity != nil {
		name, p = l.identity.Name(), identityNames(*l.identity)
	}
	for _, u := range l.accounts {
		n := accountNames(u)
		p.KeycloakIDs = append(p.KeycloakIDs, u.ID)
		p.Usernames = append(p.Usernames, n.Usernames...)
		p.Emails = append(p.Emails, n.Emails...)
		if name == "" {
			name = u.Name()
		}
	}
	if l.identity == nil && len(l.accounts) > 0 && l.said.ID != "" {
		p.ExternalIDs = append(p.ExternalIDs, l.said.ID)
		p.ID = ""
	}
	slices.Sort(l.notLooked)
	return name, p, l.notLooked
}

func identityNames(i kratos.Identity) access.Person {
	p := access.Person{ID: i.ID, Emails: i.Emails()}
	if u := i.Username(); u != "" {
		p.Usernames = []string{u}
	}
	if i.ExternalID != "" {
		p.ExternalIDs = []string{i.ExternalID}
	}
	return p
}

func accountNames(u keycloak.User) access.Person {
	p := access.Person{}
	if u.Email != "" {
		p.Emails = []string{u.Email}
	}
	if u.Username != "" && u.Username != u.Email {
		p.Usernames = []string{u.Username}
	}
	return p
}

func (l *lookUp) miss(system string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.notLooked {
		if strings.HasPrefix(s, system+": ") {
			return
		}
	}
	l.notLooked = append(l.notLooked, system+": "+problemOf(err).Reason)
}

// inKratos looks for the identity by its id, an e-mail or a user name.
func (l *lookUp) inKratos(ctx context.Context, p access.Person) {
	if k := l.b.Context.Kratos; k == nil || k.AdminURL == "" {
		l.miss("kratos", l.b.missing("Kratos", "kratos.admin_url"))
		return
	}
	k, err := l.b.Kratos(ctx)
	if err != nil {
		l.miss("kratos", err)
		return
	}
	if p.ID != "" {
		i, err := k.Get(ctx, p.ID)
		if err == nil {
			l.identity = &i
			return
		}
		if !nobody(err) {
			l.miss("kratos", err)
			return
		}
	}
	for _, login := range append(append(append([]string{}, p.Emails...), p.Usernames...), p.ID) {
		if login == "" || isID(login) {
			continue
		}
		found, err := k.FindExact(ctx, login)
		if err != nil {
			l.miss("kratos", err)
			return
		}
		if len(found) == 1 {
			l.identity = &found[0]
			return
		}
	}
}

// isID tells the form of the ids of Kratos and Keycloak, by which nobody logs in.
func isID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

// nobody reports that a server knows nobody of that name, or takes it for no name.
func nobody(err error) bool {
	return clients.Is(err, clients.NotFound) || clients.Is(err, clients.Invalid) || clients.Is(err, clients.Conflict)
}

// inKeycloak looks for the account in the realms of the context, by e-mail, user name
// or id.
func (l *lookUp) inKeycloak(ctx context.Context, p access.Person) {
	kc := l.b.Context.Keycloak
	if kc == nil || kc.URL == "" {
		l.miss("keycloak", l.b.missing("Keycloak", "keycloak.url"))
		return
	}
	if len(kc.Realms) == 0 {
		l.miss("keycloak", &clients.Problem{Reason: "context " + l.b.Context.Name + " names no realm (keycloak.realms)"})
		return
	}
	s, err := l.b.Keycloak(ctx)
	if err != nil {
		l.miss("keycloak", err)
		return
	}
	realms := kc.Realms
	if len(realms) > lookUpRealms {
		l.miss("keycloak", &clients.Problem{Reason: "only the first realms of the context were asked: " + strings.Join(realms[:lookUpRealms], ", ")})
		realms = realms[:lookUpRealms]
	}
	var wg sync.WaitGroup
	found := make([]*keycloak.User, len(realms))
	for i, name := range realms {
		wg.Go(func() {
			u, err := account(ctx, s.Realm(name), p)
			switch {
			case err == nil:
				found[i] = &u
			case !nobody(err):
				l.miss("keycloak", err)
			}
		})
	}
	wg.Wait()
	for _, u := range found {
		if u != nil {
			l.accounts = append(l.accounts, *u)
		}
	}
}

// account finds one user of a realm.
func account(ctx context.Context, r *keycloak.Realm, p access.Person) (keycloak.User, error) {
	var u keycloak.User
	var err error = &clients.Problem{Kind: clients.NotFound}
	try := func(find func(context.Context, string) (keycloak.User, error), names ...string) {
		for _, n := range names {
			if n != "" && err != nil && nobody(err) {
				u, err = find(ctx, n)
			}
		}
	}
	if isID(p.ID) {
		try(r.User, p.ID)
	}
	try(r.UserByEmail, p.Emails...)
	try(r.UserByUsername, p.Usernames...)
	if !isID(p.ID) {
		try(r.UserByUsername, p.ID)
	}
	return u, err
}

// remembered looks each subject up once.
func remembered(who asker) asker {
	known := map[string]access.Asking{}
	return func(ctx context.Context, q tuple.Tuple) access.Asking {
		key := tuple.Tuple{Subject: q.Subject}.Key()
		a, ok := known[key]
		if !ok {
			if len(known) >= lookUpsKept {
				clear(known)
			}
			a = who(ctx, q)
			known[key] = a
		}
		a.Question = q
		return a
	}
}
