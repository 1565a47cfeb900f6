package keycloak

import (
	"cmp"
	"context"
	"slices"

	"gatehouse/clients"
)

// Effective is every role that a user or group holds, and why.
type Effective struct {
	Holder Holder          `json:"holder"`
	Roles  []EffectiveRole `json:"roles"`
	// Cut is not empty when roles may be missing; then a role that is not in Roles is
	// unknown, not absent.
	Cut Cut `json:"cut,omitempty"`
	// Checked reports whether the server could be asked for its own answer. OnlyServer
	// and OnlyOurs are the roles in which the two differ.
	Checked    bool   `json:"checked"`
	OnlyServer []Role `json:"only_server,omitempty"`
	OnlyOurs   []Role `json:"only_ours,omitempty"`
}

// Has answers whether a role is held: Unknown when it was not found but may have
// been left out.
func (e Effective) Has(roleID string) Tri {
	switch {
	case slices.ContainsFunc(e.Roles, func(r EffectiveRole) bool { return r.ID == roleID }):
		return Yes
	case e.Cut.Any():
		return Unknown
	}
	return No
}

// EffectiveRole is a role and the first (shortest) way in which it is held.
type EffectiveRole struct {
	Role
	// Direct reports a mapping to the holder itself, also when there are other ways.
	Direct bool `json:"direct"`
	// Path leads from the holder to the role; the last hop is the role itself. It is
	// empty when the server says that the role is held and no way could be read.
	Path []Hop `json:"path"`
}

// Effective computes the roles of a user or group, each with its first way, and
// compares them with the server's own answer, as RoleReader.Provenance does.
func (r *Realm) Effective(ctx context.Context, h Holder) (Effective, error) {
	start, err := r.startOf(h)
	if err != nil {
		return Effective{}, err
	}
	p, g, err := r.RoleReader().provenance(ctx, start, 1)
	if err != nil {
		return Effective{}, err
	}
	e := Effective{Holder: h, Cut: g.Cut, Checked: p.Checked}
	for _, held := range p.Roles {
		role := EffectiveRole{Role: p.Known[held.Role.ID], Direct: held.Direct}
		if len(held.Paths) > 0 {
			role.Path = held.Paths[0]
		}
		e.Roles = append(e.Roles, role)
	}
	for _, s := range p.OnlyServer {
		e.OnlyServer = append(e.OnlyServer, p.Known[s.ID])
	}
	for _, s := range p.OnlyOurs {
		e.OnlyOurs = append(e.OnlyOurs, p.Known[s.ID])
	}
	return e, nil
}

type wireEffective struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Role        string `json:"role"` // the name, in the older of the two lists
	Description string `json:"description"`
	ClientRole  bool   `json:"clientRole"`
	Client      string `json:"client"`
	ClientID    string `json:"clientId"` // the UUID, in spite of its name
}

func (w wireEffective) neutral() Role {
	role := Role{ID: w.ID, Name: cmp.Or(w.Name, w.Role), Description: w.Description, ClientRole: w.ClientRole || w.Client != ""}
	if role.ClientRole {
		role.Client, role.ContainerID = w.Client, w.ClientID
	}
	return role
}

// serverEffective asks the lists that the server's own console uses; they are no
// public API, so that they may be missing or closed to us (then checked is false).
// From 26.6 one list has all roles; before, one has the client roles. A role that
// is held in two ways is in them twice.
func (r *Realm) serverEffective(ctx context.Context, h Holder) (roles []Role, checked bool, err error) {
	kind := map[HolderKind]string{HolderUser: "users", HolderGroup: "groups"}[h.Kind]
	const op = "read the effective roles"
	if !r.s.lacks("effective-roles-all") {
		roles, err = all[wireEffective](ctx, r.s, r.get(op, "view-users", "ui-ext", "effective-roles-all", kind, h.ID))
		if !isUnknownPath(err) {
			return verdictless(union(nil, roles), err)
		}
		r.s.learnLack("effective-roles-all")
	}
	if r.s.lacks("effective-roles") {
		return nil, false, nil
	}
	ofClients, err := all[wireEffective](ctx, r.s, r.get(op, "view-users", "ui-ext", "effective-roles", kind, h.ID))
	if isUnknownPath(err) {
		r.s.learnLack("effective-roles")
		return nil, false, nil
	}
	if err != nil {
		return verdictless(nil, err)
	}
	ofRealm, err := r.ServerEffectiveRoles(ctx, h, OfRealm)
	return verdictless(union(union(nil, ofRealm), ofClients), err)
}

// verdictless turns a refusal into "could not be checked".
func verdictless(roles []Role, err error) ([]Role, bool, error) {
	if clients.Is(err, clients.Denied) {
		return nil, false, nil
	}
	return roles, err == nil, err
}
