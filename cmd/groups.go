package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// groupOut is a group of a realm.
type groupOut struct {
	Realm       string              `json:"realm"`
	ID          string              `json:"id"`
	Path        string              `json:"path" jsonschema_description:"For people: a name may hold a slash, so that two groups can have the same path."`
	Name        string              `json:"name"`
	ParentID    string              `json:"parent_id,omitempty"`
	Description string              `json:"description,omitempty"`
	SubGroups   int                 `json:"sub_groups" jsonschema_description:"How many groups are directly beneath it."`
	Attributes  map[string][]string `json:"attributes,omitempty"`
	RealmRoles  []string            `json:"realm_roles,omitempty" jsonschema_description:"Mapped directly; only from groups get."`
	ClientRoles map[string][]string `json:"client_roles,omitempty" jsonschema_description:"Mapped directly, by clientId; only from groups get, and only for an account that may view clients."`
}

// groupChange is what a write did, or with --dry-run would do, to one group.
type groupChange struct {
	Op      string    `json:"op" jsonschema:"enum=create,enum=rename,enum=move,enum=edit,enum=delete"`
	Outcome string    `json:"outcome" jsonschema:"enum=done,enum=unchanged,enum=would_do"`
	Realm   string    `json:"realm"`
	ID      string    `json:"id,omitempty"`
	Path    string    `json:"path"`
	Was     string    `json:"was,omitempty" jsonschema_description:"Of rename and move: the path before."`
	Before  *groupOut `json:"before,omitempty" jsonschema_description:"Of delete and edit: the group as it was."`
}

func newGroupsCommand(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "groups", Aliases: []string{"group"}, Short: "The groups of a Keycloak realm: list, show, members, make, change, join", GroupID: groupData}
	c.AddCommand(newGroupsListCommand(g), newGroupsGetCommand(g), newGroupsMembersCommand(g), newGroupsCreateCommand(g), newGroupsRenameCommand(g), newGroupsMoveCommand(g), newGroupsEditCommand(g),
		newGroupsDeleteCommand(g), newGroupsJoinCommand(g, true), newGroupsJoinCommand(g, false))
	return c
}

func groupOf(realm string, x keycloak.Group) groupOut {
	return groupOut{Realm: realm, ID: x.ID, Path: x.Path, Name: x.Name, ParentID: x.ParentID, Description: x.Description, SubGroups: x.SubGroupCount,
		Attributes: x.Attributes, RealmRoles: x.RealmRoles, ClientRoles: x.ClientRoles}
}

var groupColumns = []column[groupOut]{
	{Name: "path", Text: func(x groupOut) string { return x.Path }},
	{Name: "sub_groups", Text: func(x groupOut) string { return strconv.Itoa(x.SubGroups) }},
	{Name: "description", Text: func(x groupOut) string { return x.Description }},
	{Name: "realm", Text: func(x groupOut) string { return x.Realm }, CSVOnly: true},
	{Name: "id", Text: func(x groupOut) string { return x.ID }},
}

func newGroupsListCommand(g *globals) *cobra.Command {
	var realm, search, under string
	var top bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List groups, each after the one it lies in",
		Long: "Prints the tree of groups as paths, as they arrive. --top lists only the groups at the top, --under only those\n" +
			"beneath one group; --search finds groups whose name holds a text, wherever they lie.",
		Example: "  gatehouse groups list --realm LearningSoftware\n  gatehouse groups list --under /staff --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			r, err := g.realm(ctx, realm)
			if err != nil {
				return err
			}
			out := newRows(g, groupColumns).whenEmpty("no groups match in realm " + r.Name())
			add := func(x keycloak.Group) error { return out.Add(groupOf(r.Name(), x)) }
			if err := listGroups(ctx, r, search, under, top, add); err != nil {
				out.Abort()
				return err
			}
			return out.Close()
		},
	}
	addRealmFlag(g, c, &realm)
	c.Flags().StringVar(&search, "search", "", "only groups whose name holds `TEXT`")
	c.Flags().StringVar(&under, "under", "", "only what lies beneath the `GROUP`, by path or id")
	c.Flags().BoolVar(&top, "top", false, "only the top, or with --under only what lies directly beneath")
	c.MarkFlagsMutuallyExclusive("search", "under")
	c.MarkFlagsMutuallyExclusive("search", "top")
	return c
}

func listGroups(ctx context.Context, r *keycloak.Realm, search, under string, flat bool, add func(keycloak.Group) error) error {
	if search != "" {
		for x, err := range clients.Each(ctx, r.Groups(keycloak.GroupQuery{Search: search, Flat: true})) {
			if err := firstErrorOf(err, func() error { return add(x) }); err != nil {
				return err
			}
		}
		return nil
	}
	list := r.Groups(keycloak.GroupQuery{})
	if under != "" {
		x, err := findGroup(ctx, r, under)
		if err != nil {
			return err
		}
		list = r.GroupChildren(x.ID, keycloak.GroupQuery{})
	}
	return walkGroups(ctx, r, list, flat, map[string]bool{}, add)
}

// walkGroups prints each group before those in it. Only the way down is held.
func walkGroups(ctx context.Context, r *keycloak.Realm, list clients.Fetch[keycloak.Group], flat bool, above map[string]bool, add func(keycloak.Group) error) error {
	for x, err := range clients.Each(ctx, list) {
		if err := firstErrorOf(err, func() error { return add(x) }); err != nil {
			return err
		}
		if flat || x.SubGroupCount == 0 || above[x.ID] {
			continue
		}
		above[x.ID] = true
		if err := walkGroups(ctx, r, r.GroupChildren(x.ID, keycloak.GroupQuery{}), flat, above, add); err != nil {
			return err
		}
		delete(above, x.ID)
	}
	return nil
}

// firstErrorOf does the next step only when the one before has worked.
func firstErrorOf(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

func newGroupsGetCommand(g *globals) *cobra.Command {
	realm := ""
	c := &cobra.Command{
		Use: "get PATH | ID", Short: "Show one group with its direct role mappings", Args: cobra.ExactArgs(1),
		Example: "  gatehouse groups get /staff/finance --realm LearningSoftware",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := g.realm(c.Context(), realm)
			if err != nil {
				return err
			}
			x, err := findGroup(c.Context(), r, args[0])
			if err == nil {
				x, err = r.Group(c.Context(), x.ID) // its roles are only here
			}
			if err != nil {
				return err
			}
			out := groupOf(r.Name(), x)
			return printOne(g, out, groupColumns, out.print)
		},
	}
	addRealmFlag(g, c, &realm)
	return c
}

func (x groupOut) print(w io.Writer) error {
	var d detail
	d.add("Path", x.Path)
	d.add("Id", x.ID)
	d.add("Realm", x.Realm)
	d.add("Description", x.Description)
	d.add("Groups in it", strconv.Itoa(x.SubGroups))
	roles := slices.Clone(x.RealmRoles)
	for _, client := range slices.Sorted(maps.Keys(x.ClientRoles)) {
		for _, name := range x.ClientRoles[client] {
			roles = append(roles, client+":"+name)
		}
	}
	d.addList("Roles", roles)
	for _, name := range slices.Sorted(maps.Keys(x.Attributes)) {
		d.add("Attribute "+cleanLine(name), strings.Join(x.Attributes[name], ", "))
	}
	return d.print(w)
}

func newGroupsMembersCommand(g *globals) *cobra.Command {
	realm, limit := "", 0
	c := &cobra.Command{
		Use: "members PATH | ID", Short: "List the direct members of a group", Args: cobra.ExactArgs(1),
		Long:    "Direct members only, as Keycloak counts them: members of groups beneath are members of those.",
		Example: "  gatehouse groups members /staff --realm LearningSoftware --csv",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := g.realm(c.Context(), realm)
			if err != nil {
				return err
			}
			x, err := findGroup(c.Context(), r, args[0])
			if err != nil {
				return err
			}
			out := newRows(g, userColumns).whenEmpty(x.Path + " has no direct members")
			return printAll(g, out, clients.Each(c.Context(), r.GroupMembers(x.ID, 0)), limit, func(u keycloak.User) userOut { return userOf(r.Name(), u) })
		},
	}
	addRealmFlag(g, c, &realm)
	c.Flags().IntVar(&limit, "limit", 0, "stop after `N` members; 0 is all of them")
	return c
}

func (c groupChange) line() string {
	word := map[string]string{"create": "created", "rename": "renamed", "move": "moved", "edit": "changed", "delete": "deleted"}[c.Op]
	switch c.Outcome {
	case outcomeWould:
		word = "would " + c.Op
	case outcomeUnchanged:
		word = "as it was"
	}
	s := fmt.Sprintf("%-17s %s", word, cleanLine(c.Path))
	if c.Was != "" {
		s += "  (was " + cleanLine(c.Was) + ")"
	}
	return s
}

var groupChangeColumns = []column[groupChange]{
	{Name: "op", Text: func(c groupChange) string { return c.Op }},
	{Name: "outcome", Text: func(c groupChange) string { return c.Outcome }},
	{Name: "path", Text: func(c groupChange) string { return c.Path }},
	{Name: "realm", Text: func(c groupChange) string { return c.Realm }},
	{Name: "id", Text: func(c groupChange) string { return c.ID }},
}

// groupWrite connects, confirms where that is due, writes and prints.
func (g *globals) groupWrite(ctx context.Context, realm, what string, prepare func(*keycloak.Realm) (groupChange, error), write func(*keycloak.Realm, *groupChange) error) error {
	b, err := g.connect(ctx)
	if err != nil {
		return err
	}
	r, err := b.Realm(ctx, realm)
	if err != nil {
		return err
	}
	c, err := prepare(r)
	if err != nil {
		return cannotDo(err)
	}
	c.Realm = r.Name()
	if c.Outcome == "" {
		c.Outcome = outcomeWould
		if !g.dryRun {
			if c.Op == "delete" {
				err = g.confirm(ctx, question{Op: "delete the group", What: "This deletes the group " + c.Path + ", the groups in it and their role mappings, for good.", Answer: c.Path})
			} else {
				err = g.confirmProduction(ctx, b, c.Op+" a group", "This "+what+" "+c.Path)
			}
			if err != nil {
				return err
			}
			if err := write(r, &c); err != nil {
				return cannotDo(err)
			}
			c.Outcome = outcomeDone
		}
	}
	out := newLines(g, groupChangeColumns, groupChange.line)
	return firstError(out.Add(c), out.Close())
}

func newGroupsCreateCommand(g *globals) *cobra.Command {
	var realm, parent string
	c := &cobra.Command{
		Use: "create PATH | NAME --parent GROUP", Short: "Make a group", Args: cobra.ExactArgs(1),
		Long:    "A path such as /staff/finance makes finance in /staff, which must be there. A name that holds a slash itself is\ngiven with --parent, by path or id, or --parent / for the top.",
		Example: "  gatehouse groups create /staff/finance --realm LearningSoftware",
		RunE: func(c *cobra.Command, args []string) error {
			ctx, name, in := c.Context(), args[0], parent
			if in == "" {
				i := strings.LastIndexByte(name, '/')
				in, name = name[:max(i, 0)], name[i+1:]
			}
			if name == "" {
				return usageError("the group needs a name, as in /staff/finance")
			}
			parentID := ""
			return g.groupWrite(ctx, realm, "makes", func(r *keycloak.Realm) (groupChange, error) {
				path := "/" + name
				if strings.Trim(in, "/") != "" {
					p, err := findGroup(ctx, r, in)
					if err != nil {
						return groupChange{}, err
					}
					parentID, path = p.ID, p.Path+"/"+name
				}
				return groupChange{Op: "create", Path: path}, nil
			}, func(r *keycloak.Realm, c *groupChange) error {
				made, err := r.CreateGroup(ctx, parentID, name)
				c.ID = made.After.ID
				return err
			})
		},
	}
	addRealmFlag(g, c, &realm)
	c.Flags().StringVar(&parent, "parent", "", "the `GROUP` to make it in")
	return c
}

func newGroupsRenameCommand(g *globals) *cobra.Command {
	realm := ""
	c := &cobra.Command{
		Use: "rename PATH | ID NAME", Short: "Give a group another name", Args: cobra.ExactArgs(2),
		Example: "  gatehouse groups rename /staff/finance accounting",
		RunE: func(c *cobra.Command, args []string) error {
			ctx, name := c.Context(), args[1]
			return g.groupWrite(ctx, realm, "renames", func(r *keycloak.Realm) (groupChange, error) {
				x, err := findGroup(ctx, r, args[0])
				out := groupChange{Op: "rename", ID: x.ID, Was: x.Path, Path: strings.TrimSuffix(x.Path, x.Name) + name}
				if err == nil && x.Name == name {
					out.Outcome = outcomeUnchanged
				}
				return out, err
			}, func(r *keycloak.Realm, c *groupChange) error {
				_, err := r.UpdateGroup(ctx, c.ID, keycloak.GroupPatch{Name: &name})
				return err
			})
		},
	}
	addRealmFlag(g, c, &realm)
	return c
}

func newGroupsDeleteCommand(g *globals) *cobra.Command {
	realm := ""
	c := &cobra.Command{
		Use: "delete PATH | ID", Aliases: []string{"rm"}, Short: "Delete a group and the groups in it", Args: cobra.ExactArgs(1),
		Long:    "The members stay, without what the group gave them. It cannot be undone, and is always confirmed by typing the\npath, or with --yes.",
		Example: "  gatehouse groups delete /staff/finance --dry-run",
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			return g.groupWrite(ctx, realm, "deletes", func(r *keycloak.Realm) (groupChange, error) {
				x, err := findGroup(ctx, r, args[0])
				before := groupOf(r.Name(), x)
				return groupChange{Op: "delete", ID: x.ID, Path: x.Path, Before: &before}, err
			}, func(r *keycloak.Realm, c *groupChange) error {
				_, err := r.DeleteGroup(ctx, c.ID)
				return err
			})
		},
	}
	addRealmFlag(g, c, &realm)
	return c
}

func newGroupsJoinCommand(g *globals, join bool) *cobra.Command {
	path, group := "", keycloak.Group{}
	v := &userVerb{g: g, op: "join_group", ask: "This adds %s to a group"}
	use, short := "join", "Make users members of a group"
	if !join {
		v.op, v.ask, use, short = "leave_group", "This takes %s out of a group", "leave", "Take users out of a group"
	}
	v.ready = func(ctx context.Context, r *keycloak.Realm) (err error) {
		if path == "" {
			return usageError("name the group with --group")
		}
		group, err = findGroup(ctx, r, path)
		return cannotDo(err)
	}
	v.do = func(ctx context.Context, r *keycloak.Realm, u keycloak.User, dry bool) (userChange, error) {
		c := userChange{Group: group.Path}
		in := false
		for x, err := range clients.Each(ctx, r.UserGroups(u.ID, keycloak.GroupQuery{Brief: true})) {
			if err != nil {
				return c, err
			}
			in = in || x.ID == group.ID
		}
		if in == join {
			c.Outcome = outcomeUnchanged
		}
		if dry || c.Outcome != "" {
			return c, nil
		}
		var err error
		if join {
			_, err = r.JoinGroup(ctx, u.ID, group.ID)
		} else {
			_, err = r.LeaveGroup(ctx, u.ID, group.ID)
		}
		return c, err
	}
	c := v.command(&cobra.Command{Use: use, Short: short, Example: "  gatehouse groups " + use + " ann ben --group /staff/finance --realm LearningSoftware"})
	c.Flags().StringVar(&path, "group", "", "the `GROUP`, by path or id")
	return c
}
