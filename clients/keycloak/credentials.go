package keycloak

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"gatehouse/clients"
)

type passwordBody struct {
	Type      string `json:"type"`
	Value     string `json:"value"`
	Temporary bool   `json:"temporary"`
}

// ResetPassword sets a password. Temporary adds the required action
// UPDATE_PASSWORD, permanent removes it. A password cannot be undone, so the change
// holds the list of credentials before and after.
func (r *Realm) ResetPassword(ctx context.Context, id, password string, temporary bool) (clients.Change[[]Credential], error) {
	const op = "reset the password"
	if password == "" {
		return clients.Change[[]Credential]{}, r.refuse(op, "the password is empty", "")
	}
	c := r.put(op, "manage-users", passwordBody{"password", password, temporary}, "users", id, "reset-password")
	c.secrets = []string{password}
	return r.credential(ctx, id, "", c)
}

// DeleteCredential takes a credential from a user; it cannot be undone.
func (r *Realm) DeleteCredential(ctx context.Context, userID, credentialID string) (clients.Change[[]Credential], error) {
	return r.credential(ctx, userID, credentialID, r.del("delete the credential", "manage-users", "users", userID, "credentials", credentialID))
}

// LabelCredential sets the name under which the user sees the credential.
func (r *Realm) LabelCredential(ctx context.Context, userID, credentialID, label string) (clients.Change[[]Credential], error) {
	const op = "label the credential"
	if label == "" {
		return clients.Change[[]Credential]{}, r.refuse(op, "the label is empty", "")
	}
	c := r.put(op, "manage-users", nil, "users", userID, "credentials", credentialID, "userLabel")
	c.text = label // this endpoint alone takes plain text
	return r.credential(ctx, userID, credentialID, c)
}

// MoveCredential puts a credential behind another one in the order of preference;
// an empty after puts it first.
func (r *Realm) MoveCredential(ctx context.Context, userID, credentialID, after string) (clients.Change[[]Credential], error) {
	segments := []string{"users", userID, "credentials", credentialID, "moveToFirst"}
	if after != "" {
		segments = []string{"users", userID, "credentials", credentialID, "moveAfter", after}
	}
	return r.credential(ctx, userID, credentialID, r.post("move the credential", "manage-users", nil, segments...))
}

// credential makes a call that changes a user's credentials. A credential that is
// named must be one of them, since the server answers some calls about others with
// success.
func (r *Realm) credential(ctx context.Context, userID, credentialID string, c call) (clients.Change[[]Credential], error) {
	read := func(ctx context.Context) ([]Credential, error) { return r.Credentials(ctx, userID) }
	return change(ctx, read, func(before []Credential) ([]Credential, error) {
		if credentialID != "" && !slices.ContainsFunc(before, func(c Credential) bool { return c.ID == credentialID }) {
			return before, &clients.Problem{Kind: clients.NotFound, Op: c.title(), Target: r.s.admin.Target(), Reason: "the user has no such credential"}
		}
		_, err := r.s.do(ctx, c, nil)
		return before, err
	})
}

// MailOptions say where the link in an e-mail leads and how long it works.
type MailOptions struct {
	// ClientID and RedirectURI go together: the page after the last action.
	ClientID, RedirectURI string
	// Lifespan of the link; 0 is the realm's setting.
	Lifespan time.Duration
}

func (o MailOptions) values() url.Values {
	v := url.Values{}
	setIf(v, "client_id", o.ClientID)
	setIf(v, "redirect_uri", o.RedirectURI)
	if o.Lifespan > 0 {
		v.Set("lifespan", strconv.Itoa(int(o.Lifespan.Seconds())))
	}
	return v
}

// MailActions mails a link with which the user carries out the actions.
func (r *Realm) MailActions(ctx context.Context, userID string, actions []string, o MailOptions) error {
	const op = "mail the required actions"
	if len(actions) == 0 {
		return r.refuse(op, "there is no action to ask for", "")
	}
	if err := r.checkActions(ctx, op, actions); err != nil {
		return err
	}
	_, err := r.s.do(ctx, r.put(op, "manage-users", actions, "users", userID, "execute-actions-email").with(o.values()), nil)
	return err
}

// MailVerification mails a link with which the user proves the e-mail address.
func (r *Realm) MailVerification(ctx context.Context, userID string, o MailOptions) error {
	_, err := r.s.do(ctx, r.put("mail the verification", "manage-users", nil, "users", userID, "send-verify-email").with(o.values()), nil)
	return err
}
