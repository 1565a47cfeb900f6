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
	"gatehouse/clients/keto"
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

// Keto is what is read of Keto; *keto.Client has it.
type Keto interface {
	ListN(ctx context.Context, q tuple.Query, cursor string, size int) (clients.Page[tuple.Tuple], error)
}

// Realm is what is read of one realm of Keycloak; *keycloak.Realm has it.
type Realm interface {
	Name() string
	User(ctx context.Context, id string) (keycloak.User, error)
	Users(q keycloak.UserQuery) clients.Fetch[keycloak.User]
	UserGroups(userID string, q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
	Lock(ctx context.Context, userID string) (keycloak.LockState, error)
	Effective(ctx context.Context, h keycloak.Holder) (keycloak.Effective, error)
}

// Sources are the back ends to look in. One that is nil is not asked; Off says why,
// by its name ("kratos", "keto", "keycloak").
type Sources struct {
	Kratos Kratos
	Keto   Keto
	Realms []Realm
	Off    map[string]string
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
}

// Missed is a back end that was not asked, or did not answer.
type Missed struct {
	Server string `json:"server"` // "kratos", "keto", "keycloak", or "keycloak realm NAME"
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
	why := err.Error()
	if p, ok := errors.AsType[*clients.Problem](err); ok && p.Reason != "" {
		why = p.Reason
	}
	w.missed = append(w.missed, Missed{server, why, err})
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
			why := s.Off[b.name]
			if why == "" {
				why = "this context does not name it"
			}
			out = append(out, Missed{Server: b.name, Why: why})
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
			w.miss("kratos", err)
		}
		return
	}
	exact, err := s.Kratos.FindExact(ctx, text)
	if err != nil {
		w.miss("kratos", err)
		return
	}
	add(exact...)
	page, err := s.Kratos.FindPrefix(ctx, text, "")
	if err != nil && !clients.Is(err, clients.Invalid) { // a Kratos that cannot search by beginnings
		w.miss("kratos", err)
		return
	}
	add(page.Items...)
}

func findAccounts(ctx context.Context, w *work, r Realm, text string) {
	server := "keycloak realm " + r.Name()
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
