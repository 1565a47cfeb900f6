// Package live reads from a real Keycloak what access/login judges by: side by side,
// in as few rounds as the answers allow, with a first verdict after two of them.
package live

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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
	var count transport.Counter
	g := &gather{x: x, r: x.realm, a: a, began: time.Now(), count: &count}
	g.f.BaseURL = x.realm.Server().URL()
	x.mu.Lock()
	g.f.SecretSet = x.secrets[a.Client]
	x.mu.Unlock()
	ctx = transport.Counted(ctx, &count)
	for n, plan := range g.rounds() {
		if err := g.run(ctx, plan()); err != nil {
			return g.judge(), err
		}
		if g.over() {
			break
		}
		if n == firstVerdict && first != nil {
			first(g.judge())
		}
	}
	return g.judge(), nil
}

// firstVerdict is the round (from 0) after which the first verdict is given.
const firstVerdict = 1

// parallel bounds the requests under way at once.
const parallel = 8

// task reads one part of the facts. Each writes parts of its own.
type task func(context.Context)

// gather reads the facts of one question.
type gather struct {
	x     *Explainer
	r     *keycloak.Realm
	a     login.Asked
	f     login.Facts
	began time.Time
	count *transport.Counter
	trips int

	mu sync.Mutex
	// unreachable is the first sign that there is no server to ask.
	unreachable error

	// user and client are the rows as the client package has them.
	user   *keycloak.User
	client *keycloak.Client

	scopeIDs map[string]string // of client scopes, by name
}

// rounds are what to read, one after the other, since each rests on what the ones
// before it found.
func (g *gather) rounds() []func() []task {
	return []func() []task{
		g.who, g.firstLook,
		func() []task { return append(g.secondLook(), g.claims(3)...) },
		func() []task { return append(g.thirdLook(), g.claims(4)...) },
		func() []task { return g.claims(5) },
	}
}

// run carries out the tasks of a round side by side.
func (g *gather) run(ctx context.Context, tasks []task) error {
	if len(tasks) == 0 {
		return nil
	}
	g.trips++
	var eg errgroup.Group
	eg.SetLimit(parallel)
	for _, t := range tasks {
		eg.Go(func() error { t(ctx); return nil })
	}
	_ = eg.Wait()
	if err := ctx.Err(); err != nil {
		return transport.Wrap(err, "explain the login", g.r.Server().URL())
	}
	return g.unreachable
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
	return func(ctx context.Context) {
		v, err := read(ctx)
		switch {
		case err == nil:
			*to = login.Have(v)
		case clients.Is(err, clients.Denied):
			*to = login.Lacks(v, right)
		default:
			*to = login.Broken[T](reasonOf(err))
			g.failed(err)
		}
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
