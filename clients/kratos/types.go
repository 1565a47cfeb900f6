package kratos

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// State says whether an identity may sign in.
type State string

// The states of an identity.
const (
	Active   State = "active"
	Inactive State = "inactive" // may not sign in; its sessions are refused, but revive when it is active again
)

// Identity is a person or thing that can sign in, as Kratos keeps it. It never
// holds the configuration of a credential: no hash, no key, no code. Its JSON is
// that of Kratos, but for credentials, which are a list.
type Identity struct {
	ID             string    `json:"id"`
	SchemaID       string    `json:"schema_id"`
	State          State     `json:"state"`
	StateChangedAt time.Time `json:"state_changed_at,omitzero"`
	// ExternalID is the id that another system gave, on Kratos 25.4 and newer.
	ExternalID     string `json:"external_id,omitempty"`
	OrganizationID string `json:"organization_id,omitempty"`
	// Traits is a JSON object that fits the identity schema. It is kept as the server
	// wrote it, so that large numbers and the order of keys survive.
	Traits json.RawMessage `json:"traits"`
	// MetadataPublic and MetadataAdmin are any JSON value; nil when there is none.
	MetadataPublic json.RawMessage `json:"metadata_public,omitempty"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin,omitempty"`
	// Addresses can be verified, RecoveryAddresses can receive a recovery code. Kratos
	// derives both from the traits and keeps them in lower case.
	Addresses         []Address         `json:"verifiable_addresses,omitempty"`
	RecoveryAddresses []RecoveryAddress `json:"recovery_addresses,omitempty"`
	// Credentials is nil where the server was not asked for them (a plain list).
	// Having one does not mean that it is set up: see Readiness.
	Credentials Credentials `json:"credentials,omitempty"`
	Created     time.Time   `json:"created_at"`
	// Updated never changes on Kratos 1.3, whatever is edited.
	Updated time.Time `json:"updated_at"`
}

// Address is one that the person can prove to own.
type Address struct {
	ID         string    `json:"id"`
	Value      string    `json:"value"`
	Verified   bool      `json:"verified"`
	Via        string    `json:"via"`    // "email" or "sms"
	Status     string    `json:"status"` // "pending", "sent" or "completed"
	VerifiedAt time.Time `json:"verified_at,omitzero"`
	Created    time.Time `json:"created_at,omitzero"`
	Updated    time.Time `json:"updated_at,omitzero"`
}

// RecoveryAddress is one to which a recovery code can be sent.
type RecoveryAddress struct {
	ID      string    `json:"id"`
	Value   string    `json:"value"`
	Via     string    `json:"via"`
	Created time.Time `json:"created_at,omitzero"`
	Updated time.Time `json:"updated_at,omitzero"`
}

// The types of credential that Kratos has.
const (
	Password     = "password"
	OIDC         = "oidc"
	SAML         = "saml"
	TOTP         = "totp"
	LookupSecret = "lookup_secret"
	WebAuthn     = "webauthn"
	Passkey      = "passkey"
	Code         = "code"
)

// Credential is one way of signing in that Kratos has an entry for.
type Credential struct {
	Type string `json:"type"`
	// Identifiers are the login names under which it is found: lower-cased addresses
	// and user names, or "provider:subject" for oidc and saml.
	Identifiers []string  `json:"identifiers,omitempty"`
	Version     int       `json:"version"`
	Created     time.Time `json:"created_at,omitzero"`
	// Updated changes with every edit of the identity, so it is not "password changed at".
	Updated time.Time `json:"updated_at,omitzero"`
}

// Credentials are sorted by type.
type Credentials []Credential

// UnmarshalJSON reads the object by type that Kratos writes, and the list that we
// write. Configuration that a server may have added is dropped.
func (c *Credentials) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]Credential)(c))
	}
	var byType map[string]Credential
	if err := json.Unmarshal(data, &byType); err != nil {
		return err
	}
	*c = make(Credentials, 0, len(byType))
	for kind, one := range byType {
		one.Type = kind
		// After its last provider was removed, oidc is left with one empty identifier.
		one.Identifiers = slices.DeleteFunc(one.Identifiers, func(s string) bool { return s == "" || s == ":" })
		*c = append(*c, one)
	}
	slices.SortFunc(*c, func(a, b Credential) int { return strings.Compare(a.Type, b.Type) })
	return nil
}

// Of returns the credential of that type.
func (c Credentials) Of(kind string) (Credential, bool) {
	i := slices.IndexFunc(c, func(one Credential) bool { return one.Type == kind })
	if i < 0 {
		return Credential{}, false
	}
	return c[i], true
}

// Types are the types of all of them, sorted.
func (c Credentials) Types() []string {
	out := make([]string, len(c))
	for i, one := range c {
		out[i] = one.Type
	}
	return out
}

// normal makes one thing of metadata that is absent and metadata that is null, which
// the server does not tell apart either. It is called on everything that was read;
// an UnmarshalJSON of Identity would cost a list a second look at every byte.
func (i *Identity) normal() {
	i.MetadataPublic, i.MetadataAdmin = notNull(i.MetadataPublic), notNull(i.MetadataAdmin)
}

// normal is the same for the identity of a session.
func (s *Session) normal() {
	if s.Identity != nil {
		s.Identity.normal()
	}
}

// notNull drops the JSON value null.
func notNull(m json.RawMessage) json.RawMessage {
	if len(m) == 0 || string(m) == "null" {
		return nil
	}
	return m
}

// Session is a sign-in that may still be going on.
type Session struct {
	ID              string    `json:"id"`
	Active          bool      `json:"active"`
	AAL             string    `json:"authenticator_assurance_level"` // "aal1", "aal2"; other values pass as they are
	IssuedAt        time.Time `json:"issued_at,omitzero"`
	AuthenticatedAt time.Time `json:"authenticated_at,omitzero"`
	ExpiresAt       time.Time `json:"expires_at,omitzero"`
	// Methods are what was used to sign in, oldest first.
	Methods []AuthMethod `json:"authentication_methods,omitempty"`
	// Identity is nil in a list that was not asked to expand it. Of an expanded one
	// the server leaves out addresses, credentials and admin metadata.
	Identity *Identity `json:"identity,omitempty"`
	// Devices are nil in a list that was not asked to expand them.
	Devices []Device `json:"devices,omitempty"`
}

// Expired reports whether the session's time was over at that moment. A session can
// be marked active and be expired.
func (s Session) Expired(now time.Time) bool { return !s.ExpiresAt.IsZero() && !s.ExpiresAt.After(now) }

// Live reports whether the session lets somebody in at that moment, as far as the
// session alone tells.
func (s Session) Live(now time.Time) bool { return s.Active && !s.Expired(now) }

// AuthMethod is one step of a sign-in.
type AuthMethod struct {
	Method      string    `json:"method"`
	AAL         string    `json:"aal"`
	CompletedAt time.Time `json:"completed_at,omitzero"`
	Provider    string    `json:"provider,omitempty"`
}

// Device is a place from which a session was used.
type Device struct {
	ID string `json:"id"`
	// IPAddress is the address alone; Kratos also stores the port of the connection.
	IPAddress string `json:"ip_address,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	Location  string `json:"location,omitempty"` // set only behind a content delivery network that tells it
}

// UnmarshalJSON takes the port off the address.
func (d *Device) UnmarshalJSON(data []byte) error {
	type plain Device
	if err := json.Unmarshal(data, (*plain)(d)); err != nil {
		return err
	}
	d.IPAddress = withoutPort(d.IPAddress)
	return nil
}
