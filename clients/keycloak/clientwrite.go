package keycloak

import (
	"context"

	"gatehouse/clients"
)

// NewClient is an OpenID Connect client to be made. It is enabled, with the standard
// flow and full scope as by the server's own default, unless switched off.
type NewClient struct {
	ClientID, Name, Description            string
	Disabled, Public                       bool
	NoStandardFlow, DirectAccessGrants     bool
	ServiceAccounts, AuthorizationServices bool
	NoFullScope, ConsentRequired           bool
	RootURL                                string
	RedirectURIs, WebOrigins               []string
	// Secret is chosen by the server when empty.
	Secret     string
	Attributes map[string]string
}

// ClientPatch changes the fields that are set.
type ClientPatch struct {
	Name, Description, RootURL, BaseURL *string
	Enabled, StandardFlow, ImplicitFlow *bool
	DirectAccessGrants                  *bool
	// Public and back again gives the client a new secret.
	Public *bool
	// ServiceAccounts off deletes the service account with its role mappings.
	ServiceAccounts            *bool
	ConsentRequired, FullScope *bool
	// AuthorizationServices off deletes all resources and policies of the client.
	AuthorizationServices *bool
	// BearerOnly clients take tokens and let nobody log in.
	BearerOnly *bool
	// Protocol is openid-connect or saml.
	Protocol *string
	// Secret ends the present one at once.
	Secret *string
	// FlowOverrides are ids of flows by binding ("browser", "direct_grant"), set one by
	// one; "" goes back to the realm's flow.
	FlowOverrides map[string]string
	// RedirectURIs and WebOrigins replace the whole list.
	RedirectURIs, WebOrigins *[]string
	// Attributes are set one by one; "" removes one.
	Attributes map[string]string
}

// CreateClient makes a client and reads it back.
func (r *Realm) CreateClient(ctx context.Context, n NewClient) (clients.Change[Client], error) {
	const op = "create the client"
	if n.ClientID == "" {
		return clients.Change[Client]{}, r.refuse(op, "the clientId is empty", "")
	}
	body := map[string]any{"clientId": n.ClientID, "name": n.Name, "description": n.Description, "protocol": "openid-connect",
		"enabled": !n.Disabled, "publicClient": n.Public, "standardFlowEnabled": !n.NoStandardFlow,
		"directAccessGrantsEnabled": n.DirectAccessGrants, "serviceAccountsEnabled": n.ServiceAccounts || n.AuthorizationServices,
		"authorizationServicesEnabled": n.AuthorizationServices, "fullScopeAllowed": !n.NoFullScope,
		"consentRequired": n.ConsentRequired, "redirectUris": list(n.RedirectURIs), "webOrigins": list(n.WebOrigins)}
	if n.RootURL != "" {
		body["rootUrl"] = n.RootURL
	}
	if n.Secret != "" {
		body["secret"] = n.Secret
	}
	if len(n.Attributes) > 0 {
		body["attributes"] = n.Attributes
	}
	c := r.post(op, "manage-clients", body, "clients")
	c.secrets = []string{n.Secret}
	reply, err := r.s.do(ctx, c, nil)
	if err != nil {
		return clients.Change[Client]{}, err
	}
	known := Client{ID: createdID(reply), ClientID: n.ClientID, Name: n.Name, Description: n.Description, Protocol: "openid-connect", Enabled: !n.Disabled, Public: n.Public}
	return clients.Change[Client]{After: readBack(ctx, known, func(ctx context.Context) (Client, error) { return r.Client(ctx, known.ID) })}, nil
}

// UpdateClient changes a client. Each body repeats whether the client has
// authorization services, since a PUT without that flag deletes its authorization
// server, and the web origins, since the server derives some from the redirect URIs
// when none are sent.
func (r *Realm) UpdateClient(ctx context.Context, uuid string, p ClientPatch) (clients.Change[Client], error) {
	const op = "update the client"
	body := p.body()
	if len(body) == 0 {
		return clients.Change[Client]{}, r.refuse(op, "there is nothing to change", "")
	}
	read := func(ctx context.Context) (Client, error) { return r.Client(ctx, uuid) }
	return change(ctx, read, func(before Client) (Client, error) {
		body["authorizationServicesEnabled"] = or(p.AuthorizationServices, before.AuthorizationServices)
		body["webOrigins"] = list(or(p.WebOrigins, before.WebOrigins))
		c := r.put(op, "manage-clients", body, "clients", uuid)
		if p.Secret != nil {
			c.secrets = []string{*p.Secret}
		}
		_, err := r.s.do(ctx, c, nil)
		return before, err
	})
}

func (p ClientPatch) body() map[string]any {
	body := map[string]any{}
	set(body, "name", p.Name)
	set(body, "description", p.Description)
	set(body, "rootUrl", p.RootURL)
	set(body, "baseUrl", p.BaseURL)
	set(body, "enabled", p.Enabled)
	set(body, "publicClient", p.Public)
	set(body, "standardFlowEnabled", p.StandardFlow)
	set(body, "implicitFlowEnabled", p.ImplicitFlow)
	set(body, "directAccessGrantsEnabled", p.DirectAccessGrants)
	set(body, "serviceAccountsEnabled", p.ServiceAccounts)
	set(body, "consentRequired", p.ConsentRequired)
	set(body, "fullScopeAllowed", p.FullScope)
	set(body, "authorizationServicesEnabled", p.AuthorizationServices)
	if p.RedirectURIs != nil {
		body["redirectUris"] = list(*p.RedirectURIs)
	}
	set(body, "webOrigins", p.WebOrigins)
	set(body, "bearerOnly", p.BearerOnly)
	set(body, "protocol", p.Protocol)
	set(body, "secret", p.Secret)
	if len(p.FlowOverrides) > 0 {
		body["authenticationFlowBindingOverrides"] = p.FlowOverrides
	}
	if len(p.Attributes) > 0 {
		body["attributes"] = p.Attributes // merged key by key by the server; "" removes
	}
	return body
}

// DeleteClient deletes a client with its roles and their mappings.
func (r *Realm) DeleteClient(ctx context.Context, uuid string) (clients.Change[Client], error) {
	return removed(ctx, func(ctx context.Context) (Client, error) { return r.Client(ctx, uuid) }, func() error {
		_, err := r.s.do(ctx, r.del("delete the client", "manage-clients", "clients", uuid), nil)
		return err
	})
}

// RegenerateClientSecret gives the client a new secret and returns it; the old one
// ends at once.
func (r *Realm) RegenerateClientSecret(ctx context.Context, uuid string) (string, error) {
	return r.secret(ctx, r.post("make a new client secret", "manage-clients", nil, "clients", uuid, "client-secret"))
}
