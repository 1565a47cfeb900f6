package keycloak

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"gatehouse/clients"
)

// User is one account of a realm.
type User struct {
	ID            string              `json:"id"`
	Username      string              `json:"username"`
	Email         string              `json:"email,omitempty"`
	FirstName     string              `json:"first_name,omitempty"`
	LastName      string              `json:"last_name,omitempty"`
	Enabled       bool                `json:"enabled"`
	EmailVerified bool                `json:"email_verified"`
	Created       time.Time           `json:"created_at,omitzero"`
	Attributes    map[string][]string `json:"attributes,omitempty"`
	// RequiredActions is a set: the server does not keep its order. A brief list
	// leaves it out.
	RequiredActions []string `json:"required_actions,omitempty"`
	// FederationLink is the id of the user storage (LDAP) that the account comes
	// from. While that storage is off or unreachable the server reports Enabled as
	// false though true is stored.
	FederationLink string `json:"federation_link,omitempty"`
	// NotBefore is the moment before which the user's tokens are refused; a logout
	// of all sessions sets it.
	NotBefore time.Time `json:"not_before,omitzero"`
	TOTP      bool      `json:"totp,omitempty"`
	// Access is what our account may do with this user.
	Access Access `json:"access,omitempty"`
	// Lock is the brute-force state; only UsersWithLocks fills it.
	Lock *LockState `json:"lock,omitempty"`
	// Raw is the server's whole answer; only User fills it.
	Raw json.RawMessage `json:"-"`
}

// Name is the user's full name, or the username where there is none.
func (u User) Name() string {
	switch {
	case u.FirstName != "" && u.LastName != "":
		return u.FirstName + " " + u.LastName
	case u.FirstName+u.LastName != "":
		return u.FirstName + u.LastName
	}
	return u.Username
}

// PermanentlyLocked reports whether brute-force protection, not a person, disabled
// the account. Such a lock is undone by Unlock, which enables the account; clearing
// the brute-force counters alone does nothing for it.
func (u User) PermanentlyLocked() bool {
	r := u.Attributes["disabledReason"]
	return !u.Enabled && len(r) > 0 && r[0] == "permanentLockout"
}

func (u *User) keep(b json.RawMessage) { u.Raw = b }

type wireUser struct {
	ID               string              `json:"id"`
	Username         string              `json:"username"`
	Email            string              `json:"email"`
	FirstName        string              `json:"firstName"`
	LastName         string              `json:"lastName"`
	Enabled          bool                `json:"enabled"`
	EmailVerified    bool                `json:"emailVerified"`
	CreatedTimestamp int64               `json:"createdTimestamp"`
	Attributes       map[string][]string `json:"attributes"`
	RequiredActions  []string            `json:"requiredActions"`
	FederationLink   string              `json:"federationLink"`
	NotBefore        int64               `json:"notBefore"`
	TOTP             bool                `json:"totp"`
	Access           Access              `json:"access"`
	BruteForceStatus *wireLock           `json:"bruteForceStatus"`
}

func (w wireUser) neutral() User {
	u := User{ID: w.ID, Username: w.Username, Email: w.Email, FirstName: w.FirstName, LastName: w.LastName,
		Enabled: w.Enabled, EmailVerified: w.EmailVerified, Created: millis(w.CreatedTimestamp),
		Attributes: w.Attributes, RequiredActions: w.RequiredActions, FederationLink: w.FederationLink,
		NotBefore: seconds(w.NotBefore), TOTP: w.TOTP, Access: w.Access}
	if w.BruteForceStatus != nil {
		l := w.BruteForceStatus.neutral()
		u.Lock = &l
	}
	return u
}

// UserQuery narrows a list of users. The zero value is all of them.
type UserQuery struct {
	// Search looks in username, e-mail and both names: a word is a prefix, *word* an
	// infix, "word" exact, id:UUID an id; several words must all match. With Search
	// the server ignores Username, Email, FirstName and LastName, so that both together
	// are refused.
	Search string
	// Username, Email, FirstName and LastName are substrings, without regard to case;
	// with Exact they are the whole value. Service accounts are hidden from Search
	// and found by an exact Username.
	Username, Email, FirstName, LastName string
	Exact                                bool
	Enabled, EmailVerified               Tri
	// Attributes must all be equal to the user's (q=key:value).
	Attributes map[string]string
	// IDPAlias and IDPUserID find who is linked to an identity provider's account.
	IDPAlias, IDPUserID string
	// CreatedAfter and CreatedBefore cut the list here where the server does not
	// (before 26.6); a count is then too large.
	CreatedAfter, CreatedBefore time.Time
	// Brief leaves out required actions, TOTP and not-before, and is cheaper.
	Brief bool
	// PageSize is how many come with a page; 0 means 100.
	PageSize int
}

func (q UserQuery) values() url.Values {
	v := url.Values{}
	set := func(key, val string) {
		if val != "" {
			v.Set(key, val)
		}
	}
	set("search", q.Search)
	set("username", q.Username)
	set("email", q.Email)
	set("firstName", q.FirstName)
	set("lastName", q.LastName)
	if q.Exact {
		v.Set("exact", "true")
	}
	setTri(v, "enabled", q.Enabled)
	setTri(v, "emailVerified", q.EmailVerified)
	set("q", attributeQuery(q.Attributes))
	set("idpAlias", q.IDPAlias)
	set("idpUserId", q.IDPUserID)
	if !q.CreatedAfter.IsZero() {
		v.Set("createdAfter", strconv.FormatInt(q.CreatedAfter.UnixMilli(), 10))
	}
	if !q.CreatedBefore.IsZero() {
		v.Set("createdBefore", strconv.FormatInt(q.CreatedBefore.UnixMilli(), 10))
	}
	return v
}

// Users lists users, sorted by username. An empty list is answered only when our
// account may really see users; else it is a Denied problem, because the server
// answers an account without view-users with nothing instead of a refusal.
func (r *Realm) Users(q UserQuery) clients.Fetch[User] {
	v := q.values()
	v.Set("briefRepresentation", strconv.FormatBool(q.Brief))
	c := r.get("list users", "view-users", "users").with(v)
	return q.sound(r, c, honest(r, c, "view-users", paged[wireUser](r.s, c, q.PageSize)))
}

// check refuses a query of which the server would ignore a part.
func (q UserQuery) check(r *Realm, op string) error {
	if q.Search != "" && q.Username+q.Email+q.FirstName+q.LastName != "" {
		return r.refuse(op, "a search cannot be narrowed by username, e-mail or name: the server ignores these beside a search", "use the one or the other")
	}
	return nil
}

// sound gives the list only of a query that means what it says, and cuts by date
// what a server before 26.6 does not.
func (q UserQuery) sound(r *Realm, c call, f clients.Fetch[User]) clients.Fetch[User] {
	if err := q.check(r, c.op); err != nil {
		return func(context.Context, string) (clients.Page[User], error) { return clients.Page[User]{}, err }
	}
	if q.CreatedAfter.IsZero() && q.CreatedBefore.IsZero() {
		return f
	}
	return filtered(f, func(u User) bool {
		return (q.CreatedAfter.IsZero() || !u.Created.Before(q.CreatedAfter)) && (q.CreatedBefore.IsZero() || !u.Created.After(q.CreatedBefore))
	})
}

// CountUsers tells how many users a query has. Without view-users the server still
// tells the real number of all.
func (r *Realm) CountUsers(ctx context.Context, q UserQuery) (int, error) {
	const op = "count users"
	if err := q.check(r, op); err != nil {
		return 0, err
	}
	n := 0
	_, err := r.s.do(ctx, r.get(op, "view-users", "users", "count").with(q.values()), &n)
	return n, err
}

// User reads one user by id, with Raw. A name is looked up with UserByUsername.
func (r *Realm) User(ctx context.Context, id string) (User, error) {
	return one[wireUser](ctx, r.s, r.get("read the user", "view-users", "users", id))
}

// UserByUsername finds the user with exactly that username (without regard to
// case), service accounts too. What is not visible to our account is NotFound as
// well; then the hint says so.
func (r *Realm) UserByUsername(ctx context.Context, username string) (User, error) {
	return r.onlyUser(ctx, UserQuery{Username: username, Exact: true}, "username", username)
}

// UserByEmail finds the one user with that e-mail; several are a Conflict.
func (r *Realm) UserByEmail(ctx context.Context, email string) (User, error) {
	return r.onlyUser(ctx, UserQuery{Email: email, Exact: true}, "e-mail", email)
}

func (r *Realm) onlyUser(ctx context.Context, q UserQuery, what, value string) (User, error) {
	const op = "find the user"
	if value == "" {
		return User{}, refuse(op, "the "+what+" is empty", "")
	}
	page, err := r.Users(q)(ctx, "")
	switch {
	case err != nil:
		return User{}, err
	case len(page.Items) == 0:
		return User{}, &clients.Problem{Kind: clients.NotFound, Op: op, Target: r.s.admin.Target(),
			Reason: "realm " + r.name + " has no user with the " + what + " " + strconv.Quote(value)}
	case len(page.Items) > 1:
		return User{}, &clients.Problem{Kind: clients.Conflict, Op: op, Target: r.s.admin.Target(),
			Reason: strconv.Itoa(len(page.Items)) + " users have the " + what + " " + strconv.Quote(value), Hint: "name the user by id"}
	}
	return page.Items[0], nil
}

// Credential is one way to authenticate that a user has set up. The secret part is
// never sent by the server and never asked for.
type Credential struct {
	ID string `json:"id"`
	// Type is "password", "otp", "webauthn", "webauthn-passwordless", "recovery-authn-codes" …
	Type    string    `json:"type"`
	Label   string    `json:"label,omitempty"`
	Created time.Time `json:"created_at,omitzero"`
	// Data is the server's JSON about the algorithm and such, no secret.
	Data json.RawMessage `json:"data,omitempty"`
	// FederationLink is set when a user storage holds the credential.
	FederationLink string `json:"federation_link,omitempty"`
}

type wireCredential struct {
	ID             string `json:"id"`
	Type           string `json:"type"`
	UserLabel      string `json:"userLabel"`
	CreatedDate    int64  `json:"createdDate"`
	CredentialData string `json:"credentialData"` // JSON in a string
	FederationLink string `json:"federationLink"`
}

func (w wireCredential) neutral() Credential {
	c := Credential{ID: w.ID, Type: w.Type, Label: w.UserLabel, Created: millis(w.CreatedDate), FederationLink: w.FederationLink}
	if json.Valid([]byte(w.CredentialData)) {
		c.Data = json.RawMessage(w.CredentialData)
	}
	return c
}

// Credentials lists what the user can log in with, most preferred first.
func (r *Realm) Credentials(ctx context.Context, userID string) ([]Credential, error) {
	return all[wireCredential](ctx, r.s, r.get("list credentials", "view-users", "users", userID, "credentials"))
}

// FederatedIdentity links a user to an account of an identity provider.
type FederatedIdentity struct {
	Provider string `json:"provider"`
	UserID   string `json:"user_id"`
	Username string `json:"username"`
}

type wireFederated struct {
	IdentityProvider string `json:"identityProvider"`
	UserID           string `json:"userId"`
	UserName         string `json:"userName"`
}

func (w wireFederated) neutral() FederatedIdentity {
	return FederatedIdentity{Provider: w.IdentityProvider, UserID: w.UserID, Username: w.UserName}
}

// FederatedIdentities lists the identity provider accounts linked to a user.
func (r *Realm) FederatedIdentities(ctx context.Context, userID string) ([]FederatedIdentity, error) {
	return all[wireFederated](ctx, r.s, r.get("list federated identities", "view-users", "users", userID, "federated-identity"))
}

// UserGroups lists the groups that a user is a direct member of.
func (r *Realm) UserGroups(userID string, q GroupQuery) clients.Fetch[Group] {
	v := q.values()
	return paged[wireGroup](r.s, r.get("list the user's groups", "view-users", "users", userID, "groups").with(v), q.PageSize)
}

// UnmanagedAttributes are those that the realm's user profile does not define.
func (r *Realm) UnmanagedAttributes(ctx context.Context, userID string) (map[string][]string, error) {
	var m map[string][]string
	_, err := r.s.do(ctx, r.get("read unmanaged attributes", "view-users", "users", userID, "unmanagedAttributes"), &m)
	return m, err
}
