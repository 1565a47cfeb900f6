package cmd

import (
	"context"
	"strings"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

// personOf is what a subject says about the person by itself.
func personOf(s tuple.Subject) access.Person {
	name := s.ID
	if s.Set != nil {
		if s.Set.Relation != "" {
			return access.Person{} // a group
		}
		name = s.Set.Object
	}
	if strings.Contains(name, "@") {
		return access.Person{Emails: []string{name}}
	}
	return access.Person{ID: name}
}

// whoAsks looks the subject of a question up in Kratos, so that the tuples can be tried
// with the other names of the same person. Where there is no Kratos, or it does not
// answer, the question is explained without.
func (g *globals) whoAsks(ctx context.Context, b *backends, q tuple.Tuple) access.Asking {
	p := personOf(q.Subject)
	a := access.Asking{Question: q}
	if i, ok := g.identityOf(ctx, b, p); ok {
		a.Name = i.Name()
		p = access.Person{ID: i.ID, Emails: i.Emails()}
		if u := i.Username(); u != "" {
			p.Usernames = []string{u}
		}
		if i.ExternalID != "" {
			p.ExternalIDs = []string{i.ExternalID}
		}
	}
	a.Aliases = p.Aliases()
	return a
}

func (g *globals) identityOf(ctx context.Context, b *backends, p access.Person) (kratos.Identity, bool) {
	if b.Context.Kratos == nil || b.Context.Kratos.AdminURL == "" || p.ID == "" && len(p.Emails) == 0 {
		return kratos.Identity{}, false
	}
	k, err := b.Kratos(ctx)
	if err != nil {
		g.note("gatehouse: warning: nobody is looked up: %v", err)
		return kratos.Identity{}, false
	}
	if len(p.Emails) > 0 {
		found, err := k.FindExact(ctx, p.Emails[0])
		if err != nil {
			g.note("gatehouse: warning: nobody is looked up: %v", err)
		}
		if err != nil || len(found) != 1 {
			return kratos.Identity{}, false
		}
		return found[0], true
	}
	i, err := k.Get(ctx, p.ID)
	if err != nil && !clients.Is(err, clients.NotFound) && !clients.Is(err, clients.Invalid) {
		g.note("gatehouse: warning: nobody is looked up: %v", err)
	}
	return i, err == nil
}
