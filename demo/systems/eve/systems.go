package eve

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"gatehouse/demo/gate"
)

// maker makes one system out of its configuration.
type maker func(*gate.Env) (*api, error)

func made(m maker) func(*gate.Env) (*gate.System, error) {
	return func(env *gate.Env) (*gate.System, error) {
		a, err := m(env)
		if err != nil {
			return nil, err
		}
		return a.system(), nil
	}
}

// The systems, by the ids of the research document.
var (
	Global       = made(global)
	Public       = made(public)
	Resource     = made(perResource)
	ResourceAuth = made(resourceAuth)
	Roles        = made(roles)
	Bcrypt       = made(bcrypted)
	Token        = made(tokens)
	HMAC         = made(hmacs)
	AuthField    = made(authField)
)

var admin = gate.Person{Username: "admin", Password: "secret", Roles: []string{"admin"}}

func two() []*resource { return []*resource{{name: "people"}, {name: "invoices"}} }

func global(env *gate.Env) (*api, error) {
	a := newAPI(env, "eve-global", "An API with one guard for everything", "HTTP Basic for every method",
		"One class guards every resource, every item and the start page. Only OPTIONS is open.", two()...)
	return a, a.use(admin)
}

func public(env *gate.Env) (*api, error) {
	a := newAPI(env, "eve-public", "An API with public methods", "HTTP Basic, but GET is public",
		"GET is open to everybody, on resources and on items; HEAD is not, as in the original.", two()...)
	get := []string{http.MethodGet}
	a.public, a.publicItem = get, get
	return a, a.use(admin)
}

func perResource(env *gate.Env) (*api, error) {
	a := newAPI(env, "eve-resource", "An API whose resources set their own rules", "HTTP Basic; what is public is set for each resource",
		"GET is public, but not that of invoices: the settings of a resource come before those of the API.", two()...)
	get := []string{http.MethodGet}
	a.public, a.publicItem = get, get
	a.resources[1].public, a.resources[1].publicItem = []string{}, []string{}
	return a, a.use(admin)
}

func resourceAuth(env *gate.Env) (*api, error) {
	a := newAPI(env, "eve-resource-auth", "An API whose resources have guards of their own", "a guard for each resource",
		"Each resource can have another guard. In the original one without any is open to everybody; here that has to be said: none.", two()...)
	a.resources[0].auth = guardToken
	if env.Accounts == gate.Seeds {
		a.resources[0].auth, a.auth = guardBasic, open
		a.warn = append(a.warn, "invoices and the start page are open to everybody, as in the original, where no guard for the whole API was set.")
	}
	return a, a.withTokens(admin)
}

func roles(env *gate.Env) (*api, error) {
	a := newAPI(env, "eve-roles", "An API with roles", "HTTP Basic and any one of the roles",
		"Any one of the roles that a method asks for suffices, where the web application behind Keycloak asks for all of them. The roles of a resource hold for its items too.",
		&resource{name: "people", roles: []string{"admin"}},
		&resource{name: "invoices", roles: []string{"superuser", "admin"}},
		&resource{name: "books", read: []string{"reader"}, write: []string{"writer"}},
		&resource{name: "open"},
		&resource{name: "mix", roles: []string{"admin"}, read: []string{"reader"}})
	return a, a.use(
		gate.Person{Username: "alice", Password: "secret", Roles: []string{"admin"}},
		gate.Person{Username: "sue", Password: "secret", Roles: []string{"superuser"}},
		gate.Person{Username: "rita", Password: "secret", Roles: []string{"reader"}},
		gate.Person{Username: "will", Password: "secret", Roles: []string{"writer"}},
		gate.Person{Username: "norole", Password: "secret"})
}

func bcrypted(env *gate.Env) (*api, error) {
	a := newAPI(env, "eve-bcrypt", "An API with hashed passwords", "HTTP Basic against bcrypt hashes",
		"Passwords are kept as bcrypt hashes. bcrypt reads 72 bytes; a longer password is refused, not cut.", two()...)
	return a, a.use(gate.Person{Username: "alice", Password: "secret"}, gate.Person{Username: "long", Password: strings.Repeat("a", 72)})
}

func tokens(env *gate.Env) (*api, error) {
	a := newAPI(env, "eve-token", "An API behind a token", "a token in the Authorization header",
		"The token is sent behind the word Token or Bearer, bare, or as the name of HTTP Basic. The server keeps its hash.", two()...)
	a.auth = guardToken
	return a, a.withTokens(gate.Person{Username: "alice", Password: "secret"}, gate.Person{Username: "bare", Password: "secret"})
}

// withTokens takes the accounts with their tokens: that of alice is the recorded one.
func (a *api) withTokens(list ...gate.Person) error {
	if err := a.use(list...); err != nil {
		return err
	}
	if a.env.Accounts == gate.Seeds {
		a.secrets = []account{{gate.Person{Username: "alice"}, sha256.Sum256([]byte("tok-alice")), "key-alice"}}
		return nil
	}
	for _, u := range a.accounts.All() {
		a.secrets = append(a.secrets, account{u.Person, sha256.Sum256([]byte(a.derived("token", u.Username))), a.derived("key", u.Username)})
	}
	return nil
}

func hmacs(env *gate.Env) (*api, error) {
	a := newAPI(env, "eve-hmac", "An API behind a MAC", "a MAC of each request", "", two()...)
	a.auth = guardHMAC
	if env.Accounts == gate.Seeds {
		a.about = "The MAC covers the body alone, as in the original: one that was seen once is good for every request with the same body, for ever."
		a.warn = append(a.warn, "the MAC covers the body only, as in the original: whoever sees one request can repeat it, and delete everything with that of a GET.")
	} else {
		a.signed = true
		a.about = "The MAC covers method, path, time, a nonce and the body, and works once: name:hex of HMAC-SHA256 over the lines method, path, Date, X-Nonce, SHA-256 of the body. POST /-/credentials with name and password gives the key."
	}
	return a, a.withTokens(gate.Person{Username: "alice", Password: "secret"})
}

func authField(env *gate.Env) (*api, error) {
	a := newAPI(env, "eve-auth-field", "An API whose records belong to somebody", "HTTP Basic; everybody sees their own invoices",
		"Who makes an invoice owns it; those of others are not found. People are public to read.",
		&resource{name: "people", public: []string{http.MethodGet}}, &resource{name: "invoices", owned: true})
	for i, r := range a.resources {
		r.records = newRecords(i, r.name, env.Now)
		r.records.list[0].owner = "bob"
	}
	return a, a.use(admin)
}
