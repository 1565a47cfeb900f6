package cmd

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// userPartOut is one thing that belongs to a user: a credential, a session, a consent,
// or a link to an identity provider.
type userPartOut struct {
	Realm   string     `json:"realm"`
	User    string     `json:"user"`
	Kind    string     `json:"kind" jsonschema:"enum=credential,enum=session,enum=consent,enum=link"`
	ID      string     `json:"id" jsonschema_description:"What --delete, --end, --revoke or --unlink take: the id of a credential or session, the clientId of a consent, the alias of an identity provider."`
	Type    string     `json:"type,omitempty" jsonschema_description:"The type of a credential; online or offline for a session."`
	Label   string     `json:"label,omitempty" jsonschema_description:"The name of a credential, or the user's name at the identity provider."`
	Clients []string   `json:"clients,omitempty" jsonschema_description:"The clients of a session."`
	Scopes  []string   `json:"scopes,omitempty" jsonschema_description:"What a consent allows."`
	IP      string     `json:"ip,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
	Used    *time.Time `json:"used,omitempty" jsonschema_description:"When a session was last used."`
	Gone    bool       `json:"gone,omitempty" jsonschema_description:"This run took it away, or with --dry-run would."`
}

var userPartColumns = []column[userPartOut]{
	{Name: "kind", Text: func(p userPartOut) string { return p.Kind }},
	{Name: "id", Text: func(p userPartOut) string { return p.ID }},
	{Name: "type", Text: func(p userPartOut) string { return p.Type }},
	{Name: "label", Text: func(p userPartOut) string { return p.Label }},
	{Name: "clients", Text: func(p userPartOut) string { return strings.Join(p.Clients, " ") }},
	{Name: "scopes", Text: func(p userPartOut) string { return strings.Join(p.Scopes, " ") }},
	{Name: "ip", Text: func(p userPartOut) string { return p.IP }},
	{Name: "since", Text: func(p userPartOut) string { return moment(p.Since) }},
	{Name: "gone", Text: func(p userPartOut) string {
		if p.Gone {
			return "yes"
		}
		return ""
	}},
}

// userParts is a verb that lists one kind of thing of a user, and takes some of it away.
type userParts struct {
	g       *globals
	kind    string // one of them: "session"
	many    string // the verb: "sessions"
	take    string // the flag that takes one away: "end"
	warning string // for the confirmation, about what cannot be undone
	realm   string
	gone    []string
	list    func(ctx context.Context, r *keycloak.Realm, userID string) ([]userPartOut, error)
	remove  func(ctx context.Context, r *keycloak.Realm, userID string, p userPartOut) error
}

func (v *userParts) command(short, example string) *cobra.Command {
	c := &cobra.Command{Use: v.many + " ID | USERNAME | E-MAIL", Short: short, Args: cobra.ExactArgs(1), ValidArgsFunction: completeUsers(v.g),
		Long:    "Lists them; with --" + v.take + " takes those away that are named, and prints them. It cannot be undone: " + v.warning + ".",
		Example: example, RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args[0]) }}
	addRealmFlag(v.g, c, &v.realm)
	c.Flags().StringArrayVar(&v.gone, v.take, nil, "take the "+v.kind+" with this `ID` away; may be given more than once")
	return c
}

func (v *userParts) run(ctx context.Context, name string) error {
	b, err := v.g.connect(ctx)
	if err != nil {
		return err
	}
	r, err := b.Realm(ctx, v.realm)
	if err != nil {
		return err
	}
	u, err := findUser(ctx, r, name)
	if err != nil {
		return cannotDo(err)
	}
	all, err := v.list(ctx, r, u.ID)
	if err != nil {
		return cannotDo(err)
	}
	for i := range all {
		all[i].Realm, all[i].User, all[i].Kind = r.Name(), u.Username, v.kind
	}
	if len(v.gone) > 0 {
		if all, err = v.chosen(u, all); err != nil {
			return cannotDo(err)
		}
		if !v.g.dryRun {
			what := "This takes " + plural(len(all), v.kind, v.kind+"s") + " of " + u.Username + " away for good: " + v.warning
			if err := v.g.confirmProduction(ctx, b, v.take, what); err != nil {
				return err
			}
		}
	}
	out := newRows(v.g, userPartColumns).whenEmpty(u.Username + " has no " + v.many + " in realm " + r.Name())
	for _, p := range all {
		if len(v.gone) > 0 {
			if !v.g.dryRun {
				if err := v.remove(ctx, r, u.ID, p); err != nil {
					return firstError(cannotDo(err), out.Close())
				}
			}
			p.Gone = true
		}
		if err := out.Add(p); err != nil {
			return err
		}
	}
	return out.Close()
}

// chosen are those that were named; one that is not there is an error before anything
// is written.
func (v *userParts) chosen(u keycloak.User, all []userPartOut) ([]userPartOut, error) {
	var out []userPartOut
	for _, id := range v.gone {
		i := slices.IndexFunc(all, func(p userPartOut) bool { return p.ID == id })
		if i < 0 {
			return nil, problem(clients.NotFound, v.take+" the "+v.kind, u.Username+" has no "+v.kind+" "+id, "users "+v.many+" lists them")
		}
		out = append(out, all[i])
	}
	return out, nil
}

func newUsersCredentialsCommand(g *globals) *cobra.Command {
	v := &userParts{g: g, kind: "credential", many: "credentials", take: "delete", warning: "the user has to set it up anew",
		list: func(ctx context.Context, r *keycloak.Realm, id string) ([]userPartOut, error) {
			list, err := r.Credentials(ctx, id)
			var out []userPartOut
			for _, c := range list {
				out = append(out, userPartOut{ID: c.ID, Type: c.Type, Label: c.Label, Since: timeOrNil(c.Created)})
			}
			return out, err
		},
		remove: func(ctx context.Context, r *keycloak.Realm, id string, p userPartOut) error {
			_, err := r.DeleteCredential(ctx, id, p.ID)
			return err
		}}
	return v.command("List how a user can log in, never with secrets, and delete credentials",
		"  gatehouse users credentials ann\n  gatehouse users credentials ann --delete 3f0c… --dry-run")
}

func newUsersSessionsCommand(g *globals) *cobra.Command {
	v := &userParts{g: g, kind: "session", many: "sessions", take: "end", warning: "the user has to log in again",
		list: func(ctx context.Context, r *keycloak.Realm, id string) ([]userPartOut, error) {
			online, err := r.Sessions(ctx, id)
			if err != nil {
				return nil, err
			}
			offline, err := r.AllOfflineSessions(ctx, id)
			var out []userPartOut
			for _, s := range append(online, offline...) {
				kind := "online"
				if s.Offline {
					kind = "offline"
				}
				out = append(out, userPartOut{ID: s.ID, Type: kind, Clients: slices.Sorted(maps.Values(s.Clients)), IP: s.IP, Since: timeOrNil(s.Start), Used: timeOrNil(s.LastAccess)})
			}
			return out, err
		},
		remove: func(ctx context.Context, r *keycloak.Realm, _ string, p userPartOut) error {
			return r.EndSession(ctx, p.ID, p.Type == "offline")
		}}
	return v.command("List the sessions of a user, offline ones too, and end them; users logout ends all",
		"  gatehouse users sessions ann --json\n  gatehouse users sessions ann --end 9c21…")
}

func newUsersConsentsCommand(g *globals) *cobra.Command {
	v := &userParts{g: g, kind: "consent", many: "consents", take: "revoke", warning: "the user is asked again, and offline sessions with that client end",
		list: func(ctx context.Context, r *keycloak.Realm, id string) ([]userPartOut, error) {
			list, err := r.Consents(ctx, id)
			var out []userPartOut
			for _, c := range list {
				out = append(out, userPartOut{ID: c.ClientID, Scopes: c.Scopes, Since: timeOrNil(c.Created)})
			}
			return out, err
		},
		remove: func(ctx context.Context, r *keycloak.Realm, id string, p userPartOut) error {
			_, err := r.RevokeConsent(ctx, id, p.ID)
			return err
		}}
	return v.command("List what a user has allowed applications, and revoke it", "  gatehouse users consents ann --revoke reportingApp")
}

func newUsersLinksCommand(g *globals) *cobra.Command {
	v := &userParts{g: g, kind: "link", many: "links", take: "unlink", warning: "the user can no longer log in with that identity provider",
		list: func(ctx context.Context, r *keycloak.Realm, id string) ([]userPartOut, error) {
			list, err := r.FederatedIdentities(ctx, id)
			var out []userPartOut
			for _, l := range list {
				out = append(out, userPartOut{ID: l.Provider, Label: l.Username, Type: l.UserID})
			}
			return out, err
		},
		remove: func(ctx context.Context, r *keycloak.Realm, id string, p userPartOut) error {
			_, err := r.UnlinkFederatedIdentity(ctx, id, p.ID)
			return err
		}}
	return v.command("List the identity providers that a user is linked to, and unlink them", "  gatehouse users links ann --unlink okta")
}
