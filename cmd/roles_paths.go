package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access/roles"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

type rolesPathsOptions struct {
	g       *globals
	realm   string
	who     subject
	account string
	roles   roleFlags
	most    int
}

func newRolesPathsCommand(g *globals) *cobra.Command {
	o := &rolesPathsOptions{g: g}
	c := &cobra.Command{
		Use:   "paths (--user U | --group G | --service-account C) [--realm-role NAME | --client C --role NAME]…",
		Short: "Say where every role of somebody comes from",
		Long: "Prints every realm and client role that a user, group or service account holds, with all\n" +
			"ways in which it is held, shortest first: mapped directly, through a group and those above\n" +
			"it, through a composite role, through the realm's default roles. For each mapping that\n" +
			"leads to the role it lists the shortest continuation through composite roles: whoever\n" +
			"takes away the first role of every path takes away the role.\n\n" +
			"With --realm-role, or --client and --role, only these are printed, and the exit code is 1\n" +
			"when one of them is not held. When our own account may not see everything, what it sees is\n" +
			"printed and the exit code is 2: a role that is missing is then unknown, not absent.\n" +
			"--client alone means the service account of that client, as --service-account does.",
		Example: "  gatehouse roles paths --realm LearningSoftware --user ben\n" +
			"  gatehouse roles paths --user ben --client flaskClient --role admin --json\n" +
			"  gatehouse roles paths --group /staff --realm-role employee\n" +
			"  gatehouse roles paths --service-account nightlySync",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	addRealmFlag(g, c, &o.realm)
	o.who.addTo(g, c)
	o.roles.addTo(g, c)
	c.Flags().StringVar(&o.account, "service-account", "", "the service account of this `CLIENT`, in place of --user")
	c.Flags().IntVar(&o.most, "max-paths", roles.DefaultPaths, "list at most `N` paths of a role; how many more there are is said")
	c.MarkFlagsMutuallyExclusive("user", "group", "service-account")
	_ = c.RegisterFlagCompletionFunc("service-account", completeClients(g))
	return c
}

// check takes a --client without a role as the holder when there is no other.
func (o *rolesPathsOptions) check() error {
	if o.who.user+o.who.group+o.account == "" && o.roles.client != "" && !o.roles.given {
		o.account, o.roles.client = o.roles.client, ""
	}
	switch {
	case o.who.user+o.who.group+o.account == "":
		return usageError("say whose roles are meant with --user, --group or --service-account")
	case o.most < 1:
		return usageError("--max-paths must be at least 1")
	case len(o.roles.names) == 0 && o.roles.client == "":
		return nil // all roles
	}
	return o.roles.check()
}

// rolePathsOut is one role that somebody holds and the ways to it.
type rolePathsOut struct {
	Role  roleName   `json:"role"`
	Paths [][]string `json:"paths" jsonschema_description:"Every way from the holder to the role, shortest first, each step as kind and name. Empty when Keycloak says that the role is held and no way could be read."`
	// More, Needs and Difference are absent from nearly every answer.
	More       int      `json:"more,omitempty" jsonschema_description:"How many more ways there are than paths lists."`
	Needs      []string `json:"needs,omitempty" jsonschema_description:"Rights that our account lacks and without which ways may be missing."`
	Difference string   `json:"difference,omitempty" jsonschema:"enum=only_server,enum=only_computed" jsonschema_description:"Keycloak's own list of effective roles says otherwise: it has the role and no mapping leads to it, or the other way round."`
}

// pathRow is one path, the form of a CSV.
type pathRow struct {
	roleName
	path string
}

func (o *rolesPathsOptions) run(ctx context.Context) error {
	r, err := o.g.realm(ctx, o.realm)
	if err != nil {
		return err
	}
	p, err := o.explain(ctx, r)
	if err != nil {
		return err
	}
	list, answer := o.wanted(p)
	if err := o.print(p, list); err != nil {
		return err
	}
	if !p.Agrees() {
		o.g.note("gatehouse: warning: Keycloak itself sees other roles of %s: %s", cleanLine(p.Holder.String()), cleanLine(differences(p)))
	}
	if clients.Is(answer, clients.NotFound) { // perhaps there is no such role at all
		if _, err := o.roles.find(ctx, r); clients.Is(err, clients.NotFound) {
			return err
		}
	}
	return answer
}

// explain finds the holder and reads where its roles come from.
func (o *rolesPathsOptions) explain(ctx context.Context, r *keycloak.Realm) (keycloak.Provenance, error) {
	rd := r.RoleReader()
	if o.account != "" {
		c, err := r.ClientByClientID(ctx, o.account)
		if err != nil {
			return keycloak.Provenance{}, err
		}
		if !c.ServiceAccounts {
			return keycloak.Provenance{}, problem(clients.NotFound, "find the service account of "+o.account, "this client has none", "switch on its service account, or name another client")
		}
		return rd.ServiceAccount(ctx, c, o.most)
	}
	if err := o.who.find(ctx, r); err != nil {
		return keycloak.Provenance{}, err
	}
	return rd.Provenance(ctx, o.who.holder, o.most)
}

// wanted are the roles to print, and what the exit code is to say: no with a role that
// is not held, and "could not tell" with one that may not be visible.
func (o *rolesPathsOptions) wanted(p keycloak.Provenance) ([]rolePathsOut, error) {
	all := heldOut(p)
	if len(o.roles.names) == 0 {
		if needs := p.Needs(); len(needs) > 0 {
			return all, notAllSeen("read where the roles of "+p.Holder.String()+" come from", needs)
		}
		return all, nil
	}
	list := []rolePathsOut{}
	var absent, hidden []string
	needs := map[string]bool{}
	for _, name := range o.roles.names {
		found := false
		for _, role := range all {
			if role.Role == name {
				list, found = append(list, role), true
			}
		}
		if found {
			continue
		}
		_, state, missing := p.Find(roles.Ref{Client: name.Client, Name: name.RealmRole + name.Role})
		if state == roles.Unknown {
			hidden = append(hidden, name.String())
			for _, m := range missing {
				needs[m] = true
			}
		} else {
			absent = append(absent, name.String())
		}
	}
	switch {
	case len(hidden) > 0:
		return list, notAllSeen("tell whether "+p.Holder.String()+" holds "+strings.Join(hidden, ", "), sortedKeys(needs))
	case len(absent) > 0:
		return list, &exitError{code: exitNo, err: problem(clients.NotFound, "find "+strings.Join(absent, ", ")+" among the roles of "+p.Holder.String(), "it is not held in any way", "")}
	}
	return list, nil
}

// notAllSeen is the answer "could not tell" with the rights that are missing.
func notAllSeen(op string, needs []string) error {
	return cannotDo(problem(clients.Denied, op, "our account may not see everything: it lacks "+strings.Join(needs, ", "),
		"give our account these roles of realm-management; until then what is missing is unknown"))
}

// heldOut is every role as it is printed, those that only the server sees at the end.
func heldOut(p keycloak.Provenance) []rolePathsOut {
	ours := map[string]bool{}
	for _, s := range p.OnlyOurs {
		ours[s.ID] = true
	}
	out := make([]rolePathsOut, 0, len(p.Roles))
	for _, h := range p.Roles {
		row := rolePathsOut{Role: nameOf(h.Role), Paths: [][]string{}, More: h.More(), Needs: p.PathNeeds}
		for _, path := range h.Paths {
			row.Paths = append(row.Paths, path.Strings())
		}
		if ours[h.Role.ID] {
			row.Difference = "only_computed"
		}
		out = append(out, row)
	}
	for _, s := range p.OnlyServer {
		out = append(out, rolePathsOut{Role: nameOf(s), Paths: [][]string{}, Difference: "only_server"})
	}
	return out
}

func nameOf(role roles.Step) roleName {
	if role.Kind == roles.ClientRole {
		return roleName{Client: role.Client, Role: role.Name}
	}
	return roleName{RealmRole: role.Name}
}

// print writes the roles; a CSV has a row for each path.
func (o *rolesPathsOptions) print(p keycloak.Provenance, list []rolePathsOut) error {
	if o.g.format() == asCSV {
		out := newRows(o.g, pathColumns)
		for _, role := range list {
			for _, path := range role.Paths {
				if err := out.Add(pathRow{role.Role, strings.Join(path, " > ")}); err != nil {
					return err
				}
			}
			if len(role.Paths) == 0 {
				if err := out.Add(pathRow{role.Role, ""}); err != nil {
					return err
				}
			}
		}
		return out.Close()
	}
	out := newLines(o.g, nil, rolePathsOut.text)
	if len(o.roles.names) == 0 {
		out = out.whenEmpty(p.Holder.String() + " holds no role")
	}
	for _, role := range list {
		if err := out.Add(role); err != nil {
			return err
		}
	}
	return out.Close()
}

// text is a role and its paths, one a line.
func (r rolePathsOut) text() string {
	lines := []string{cleanLine(r.Role.String())}
	for _, p := range r.Paths {
		lines = append(lines, "  "+cleanLine(strings.Join(p, " > ")))
	}
	switch {
	case r.More > 0:
		lines = append(lines, fmt.Sprintf("  and %s; --max-paths lists more", plural(r.More, "more way", "more ways")))
	case r.Difference == "only_server":
		lines = append(lines, "  Keycloak says that it is held, but no mapping was found that leads here")
	case len(r.Paths) == 0:
		lines = append(lines, "  held; our account may not see how: it lacks "+strings.Join(r.Needs, ", "))
	}
	if r.Difference == "only_computed" {
		lines = append(lines, "  Keycloak's own list of effective roles does not have it")
	}
	return strings.Join(lines, "\n")
}

var pathColumns = []column[pathRow]{
	{Name: "realm_role", Text: func(r pathRow) string { return r.RealmRole }},
	{Name: "client", Text: func(r pathRow) string { return r.Client }},
	{Name: "client_role", Text: func(r pathRow) string { return r.Role }},
	{Name: "path", Text: func(r pathRow) string { return r.path }},
}

// differences says in which roles our answer and the server's differ.
func differences(p keycloak.Provenance) string {
	var parts []string
	for _, s := range p.OnlyServer {
		parts = append(parts, "also "+s.Label())
	}
	for _, s := range p.OnlyOurs {
		parts = append(parts, "not "+s.Label())
	}
	return strings.Join(parts, ", ")
}
