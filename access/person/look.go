package person

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
)

// Human is one human being over all back ends.
type Human struct {
	Name     string           `json:"name"`
	Identity *kratos.Identity `json:"-"` // nil where Kratos has none, or was not asked
	Sessions []kratos.Session `json:"-"` // the live ones, up to a page
	Accounts []Account        `json:"-"`
	Holdings []Holding        `json:"-"` // of every alias that holds something
	Aliases  []access.Alias   `json:"-"` // all that were asked for
	Findings []Finding        `json:"findings"`
	Missed   []Missed         `json:"missed"`
}

// Account is the person's account in one realm.
type Account struct {
	Realm  string
	User   keycloak.User
	Groups []string // paths of the direct groups
	Lock   keycloak.LockState
	Roles  keycloak.Effective
	// LockErr and RolesErr say why these could not be read.
	LockErr, RolesErr error
}

// Holding is what one alias of the person holds in Keto.
type Holding struct {
	Alias  access.Alias
	Tuples []tuple.Tuple
	More   bool // there are more than were read
}

// Look reads everything about one person, side by side. A hit of Kratos alone is
// looked for in Keycloak by its names, and the other way round.
func (s Sources) Look(ctx context.Context, h Hit) Human {
	w := &work{missed: s.notThere()}
	out := Human{Name: h.Name}
	s.complete(ctx, w, &h)
	out.Identity = h.identity
	p := h.person(s.Namespaces)
	out.Aliases = p.Aliases()
	out.Aliases = out.Aliases[:min(len(out.Aliases), maxAliases)]
	for _, r := range s.Realms {
		if u, ok := h.Accounts[r.Name()]; ok {
			out.Accounts = append(out.Accounts, Account{Realm: r.Name(), User: u})
		}
	}
	s.fill(ctx, w, &out)
	slices.SortFunc(w.missed, func(a, b Missed) int { return strings.Compare(a.Server, b.Server) })
	out.Missed = w.missed
	if out.Name == "" {
		out.Name = h.Email
	}
	out.Findings = findings(out)
	return out
}

// complete looks in the back ends in which the hit was not found.
func (s Sources) complete(ctx context.Context, w *work, h *Hit) {
	if h.identity == nil && h.ID != "" && s.Kratos != nil {
		if i, err := s.Kratos.Get(ctx, h.ID); err == nil {
			h.identity = &i
		} else if !clients.Is(err, clients.NotFound) {
			w.miss("kratos", err)
		}
	}
	if h.identity == nil && s.Kratos != nil {
		for _, name := range h.logins() {
			found, err := s.Kratos.FindExact(ctx, name)
			if err != nil {
				w.miss("kratos", err)
				break
			}
			if len(found) == 1 {
				h.identity, h.ID = &found[0], found[0].ID
				break
			}
		}
	}
	var wg sync.WaitGroup
	for _, r := range s.Realms {
		if _, has := h.Accounts[r.Name()]; has {
			continue
		}
		wg.Go(func() {
			u, ok, err := findAccount(ctx, r, *h)
			w.mu.Lock()
			if ok {
				if h.Accounts == nil {
					h.Accounts = map[string]keycloak.User{}
				}
				h.Accounts[r.Name()] = u
			}
			w.mu.Unlock()
			if err != nil {
				w.miss("keycloak realm "+r.Name(), err)
			}
		})
	}
	wg.Wait()
}

// findAccount looks for one person in a realm: by e-mail, then by login name.
func findAccount(ctx context.Context, r Realm, h Hit) (keycloak.User, bool, error) {
	var queries []keycloak.UserQuery
	if h.identity != nil {
		for _, e := range h.identity.Emails() {
			queries = append(queries, keycloak.UserQuery{Email: e, Exact: true})
		}
		for _, n := range append([]string{h.identity.Username()}, h.identity.Emails()...) {
			if n != "" { // realms that log in with the address use it as the username
				queries = append(queries, keycloak.UserQuery{Username: n, Exact: true})
			}
		}
	}
	for _, q := range queries {
		page, err := r.Users(q)(ctx, "")
		if err != nil {
			return keycloak.User{}, false, err
		}
		if len(page.Items) == 1 {
			return page.Items[0], true, nil
		}
	}
	return keycloak.User{}, false, nil
}

// person is every name of the hit.
func (h Hit) person(namespaces []string) access.Person {
	p := access.Person{Namespaces: namespaces}
	if i := h.identity; i != nil {
		p.ID, p.Emails = i.ID, i.Emails()
		if u := i.Username(); u != "" {
			p.Usernames = []string{u}
		}
		if i.ExternalID != "" {
			p.ExternalIDs = []string{i.ExternalID}
		}
	}
	for _, u := range h.Accounts {
		p.KeycloakIDs = append(p.KeycloakIDs, u.ID)
		if u.Email != "" {
			p.Emails = append(p.Emails, u.Email)
		}
		if u.Username != u.Email {
			p.Usernames = append(p.Usernames, u.Username)
		}
	}
	return p
}

// fill reads what hangs on the person.
func (s Sources) fill(ctx context.Context, w *work, out *Human) {
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	do := func(f func()) {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			f()
		})
	}
	if out.Identity != nil {
		do(func() {
			active := true
			page, err := s.Kratos.IdentitySessions(ctx, out.Identity.ID, kratos.SessionQuery{Active: &active}, "")
			if out.Sessions = page.Items; err != nil {
				w.miss("kratos", err)
			}
		})
	}
	for i := range out.Accounts {
		a := &out.Accounts[i]
		r := s.Realms[slices.IndexFunc(s.Realms, func(r Realm) bool { return r.Name() == a.Realm })]
		do(func() { a.Lock, a.LockErr = r.Lock(ctx, a.User.ID) })
		do(func() { a.Roles, a.RolesErr = r.Effective(ctx, keycloak.OfUser(a.User.ID)) })
		do(func() {
			if full, err := r.User(ctx, a.User.ID); err == nil {
				a.User = full // a list leaves out what must be done at the next login
			}
		})
		do(func() {
			page, err := r.UserGroups(a.User.ID, keycloak.GroupQuery{Brief: true})(ctx, "")
			for _, g := range page.Items {
				a.Groups = append(a.Groups, g.Path)
			}
			if err != nil {
				w.miss("keycloak realm "+a.Realm, err)
			}
		})
	}
	holds := make([]Holding, len(out.Aliases))
	if s.Keto != nil {
		for i, alias := range out.Aliases {
			do(func() {
				subject := alias.Subject
				page, err := s.Keto.ListN(ctx, tuple.Query{Subject: &subject}, "", MaxTuples)
				holds[i] = Holding{alias, page.Items, page.Next != ""}
				if p, _ := errors.AsType[*clients.Problem](err); err != nil && (p == nil || p.Code != keto.CodeUnknownNamespace) {
					w.miss("keto", err) // in a namespace that the model lacks, nobody holds anything
				}
			})
		}
	}
	wg.Wait()
	for _, h := range holds {
		if len(h.Tuples) > 0 {
			out.Holdings = append(out.Holdings, h)
		}
	}
}
