package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

type rolesWriteOptions struct {
	g      *globals
	revoke bool
	realm  string
	who    subject
	roles  roleFlags

	usersFrom, groupsFrom string // files with a name a line
}

func newRolesGrantCommand(g *globals) *cobra.Command {
	o := &rolesWriteOptions{g: g}
	return o.command(&cobra.Command{
		Use:   "grant --user U (--realm-role NAME | --client C --role NAME)…",
		Short: "Map roles to a user or group",
		Long: "Maps the roles directly to the user or group. What is mapped already is left alone. The\n" +
			"roles of the realm and of each client are one request each: when one of them fails, what\n" +
			"became of every role is printed and the exit code is 2.",
		Example: "  gatehouse roles grant --realm LearningSoftware --user ben --client flaskClient --role admin\n" +
			"  gatehouse roles grant --realm LearningSoftware --group /staff --realm-role employee --dry-run",
	})
}

func newRolesRevokeCommand(g *globals) *cobra.Command {
	o := &rolesWriteOptions{g: g, revoke: true}
	return o.command(&cobra.Command{
		Use:   "revoke --user U (--realm-role NAME | --client C --role NAME)…",
		Short: "Take directly mapped roles from a user or group",
		Long: "Takes away direct mappings. A role that is held through a group or a composite role stays,\n" +
			"and the way it is held is told. A role that was not mapped directly makes the exit code 1.",
		Example: "  gatehouse roles revoke --realm LearningSoftware --user ben --client flaskClient --role admin",
	})
}

func (o *rolesWriteOptions) command(c *cobra.Command) *cobra.Command {
	c.Args = cobra.NoArgs
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.who.user+o.who.group+o.usersFrom+o.groupsFrom == "" {
			return usageError("say whose roles are meant with --user or --group, or of many with --users-from or --groups-from")
		}
		if err := o.roles.check(); err != nil {
			return err
		}
		if o.usersFrom+o.groupsFrom != "" {
			return o.runMany(c.Context())
		}
		return o.run(c.Context())
	}
	addRealmFlag(o.g, c, &o.realm)
	o.who.addTo(o.g, c)
	o.roles.addTo(o.g, c)
	c.Flags().StringVar(&o.usersFrom, "users-from", "", "all users whom `FILE` names, one a line; - is stdin")
	c.Flags().StringVar(&o.groupsFrom, "groups-from", "", "all groups whom `FILE` names, one a line; - is stdin")
	c.MarkFlagsMutuallyExclusive("user", "group", "users-from", "groups-from")
	return c
}

func (o *rolesWriteOptions) run(ctx context.Context) error {
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	r, err := b.Realm(ctx, o.realm)
	if err != nil {
		return err
	}
	if err := o.who.find(ctx, r); err != nil {
		return cannotDo(err)
	}
	roles, err := o.roles.find(ctx, r)
	if err != nil {
		return cannotDo(err)
	}
	changes, err := o.write(ctx, b, r, roles)
	out := newLines(o.g, roleChangeColumns, roleChange.line)
	absent := false
	for _, c := range changes {
		absent = absent || c.Outcome == outcomeAbsent
		if perr := out.Add(c); perr != nil {
			return firstError(cannotDo(err), perr)
		}
	}
	switch {
	case err != nil:
		out.Abort()
		return cannotDo(err)
	case absent:
		return answerNoAfter(out.Close())
	}
	return out.Close()
}

// write asks where that is due, and grants or revokes.
func (o *rolesWriteOptions) write(ctx context.Context, b *backends, r *keycloak.Realm, roles []keycloak.Role) ([]roleChange, error) {
	if !o.g.dryRun {
		verb := o.verb()
		if err := o.g.confirmProduction(ctx, b, strings.TrimSuffix(verb, "s")+" roles", "This "+verb+" "+plural(len(roles), "role", "roles")); err != nil {
			return nil, err
		}
	}
	return o.act(ctx, r, roles)
}

// act grants or revokes, or with --dry-run looks what that would do.
func (o *rolesWriteOptions) act(ctx context.Context, r *keycloak.Realm, roles []keycloak.Role) ([]roleChange, error) {
	if o.g.dryRun {
		before, err := directRoles(ctx, r, o.who.holder, roles)
		if err != nil {
			return nil, err
		}
		return o.changes(r, roles, before, func(keycloak.Role) string { return outcomeWould }), nil
	}
	act := r.Grant
	if o.revoke {
		act = r.Revoke
	}
	ch, err := act(ctx, o.who.holder, roles...)
	if err == nil {
		out := o.changes(r, roles, ch.Before, func(role keycloak.Role) string {
			if hasRole(ch.After, role) != o.revoke {
				return outcomeDone
			}
			return outcomeFailed
		})
		if o.revoke {
			o.addOtherWays(ctx, r, roles, out)
		}
		return out, nil
	}
	return o.settle(ctx, r, roles, ch, err)
}

// settle says what became of each role after an error, by what is there now: the
// roles of the realm and of each client are written one after the other.
func (o *rolesWriteOptions) settle(ctx context.Context, r *keycloak.Realm, roles []keycloak.Role, ch clients.Change[[]keycloak.Role], cause error) ([]roleChange, error) {
	if ch.Before == nil && ch.After == nil && !clients.Is(cause, clients.UnknownOutcome) {
		return nil, cause // it failed before anything was sent
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	now, err := directRoles(ctx, r, o.who.holder, roles)
	missing := outcomeFailed
	if clients.Is(cause, clients.UnknownOutcome) {
		missing = outcomeUnknown
	}
	all := err == nil
	out := o.changes(r, roles, ch.Before, func(role keycloak.Role) string {
		if err == nil && hasRole(now, role) != o.revoke {
			return outcomeDone
		}
		all = false
		return missing
	})
	if all && clients.Is(cause, clients.UnknownOutcome) {
		o.g.note("gatehouse: the answer to the write was lost; looked again: it did happen")
		return out, nil
	}
	return out, cause
}

// changes makes the result of each role; what was so before is not changed.
func (o *rolesWriteOptions) changes(r *keycloak.Realm, roles, before []keycloak.Role, outcome func(keycloak.Role) string) []roleChange {
	out := make([]roleChange, len(roles))
	for i, role := range roles {
		c := roleChange{Op: "grant_role", Realm: r.Name(), SubjectID: o.who.holder.ID, roleName: roleOfServer("", role).roleName}
		if o.who.holder.Kind == keycloak.HolderGroup {
			c.Group = o.who.name
		} else {
			c.User = o.who.name
		}
		had := hasRole(before, role)
		switch {
		case o.revoke && !had:
			c.Outcome = outcomeAbsent
		case !o.revoke && had:
			c.Outcome = outcomeUnchanged
		default:
			c.Outcome = outcome(role)
		}
		if o.revoke {
			c.Op = "revoke_role"
		}
		out[i] = c
	}
	return out
}

// addOtherWays finds out for revoked roles whether they are held all the same. That
// is worth knowing, and not worth failing for.
func (o *rolesWriteOptions) addOtherWays(ctx context.Context, r *keycloak.Realm, roles []keycloak.Role, out []roleChange) {
	held, err := r.Effective(ctx, o.who.holder)
	if err != nil {
		return
	}
	for i, role := range roles {
		j := slices.IndexFunc(held.Roles, func(h keycloak.EffectiveRole) bool { return h.ID == role.ID })
		if j < 0 {
			continue
		}
		for _, hop := range held.Roles[j].Path {
			out[i].HeldBy = append(out[i].HeldBy, hop.String())
		}
	}
}

// directRoles reads the direct mappings of the containers that the roles are in.
func directRoles(ctx context.Context, r *keycloak.Realm, h keycloak.Holder, roles []keycloak.Role) ([]keycloak.Role, error) {
	var out []keycloak.Role
	seen := map[keycloak.Container]bool{}
	for _, role := range roles {
		if c := role.Container(); !seen[c] {
			seen[c] = true
			direct, err := r.DirectRoles(ctx, h, c)
			if err != nil {
				return nil, err
			}
			out = append(out, direct...)
		}
	}
	return out, nil
}

func hasRole(roles []keycloak.Role, role keycloak.Role) bool {
	return slices.ContainsFunc(roles, func(r keycloak.Role) bool { return r.ID == role.ID })
}

// line is the plain text of a change.
func (c roleChange) line() string {
	who := "user " + c.User
	if c.Group != "" {
		who = "group " + c.Group
	}
	s := roleWords[c.Op+" "+c.Outcome] + " " + cleanLine(c.roleName.String()+"  "+who)
	if len(c.HeldBy) > 0 {
		s += cleanLine("  (still held: " + strings.Join(c.HeldBy, " > ") + ")")
	}
	return s
}

// roleWords say an operation and its outcome in plain text.
var roleWords = map[string]string{
	"grant_role done": "granted    ", "grant_role unchanged": "held       ", "grant_role would_do": "would grant", "grant_role unknown": "unknown    ", "grant_role failed": "failed     ",
	"revoke_role done": "revoked     ", "revoke_role absent": "not mapped  ", "revoke_role would_do": "would revoke", "revoke_role unknown": "unknown     ", "revoke_role failed": "failed      ",
}

var roleChangeColumns = []column[roleChange]{
	{Name: "op", Text: func(c roleChange) string { return c.Op }},
	{Name: "outcome", Text: func(c roleChange) string { return c.Outcome }},
	{Name: "realm", Text: func(c roleChange) string { return c.Realm }},
	{Name: "user", Text: func(c roleChange) string { return c.User }},
	{Name: "group", Text: func(c roleChange) string { return c.Group }},
	{Name: "subject_id", Text: func(c roleChange) string { return c.SubjectID }},
	{Name: "realm_role", Text: func(c roleChange) string { return c.RealmRole }},
	{Name: "client", Text: func(c roleChange) string { return c.Client }},
	{Name: "client_role", Text: func(c roleChange) string { return c.Role }},
}
