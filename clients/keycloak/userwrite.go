package keycloak

import (
	"context"
	"time"

	"gatehouse/clients"
)

// NewUser is a user to be made. It is enabled unless Disabled is set: the server
// would make it disabled when the body said nothing.
type NewUser struct {
	Username, Email, FirstName, LastName string
	Disabled, EmailVerified              bool
	Attributes                           map[string][]string
	RequiredActions                      []string
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
	return clients.Change[User]{}, notYet
}

// UpdateUser changes a user.
func (r *Realm) UpdateUser(ctx context.Context, id string, p UserPatch) (clients.Change[User], error) {
	return clients.Change[User]{}, notYet
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
	return clients.Change[User]{}, notYet
}

// DeleteUser deletes a user; Before is what was lost, without its credentials.
func (r *Realm) DeleteUser(ctx context.Context, id string) (clients.Change[User], error) {
	return clients.Change[User]{}, notYet
}

// ResetPassword sets a password. Temporary adds the required action
// UPDATE_PASSWORD, permanent removes it. A password cannot be undone, so the change
// holds the list of credentials before and after.
func (r *Realm) ResetPassword(ctx context.Context, id, password string, temporary bool) (clients.Change[[]Credential], error) {
	return clients.Change[[]Credential]{}, notYet
}

// DeleteCredential takes a credential from a user; it cannot be undone.
func (r *Realm) DeleteCredential(ctx context.Context, userID, credentialID string) (clients.Change[[]Credential], error) {
	return clients.Change[[]Credential]{}, notYet
}

// LabelCredential sets the name under which the user sees the credential.
func (r *Realm) LabelCredential(ctx context.Context, userID, credentialID, label string) (clients.Change[[]Credential], error) {
	return clients.Change[[]Credential]{}, notYet
}

// MoveCredential puts a credential behind another one in the order of preference;
// an empty after puts it first.
func (r *Realm) MoveCredential(ctx context.Context, userID, credentialID, after string) (clients.Change[[]Credential], error) {
	return clients.Change[[]Credential]{}, notYet
}

// MailOptions say where the link in an e-mail leads and how long it works.
type MailOptions struct {
	// ClientID and RedirectURI go together: the page after the last action.
	ClientID, RedirectURI string
	// Lifespan of the link; 0 is the realm's setting.
	Lifespan time.Duration
}

// MailActions mails a link with which the user carries out the actions.
func (r *Realm) MailActions(ctx context.Context, userID string, actions []string, o MailOptions) error {
	return notYet
}

// MailVerification mails a link with which the user proves the e-mail address.
func (r *Realm) MailVerification(ctx context.Context, userID string, o MailOptions) error {
	return notYet
}

// JoinGroup makes the user a member of a group; the change holds the user's direct
// groups.
func (r *Realm) JoinGroup(ctx context.Context, userID, groupID string) (clients.Change[[]Group], error) {
	return clients.Change[[]Group]{}, notYet
}

// LeaveGroup ends the membership; leaving a group one is not in does nothing.
func (r *Realm) LeaveGroup(ctx context.Context, userID, groupID string) (clients.Change[[]Group], error) {
	return clients.Change[[]Group]{}, notYet
}

// LinkFederatedIdentity links the user to an account of an identity provider.
func (r *Realm) LinkFederatedIdentity(ctx context.Context, userID string, f FederatedIdentity) (clients.Change[[]FederatedIdentity], error) {
	return clients.Change[[]FederatedIdentity]{}, notYet
}

// UnlinkFederatedIdentity removes that link.
func (r *Realm) UnlinkFederatedIdentity(ctx context.Context, userID, provider string) (clients.Change[[]FederatedIdentity], error) {
	return clients.Change[[]FederatedIdentity]{}, notYet
}
