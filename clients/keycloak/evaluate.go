package keycloak

import (
	"context"
	"encoding/json"
)

// Preview says for whom and with what a token preview is made. A preview shows what
// a token would hold; it proves nothing about the ability to log in: the server
// makes one for a disabled user and a disabled client too.
type Preview struct {
	ClientUUID, UserID string
	// Scope is the scope parameter of the request ("openid profile"). Unknown words
	// are dropped in silence.
	Scope string
	// Audience is a clientId; one that does not exist is ignored by the server.
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

// Preview computes the claims a token would hold now.
func (r *Realm) Preview(ctx context.Context, kind TokenKind, p Preview) (json.RawMessage, error) {
	return nil, notYet
}

// EffectiveMapper is a protocol mapper that takes part in a token, and where it is from.
type EffectiveMapper struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
	// Owner is the client scope or client that the mapper belongs to; Scope is the
	// name of the client scope, empty for the client itself.
	OwnerID string `json:"owner_id"`
	Scope   string `json:"scope,omitempty"`
}

// EffectiveMappers lists the mappers in effect for a client and scope parameter. It
// lists those of a client scope even when the user is not permitted to that scope.
func (r *Realm) EffectiveMappers(ctx context.Context, clientUUID, scope string) ([]EffectiveMapper, error) {
	return nil, notYet
}

// RolesInScope lists the roles of a container that can reach the client's tokens
// with that scope parameter; with granted false, those that cannot.
func (r *Realm) RolesInScope(ctx context.Context, clientUUID string, c Container, scope string, granted bool) ([]Role, error) {
	return nil, notYet
}
