package cmd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

// sessionOut is one session of an identity.
type sessionOut struct {
	ID              string      `json:"id"`
	IdentityID      string      `json:"identity_id"`
	Active          bool        `json:"active" jsonschema_description:"Neither revoked nor expired."`
	AAL             string      `json:"aal" jsonschema_description:"Authenticator assurance level: aal1, or aal2 with a second factor."`
	Methods         []string    `json:"methods" jsonschema_description:"What was used to sign in, oldest first."`
	IssuedAt        *time.Time  `json:"issued_at,omitempty"`
	AuthenticatedAt *time.Time  `json:"authenticated_at,omitempty"`
	ExpiresAt       *time.Time  `json:"expires_at,omitempty"`
	Devices         []deviceOut `json:"devices"`
	Revoked         bool        `json:"revoked,omitempty" jsonschema_description:"This run ended it, or with --dry-run would."`
}

// deviceOut is where a session was used from.
type deviceOut struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	Location  string `json:"location,omitempty"`
}

type identitiesSessionsOptions struct {
	g         *globals
	all       bool
	revoke    []string
	revokeAll bool
}

func newIdentitiesSessionsCommand(g *globals) *cobra.Command {
	o := &identitiesSessionsOptions{g: g}
	c := &cobra.Command{
		Use:   "sessions ID | IDENTIFIER",
		Short: "List the sessions of an identity, and end them",
		Long: "Lists the live sessions, newest first as Kratos gives them, with their devices; --all lists those that\n" +
			"are over as well. --revoke ends one, --revoke-all all of them; what was ended is printed. An ended session\n" +
			"cannot be brought back: the person signs in again.",
		Example: "  gatehouse identities sessions ann@acme.example\n" +
			"  gatehouse identities sessions ann@acme.example --revoke 9c21…\n" +
			"  gatehouse identities sessions ann@acme.example --revoke-all --dry-run",
		Args:              cobra.ExactArgs(1),
		RunE:              func(c *cobra.Command, args []string) error { return o.run(c.Context(), args[0]) },
		ValidArgsFunction: completeIdentities(g),
	}
	c.Flags().BoolVar(&o.all, "all", false, "also list sessions that are over")
	c.Flags().StringArrayVar(&o.revoke, "revoke", nil, "end the session with this `ID`; may be given more than once")
	c.Flags().BoolVar(&o.revokeAll, "revoke-all", false, "end all sessions")
	c.MarkFlagsMutuallyExclusive("revoke", "revoke-all", "all")
	return c
}

func (o *identitiesSessionsOptions) run(ctx context.Context, name string) error {
	b, k, err := o.g.kratos(ctx)
	if err != nil {
		return err
	}
	i, err := findIdentity(ctx, k, name)
	if err != nil {
		if o.revokeAll || len(o.revoke) > 0 {
			err = cannotDo(err)
		}
		return err
	}
	if o.revokeAll || len(o.revoke) > 0 {
		return o.end(ctx, b, k, i)
	}
	return o.list(ctx, k, i)
}

func (o *identitiesSessionsOptions) list(ctx context.Context, k *kratos.Client, i kratos.Identity) error {
	q := kratos.SessionQuery{PageSize: kratos.MaxPageSize, Devices: true}
	if !o.all {
		active := true
		q.Active = &active
	}
	items := clients.Each(ctx, func(ctx context.Context, cursor string) (clients.Page[kratos.Session], error) {
		return k.IdentitySessions(ctx, i.ID, q, cursor)
	})
	out := newRows(o.g, sessionColumns).whenEmpty(i.Label() + " has no live session")
	return printAll(o.g, out, items, 0, func(s kratos.Session) sessionOut { return sessionOf(i.ID, s, o.g.now()) })
}

// end ends the sessions that were named, which must be this identity's.
func (o *identitiesSessionsOptions) end(ctx context.Context, b *backends, k *kratos.Client, i kratos.Identity) error {
	const op = "end sessions"
	active := true
	var live []kratos.Session
	for s, err := range clients.Each(ctx, func(ctx context.Context, cursor string) (clients.Page[kratos.Session], error) {
		return k.IdentitySessions(ctx, i.ID, kratos.SessionQuery{PageSize: kratos.MaxPageSize, Active: &active}, cursor)
	}) {
		if err != nil {
			return cannotDo(err)
		}
		live = append(live, s)
	}
	chosen := live
	if !o.revokeAll {
		chosen = nil
		for _, id := range o.revoke {
			s, ok := sessionByID(live, id)
			if !ok {
				return cannotDo(problem(clients.NotFound, op, fmt.Sprintf("%s has no live session %q", i.Label(), id),
					"nothing was ended; list them with: gatehouse identities sessions "+i.ID))
			}
			chosen = append(chosen, s)
		}
	}
	out := newRows(o.g, sessionColumns).whenEmpty(i.Label() + " has no live session; nothing to end")
	if !o.g.dryRun && len(chosen) > 0 {
		if err := o.g.confirmProduction(ctx, b, op, "This ends "+plural(len(chosen), "session", "sessions")+" of "+i.Label()); err != nil {
			return err
		}
		if err := o.write(ctx, k, i, chosen); err != nil {
			return cannotDo(err)
		}
	}
	for _, s := range chosen {
		row := sessionOf(i.ID, s, o.g.now())
		row.Revoked, row.Active = true, o.g.dryRun
		if err := out.Add(row); err != nil {
			return err
		}
	}
	return out.Close()
}

func (o *identitiesSessionsOptions) write(ctx context.Context, k *kratos.Client, i kratos.Identity, chosen []kratos.Session) error {
	if o.revokeAll {
		_, err := k.EndSessions(ctx, i.ID)
		return err
	}
	ids := make([]string, len(chosen))
	for n, s := range chosen {
		ids[n] = s.ID
	}
	bad := kratos.Failed(k.RevokeSessions(ctx, ids))
	if len(bad) == 0 {
		return nil
	}
	p := *problemOf(bad[0].Err)
	p.Hint = strings.TrimPrefix(p.Hint+fmt.Sprintf("; %d of %d were ended, look at what is left", len(ids)-len(bad), len(ids)), "; ")
	return &p
}

func sessionByID(all []kratos.Session, id string) (kratos.Session, bool) {
	for _, s := range all {
		if s.ID == id {
			return s, true
		}
	}
	return kratos.Session{}, false
}

func sessionOf(identity string, s kratos.Session, now time.Time) sessionOut {
	out := sessionOut{ID: s.ID, IdentityID: identity, Active: s.Live(now), AAL: s.AAL, Methods: []string{}, Devices: []deviceOut{},
		IssuedAt: timeOrNil(s.IssuedAt), AuthenticatedAt: timeOrNil(s.AuthenticatedAt), ExpiresAt: timeOrNil(s.ExpiresAt)}
	for _, m := range s.Methods {
		out.Methods = append(out.Methods, m.Method)
	}
	for _, d := range s.Devices {
		out.Devices = append(out.Devices, deviceOut{IP: d.IPAddress, UserAgent: d.UserAgent, Location: d.Location})
	}
	return out
}

// from is the newest device in one cell.
func (s sessionOut) from() string {
	if len(s.Devices) == 0 {
		return ""
	}
	d := s.Devices[len(s.Devices)-1]
	return strings.TrimSpace(d.IP + "  " + d.UserAgent)
}

var sessionColumns = []column[sessionOut]{
	{Name: "id", Text: func(s sessionOut) string { return s.ID }},
	{Name: "state", Text: func(s sessionOut) string {
		switch {
		case s.Revoked && s.Active:
			return "would end"
		case s.Revoked:
			return "ended"
		case s.Active:
			return "live"
		}
		return "over"
	}},
	{Name: "aal", Text: func(s sessionOut) string { return s.AAL }},
	{Name: "methods", Text: func(s sessionOut) string { return strings.Join(s.Methods, ", ") }},
	{Name: "authenticated_at", Text: func(s sessionOut) string { return moment(s.AuthenticatedAt) }},
	{Name: "expires_at", Text: func(s sessionOut) string { return moment(s.ExpiresAt) }},
	{Name: "device", Text: sessionOut.from},
}

// recoveryOut is the way back in for a person.
type recoveryOut struct {
	ID        string     `json:"id"`
	Label     string     `json:"label"`
	Code      string     `json:"code,omitempty" jsonschema_description:"Typed where the link leads; empty for a link alone."`
	Link      string     `json:"link"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

func newIdentitiesRecoverCommand(g *globals) *cobra.Command {
	var link bool
	var o kratos.RecoveryOptions
	c := &cobra.Command{
		Use:   "recover ID | IDENTIFIER",
		Short: "Make a recovery code for somebody who cannot sign in",
		Long: "Makes a code and the link where it is typed, and prints both: Kratos sends nothing, hand them over\n" +
			"yourself. Whoever has them can sign in as this identity. --link makes one link that signs in by a click;\n" +
			"mail scanners use such links up.",
		Example:           "  gatehouse identities recover ann@acme.example\n  gatehouse identities recover ann@acme.example --life 15m --json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeIdentities(g),
		RunE: func(c *cobra.Command, args []string) error {
			if o.Life < 0 || o.Life > kratos.MaxRecoveryLife {
				return usageError("--life is at most %s", kratos.MaxRecoveryLife)
			}
			return g.runRecover(c.Context(), args[0], link, o)
		},
	}
	c.Flags().BoolVar(&link, "link", false, "make a link alone, without a code")
	c.Flags().DurationVar(&o.Life, "life", 0, "how `LONG` it is good for, at most 168h; without it as the server is set")
	c.Flags().StringVar(&o.ReturnTo, "return-to", "", "with --link: where the person lands, one of the server's allowed return `URL`s")
	return c
}

func (g *globals) runRecover(ctx context.Context, name string, link bool, o kratos.RecoveryOptions) error {
	const op = "make a recovery code"
	b, k, err := g.kratos(ctx)
	if err != nil {
		return err
	}
	i, err := findIdentity(ctx, k, name)
	if err != nil {
		return cannotDo(err)
	}
	out := recoveryOut{ID: i.ID, Label: i.Label()}
	if g.dryRun {
		g.note("would make a recovery for %s (%s)", cleanLine(i.Label()), i.ID)
		return printOne(g, out, recoveryColumns, func(io.Writer) error { return nil })
	}
	if err := g.confirmProduction(ctx, b, op, "This makes a way to sign in as "+i.Label()); err != nil {
		return err
	}
	make := k.RecoveryCode
	if link {
		make = k.RecoveryLink
	}
	r, err := make(ctx, i.ID, o)
	if err != nil {
		return cannotDo(err)
	}
	out.Code, out.Link, out.ExpiresAt = r.Code.Reveal(), r.Link.Reveal(), timeOrNil(r.Expires)
	return printOne(g, out, recoveryColumns, out.print)
}

func (r recoveryOut) print(w io.Writer) error {
	var d detail
	d.add("For", r.Label+" ("+r.ID+")")
	d.add("Code", r.Code)
	d.add("Link", r.Link)
	d.add("Good until", moment(r.ExpiresAt))
	return d.print(w)
}

var recoveryColumns = []column[recoveryOut]{
	{Name: "id", Text: func(r recoveryOut) string { return r.ID }},
	{Name: "code", Text: func(r recoveryOut) string { return r.Code }},
	{Name: "link", Text: func(r recoveryOut) string { return r.Link }},
	{Name: "expires_at", Text: func(r recoveryOut) string { return moment(r.ExpiresAt) }},
}
