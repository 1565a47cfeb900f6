package cmd

import (
	"context"
	"slices"
	"strings"
	"time"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/person"
	"gatehouse/access/tuple"
)

// Bounds of what is looked up about a person. It is a help to the explanation, which
// does not wait for it longer.
const (
	lookUpTime   = 4 * time.Second
	lookUpRealms = 5
	lookUpsKept  = 10_000 // of a batch
)

// personNamespaces are those whose objects stand for people: the model declares nothing
// about them. Nil where no model says so, which means the usual name.
func personNamespaces(m *opl.Model) []string {
	var out []string
	if m != nil {
		for _, n := range m.Namespaces {
			if len(n.Relations) == 0 {
				out = append(out, n.Name)
			}
		}
	}
	return out
}

// asPlain is the asking of a question about whose subject nothing is looked up.
func asPlain(q tuple.Tuple, m *opl.Model) access.Asking {
	p := person.Said(q.Subject)
	p.Namespaces = personNamespaces(m)
	return access.Asking{Question: q, Aliases: p.Aliases()}
}

// whoAsks looks the subject of a question up in Kratos and in Keycloak, so that the
// tuples can be tried with the other names of the same person. Whoever is not there, or
// does not answer, is named in NotLooked; the question is explained without.
func whoAsks(ctx context.Context, b *backends, q tuple.Tuple) access.Asking {
	p := person.Said(q.Subject)
	a := access.Asking{Question: q}
	if p.ID != "" || len(p.Emails) > 0 {
		a.Name, p, a.NotLooked = lookUp(ctx, b, p)
	}
	m, _ := b.Model(ctx) // what is wrong with it is told where the explanation needs it
	p.Namespaces = personNamespaces(m)
	a.Aliases = p.Aliases()
	return a
}

// lookUp finds one person in the back ends by what a subject says, in a bounded time and
// a bounded number of realms. notLooked names each system once.
func lookUp(ctx context.Context, b *backends, said access.Person) (name string, p access.Person, notLooked []string) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	sources, _ := b.people(ctx) // what it could not reach stands in Off
	miss := func(system, why string) {
		if !slices.ContainsFunc(notLooked, func(s string) bool { return strings.HasPrefix(s, system+": ") }) {
			notLooked = append(notLooked, system+": "+why)
		}
	}
	if len(sources.Realms) > lookUpRealms {
		var names []string
		for _, r := range sources.Realms[:lookUpRealms] {
			names = append(names, r.Name())
		}
		sources.Realms = sources.Realms[:lookUpRealms]
		miss("keycloak", "only the first realms of the context were asked: "+strings.Join(names, ", "))
	}
	name, p, missed := sources.Identify(ctx, said)
	for _, m := range missed {
		system, _, _ := strings.Cut(m.Server, " ")
		miss(system, m.Why)
	}
	slices.Sort(notLooked)
	return name, p, notLooked
}

// remembered looks each subject up once.
func remembered(who asker) asker {
	known := map[string]access.Asking{}
	return func(ctx context.Context, q tuple.Tuple) access.Asking {
		key := tuple.Tuple{Subject: q.Subject}.Key()
		a, ok := known[key]
		if !ok {
			if len(known) >= lookUpsKept {
				clear(known)
			}
			a = who(ctx, q)
			known[key] = a
		}
		a.Question = q
		return a
	}
}
