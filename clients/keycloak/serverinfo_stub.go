package keycloak

// ServerInfo is what the server says about itself.
type ServerInfo struct {
	Version string `json:"version"`
}
