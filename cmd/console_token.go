package cmd

import (
	"cmp"
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/access/login"
	"gatehouse/access/token"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// tokensOf opens what would stand in the tokens of the user and the client of a
// question, with the role that it is about looked for.
func (c *console) tokensOf(a login.Asked) tui.Screen {
	r := c.keycloak.Realm(a.Realm)
	wanted := a.Role
	switch {
	case a.RealmRole != "":
		wanted = "realm_access.roles=" + a.RealmRole
	case a.Role != "" && a.RoleClient != "" && a.RoleClient != a.Client:
		wanted = "resource_access." + a.RoleClient + ".roles=" + a.Role
	}
	return screens.NewTokenOf(r, a.Client, a.User, wanted, a.Scope, func(ctx context.Context) (client keycloak.Client, user keycloak.User, err error) {
		both, ctx := errgroup.WithContext(ctx)
		both.Go(func() (err error) { client, err = r.ClientByClientID(ctx, a.Client); return err })
		both.Go(func() (err error) { user, err = findUser(ctx, r, a.User); return err })
		return client, user, both.Wait()
	})
}

// pasteToken opens a token that somebody pastes. It is held against the realm that its
// issuer names.
func (c *console) pasteToken(a login.Asked) tui.Screen {
	return screens.NewTokenPaste(screens.TokenPasteSpec{Asked: a, Inspect: func(ctx context.Context, a login.Asked) (screens.TokenReport, error) {
		t, err := token.Parse(a.PastedToken)
		if err != nil {
			return screens.TokenReport{}, problem(clients.Invalid, "read the token", err.Error(), "")
		}
		now := time.Now()
		i := tokenInspection{Kind: string(t.Kind()), Header: token.Explain(t.Header, now), Claims: token.Explain(t.Claims, now)}
		if err := i.judge(ctx, c.b, t, a); err != nil {
			return screens.TokenReport{}, err
		}
		out := screens.TokenReport{Kind: i.Kind, Realm: i.Realm, Client: i.Client, User: i.User, Header: i.Header, Claims: i.Claims,
			Verdict: i.Verdict, Summary: cmp.Or(i.Summary, "nothing is known of it"), Hint: i.Hint, Checks: i.Checks}
		for _, s := range i.Since {
			out.Since = append(out.Since, screens.TokenChange(s))
		}
		return out, nil
	}})
}
