package keycloak

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/clients"
)

// NewUser is a user to be made. It is enabled unless Disabled is set: the server
// would make it disabled when the body said nothing.
type NewUser struct {
	Username, Email, FirstName, LastName string
	Disabled, EmailVerified              bool
	// Attributes must be known to the realm's user profile, or it must allow others.
	Attributes      map[string][]string
	RequiredActions []string
	// Groups are paths ("/staff/eng").
	Groups []string
	// Password is set in the same request unless empty.
	Password string
	// TemporaryPassword makes the user choose another at the next login.
	TemporaryPassword bool
}

// UserPatch changes the fields that are set and leaves the others alone.
type UserPatch struct {
	Username, Email, FirstName, LastName *string
	EmailVerified                        *bool
	// Enabled is sent only when set here: a fetched value is never written back,
	// because the server reports a federated account as disabled while its storage
	// is away (and did so for a temporary lock before 26.3).
	Enabled *bool
	// Attributes are set one by one; an empty list removes the attribute. The others
	// stay.
	Attributes map[string][]string
	// RequiredActions replaces the set; a pointer to an empty list clears it.
	RequiredActions *[]string
}

// CreateUser makes a user and reads it back.
func (r *Realm) CreateUser(ctx context.Context, u NewUser) (clients.Change[User], error) {
	const op = "create the user"
	if err := r.checkAttributes(ctx, op, u.Attributes); err != nil {
		return clients.Change[User]{}, err
	}
	if err := r.checkActions(ctx, op, u.RequiredActions); err != nil {
		return clients.Change[User]{}, err
	}
	for _, path := range u.Groups { // the server fails on one that is not there
		if _, err := r.GroupByPath(ctx, path); err != nil {
			return clients.Change[User]{}, err
		}
	}
	c := r.post(op, "manage-users", u.body(), "users")
	c.secrets = []string{u.Password}
	reply, err := r.s.do(ctx, c, nil)
	if err != nil {
		return clients.Change[User]{}, err
	}
	known := User{ID: createdID(reply), Username: strings.ToLower(u.Username), Email: strings.ToLower(u.Email), FirstName: u.FirstName, LastName: u.LastName,
		Enabled: !u.Disabled, EmailVerified: u.EmailVerified, Attributes: u.Attributes, RequiredActions: u.RequiredActions}
	return clients.Change[User]{After: readBack(ctx, known, func(ctx context.Context) (User, error) {
		if known.ID == "" {
			return r.UserByUsername(ctx, u.Username)
		}
		return r.User(ctx, known.ID)
	})}, nil
}

// body always says whether the user is enabled.
func (u NewUser) body() map[string]any {
	body := map[string]any{"username": u.Username, "enabled": !u.Disabled, "emailVerified": u.EmailVerified}
	for key, v := range map[string]string{"email": u.Email, "firstName": u.FirstName, "lastName": u.LastName} {
		if v != "" {
			body[key] = v
		}
	}
	if len(u.Attributes) > 0 {
		body["attributes"] = u.Attributes
	}
	if len(u.RequiredActions) > 0 {
		body["requiredActions"] = u.RequiredActions
	}
	if len(u.Groups) > 0 {
		body["groups"] = u.Groups
	}
	if u.Password != "" {
		body["credentials"] = []passwordBody{{"password", u.Password, u.TemporaryPassword}}
	}
	return body
}

// UpdateUser changes a user. The body holds only what changes, with one exception:
// a body with attributes and without the names and e-mail would erase these, so
// they go with it as they were a moment before.
func (r *Realm) UpdateUser(ctx context.Context, id string, p UserPatch) (clients.Change[User], error) {
	const op = "update the user"
	if err := r.checkAttributes(ctx, op, p.Attributes); err != nil {
		return clients.Change[User]{}, err
	}
	if p.RequiredActions != nil {
		if err := r.checkActions(ctx, op, *p.RequiredActions); err != nil {
			return clients.Change[User]{}, err
		}
	}
	read := func(ctx context.Context) (User, error) { return r.User(ctx, id) }
	return change(ctx, read, func(before User) (User, error) {
		body, expect := p.apply(before)
		if len(body) == 0 {
			return before, r.refuse(op, "there is nothing to change", "")
		}
		_, err := r.s.do(ctx, r.put(op, "manage-users", body, "users", id), nil)
		return expect, err
	})
}

// apply gives the body of the PUT and what the user should be afterwards.
func (p UserPatch) apply(before User) (map[string]any, User) {
	body := map[string]any{}
	set(body, "username", p.Username)
	set(body, "email", p.Email)
	set(body, "firstName", p.FirstName)
	set(body, "lastName", p.LastName)
	set(body, "enabled", p.Enabled)
	set(body, "emailVerified", p.EmailVerified)
	if p.RequiredActions != nil {
		body["requiredActions"] = list(*p.RequiredActions)
	}
	after := before
	after.Username, after.Email = or(p.Username, before.Username), or(p.Email, before.Email)
	after.FirstName, after.LastName = or(p.FirstName, before.FirstName), or(p.LastName, before.LastName)
	after.Enabled, after.EmailVerified = or(p.Enabled, before.Enabled), or(p.EmailVerified, before.EmailVerified)
	after.RequiredActions = or(p.RequiredActions, before.RequiredActions)
	if p.Attributes != nil {
		after.Attributes = mergeLists(before.Attributes, p.Attributes)
		body["attributes"] = after.Attributes
		body["username"] = after.Username
		for key, v := range map[string]string{"email": after.Email, "firstName": after.FirstName, "lastName": after.LastName} {
			if _, patched := body[key]; !patched && v != "" {
				body[key] = v
			}
		}
	}
	return body, after
}

// checkAttributes refuses attributes that the server would drop in silence.
func (r *Realm) checkAttributes(ctx context.Context, op string, attrs map[string][]string) error {
	if len(attrs) == 0 {
		return nil
	}
	profile, err := r.Profile(ctx)
	if err != nil {
		return err
	}
	var fields []clients.Field
	for name, values := range attrs {
		if len(values) > 0 && !profile.Takes(name) {
			fields = append(fields, clients.Field{Path: "attributes/" + name, Message: "is not in the user profile of the realm"})
		}
	}
	if len(fields) == 0 {
		return nil
	}
	slices.SortFunc(fields, func(a, b clients.Field) int { return strings.Compare(a.Path, b.Path) })
	return &clients.Problem{Kind: clients.Invalid, Op: op + " in realm " + r.name, Target: r.s.admin.Target(), Fields: fields,
		Reason: fmt.Sprintf("the server would drop %s in silence: the realm's user profile has no such attribute", strings.TrimPrefix(fields[0].Path, "attributes/")),
		Hint:   "define the attribute in the user profile, or allow unmanaged attributes there"}
}

// checkActions refuses aliases that the server would drop in silence.
func (r *Realm) checkActions(ctx context.Context, op string, aliases []string) error {
	if len(aliases) == 0 {
		return nil
	}
	known, err := r.RequiredActions(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, k := range known {
		names = append(names, k.Alias)
	}
	for _, a := range aliases {
		if !slices.Contains(names, a) {
			return r.refuse(op, fmt.Sprintf("the realm knows no required action %q", a), "it knows "+strings.Join(names, ", "))
		}
	}
	return nil
}

// SetEnabled enables or disables a user. Enabling also ends a permanent lock and
// clears the failure counters.
func (r *Realm) SetEnabled(ctx context.Context, id string, enabled bool) (clients.Change[User], error) {
	return r.UpdateUser(ctx, id, UserPatch{Enabled: &enabled})
}

// SetRequiredActions replaces what the user must do at the next login; an empty
// list clears it. Aliases that the realm does not know are refused (the server
// would drop them in silence).
func (r *Realm) SetRequiredActions(ctx context.Context, id string, actions []string) (clients.Change[User], error) {
	return r.UpdateUser(ctx, id, UserPatch{RequiredActions: &actions})
}

// DeleteUser deletes a user; Before is what was lost, without its credentials.
func (r *Realm) DeleteUser(ctx context.Context, id string) (clients.Change[User], error) {
	return removed(ctx, func(ctx context.Context) (User, error) { return r.User(ctx, id) }, func() error {
		_, err := r.s.do(ctx, r.del("delete the user", "manage-users", "users", id), nil)
		return err
	})
}

// JoinGroup makes the user a member of a group; the change holds the user's direct
// groups. Joining twice does nothing.
func (r *Realm) JoinGroup(ctx context.Context, userID, groupID string) (clients.Change[[]Group], error) {
	c := r.put("add the user to the group", "manage-users", nil, "users", userID, "groups", groupID)
	return r.member(ctx, userID, c, func(before []Group) []Group {
		if slices.ContainsFunc(before, func(g Group) bool { return g.ID == groupID }) {
			return before
		}
		return append(slices.Clone(before), Group{ID: groupID})
	})
}

// LeaveGroup ends the membership; leaving a group one is not in does nothing.
func (r *Realm) LeaveGroup(ctx context.Context, userID, groupID string) (clients.Change[[]Group], error) {
	c := r.del("take the user out of the group", "manage-users", "users", userID, "groups", groupID)
	return r.member(ctx, userID, c, func(before []Group) []Group {
		return slices.DeleteFunc(slices.Clone(before), func(g Group) bool { return g.ID == groupID })
	})
}

func (r *Realm) member(ctx context.Context, userID string, c call, expect func([]Group) []Group) (clients.Change[[]Group], error) {
	read := func(ctx context.Context) ([]Group, error) {
		return collect(ctx, r.UserGroups(userID, GroupQuery{Brief: true}))
	}
	return change(ctx, read, func(before []Group) ([]Group, error) {
		_, err := r.s.do(ctx, c, nil)
		return expect(before), err
	})
}

// LinkFederatedIdentity links the user to an account of an identity provider. The
// server takes a provider that does not exist, so the provider is looked up first
// where our account may see providers.
func (r *Realm) LinkFederatedIdentity(ctx context.Context, userID string, f FederatedIdentity) (clients.Change[[]FederatedIdentity], error) {
	const op = "link the federated identity"
	if err := r.checkProvider(ctx, op, f.Provider); err != nil {
		return clients.Change[[]FederatedIdentity]{}, err
	}
	body := map[string]string{"identityProvider": f.Provider, "userId": f.UserID, "userName": f.Username}
	c := r.post(op, "manage-users", body, "users", userID, "federated-identity", f.Provider)
	return r.federate(ctx, userID, c, func(before []FederatedIdentity) []FederatedIdentity { return append(slices.Clone(before), f) })
}

// UnlinkFederatedIdentity removes that link.
func (r *Realm) UnlinkFederatedIdentity(ctx context.Context, userID, provider string) (clients.Change[[]FederatedIdentity], error) {
	c := r.del("unlink the federated identity", "manage-users", "users", userID, "federated-identity", provider)
	return r.federate(ctx, userID, c, func(before []FederatedIdentity) []FederatedIdentity {
		return slices.DeleteFunc(slices.Clone(before), func(f FederatedIdentity) bool { return f.Provider == provider })
	})
}

func (r *Realm) federate(ctx context.Context, userID string, c call, expect func([]FederatedIdentity) []FederatedIdentity) (clients.Change[[]FederatedIdentity], error) {
	read := func(ctx context.Context) ([]FederatedIdentity, error) { return r.FederatedIdentities(ctx, userID) }
	return change(ctx, read, func(before []FederatedIdentity) ([]FederatedIdentity, error) {
		_, err := r.s.do(ctx, c, nil)
		return expect(before), err
	})
}

func (r *Realm) checkProvider(ctx context.Context, op, alias string) error {
	idps, err := r.IdentityProviders(ctx)
	if clients.Is(err, clients.Denied) {
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(idps, func(p IdentityProvider) bool { return p.Alias == alias }) {
		return r.refuse(op, fmt.Sprintf("the realm has no identity provider %q", alias), "")
	}
	return nil
}
