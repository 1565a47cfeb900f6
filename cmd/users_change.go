package cmd

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// userChange is what a write did, or with --dry-run would do, to one user.
type userChange struct {
	Op      string      `json:"op" jsonschema:"enum=create,enum=edit,enum=enable,enum=disable,enum=unlock,enum=logout,enum=delete,enum=require,enum=reset_password,enum=join_group,enum=leave_group"`
	Outcome string      `json:"outcome" jsonschema:"enum=done,enum=unchanged,enum=would_do,enum=unknown,enum=failed" jsonschema_description:"done; unchanged: was so already; would_do: with --dry-run; unknown: sent, and no answer came back; failed."`
	Realm   string      `json:"realm"`
	ID      string      `json:"id,omitempty"`
	User    string      `json:"user,omitempty" jsonschema_description:"Username."`
	Group   string      `json:"group,omitempty" jsonschema_description:"Path of the group that was joined or left."`
	Note    string      `json:"note,omitempty" jsonschema_description:"What else happened, or did not, in words."`
	Changes []fieldDiff `json:"changes,omitempty" jsonschema_description:"Of edit and require: what differs, field by field."`
	Before  *userOut    `json:"before,omitempty" jsonschema_description:"Of edit and delete: the user as it was."`
	Error   *errorBody  `json:"error,omitempty"`
}

var userWords = map[string]string{
	"create": "created", "edit": "changed", "enable": "enabled", "disable": "disabled", "unlock": "unlocked", "logout": "logged out", "delete": "deleted",
	"require": "must now do", "reset_password": "new password for", "join_group": "joined", "leave_group": "left",
}

func (c userChange) line() string {
	word := userWords[c.Op]
	switch c.Outcome {
	case outcomeUnchanged:
		word = "as it was"
	case outcomeWould:
		word = "would " + strings.ReplaceAll(c.Op, "_", " ")
	case outcomeUnknown, outcomeFailed:
		word = c.Outcome
	}
	s := fmt.Sprintf("%-17s %s", word, cleanLine(c.User))
	if c.Group != "" {
		s += "  " + cleanLine(c.Group)
	}
	if c.Note != "" {
		s += "  (" + cleanLine(c.Note) + ")"
	}
	for _, d := range c.Changes {
		s += "\n" + strings.Repeat(" ", 18) + cleanLine(d.Field+": "+jsonWord(d.Before)+" -> "+jsonWord(d.After))
	}
	if c.Error != nil {
		s += "\n" + strings.Repeat(" ", 18) + cleanLine(c.Error.Reason)
	}
	return s
}

var userChangeColumns = []column[userChange]{
	{Name: "op", Text: func(c userChange) string { return c.Op }},
	{Name: "outcome", Text: func(c userChange) string { return c.Outcome }},
	{Name: "realm", Text: func(c userChange) string { return c.Realm }},
	{Name: "user", Text: func(c userChange) string { return c.User }},
	{Name: "group", Text: func(c userChange) string { return c.Group }},
	{Name: "id", Text: func(c userChange) string { return c.ID }},
	{Name: "note", Text: func(c userChange) string { return c.Note }},
	{Name: "error", Text: func(c userChange) string {
		if c.Error == nil {
			return ""
		}
		return c.Error.Reason
	}},
}

func (c userChange) failed(err error) userChange {
	i := identityChange{}.failed(err)
	c.Outcome, c.Error = i.Outcome, i.Error
	return c
}

// userVerb is a write that is done to one or many users, one after the other.
type userVerb struct {
	g     *globals
	op    string
	ask   string // for the confirmation: "This deletes %s for good"
	sure  bool   // always to be confirmed, not in production only
	realm string
	// ready is asked once, before anything is read of the users; may be nil.
	ready func(ctx context.Context, r *keycloak.Realm) error
	// do writes, or with dry says what it would do; an Outcome that is left empty is
	// done, or would_do.
	do func(ctx context.Context, r *keycloak.Realm, u keycloak.User, dry bool) (userChange, error)
}

func (v *userVerb) command(c *cobra.Command) *cobra.Command {
	c.Use += " ID | USERNAME | E-MAIL… | -"
	c.Long = strings.TrimSpace(c.Long + "\n\nGive users, or - to read them from stdin, one a line. They are done one after the other; one that fails\n" +
		"does not stop the others, is told, and makes the exit code 2.")
	c.Args = cobra.MinimumNArgs(1)
	c.RunE = func(c *cobra.Command, args []string) error { return v.run(c.Context(), args) }
	c.ValidArgsFunction = completeUsers(v.g)
	addRealmFlag(v.g, c, &v.realm)
	return c
}

func (v *userVerb) run(ctx context.Context, args []string) error {
	args, err := v.g.namesOrStdin(args)
	if err != nil {
		return err
	}
	b, err := v.g.connect(ctx)
	if err != nil {
		return err
	}
	r, err := b.Realm(ctx, v.realm)
	if err != nil {
		return err
	}
	if v.ready != nil {
		if err := v.ready(ctx, r); err != nil {
			return err
		}
	}
	var who []keycloak.User
	for _, name := range args { // all are found before the first write
		u, err := findUser(ctx, r, name)
		if err != nil {
			return cannotDo(err)
		}
		if !slices.ContainsFunc(who, func(o keycloak.User) bool { return o.ID == u.ID }) {
			who = append(who, u)
		}
	}
	if err := v.confirm(ctx, b, r, who); err != nil {
		return err
	}
	return v.all(ctx, r, who)
}

func (v *userVerb) confirm(ctx context.Context, b *backends, r *keycloak.Realm, who []keycloak.User) error {
	if v.g.dryRun {
		return nil
	}
	what := fmt.Sprintf(v.ask, plural(len(who), "user", "users")) + " of realm " + r.Name()
	if !v.sure {
		return v.g.confirmProduction(ctx, b, v.op, what)
	}
	q := question{Op: v.op + " users", What: what + ".", Answer: fmt.Sprint(len(who))}
	for _, u := range who[:min(5, len(who))] {
		q.Sample = append(q.Sample, u.Username+"  "+u.Name())
	}
	if len(who) > 5 {
		q.Sample = append(q.Sample, "and "+thousands(len(who)-5)+" more")
	}
	return v.g.confirm(ctx, q)
}

func (v *userVerb) all(ctx context.Context, r *keycloak.Realm, who []keycloak.User) error {
	out := newLines(v.g, userChangeColumns, userChange.line)
	var firstErr error
	for _, u := range who {
		if ctx.Err() != nil {
			firstErr = firstError(firstErr, ctx.Err())
			break // what was not begun is not reported
		}
		c, err := v.do(ctx, r, u, v.g.dryRun)
		c.Op, c.Realm, c.ID, c.User = v.op, r.Name(), u.ID, u.Username
		switch {
		case err != nil:
			c, firstErr = c.failed(err), firstError(firstErr, err)
		case c.Outcome != "":
		case v.g.dryRun:
			c.Outcome = outcomeWould
		default:
			c.Outcome = outcomeDone
		}
		if perr := out.Add(c); perr != nil {
			return firstError(cannotDo(firstErr), perr)
		}
	}
	return firstError(out.Close(), cannotDo(firstErr))
}

func newUsersEnableCommand(g *globals, enabled bool) *cobra.Command {
	op, ask, short := "enable", "This lets %s log in again", "Let disabled users log in again"
	long := "Also ends a permanent lock, which Keycloak keeps as a disabled account. A temporary lock is ended by unlock."
	if !enabled {
		op, ask, short = "disable", "This keeps %s from logging in", "Keep users from logging in"
		long = "Tokens that were issued already stay good until they expire; log the user out to end the sessions."
	}
	v := &userVerb{g: g, op: op, ask: ask, do: func(ctx context.Context, r *keycloak.Realm, u keycloak.User, dry bool) (userChange, error) {
		if u.Enabled == enabled {
			return userChange{Outcome: outcomeUnchanged}, nil
		}
		if dry {
			return userChange{}, nil
		}
		_, err := r.SetEnabled(ctx, u.ID, enabled)
		return userChange{}, err
	}}
	return v.command(&cobra.Command{Use: op, Short: short, Long: long, Example: "  gatehouse users " + op + " ann --realm LearningSoftware"})
}

func newUsersUnlockCommand(g *globals) *cobra.Command {
	v := &userVerb{g: g, op: "unlock", ask: "This ends the lock of %s", do: func(ctx context.Context, r *keycloak.Realm, u keycloak.User, dry bool) (userChange, error) {
		l, err := r.Lock(ctx, u.ID)
		if err != nil {
			return userChange{}, err
		}
		c := userChange{}
		switch {
		case !l.Locked && l.Failures == 0 && l.SecondaryFailures == 0 && !u.Enabled:
			c.Outcome, c.Note = outcomeUnchanged, "not locked but disabled: users enable lets them in"
		case !l.Locked && l.Failures == 0 && l.SecondaryFailures == 0:
			c.Outcome = outcomeUnchanged
		case l.Permanent:
			c.Note = "was locked for good"
		case l.Locked && !l.Until.IsZero():
			c.Note = "was locked until " + moment(timeOrNil(l.Until))
		case !l.Locked:
			c.Note = plural(l.Failures+l.SecondaryFailures, "failed login", "failed logins") + " forgotten"
		}
		if dry || c.Outcome != "" {
			return c, nil
		}
		_, err = r.Unlock(ctx, u.ID)
		return c, err
	}}
	return v.command(&cobra.Command{Use: "unlock", Short: "End the brute-force lock of users, and forget their failed logins",
		Long:    "Ends a temporary lock by clearing the counters and a permanent one by enabling the account. An account\nthat a person disabled stays disabled, and that is said.",
		Example: "  gatehouse users unlock ann --realm LearningSoftware"})
}

func newUsersLogoutCommand(g *globals) *cobra.Command {
	v := &userVerb{g: g, op: "logout", ask: "This ends all sessions of %s", do: func(ctx context.Context, r *keycloak.Realm, u keycloak.User, dry bool) (userChange, error) {
		online, err := r.Sessions(ctx, u.ID)
		if err != nil {
			return userChange{}, err
		}
		offline, err := r.AllOfflineSessions(ctx, u.ID)
		if err != nil {
			return userChange{}, err
		}
		c := userChange{Note: plural(len(online), "session", "sessions") + ", " + plural(len(offline), "offline session", "offline sessions")}
		if len(online)+len(offline) == 0 {
			c.Outcome = outcomeUnchanged
		}
		if dry || c.Outcome != "" {
			return c, nil
		}
		_, err = r.LogoutEverywhere(ctx, u.ID)
		return c, err
	}}
	return v.command(&cobra.Command{Use: "logout", Short: "End all sessions of users, offline ones too",
		Long:    "Access tokens that an application checks by itself stay good until they expire.",
		Example: "  gatehouse users logout ann --realm LearningSoftware"})
}

func newUsersDeleteCommand(g *globals) *cobra.Command {
	v := &userVerb{g: g, op: "delete", sure: true, ask: "This deletes %s for good", do: func(ctx context.Context, r *keycloak.Realm, u keycloak.User, dry bool) (userChange, error) {
		before := userOf(r.Name(), u)
		c := userChange{Before: &before}
		if dry {
			return c, nil
		}
		_, err := r.DeleteUser(ctx, u.ID)
		return c, err
	}}
	return v.command(&cobra.Command{Use: "delete", Aliases: []string{"rm"}, Short: "Delete users for good",
		Long:    "Credentials, role mappings, group memberships and consents go too. It cannot be undone: a user made anew has\nanother id. It is always confirmed, by typing how many go, or with --yes.",
		Example: "  gatehouse users delete ann --realm LearningSoftware --dry-run"})
}

func newUsersRequireCommand(g *globals) *cobra.Command {
	var add, remove []string
	var clear bool
	v := &userVerb{g: g, op: "require", ask: "This changes what %s must do at the next login"}
	v.ready = func(ctx context.Context, r *keycloak.Realm) error {
		if len(add)+len(remove) == 0 && !clear {
			return usageError("say what with --add, --remove or --clear")
		}
		known, err := r.RequiredActions(ctx)
		if err != nil {
			return cannotDo(err)
		}
		var names []string
		for _, a := range known { // Keycloak drops an unknown one without a word
			names = append(names, a.Alias)
		}
		for _, a := range add {
			if !slices.Contains(names, a) {
				return cannotDo(problem(clients.Invalid, "require an action", fmt.Sprintf("realm %s has no required action %q", r.Name(), a), "it has "+strings.Join(names, ", ")))
			}
		}
		return nil
	}
	v.do = func(ctx context.Context, r *keycloak.Realm, u keycloak.User, dry bool) (userChange, error) {
		u, err := r.User(ctx, u.ID) // a list leaves the actions out
		if err != nil {
			return userChange{}, err
		}
		was := slices.Sorted(slices.Values(u.RequiredActions))
		want := slices.Clone(was)
		if clear {
			want = nil
		}
		want = slices.DeleteFunc(append(want, add...), func(a string) bool { return slices.Contains(remove, a) })
		slices.Sort(want)
		want = slices.Compact(want)
		if slices.Equal(was, want) {
			return userChange{Outcome: outcomeUnchanged}, nil
		}
		c := userChange{Changes: []fieldDiff{{Field: "/required_actions", Before: was, After: want}}}
		if dry {
			return c, nil
		}
		_, err = r.SetRequiredActions(ctx, u.ID, want)
		return c, err
	}
	c := v.command(&cobra.Command{Use: "require", Short: "Set what users must do at their next login",
		Example: "  gatehouse users require ann --add UPDATE_PASSWORD\n  gatehouse users require ann --clear"})
	c.Flags().StringArrayVar(&add, "add", nil, "a required `ACTION`, such as UPDATE_PASSWORD, VERIFY_EMAIL, CONFIGURE_TOTP")
	c.Flags().StringArrayVar(&remove, "remove", nil, "an `ACTION` that is no longer required")
	c.Flags().BoolVar(&clear, "clear", false, "nothing is required any more")
	return c
}

func newUsersResetPasswordCommand(g *globals) *cobra.Command {
	var file, password string
	var temporary bool
	v := &userVerb{g: g, op: "reset_password", ask: "This sets a new password for %s"}
	v.ready = func(context.Context, *keycloak.Realm) error {
		if file == "" {
			return usageError("name the file with the new password: --password-file FILE, or - for stdin")
		}
		raw, err := g.readFileOrStdin(file)
		if err != nil {
			return err
		}
		line, _, _ := bytes.Cut(raw, []byte("\n"))
		if password = strings.TrimSuffix(string(line), "\r"); password == "" {
			return usageError("--password-file: the first line is empty")
		}
		return nil
	}
	v.do = func(ctx context.Context, r *keycloak.Realm, u keycloak.User, dry bool) (userChange, error) {
		c := userChange{}
		if temporary {
			c.Note = "must choose another at the next login"
		}
		if dry {
			return c, nil
		}
		_, err := r.ResetPassword(ctx, u.ID, password, temporary)
		return c, err
	}
	c := v.command(&cobra.Command{Use: "reset-password", Short: "Give users a new password",
		Long:    "The password is the first line of a file, never an argument, where others could read it. Without --temporary\na pending UPDATE_PASSWORD is cleared as well.",
		Example: "  gatehouse users reset-password ann --password-file new.txt --temporary"})
	c.Flags().StringVar(&file, "password-file", "", "read the password from the first line of `FILE`, or - for stdin")
	c.Flags().BoolVar(&temporary, "temporary", false, "the user must choose another at the next login")
	return c
}
