package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

func newUsersCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "users",
		Aliases: []string{"user"},
		Short:   "The users of a Keycloak realm: list, show, make, change, unlock",
		GroupID: groupData,
	}
	c.AddCommand(newUsersListCommand(g), newUsersGetCommand(g), newUsersCreateCommand(g), newUsersEditCommand(g), newUsersEnableCommand(g, true),
		newUsersEnableCommand(g, false), newUsersUnlockCommand(g), newUsersRequireCommand(g), newUsersResetPasswordCommand(g), newUsersLogoutCommand(g), newUsersDeleteCommand(g), newUsersEventsCommand(g),
		newUsersCredentialsCommand(g), newUsersSessionsCommand(g), newUsersConsentsCommand(g), newUsersLinksCommand(g))
	return c
}

type usersListOptions struct {
	g        *globals
	realm    string
	search   string
	username string
	email    string
	state    string
	limit    int
}

func newUsersListCommand(g *globals) *cobra.Command {
	o := &usersListOptions{g: g}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the users of a realm",
		Long: "Prints users as they arrive, by username. --search is Keycloak's own: each word is the\n" +
			"beginning of the username, the e-mail or a name, *word* looks inside and \"word\" is exact.",
		Example: "  gatehouse users list --realm LearningSoftware --search ann\n" +
			"  gatehouse users list --state disabled --json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	addRealmFlag(g, c, &o.realm)
	c.Flags().StringVar(&o.search, "search", "", "only users whose username, e-mail or name begins with `TEXT`")
	c.Flags().StringVar(&o.username, "username", "", "only users whose username holds `TEXT`")
	c.Flags().StringVar(&o.email, "email", "", "only users whose e-mail holds `TEXT`")
	c.Flags().StringVar(&o.state, "state", "", "only `STATE` users: enabled or disabled")
	c.Flags().IntVar(&o.limit, "limit", 0, "stop after `N` users; 0 is all of them")
	c.MarkFlagsMutuallyExclusive("search", "username")
	c.MarkFlagsMutuallyExclusive("search", "email")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"enabled", "disabled"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (o *usersListOptions) run(ctx context.Context) error {
	q := keycloak.UserQuery{Search: o.search, Username: o.username, Email: o.email, Brief: true}
	switch o.state {
	case "":
	case "enabled":
		q.Enabled = keycloak.Yes
	case "disabled":
		q.Enabled = keycloak.No
	default:
		return usageError("--state is enabled or disabled, not %q", o.state)
	}
	if o.limit < 0 {
		return usageError("--limit must not be negative")
	}
	if o.limit > 0 && o.limit < 100 {
		q.PageSize = o.limit
	}
	r, err := o.g.realm(ctx, o.realm)
	if err != nil {
		return err
	}
	out := newRows(o.g, userColumns).whenEmpty("no users match in realm " + r.Name())
	return printAll(o.g, out, clients.Each(ctx, r.Users(q)), o.limit, func(u keycloak.User) userOut { return userOf(r.Name(), u) })
}

func newUsersGetCommand(g *globals) *cobra.Command {
	realm := ""
	c := &cobra.Command{
		Use:   "get ID | USERNAME | E-MAIL",
		Short: "Show one user with groups and lock",
		Example: "  gatehouse users get ann --realm LearningSoftware\n" +
			"  gatehouse users get ann@acme.example --json",
		Args:              cobra.ExactArgs(1),
		RunE:              func(c *cobra.Command, args []string) error { return g.runUsersGet(c.Context(), realm, args[0]) },
		ValidArgsFunction: completeUsers(g),
	}
	addRealmFlag(g, c, &realm)
	return c
}

func (g *globals) runUsersGet(ctx context.Context, realm, name string) error {
	r, err := g.realm(ctx, realm)
	if err != nil {
		return err
	}
	found, err := findUser(ctx, r, name)
	if err != nil {
		return err
	}
	out, err := g.userDetail(ctx, r, found.ID)
	if err != nil {
		return err
	}
	return printOne(g, out, userColumns, out.print)
}

// userDetail reads a user with what a list leaves out, side by side.
func (g *globals) userDetail(ctx context.Context, r *keycloak.Realm, id string) (userOut, error) {
	var user keycloak.User
	var groups []string
	var lock *lockOut
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() (err error) { user, err = r.User(ctx, id); return })
	all.Go(func() error {
		for group, err := range clients.Each(ctx, r.UserGroups(id, keycloak.GroupQuery{Brief: true})) {
			if err != nil {
				return err
			}
			groups = append(groups, group.Path)
		}
		return nil
	})
	all.Go(func() error {
		l, err := r.Lock(ctx, id)
		if clients.Is(err, clients.Denied) {
			return nil // it needs more rights than the rest; then it stays unsaid
		}
		lock = &lockOut{Locked: l.Locked, Permanent: l.Permanent, Failures: l.Failures, LastIP: l.LastIP,
			Until: timeOrNil(l.Until), LastFailure: timeOrNil(l.LastFailure)}
		return err
	})
	if err := all.Wait(); err != nil {
		return userOut{}, err
	}
	out := userOf(r.Name(), user)
	out.Groups, out.Lock = groups, lock
	return out, nil
}

func userOf(realm string, u keycloak.User) userOut {
	return userOut{Realm: realm, ID: u.ID, Username: u.Username, Email: u.Email, EmailVerified: u.EmailVerified,
		FirstName: u.FirstName, LastName: u.LastName, Enabled: u.Enabled, CreatedAt: timeOrNil(u.Created),
		RequiredActions: u.RequiredActions, FederationLink: u.FederationLink, Attributes: u.Attributes}
}

// timeOrNil is a time in UTC, nil for the zero one.
func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// moment writes a time for people, empty for none.
func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

func (u userOut) print(w io.Writer) error {
	var d detail
	d.add("Username", u.Username)
	d.add("Name", strings.TrimSpace(u.FirstName+" "+u.LastName))
	d.add("State", u.state())
	if u.Email != "" {
		d.add("E-mail", u.Email+map[bool]string{true: " (verified)", false: " (not verified)"}[u.EmailVerified])
	}
	d.add("Id", u.ID)
	d.add("Realm", u.Realm)
	d.add("Created", moment(u.CreatedAt))
	d.addList("Groups", u.Groups)
	d.addList("Must do", u.RequiredActions)
	d.add("From storage", u.FederationLink)
	for _, name := range slices.Sorted(maps.Keys(u.Attributes)) {
		d.add("Attribute "+cleanLine(name), strings.Join(u.Attributes[name], ", "))
	}
	return d.print(w)
}

// state says in words whether the user can log in as far as the account goes.
func (u userOut) state() string {
	state := "enabled"
	if !u.Enabled {
		state = "disabled"
	}
	switch l := u.Lock; {
	case l == nil:
	case l.Permanent:
		state += ", locked for good after failed logins"
	case l.Locked && l.Until != nil:
		state += ", locked until " + moment(l.Until) + " after " + plural(l.Failures, "failed login", "failed logins")
	case l.Locked:
		state += ", locked after failed logins"
	case l.Failures > 0:
		state += fmt.Sprintf(", %s since the last success", plural(l.Failures, "failed login", "failed logins"))
	}
	return state
}

var userColumns = []column[userOut]{
	{Name: "username", Text: func(u userOut) string { return u.Username }},
	{Name: "email", Text: func(u userOut) string { return u.Email }},
	{Name: "first_name", Text: func(u userOut) string { return u.FirstName }},
	{Name: "last_name", Text: func(u userOut) string { return u.LastName }},
	{Name: "enabled", Text: func(u userOut) string { return strconv.FormatBool(u.Enabled) }},
	{Name: "email_verified", Text: func(u userOut) string { return strconv.FormatBool(u.EmailVerified) }, CSVOnly: true},
	{Name: "realm", Text: func(u userOut) string { return u.Realm }, CSVOnly: true},
	{Name: "created_at", Text: func(u userOut) string { return moment(u.CreatedAt) }, CSVOnly: true},
	{Name: "id", Text: func(u userOut) string { return u.ID }},
}

// since says from when on something holds, empty when that is not known.
func since(t *time.Time) string {
	if t == nil {
		return ""
	}
	return " since " + moment(t)
}
