package cmd

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

func newRolesCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "roles",
		Aliases: []string{"role"},
		Short:   "List Keycloak roles, make and change them, grant and revoke them, say where they come from",
		GroupID: groupData,
	}
	c.AddCommand(newRolesListCommand(g), newRolesGetCommand(g), newRolesCreateCommand(g), newRolesEditCommand(g), newRolesDeleteCommand(g),
		newRolesCompositesCommand(g), newRolesGrantCommand(g), newRolesRevokeCommand(g),
		newRolesPathsCommand(g), newRolesHoldersCommand(g))
	return c
}

// roleFlags name roles. --client holds for the --role that follow it, and for those
// before it when there was no client yet, so that either order reads as it is meant.
type roleFlags struct {
	names  []roleName
	client string // the latest --client
	given  bool   // whether a --role has used it
}

func (f *roleFlags) addTo(g *globals, c *cobra.Command) {
	c.Flags().Var(flagFunc{"NAME", f.addRealmRole}, "realm-role", "a realm role; may be repeated")
	c.Flags().Var(flagFunc{"CLIENT", f.setClient}, "client", "the clientId whose roles the --role after it are")
	c.Flags().Var(flagFunc{"NAME", f.addRole}, "role", "a role of --client; may be repeated")
	_ = c.RegisterFlagCompletionFunc("realm-role", completeRoles(g, func(string) string { return "" }))
	_ = c.RegisterFlagCompletionFunc("role", completeRoles(g, func(string) string { return f.client }))
	_ = c.RegisterFlagCompletionFunc("client", completeClients(g))
}

func (f *roleFlags) addRealmRole(name string) error {
	f.names = append(f.names, roleName{RealmRole: name})
	return nil
}

func (f *roleFlags) setClient(name string) error {
	if f.client == "" { // roles that came before it are meant too
		for i, n := range f.names {
			if n.Role != "" && n.Client == "" {
				f.names[i].Client, f.given = name, true
			}
		}
	} else if !f.given {
		return usageError("--client %s has no --role", f.client)
	} else {
		f.given = false
	}
	f.client = name
	return nil
}

func (f *roleFlags) addRole(name string) error {
	f.names = append(f.names, roleName{Client: f.client, Role: name})
	f.given = f.client != ""
	return nil
}

// check refuses flags that do not name whole roles.
func (f *roleFlags) check() error {
	for _, n := range f.names {
		if n.Role != "" && n.Client == "" {
			return usageError("--role %s needs --client: it is a role of a client; a realm role is --realm-role", n.Role)
		}
		if n.RealmRole+n.Role == "" {
			return usageError("the name of a role is empty")
		}
	}
	switch {
	case f.client != "" && !f.given:
		return usageError("--client %s has no --role", f.client)
	case len(f.names) == 0:
		return usageError("name the roles with --realm-role, or with --client and --role")
	}
	return nil
}

// flagFunc is a flag whose values are handed on in the order of the command line.
type flagFunc struct {
	kind string
	set  func(string) error
}

// Set implements pflag.Value.
func (f flagFunc) Set(v string) error { return f.set(v) }

// Type implements pflag.Value; it is what help shows for the value.
func (f flagFunc) Type() string { return f.kind }

func (f flagFunc) String() string { return "" }

// find looks up the named roles, side by side, each once.
func (f *roleFlags) find(ctx context.Context, r *keycloak.Realm) ([]keycloak.Role, error) {
	byClient := map[string]keycloak.Container{"": keycloak.OfRealm}
	for _, n := range f.names {
		if _, ok := byClient[n.Client]; ok {
			continue
		}
		c, err := r.ClientByClientID(ctx, n.Client)
		if err != nil {
			return nil, err
		}
		byClient[n.Client] = keycloak.OfClient(c.ID)
	}
	names := slices.Compact(slices.SortedFunc(slices.Values(f.names), func(a, b roleName) int { return cmp.Compare(a.String(), b.String()) }))
	roles := make([]keycloak.Role, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, n := range names {
		g.Go(func() (err error) {
			roles[i], err = r.RoleByName(ctx, byClient[n.Client], n.RealmRole+n.Role)
			roles[i].Client = n.Client
			if clients.Is(err, clients.NotFound) {
				return problem(clients.NotFound, "find the role "+n.String(), "realm "+r.Name()+" has no such role", "list them with: gatehouse roles list"+ofClient(n.Client))
			}
			return err
		})
	}
	return roles, g.Wait()
}

func ofClient(client string) string {
	if client == "" {
		return ""
	}
	return " --client " + client
}

// subject is the user or group whose roles are meant.
type subject struct {
	user, group string // as typed

	holder keycloak.Holder
	name   string // username, or path of the group
}

func (s *subject) addTo(g *globals, c *cobra.Command) {
	c.Flags().StringVar(&s.user, "user", "", "the `USER`, by username, e-mail or id")
	c.Flags().StringVar(&s.group, "group", "", "the `GROUP`, by path or id, in place of --user")
	c.MarkFlagsMutuallyExclusive("user", "group")
	_ = c.RegisterFlagCompletionFunc("user", completeUsers(g))
}

// find looks up who is meant.
func (s *subject) find(ctx context.Context, r *keycloak.Realm) error {
	if s.group != "" {
		group, err := findGroup(ctx, r, s.group)
		s.holder, s.name = keycloak.OfGroup(group.ID), group.Path
		return err
	}
	u, err := findUser(ctx, r, s.user)
	s.holder, s.name = keycloak.OfUser(u.ID), u.Username
	return err
}

// String names the subject for messages.
func (s *subject) String() string { return string(s.holder.Kind) + " " + s.name }

// roleOfServer is a role as it is printed.
func roleOfServer(realm string, r keycloak.Role) roleOut {
	out := roleOut{Realm: realm, ID: r.ID, Description: r.Description, Composite: r.Composite, roleName: roleName{RealmRole: r.Name}}
	if r.ClientRole {
		out.roleName = roleName{Client: cmp.Or(r.Client, r.ContainerID), Role: r.Name}
	}
	return out
}

// completeRoles offers the roles of the realm, or of the client that was named.
func completeRoles(g *globals, client func(string) string) cobra.CompletionFunc {
	return completer(g, func(ctx context.Context, b *backends, c *cobra.Command, typed string) ([]string, cobra.ShellCompDirective) {
		const done = cobra.ShellCompDirectiveNoFileComp
		realm, _ := c.Flags().GetString("realm")
		r, err := b.Realm(ctx, realm)
		if err != nil {
			return nil, done
		}
		container := keycloak.OfRealm
		if id := client(typed); id != "" {
			of, err := r.ClientByClientID(ctx, id)
			if err != nil {
				return nil, done
			}
			container = keycloak.OfClient(of.ID)
		}
		var out []string
		for role, err := range clients.Each(ctx, r.Roles(container, keycloak.RoleQuery{})) {
			if err != nil || len(out) == 500 {
				break
			}
			if strings.HasPrefix(role.Name, typed) {
				out = append(out, role.Name)
			}
		}
		return out, done
	})
}

// completeClients offers the clientIds of the realm.
func completeClients(g *globals) cobra.CompletionFunc {
	return completer(g, func(ctx context.Context, b *backends, c *cobra.Command, typed string) ([]string, cobra.ShellCompDirective) {
		const done = cobra.ShellCompDirectiveNoFileComp
		realm, _ := c.Flags().GetString("realm")
		r, err := b.Realm(ctx, realm)
		if err != nil {
			return nil, done
		}
		page, err := r.Clients(keycloak.ClientQuery{ClientID: typed, Search: typed != ""})(ctx, "")
		if err != nil {
			return nil, done
		}
		var out []string
		for _, cl := range page.Items {
			out = append(out, cl.ClientID)
		}
		return out, done
	})
}
