package login

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Grant is the way in which the person, or the application, gets its tokens.
type Grant string

// The grants. Browser is the form in a browser (authorization code), Direct the
// password sent by the application (direct access grant), Service the application's
// own account (client credentials).
const (
	Browser Grant = "browser"
	Direct  Grant = "direct"
	Service Grant = "service"
)

// Token is the document in which the application looks for a role.
type Token string

// The kinds of token.
const (
	Access   Token = "access"
	ID       Token = "id"
	UserInfo Token = "userinfo"
)

// Sends says whether the application's request has a part that a client may demand.
type Sends int8

// Unsaid is the zero value: nobody told us.
const (
	Unsaid Sends = iota
	SendsNot
	SendsIt
)

// Asked is the question: may this person log in to this application and, with a role
// or resource, is it theirs there?
type Asked struct {
	Realm string `json:"realm"`
	// User is what the person types into the login form.
	User   string `json:"user,omitempty"`
	Client string `json:"client"`
	// Role is a role of RoleClient (the Client where that is empty); RealmRole one of
	// the realm.
	Role       string `json:"role,omitempty"`
	RoleClient string `json:"role_client,omitempty"`
	RealmRole  string `json:"realm_role,omitempty"`
	// Resource and ResourceScope ask the authorization services of the client.
	Resource      string `json:"resource,omitempty"`
	ResourceScope string `json:"resource_scope,omitempty"`
	Token         Token  `json:"token,omitempty"`
	// Scope is the scope parameter of the application's request.
	Scope       string `json:"scope,omitempty"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	// Origin is the one a browser application calls the token endpoint from.
	Origin string `json:"origin,omitempty"`
	// Issuer is what the application takes for the realm's address.
	Issuer string `json:"issuer,omitempty"`
	Grant  Grant  `json:"grant,omitempty"`
	// Audience is the clientId of the API that the access token is shown to.
	Audience string `json:"audience,omitempty"`
	// PKCE, PAR and DPoP say what the application's request has: 1 that it has not, 2
	// that it has.
	PKCE Sends `json:"pkce,omitempty"`
	PAR  Sends `json:"par,omitempty"`
	DPoP Sends `json:"dpop,omitempty"`
	// Secret is the client secret that the application sends, where it is known. It is
	// compared with the client's and never printed.
	Secret string `json:"-"`
	// PastedToken is a token to look at. It is never printed.
	PastedToken string `json:"-"`
}

// withDefaults fills what was left out.
func (a Asked) withDefaults() Asked {
	if a.Grant == "" {
		a.Grant = Browser
	}
	if a.Token == "" {
		a.Token = Access
	}
	if a.Scope == "" {
		a.Scope = "openid"
	}
	return a
}

// Words are the words of the scope parameter.
func (a Asked) Words() []string { return strings.Fields(a.Scope) }

// Asks reports whether the scope parameter has the word.
func (a Asked) Asks(word string) bool { return slices.Contains(a.Words(), word) }

// OnlyLogin reports whether the question is about the login alone.
func (a Asked) OnlyLogin() bool { return a.Role == "" && a.RealmRole == "" && a.Resource == "" }

// WantedRole is the role that is asked for; ok is false where none is.
func (a Asked) WantedRole() (r Role, ok bool) {
	switch {
	case a.RealmRole != "":
		return Role{Name: a.RealmRole}, true
	case a.Role != "" && a.RoleClient != "":
		return Role{Client: a.RoleClient, Name: a.Role}, true
	case a.Role != "":
		return Role{Client: a.Client, Name: a.Role}, true
	}
	return Role{}, false
}

// Question is the question in one line.
func (a Asked) Question() string {
	a = a.withDefaults()
	who := a.User
	if a.Grant == Service && who == "" {
		who = "the service account"
	}
	out := fmt.Sprintf("realm %s: may %s log in to %s", a.Realm, who, a.Client)
	role, hasRole := a.WantedRole()
	switch {
	case a.Resource != "" && a.ResourceScope != "":
		out = fmt.Sprintf("realm %s: may %s do %s to %s in %s", a.Realm, who, a.ResourceScope, a.Resource, a.Client)
	case a.Resource != "":
		out = fmt.Sprintf("realm %s: may %s use %s in %s", a.Realm, who, a.Resource, a.Client)
	case hasRole:
		out = fmt.Sprintf("realm %s: has %s the role %s in the %s token of %s", a.Realm, who, role, a.Token, a.Client)
		if a.Token == UserInfo {
			out = fmt.Sprintf("realm %s: has %s the role %s in the userinfo of %s", a.Realm, who, role, a.Client)
		}
	}
	if a.Grant == Direct {
		out += ", with the password sent by the application"
	}
	return out + "?"
}

// Check says what is wrong with the question, "" if nothing is.
func (a Asked) Check() string {
	a = a.withDefaults()
	switch {
	case a.Realm == "":
		return "name the realm"
	case a.Client == "":
		return "name the client, by the clientId that the application uses"
	case a.User == "" && a.Grant != Service:
		return "name the user, as the person types it into the login form"
	case a.Role != "" && a.RealmRole != "":
		return "ask for a role of the client or for one of the realm, not for both"
	case a.Resource != "" && (a.Role != "" || a.RealmRole != ""):
		return "ask for a role or for a resource, not for both"
	case !slices.Contains([]Grant{Browser, Direct, Service}, a.Grant):
		return "the grant is browser, direct or service"
	case !slices.Contains([]Token{Access, ID, UserInfo}, a.Token):
		return "the token is access, id or userinfo"
	}
	return ""
}

// FromURL fills in what the address of the application's login request tells, as it
// stands in the address line of the browser in which the login failed.
func (a Asked) FromURL(text string) (Asked, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" {
		return a, fmt.Errorf("%q is not an address", text)
	}
	before, rest, ok := strings.Cut(u.Path, "/realms/")
	realm, end, _ := strings.Cut(rest, "/")
	if !ok || !strings.HasPrefix(end, "protocol/openid-connect/auth") {
		return a, fmt.Errorf("%q is not the address of a login: it has no /realms/…/protocol/openid-connect/auth", text)
	}
	q := u.Query()
	set := func(to *string, v string) {
		if *to == "" {
			*to = v
		}
	}
	set(&a.Realm, realm)
	set(&a.Client, q.Get("client_id"))
	set(&a.RedirectURI, q.Get("redirect_uri"))
	set(&a.Scope, q.Get("scope"))
	set(&a.Issuer, u.Scheme+"://"+u.Host+before+"/realms/"+realm)
	a.PKCE, a.PAR = sends(q.Get("code_challenge")), sends(q.Get("request_uri"))
	return a, nil
}

func sends(v string) Sends {
	if v == "" {
		return SendsNot
	}
	return SendsIt
}
