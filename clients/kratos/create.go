package kratos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	ory "github.com/ory/kratos-client-go"

	"gatehouse/clients"
)

// MinPasswordLength is the shortest password, in characters, that we set. Kratos
// checks those of people but takes any from an administrator, "x" too.
const MinPasswordLength = 8

// NewIdentity is what an identity is made of. Its JSON is the body that Kratos' own
// create and import take, read strictly.
type NewIdentity struct {
	SchemaID                      string // empty means the server's default schema
	Traits                        json.RawMessage
	State                         State // empty means active
	MetadataPublic, MetadataAdmin json.RawMessage
	ExternalID                    string // Kratos 25.4 and newer
	OrganizationID                string // Kratos 25.4 and newer
	// At most one of these is the password: in clear, to be hashed by the server, or a
	// hash that Kratos can import (bcrypt, argon2, pbkdf2, scrypt, and more).
	Password, PasswordHash clients.Secret
	OIDC                   []OIDCLink
	// Verified are addresses that start out verified. They must be in the traits.
	Verified []Address
	// Other are credentials of further types, as the server takes them, by type.
	Other map[string]json.RawMessage
}

// OIDCLink says that whoever a provider calls Subject may sign in.
type OIDCLink struct {
	Provider string `json:"provider"`
	Subject  string `json:"subject"`
}

// UnmarshalJSON reads Kratos' create body. A key that it does not have is an error,
// as it is for the server.
func (n *NewIdentity) UnmarshalJSON(data []byte) error {
	var in struct {
		SchemaID       string                     `json:"schema_id"`
		Traits         json.RawMessage            `json:"traits"`
		State          State                      `json:"state"`
		MetadataPublic json.RawMessage            `json:"metadata_public"`
		MetadataAdmin  json.RawMessage            `json:"metadata_admin"`
		ExternalID     string                     `json:"external_id"`
		OrganizationID string                     `json:"organization_id"`
		Credentials    map[string]json.RawMessage `json:"credentials"`
		Verifiable     []Address                  `json:"verifiable_addresses"`
		Recovery       json.RawMessage            `json:"recovery_addresses"` // made anew from the traits
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return err
	}
	*n = NewIdentity{SchemaID: in.SchemaID, Traits: in.Traits, State: in.State, MetadataPublic: notNull(in.MetadataPublic),
		MetadataAdmin: notNull(in.MetadataAdmin), ExternalID: in.ExternalID, OrganizationID: in.OrganizationID}
	for _, a := range in.Verifiable {
		if a.Verified {
			n.Verified = append(n.Verified, a)
		}
	}
	return n.takeCredentials(in.Credentials)
}

// takeCredentials sorts the credentials of a create body.
func (n *NewIdentity) takeCredentials(all map[string]json.RawMessage) error {
	for kind, raw := range all {
		var known struct {
			Config struct {
				Password  string     `json:"password"`
				Hash      string     `json:"hashed_password"`
				Hook      bool       `json:"use_password_migration_hook"`
				Providers []OIDCLink `json:"providers"`
			} `json:"config"`
		}
		if err := json.Unmarshal(raw, &known); err != nil {
			return fmt.Errorf("credentials.%s: %w", kind, err)
		}
		switch {
		case kind == Password && !known.Config.Hook:
			n.Password, n.PasswordHash = clients.Secret(known.Config.Password), clients.Secret(known.Config.Hash)
		case kind == OIDC:
			n.OIDC = known.Config.Providers
		default:
			if n.Other == nil {
				n.Other = map[string]json.RawMessage{}
			}
			n.Other[kind] = raw
		}
	}
	return nil
}

// Create makes an identity.
func (c *Client) Create(ctx context.Context, n NewIdentity) (Identity, error) {
	const op = "create the identity"
	var none Identity
	if err := c.needAdmin(op); err != nil {
		return none, err
	}
	body, err := c.createBody(op, n)
	if err != nil {
		return none, err
	}
	_, resp, err := c.api.IdentityAPI.CreateIdentity(ctx).CreateIdentityBody(body).Execute()
	made, err := answer[Identity](c.admin, op, resp, err, n.Password.Reveal(), n.PasswordHash.Reveal())
	if err != nil {
		return made, err
	}
	return c.reread(ctx, op, made), nil
}

// createBody checks a new identity and makes the body of the request. What the
// generated model cannot carry goes into its additional properties; traits too, so
// that numbers and key order stay as they were given.
func (c *Client) createBody(op string, n NewIdentity) (ory.CreateIdentityBody, error) {
	body := ory.CreateIdentityBody{AdditionalProperties: map[string]any{}}
	if len(n.Traits) == 0 {
		n.Traits = json.RawMessage("{}")
	}
	for path, raw := range map[string]json.RawMessage{"/traits": n.Traits, "/metadata_public": orNull(n.MetadataPublic), "/metadata_admin": orNull(n.MetadataAdmin)} {
		if err := c.checkJSON(op, path, raw, path == "/traits"); err != nil {
			return body, err
		}
	}
	if n.Password != "" && n.PasswordHash != "" {
		return body, c.invalid(op, "there is both a password and the hash of one", "give one of them")
	}
	if err := c.checkPassword(op, n.Password); n.Password != "" && err != nil {
		return body, err
	}
	body.SchemaId = n.SchemaID
	extra := body.AdditionalProperties
	extra["traits"] = n.Traits
	if n.State != "" {
		body.SetState(string(n.State))
	}
	if n.MetadataPublic != nil {
		body.MetadataPublic = n.MetadataPublic
	}
	if n.MetadataAdmin != nil {
		body.MetadataAdmin = n.MetadataAdmin
	}
	if n.ExternalID != "" {
		extra["external_id"] = n.ExternalID
	}
	if n.OrganizationID != "" {
		body.SetOrganizationId(n.OrganizationID) // left out otherwise: Kratos 1.3 refuses even null
	}
	for _, a := range n.Verified {
		via := a.Via
		if via == "" {
			via = "email"
		}
		body.VerifiableAddresses = append(body.VerifiableAddresses, ory.VerifiableIdentityAddress{Value: a.Value, Via: via, Verified: true, Status: "completed"})
	}
	body.Credentials = credentialsBody(n)
	return body, nil
}

// credentialsBody is the part of a create body with the credentials; nil without any.
func credentialsBody(n NewIdentity) *ory.IdentityWithCredentials {
	if n.Password == "" && n.PasswordHash == "" && len(n.OIDC) == 0 && len(n.Other) == 0 {
		return nil
	}
	creds := &ory.IdentityWithCredentials{AdditionalProperties: map[string]any{}}
	if n.Password != "" || n.PasswordHash != "" {
		cfg := &ory.IdentityWithCredentialsPasswordConfig{}
		if n.Password != "" {
			cfg.SetPassword(n.Password.Reveal())
		} else {
			cfg.SetHashedPassword(n.PasswordHash.Reveal())
		}
		creds.Password = &ory.IdentityWithCredentialsPassword{Config: cfg}
	}
	if len(n.OIDC) > 0 {
		cfg := &ory.IdentityWithCredentialsOidcConfig{}
		for _, l := range n.OIDC {
			cfg.Providers = append(cfg.Providers, ory.IdentityWithCredentialsOidcConfigProvider{Provider: l.Provider, Subject: l.Subject})
		}
		creds.Oidc = &ory.IdentityWithCredentialsOidc{Config: cfg}
	}
	for kind, raw := range n.Other {
		creds.AdditionalProperties[kind] = raw
	}
	return creds
}

// checkPassword enforces what Kratos does not.
func (c *Client) checkPassword(op string, pw clients.Secret) error {
	if utf8.RuneCountInString(pw.Reveal()) < MinPasswordLength {
		return c.invalid(op, fmt.Sprintf("the password is shorter than %d characters", MinPasswordLength), "choose a longer one",
			clients.Field{Path: "/credentials/password", Message: fmt.Sprintf("must have at least %d characters", MinPasswordLength)})
	}
	return nil
}
