package keycloak

import "context"

// Effective is every role that a user or group holds, and why.
type Effective struct {
	Holder Holder          `json:"holder"`
	Roles  []EffectiveRole `json:"roles"`
	// Cut is not empty when roles may be missing; then a role that is not in Roles is
	// unknown, not absent.
	Cut Cut `json:"cut,omitempty"`
	// OnlyServer and OnlyOurs are the roles in which the server's own answer and ours
	// differ. Both are empty when they agree, or when Checked is false.
	OnlyServer []Role `json:"only_server,omitempty"`
	OnlyOurs   []Role `json:"only_ours,omitempty"`
	// Checked reports whether the server could be asked for its own answer.
	Checked bool `json:"checked"`
}

// EffectiveRole is a role and the first (shortest) way in which it is held.
type EffectiveRole struct {
	Role
	// Direct reports a mapping to the holder itself, also when there are other ways.
	Direct bool `json:"direct"`
	// Path leads from the holder to the role; the last hop is the role itself.
	Path []Hop `json:"path"`
}

// Hop is one step on the way to a role.
type Hop struct {
	Kind HopKind `json:"kind"`
	ID   string  `json:"id"`
	// Name is a username, a group path, or a role as String writes it.
	Name string `json:"name"`
	// Default marks the realm's default role, which every new user is given.
	Default bool `json:"default,omitempty"`
}

// HopKind tells what a hop is.
type HopKind string

// The kinds of hop.
const (
	HopUser       HopKind = "user"
	HopGroup      HopKind = "group"
	HopRealmRole  HopKind = "realm role"
	HopClientRole HopKind = "client role"
)

// Effective computes the roles of a user or group from direct mappings, groups and
// their ancestors, and composites, and compares them with the server's answer.
func (r *Realm) Effective(ctx context.Context, h Holder) (Effective, error) {
	return Effective{}, notYet
}
