package screens

import (
	"context"
	"errors"
	"strings"
	"sync"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
)

// IdentityKeto reads the relation tuples of a subject; *keto.Client does.
type IdentityKeto interface {
	ListN(ctx context.Context, q tuple.Query, cursor string, size int) (clients.Page[tuple.Tuple], error)
}

// IdentityRealm looks for a person's account in one Keycloak realm; *keycloak.Realm does.
type IdentityRealm interface {
	Name() string
	Users(q keycloak.UserQuery) clients.Fetch[keycloak.User]
	IdentityAccountReader
}

// IdentityAccountReader reads what counts about one account.
type IdentityAccountReader interface {
	Lock(ctx context.Context, userID string) (keycloak.LockState, error)
	Effective(ctx context.Context, h keycloak.Holder) (keycloak.Effective, error)
	UserGroups(userID string, q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
}

// Limits of what one look at a person costs the other back ends.
const (
	identityParallel   = 4  // requests side by side
	identityTuples     = 50 // tuples read of each alias
	identityMaxAliases = 60 // aliases asked for
	identityMaxUsers   = 5  // accounts shown of one realm
)

// identityHolding is what one alias of a person holds in Keto.
type identityHolding struct {
	alias  access.Alias
	tuples []tuple.Tuple
	more   bool // there are more than were read
	err    error
}

// identityHoldings lists the tuples of each alias, side by side. One alias that
// cannot be read does not spoil the others; the error is that of the first only
// when none could be read.
func identityHoldings(ctx context.Context, k IdentityKeto, aliases []access.Alias) ([]identityHolding, error) {
	aliases = aliases[:min(len(aliases), identityMaxAliases)]
	out := make([]identityHolding, len(aliases))
	sideBySide(len(aliases), func(i int) {
		h := identityHolding{alias: aliases[i]}
		s := h.alias.Subject
		page, err := k.ListN(ctx, tuple.Query{Subject: &s}, "", identityTuples)
		if !unknownNamespace(err) {
			h.err = err
		}
		h.tuples, h.more = page.Items, page.Next != ""
		out[i] = h
	})
	for _, h := range out {
		if h.err == nil {
			return out, nil
		}
	}
	if len(out) > 0 {
		return nil, out[0].err
	}
	return out, nil
}

// unknownNamespace: where the model has no namespace User, nobody holds anything as
// an object of it. That is an answer, not a failure.
func unknownNamespace(err error) bool {
	var p *clients.Problem
	return errors.As(err, &p) && p.Code == keto.CodeUnknownNamespace
}

// sideBySide calls do for 0 to n-1, a few at a time, and waits for all.
func sideBySide(n int, do func(i int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, identityParallel)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	wg.Wait()
}

// identityAccount is one Keycloak account that may be the person's.
type identityAccount struct {
	realm string
	user  keycloak.User
	by    string // how it was found: "e-mail", "username"

	lock    keycloak.LockState
	lockErr error
	roles   keycloak.Effective
	roleErr error
	groups  []string // paths of the direct groups, as far as they could be read
}

// direct is how many of the roles are mapped to the account itself.
func (a identityAccount) direct() int {
	n := 0
	for _, r := range a.roles.Roles {
		if r.Direct {
			n++
		}
	}
	return n
}

// identityRealmAccounts is what one realm answered.
type identityRealmAccounts struct {
	realm    string
	accounts []identityAccount
	err      error
}

// identityAccounts looks for the person in every realm, side by side: by e-mail,
// and where no account has one of the addresses, by user name. One realm that
// cannot be asked does not spoil the others; the error is returned only when none
// could be asked.
func identityAccounts(ctx context.Context, realms []IdentityRealm, p access.Person) ([]identityRealmAccounts, error) {
	out := make([]identityRealmAccounts, len(realms))
	sideBySide(len(realms), func(i int) {
		out[i] = identityRealmAccounts{realm: realms[i].Name()}
		out[i].accounts, out[i].err = identityFind(ctx, realms[i], p)
	})
	for _, r := range out {
		if r.err == nil {
			return out, nil
		}
	}
	if len(out) > 0 {
		return out, out[0].err
	}
	return out, nil
}

func identityFind(ctx context.Context, realm IdentityRealm, p access.Person) ([]identityAccount, error) {
	accounts, err := identitySearch(ctx, realm, "e-mail", p.Emails, func(e string) keycloak.UserQuery { return keycloak.UserQuery{Email: e, Exact: true} })
	if err == nil && len(accounts) == 0 {
		// Realms that log in with the address use it as the user name.
		names := append(append([]string{}, p.Usernames...), p.Emails...)
		accounts, err = identitySearch(ctx, realm, "username", names, func(n string) keycloak.UserQuery { return keycloak.UserQuery{Username: n, Exact: true} })
	}
	if err != nil {
		return nil, err
	}
	sideBySide(3*len(accounts), func(i int) {
		a := &accounts[i/3]
		switch i % 3 {
		case 0:
			a.lock, a.lockErr = realm.Lock(ctx, a.user.ID)
		case 1:
			a.roles, a.roleErr = realm.Effective(ctx, keycloak.OfUser(a.user.ID))
		case 2:
			page, _ := realm.UserGroups(a.user.ID, keycloak.GroupQuery{})(ctx, "") // an extra: without it the roles still count
			for _, g := range page.Items {
				a.groups = append(a.groups, g.Path)
			}
		}
	})
	return accounts, nil
}

func identitySearch(ctx context.Context, realm IdentityRealm, by string, values []string, query func(string) keycloak.UserQuery) ([]identityAccount, error) {
	var out []identityAccount
	asked, seen := map[string]bool{}, map[string]bool{}
	for _, v := range values {
		key := strings.ToLower(v) // Keycloak compares both without regard to case
		if v == "" || asked[key] {
			continue
		}
		asked[key] = true
		page, err := realm.Users(query(v))(ctx, "")
		if err != nil {
			return nil, err
		}
		for _, u := range page.Items {
			if !seen[u.ID] && len(out) < identityMaxUsers {
				seen[u.ID] = true
				out = append(out, identityAccount{realm: realm.Name(), user: u, by: by})
			}
		}
	}
	return out, nil
}
