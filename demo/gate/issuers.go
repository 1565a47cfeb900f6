package gate

import (
	"net/url"
	"strings"
)

// TokenIssuer says whose access tokens an API takes. What is empty is made of the
// rest: of the names that the tutorial's settings have, or of the Keycloak realm.
type TokenIssuer struct {
	// BaseURL and Tenant are CRYPTR_BASE_URL and CRYPTR_TENANT_DOMAIN of the tutorial.
	BaseURL, Tenant string
	// Issuer is the exact value of the claim iss, KeysURL where its keys are.
	Issuer, KeysURL string
	// Audience is the value that must be in the claim aud.
	Audience string
	// Origins are those of browser applications that may read the answers.
	Origins []string
}

// Audiences and origins where nothing else is said: the tutorial's, and those of the
// story's realm.
const (
	seedAudience  = "http://localhost:8081"
	seedOrigin    = "http://localhost:8080"
	storyAudience = "reportingApi"
	storyOrigin   = "http://localhost:50101"
)

// OktaSettings are those of an Okta organisation and the application in it.
type OktaSettings struct {
	OrgURL                 string // without trailing slash
	ClientID, ClientSecret string
	APIToken               string // of the organisation, to look people up with
	// Practice says that it is the demo's own provider, where the people of the demo are.
	Practice bool
}

// SocialSettings are those of a provider of social logins; its addresses are below BaseURL.
type SocialSettings struct {
	BaseURL, ID, Secret string
	// Practice says that it is the demo's own provider, where the people of the demo are.
	Practice bool
}

// RealmURL is the issuer that the Keycloak realm is; empty without Keycloak.
func (e *Env) RealmURL() string {
	if e.KeycloakURL == "" || e.Realm == "" {
		return ""
	}
	return e.KeycloakURL + "/realms/" + url.PathEscape(e.Realm)
}

// Issuer completes the settings of Tokens. It answers which issuers a token may name:
// the tutorial puts its base URL and "/t/" together without looking, so that a base
// URL with a slash at its end makes two; both are the same server and tenant.
// Without any setting and without a realm the list is empty.
func (e *Env) Issuer() (t TokenIssuer, issuers []string) {
	t = e.Tokens
	switch {
	case t.Issuer != "":
		issuers = []string{t.Issuer}
	case t.BaseURL != "":
		t.Issuer = strings.TrimSuffix(t.BaseURL, "/") + "/t/" + t.Tenant
		issuers = []string{t.Issuer}
		if strings.HasSuffix(t.BaseURL, "/") {
			issuers = append(issuers, t.BaseURL+"/t/"+t.Tenant)
		}
		setDefault(&t.KeysURL, t.Issuer+"/.well-known")
	case e.RealmURL() != "":
		t.Issuer = e.RealmURL()
		issuers = []string{t.Issuer}
	}
	own := t.Issuer != "" && t.Issuer == e.RealmURL()
	if own {
		setDefault(&t.KeysURL, t.Issuer+"/protocol/openid-connect/certs")
	}
	if t.Audience == "" {
		t.Audience = seedAudience
		if own {
			t.Audience = storyAudience
		}
	}
	if t.Origins == nil {
		t.Origins = []string{seedOrigin}
		if own {
			t.Origins = append(t.Origins, storyOrigin)
		}
	}
	return t, issuers
}
