package kratos

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	ory "github.com/ory/kratos-client-go"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// Readiness says which ways of signing in are really set up. Kratos makes entries
// for password, webauthn and code as soon as the schema marks a login name, so an
// entry alone tells nothing.
type Readiness struct {
	Password bool `json:"password"` // there is a hash, or a hook that will bring one
	Passkey  bool `json:"passkey"`
	// PasswordlessKey and SecurityKey are webauthn keys that stand alone, or come second.
	PasswordlessKey bool `json:"passwordless_key"`
	SecurityKey     bool `json:"security_key"`
	TOTP            bool `json:"totp"`
	LookupSecret    bool `json:"lookup_secret"`
	// Code means that there is an address for one-time codes; whether the server lets
	// people sign in with them cannot be read.
	Code bool `json:"code"`
	// Providers are the "provider:subject" of social and enterprise sign-in.
	Providers []string `json:"providers,omitempty"`
}

// FirstFactor reports whether there is a sure way to begin a sign-in.
func (r Readiness) FirstFactor() bool {
	return r.Password || r.Passkey || r.PasswordlessKey || len(r.Providers) > 0
}

// SecondFactor reports whether a second factor is set up. By default Kratos then
// demands it: a session without it is answered with 403.
func (r Readiness) SecondFactor() bool { return r.TOTP || r.LookupSecret || r.SecurityKey }

// set is a JSON value of which only its presence is kept: what it holds (a hash, a
// key) is secret. null, "", false, [] and {} count as absent.
type set bool

func (s *set) UnmarshalJSON(data []byte) error {
	switch string(bytes.TrimSpace(data)) {
	case "null", `""`, "false", "[]", "{}":
		*s = false
	default:
		*s = true
	}
	return nil
}

// Readiness asks which credentials of one identity are set up. For that Kratos must
// send hashes and public keys; they are reduced to yes or no while they are read.
// The types whose stored form is a secret in clear (totp, lookup_secret, oidc) are
// not asked for: they have an entry only when they are set up.
func (c *Client) Readiness(ctx context.Context, id string) (Readiness, error) {
	const op = "read which credentials are set up"
	var r Readiness
	if err := c.needID(op, "an identity", id); err != nil {
		return r, err
	}
	type key struct {
		Passwordless bool `json:"is_passwordless"`
	}
	var wire struct {
		Credentials map[string]struct {
			Identifiers []string `json:"identifiers"`
			Config      struct {
				Hash set   `json:"hashed_password"`
				Hook set   `json:"use_password_migration_hook"`
				Keys []key `json:"credentials"`
			} `json:"config"`
		} `json:"credentials"`
	}
	_, err := c.admin.Do(ctx, transport.Request{Op: op, Path: []string{"admin", "identities", id}, Out: &wire,
		Query: map[string][]string{"include_credential": {Password, WebAuthn, Passkey}}})
	if err != nil {
		return r, err
	}
	for kind, cred := range wire.Credentials {
		switch kind {
		case Password:
			r.Password = bool(cred.Config.Hash || cred.Config.Hook)
		case Passkey:
			r.Passkey = len(cred.Config.Keys) > 0
		case WebAuthn:
			r.PasswordlessKey = slices.ContainsFunc(cred.Config.Keys, func(k key) bool { return k.Passwordless })
			r.SecurityKey = slices.ContainsFunc(cred.Config.Keys, func(k key) bool { return !k.Passwordless })
		case TOTP:
			r.TOTP = true
		case LookupSecret:
			r.LookupSecret = true
		case Code:
			r.Code = len(cred.Identifiers) > 0
		case OIDC, SAML:
			r.Providers = append(r.Providers, slices.DeleteFunc(cred.Identifiers, func(s string) bool { return s == "" || s == ":" })...)
		}
	}
	slices.Sort(r.Providers)
	return r, nil
}

// SetPassword gives an identity a new password. Other credentials stay, and so do
// its sessions: offer EndSessions beside it.
func (c *Client) SetPassword(ctx context.Context, id string, pw clients.Secret) (clients.Change[Identity], error) {
	const op = "set the password"
	if err := c.needID(op, "an identity", id); err != nil {
		return clients.Change[Identity]{}, err
	}
	if err := c.checkPassword(op, pw); err != nil {
		return clients.Change[Identity]{}, err
	}
	return c.putCredentials(ctx, op, id, NewIdentity{Password: pw}, pw.Reveal())
}

// AddOIDC lets whoever the provider calls subject sign in as this identity. Links
// that are there stay.
func (c *Client) AddOIDC(ctx context.Context, id string, link OIDCLink) (clients.Change[Identity], error) {
	const op = "add the sign-in provider"
	if err := c.needID(op, "an identity", id); err != nil {
		return clients.Change[Identity]{}, err
	}
	if link.Provider == "" || link.Subject == "" {
		return clients.Change[Identity]{}, c.invalid(op, "provider and subject are needed", "the subject is the sub of the provider's ID token")
	}
	return c.putCredentials(ctx, op, id, NewIdentity{OIDC: []OIDCLink{link}})
}

// putCredentials is the only PUT. It wipes what it does not name, so everything is
// read a moment before and sent along; credentials are the exception, they are
// merged whatever the documentation says.
func (c *Client) putCredentials(ctx context.Context, op, id string, n NewIdentity, secrets ...string) (clients.Change[Identity], error) {
	var ch clients.Change[Identity]
	var err error
	if ch.Before, err = c.get(ctx, op, id); err != nil {
		return ch, err
	}
	b := ch.Before
	body := ory.UpdateIdentityBody{SchemaId: b.SchemaID, State: string(b.State), Credentials: credentialsBody(n),
		AdditionalProperties: map[string]any{"traits": b.Traits, "metadata_public": orNull(b.MetadataPublic), "metadata_admin": orNull(b.MetadataAdmin)}}
	if b.ExternalID != "" {
		body.AdditionalProperties["external_id"] = b.ExternalID
	}
	_, resp, err := c.api.IdentityAPI.UpdateIdentity(ctx, id).UpdateIdentityBody(body).Execute()
	after, err := answer[Identity](c.admin, op, resp, err, secrets...)
	if err != nil {
		return ch, err
	}
	ch.After = c.reread(ctx, op, after)
	return ch, nil
}

// DeleteCredential takes a way of signing in away. The identifier is needed for
// oidc and saml ("provider:subject") and ignored for the rest. webauthn removes the
// keys that are second factors. Removing the last sure way to sign in is refused:
// Kratos 1.3 would do it and lock the person out. password, code and passkey cannot
// be removed on the servers that are known; the refusal is theirs.
func (c *Client) DeleteCredential(ctx context.Context, id, kind, identifier string) (clients.Change[Identity], error) {
	const op = "delete the credential"
	var ch clients.Change[Identity]
	if err := c.needID(op, "an identity", id); err != nil {
		return ch, err
	}
	var err error
	if ch.Before, err = c.get(ctx, op, id); err != nil {
		return ch, err
	}
	if err := c.mayDelete(ctx, op, ch.Before, kind, identifier); err != nil {
		return ch, err
	}
	req := c.api.IdentityAPI.DeleteIdentityCredentials(ctx, id, kind)
	if identifier != "" && (kind == OIDC || kind == SAML) {
		req = req.Identifier(identifier)
	}
	resp, err := req.Execute()
	if err := done(c.admin, op, resp, err); err != nil {
		return ch, err
	}
	without := ch.Before
	without.Credentials = slices.DeleteFunc(slices.Clone(ch.Before.Credentials), func(o Credential) bool { return o.Type == kind && kind != OIDC && kind != SAML })
	ch.After = c.reread(ctx, op, without)
	return ch, nil
}

// mayDelete checks a removal against what the server would do without asking.
func (c *Client) mayDelete(ctx context.Context, op string, i Identity, kind, identifier string) error {
	cred, has := i.Credentials.Of(kind)
	if !has {
		return &clients.Problem{Kind: clients.NotFound, Op: op, Target: c.admin.Target(), Reason: fmt.Sprintf("this identity has no %q", short(kind)),
			Hint: "it has " + strings.Join(i.Credentials.Types(), ", ")}
	}
	if kind != OIDC && kind != SAML {
		return nil
	}
	if !slices.Contains(cred.Identifiers, identifier) {
		return c.invalid(op, fmt.Sprintf("%q is not one of its %s identifiers", short(identifier), kind), "choose one of "+strings.Join(cred.Identifiers, ", "))
	}
	r, err := c.Readiness(ctx, i.ID)
	if err != nil {
		return err
	}
	r.Providers = slices.DeleteFunc(r.Providers, func(s string) bool { return s == identifier })
	if !r.FirstFactor() {
		return c.invalid(op, "it is the last way in which this person can sign in", "set a password first, or suspend the identity")
	}
	return nil
}
