package keycloak

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
)

// Rights are what our own account can see in one realm, found out by asking, since
// an administrator's token does not tell. Unknown is as good as no.
type Rights struct {
	Realm                 string `json:"realm"`
	ViewRealm             Tri    `json:"view_realm"`
	ViewUsers             Tri    `json:"view_users"`
	QueryUsers            Tri    `json:"query_users"`
	QueryGroups           Tri    `json:"query_groups"`
	ViewClients           Tri    `json:"view_clients"`
	QueryClients          Tri    `json:"query_clients"`
	ViewEvents            Tri    `json:"view_events"`
	ViewAuthorization     Tri    `json:"view_authorization"`
	ViewIdentityProviders Tri    `json:"view_identity_providers"`
}

// Missing names the rights among want that are not proven.
func (g Rights) Missing(want ...string) Cut {
	var out Cut
	for _, w := range want {
		if g.of(w) != Yes {
			out = append(out, w)
		}
	}
	return out
}

func (g Rights) of(right string) Tri {
	if is := g.at(right); is != nil {
		return *is
	}
	return Unknown
}

// at is where a right is kept, nil for one that is not known here.
func (g *Rights) at(right string) *Tri {
	return map[string]*Tri{"view-realm": &g.ViewRealm, "view-users": &g.ViewUsers, "query-users": &g.QueryUsers, "query-groups": &g.QueryGroups,
		"view-clients": &g.ViewClients, "query-clients": &g.QueryClients, "view-events": &g.ViewEvents,
		"view-authorization": &g.ViewAuthorization, "view-identity-providers": &g.ViewIdentityProviders}[right]
}

// rightsLife is how long a probe is believed.
const rightsLife = time.Minute

// Rights finds out what we may see in the realm, with a handful of requests side by
// side; what is found is kept for a minute.
//
// Each probe is an address that the server answers with 200 or 403 by one right
// alone and for all objects (measured on 26.7.3). Lists of users and clients are no
// such address: with the query right alone, or with permissions for single users,
// they are answered but cut.
func (r *Realm) Rights(ctx context.Context) (Rights, error) {
	return r.sees(ctx, "view-realm", "view-users", "query-users", "query-groups", "view-clients", "query-clients", "view-events", "view-identity-providers")
}

// nobody is the id of a user that does not exist: the brute-force state of such a
// one is told to whoever may see all users.
const nobody = "00000000-0000-0000-0000-000000000000"

// sees finds out about these rights alone; the others are Unknown in the answer,
// which does not mean that they are missing.
func (r *Realm) sees(ctx context.Context, rights ...string) (Rights, error) {
	found := make([]Tri, len(rights))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, right := range rights {
		g.Go(func() (err error) {
			found[i], err = r.right(right).get(gctx, rightsLife, func(ctx context.Context) (Tri, error) { return r.probe(ctx, right) })
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Rights{}, err
	}
	out := Rights{Realm: r.name}
	for i, right := range rights {
		if to := out.at(right); to != nil {
			*to = found[i]
		}
	}
	if out.ViewClients == Yes {
		out.ViewAuthorization = Yes // view-clients covers it; without, no address tells
	}
	return out, nil
}

func (r *Realm) right(name string) *cached[Tri] {
	entry, _ := r.state.rights.LoadOrStore(name, &cached[Tri]{})
	return entry.(*cached[Tri])
}

func (r *Realm) probe(ctx context.Context, right string) (Tri, error) {
	first := url.Values{"first": {"0"}, "max": {"1"}}
	ask := func(q url.Values, segments ...string) (Tri, error) {
		return r.allowed(ctx, r.get("find out our rights", "", segments...).with(q))
	}
	switch right {
	case "view-realm":
		return ask(first, "roles")
	case "view-users":
		return ask(nil, "attack-detection", "brute-force", "users", nobody)
	case "query-users":
		return ask(first, "users")
	case "query-groups":
		return ask(first, "groups")
	case "view-clients":
		_, err := r.StandardScopes(ctx)
		return verdictOf(err)
	case "query-clients":
		return ask(first, "clients")
	case "view-events":
		return ask(nil, "events", "config")
	case "view-identity-providers":
		return ask(first, "identity-provider", "instances")
	}
	return Unknown, nil
}

// allowed asks, and reads the answer as a right. An address that the server does not
// have tells nothing.
func (r *Realm) allowed(ctx context.Context, c call) (Tri, error) {
	_, err := r.s.do(ctx, c, nil)
	return verdictOf(err)
}

// verdictOf is allowed's reading of how a request ended.
func verdictOf(err error) (Tri, error) {
	p, _ := errors.AsType[*clients.Problem](err)
	switch {
	case err == nil:
		return Yes, nil
	case p != nil && p.Status == http.StatusForbidden:
		return No, nil
	case isUnknownPath(err):
		return Unknown, nil
	}
	return Unknown, err
}

// ForgetRights makes the next Rights ask again.
func (r *Realm) ForgetRights() {
	r.state.rights.Clear()
	r.state.standard.forget()
}

// standardScopes are the client scopes of new clients, or why they may not be seen.
type standardScopes struct {
	names []string
	err   error
}

// StandardScopes names the client scopes that every new client gets and always uses,
// as they were at most a minute ago. It tells about our rights too: whoever has
// view-clients is answered.
func (r *Realm) StandardScopes(ctx context.Context) ([]string, error) {
	got, err := r.state.standard.get(ctx, rightsLife, func(ctx context.Context) (standardScopes, error) {
		list, err := all[wireScope](ctx, r.s, r.get("list the client scopes of new clients", "view-clients", "default-default-client-scopes"))
		if err != nil && !clients.Is(err, clients.Denied) {
			return standardScopes{}, err
		}
		var names []string
		for _, s := range list {
			names = append(names, s.Name)
		}
		return standardScopes{names, err}, nil
	})
	if err == nil {
		err = got.err
	}
	return got.names, err
}

// honest wraps a list: an empty first page from an account that lacks the right is a
// refusal, not the news that there is nothing.
func honest[T any](r *Realm, c call, right string, f clients.Fetch[T]) clients.Fetch[T] {
	return func(ctx context.Context, cursor string) (clients.Page[T], error) {
		page, err := f(ctx, cursor)
		if err != nil || len(page.Items) > 0 || cursor != "" {
			return page, err
		}
		g, err := r.sees(ctx, right)
		if err != nil {
			return clients.Page[T]{}, err
		}
		if g.of(right) == Yes {
			return page, nil
		}
		return clients.Page[T]{}, &clients.Problem{Kind: clients.Denied, Op: c.title(), Target: r.s.admin.Target(),
			Reason: "the server shows our account none, which does not mean that there is none", Hint: r.s.forbiddenHint(c)}
	}
}
