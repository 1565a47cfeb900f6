package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients/keycloak"
)

// roleDetail is one role with what is in it.
type roleDetail struct {
	roleOut
	Attributes map[string][]string `json:"attributes,omitempty"`
	Composites []roleName          `json:"composites" jsonschema_description:"The roles directly in it."`
	NotVisible string              `json:"not_visible,omitempty" jsonschema_description:"The rights that our account lacks to see all composites; absent when it sees them."`
}

// roleEdit is what a write did, or with --dry-run would do, to one role.
type roleEdit struct {
	Op      string `json:"op" jsonschema:"enum=create,enum=edit,enum=delete,enum=add_composite,enum=remove_composite"`
	Outcome string `json:"outcome" jsonschema:"enum=done,enum=unchanged,enum=absent,enum=would_do"`
	Realm   string `json:"realm"`
	ID      string `json:"id,omitempty"`
	roleName
	Was       string    `json:"was,omitempty" jsonschema_description:"Of edit: the name before, when it was changed."`
	Composite *roleName `json:"composite,omitempty" jsonschema_description:"The role that was put in or taken out."`
	Before    *roleOut  `json:"before,omitempty" jsonschema_description:"Of delete: the role as it was."`
}

func (c roleEdit) line() string {
	word := map[string]string{"create": "created", "edit": "changed", "delete": "deleted", "add_composite": "put in", "remove_composite": "taken out"}[c.Op]
	switch c.Outcome {
	case outcomeWould:
		word = "would " + strings.ReplaceAll(c.Op, "_", " ")
	case outcomeUnchanged:
		word = "as it was"
	case outcomeAbsent:
		word = "not in it"
	}
	s := fmt.Sprintf("%-17s %s", word, cleanLine(c.roleName.String()))
	if c.Composite != nil {
		s += " > " + cleanLine(c.Composite.String())
	}
	if c.Was != "" {
		s += "  (was " + cleanLine(c.Was) + ")"
	}
	return s
}

var roleEditColumns = []column[roleEdit]{
	{Name: "op", Text: func(c roleEdit) string { return c.Op }},
	{Name: "outcome", Text: func(c roleEdit) string { return c.Outcome }},
	{Name: "realm", Text: func(c roleEdit) string { return c.Realm }},
	{Name: "id", Text: func(c roleEdit) string { return c.ID }},
	{Name: "realm_role", Text: func(c roleEdit) string { return c.RealmRole }},
	{Name: "client", Text: func(c roleEdit) string { return c.Client }},
	{Name: "role", Text: func(c roleEdit) string { return c.Role }},
	{Name: "composite", Text: func(c roleEdit) string {
		if c.Composite == nil {
			return ""
		}
		return c.Composite.String()
	}},
}

// oneRole is a verb about one role.
type oneRole struct {
	g     *globals
	realm string
	roles roleFlags
}

func (o *oneRole) flags(c *cobra.Command) {
	addRealmFlag(o.g, c, &o.realm)
	o.roles.addTo(o.g, c)
	c.Args = cobra.NoArgs
}

// check refuses anything but one role.
func (o *oneRole) check() error {
	if err := o.roles.check(); err != nil {
		return err
	}
	if len(o.roles.names) > 1 {
		return usageError("one role at a time: %s and %s were named", o.roles.names[0], o.roles.names[1])
	}
	return nil
}

func newRolesGetCommand(g *globals) *cobra.Command {
	o := &oneRole{g: g}
	c := &cobra.Command{
		Use: "get (--realm-role NAME | --client C --role NAME)", Short: "Show one role with its attributes and the roles in it",
		Example: "  gatehouse roles get --realm LearningSoftware --realm-role employee",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			ctx := c.Context()
			r, err := g.realm(ctx, o.realm)
			if err != nil {
				return err
			}
			found, err := o.roles.find(ctx, r)
			if err != nil {
				return err
			}
			role, err := r.Role(ctx, found[0].ID)
			if err != nil {
				return err
			}
			inside, err := r.Composites(ctx, role.ID)
			if err != nil {
				return err
			}
			out := roleDetail{roleOut: roleOfServer(r.Name(), role), Attributes: role.Attributes, Composites: []roleName{}, NotVisible: inside.Cut.String()}
			for _, x := range inside.Roles {
				out.Composites = append(out.Composites, roleOfServer("", x).roleName)
			}
			return printOne(g, out, nil, out.print)
		},
	}
	o.flags(c)
	return c
}

func (x roleDetail) print(w io.Writer) error {
	var d detail
	d.add("Role", x.roleName.String())
	d.add("Id", x.ID)
	d.add("Realm", x.Realm)
	d.add("Description", x.Description)
	var inside []string
	for _, n := range x.Composites {
		inside = append(inside, n.String())
	}
	d.addList("Roles in it", inside)
	if x.NotVisible != "" {
		d.add("Not visible", "there may be more: our account lacks "+x.NotVisible)
	}
	for _, name := range slices.Sorted(maps.Keys(x.Attributes)) {
		d.add("Attribute "+cleanLine(name), strings.Join(x.Attributes[name], ", "))
	}
	return d.print(w)
}

// write connects, confirms where that is due, writes and prints. prepare says what would
// be done, one entry for each write; do does one of them.
func (o *oneRole) write(ctx context.Context, question func(roleEdit) question, prepare func(context.Context, *keycloak.Realm) ([]roleEdit, error), do func(context.Context, *keycloak.Realm, *roleEdit) error) error {
	g := o.g
	b, err := g.connect(ctx)
	if err != nil {
		return err
	}
	r, err := b.Realm(ctx, o.realm)
	if err != nil {
		return err
	}
	edits, err := prepare(ctx, r)
	if err != nil {
		return cannotDo(err)
	}
	out := newLines(g, roleEditColumns, roleEdit.line)
	absent := false
	for i := range edits {
		c := &edits[i]
		c.Realm = r.Name()
		if c.Outcome == "" {
			c.Outcome = outcomeWould
			if !g.dryRun {
				if question != nil && i == 0 {
					err = g.confirm(ctx, question(*c))
				} else if i == 0 {
					err = g.confirmProduction(ctx, b, strings.ReplaceAll(c.Op, "_", " ")+" of a role", "This changes the role "+c.roleName.String())
				}
				if err == nil {
					err = do(ctx, r, c)
				}
				if err != nil {
					out.Abort()
					return cannotDo(err)
				}
				c.Outcome = outcomeDone
			}
		}
		absent = absent || c.Outcome == outcomeAbsent
		if err := out.Add(*c); err != nil {
			return err
		}
	}
	if absent {
		return answerNoAfter(out.Close())
	}
	return out.Close()
}

// attributeFlags set and remove attributes.
type attributeFlags struct {
	set    []string
	remove []string
}

func (f *attributeFlags) addTo(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.set, "attribute", nil, "set an attribute, as `NAME=VALUE`; repeated for several values or attributes")
	c.Flags().StringArrayVar(&f.remove, "remove-attribute", nil, "remove the attribute `NAME`; may be repeated")
}

// changes are the attributes one by one; an empty list removes one.
func (f *attributeFlags) changes() (map[string][]string, error) {
	if len(f.set)+len(f.remove) == 0 {
		return nil, nil
	}
	out := map[string][]string{}
	for _, text := range f.set {
		name, value, ok := strings.Cut(text, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usageError("--attribute %q: write NAME=VALUE", text)
		}
		out[name] = append(out[name], value)
	}
	for _, name := range f.remove {
		if _, both := out[name]; both {
			return nil, usageError("attribute %s is both set and removed", name)
		}
		out[name] = nil
	}
	return out, nil
}

// same reports whether attributes are already as the changes want them.
func sameAttributes(now, changes map[string][]string) bool {
	for name, values := range changes {
		if !slices.Equal(now[name], values) {
			return false
		}
	}
	return true
}

func newRolesCreateCommand(g *globals) *cobra.Command {
	o, description, attributes := &oneRole{g: g}, "", attributeFlags{}
	c := &cobra.Command{
		Use: "create (--realm-role NAME | --client C --role NAME)", Short: "Make a role of the realm or of a client",
		Example: "  gatehouse roles create --realm LearningSoftware --client flaskClient --role reader --description \"Reads all\"",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			set, err := attributes.changes()
			if err != nil {
				return err
			}
			name, container := o.roles.names[0], keycloak.OfRealm
			return o.write(c.Context(), nil, func(ctx context.Context, r *keycloak.Realm) ([]roleEdit, error) {
				if name.Client != "" {
					cl, err := r.ClientByClientID(ctx, name.Client)
					if err != nil {
						return nil, err
					}
					container = keycloak.OfClient(cl.ID)
				}
				return []roleEdit{{Op: "create", roleName: name}}, nil
			}, func(ctx context.Context, r *keycloak.Realm, e *roleEdit) error {
				made, err := r.CreateRole(ctx, container, keycloak.NewRole{Name: name.RealmRole + name.Role, Description: description, Attributes: set})
				e.ID = made.After.ID
				return err
			})
		},
	}
	o.flags(c)
	c.Flags().StringVar(&description, "description", "", "what it is for, as `TEXT`")
	c.Flags().StringArrayVar(&attributes.set, "attribute", nil, "set an attribute, as `NAME=VALUE`; repeated for several values or attributes")
	return c
}

func newRolesEditCommand(g *globals) *cobra.Command {
	o, attributes := &oneRole{g: g}, attributeFlags{}
	var name, description string
	c := &cobra.Command{
		Use: "edit (--realm-role NAME | --client C --role NAME)", Short: "Change the name, the description or attributes of a role",
		Long:    "Changes what is given and leaves the rest as it is. Who holds the role keeps it under a new name; applications\nthat ask for the old name no longer find it.",
		Example: "  gatehouse roles edit --realm-role employee --description \"Works here\" --attribute level=3",
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := o.check(); err != nil {
			return err
		}
		set, err := attributes.changes()
		if err != nil {
			return err
		}
		p := keycloak.RolePatch{Attributes: set}
		if c.Flags().Changed("name") {
			p.Name = &name
		}
		if c.Flags().Changed("description") {
			p.Description = &description
		}
		if p.Name == nil && p.Description == nil && set == nil {
			return usageError("say what to change: --name, --description, --attribute or --remove-attribute")
		}
		return o.write(c.Context(), nil, func(ctx context.Context, r *keycloak.Realm) ([]roleEdit, error) {
			found, err := o.roles.find(ctx, r)
			if err != nil {
				return nil, err
			}
			now, err := r.Role(ctx, found[0].ID)
			if err != nil {
				return nil, err
			}
			e := roleEdit{Op: "edit", ID: now.ID, roleName: o.roles.names[0]}
			if (p.Name == nil || *p.Name == now.Name) && (p.Description == nil || *p.Description == now.Description) && sameAttributes(now.Attributes, set) {
				e.Outcome = outcomeUnchanged
			} else if p.Name != nil && *p.Name != now.Name {
				e.Was = e.roleName.String()
				if e.Client != "" {
					e.Role = *p.Name
				} else {
					e.RealmRole = *p.Name
				}
			}
			return []roleEdit{e}, nil
		}, func(ctx context.Context, r *keycloak.Realm, e *roleEdit) error {
			_, err := r.UpdateRole(ctx, e.ID, p)
			return err
		})
	}
	o.flags(c)
	c.Flags().StringVar(&name, "name", "", "the new `NAME`")
	c.Flags().StringVar(&description, "description", "", "what it is for, as `TEXT`; empty removes it")
	attributes.addTo(c)
	return c
}

func newRolesDeleteCommand(g *globals) *cobra.Command {
	o := &oneRole{g: g}
	c := &cobra.Command{
		Use: "delete (--realm-role NAME | --client C --role NAME)", Aliases: []string{"rm"}, Short: "Delete a role with all its mappings",
		Long:    "It goes from everybody who holds it and out of every role that contains it. It cannot be undone, and is always\nconfirmed by typing the name, or with --yes.",
		Example: "  gatehouse roles delete --client flaskClient --role reader --dry-run",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return o.write(c.Context(), func(e roleEdit) question {
				return question{Op: "delete the role", What: "This deletes the role " + e.roleName.String() + " with all its mappings, for good.", Answer: e.RealmRole + e.Role}
			}, func(ctx context.Context, r *keycloak.Realm) ([]roleEdit, error) {
				found, err := o.roles.find(ctx, r)
				if err != nil {
					return nil, err
				}
				before := roleOfServer(r.Name(), found[0])
				return []roleEdit{{Op: "delete", ID: found[0].ID, roleName: o.roles.names[0], Before: &before}}, nil
			}, func(ctx context.Context, r *keycloak.Realm, e *roleEdit) error {
				_, err := r.DeleteRole(ctx, e.ID)
				return err
			})
		},
	}
	o.flags(c)
	return c
}

func newRolesCompositesCommand(g *globals) *cobra.Command {
	o := &oneRole{g: g}
	var add, remove []string
	c := &cobra.Command{
		Use: "composites (--realm-role NAME | --client C --role NAME) [--add ROLE | --remove ROLE]…", Short: "Put roles into a role, or take them out",
		Long:    "A role is named as in every output: NAME of the realm, CLIENT:NAME of a client. Roles that are in it already, or\nare not, are left alone; one that was to be taken out and is not in it makes the exit code 1. See roles get for what is in it.",
		Example: "  gatehouse roles composites --realm-role employee --add flaskClient:reader",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if len(add)+len(remove) == 0 {
				return usageError("say what to do: --add or --remove; roles get shows what is in it")
			}
			byName := map[string]keycloak.Role{}
			return o.write(c.Context(), nil, func(ctx context.Context, r *keycloak.Realm) ([]roleEdit, error) {
				found, err := o.roles.find(ctx, r)
				if err != nil {
					return nil, err
				}
				inside, err := r.Composites(ctx, found[0].ID)
				if err != nil {
					return nil, err
				}
				var out []roleEdit
				for i, text := range append(slices.Clone(add), remove...) {
					n := parseRoleName(text)
					f := roleFlags{names: []roleName{n}}
					roles, err := f.find(ctx, r)
					if err != nil {
						return nil, err
					}
					byName[n.String()] = roles[0]
					e := roleEdit{Op: "add_composite", ID: found[0].ID, roleName: o.roles.names[0], Composite: &n}
					in := hasRole(inside.Roles, roles[0])
					switch {
					case i < len(add) && in:
						e.Outcome = outcomeUnchanged
					case i >= len(add):
						e.Op = "remove_composite"
						if !in {
							e.Outcome = outcomeAbsent
						}
					}
					out = append(out, e)
				}
				return out, nil
			}, func(ctx context.Context, r *keycloak.Realm, e *roleEdit) (err error) {
				if e.Op == "add_composite" {
					_, err = r.AddComposites(ctx, e.ID, byName[e.Composite.String()])
				} else {
					_, err = r.RemoveComposites(ctx, e.ID, byName[e.Composite.String()])
				}
				return err
			})
		},
	}
	o.flags(c)
	c.Flags().StringArrayVar(&add, "add", nil, "put the `ROLE` in; may be repeated")
	c.Flags().StringArrayVar(&remove, "remove", nil, "take the `ROLE` out; may be repeated")
	return c
}

// parseRoleName reads a role as it is printed: NAME of the realm, CLIENT:NAME of a client.
func parseRoleName(text string) roleName {
	if client, name, ok := strings.Cut(text, ":"); ok {
		return roleName{Client: client, Role: name}
	}
	return roleName{RealmRole: text}
}
