package kratos

import (
	"context"
	"fmt"
	"time"

	ory "github.com/ory/kratos-client-go"

	"gatehouse/clients"
)

// MaxRecoveryLife is the longest life that we give to a recovery code or link.
// Kratos takes a year as well; who finds it in a mailbox is in.
const MaxRecoveryLife = 7 * 24 * time.Hour

// Recovery is the way back in for a person. Kratos sends nothing: it must be handed
// over by who asked for it.
type Recovery struct {
	// Link is where the person goes. With a code both are needed; alone it is a sign-in
	// by one click, which mail scanners use up.
	Link clients.Secret
	// Code is typed there, with its leading zeros; empty for a link alone.
	Code    clients.Secret
	Expires time.Time
}

// RecoveryOptions are the choices for a recovery.
type RecoveryOptions struct {
	Life time.Duration // 0 means the server's setting; at most MaxRecoveryLife
	// API makes a code for programs (flow_type api) in place of one for a browser.
	API bool
	// ReturnTo is where the person lands after a link; it must be one of the server's
	// allowed return URLs.
	ReturnTo string
}

// recoveryWire is the answer to both calls.
type recoveryWire struct {
	Link    string    `json:"recovery_link"`
	Code    string    `json:"recovery_code"`
	Expires time.Time `json:"expires_at"`
}

func (w recoveryWire) out() Recovery {
	return Recovery{Link: clients.Secret(w.Link), Code: clients.Secret(w.Code), Expires: w.Expires}
}

// RecoveryCode makes a code with which a person gets back in. Prefer it to a link.
func (c *Client) RecoveryCode(ctx context.Context, id string, o RecoveryOptions) (Recovery, error) {
	const op = "make a recovery code"
	life, err := c.checkRecovery(ctx, op, id, o)
	if err != nil {
		return Recovery{}, err
	}
	body := ory.CreateRecoveryCodeForIdentityBody{IdentityId: id, ExpiresIn: life}
	if o.API {
		body.SetFlowType("api")
	}
	_, resp, err := c.api.IdentityAPI.CreateRecoveryCodeForIdentity(ctx).CreateRecoveryCodeForIdentityBody(body).Execute()
	w, err := answer[recoveryWire](c.admin, op, resp, err)
	return w.out(), err
}

// RecoveryLink makes a link that signs a person in by one click.
func (c *Client) RecoveryLink(ctx context.Context, id string, o RecoveryOptions) (Recovery, error) {
	const op = "make a recovery link"
	life, err := c.checkRecovery(ctx, op, id, o)
	if err != nil {
		return Recovery{}, err
	}
	req := c.api.IdentityAPI.CreateRecoveryLinkForIdentity(ctx).CreateRecoveryLinkForIdentityBody(ory.CreateRecoveryLinkForIdentityBody{IdentityId: id, ExpiresIn: life})
	if o.ReturnTo != "" {
		req = req.ReturnTo(o.ReturnTo)
	}
	_, resp, err := req.Execute()
	w, err := answer[recoveryWire](c.admin, op, resp, err)
	return w.out(), err
}

// checkRecovery refuses what Kratos would take and what then fails for the person:
// recovery of an inactive identity, and a life that is none.
func (c *Client) checkRecovery(ctx context.Context, op, id string, o RecoveryOptions) (*string, error) {
	if err := c.needID(op, "an identity", id); err != nil {
		return nil, err
	}
	if o.Life < 0 || (o.Life > 0 && o.Life < time.Second) || o.Life > MaxRecoveryLife {
		return nil, c.invalid(op, fmt.Sprintf("a life of %s is not possible", o.Life), fmt.Sprintf("choose between 1s and %s", MaxRecoveryLife))
	}
	i, err := c.get(ctx, op, id)
	if err != nil {
		return nil, err
	}
	if i.State == Inactive {
		return nil, c.invalid(op, "the identity is inactive, so the recovery would fail", "activate it first")
	}
	if o.Life == 0 {
		return nil, nil
	}
	life := o.Life.String()
	return &life, nil
}
