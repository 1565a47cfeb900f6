package person

import (
	"context"
	"slices"
	"strings"
	"sync"

	"gatehouse/access"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// Accounts is what is asked of a realm of Keycloak to find the accounts of a person
// and to read what counts about them; *keycloak.Realm has it.
type Accounts interface {
	Name() string
	Users(q keycloak.UserQuery) clients.Fetch[keycloak.User]
	UserGroups(userID string, q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
	Lock(ctx context.Context, userID string) (keycloak.LockState, error)
	Effective(ctx context.Context, h keycloak.Holder) (keycloak.Effective, error)
}

// Account is an account that is, or may be, the person's.
type Account struct {
	Realm  string
	User   keycloak.User
	By     string   // what it was found by: "e-mail", "username", "id"
	Groups []string // paths of the direct groups, the first page of them
	Lock   keycloak.LockState
	Roles  keycloak.Effective
	// LockErr, RolesErr and GroupsErr say why these could not be read.
	LockErr, RolesErr, GroupsErr error
}

// Direct is how many of the roles are mapped to the account itself.
func (a Account) Direct() int {
	n := 0
	for _, r := range a.Roles.Roles {
		if r.Direct {
			n++
		}
	}
	return n
}

// RealmAccounts is what one realm answered.
type RealmAccounts struct {
	Realm    string
	Accounts []Account
	Err      error
}

// MaxAccounts is how many accounts of one realm are taken for the person's at most.
const MaxAccounts = 5

// FindAccounts looks for a person in every realm, side by side, and reads what
// counts about each account. One realm that cannot be asked does not spoil the
// others; the error is returned only when none could be asked.
func FindAccounts[R Accounts](ctx context.Context, realms []R, p access.Person) ([]RealmAccounts, error) {
	out := make([]RealmAccounts, len(realms))
	sideBySide(len(realms), func(i int) {
		out[i] = RealmAccounts{Realm: realms[i].Name()}
		if out[i].Accounts, out[i].Err = search(ctx, realms[i], p); out[i].Err == nil {
			sideBySide(len(out[i].Accounts), func(n int) { out[i].Accounts[n].read(ctx, realms[i]) })
		}
	})
	for _, r := range out {
		if r.Err == nil {
			return out, nil
		}
	}
	if len(out) > 0 {
		return out, out[0].Err
	}
	return out, nil
}

// search finds the accounts of a person in one realm: by e-mail, and where no account
// has one of the addresses, by username. Realms that log in with the address use it as
// the username.
func search(ctx context.Context, realm Accounts, p access.Person) ([]Account, error) {
	out, err := searchBy(ctx, realm, "e-mail", p.Emails, func(e string) keycloak.UserQuery { return keycloak.UserQuery{Email: e, Exact: true} })
	if err != nil || len(out) > 0 {
		return out, err
	}
	names := slices.Concat(p.Usernames, p.Emails)
	return searchBy(ctx, realm, "username", names, func(n string) keycloak.UserQuery { return keycloak.UserQuery{Username: n, Exact: true} })
}

func searchBy(ctx context.Context, realm Accounts, by string, values []string, query func(string) keycloak.UserQuery) ([]Account, error) {
	var out []Account
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
			if !seen[u.ID] && len(out) < MaxAccounts {
				seen[u.ID] = true
				out = append(out, Account{Realm: realm.Name(), User: u, By: by})
			}
		}
	}
	return out, nil
}

// read asks for the lock, the roles and the groups of an account, side by side.
func (a *Account) read(ctx context.Context, realm Accounts) {
	var wg sync.WaitGroup
	wg.Go(func() { a.Lock, a.LockErr = realm.Lock(ctx, a.User.ID) })
	wg.Go(func() { a.Roles, a.RolesErr = realm.Effective(ctx, keycloak.OfUser(a.User.ID)) })
	wg.Go(func() {
		page, err := realm.UserGroups(a.User.ID, keycloak.GroupQuery{Brief: true})(ctx, "")
		a.Groups = nil
		for _, g := range page.Items {
			a.Groups = append(a.Groups, g.Path)
		}
		a.GroupsErr = err
	})
	wg.Wait()
}

// sideBySide calls do for 0 to n-1, a few at a time, and waits for all.
func sideBySide(n int, do func(i int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	wg.Wait()
}
