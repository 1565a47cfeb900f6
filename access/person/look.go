package person

import (
	"context"
	"slices"
	"strings"
	"sync"

	"gatehouse/access"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
)

// Human is one human being over all back ends.
type Human struct {
	Name     string           `json:"name"`
	Identity *kratos.Identity `json:"-"` // nil where Kratos has none, or was not asked
	Sessions []kratos.Session `json:"-"` // the live ones, up to a page
	Accounts []Account        `json:"-"` // in the order of the realms
	Holdings []Holding        `json:"-"` // of every alias that holds something or could not be read
	Aliases  []access.Alias   `json:"-"` // all that were asked for
	Findings []Finding        `json:"findings"`
	Missed   []Missed         `json:"missed"`
	Realms   []string         `json:"-"` // the realms that were asked
	// Waiting are the parts that have not come yet, named as in Missed; findings are
	// made once nothing is waited for.
	Waiting []string `json:"-"`
}

// Nobody reports that no back end knows this person, as far as they were asked.
func (h Human) Nobody() bool {
	return h.Identity == nil && len(h.Accounts) == 0 && len(h.Holdings) == 0
}

// The parts of a person besides those that are named after a back end.
const (
	PartKratos   = "kratos"
	PartSessions = "kratos sessions"
	PartKeto     = "keto"
)

// PartRealm names the part of a realm of Keycloak.
func PartRealm(name string) string { return "keycloak realm " + name }

// Look reads everything about one person, side by side. A hit of Kratos alone is
// looked for in Keycloak by its names, and the other way round.
func (s Sources) Look(ctx context.Context, h Hit) Human { return s.Watch(ctx, h, nil) }

// Watch is Look that tells, one call at a time, what is known whenever more is: changed
// gets a copy of its own. What is still read stands in Waiting.
func (s Sources) Watch(ctx context.Context, h Hit, changed func(Human)) Human {
	l := s.newLooking(h.said(), changed)
	l.human.Name = h.Name
	l.identity = h.identity
	l.find(ctx, h)
	p := l.names(s.Namespaces)
	l.update(func(out *Human) {
		out.Aliases = p.Aliases()
		out.Aliases = out.Aliases[:min(len(out.Aliases), maxAliases)]
	})
	l.fill(ctx)
	out := l.snapshot()
	for _, other := range []string{h.Email, h.label} {
		if out.Name == "" {
			out.Name = other
		}
	}
	out.Findings = findings(out)
	return out
}

// Identify finds who is meant by some names, in Kratos and in Keycloak, without
// reading what they hold: the name, all names by which another back end may know them,
// and where could not be looked. Names under which nobody is found stay as they are.
func (s Sources) Identify(ctx context.Context, said access.Person) (name string, p access.Person, missed []Missed) {
	l := s.newLooking(said, nil)
	l.find(ctx, Hit{})
	missed = slices.DeleteFunc(l.snapshot().Missed, func(m Missed) bool { return m.Server == PartKeto })
	return l.human.Name, l.names(s.Namespaces), missed
}

// looking is one look at a person.
type looking struct {
	Sources
	said    access.Person // what is known before anybody was asked
	changed func(Human)

	mu       sync.Mutex
	work     work
	human    Human
	identity *kratos.Identity
	found    map[string][]Account // by realm
}

func (s Sources) newLooking(said access.Person, changed func(Human)) *looking {
	l := &looking{Sources: s, said: said, changed: changed, found: map[string][]Account{}}
	l.work.missed = s.notThere()
	if s.Kratos != nil {
		l.human.Waiting = append(l.human.Waiting, PartKratos, PartSessions)
	}
	for _, r := range s.Realms {
		l.human.Realms = append(l.human.Realms, r.Name())
		l.human.Waiting = append(l.human.Waiting, PartRealm(r.Name()))
	}
	if s.Keto != nil {
		l.human.Waiting = append(l.human.Waiting, PartKeto)
	}
	return l
}

// update changes what is known and tells it.
func (l *looking) update(change func(*Human)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.human)
	l.human.Identity = l.identity
	name := ""
	if l.identity != nil {
		name = l.identity.Name()
	}
	l.human.Accounts = nil
	for _, r := range l.Realms {
		for _, a := range l.found[r.Name()] {
			l.human.Accounts = append(l.human.Accounts, a)
			if name == "" {
				name = a.User.Name()
			}
		}
	}
	if name != "" {
		l.human.Name = name
	}
	if l.changed != nil {
		l.changed(l.copied())
	}
}

// done says that a part has come, or will not.
func (l *looking) done(part string) {
	l.update(func(h *Human) { h.Waiting = slices.DeleteFunc(h.Waiting, func(w string) bool { return w == part }) })
}

func (l *looking) snapshot() Human {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.copied()
}

// copied is the human of now, whose lists nobody writes any more. The lock is held.
func (l *looking) copied() Human {
	h := l.human
	h.Waiting, h.Holdings, h.Aliases = slices.Clone(h.Waiting), slices.Clone(h.Holdings), slices.Clone(h.Aliases)
	l.work.mu.Lock()
	h.Missed = slices.Clone(l.work.missed)
	l.work.mu.Unlock()
	slices.SortFunc(h.Missed, func(a, b Missed) int { return strings.Compare(a.Server, b.Server) })
	return h
}

// names is every name of the person that is known by now.
func (l *looking) names(namespaces []string) access.Person {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.said
	if l.identity != nil {
		p = Names(*l.identity)
	}
	accounts := false
	for _, r := range l.Realms {
		for _, a := range l.found[r.Name()] {
			AddAccount(&p, a.User)
			accounts = true
		}
	}
	if l.identity == nil && accounts && p.ID != "" { // it was a name, but not that of an identity
		p.ExternalIDs, p.ID = append(p.ExternalIDs, p.ID), ""
	}
	p.Namespaces = namespaces
	return p
}

// find looks for the identity and the accounts: first, side by side, by what is known
// already, then in those that knew nobody by what the others know.
func (l *looking) find(ctx context.Context, h Hit) {
	for realm, u := range h.Accounts {
		if u.Username != "" {
			l.found[realm] = []Account{{Realm: realm, User: u, By: "what was typed"}}
		}
	}
	l.round(ctx, l.said, h.Accounts)
	known := l.names(nil)
	l.mu.Lock()
	more := l.identity != nil || len(known.KeycloakIDs) > 0 // else there is nothing new to look for
	if l.identity == nil {
		known.ID = ""
	}
	l.mu.Unlock()
	if more {
		l.round(ctx, known, nil)
	}
	l.unasked()
	l.done(PartKratos)
}

// unasked notes where nobody was found only because the names by which to look are in a
// back end that could not be read: that is no news about the person.
func (l *looking) unasked() {
	failed := func(server string) bool {
		return slices.ContainsFunc(l.work.missed, func(m Missed) bool { return m.Err != nil && strings.HasPrefix(m.Server, server) })
	}
	kratosFailed, realmFailed := failed(PartKratos), failed("keycloak")
	p := l.names(nil)
	if kratosFailed && l.identity == nil {
		for _, r := range l.Realms {
			if len(l.found[r.Name()]) == 0 {
				l.work.miss(PartRealm(r.Name()), unnamed("Kratos"))
			}
		}
		if l.Keto != nil {
			l.work.miss(PartKeto, unnamed("Kratos"))
		}
	}
	if realmFailed && l.identity == nil && l.Kratos != nil && len(p.Emails)+len(p.Usernames) == 0 {
		l.work.miss(PartKratos, unnamed("Keycloak"))
	}
}

// unnamed is why a back end could not be asked about somebody.
func unnamed(server string) error {
	return &clients.Problem{Kind: clients.Unreachable, Op: "look for the person", Reason: "not every name is known, because " + server + " could not be read"}
}

// round looks, side by side, wherever nobody was found yet.
func (l *looking) round(ctx context.Context, p access.Person, ids map[string]keycloak.User) {
	var missing []Realm
	for _, r := range l.Realms {
		if len(l.found[r.Name()]) == 0 {
			missing = append(missing, r)
		}
	}
	nobodyYet := l.Kratos != nil && l.identity == nil
	var wg sync.WaitGroup
	if nobodyYet {
		wg.Go(func() { l.findIdentity(ctx, p) })
	}
	for _, r := range missing {
		wg.Go(func() { l.findAccounts(ctx, r, p, ids[r.Name()].ID) })
	}
	wg.Wait()
	l.update(func(*Human) {})
}

// findIdentity looks for the identity by an id or a login name.
func (l *looking) findIdentity(ctx context.Context, p access.Person) {
	take := func(i kratos.Identity) {
		l.mu.Lock()
		l.identity = &i
		l.mu.Unlock()
		l.done(PartKratos)
	}
	if kratos.IsID(p.ID) {
		i, err := l.Kratos.Get(ctx, p.ID)
		if err == nil {
			take(i)
			return
		}
		if !nobody(err) {
			l.work.miss(PartKratos, err)
			return
		}
	}
	for _, login := range slices.Concat(p.Emails, p.Usernames, []string{p.ID}) {
		if login == "" || kratos.IsID(login) { // nobody logs in by an id
			continue
		}
		some, err := l.Kratos.FindExact(ctx, login)
		if err != nil && !nobody(err) {
			l.work.miss(PartKratos, err)
			return
		}
		if len(some) == 1 {
			take(some[0])
			return
		}
	}
}

// findAccounts looks for the accounts of a person in a realm. id, where it is not
// empty, is that of the account.
func (l *looking) findAccounts(ctx context.Context, r Realm, p access.Person, id string) {
	if id == "" && kratos.IsID(p.ID) { // both servers use UUIDs
		id = p.ID
	}
	if id != "" {
		u, err := r.User(ctx, id)
		if err == nil {
			l.take(Account{Realm: r.Name(), User: u, By: "id"})
			return
		}
		if !nobody(err) {
			l.work.miss(PartRealm(r.Name()), err)
			return
		}
	}
	if p.ID != "" && !kratos.IsID(p.ID) {
		p.Usernames = append(slices.Clone(p.Usernames), p.ID)
	}
	some, err := search(ctx, r, p)
	if err != nil && !nobody(err) {
		l.work.miss(PartRealm(r.Name()), err)
	}
	l.take(some...)
}

func (l *looking) take(some ...Account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range some {
		l.found[a.Realm] = append(l.found[a.Realm], a)
	}
}

// nobody reports that a server knows nobody of that name, or takes it for no name.
func nobody(err error) bool {
	return clients.Is(err, clients.NotFound) || clients.Is(err, clients.Invalid) || clients.Is(err, clients.Conflict)
}

// fill reads what hangs on the person.
func (l *looking) fill(ctx context.Context) {
	var wg sync.WaitGroup
	if l.Kratos != nil {
		wg.Go(func() { l.readSessions(ctx) })
	}
	for _, r := range l.Realms {
		wg.Go(func() { l.readRealm(ctx, r) })
	}
	if l.Keto != nil {
		wg.Go(func() { l.readHoldings(ctx) })
	}
	wg.Wait()
}

func (l *looking) readSessions(ctx context.Context) {
	defer l.done(PartSessions)
	if l.identity == nil {
		return
	}
	active := true
	page, err := l.Kratos.IdentitySessions(ctx, l.identity.ID, kratos.SessionQuery{Active: &active}, "")
	if err != nil {
		l.work.miss(PartSessions, err)
	}
	l.update(func(h *Human) { h.Sessions = page.Items })
}

func (l *looking) readRealm(ctx context.Context, r Realm) {
	defer l.done(PartRealm(r.Name()))
	l.mu.Lock()
	some := slices.Clone(l.found[r.Name()])
	l.mu.Unlock()
	sideBySide(len(some), func(i int) { some[i].read(ctx, r) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found[r.Name()] = some
}

func (l *looking) readHoldings(ctx context.Context) {
	defer l.done(PartKeto)
	aliases := l.snapshot().Aliases
	all := make([]Holding, len(aliases))
	sideBySide(len(aliases), func(i int) {
		h := holding(ctx, l.Keto, aliases[i])
		if h.Err != nil {
			l.work.miss(PartKeto, h.Err)
		}
		l.update(func(out *Human) {
			all[i] = h
			out.Holdings = out.Holdings[:0:0]
			for _, one := range all {
				if len(one.Tuples) > 0 || one.Err != nil {
					out.Holdings = append(out.Holdings, one)
				}
			}
		})
	})
}
