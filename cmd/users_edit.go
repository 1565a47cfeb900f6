package cmd

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients/keycloak"
)

// userFields are the flags with the fields of a user.
type userFields struct {
	username, email, first, last string
	verified, enabled            bool
	attributes, removed          []string
	changed                      func(string) bool
}

func (f *userFields) addTo(c *cobra.Command) {
	c.Flags().StringVar(&f.email, "email", "", "the e-mail `ADDRESS`")
	c.Flags().StringVar(&f.first, "first-name", "", "the first `NAME`")
	c.Flags().StringVar(&f.last, "last-name", "", "the last `NAME`")
	c.Flags().BoolVar(&f.verified, "email-verified", false, "the e-mail counts as verified")
	c.Flags().BoolVar(&f.enabled, "enabled", true, "the user may log in")
	c.Flags().StringArrayVar(&f.attributes, "attribute", nil, "set an attribute, `NAME=VALUE`; given more than once for the same name, all values")
	f.changed = c.Flags().Changed
}

// values are the attributes by name.
func (f *userFields) values() (map[string][]string, error) {
	out := map[string][]string{}
	for _, pair := range f.attributes {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usageError("--attribute %q is not NAME=VALUE", pair)
		}
		out[name] = append(out[name], value)
	}
	for _, name := range f.removed {
		out[name] = nil
	}
	return out, nil
}

func newUsersCreateCommand(g *globals) *cobra.Command {
	var f userFields
	var realm, passwordFile string
	n := keycloak.NewUser{}
	c := &cobra.Command{
		Use:   "create USERNAME",
		Short: "Make a user",
		Long: "Makes an enabled user, unless --enabled=false. A password is the first line of a file, never an argument.\n" +
			"What the realm refuses is told field by field, and nothing is made.",
		Example: "  gatehouse users create eve --realm LearningSoftware --email eve@acme.example --first-name Eve --last-name Stone --group /staff\n" +
			"  gatehouse users create eve --password-file pw.txt --temporary",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			n.Username, n.Email, n.FirstName, n.LastName = args[0], f.email, f.first, f.last
			n.EmailVerified, n.Disabled = f.verified, !f.enabled
			var err error
			if n.Attributes, err = f.values(); err != nil {
				return err
			}
			if passwordFile != "" {
				raw, err := g.readFileOrStdin(passwordFile)
				if err != nil {
					return err
				}
				line, _, _ := bytes.Cut(raw, []byte("\n"))
				n.Password = strings.TrimSuffix(string(line), "\r")
			}
			return g.runUsersCreate(c.Context(), realm, n)
		},
	}
	addRealmFlag(g, c, &realm)
	f.addTo(c)
	c.Flags().StringArrayVar(&n.Groups, "group", nil, "the `PATH` of a group to be in; may be given more than once")
	c.Flags().StringArrayVar(&n.RequiredActions, "require", nil, "an `ACTION` that must be done at the first login")
	c.Flags().StringVar(&passwordFile, "password-file", "", "read the password from the first line of `FILE`, or - for stdin")
	c.Flags().BoolVar(&n.TemporaryPassword, "temporary", false, "the password must be changed at the first login")
	return c
}

func (g *globals) runUsersCreate(ctx context.Context, realm string, n keycloak.NewUser) error {
	b, err := g.connect(ctx)
	if err != nil {
		return err
	}
	r, err := b.Realm(ctx, realm)
	if err != nil {
		return err
	}
	out := newLines(g, userChangeColumns, userChange.line)
	c := userChange{Op: "create", Outcome: outcomeWould, Realm: r.Name(), User: n.Username}
	if !g.dryRun {
		if err := g.confirmProduction(ctx, b, "create a user", "This makes a user in realm "+r.Name()); err != nil {
			return err
		}
		made, err := r.CreateUser(ctx, n)
		if err != nil {
			return cannotDo(err)
		}
		c.Outcome, c.ID, c.User = outcomeDone, made.After.ID, made.After.Username
	}
	return firstError(out.Add(c), out.Close())
}

func newUsersEditCommand(g *globals) *cobra.Command {
	var f userFields
	var realm string
	c := &cobra.Command{
		Use:   "edit ID | USERNAME | E-MAIL",
		Short: "Change the fields of a user",
		Long: "Changes the fields that are named and leaves the rest, also what Keycloak itself would erase by such a\n" +
			"write. What changes is printed, with --dry-run without writing it.",
		Example:           "  gatehouse users edit ann --last-name Smith --dry-run\n  gatehouse users edit ann --attribute department=sales --remove-attribute desk",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeUsers(g),
		RunE:              func(c *cobra.Command, args []string) error { return g.runUsersEdit(c.Context(), realm, args[0], &f) },
	}
	addRealmFlag(g, c, &realm)
	f.addTo(c)
	c.Flags().StringVar(&f.username, "username", "", "the `USERNAME`, where the realm allows to change it")
	c.Flags().StringArrayVar(&f.removed, "remove-attribute", nil, "remove the attribute `NAME`")
	return c
}

// patch makes the change of a user, and says what differs.
func (f *userFields) patch(u keycloak.User) (keycloak.UserPatch, []fieldDiff, error) {
	var p keycloak.UserPatch
	var diff []fieldDiff
	for _, t := range []struct {
		flag, field, was, want string
		to                     **string
	}{
		{"email", "/email", u.Email, f.email, &p.Email}, {"first-name", "/first_name", u.FirstName, f.first, &p.FirstName},
		{"last-name", "/last_name", u.LastName, f.last, &p.LastName}, {"username", "/username", u.Username, f.username, &p.Username},
	} {
		if f.changed(t.flag) && t.was != t.want {
			*t.to, diff = &t.want, append(diff, fieldDiff{Field: t.field, Before: t.was, After: t.want})
		}
	}
	for _, t := range []struct {
		flag, field string
		was, want   bool
		to          **bool
	}{{"email-verified", "/email_verified", u.EmailVerified, f.verified, &p.EmailVerified}, {"enabled", "/enabled", u.Enabled, f.enabled, &p.Enabled}} {
		if f.changed(t.flag) && t.was != t.want {
			*t.to, diff = &t.want, append(diff, fieldDiff{Field: t.field, Before: t.was, After: t.want})
		}
	}
	values, err := f.values()
	if err != nil {
		return p, nil, err
	}
	after := map[string][]string{}
	for name, v := range u.Attributes {
		after[name] = v
	}
	for name, v := range values {
		if len(v) == 0 {
			delete(after, name)
		} else {
			after[name] = v
		}
	}
	changed, err := diffJSON(map[string]any{"attributes": orEmpty(u.Attributes)}, map[string]any{"attributes": after})
	if len(changed) > 0 {
		p.Attributes = values
	}
	return p, append(diff, changed...), err
}

func orEmpty(m map[string][]string) map[string][]string {
	if m == nil {
		return map[string][]string{}
	}
	return m
}

func (g *globals) runUsersEdit(ctx context.Context, realm, name string, f *userFields) error {
	b, err := g.connect(ctx)
	if err != nil {
		return err
	}
	r, err := b.Realm(ctx, realm)
	if err != nil {
		return err
	}
	u, err := findUser(ctx, r, name)
	if err == nil {
		u, err = r.User(ctx, u.ID)
	}
	if err != nil {
		return cannotDo(err)
	}
	p, diff, err := f.patch(u)
	if err != nil {
		return err
	}
	before := userOf(r.Name(), u)
	c := userChange{Op: "edit", Outcome: outcomeWould, Realm: r.Name(), ID: u.ID, User: u.Username, Changes: diff, Before: &before}
	out := newLines(g, userChangeColumns, userChange.line)
	switch {
	case len(diff) == 0:
		c.Outcome = outcomeUnchanged
	case !g.dryRun:
		if err := g.confirmProduction(ctx, b, "edit a user", fmt.Sprintf("This changes %s of %s", plural(len(diff), "field", "fields"), u.Username)); err != nil {
			return err
		}
		c.Outcome = outcomeDone
		if _, err = r.UpdateUser(ctx, u.ID, p); err != nil {
			c = c.failed(err)
		}
	}
	return firstError(out.Add(c), out.Close(), cannotDo(err))
}
