package cmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/access/roles"
)

type rolesHoldersOptions struct {
	g     *globals
	realm string
	roles roleFlags
	query roles.HoldersQuery
}

func newRolesHoldersCommand(g *globals) *cobra.Command {
	o := &rolesHoldersOptions{g: g}
	c := &cobra.Command{
		Use:   "holders (--realm-role NAME | --client C --role NAME)",
		Short: "List everybody who holds a role, and how",
		Long: "Lists the users, service accounts and groups that hold a role, directly or through groups,\n" +
			"composite roles and both, each once with a shortest way, as they are found. Keycloak's own\n" +
			"list has only those to whom the role is mapped directly.\n\n" +
			"A role that the realm's default roles contain is held by nearly everybody. That is one row\n" +
			"of kind everyone; --everyone lists the people. The exit code is 1 when nobody holds the\n" +
			"role, and 2 when our own account may not see all of it.",
		Example: "  gatehouse roles holders --realm LearningSoftware --client flaskClient --role admin\n" +
			"  gatehouse roles holders --realm-role employee --direct --csv",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.roles.check(); err != nil {
				return err
			}
			if len(o.roles.names) > 1 {
				return usageError("one role at a time: %s and %s were named", o.roles.names[0], o.roles.names[1])
			}
			return o.run(c.Context())
		},
	}
	addRealmFlag(g, c, &o.realm)
	o.roles.addTo(g, c)
	c.Flags().BoolVar(&o.query.Direct, "direct", false, "only those to whom the role itself is mapped")
	c.Flags().BoolVar(&o.query.Everyone, "everyone", false, "list those who hold it through the realm's default roles too")
	c.Flags().BoolVar(&o.query.Every, "every-path", false, "list somebody once for each mapping that leads to the role")
	c.MarkFlagsMutuallyExclusive("direct", "everyone")
	c.MarkFlagsMutuallyExclusive("direct", "every-path")
	return c
}

// roleHolderOut is one who holds a role.
type roleHolderOut struct {
	Realm  string   `json:"realm"`
	Kind   string   `json:"kind" jsonschema:"enum=user,enum=service_account,enum=group,enum=everyone" jsonschema_description:"everyone: all who were given the realm's default roles; --everyone lists them."`
	ID     string   `json:"id" jsonschema_description:"Id of the user or group; with everyone that of the default role."`
	Name   string   `json:"name" jsonschema_description:"Username, clientId of a service account, path of a group, or name of the default role."`
	Direct bool     `json:"direct" jsonschema_description:"The role itself is mapped to the holder."`
	Path   []string `json:"path" jsonschema_description:"A shortest way from the holder to the role."`
}

func holderOut(realm string, kind roles.Kind, path roles.Path, direct bool) roleHolderOut {
	return roleHolderOut{Realm: realm, Kind: strings.ReplaceAll(string(kind), " ", "_"), ID: path[0].ID, Name: path[0].Name, Direct: direct, Path: path.Strings()}
}

var roleHolderColumns = []column[roleHolderOut]{
	{Name: "kind", Text: func(h roleHolderOut) string { return strings.ReplaceAll(h.Kind, "_", " ") }},
	{Name: "name", Text: func(h roleHolderOut) string { return h.Name }},
	{Name: "path", Text: func(h roleHolderOut) string { return strings.Join(h.Path, " > ") }},
	{Name: "direct", Text: func(h roleHolderOut) string { return fmt.Sprint(h.Direct) }, CSVOnly: true},
	{Name: "realm", Text: func(h roleHolderOut) string { return h.Realm }, CSVOnly: true},
	{Name: "id", Text: func(h roleHolderOut) string { return h.ID }, CSVOnly: true},
}

func (o *rolesHoldersOptions) run(ctx context.Context) error {
	r, err := o.g.realm(ctx, o.realm)
	if err != nil {
		return err
	}
	found, err := o.roles.find(ctx, r)
	if err != nil {
		return err
	}
	role := found[0]
	out := newRows(o.g, roleHolderColumns).whenEmpty("nobody holds " + cleanLine(role.String()))
	o.query.Progress = o.progress()
	sum, err := r.RoleReader().Holders(ctx, role, o.query, func(h roles.Holder) error {
		return out.Add(holderOut(r.Name(), h.Who.Kind, h.Path, h.Direct))
	})
	if err != nil {
		out.Abort()
		return err
	}
	if len(sum.Everyone) > 0 && !o.query.Everyone {
		if err := out.Add(holderOut(r.Name(), "everyone", sum.Everyone, false)); err != nil {
			return err
		}
		o.g.note("everybody who was given the realm's default roles holds %s; --everyone lists them", cleanLine(role.String()))
	}
	if err := out.Close(); err != nil {
		return err
	}
	return o.verdict(role.String(), sum, out.count)
}

// verdict is the exit code of a search that came to its end.
func (o *rolesHoldersOptions) verdict(role string, sum roles.Holders, rows int) error {
	if sum.Repeats {
		o.g.note("gatehouse: warning: more than %d people hold it; after these, one with several ways may stand here more than once", roles.MaxRemembered)
	}
	if len(sum.Needs) > 0 {
		return notAllSeen("list everybody who holds "+role, sum.Needs)
	}
	if len(sum.Unread) > 0 {
		return cannotDo(problem("invalid", "list everybody who holds "+role,
			fmt.Sprintf("Keycloak cannot be asked who holds %s", sum.Unread[0]), "give that role another name"))
	}
	if rows == 0 {
		return answerNo()
	}
	return nil
}

// progress says now and then how far the search is, where somebody watches.
func (o *rolesHoldersOptions) progress() func(roles.Progress) {
	if !isTerminal(o.g.stderr) || isTerminal(o.g.stdout) {
		return nil // rows that come show it
	}
	last := o.g.now()
	return func(p roles.Progress) {
		if now := o.g.now(); now.Sub(last) > 2*time.Second {
			last = now
			if p.Users+p.Groups == 0 {
				o.g.note("%d of %d composite roles read", p.Roles, p.OfRoles)
			} else {
				o.g.note("%s and %s found", plural(p.Users, "person", "people"), plural(p.Groups, "group", "groups"))
			}
		}
	}
}

// sortedKeys lists a set.
func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
