// Package person joins what the back ends know about one human being: the identity
// of Kratos, the accounts in the realms of Keycloak, and every subject of Keto that
// may mean them; and says in words where these do not fit together.
//
// What could not be read is listed in Missed and never taken for "there is none".
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
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
)

// Kratos is what is read of Kratos; *kratos.Client has it.
type Kratos interface {
	Get(ctx context.Context, id string) (kratos.Identity, error)
	FindExact(ctx context.Context, identifier string) ([]kratos.Identity, error)
	FindPrefix(ctx context.Context, prefix, cursor string) (clients.Page[kratos.Identity], error)
	IdentitySessions(ctx context.Context, id string, q kratos.SessionQuery, cursor string) (clients.Page[kratos.Session], error)
}

// Realm is what is read of one realm of Keycloak; *keycloak.Realm has it.
type Realm interface {
	Accounts
	User(ctx context.Context, id string) (keycloak.User, error)
}

// Sources are the back ends to look in. One that is nil is not asked; Off says why,
// by its name ("kratos", "keto", "keycloak").
type Sources struct {
	Kratos Kratos
	Keto   Keto
	Realms []Realm
	Off    map[string]error
	// Namespaces are those whose objects stand for people; see access.Person.
	Namespaces []string
}

// Bounds of what one look costs.
const (
	MaxHits    = 20 // people that Find gives
	MaxTuples  = 50 // relation tuples read of each alias
	maxAliases = 60 // aliases asked for
	parallel   = 6  // requests side by side
)

// Hit is somebody whom Find found: in Kratos, in Keycloak, or in both.
type Hit struct {
	ID       string                   `json:"id,omitempty"`       // of the Kratos identity
	Accounts map[string]keycloak.User `json:"accounts,omitempty"` // by realm
	Name     string                   `json:"name"`
	Email    string                   `json:"email,omitempty"`

	identity *kratos.Identity
	words    access.Person // what was said of them, of which it is not known whose it is
	label    string        // what to call them until a name is known
}

// Missed is a back end that was not asked, or did not answer.
type Missed struct {
	Server string `json:"server"` // "kratos", "kratos sessions", "keto", "keycloak", or "keycloak realm NAME"
	Why    string `json:"why"`
	Err    error  `json:"-"` // nil where there is no such back end
}

// work collects what several requests find.
type work struct {
	mu     sync.Mutex
	missed []Missed
	hits   []Hit
}

func (w *work) miss(server string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.ContainsFunc(w.missed, func(m Missed) bool { return m.Server == server }) {
		return
	}
	w.missed = append(w.missed, Missed{server, reason(err), err})
}

// reason is why, without what was tried and what to do.
func reason(err error) string {
	if p, ok := errors.AsType[*clients.Problem](err); ok && p.Reason != "" {
		return p.Reason
	}
	return err.Error()
}

// Find looks for people by what somebody types: an id of Kratos or of Keycloak, an
// e-mail, a login name, the beginning of one, a name as far as Keycloak searches by
// it, or a subject of Keto such as User:ann. The same person in several back ends is
// one hit. Nobody found is no error; Missed says who was not asked.
func (s Sources) Find(ctx context.Context, text string) ([]Hit, []Missed) {
	text = nameIn(text)
	w := &work{missed: s.notThere()}
	var wg sync.WaitGroup
	if s.Kratos != nil {
		wg.Go(func() { s.findIdentities(ctx, w, text) })
	}
	for _, r := range s.Realms {
		wg.Go(func() { findAccounts(ctx, w, r, text) })
	}
	wg.Wait()
	hits := merge(w.hits)
	// The best first: a whole login name or id before a beginning.
	slices.SortStableFunc(hits, func(a, b Hit) int {
		return strings.Compare(a.rank(text)+strings.ToLower(a.Name), b.rank(text)+strings.ToLower(b.Name))
	})
	slices.SortFunc(w.missed, func(a, b Missed) int { return strings.Compare(a.Server, b.Server) })
	return hits[:min(len(hits), MaxHits)], w.missed
}

// nameIn takes the name out of a subject set such as User:ann or (User:ann#).
func nameIn(text string) string {
	text = strings.TrimSpace(text)
	if !strings.ContainsAny(text, ":#") {
		return text
	}
	s, err := tuple.ParseSubject(text)
	if err != nil || s.Set == nil || s.Set.Relation != "" {
		return text
	}
	return s.Set.Object
}

func (s Sources) notThere() []Missed {
	var out []Missed
	for _, b := range []struct {
		name string
		has  bool
	}{{"kratos", s.Kratos != nil}, {"keto", s.Keto != nil}, {"keycloak", len(s.Realms) > 0}} {
		if !b.has {
			m := Missed{Server: b.name, Why: "this context does not name it"}
			if err := s.Off[b.name]; err != nil {
				m.Why, m.Err = reason(err), err
				if p, ok := errors.AsType[*clients.Problem](err); ok && p.Code == clients.NotConfigured {
					m.Err = nil
				}
			}
			out = append(out, m)
		}
	}
	return out
}

// Whole reports whether text is all of a name, an address or an id of this person,
// in any case.
func (h Hit) Whole(text string) bool {
	text = nameIn(text)
	same := func(v string) bool { return v != "" && strings.EqualFold(v, text) }
	whole := same(h.ID) || same(h.Email) || same(h.Name)
	for _, u := range h.Accounts {
		whole = whole || same(u.ID) || same(u.Username) || same(u.Email)
	}
	if h.identity != nil {
		whole = whole || same(h.identity.Username()) || slices.ContainsFunc(h.identity.Emails(), same)
	}
	return whole
}

// said is what the hit itself tells before anybody is asked again.
func (h Hit) said() access.Person {
	p := h.words
	if h.ID != "" {
		p.ID = h.ID
	}
	if h.identity != nil {
		p = Names(*h.identity)
	}
	for _, u := range h.Accounts {
		if u.Username != "" {
			AddAccount(&p, u)
		}
	}
	return p
}

// OfSubject is whoever a subject of Keto names, of whom nothing else is known yet.
func OfSubject(s tuple.Subject) Hit { return Hit{words: Said(s), label: s.String()} }

func (h Hit) rank(text string) string {
	if h.Whole(text) {
		return "0"
	}
	return "1"
}

func (s Sources) findIdentities(ctx context.Context, w *work, text string) {
	add := func(all ...kratos.Identity) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, i := range all {
			h := Hit{ID: i.ID, Name: i.Name(), identity: &i}
			if mails := i.Emails(); len(mails) > 0 {
				h.Email = mails[0]
			}
			w.hits = append(w.hits, h)
		}
	}
	if kratos.IsID(text) {
		i, err := s.Kratos.Get(ctx, text)
		switch {
		case err == nil:
			add(i)
		case !clients.Is(err, clients.NotFound):
			w.miss(PartKratos, err)
		}
		return
	}
	exact, err := s.Kratos.FindExact(ctx, text)
	if err != nil {
		w.miss(PartKratos, err)
		return
	}
	add(exact...)
	page, err := s.Kratos.FindPrefix(ctx, text, "")
	if err != nil && !clients.Is(err, clients.Invalid) { // a Kratos that cannot search by beginnings
		w.miss(PartKratos, err)
		return
	}
	add(page.Items...)
}

func findAccounts(ctx context.Context, w *work, r Realm, text string) {
	server := PartRealm(r.Name())
	add := func(all ...keycloak.User) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, u := range all {
			w.hits = append(w.hits, Hit{Accounts: map[string]keycloak.User{r.Name(): u}, Name: u.Name(), Email: u.Email})
		}
	}
	if kratos.IsID(text) { // both servers use UUIDs
		u, err := r.User(ctx, text)
		switch {
		case err == nil:
			add(u)
		case !clients.Is(err, clients.NotFound):
			w.miss(server, err)
		}
		return
	}
	page, err := r.Users(keycloak.UserQuery{Search: text, PageSize: MaxHits})(ctx, "")
	if err != nil {
		w.miss(server, err)
		return
	}
	add(page.Items...)
}

// merge joins hits that are one person: with the same id, or with an e-mail address
// or login name in common, in any case.
func merge(hits []Hit) []Hit {
	var out []Hit
	for _, h := range hits {
		i := slices.IndexFunc(out, func(o Hit) bool { return sameOne(o, h) })
		if i < 0 {
			out = append(out, h)
			continue
		}
		o := &out[i]
		if o.identity == nil && h.identity != nil {
			o.ID, o.Name, o.Email, o.identity = h.ID, h.Name, h.Email, h.identity
		}
		for realm, u := range h.Accounts {
			if o.Accounts == nil {
				o.Accounts = map[string]keycloak.User{}
			}
			if _, has := o.Accounts[realm]; !has {
				o.Accounts[realm] = u
			}
		}
	}
	return out
}

func sameOne(a, b Hit) bool {
	if a.ID != "" && b.ID != "" {
		return a.ID == b.ID
	}
	for realm, u := range a.Accounts {
		if v, ok := b.Accounts[realm]; ok {
			return u.ID == v.ID
		}
	}
	return slices.ContainsFunc(a.logins(), func(n string) bool { return slices.Contains(b.logins(), n) })
}

// logins are the names that tell one person from another, in lower case.
func (h Hit) logins() []string {
	var out []string
	add := func(names ...string) {
		for _, n := range names {
			if n != "" {
				out = append(out, strings.ToLower(n))
			}
		}
	}
	if h.identity != nil {
		add(h.identity.Emails()...)
		add(h.identity.Username())
	}
	for _, u := range h.Accounts {
		add(u.Email, u.Username)
	}
	return out
}
