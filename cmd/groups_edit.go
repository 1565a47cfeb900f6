package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients/keycloak"
)

func newGroupsMoveCommand(g *globals) *cobra.Command {
	var realm, to string
	c := &cobra.Command{
		Use: "move PATH | ID --to GROUP", Short: "Put a group with all in it into another, or at the top", Args: cobra.ExactArgs(1),
		Long:    "The groups in it move along. Its members lose what the groups above it gave them, and get what those of the new\nplace give. --to / is the top.",
		Example: "  gatehouse groups move /staff/finance --to /students\n  gatehouse groups move /staff/finance --to /",
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			if to == "" {
				return usageError("say where to with --to; --to / is the top")
			}
			parent := keycloak.Group{}
			return g.groupWrite(ctx, realm, "moves", func(r *keycloak.Realm) (groupChange, error) {
				x, err := findGroup(ctx, r, args[0])
				if err == nil && strings.Trim(to, "/") != "" {
					parent, err = findGroup(ctx, r, to)
				}
				out := groupChange{Op: "move", ID: x.ID, Was: x.Path, Path: parent.Path + "/" + x.Name}
				if err == nil && x.ParentID == parent.ID {
					out.Outcome, out.Was = outcomeUnchanged, ""
				}
				return out, err
			}, func(r *keycloak.Realm, c *groupChange) error {
				_, err := r.MoveGroup(ctx, c.ID, parent.ID)
				return err
			})
		},
	}
	addRealmFlag(g, c, &realm)
	c.Flags().StringVar(&to, "to", "", "the `GROUP` to put it into, by path or id; / is the top")
	return c
}

func newGroupsEditCommand(g *globals) *cobra.Command {
	var realm, description string
	attributes := attributeFlags{}
	c := &cobra.Command{
		Use: "edit PATH | ID", Short: "Change the description or attributes of a group", Args: cobra.ExactArgs(1),
		Long:    "Changes what is given and leaves the rest as it is. See also groups rename and groups move.",
		Example: "  gatehouse groups edit /staff --description \"Works here\" --attribute floor=3 --remove-attribute desk",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		set, err := attributes.changes()
		if err != nil {
			return err
		}
		p := keycloak.GroupPatch{Attributes: set}
		if c.Flags().Changed("description") {
			p.Description = &description
		}
		if p.Description == nil && set == nil {
			return usageError("say what to change: --description, --attribute or --remove-attribute")
		}
		return g.groupWrite(ctx, realm, "changes", func(r *keycloak.Realm) (groupChange, error) {
			x, err := findGroup(ctx, r, args[0])
			if err == nil {
				x, err = r.Group(ctx, x.ID)
			}
			before := groupOf(r.Name(), x)
			out := groupChange{Op: "edit", ID: x.ID, Path: x.Path, Before: &before}
			if err == nil && (p.Description == nil || *p.Description == x.Description) && sameAttributes(x.Attributes, set) {
				out.Outcome = outcomeUnchanged
			}
			return out, err
		}, func(r *keycloak.Realm, c *groupChange) error {
			_, err := r.UpdateGroup(ctx, c.ID, p)
			return err
		})
	}
	addRealmFlag(g, c, &realm)
	c.Flags().StringVar(&description, "description", "", "what it is for, as `TEXT`; empty removes it")
	attributes.addTo(c)
	return c
}
