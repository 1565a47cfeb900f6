package seed

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Counts say how much generated data there is to be in all.
type Counts struct {
	// Identities in Kratos, with e-mails at many.example.
	Identities int
	// Tuples in Keto: who of the generated people is in which group, then documents
	// that they may view. Their subjects are the ids in Kratos, or the user names
	// where there is no Kratos or no identity was asked for; then they are spread over
	// at most ten thousand names.
	Tuples int
	// Users in the story's Keycloak realm, named many-0000001 and so on. Keycloak
	// makes some fifty a second.
	Users int
}

// Many fills the servers with generated data up to the counts. What is there already
// is left alone, so that it can be stopped at any moment and run again. Memory grows
// by some twenty bytes for each identity. The people are made before their tuples,
// Keycloak is filled beside. Progress carries the rate.
func Many(ctx context.Context, c Clients, n Counts, o Options) (Result, error) {
	o.Progress = oneAtATime(o.Progress)
	names := o.namer()
	tKratos, tKeto, tKeycloak := newTally("kratos", o.Progress), newTally("keto", o.Progress), newTally("keycloak", o.Progress)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		subject := func(g generated) (string, bool) { return names.username(g), true }
		people := n.Identities
		if people == 0 {
			people = min(n.Tuples, 10_000)
		}
		switch {
		case c.Kratos == nil:
			tKratos.part.Skipped = "there is no Kratos"
		case n.Identities > 0:
			ids, err := manyPeople(gctx, c.Kratos, names, n.Identities, tKratos)
			if err != nil {
				return err
			}
			subject = ids.get
		}
		if c.Keto == nil {
			tKeto.part.Skipped = "there is no Keto"
			return nil
		}
		return manyTuples(gctx, c.Keto, names, n.Tuples, people, subject, tKeto)
	})
	g.Go(func() error {
		switch {
		case c.Keycloak == nil:
			tKeycloak.part.Skipped = "there is no Keycloak"
			return nil
		case n.Users == 0:
			return nil
		}
		realm, err := realmOf(o)
		if err != nil {
			return err
		}
		return manyUsers(gctx, c.Keycloak, realm, names, n.Users, tKeycloak)
	})
	err := g.Wait()
	return Result{Parts: []Part{tKratos.part, tKeto.part, tKeycloak.part}}, err
}
