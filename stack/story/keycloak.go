package story

// Realm is the Keycloak realm of the story.
type Realm struct {
	Name        string `yaml:"realm"`
	DisplayName string `yaml:"display_name"`
	// Settings are named as in Keycloak's RealmRepresentation.
	Settings   map[string]any `yaml:"settings"`
	Clients    []Client       `yaml:"clients"`
	Scopes     []ClientScope  `yaml:"scopes"`
	RealmRoles []Role         `yaml:"realm_roles"`
	// Groups stand after their parents.
	Groups []Group `yaml:"groups"`
}

// Client is an application or service of the realm.
type Client struct {
	ClientID string `yaml:"client_id"`
	Name     string `yaml:"name"`
	Public   bool   `yaml:"public"`
	// StandardFlow (browser login) and FullScope are on unless said otherwise.
	StandardFlow   *bool             `yaml:"standard_flow"`
	FullScope      *bool             `yaml:"full_scope"`
	DirectGrants   bool              `yaml:"direct_grants"`
	ServiceAccount bool              `yaml:"service_account"`
	RootURL        string            `yaml:"root_url"`
	RedirectURIs   []string          `yaml:"redirect_uris"`
	WebOrigins     []string          `yaml:"web_origins"`
	Attributes     map[string]string `yaml:"attributes"`
	Roles          []Role            `yaml:"roles"`
	Mappers        []Mapper          `yaml:"mappers"`
	OptionalScopes []string          `yaml:"optional_scopes"`
	// ScopeRoles may reach its tokens although full scope is off.
	ScopeRoles Roles `yaml:"scope_roles"`
	// ServiceAccountRoles are those of its own account.
	ServiceAccountRoles Roles `yaml:"service_account_roles"`
}

// Role is a realm or client role with the roles that it holds.
type Role struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Composites  Roles  `yaml:"composites"`
}

// Group is a group by its path; Roles are those of everybody in it and below it.
type Group struct {
	Path  string `yaml:"path"`
	Roles `yaml:",inline"`
}

// ClientScope is a set of mappers that clients share.
type ClientScope struct {
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Mappers     []Mapper `yaml:"mappers"`
}

// Mapper is a protocol mapper; Type is Keycloak's provider id.
type Mapper struct {
	Name   string            `yaml:"name"`
	Type   string            `yaml:"type"`
	Config map[string]string `yaml:"config"`
}
