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
	switch right {
	case "view-realm":
		return g.ViewRealm
	case "view-users":
		return g.ViewUsers
	case "query-users":
		return g.QueryUsers
	case "query-groups":
		return g.QueryGroups
	case "view-clients":
		return g.ViewClients
	case "query-clients":
		return g.QueryClients
	case "view-events":
		return g.ViewEvents
	case "view-authorization":
		return g.ViewAuthorization
	case "view-identity-providers":
		return g.ViewIdentityProviders
	}
	return Unknown
}

// rightsLife is how long a probe is believed.
const rightsLife = time.Minute

// Rights finds out what we may see in the realm, with a handful of requests side by
// side; the answer is kept for a minute.
//
// Each probe is an address that the server answers with 200 or 403 by one right
// alone and for all objects (measured on 26.7.3). Lists of users and clients are no
// such address: with the query right alone, or with permissions for single users,
// they are answered but cut.
func (r *Realm) Rights(ctx context.Context) (Rights, error) {
	return r.state.rights.get(ctx, rightsLife, r.probe)
}

// nobody is the id of a user that does not exist: the brute-force state of such a
// one is told to whoever may see all users.
const nobody = "00000000-0000-0000-0000-000000000000"

func (r *Realm) probe(ctx context.Context) (Rights, error) {
	out := Rights{Realm: r.name}
	first := url.Values{"first": {"0"}, "max": {"1"}}
	const op = "find out our rights"
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	ask := func(answer *Tri, q url.Values, segments ...string) {
		g.Go(func() (err error) {
			*answer, err = r.allowed(gctx, r.get(op, "", segments...).with(q))
			return err
		})
	}
	ask(&out.ViewRealm, first, "roles")
	ask(&out.ViewUsers, nil, "attack-detection", "brute-force", "users", nobody)
	ask(&out.QueryUsers, first, "users")
	ask(&out.QueryGroups, first, "groups")
	ask(&out.ViewClients, nil, "default-default-client-scopes")
	ask(&out.QueryClients, first, "clients")
	ask(&out.ViewEvents, nil, "events", "config")
	ask(&out.ViewIdentityProviders, first, "identity-provider", "instances")
	if err := g.Wait(); err != nil {
		return Rights{}, err
	}
	if out.ViewClients == Yes {
		out.ViewAuthorization = Yes // view-clients covers it; without, no address tells
	}
	return out, nil
}

// allowed asks, and reads the answer as a right. An address that the server does not
// have tells nothing.
func (r *Realm) allowed(ctx context.Context, c call) (Tri, error) {
	_, err := r.s.do(ctx, c, nil)
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
func (r *Realm) ForgetRights() { r.state.rights.forget() }

// honest wraps a list: an empty first page from an account that lacks the right is a
// refusal, not the news that there is nothing.
func honest[T any](r *Realm, c call, right string, f clients.Fetch[T]) clients.Fetch[T] {
	return func(ctx context.Context, cursor string) (clients.Page[T], error) {
		page, err := f(ctx, cursor)
		if err != nil || len(page.Items) > 0 || cursor != "" {
			return page, err
		}
		g, err := r.Rights(ctx)
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
