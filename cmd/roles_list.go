package cmd

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

type rolesListOptions struct {
	g      *globals
	realm  string
	who    subject
	client string
	search string
	direct bool
}

func newRolesListCommand(g *globals) *cobra.Command {
	o := &rolesListOptions{g: g}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the roles of a realm, of a client, or of somebody",
		Long: "Without --user and --group it lists the roles that a realm, or with --client that client,\n" +
			"has. With one of them it lists every role that the user or group holds, and tells those\n" +
			"that are mapped directly from those that come through groups and composite roles, with\n" +
			"the way they come.\n\n" +
			"When our own account may not see everything, what it sees is printed and the exit code is\n" +
			"2: a role that is missing from the list is then unknown, not absent.",
		Example: "  gatehouse roles list --realm LearningSoftware\n" +
			"  gatehouse roles list --realm LearningSoftware --user ann\n" +
			"  gatehouse roles list --realm LearningSoftware --group /staff --client flaskClient --direct",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.direct && o.who.user+o.who.group == "" {
				return usageError("--direct needs --user or --group")
			}
			return o.run(c.Context())
		},
	}
	addRealmFlag(g, c, &o.realm)
	o.who.addTo(g, c)
	c.Flags().StringVar(&o.client, "client", "", "only roles of this `CLIENT`")
	c.Flags().StringVar(&o.search, "search", "", "only roles whose name or description holds `TEXT`")
	c.Flags().BoolVar(&o.direct, "direct", false, "only roles that are mapped directly")
	_ = c.RegisterFlagCompletionFunc("client", completeClients(g))
	return c
}

func (o *rolesListOptions) run(ctx context.Context) error {
	r, err := o.g.realm(ctx, o.realm)
	if err != nil {
		return err
	}
	if o.who.user+o.who.group != "" {
		return o.runHeld(ctx, r)
	}
	container := keycloak.OfRealm
	if o.client != "" {
		c, err := r.ClientByClientID(ctx, o.client)
		if err != nil {
			return err
		}
		container = keycloak.OfClient(c.ID)
	}
	out := newRows(o.g, roleColumns).whenEmpty("no roles match")
	return printAll(o.g, out, clients.Each(ctx, r.Roles(container, keycloak.RoleQuery{Search: o.search})), 0,
		func(role keycloak.Role) roleOut { return roleOfServer(r.Name(), role) })
}

// runHeld lists what a user or group holds.
func (o *rolesListOptions) runHeld(ctx context.Context, r *keycloak.Realm) error {
	const op = "list roles"
	if err := o.who.find(ctx, r); err != nil {
		return err
	}
	held, err := r.Effective(ctx, o.who.holder)
	if err != nil {
		return err
	}
	out := newRows(o.g, heldColumns).whenEmpty(o.who.String() + " holds no such role")
	for _, role := range o.selected(held.Roles) {
		row := roleOfServer(r.Name(), role.Role)
		row.Mapping = "inherited"
		if role.Direct {
			row.Mapping = "direct"
		}
		for _, hop := range role.Path {
			row.Path = append(row.Path, hop.String())
		}
		if err := out.Add(row); err != nil {
			return err
		}
	}
	if len(held.OnlyServer)+len(held.OnlyOurs) > 0 {
		o.g.note("gatehouse: warning: Keycloak itself sees other roles: %s", disagreement(held))
	}
	if err := out.Close(); err != nil {
		return err
	}
	if held.Cut.Any() {
		return cannotDo(problem(clients.Denied, op, "roles may be missing: our account lacks "+held.Cut.String(),
			"give our account these roles of realm-management; until then a missing role is unknown"))
	}
	return nil
}

// selected leaves out what the flags do not ask for, realm roles first, then by name.
func (o *rolesListOptions) selected(roles []keycloak.EffectiveRole) []keycloak.EffectiveRole {
	search := strings.ToLower(o.search)
	out := slices.DeleteFunc(slices.Clone(roles), func(r keycloak.EffectiveRole) bool {
		return o.client != "" && r.Client != o.client || o.direct && !r.Direct ||
			!strings.Contains(strings.ToLower(r.Name+"\n"+r.Description), search)
	})
	slices.SortStableFunc(out, func(a, b keycloak.EffectiveRole) int {
		return cmp.Or(strings.Compare(a.Client, b.Client), strings.Compare(a.Name, b.Name))
	})
	return out
}

// disagreement says in which roles our answer and the server's differ.
func disagreement(e keycloak.Effective) string {
	var parts []string
	for _, r := range e.OnlyServer {
		parts = append(parts, "also "+r.String())
	}
	for _, r := range e.OnlyOurs {
		parts = append(parts, "not "+r.String())
	}
	return strings.Join(parts, ", ")
}

var roleColumns = []column[roleOut]{
	{Name: "role", Text: func(r roleOut) string { return r.roleName.String() }},
	{Name: "composite", Text: func(r roleOut) string { return yesOrNothing(r.Composite) }},
	{Name: "description", Text: func(r roleOut) string { return r.Description }},
	{Name: "realm_role", Text: func(r roleOut) string { return r.RealmRole }, CSVOnly: true},
	{Name: "client", Text: func(r roleOut) string { return r.Client }, CSVOnly: true},
	{Name: "client_role", Text: func(r roleOut) string { return r.Role }, CSVOnly: true},
	{Name: "realm", Text: func(r roleOut) string { return r.Realm }, CSVOnly: true},
	{Name: "id", Text: func(r roleOut) string { return r.ID }, CSVOnly: true},
}

// heldColumns put how a role is held before what it is.
var heldColumns = append([]column[roleOut]{
	{Name: "role", Text: func(r roleOut) string { return r.roleName.String() }},
	{Name: "mapping", Text: func(r roleOut) string { return r.Mapping }},
	{Name: "path", Text: func(r roleOut) string { return strings.Join(r.Path, " > ") }},
}, roleColumns[3:]...)

func yesOrNothing(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
