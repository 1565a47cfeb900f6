package keycloak

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// PreviewQuery says for whom and with what a token preview is made.
type PreviewQuery struct {
	ClientUUID, UserID string
	// Scope is the scope parameter of the request ("openid profile").
	Scope string
	// Audience is a clientId that the token is wanted for; the client must exist and
	// be in scope.
	Audience string
}

// TokenKind is one of the three documents a preview can be made of.
type TokenKind string

// The kinds of preview.
const (
	AccessToken TokenKind = "access"
	IDToken     TokenKind = "id"
	UserInfo    TokenKind = "userinfo"
)

// Preview is what a token would hold now. It proves nothing about the ability to log
// in: the server makes one for a disabled user, a disabled client and a user with
// required actions too. Its issuer is that of our own address of the server.
type Preview struct {
	Kind   TokenKind       `json:"kind"`
	Claims json.RawMessage `json:"claims"`
	// Dropped are words of the scope parameter that the client does not have. The
	// preview leaves them out in silence where a login fails with invalid_scope.
	Dropped []string `json:"dropped_scopes,omitempty"`
	// Warning is set on releases whose preview is known to be wrong.
	Warning string `json:"warning,omitempty"`
}

// Preview computes the claims a token would hold now.
func (r *Realm) Preview(ctx context.Context, kind TokenKind, p PreviewQuery) (Preview, error) {
	const op = "preview the token"
	switch {
	case previewEnds[kind] == "":
		return Preview{}, r.refuse(op, "there is no preview of a "+string(kind)+" token", "ask for access, id or userinfo")
	case p.UserID == "":
		return Preview{}, r.refuse(op, "no user was named", "for a service account take the user of ServiceAccount")
	}
	client, err := r.Client(ctx, p.ClientUUID)
	if err != nil {
		return Preview{}, err
	}
	if p.Audience != "" { // the server ignores one that does not exist
		if _, err := r.ClientByClientID(ctx, p.Audience); err != nil {
			return Preview{}, err
		}
	}
	out := Preview{Kind: kind, Dropped: dropped(client, p.Scope), Warning: r.s.previewWarning(ctx)}
	out.Claims, err = r.PreviewClaims(ctx, kind, p)
	return out, err
}

// PreviewClaims are the claims alone, in one request, for who has looked at the client
// and at the audience already: the server drops in silence what is not there.
func (r *Realm) PreviewClaims(ctx context.Context, kind TokenKind, p PreviewQuery) (json.RawMessage, error) {
	const op = "preview the token"
	end, ok := previewEnds[kind]
	switch {
	case !ok:
		return nil, r.refuse(op, "there is no preview of a "+string(kind)+" token", "ask for access, id or userinfo")
	case p.UserID == "":
		return nil, r.refuse(op, "no user was named", "for a service account take the user of ServiceAccount")
	}
	q := url.Values{"userId": {p.UserID}}
	setIf(q, "scope", p.Scope)
	setIf(q, "audience", p.Audience)
	var claims json.RawMessage
	c := r.get(op, "view-users and view-clients", "clients", p.ClientUUID, "evaluate-scopes", "generate-example-"+end)
	_, err := r.s.do(ctx, c.with(q), &claims)
	return claims, err
}

// previewEnds are the addresses of the previews.
var previewEnds = map[TokenKind]string{AccessToken: "access-token", IDToken: "id-token", UserInfo: "userinfo"}

// dropped lists the words of a scope parameter that the client does not have. A
// dynamic scope ("organization:acme") is known by the part before its colon.
func dropped(c Client, scope string) []string {
	var out []string
	for word := range strings.FieldsSeq(scope) {
		name, _, _ := strings.Cut(word, ":")
		if word != "openid" && !slices.Contains(c.DefaultScopes, name) && !slices.Contains(c.OptionalScopes, name) &&
			!slices.Contains(c.DefaultScopes, word) && !slices.Contains(c.OptionalScopes, word) {
			out = append(out, word)
		}
	}
	return out
}

// previewWarning names the known fault of 26.5 (keycloak issue 45455). A server that
// keeps its version from us gets no warning.
func (s *Server) previewWarning(ctx context.Context) string {
	if info, err := s.Info(ctx); err == nil && strings.HasPrefix(info.Version, "26.5.") {
		return "Keycloak 26.5 may evaluate client scopes wrongly in a preview; trust a real token more"
	}
	return ""
}

// EffectiveMapper is a protocol mapper that takes part in a token, and where it is from.
type EffectiveMapper struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
	// Owner is the client or client scope that the mapper belongs to.
	Owner MapperOwner `json:"-"`
	// Scope is the name of the client scope, empty for the client itself.
	Scope string `json:"scope,omitempty"`
}

type wireEffectiveMapper struct {
	MapperID       string `json:"mapperId"`
	MapperName     string `json:"mapperName"`
	ContainerID    string `json:"containerId"`
	ContainerName  string `json:"containerName"`
	ContainerType  string `json:"containerType"`
	ProtocolMapper string `json:"protocolMapper"`
}

func (w wireEffectiveMapper) neutral() EffectiveMapper {
	owner := MappersOfScope(w.ContainerID)
	if w.ContainerType == "client" {
		owner = MappersOfClient(w.ContainerID)
	}
	return EffectiveMapper{ID: w.MapperID, Name: w.MapperName, Type: w.ProtocolMapper, Owner: owner, Scope: w.ContainerName}
}

// EffectiveMappers lists the mappers in effect for a client and scope parameter. It
// lists those of a client scope even when the user is not permitted to that scope.
func (r *Realm) EffectiveMappers(ctx context.Context, clientUUID, scope string) ([]EffectiveMapper, error) {
	q := url.Values{}
	setIf(q, "scope", scope)
	return all[wireEffectiveMapper](ctx, r.s, r.get("list the mappers in effect", "view-clients", "clients", clientUUID, "evaluate-scopes", "protocol-mappers").with(q))
}

// RolesInScope lists the roles of a container that can reach the client's tokens
// with that scope parameter; with granted false, those that cannot.
func (r *Realm) RolesInScope(ctx context.Context, clientUUID string, c Container, scope string, granted bool) ([]Role, error) {
	q := url.Values{}
	setIf(q, "scope", scope)
	end := "not-granted"
	if granted {
		end = "granted"
	}
	container := cmp.Or(c.ClientUUID, r.name) // the realm's name: its id is not found here
	roles, err := all[wireRole](ctx, r.s, r.get("list the roles in scope", "view-clients", "clients", clientUUID, "evaluate-scopes", "scope-mappings", container, end).with(q))
	return r.nameClients(ctx, roles), err
}
