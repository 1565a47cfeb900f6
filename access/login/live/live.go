// Package live reads from a real Keycloak what access/login judges by: side by side,
// in as few rounds as the answers allow, with a first verdict after two of them.
package live

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/access/login"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/transport"
)

// Explainer answers questions about one realm. What changes seldom (settings, flows,
// policies) it keeps for a while; Forget drops it. It is safe for several goroutines.
type Explainer struct {
	realm *keycloak.Realm
	memo  memo

	mu sync.Mutex
	// secrets is when we set the secret of a client, by its clientId.
	secrets map[string]time.Time
	// reader remembers what groups and composite roles give, until stale.
	reader *keycloak.RoleReader
	stale  time.Time
}

// New prepares an explainer; nothing is sent.
func New(r *keycloak.Realm) *Explainer { return &Explainer{realm: r} }

// Realm is the realm that it explains.
func (x *Explainer) Realm() *keycloak.Realm { return x.realm }

// Question completes a question with the realm and tells what is wrong with it, as a
// Problem of kind Invalid.
func (x *Explainer) question(a login.Asked) (login.Asked, error) {
	if a.Realm == "" {
		a.Realm = x.realm.Name()
	}
	if wrong := a.Check(); wrong != "" {
		return a, &clients.Problem{Kind: clients.Invalid, Op: "explain the login", Reason: wrong}
	}
	return a, nil
}

// Why answers a question. first, which may be nil, gets the verdict on what stops most
// logins as soon as two rounds of requests allow it; it is called at most once, before
// Why returns, and what is not known by then is unknown in it.
//
// The error is nil unless the server could not be asked at all; the trace is usable in
// any case. What our account may not see is unknown in the trace, no error.
func (x *Explainer) Why(ctx context.Context, a login.Asked, first func(login.Trace)) (login.Trace, error) {
	a, err := x.question(a)
	if err != nil {
		return login.Judge(&login.Facts{}, a), err
	}
	g := &gather{x: x, r: x.realm, a: a, rd: x.roles(), began: time.Now(), count: &transport.Counter{}, slots: make(chan struct{}, parallel)}
	g.f.BaseURL = x.realm.Server().URL()
	x.mu.Lock()
	g.f.SecretSet = x.secrets[a.Client]
	x.mu.Unlock()
	err = g.read(ctx, first)
	return g.judge(), err
}

// roles is the reader that all questions of a while share.
func (x *Explainer) roles() *keycloak.RoleReader {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.reader == nil || time.Now().After(x.stale) {
		x.reader, x.stale = x.realm.RoleReader(), time.Now().Add(memoLife)
	}
	return x.reader
}

// parallel bounds the tasks under way at once.
const parallel = 16

// task reads one part of the facts and returns what puts it there. Only that may
// change the facts: it is called when nothing else reads them.
type task func(context.Context) (put func())

// gather reads the facts of one question.
type gather struct {
	x     *Explainer
	r     *keycloak.Realm
	rd    *keycloak.RoleReader
	a     login.Asked
	f     login.Facts
	began time.Time
	count *transport.Counter
	trips int
	slots chan struct{}

	mu sync.Mutex
	// unreachable is the first sign that there is no server to ask.
	unreachable error

	// user and client are the rows as the client package has them.
	user   *keycloak.User
	client *keycloak.Client
	// of is the client of the wanted role, where that is another one.
	of login.Part[*keycloak.Client]
	// flows are those of the realm, where the client has one of its own.
	flows login.Part[[]keycloak.Flow]
	// scopeList are the client scopes of the realm.
	scopeList login.Part[[]keycloak.ClientScope]
	// begun and followed say which of the questions after the login were asked.
	begun, followed bool

	// held looks for where the roles come from, if wantHeld; heldFailed says why it
	// cannot.
	held                *keycloak.RoleSearch
	wantHeld, heldBegun bool
	heldFailed          login.Part[struct{}]
	// wanted is the role of the question, groups those that give it.
	wanted login.Part[*keycloak.Role]
	groups []keycloak.Group
	// authz is what is known of the authorization services so far.
	authz authzFacts

	planned map[string]bool // parts that fillOnce reads for this question
	chains  atomic.Int32    // requests one after the other in the tasks of this round, beyond the first
}

// read asks in rounds, since each rests on what the ones before it found: who and what
// the question is about; all that these two lead to, of which what stops most logins
// makes the first verdict; what hangs on the rest; and deeper groups and composite
// roles.
func (g *gather) read(ctx context.Context, first func(login.Trace)) error {
	all := transport.Counted(ctx, g.count)
	if err := g.round(all, g.who()); err != nil || g.over() {
		return err
	}
	g.settle()
	if err := g.secondRound(all, first); err != nil {
		return err
	}
	g.deriveScopes()
	for tasks := g.further(); len(tasks) > 0; tasks = g.further() {
		if err := g.round(all, tasks); err != nil {
			return err
		}
	}
	return g.finishRoles(all)
}

// secondRound asks for everything that user and client lead to. The few answers that
// the first verdict rests on go ahead; it is given as soon as they are there.
func (g *gather) secondRound(ctx context.Context, first func(login.Trace)) error {
	began := g.count.Sent()
	ahead := g.firstLook()
	mine := &transport.Counter{}
	early := g.start(transport.AlsoCounted(ctx, mine), ahead)
	rest := g.start(ctx, g.secondLook())
	err := early()
	if first != nil && err == nil {
		t := g.judge()
		t.Requests, t.RoundTrips = began+mine.Sent(), g.trips+1
		first(t)
	}
	if e := rest(); err == nil {
		err = e
	}
	g.ended(began)
	return err
}

// round carries out tasks side by side.
func (g *gather) round(ctx context.Context, tasks []task) error {
	if len(tasks) == 0 {
		return nil
	}
	defer g.ended(g.count.Sent())
	return g.start(ctx, tasks)()
}

// chain says that a task of this round makes as many requests one after the other.
func (g *gather) chain(requests int32) {
	for {
		old := g.chains.Load()
		if requests-1 <= old || g.chains.CompareAndSwap(old, requests-1) {
			return
		}
	}
}

// ended counts a round, and what was longer in it; one in which all was remembered is
// none.
func (g *gather) ended(sent int) {
	if longer := int(g.chains.Swap(0)); g.count.Sent() > sent {
		g.trips += 1 + longer
	}
}

// start sets tasks going, and returns what waits for them and puts down what they found.
func (g *gather) start(ctx context.Context, tasks []task) (wait func() error) {
	puts := make([]func(), len(tasks))
	var wg sync.WaitGroup
	began := make(chan struct{})
	go func() {
		defer close(began)
		for i, t := range tasks {
			g.slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-g.slots }()
				puts[i] = t(ctx)
			})
		}
	}()
	return func() error {
		<-began
		wg.Wait()
		for _, put := range puts {
			if put != nil {
				put()
			}
		}
		if err := ctx.Err(); err != nil {
			return transport.Wrap(err, "explain the login", g.r.Server().URL())
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.unreachable
	}
}

// over reports that nothing more can be read: there is no such realm.
func (g *gather) over() bool { return g.f.Realm.Is() && g.f.Realm.Value == nil }

// judge is the trace by what is known now.
func (g *gather) judge() login.Trace {
	g.f.Now = time.Now()
	t := login.Judge(&g.f, g.a)
	t.Requests, t.RoundTrips, t.Millis = g.count.Sent(), g.trips, time.Since(g.began).Milliseconds()
	return t
}

// fill reads one part and sorts what may go wrong: a refusal is a part that we may not
// see, for want of the right; a server that cannot be reached ends the whole question.
func fill[T any](g *gather, to *login.Part[T], right string, read func(context.Context) (T, error)) task {
	return func(ctx context.Context) func() {
		part := sorted(g, right, read)(ctx)
		return func() { *to = part }
	}
}

// sorted reads a part, for those that do more with it than to put it down.
func sorted[T any](g *gather, right string, read func(context.Context) (T, error)) func(context.Context) login.Part[T] {
	return func(ctx context.Context) login.Part[T] {
		v, err := read(ctx)
		switch {
		case err == nil:
			return login.Have(v)
		case clients.Is(err, clients.Denied):
			return login.Lacks(v, right)
		}
		g.failed(err)
		return login.Broken[T](reasonOf(err))
	}
}

// failed notes that the server itself is away, not only one of its answers.
func (g *gather) failed(err error) {
	p := problemOf(err)
	if p == nil || p.Status == 0 && (p.Kind == clients.Unreachable || p.Kind == clients.Timeout || p.Kind == clients.Canceled) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.unreachable == nil {
			g.unreachable = err
		}
	}
}
