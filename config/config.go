// Package config knows where the three back ends are and how to speak to them.
// It reads one YAML file, lets GATEHOUSE_* environment variables and then flags
// override it, and refuses everything it does not understand with file, line and
// the nearest right name. Secrets are held by reference (see Secret).
//
// It imports nothing else of gatehouse, so that everything may import it.
package config

import (
	"sort"
	"time"
)

// Config is the whole configuration: named contexts, one of them current.
type Config struct {
	// Current names the context that is used when none is asked for.
	Current string `yaml:"current" jsonschema_description:"The context used when none is named by --context or GATEHOUSE_CONTEXT."`
	// Contexts by name. A name is what a person types: letters, digits, '.', '_' and '-'.
	Contexts map[string]*Context `yaml:"contexts" jsonschema_description:"One entry for each environment, such as dev and prod."`

	// ScreenReader opens the console for a screen reader, as --plain does.
	ScreenReader bool `yaml:"screen_reader,omitempty" jsonschema_description:"Open the console for a screen reader: lines in and lines out, nothing drawn."`

	// Path is the file it was read from; empty when the environment alone made it.
	Path string `yaml:"-"`
	// Warnings are oddities that do not stop the program, such as a GATEHOUSE_
	// variable whose name is a near miss. Show them once, on stderr.
	Warnings []string `yaml:"-"`

	opts  Options
	lines map[string]position // dotted key -> where it stands in the file
}

// Context is one environment: up to three back ends and how careful to be.
// A back end that is nil is not configured; its screens say so.
type Context struct {
	// Name is the key under which it stands in the file, or EnvContext.
	Name string `yaml:"-"`
	// Description is a line of the owner's own, shown by "context ls".
	Description string `yaml:"description,omitempty" jsonschema_description:"A line of your own, shown by context ls."`
	// Production asks for a typed confirmation before every write and marks the header.
	Production bool `yaml:"production,omitempty" jsonschema_description:"Real people depend on it: every write is confirmed by typing, and the header says so."`
	// ReadOnly forbids every write, in screens and commands. Any layer (file,
	// GATEHOUSE_READ_ONLY, --read-only) can switch it on and none can switch it off.
	ReadOnly bool `yaml:"read_only,omitempty" jsonschema_description:"Refuse every write. The environment and flags can switch it on, never off."`
	// Colour marks the context's name in the header: one of Colours, or #rrggbb.
	Colour string `yaml:"colour,omitempty" jsonschema:"pattern=^(default|grey|red|green|yellow|blue|magenta|cyan|#[0-9a-fA-F]{6})$" jsonschema_description:"Colour of the context's name in the header: default, grey, red, green, yellow, blue, magenta, cyan or #rrggbb."`
	// Timeouts bound every request; zero fields were filled with the defaults.
	Timeouts Timeouts `yaml:"timeouts,omitempty" jsonschema_description:"Deadlines of requests to the back ends."`
	// TLS holds for every back end that has none of its own.
	TLS *TLS `yaml:"tls,omitempty" jsonschema_description:"Certificates for every back end that has no tls of its own."`

	Kratos   *Kratos   `yaml:"kratos,omitempty" jsonschema_description:"Ory Kratos: who somebody is."`
	Keto     *Keto     `yaml:"keto,omitempty" jsonschema_description:"Ory Keto: which relations they hold."`
	Keycloak *Keycloak `yaml:"keycloak,omitempty" jsonschema_description:"Keycloak: which roles reach their token."`

	// Origin says where it came from, for people: a file name or "environment".
	Origin string `yaml:"-"`
}

// EnvContext is the name of the context that GATEHOUSE_* variables make when
// there is no file.
const EnvContext = "env"

// Colours are the names that Context.Colour takes besides #rrggbb.
var Colours = []string{"default", "grey", "red", "green", "yellow", "blue", "magenta", "cyan"}

// Timeouts are the deadlines of one request each, retries included.
type Timeouts struct {
	// Connect is the time for reaching a server, TLS included. Default 5s.
	Connect time.Duration `yaml:"connect,omitempty" jsonschema_description:"Time to reach a server, TLS included (default 5s)."`
	// Request is the time for a whole read. Default 15s.
	Request time.Duration `yaml:"request,omitempty" jsonschema_description:"Time for a whole read, retries included (default 15s)."`
	// Write is the time for a whole write. Default 30s: a write whose answer is
	// lost may have happened, so it is given more time than a read.
	Write time.Duration `yaml:"write,omitempty" jsonschema_description:"Time for a whole write (default 30s)."`
}

// The default deadlines.
const (
	DefaultConnect = 5 * time.Second
	DefaultRequest = 15 * time.Second
	DefaultWrite   = 30 * time.Second
)

// Gateway is what a back end's requests carry besides the question, for servers
// that stand behind a gateway or a hosted service.
type Gateway struct {
	// Bearer is sent as "Authorization: Bearer …".
	Bearer Secret `yaml:"bearer,omitempty" jsonschema_description:"Token sent as Authorization: Bearer, for a gateway or a hosted service."`
	// Headers are sent with every request. Names are canonical (Authorization, X-Tenant).
	Headers map[string]Secret `yaml:"headers,omitempty" jsonschema_description:"Headers sent with every request to this back end."`
	// TLS replaces the context's; nil after loading only when neither has one.
	TLS *TLS `yaml:"tls,omitempty" jsonschema_description:"Certificates for this back end; replaces the context's tls."`
}

// Kratos is where Ory Kratos listens. Two listeners are needed: schemas and
// whoami live on the public one, and the admin one only redirects to a configured
// public address that may not be reachable from here.
type Kratos struct {
	AdminURL  string `yaml:"admin_url,omitempty" jsonschema:"format=uri" jsonschema_description:"Admin listener, usually port 4434."`
	PublicURL string `yaml:"public_url,omitempty" jsonschema:"format=uri" jsonschema_description:"Public listener, usually port 4433: schemas, sign-in checks."`
	Gateway   `yaml:",inline"`
}

// Keto is where Ory Keto listens, and those of its settings that change decisions
// but that no API tells.
type Keto struct {
	ReadURL  string `yaml:"read_url,omitempty" jsonschema:"format=uri" jsonschema_description:"Read listener, usually port 4466."`
	WriteURL string `yaml:"write_url,omitempty" jsonschema:"format=uri" jsonschema_description:"Write listener, usually port 4467."`
	// OPLURL is the listener that checks the syntax of a permission model.
	OPLURL string `yaml:"opl_url,omitempty" jsonschema:"format=uri" jsonschema_description:"OPL syntax listener, usually port 4469."`
	// OPL is where the source of the permission model is: a file, a folder, an
	// http(s) or file URL, or base64://…; relative paths were resolved against
	// the folder of the configuration file.
	OPL string `yaml:"opl,omitempty" jsonschema_description:"Source of the permission model, which Keto does not hand out: a file, a folder, a URL or base64://…"`
	// MaxDepth is the server's limit.max_read_depth. Default 5.
	MaxDepth int `yaml:"max_depth,omitempty" jsonschema:"minimum=1,maximum=65535" jsonschema_description:"The server's limit.max_read_depth (default 5)."`
	// MaxWidth is the server's limit.max_read_width. Default 100.
	MaxWidth int `yaml:"max_width,omitempty" jsonschema:"minimum=1,maximum=65535" jsonschema_description:"The server's limit.max_read_width (default 100)."`
	// Engine is "auto", "classic" (up to v26.2) or "new".
	Engine string `yaml:"engine,omitempty" jsonschema:"enum=auto,enum=classic,enum=new" jsonschema_description:"Generation of the server's check engine: auto (default), classic up to v26.2, new after."`
	// Strict is "auto", "true" or "false": the server's strict mode.
	Strict  Tristate `yaml:"strict,omitempty" jsonschema_description:"The server's strict mode: auto (default), true or false."`
	Gateway `yaml:",inline"`
}

// Tristate is "auto", "true" or "false"; the file may say true and false unquoted.
type Tristate string

// The values of a Tristate.
const (
	Auto Tristate = "auto"
	Yes  Tristate = "true"
	No   Tristate = "false"
)

// The defaults of Keto's own limits.
const (
	DefaultMaxDepth = 5
	DefaultMaxWidth = 100
)

// Keycloak is where Keycloak listens and how gatehouse signs in: as a person
// (Username, Password), as a client (ClientID, ClientSecret), or with a ready
// bearer token.
type Keycloak struct {
	URL string `yaml:"url,omitempty" jsonschema:"format=uri" jsonschema_description:"Base URL, without /admin and without /realms."`
	// Realms that are shown, the first one first; empty means all that the account sees.
	Realms []string `yaml:"realms,omitempty" jsonschema_description:"Realms to show, the first one first; empty means all that the account sees."`
	// AuthRealm is where gatehouse itself signs in. Default master.
	AuthRealm string `yaml:"auth_realm,omitempty" jsonschema_description:"Realm in which gatehouse itself signs in (default master)."`
	Username  string `yaml:"username,omitempty" jsonschema_description:"Sign in as a person; goes with password."`
	Password  Secret `yaml:"password,omitempty" jsonschema_description:"Password of username."`
	// ClientID is the signing-in client: with a username it defaults to admin-cli.
	ClientID     string `yaml:"client_id,omitempty" jsonschema_description:"Sign in as a client; with username, the client to sign in through (default admin-cli)."`
	ClientSecret Secret `yaml:"client_secret,omitempty" jsonschema_description:"Secret of client_id."`
	Gateway      `yaml:",inline"`
}

// DefaultAuthRealm is the realm in which administrators live unless said otherwise.
const DefaultAuthRealm = "master"

// Names lists the contexts, sorted.
func (c *Config) Names() []string {
	names := make([]string, 0, len(c.Contexts))
	for n := range c.Contexts {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
