package cmd

import (
	"encoding/json"
	"time"
)

// The types in this file are what the verbs about identities, users and roles
// print. Their JSON names are a promise to scripts; "gatehouse schema" shows them.

// identityOut is an identity of Kratos. It never holds a credential's
// configuration: hashes and seeds are not even asked for.
type identityOut struct {
	ID             string          `json:"id"`
	Label          string          `json:"label" jsonschema_description:"The best short way to say who it is: a name, a login name, an e-mail, else the id."`
	SchemaID       string          `json:"schema_id"`
	State          string          `json:"state" jsonschema_description:"active or inactive."`
	StateChangedAt *time.Time      `json:"state_changed_at,omitempty"`
	ExternalID     string          `json:"external_id,omitempty"`
	OrganizationID string          `json:"organization_id,omitempty"`
	Traits         json.RawMessage `json:"traits"`
	MetadataPublic json.RawMessage `json:"metadata_public,omitempty"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin,omitempty"`
	Addresses      []addressOut    `json:"verifiable_addresses"`
	Recovery       []addressOut    `json:"recovery_addresses"`
	Credentials    []credentialOut `json:"credentials,omitempty" jsonschema_description:"Kinds of credentials and their identifiers, never their secrets; absent from a plain list."`
	CreatedAt      *time.Time      `json:"created_at,omitempty"`
	UpdatedAt      *time.Time      `json:"updated_at,omitempty" jsonschema_description:"Kratos 1.3 never changes it."`
}

// addressOut is a verifiable or a recovery address.
type addressOut struct {
	Value      string     `json:"value"`
	Via        string     `json:"via" jsonschema_description:"email or sms."`
	Verified   *bool      `json:"verified,omitempty" jsonschema_description:"Absent for a recovery address."`
	Status     string     `json:"status,omitempty"`
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
}

// credentialOut is one kind of credential that an identity has.
type credentialOut struct {
	Type        string   `json:"type"`
	Identifiers []string `json:"identifiers"`
}

// userOut is a user of a Keycloak realm.
type userOut struct {
	Realm           string              `json:"realm"`
	ID              string              `json:"id"`
	Username        string              `json:"username"`
	Email           string              `json:"email,omitempty"`
	EmailVerified   bool                `json:"email_verified"`
	FirstName       string              `json:"first_name,omitempty"`
	LastName        string              `json:"last_name,omitempty"`
	Enabled         bool                `json:"enabled"`
	CreatedAt       *time.Time          `json:"created_at,omitempty"`
	RequiredActions []string            `json:"required_actions,omitempty" jsonschema_description:"What the user must do at the next login; only from users get."`
	FederationLink  string              `json:"federation_link,omitempty" jsonschema_description:"The user storage it comes from, when that is not Keycloak's own."`
	Attributes      map[string][]string `json:"attributes,omitempty"`
	Groups          []string            `json:"groups,omitempty" jsonschema_description:"Paths of the groups the user is a direct member of; only from users get."`
	Lock            *lockOut            `json:"lock,omitempty" jsonschema_description:"What brute-force detection knows; only from users get, and only where our account may see it."`
}

// lockOut is the state of brute-force detection for one user.
type lockOut struct {
	Locked      bool       `json:"locked"`
	Permanent   bool       `json:"permanent"`
	Failures    int        `json:"failures"`
	Until       *time.Time `json:"until,omitempty"`
	LastFailure *time.Time `json:"last_failure_at,omitempty"`
	LastIP      string     `json:"last_ip,omitempty"`
}

// roleName names a role the way CLI.md does everywhere: a realm role by name, a
// client role by client and name.
type roleName struct {
	RealmRole string `json:"realm_role,omitempty" jsonschema_description:"Name of a realm role; else client and role are set."`
	Client    string `json:"client,omitempty" jsonschema_description:"The clientId of a client role."`
	Role      string `json:"role,omitempty" jsonschema_description:"Name of a client role."`
}

// String is the role as people write it.
func (r roleName) String() string {
	if r.Client != "" {
		return r.Client + ":" + r.Role
	}
	return r.RealmRole
}

// roleOut is a role of a realm or a client, and how somebody holds it.
type roleOut struct {
	Realm string `json:"realm"`
	roleName
	ID          string `json:"id"`
	Description string `json:"description,omitempty"`
	Composite   bool   `json:"composite" jsonschema_description:"It contains other roles."`
	// Mapping and Path are empty for the roles of a realm or client themselves.
	Mapping string   `json:"mapping,omitempty" jsonschema:"enum=direct,enum=inherited" jsonschema_description:"How the user or group that was asked about holds it: mapped directly, or only through a group or a composite role."`
	Path    []string `json:"path,omitempty" jsonschema_description:"The shortest way from the user or group to the role."`
}

// roleChange is what a write did, or with --dry-run would do, to one role mapping.
type roleChange struct {
	Op        string `json:"op" jsonschema:"enum=grant_role,enum=revoke_role"`
	Outcome   string `json:"outcome" jsonschema:"enum=done,enum=unchanged,enum=absent,enum=would_do,enum=unknown,enum=failed" jsonschema_description:"done; unchanged: was mapped already; absent: there was no direct mapping to revoke; would_do: with --dry-run; unknown: sent, and no answer came back; failed."`
	Realm     string `json:"realm"`
	User      string `json:"user,omitempty" jsonschema_description:"Username; else group is set."`
	Group     string `json:"group,omitempty" jsonschema_description:"Path of the group."`
	SubjectID string `json:"subject_id" jsonschema_description:"Id of the user or group."`
	roleName
	// HeldBy says after a revoke that the role is still held another way.
	HeldBy []string `json:"held_by,omitempty" jsonschema_description:"After a revoke: the way in which the role is held all the same."`
}
