package login

// ClaimFacts are what the checks of roles, claims, tokens and authorization services
// need beyond what those of the login do.
type ClaimFacts struct{}
