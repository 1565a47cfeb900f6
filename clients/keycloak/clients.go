package keycloak

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"gatehouse/clients"
)

// Client is an application (or service) that a realm knows.
type Client struct {
	// ID is the UUID that addresses use; ClientID the name that the application uses.
	ID                 string `json:"id"`
	ClientID           string `json:"client_id"`
	Name               string `json:"name,omitempty"`
	Description        string `json:"description,omitempty"`
	Protocol           string `json:"protocol,omitempty"`
	Enabled            bool   `json:"enabled"`
	Public             bool   `json:"public"`
	BearerOnly         bool   `json:"bearer_only,omitempty"`
	StandardFlow       bool   `json:"standard_flow"`
	DirectAccessGrants bool   `json:"direct_access_grants"`
	ServiceAccounts    bool   `json:"service_accounts"`
	ImplicitFlow       bool   `json:"implicit_flow,omitempty"`
	// DeviceFlow is off on new clients.
	DeviceFlow      bool `json:"device_flow,omitempty"`
	ConsentRequired bool `json:"consent_required,omitempty"`
	// FullScope off means that only the roles of its scope mappings, of its client
	// scopes and its own reach its tokens.
	FullScope bool `json:"full_scope"`
	// AuthorizationServices must be repeated in each PUT, or the server deletes all
	// resources and policies of the client; this package does so.
	AuthorizationServices bool     `json:"authorization_services,omitempty"`
	Authenticator         string   `json:"authenticator,omitempty"`
	RootURL               string   `json:"root_url,omitempty"`
	BaseURL               string   `json:"base_url,omitempty"`
	RedirectURIs          []string `json:"redirect_uris,omitempty"`
	WebOrigins            []string `json:"web_origins,omitempty"`
	// DefaultScopes and OptionalScopes are names of client scopes.
	DefaultScopes  []string          `json:"default_scopes,omitempty"`
	OptionalScopes []string          `json:"optional_scopes,omitempty"`
	FlowOverrides  map[string]string `json:"flow_overrides,omitempty"`
	Attributes     map[string]string `json:"attributes,omitempty"`
	NotBefore      time.Time         `json:"not_before,omitzero"`
	// Mappers are the protocol mappers of the client itself.
	Mappers []Mapper `json:"-"`
	Access  Access   `json:"access,omitempty"`
	// Raw is the whole answer with the secret taken out.
	Raw json.RawMessage `json:"-"`
}

type wireClient struct {
	ID                           string            `json:"id"`
	ClientID                     string            `json:"clientId"`
	Name                         string            `json:"name"`
	Description                  string            `json:"description"`
	Protocol                     string            `json:"protocol"`
	Enabled                      bool              `json:"enabled"`
	PublicClient                 bool              `json:"publicClient"`
	BearerOnly                   bool              `json:"bearerOnly"`
	StandardFlowEnabled          bool              `json:"standardFlowEnabled"`
	DirectAccessGrantsEnabled    bool              `json:"directAccessGrantsEnabled"`
	ServiceAccountsEnabled       bool              `json:"serviceAccountsEnabled"`
	ImplicitFlowEnabled          bool              `json:"implicitFlowEnabled"`
	ConsentRequired              bool              `json:"consentRequired"`
	FullScopeAllowed             bool              `json:"fullScopeAllowed"`
	AuthorizationServicesEnabled bool              `json:"authorizationServicesEnabled"`
	ClientAuthenticatorType      string            `json:"clientAuthenticatorType"`
	RootURL                      string            `json:"rootUrl"`
	BaseURL                      string            `json:"baseUrl"`
	RedirectURIs                 []string          `json:"redirectUris"`
	WebOrigins                   []string          `json:"webOrigins"`
	DefaultClientScopes          []string          `json:"defaultClientScopes"`
	OptionalClientScopes         []string          `json:"optionalClientScopes"`
	FlowBindingOverrides         map[string]string `json:"authenticationFlowBindingOverrides"`
	Attributes                   map[string]string `json:"attributes"`
	NotBefore                    int64             `json:"notBefore"`
	ProtocolMappers              []wireMapper      `json:"protocolMappers"`
	Access                       Access            `json:"access"`
}

func (w wireClient) neutral() Client {
	c := Client{ID: w.ID, ClientID: w.ClientID, Name: w.Name, Description: w.Description, Protocol: w.Protocol, Enabled: w.Enabled,
		Public: w.PublicClient, BearerOnly: w.BearerOnly, StandardFlow: w.StandardFlowEnabled, DirectAccessGrants: w.DirectAccessGrantsEnabled,
		ServiceAccounts: w.ServiceAccountsEnabled, ImplicitFlow: w.ImplicitFlowEnabled, ConsentRequired: w.ConsentRequired,
		FullScope: w.FullScopeAllowed, AuthorizationServices: w.AuthorizationServicesEnabled, Authenticator: w.ClientAuthenticatorType,
		RootURL: w.RootURL, BaseURL: w.BaseURL, RedirectURIs: w.RedirectURIs, WebOrigins: w.WebOrigins,
		DefaultScopes: w.DefaultClientScopes, OptionalScopes: w.OptionalClientScopes, FlowOverrides: w.FlowBindingOverrides,
		Attributes: maps.Clone(w.Attributes), NotBefore: seconds(w.NotBefore), Access: w.Access}
	c.DeviceFlow = w.Attributes["oauth2.device.authorization.grant.enabled"] == "true"
	for _, k := range secretAttributes {
		delete(c.Attributes, k)
	}
	for _, m := range w.ProtocolMappers {
		c.Mappers = append(c.Mappers, m.neutral())
	}
	return c
}

// secretAttributes of a client hold secrets or say when one was made.
var secretAttributes = []string{"client.secret.rotated", "request.object.encryption.key", "saml.encryption.private.key", "saml.signing.private.key"}

// keep takes what is secret out of the body before it is kept.
func (c *Client) keep(b json.RawMessage) {
	var m map[string]json.RawMessage
	if json.Unmarshal(b, &m) != nil {
		return
	}
	delete(m, "secret")
	delete(m, "registrationAccessToken")
	var attrs map[string]json.RawMessage
	if json.Unmarshal(m["attributes"], &attrs) == nil && attrs != nil {
		for _, k := range secretAttributes {
			delete(attrs, k)
		}
		m["attributes"], _ = json.Marshal(attrs)
	}
	c.Raw, _ = json.Marshal(m)
}

// ClientQuery narrows a list of clients.
type ClientQuery struct {
	// ClientID is the whole clientId, with Search a substring of it.
	ClientID   string
	Search     bool
	Attributes map[string]string
	PageSize   int
}

// Clients lists the clients of the realm, sorted by clientId. As with Users, an
// empty list from an account that may not see clients is a Denied problem.
func (r *Realm) Clients(q ClientQuery) clients.Fetch[Client] {
	v := url.Values{}
	setIf(v, "clientId", q.ClientID)
	if q.Search {
		v.Set("search", "true")
	}
	setIf(v, "q", attributeQuery(q.Attributes))
	c := r.get("list clients", "view-clients", "clients").with(v)
	return honest(r, c, "view-clients", paged[wireClient](r.s, c, q.PageSize))
}

// Client reads one client by its UUID, with Raw (without its secret).
func (r *Realm) Client(ctx context.Context, uuid string) (Client, error) {
	return one[wireClient](ctx, r.s, r.get("read the client", "view-clients", "clients", uuid))
}

// ClientByClientID finds a client by the name that the application uses; the case
// of letters counts.
func (r *Realm) ClientByClientID(ctx context.Context, clientID string) (Client, error) {
	const op = "find the client"
	if clientID == "" {
		return Client{}, r.refuse(op, "the clientId is empty", "")
	}
	page, err := r.Clients(ClientQuery{ClientID: clientID})(ctx, "")
	if err != nil {
		return Client{}, err
	}
	i := slices.IndexFunc(page.Items, func(c Client) bool { return c.ClientID == clientID })
	if i < 0 {
		return Client{}, &clients.Problem{Kind: clients.NotFound, Op: op, Target: r.s.admin.Target(),
			Reason: "realm " + r.name + " has no client " + strconv.Quote(clientID), Hint: "clientIds are exact, with upper and lower case"}
	}
	found := page.Items[i]
	entry, _ := r.state.clientIDs.LoadOrStore(found.ID, &cached[string]{})
	entry.(*cached[string]).put(found.ClientID, nameLife)
	return found, nil
}

// ServiceAccount is the user under whose name the client acts by itself. Lists of
// users with a search do not show it.
func (r *Realm) ServiceAccount(ctx context.Context, uuid string) (User, error) {
	return one[wireUser](ctx, r.s, r.get("read the service account", "view-clients", "clients", uuid, "service-account-user"))
}

// ClientSecret reads the secret of a confidential client. It is asked for only when
// a person wants to see it; a public client has none (NotFound).
func (r *Realm) ClientSecret(ctx context.Context, uuid string) (string, error) {
	return r.secret(ctx, r.get("read the client secret", "view-clients", "clients", uuid, "client-secret"))
}

func (r *Realm) secret(ctx context.Context, c call) (string, error) {
	var w struct {
		Value string `json:"value"`
	}
	_, err := r.s.do(ctx, c, &w)
	if err == nil && w.Value == "" {
		err = &clients.Problem{Kind: clients.NotFound, Op: c.title(), Target: r.s.admin.Target(), Reason: "the client has no secret", Hint: "a public client has none"}
	}
	return w.Value, err
}
