package keycloak

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// ServerInfo is what the server says about itself.
type ServerInfo struct {
	Version string `json:"version"`
	// Features are the names of the features that are switched on.
	Features []string `json:"features,omitempty"`
	// EventTypes, Operations and ResourceTypes are the words that event queries take.
	EventTypes    []string `json:"event_types,omitempty"`
	Operations    []string `json:"operations,omitempty"`
	ResourceTypes []string `json:"resource_types,omitempty"`
}

type wireInfo struct {
	SystemInfo struct {
		Version string `json:"version"`
	} `json:"systemInfo"`
	Features []struct {
		Name    string `json:"name"`
		Enabled bool   `json:"enabled"`
	} `json:"features"`
	Enums map[string][]string `json:"enums"`
}

func (w wireInfo) neutral() ServerInfo {
	i := ServerInfo{Version: w.SystemInfo.Version, EventTypes: w.Enums["eventType"],
		Operations: w.Enums["operationType"], ResourceTypes: w.Enums["resourceType"]}
	for _, f := range w.Features {
		if f.Enabled {
			i.Features = append(i.Features, f.Name)
		}
	}
	return i
}

// infoLife is how long the server's word about itself is kept; it is 300 KB.
const infoLife = 10 * time.Minute

// Info reads version and features. An administrator of any realm may. The version is
// empty when the server keeps it from accounts outside the master realm.
func (s *Server) Info(ctx context.Context) (ServerInfo, error) {
	return s.info.get(ctx, infoLife, func(ctx context.Context) (ServerInfo, error) {
		return one[wireInfo](ctx, s, call{op: "read the server info", needs: "view-realm", method: http.MethodGet, path: []string{"admin", "serverinfo"}})
	})
}

// Discovery is a realm's OpenID Connect discovery document.
type Discovery struct {
	Issuer             string          `json:"issuer"`
	TokenEndpoint      string          `json:"token_endpoint"`
	AuthEndpoint       string          `json:"authorization_endpoint"`
	UserInfoEndpoint   string          `json:"userinfo_endpoint"`
	EndSessionEndpoint string          `json:"end_session_endpoint"`
	DeviceEndpoint     string          `json:"device_authorization_endpoint"`
	JWKSURI            string          `json:"jwks_uri"`
	Scopes             []string        `json:"scopes_supported"`
	Raw                json.RawMessage `json:"-"`
}

type wireDiscovery Discovery

func (w wireDiscovery) neutral() Discovery { return Discovery(w) }

func (d *Discovery) keep(b json.RawMessage) { d.Raw = b }

// Discovery reads the discovery document; no login is needed. It does not tell
// whether the realm is enabled.
func (r *Realm) Discovery(ctx context.Context) (Discovery, error) {
	return one[wireDiscovery](ctx, r.s, call{op: "read the discovery document", realm: r.name, method: http.MethodGet, public: true,
		path: []string{"realms", r.name, ".well-known", "openid-configuration"}})
}

// JWK is one public key with which a realm signs or encrypts tokens (RFC 7517).
type JWK struct {
	ID        string `json:"kid"`
	Type      string `json:"kty"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
}

// Certificates reads the realm's public keys; no login is needed.
func (r *Realm) Certificates(ctx context.Context) ([]JWK, error) {
	var w struct {
		Keys []JWK `json:"keys"`
	}
	_, err := r.s.do(ctx, call{op: "read the public keys", realm: r.name, method: http.MethodGet, public: true,
		path: []string{"realms", r.name, "protocol", "openid-connect", "certs"}}, &w)
	return w.Keys, err
}

// Key is one key of a realm as its administrators see it, without its private part.
type Key struct {
	ID         string `json:"kid"`
	Type       string `json:"type"`
	Algorithm  string `json:"algorithm"`
	Use        string `json:"use"`
	Status     string `json:"status"` // ACTIVE, PASSIVE or DISABLED
	ProviderID string `json:"provider_id"`
	Priority   int64  `json:"priority"`
}

// Keys lists the keys of the realm and which of them is active by algorithm.
func (r *Realm) Keys(ctx context.Context) (keys []Key, active map[string]string, err error) {
	var w struct {
		Active map[string]string `json:"active"`
		Keys   []struct {
			Kid              string `json:"kid"`
			Type             string `json:"type"`
			Algorithm        string `json:"algorithm"`
			Use              string `json:"use"`
			Status           string `json:"status"`
			ProviderID       string `json:"providerId"`
			ProviderPriority int64  `json:"providerPriority"`
		} `json:"keys"`
	}
	if _, err := r.s.do(ctx, r.get("list the keys", "view-realm", "keys"), &w); err != nil {
		return nil, nil, err
	}
	for _, k := range w.Keys {
		keys = append(keys, Key{ID: k.Kid, Type: k.Type, Algorithm: k.Algorithm, Use: k.Use, Status: k.Status, ProviderID: k.ProviderID, Priority: k.ProviderPriority})
	}
	return keys, w.Active, nil
}

// KeySet reads the realm's public keys as they are, a JSON Web Key Set (RFC 7517); no
// login is needed.
func (r *Realm) KeySet(ctx context.Context) (json.RawMessage, error) {
	var keys json.RawMessage
	_, err := r.s.do(ctx, call{op: "read the public keys", realm: r.name, method: http.MethodGet, public: true,
		path: []string{"realms", r.name, "protocol", "openid-connect", "certs"}}, &keys)
	return keys, err
}
