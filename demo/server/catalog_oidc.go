package server

// oidc are the systems that stand on an issuer of tokens or a login provider.
func oidc() []Entry {
	return []Entry{}
}
