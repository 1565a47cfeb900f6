package screens

import (
	"context"
	"iter"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// UserReader reads all that a realm knows about one user.
type UserReader interface {
	Name() string
	User(ctx context.Context, id string) (keycloak.User, error)
	Lock(ctx context.Context, userID string) (keycloak.LockState, error)
	Settings(ctx context.Context) (keycloak.RealmSettings, error)
	Credentials(ctx context.Context, userID string) ([]keycloak.Credential, error)
	UserGroups(userID string, q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
	RoleMappings(ctx context.Context, h keycloak.Holder) (keycloak.Mappings, error)
	Sessions(ctx context.Context, userID string) ([]keycloak.Session, error)
	AllOfflineSessions(ctx context.Context, userID string) ([]keycloak.Session, error)
	Consents(ctx context.Context, userID string) ([]keycloak.Consent, error)
	FederatedIdentities(ctx context.Context, userID string) ([]keycloak.FederatedIdentity, error)
	UserEventReader
}

// UserEventReader reads what happened to a user, and whether the realm keeps it.
type UserEventReader interface {
	UserEvents(ctx context.Context, q keycloak.UserEventQuery) iter.Seq2[keycloak.UserEvent, error]
	EventsConfig(ctx context.Context) (keycloak.EventsConfig, error)
	UpdateEventsConfig(ctx context.Context, p keycloak.EventsPatch) (clients.Change[keycloak.EventsConfig], error)
}

// UserLinks make the screens that one can go on to; nil where there is none.
type UserLinks struct {
	Roles  func(keycloak.User) tui.Screen // the role mappings
	Paths  func(keycloak.User) tui.Screen // all ways of all roles
	Tokens func(keycloak.User) tui.Screen // what would stand in the tokens
	Why    func(keycloak.User) tui.Screen // why the user does not get in
	Person func(keycloak.User) tui.Screen // the identity behind the account
	Group  func(keycloak.Group) tui.Screen
}

// UserSpec is what the screen of a user is made of. Realm is needed.
type UserSpec struct {
	Realm UserReader
	Write UserWriter // nil: nothing can be written
	Links UserLinks
}

// userPart is one thing that is read about a user, by itself, so that one that cannot
// be read leaves the others alone.
type userPart[T any] struct {
	job tui.Job
	v   T
}

// userSessions are the sessions of a user; those that are offline are read apart and
// need a look at the clients.
type userSessions struct {
	list       []keycloak.Session
	offlineErr error
}

// User is the account of one person in a realm: state, lock, profile, credentials,
// groups, roles, sessions, consents, links to identity providers, and what happened
// lately; and all that can be done about it.
type User struct {
	spec UserSpec
	host tui.Host
	id   string
	name string // until the user is read

	user     userPart[keycloak.User]
	lock     userPart[keycloak.LockState]
	settings userPart[keycloak.RealmSettings]
	creds    userPart[[]keycloak.Credential]
	groups   userPart[[]keycloak.Group]
	roles    userPart[keycloak.Mappings]
	sessions userPart[userSessions]
	consents userPart[[]keycloak.Consent]
	links    userPart[[]keycloak.FederatedIdentity]
	events   userPart[[]keycloak.UserEvent]
	config   userPart[keycloak.EventsConfig]
	write    tui.Job

	gone    bool // deleted from here
	changes int  // Env.Changes when it was read
	ticking bool // a lock is counted down

	parts  []widget.Section
	detail widget.Detail
	moved  bool
	built  int            // how many parts were being read when the sections were made
	refs   map[string]any // what the fields stand for, by key
}

// NewUser makes the screen of the user with that id; name is shown until it is read.
func NewUser(spec UserSpec, id, name string) *User {
	return &User{spec: spec, id: id, name: orWord(name, "the account"), refs: map[string]any{}}
}

// userTimeout is the deadline of one part.
const userTimeout = 15 * time.Second

// userNewest is how many events stand on the screen of the user.
const userNewest = 5

// Title is the crumb.
func (s *User) Title() string {
	if u := s.user.v; u.Username != "" {
		return u.Username
	}
	return s.name
}

// Init starts reading all parts.
func (s *User) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.load()
	return nil
}

// Resume reads again when something was written on a screen above.
func (s *User) Resume() {
	if s.host.Env().Changes != s.changes && !s.gone {
		s.load()
	}
}

// Typing is never true: what is typed is typed in a form.
func (s *User) Typing() bool { return false }

// Close has nothing to do: the shell cancels the jobs.
func (s *User) Close() {}

// Update takes the mouse.
func (s *User) Update(msg tea.Msg) tea.Cmd {
	if n := tui.Wheel(msg); n != 0 {
		s.moved = true
		s.detail.Move(n)
	}
	if click, ok := msg.(tea.MouseClickMsg); ok {
		s.moved = s.detail.At(click.Y) || s.moved
	}
	return nil
}

// View draws the parts. A part whose reading was stopped calls nobody back, so the
// sections are made anew when fewer are being read than before.
func (s *User) View(w, h int) string {
	if s.reading() != s.built {
		s.build()
	}
	return s.detail.View(s.host.Env().Theme, w, h)
}

func readUserPart[T any](s *User, p *userPart[T], read func(context.Context) (T, error)) {
	tui.Go(s.host, &p.job, userTimeout, read, func(v T, err error) {
		if err == nil {
			p.v = v
		}
		s.build()
	})
}

// load reads everything again, side by side; what is there stays until the answers
// come.
func (s *User) load() {
	s.changes = s.host.Env().Changes
	r, id := s.spec.Realm, s.id
	readUserPart(s, &s.settings, r.Settings)
	readUserPart(s, &s.creds, func(ctx context.Context) ([]keycloak.Credential, error) { return r.Credentials(ctx, id) })
	readUserPart(s, &s.roles, func(ctx context.Context) (keycloak.Mappings, error) { return r.RoleMappings(ctx, keycloak.OfUser(id)) })
	readUserPart(s, &s.consents, func(ctx context.Context) ([]keycloak.Consent, error) { return r.Consents(ctx, id) })
	readUserPart(s, &s.links, func(ctx context.Context) ([]keycloak.FederatedIdentity, error) { return r.FederatedIdentities(ctx, id) })
	readUserPart(s, &s.config, r.EventsConfig)
	s.loadUser()
	s.loadLock()
	s.loadGroups()
	s.loadSessions()
	s.build()
}

// loadUser reads the account, and then the events, for which its name is needed.
func (s *User) loadUser() {
	r, id := s.spec.Realm, s.id
	tui.Go(s.host, &s.user.job, userTimeout, func(ctx context.Context) (keycloak.User, error) { return r.User(ctx, id) },
		func(u keycloak.User, err error) {
			if err == nil {
				s.show(u)
				s.loadEvents()
				return
			}
			s.build()
		})
}

// show takes up the account as it was just read or written.
func (s *User) show(u keycloak.User) {
	if u.ID != "" {
		s.user.v = u
	}
	s.build()
}

func (s *User) loadLock() {
	r, id := s.spec.Realm, s.id
	readUserPart(s, &s.lock, func(ctx context.Context) (keycloak.LockState, error) { return r.Lock(ctx, id) })
}

func (s *User) loadGroups() {
	r, id := s.spec.Realm, s.id
	readUserPart(s, &s.groups, func(ctx context.Context) ([]keycloak.Group, error) {
		var out []keycloak.Group
		for g, err := range clients.Each(ctx, r.UserGroups(id, keycloak.GroupQuery{Brief: true})) {
			if err != nil {
				return nil, err
			}
			out = append(out, g)
		}
		return out, nil
	})
}

func (s *User) loadSessions() {
	r, id := s.spec.Realm, s.id
	readUserPart(s, &s.sessions, func(ctx context.Context) (userSessions, error) {
		list, err := r.Sessions(ctx, id)
		if err != nil {
			return userSessions{}, err
		}
		offline, err := r.AllOfflineSessions(ctx, id)
		return userSessions{list: append(list, offline...), offlineErr: err}, nil
	})
}

func (s *User) loadEvents() {
	r, u := s.spec.Realm, s.user.v
	readUserPart(s, &s.events, func(ctx context.Context) ([]keycloak.UserEvent, error) {
		var out []keycloak.UserEvent
		for e, err := range r.UserEvents(ctx, keycloak.UserEventQuery{User: u, Scan: 500}) {
			if err != nil {
				return nil, err
			}
			if out = append(out, e); len(out) == userNewest {
				break
			}
		}
		return out, nil
	})
}

// jobs are those of all parts.
func (s *User) jobs() []*tui.Job {
	return []*tui.Job{&s.user.job, &s.lock.job, &s.settings.job, &s.creds.job, &s.groups.job, &s.roles.job, &s.sessions.job,
		&s.consents.job, &s.links.job, &s.events.job, &s.config.job}
}

// reading is which parts are being read, a bit each.
func (s *User) reading() int {
	n := 0
	for i, j := range s.jobs() {
		if j.Busy() {
			n |= 1 << i
		}
	}
	return n
}

// tick counts a temporary lock down, second by second, and reads it again when it is
// over.
func (s *User) tick() {
	l := s.lock.v
	if s.ticking || !l.Locked || l.Permanent || l.Until.IsZero() {
		return
	}
	s.ticking = true
	tui.After(s.host, time.Second, func() {
		s.ticking = false
		if !s.host.Env().Now().Before(l.Until) {
			s.loadLock()
		}
		s.build()
	})
}
