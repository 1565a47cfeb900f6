package seed

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/stack/story"
)

// writeKeycloak makes a write to Keycloak true, or with fixed false its opposite,
// which is the fault of a ticket. It looks first and says whether anything changed.
func (k *realmSeeder) write(ctx context.Context, w story.Write, fixed bool) (outcome, error) {
	switch w.Op {
	case story.OpSetMapper:
		return k.writeMapper(ctx, w, fixed)
	case story.OpAddScopeMapping:
		return k.writeScopeMapping(ctx, w, fixed)
	}
	p, ok := k.st.Person(w.User)
	if !ok || p.Login == nil {
		return same, fmt.Errorf("%s: %q has no Keycloak login", w.Op, w.User)
	}
	u, err := k.r.UserByUsername(ctx, p.Login.Username)
	if err != nil {
		return same, err
	}
	switch w.Op {
	case story.OpEnableUser:
		if u.Enabled == fixed {
			return same, nil
		}
		_, err = k.r.SetEnabled(ctx, u.ID, fixed)
	case story.OpVerifyEmail:
		return k.writeVerified(ctx, u, fixed)
	case story.OpClearRequiredAction:
		return k.writeRequiredAction(ctx, u, w.Action, fixed)
	case story.OpJoinGroup:
		return k.writeMembership(ctx, u, w.Group, fixed)
	case story.OpUnlock:
		return k.writeLock(ctx, u, fixed)
	default:
		return same, fmt.Errorf("%s is no write to Keycloak", w.Op)
	}
	return changed, err
}

// writeVerified marks an e-mail as verified. The refused login has left VERIFY_EMAIL
// behind, and that stops a direct grant even when the e-mail is verified by then
// (seen on 26.7.3), so it goes too.
func (k *realmSeeder) writeVerified(ctx context.Context, u keycloak.User, fixed bool) (outcome, error) {
	const action = "VERIFY_EMAIL"
	pending := slices.Contains(u.RequiredActions, action)
	if u.EmailVerified == fixed && !(fixed && pending) {
		return same, nil
	}
	patch := keycloak.UserPatch{EmailVerified: &fixed}
	if fixed && pending {
		actions := slices.DeleteFunc(slices.Clone(u.RequiredActions), func(a string) bool { return a == action })
		patch.RequiredActions = &actions
	}
	_, err := k.r.UpdateUser(ctx, u.ID, patch)
	return changed, err
}

func (k *realmSeeder) writeRequiredAction(ctx context.Context, u keycloak.User, action string, fixed bool) (outcome, error) {
	pending := slices.Contains(u.RequiredActions, action)
	if pending != fixed {
		return same, nil
	}
	actions := slices.DeleteFunc(slices.Clone(u.RequiredActions), func(a string) bool { return a == action })
	if !fixed {
		actions = append(actions, action)
	}
	_, err := k.r.SetRequiredActions(ctx, u.ID, actions)
	return changed, err
}

func (k *realmSeeder) writeMembership(ctx context.Context, u keycloak.User, path string, fixed bool) (outcome, error) {
	g, err := k.r.GroupByPath(ctx, path)
	if err != nil {
		return same, err
	}
	have, err := collect(ctx, k.r.UserGroups(u.ID, keycloak.GroupQuery{}))
	if err != nil {
		return same, err
	}
	if slices.ContainsFunc(have, func(h keycloak.Group) bool { return h.ID == g.ID }) == fixed {
		return same, nil
	}
	if fixed {
		_, err = k.r.JoinGroup(ctx, u.ID, g.ID)
	} else {
		_, err = k.r.LeaveGroup(ctx, u.ID, g.ID)
	}
	return changed, err
}

// writeMapper sets the keys of a mapper's config, or switches them off. A key that is
// absent counts as off, which is how a new realm has it.
func (k *realmSeeder) writeMapper(ctx context.Context, w story.Write, fixed bool) (outcome, error) {
	scope, err := k.scope(ctx, w.Scope)
	if err != nil {
		return same, err
	}
	owner := keycloak.MappersOfScope(scope.ID)
	have, err := k.r.Mappers(ctx, owner)
	if err != nil {
		return same, err
	}
	i := slices.IndexFunc(have, func(m keycloak.Mapper) bool { return m.Name == w.Mapper })
	if i < 0 {
		return same, &clients.Problem{Kind: clients.NotFound, Op: "find the mapper", Reason: fmt.Sprintf("client scope %s has no mapper %q", w.Scope, w.Mapper)}
	}
	config := map[string]string{}
	for key, v := range w.Config {
		is := have[i].Config[key]
		switch {
		case fixed && is != v:
			config[key] = v
		case !fixed && is == v:
			config[key] = "false"
		}
	}
	if len(config) == 0 {
		return same, nil
	}
	_, err = k.r.UpdateMapper(ctx, owner, have[i].ID, keycloak.MapperPatch{Config: maps.Clone(config)})
	return changed, err
}

func (k *realmSeeder) writeScopeMapping(ctx context.Context, w story.Write, fixed bool) (outcome, error) {
	c, err := k.client(ctx, w.Client)
	if err != nil {
		return same, err
	}
	roles, err := k.roleList(ctx, story.Roles{RealmRoles: []string{w.RealmRole}})
	if err != nil {
		return same, err
	}
	have, err := k.r.RoleMappings(ctx, keycloak.ScopeOfClient(c.ID))
	if err != nil {
		return same, err
	}
	if (len(lacking(have.All(), roles)) == 0) == fixed {
		return same, nil
	}
	if fixed {
		_, err = k.r.Grant(ctx, keycloak.ScopeOfClient(c.ID), roles...)
	} else {
		_, err = k.r.Revoke(ctx, keycloak.ScopeOfClient(c.ID), roles...)
	}
	return changed, err
}

// writeLock unlocks, or locks the way accounts get locked: by wrong passwords.
func (k *realmSeeder) writeLock(ctx context.Context, u keycloak.User, fixed bool) (outcome, error) {
	lock, err := k.r.Lock(ctx, u.ID)
	if err != nil || lock.Locked != fixed {
		return same, err
	}
	if fixed {
		_, err := k.r.Unlock(ctx, u.ID)
		return changed, err
	}
	client, ok := k.directGrantClient()
	if !ok {
		return same, fmt.Errorf("lock %s: the story has no public client with direct grants", u.Username)
	}
	settings, err := k.r.Settings(ctx)
	if err != nil {
		return same, err
	}
	for range settings.BruteForce.FailureFactor + 2 {
		_, err := k.r.PasswordToken(ctx, keycloak.ClientAuth{ID: client}, u.Username, "not-the-password", "", "openid")
		if err == nil || !clients.Is(err, clients.Denied) && !clients.Is(err, clients.Invalid) {
			return same, fmt.Errorf("lock %s by wrong passwords: %w", u.Username, cmpErr(err))
		}
		if lock, err = k.r.Lock(ctx, u.ID); err != nil || lock.Locked {
			return changed, err
		}
	}
	return same, fmt.Errorf("lock %s: still not locked after %d wrong passwords", u.Username, settings.BruteForce.FailureFactor+2)
}

// cmpErr gives words to a wrong password that was taken.
func cmpErr(err error) error {
	if err == nil {
		return fmt.Errorf("a wrong password was accepted")
	}
	return err
}

func (k *realmSeeder) directGrantClient() (string, bool) {
	for _, c := range k.k.Clients {
		if c.Public && c.DirectGrants {
			return c.ClientID, true
		}
	}
	return "", false
}
