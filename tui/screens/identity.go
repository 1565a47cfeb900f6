package screens

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/person"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// IdentityKratos reads one identity and its sessions.
type IdentityKratos interface {
	Get(ctx context.Context, id string) (kratos.Identity, error)
	IdentitySessions(ctx context.Context, id string, q kratos.SessionQuery, cursor string) (clients.Page[kratos.Session], error)
	// Readiness tells which credentials really work. For that the server has to send
	// hashes, so it is called only when a person asks.
	Readiness(ctx context.Context, id string) (kratos.Readiness, error)
}

// IdentityLinks make the screens that one can go on to; nil where there is none.
type IdentityLinks struct {
	Tuple   func(tuple.Tuple) tui.Screen          // a relation tuple
	Holds   func(tuple.Subject) tui.Screen        // all tuples of a subject
	Account func(realm, userID string) tui.Screen // a Keycloak account
	Session func(id string) tui.Screen            // a Kratos session
	// Messages lists what was sent to an address.
	Messages func(recipient string) tui.Screen
	Why      func(access.Person) tui.Screen // why may this person (not) …
	WhatCan  func(tuple.Subject) tui.Screen // what can this person do
	Person   func(id string) tui.Screen     // the human being over all back ends
}

// IdentitySpec is what the screen of one identity is made of. Kratos is needed.
type IdentitySpec struct {
	Kratos  IdentityKratos
	Write   IdentityWriter    // nil: nothing can be written
	Edit    IdentityEditor    // likewise
	Recover IdentityRecoverer // likewise
	Forms   IdentityForms     // likewise
	Courier CourierKratos     // nil: messages are not shown
	Keto    IdentityKeto      // nil: not configured in this context
	Realms  []IdentityRealm
	// Namespaces are those whose objects stand for people (access.Person).
	Namespaces []string
	Links      IdentityLinks
}

// Identity is one person: who they are to Kratos, what they hold in Keto under all
// their names, and their Keycloak account. Each part is read by itself, so that a
// back end that does not answer leaves the others alone.
type Identity struct {
	spec IdentitySpec
	host tui.Host
	id   string

	who      kratos.Identity
	sessions identitySessions
	messages identityMessages
	setUp    *kratos.Readiness
	holdings map[string]person.Holding // by subject
	accounts []person.RealmAccounts

	whoJob, sessionJob, tupleJob, moreJob, accountJob, setUpJob, formJob, messageJob, write tui.Job

	gone    bool // deleted from here
	changes int  // Env.Changes when it was read
	// Made by build out of the above, because View must not take traits apart.
	row    IdentityRow
	names  access.Person
	holds  []person.Holding
	parts  []widget.Section
	detail widget.Detail
	moved  bool           // the person moved the cursor
	built  [7]bool        // what was being read when parts were made
	refs   map[string]any // what the fields of detail stand for, by key
}

// NewIdentity makes the screen of the identity with that id.
func NewIdentity(spec IdentitySpec, id string) *Identity {
	return &Identity{spec: spec, id: id, holdings: map[string]person.Holding{}, refs: map[string]any{}}
}

// identityTimeout is the deadline of one part.
const identityTimeout = 10 * time.Second

// Title is the crumb.
func (s *Identity) Title() string {
	if s.who.ID != "" {
		return s.row.title()
	}
	return shortID(s.id)
}

// Init starts reading all parts.
func (s *Identity) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.load()
	return nil
}

// Resume reads again when something was written on a screen above.
func (s *Identity) Resume() {
	if s.host.Env().Changes != s.changes && !s.gone {
		s.load()
	}
}

// Typing is never true: there is nothing to type.
func (s *Identity) Typing() bool { return false }

// Close has nothing to do: the shell cancels the jobs.
func (s *Identity) Close() {}

// Update takes the mouse wheel.
func (s *Identity) Update(msg tea.Msg) tea.Cmd {
	if n := tui.Wheel(msg); n != 0 {
		s.move(func() { s.detail.Move(n) })()
	}
	return nil
}

// load reads everything again; what is there stays until the answers come.
func (s *Identity) load() {
	s.changes = s.host.Env().Changes
	s.loadIdentity()
	s.loadSessions()
}

// loadIdentity reads the identity, and then what needs its names. Where it cannot
// be read, Keto is still asked for its id.
func (s *Identity) loadIdentity() {
	k, id := s.spec.Kratos, s.id
	tui.Go(s.host, &s.whoJob, identityTimeout, func(ctx context.Context) (kratos.Identity, error) {
		return k.Get(ctx, id)
	}, func(who kratos.Identity, err error) {
		if err == nil {
			s.show(who)
		}
		s.loadTuples(&s.tupleJob, s.person().Aliases())
		if s.who.ID != "" {
			s.loadMessages()
			s.loadAccounts()
		}
		s.build()
	})
	s.build()
}

// show takes up an identity as it was just read or written.
func (s *Identity) show(who kratos.Identity) {
	s.who = who
	s.build()
}

func (s *Identity) loadSessions() {
	k, id, now := s.spec.Kratos, s.id, s.host.Env().Now()
	tui.Go(s.host, &s.sessionJob, identityTimeout, func(ctx context.Context) (identitySessions, error) {
		return readSessions(ctx, k, id, now)
	}, func(list identitySessions, err error) {
		if err == nil {
			s.sessions = list
		}
		s.build()
	})
}

// loadTuples lists what the aliases hold.
func (s *Identity) loadTuples(job *tui.Job, aliases []access.Alias) {
	k := s.spec.Keto
	if k == nil || len(aliases) == 0 {
		return
	}
	tui.Go(s.host, job, identityTimeout, func(ctx context.Context) ([]person.Holding, error) {
		return person.Holdings(ctx, k, aliases)
	}, func(list []person.Holding, err error) {
		for _, h := range list {
			s.holdings[subjectKey(h.Alias.Subject)] = h
		}
		s.build()
	})
}

// loadAccounts looks for the person in Keycloak. An account brings names under
// which Keto may know the person too.
func (s *Identity) loadAccounts() {
	realms, p := s.spec.Realms, s.person()
	if len(realms) == 0 {
		return
	}
	before := p.Aliases()
	tui.Go(s.host, &s.accountJob, identityTimeout, func(ctx context.Context) ([]person.RealmAccounts, error) {
		return person.FindAccounts(ctx, realms, p)
	}, func(list []person.RealmAccounts, err error) {
		if err == nil {
			s.accounts = list
			s.loadTuples(&s.moreJob, newAliases(before, s.person().Aliases()))
		}
		s.build()
	})
}

func newAliases(before, now []access.Alias) []access.Alias {
	return slices.DeleteFunc(now, func(a access.Alias) bool {
		return slices.ContainsFunc(before, func(b access.Alias) bool { return a.Subject.Equal(b.Subject) })
	})
}

// loadSetUp asks which credentials really work.
func (s *Identity) loadSetUp() {
	k, id := s.spec.Kratos, s.id
	tui.Go(s.host, &s.setUpJob, identityTimeout, func(ctx context.Context) (kratos.Readiness, error) {
		return k.Readiness(ctx, id)
	}, func(set kratos.Readiness, err error) {
		if err != nil {
			s.host.Fail(err)
		} else {
			s.setUp = &set
		}
		s.build()
	})
}

// person is who this is, as far as it is known.
func (s *Identity) person() access.Person {
	p := person.Names(s.who)
	p.ID, p.Namespaces = s.id, s.spec.Namespaces
	for _, r := range s.accounts {
		for _, a := range r.Accounts {
			person.AddAccount(&p, a.User)
		}
	}
	return p
}

// held are the holdings of all aliases in the order of likelihood.
func (s *Identity) held() []person.Holding {
	var out []person.Holding
	for _, a := range s.names.Aliases() {
		if h, ok := s.holdings[subjectKey(a.Subject)]; ok {
			h.Alias = a
			out = append(out, h)
		}
	}
	return out
}
