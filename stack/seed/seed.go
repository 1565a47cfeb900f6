// Package seed fills real servers with the story of package story, and with as many
// more generated people as a test of scale wants. It goes through the same clients
// as the console. Everything is looked for before it is written, so that seeding
// twice changes nothing, repairs what is missing, and brings back the faults of
// tickets that were solved.
package seed

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
	"gatehouse/stack/story"
)

// Clients are the servers to fill; any may be nil and is then left out.
type Clients struct {
	Kratos   *kratos.Client
	Keto     *keto.Client
	Keycloak *keycloak.Server
}

// Options of Story. The zero value keeps passwords in memory only.
type Options struct {
	// PasswordFile is where the people's passwords are kept, with mode 0600.
	PasswordFile string
	// Realm replaces the name of the story's realm; for tests.
	Realm string
	// Prefix begins the names of generated data; empty means DefaultPrefix. It must
	// be fit for a Keycloak user name: small letters, digits and "-".
	Prefix string
	// KratosConfig is the configuration file of a Kratos that is ours and follows it.
	// With it somebody gets a session that has expired; without it that is left out.
	KratosConfig string
	// Progress is called as things get done, never twice at the same moment; steps of
	// several servers are mixed. It may be nil.
	Progress func(Step)
}

// Result is what Story did.
type Result struct {
	Parts []Part `json:"parts"`
	// IDs are the subjects under which the people stand in Keto, by key: the ids of
	// their Kratos identities, or the keys themselves where there is no Kratos.
	IDs map[string]string `json:"ids"`
}

// Changed is how many objects were created or changed in all.
func (r Result) Changed() int {
	n := 0
	for _, p := range r.Parts {
		n += p.Created + p.Changed
	}
	return n
}

// Story brings the servers to what the story says, faults of the tickets included.
// Kratos and then Keto, which names people by their Kratos ids, are filled beside Keycloak. On an error the Result says what
// was done until then; seeding again goes on from there.
func Story(ctx context.Context, c Clients, st *story.Story, o Options) (Result, error) {
	r, err := newRun(c, st, o)
	if err != nil {
		return Result{}, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.kratosAndKeto(gctx) })
	g.Go(func() error { return r.keycloak(gctx) })
	err = g.Wait()
	return r.result(), err
}

// oneAtATime keeps steps of different servers from being told at the same moment.
func oneAtATime(tell func(Step)) func(Step) {
	if tell == nil {
		return nil
	}
	var mu sync.Mutex
	return func(s Step) {
		mu.Lock()
		defer mu.Unlock()
		tell(s)
	}
}

// realmOf is the realm to fill: the story's, unless the options name another.
func realmOf(o Options) (string, error) {
	if o.Realm != "" {
		return o.Realm, nil
	}
	st, err := story.Load()
	if err != nil {
		return "", err
	}
	return st.Keycloak.Name, nil
}

// run is one seeding.
type run struct {
	c     Clients
	st    *story.Story
	o     Options
	pw    *Passwords
	realm *realmSeeder

	mu  sync.Mutex
	ids map[string]string

	tKratos, tKeto, tKeycloak *tally
}

func newRun(c Clients, st *story.Story, o Options) (*run, error) {
	o.Progress = oneAtATime(o.Progress)
	pw, err := OpenPasswords(o.PasswordFile)
	if err != nil {
		return nil, err
	}
	for _, p := range st.People {
		if p.HasPassword() {
			pw.Of(p.Key)
		}
	}
	if err := pw.save(); err != nil {
		return nil, err
	}
	r := &run{c: c, st: st, o: o, pw: pw, ids: map[string]string{},
		tKratos: newTally("kratos", o.Progress), tKeto: newTally("keto", o.Progress), tKeycloak: newTally("keycloak", o.Progress)}
	if c.Keycloak != nil {
		r.realm = newRealmSeeder(c.Keycloak, st, o.Realm, pw, r.tKeycloak)
	}
	return r, nil
}

func (r *run) people() *peopleSeeder {
	return &peopleSeeder{c: r.c.Kratos, st: r.st, pw: r.pw, t: r.tKratos, config: r.o.KratosConfig}
}

func (r *run) result() Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Result{Parts: []Part{r.tKratos.part, r.tKeto.part, r.tKeycloak.part}, IDs: r.ids}
}

func (r *run) kratosAndKeto(ctx context.Context) error {
	ids := map[string]string{}
	if r.c.Kratos != nil {
		var err error
		if ids, err = r.people().run(ctx); err != nil {
			return fmt.Errorf("seed Kratos: %w", err)
		}
	} else {
		r.tKratos.part.Skipped = "there is no Kratos"
		for _, p := range r.st.People {
			ids[p.Key] = p.Key
		}
		r.tKeto.note("people are named by their keys, since there is no Kratos that gives them ids")
	}
	r.mu.Lock()
	r.ids = ids
	r.mu.Unlock()
	if r.c.Keto == nil {
		r.tKeto.part.Skipped = "there is no Keto"
		return nil
	}
	err := again(ctx, func(ctx context.Context) error { return seedTuples(ctx, r.c.Keto, r.st, r.id, r.tKeto) })
	if err != nil {
		return fmt.Errorf("seed Keto: %w", err)
	}
	return nil
}

// id is the subject of a person in Keto.
func (r *run) id(key string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id, ok := r.ids[key]; ok {
		return id, nil
	}
	return "", fmt.Errorf("%s has no identity", key)
}

func (r *run) keycloak(ctx context.Context) error {
	if r.c.Keycloak == nil {
		r.tKeycloak.part.Skipped = "there is no Keycloak"
		return nil
	}
	if err := r.realm.run(ctx); err != nil {
		return fmt.Errorf("seed Keycloak: %w", err)
	}
	r.tKeycloak.begin("tickets", 0)
	for _, ticket := range r.st.Tickets {
		for _, w := range ticket.Fix {
			if !ofKeycloak(w.Op) {
				continue
			}
			err := again(ctx, func(ctx context.Context) error {
				was, err := r.realm.write(ctx, w, false)
				if err == nil {
					r.tKeycloak.count(was, 1)
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("seed Keycloak: ticket %s: %w", ticket.ID, err)
			}
		}
	}
	return nil
}

func ofKeycloak(op story.Op) bool {
	return op != story.OpAdd && op != story.OpRemove && op != story.OpActivateIdentity
}

// Apply carries out the fix of a ticket, or with fixed false brings its fault back.
// It answers how many things it changed. People must have been seeded before.
func Apply(ctx context.Context, c Clients, st *story.Story, o Options, ticketID string, fixed bool) (int, error) {
	ticket, ok := st.Ticket(ticketID)
	if !ok {
		return 0, fmt.Errorf("there is no ticket %q", ticketID)
	}
	r, err := newRun(c, st, o)
	if err != nil {
		return 0, err
	}
	if err := r.lookUp(ctx, ticket); err != nil {
		return 0, err
	}
	n := 0
	for _, w := range ticket.Fix {
		was, err := r.write(ctx, w, fixed)
		if err != nil {
			return n, fmt.Errorf("ticket %s: %s: %w", ticketID, w.Op, err)
		}
		if was != same {
			n++
		}
	}
	return n, nil
}

// lookUp finds the ids of the people whom a ticket's tuples name.
func (r *run) lookUp(ctx context.Context, ticket story.Ticket) error {
	for _, w := range ticket.Fix {
		for _, key := range story.Named(w.Tuple) {
			p, ok := r.st.Person(key)
			if !ok || r.ids[key] != "" {
				continue
			}
			r.ids[key] = key
			if r.c.Kratos == nil {
				continue
			}
			id, err := r.people().id(ctx, p)
			if err != nil {
				return err
			}
			r.ids[key] = id
		}
	}
	return nil
}

func (r *run) write(ctx context.Context, w story.Write, fixed bool) (outcome, error) {
	switch {
	case w.Op == story.OpActivateIdentity && r.c.Kratos != nil:
		return r.people().write(ctx, w, fixed)
	case ofKeycloak(w.Op) && r.realm != nil:
		return r.realm.write(ctx, w, fixed)
	case (w.Op == story.OpAdd || w.Op == story.OpRemove) && r.c.Keto != nil:
		return writeTuple(ctx, r.c.Keto, r.st, r.id, w, fixed)
	}
	return same, errors.New("its server is not there")
}
