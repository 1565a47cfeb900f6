package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// userEventOut is one thing that happened to a user.
type userEventOut struct {
	Time    *time.Time `json:"time,omitempty"`
	Kind    string     `json:"kind" jsonschema:"enum=login,enum=admin" jsonschema_description:"A login event, or what an administrator did."`
	Type    string     `json:"type" jsonschema_description:"The server's word: LOGIN_ERROR, or CREATE GROUP_MEMBERSHIP."`
	Error   string     `json:"error,omitempty"`
	Found   string     `json:"found" jsonschema:"enum=id,enum=name,enum=client" jsonschema_description:"How it was found: it names the user; it names nobody but the user's name was typed; or it names nobody at all and happened at the client that was asked about, so that it may be somebody else's."`
	Client  string     `json:"client,omitempty"`
	IP      string     `json:"ip,omitempty"`
	Session string     `json:"session,omitempty"`
	// Path is what an administrator changed, By the id of the administrator.
	Path    string            `json:"path,omitempty" jsonschema_description:"What an administrator changed."`
	By      string            `json:"by,omitempty" jsonschema_description:"The id of the administrator."`
	Details map[string]string `json:"details,omitempty"`
	ID      string            `json:"id,omitempty"`
}

var userEventColumns = []column[userEventOut]{
	{Name: "time", Text: func(e userEventOut) string { return moment(e.Time) }},
	{Name: "kind", Text: func(e userEventOut) string { return e.Kind }},
	{Name: "type", Text: func(e userEventOut) string { return e.Type }},
	{Name: "error", Text: func(e userEventOut) string { return e.Error }},
	{Name: "client", Text: func(e userEventOut) string { return e.Client }},
	{Name: "ip", Text: func(e userEventOut) string { return e.IP }},
	{Name: "found", Text: func(e userEventOut) string { return e.Found }},
	{Name: "path", Text: func(e userEventOut) string { return e.Path }},
}

func userEventOf(e keycloak.UserEvent) userEventOut {
	at := e.Time()
	if a := e.Admin; a != nil {
		return userEventOut{Time: timeOrNil(at), Kind: "admin", Type: a.Operation + " " + a.ResourceType, Error: a.Error, Found: e.Found,
			Client: a.AuthClient, IP: a.AuthIP, Path: a.ResourcePath, By: a.AuthUser, ID: a.ID}
	}
	l := e.Login
	return userEventOut{Time: timeOrNil(at), Kind: "login", Type: l.Type, Error: l.Error, Found: e.Found, Client: l.ClientID, IP: l.IP, Session: l.SessionID, Details: l.Details, ID: l.ID}
}

type usersEventsOptions struct {
	g                   *globals
	realm, client, kind string
	since               string
	limit               int
}

func newUsersEventsCommand(g *globals) *cobra.Command {
	o := &usersEventsOptions{g: g}
	c := &cobra.Command{
		Use:   "events ID | USERNAME | E-MAIL",
		Short: "List what happened to a user: logins, failures, and what administrators did",
		Long: "Prints the stored events about a user, the newest first. Keycloak stores many failures without a user, such as\n" +
			"a wrong name or a required action in a direct grant; those are found by the name or e-mail that was typed, and\n" +
			"say so. --client adds the failures at one client that hold no name at all, which may be somebody else's.\n\n" +
			"A realm keeps events only when it is told to. Where it does not, that is said on stderr: no event then does not\n" +
			"mean that nothing happened.",
		Example: "  gatehouse users events ben --realm LearningSoftware --since 24h\n" +
			"  gatehouse users events ben@acme.example --kind login --json",
		Args:              cobra.ExactArgs(1),
		RunE:              func(c *cobra.Command, args []string) error { return o.run(c.Context(), args[0]) },
		ValidArgsFunction: completeUsers(g),
	}
	addRealmFlag(g, c, &o.realm)
	f := c.Flags()
	f.StringVar(&o.since, "since", "", "only what happened since `TIME`: 24h, 7d, 2026-11-22 or a time as 2026-11-22T08:00:00Z")
	f.StringVar(&o.kind, "kind", "", "only `KIND` events: login or admin")
	f.StringVar(&o.client, "client", "", "also failures without a name at this `CLIENT`")
	f.IntVar(&o.limit, "limit", 100, "stop after `N` events; 0 is all of them")
	_ = c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"login", "admin"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (o *usersEventsOptions) run(ctx context.Context, name string) error {
	if o.kind != "" && o.kind != "login" && o.kind != "admin" {
		return usageError("--kind is login or admin, not %q", o.kind)
	}
	if o.limit < 0 {
		return usageError("--limit must not be negative")
	}
	from, err := sinceTime(o.since, o.g.now())
	if err != nil {
		return err
	}
	r, err := o.g.realm(ctx, o.realm)
	if err != nil {
		return err
	}
	u, err := findUser(ctx, r, name)
	if err != nil {
		return cannotDo(err)
	}
	o.warn(ctx, r)
	out := newRows(o.g, userEventColumns).whenEmpty("no events about " + u.Username + " are stored in realm " + r.Name())
	n := 0
	for e, err := range r.UserEvents(ctx, keycloak.UserEventQuery{User: u, Client: o.client, From: from}) {
		if err != nil {
			return firstError(cannotDo(err), out.Close())
		}
		row := userEventOf(e)
		if o.kind != "" && row.Kind != o.kind {
			continue
		}
		if err := out.Add(row); err != nil {
			return err
		}
		if n++; n == o.limit {
			break
		}
	}
	return out.Close()
}

// warn says which events the realm does not keep.
func (o *usersEventsOptions) warn(ctx context.Context, r *keycloak.Realm) {
	c, err := r.EventsConfig(ctx)
	var off []string
	if err == nil && !c.Enabled {
		off = append(off, "logins")
	}
	if err == nil && !c.AdminEnabled {
		off = append(off, "what administrators do")
	}
	if len(off) > 0 {
		o.g.note("realm %s keeps no events of %s: what is not listed may have happened all the same", r.Name(), strings.Join(off, " and of "))
	}
}

// sinceTime reads a time that a person gives: a span before now in Go's notation or in
// days, a day, or a moment.
func sinceTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if d, err := time.ParseDuration(days + "h"); err == nil && d > 0 {
			return now.Add(-24 * d), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, cannotDo(problem(clients.Invalid, "read --since", fmt.Sprintf("%q is no time", text), "give 24h, 7d, 2026-11-22 or 2026-11-22T08:00:00Z"))
}
