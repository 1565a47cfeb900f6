package keycloak

import (
	"context"
	"slices"

	"gatehouse/access/roles"
	"gatehouse/clients"
)

// Provenance is every role that somebody holds with the ways to it, and the roles as
// this client knows them, by id: what Grant and Revoke want.
type Provenance struct {
	roles.Provenance
	Known map[string]Role `json:"-"`
}

// Provenance explains every role of a user or group, at most limit ways each (below
// 1: roles.DefaultPaths). It is computed from direct mappings, groups and their
// ancestors, and composites, and compared with the server's own answer. That alone
// would not do: it never says where a role comes from, and for the client roles of a
// group it leaves out those of parent groups (keycloak issue 52046). When the two
// differ both are read once more, since something may have changed in between.
func (rd *RoleReader) Provenance(ctx context.Context, h Holder, limit int) (Provenance, error) {
	start, err := rd.r.startOf(h)
	if err != nil {
		return Provenance{}, err
	}
	p, _, err := rd.provenance(ctx, start, limit)
	return p, err
}

// Of explains the roles of a holder as Holders found it.
func (rd *RoleReader) Of(ctx context.Context, who roles.Step, limit int) (Provenance, error) {
	if who.Kind.IsRole() || who.ID == "" {
		return Provenance{}, rd.r.refuse(opProvenance, "only users and groups hold roles", "")
	}
	p, _, err := rd.provenance(ctx, who, limit)
	return p, err
}

// ServiceAccount explains the roles of the user under whose name a client acts.
func (rd *RoleReader) ServiceAccount(ctx context.Context, c Client, limit int) (Provenance, error) {
	u, err := rd.r.ServiceAccount(ctx, c.ID)
	if err != nil {
		return Provenance{}, err
	}
	p, _, err := rd.provenance(ctx, roles.Step{Kind: roles.ServiceAccount, ID: u.ID, Name: c.ClientID}, limit)
	return p, err
}

func (rd *RoleReader) provenance(ctx context.Context, start roles.Step, limit int) (Provenance, *RoleGraph, error) {
	s := rd.search(start, roles.Ref{}, true)
	if err := s.Begin(ctx); err != nil {
		return Provenance{}, nil, err
	}
	for s.More() {
		if err := s.Next(ctx); err != nil {
			return Provenance{}, nil, err
		}
	}
	p, err := s.Provenance(ctx, limit)
	return p, s.w.g, err
}

// learnNames keeps the clientIds that the server's answer tells by the way.
func (rd *RoleReader) learnNames(theirs []Role) {
	for _, role := range theirs {
		if role.ClientRole && role.Client != "" {
			rd.names.Store(role.ContainerID, role.Client)
		}
	}
}

// compare puts down in which roles the server's answer differs.
func (p *Provenance) compare(theirs []Role) {
	if !p.Checked {
		return
	}
	ours, server := map[string]bool{}, map[string]bool{}
	for _, h := range p.Roles {
		ours[h.Role.ID] = true
	}
	for _, role := range theirs {
		server[role.ID] = true
		if !ours[role.ID] {
			p.OnlyServer = append(p.OnlyServer, stepOf(role))
			p.Known[role.ID] = role
		}
	}
	for _, h := range p.Roles {
		if !server[h.Role.ID] {
			p.OnlyOurs = append(p.OnlyOurs, h.Role)
		}
	}
}

// fillRealm asks, where our account may not see everything, for the one answer that
// is not cut: the effective realm roles of a holder. A realm role that is not in it is
// not held; one that we did not find is held in a way that cannot be seen.
func (rd *RoleReader) fillRealm(ctx context.Context, h Holder, p *Provenance) error {
	all, err := rd.r.ServerEffectiveRoles(ctx, h, OfRealm)
	if clients.Is(err, clients.Denied) {
		return nil
	}
	if err != nil {
		return err
	}
	p.RealmNeeds = nil
	for _, role := range all {
		if !slices.ContainsFunc(p.Roles, func(h roles.Held) bool { return h.Role.ID == role.ID }) {
			p.Roles = append(p.Roles, roles.Held{Role: stepOf(role), Paths: []roles.Path{}})
			p.Known[role.ID] = role
		}
	}
	roles.Sort(p.Roles)
	return nil
}
