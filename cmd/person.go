package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access/person"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
)

// personOut is one human being over the three back ends.
type personOut struct {
	Name     string            `json:"name"`
	Identity *identityOut      `json:"identity,omitempty" jsonschema_description:"Of Kratos; absent where there is none, or Kratos was not asked: see not_looked."`
	Sessions int               `json:"live_sessions" jsonschema_description:"Of the identity, up to a page of them."`
	Accounts []personAccount   `json:"accounts" jsonschema_description:"Of Keycloak; more than one of a realm where several may be theirs."`
	Subjects []personSubject   `json:"subjects" jsonschema_description:"The names under which Keto holds something for the person."`
	Findings []person.Finding  `json:"findings" jsonschema_description:"What keeps the person out, what does not fit together, what is worth knowing; the worst first."`
	Missed   []personNotLooked `json:"not_looked" jsonschema_description:"Where could not be looked, and why: nothing follows from what is not here."`
}

type personAccount struct {
	userOut
	Roles    []roleName `json:"roles" jsonschema_description:"Effective roles, direct or not."`
	RolesCut []string   `json:"roles_incomplete_without,omitempty" jsonschema_description:"Rights that our account lacks; without them roles may be missing here."`
}

type personSubject struct {
	Subject string        `json:"subject"`
	Kind    string        `json:"kind" jsonschema_description:"What of the person it is made of: Kratos id, e-mail, username, Keycloak id …"`
	Unsafe  bool          `json:"unsafe,omitempty" jsonschema_description:"It can mean somebody else as well."`
	Tuples  []tuple.Tuple `json:"tuples"`
	More    bool          `json:"more,omitempty" jsonschema_description:"There are more than these."`
}

type personNotLooked struct {
	Server string `json:"server"`
	Why    string `json:"why"`
}

func newPersonCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "person E-MAIL | NAME | ID | SUBJECT",
		Short: "Show one human being across Kratos, Keto and Keycloak",
		Long: "Finds somebody by an e-mail, a login name or the beginning of one, a name, an id of Kratos or Keycloak, or a\n" +
			"subject of Keto, and shows the identity, the accounts, every name under which Keto knows them, and in words\n" +
			"what does not fit together.\n\n" +
			"Exit code 0: found. 1: nobody. 2: several, which are listed, or a server could not be asked.",
		Example:           "  gatehouse person ann@acme.example\n  gatehouse person User:5f3c… --json",
		GroupID:           groupData,
		Args:              cobra.MinimumNArgs(1),
		RunE:              func(c *cobra.Command, args []string) error { return g.runPerson(c.Context(), strings.Join(args, " ")) },
		ValidArgsFunction: completeIdentities(g),
	}
}

// people are the back ends of a context as a place to look for a person.
func (b *backends) people(ctx context.Context) (person.Sources, error) {
	s := person.Sources{Off: map[string]error{}}
	off := func(name string, err error) {
		if err != nil {
			s.Off[name] = err
		}
	}
	k, err := b.Kratos(ctx)
	if err == nil && b.Context.Kratos.AdminURL == "" {
		err = b.missing("Kratos", "kratos.admin_url")
	}
	if off("kratos", err); err == nil {
		s.Kratos = k
	}
	t, err := b.Keto(ctx)
	if off("keto", err); err == nil {
		s.Keto = t
		m, _ := b.Model(ctx) // without a model the usual name of people is taken
		s.Namespaces = personNamespaces(m)
	}
	server, err := b.Keycloak(ctx)
	if off("keycloak", err); err == nil {
		names := b.Context.Keycloak.Realms
		if len(names) == 0 {
			names, err = serverRealms(ctx, b)
			off("keycloak", err)
		}
		for _, name := range names {
			s.Realms = append(s.Realms, server.Realm(name))
		}
	}
	return s, ctx.Err()
}

func (g *globals) runPerson(ctx context.Context, text string) error {
	const op = "find the person"
	b, err := g.connect(ctx)
	if err != nil {
		return err
	}
	sources, err := b.people(ctx)
	if err != nil {
		return err
	}
	hits, missed := sources.Find(ctx, text)
	if err := ctx.Err(); err != nil {
		return err
	}
	// A server that the context names and that does not answer could be where they are.
	var silent error
	for _, m := range missed {
		silent = firstError(silent, m.Err)
	}
	switch {
	case len(hits) == 0 && silent != nil:
		return cannotDo(silent)
	case len(hits) == 0:
		return problem(clients.NotFound, op, fmt.Sprintf("nobody is found by %q", text), "Kratos finds login names and their beginnings, Keycloak also names")
	case len(hits) > 1 && !onlyOne(hits, text):
		return g.severalPeople(hits, text)
	}
	out := printedPerson(sources.Look(ctx, hits[0]), g)
	if err := printOne(g, out, personColumns, out.print); err != nil {
		return err
	}
	return cannotDo(silent)
}

// onlyOne: what was typed is somebody's whole name, however many others begin with it.
func onlyOne(hits []person.Hit, text string) bool {
	whole := func(h person.Hit) bool { return h.Whole(text) }
	return whole(hits[0]) && !whole(hits[1])
}

func (g *globals) severalPeople(hits []person.Hit, text string) error {
	var names []string
	for _, h := range hits {
		who := h.ID
		if who == "" {
			for realm, u := range h.Accounts {
				who = u.ID + " in " + realm
			}
		}
		names = append(names, strings.TrimSpace(h.Name+" "+h.Email)+" ("+who+")")
	}
	more := ""
	if len(hits) == person.MaxHits {
		more = " or more"
	}
	return cannotDo(problem(clients.Conflict, "find the person", fmt.Sprintf("%d%s are found by %q: %s", len(hits), more, text, strings.Join(names, ", ")), "name one by the e-mail or the id"))
}

// printedPerson is a human being as it is printed.
func printedPerson(h person.Human, g *globals) personOut {
	out := personOut{Name: h.Name, Sessions: len(h.Sessions), Findings: h.Findings, Accounts: []personAccount{}, Subjects: []personSubject{}, Missed: []personNotLooked{}}
	if h.Identity != nil {
		i := identityOf(*h.Identity)
		out.Identity = &i
	}
	for _, a := range h.Accounts {
		p := personAccount{userOut: userOf(a.Realm, a.User), Roles: []roleName{}, RolesCut: a.Roles.Cut}
		p.Groups = a.Groups
		if a.LockErr == nil {
			p.Lock = lockOf(a.Lock)
		}
		for _, r := range a.Roles.Roles {
			p.Roles = append(p.Roles, roleOfServer(a.Realm, r.Role).roleName)
		}
		slices.SortFunc(p.Roles, func(a, b roleName) int { return strings.Compare(a.String(), b.String()) })
		out.Accounts = append(out.Accounts, p)
		for _, part := range []struct {
			name string
			err  error
		}{{"roles", a.RolesErr}, {"groups", a.GroupsErr}, {"lock", a.LockErr}} {
			if part.err != nil {
				out.Missed = append(out.Missed, personNotLooked{person.PartRealm(a.Realm), part.name + ": " + problemOf(part.err).Reason})
			}
		}
	}
	for _, x := range h.Holdings {
		if len(x.Tuples) == 0 {
			continue // it could not be read: Missed says so
		}
		out.Subjects = append(out.Subjects, personSubject{x.Alias.Subject.String(), string(x.Alias.Kind), x.Alias.Unsafe, x.Tuples, x.More})
	}
	for _, m := range h.Missed {
		out.Missed = append(out.Missed, personNotLooked{m.Server, m.Why})
	}
	return out
}

// lockOf is the state of brute-force detection as it is printed.
func lockOf(l keycloak.LockState) *lockOut {
	return &lockOut{Locked: l.Locked, Permanent: l.Permanent, Failures: l.Failures, LastIP: l.LastIP, Until: timeOrNil(l.Until), LastFailure: timeOrNil(l.LastFailure)}
}

func (p personOut) print(w io.Writer) error {
	var d detail
	d.add("Name", p.Name)
	if i := p.Identity; i != nil {
		state := i.State
		if i.State == string(kratos.Active) {
			state += ", " + plural(p.Sessions, "live session", "live sessions")
		}
		d.add("Kratos", i.ID+"  "+i.SchemaID+"  "+state)
		d.addList("", []string{i.mails()})
	}
	for _, a := range p.Accounts {
		d.add("Keycloak", a.Username+"  in "+a.Realm+"  "+a.state())
		d.add("", a.ID)
		if len(a.Groups) > 0 {
			d.add("", "groups "+strings.Join(a.Groups, ", "))
		}
		names := make([]string, len(a.Roles))
		for i, r := range a.Roles {
			names[i] = r.String()
		}
		if len(names) > 0 {
			d.add("", "roles "+strings.Join(names, ", "))
		}
		if len(a.RolesCut) > 0 {
			d.add("", "roles may be missing: our account lacks "+strings.Join(a.RolesCut, ", "))
		}
	}
	for _, s := range p.Subjects {
		d.add("Keto", s.Subject+"  ("+s.Kind+")")
		for _, t := range s.Tuples {
			d.add("", "  "+t.String())
		}
		if s.More {
			d.add("", "  and more")
		}
	}
	for _, m := range p.Missed {
		d.add("Not looked", m.Server+": "+m.Why)
	}
	label := "Stands out"
	for _, f := range p.Findings {
		mark := map[person.Weight]string{person.KeepsOut: "✗ ", person.Unequal: "≠ ", person.Worth: "! "}[f.Weight]
		d.add(label, mark+f.Text)
		label = ""
		if f.Do != "" {
			d.add("", "  "+f.Do)
		}
	}
	return d.print(w)
}

var personColumns = []column[personOut]{
	{Name: "name", Text: func(p personOut) string { return p.Name }},
	{Name: "kratos_id", Text: func(p personOut) string {
		if p.Identity == nil {
			return ""
		}
		return p.Identity.ID
	}},
	{Name: "accounts", Text: func(p personOut) string {
		var out []string
		for _, a := range p.Accounts {
			out = append(out, a.Realm+"/"+a.Username)
		}
		return strings.Join(out, " ")
	}},
	{Name: "subjects", Text: func(p personOut) string {
		var out []string
		for _, s := range p.Subjects {
			out = append(out, s.Subject)
		}
		return strings.Join(out, " ")
	}},
	{Name: "findings", Text: func(p personOut) string {
		var out []string
		for _, f := range p.Findings {
			out = append(out, string(f.Code))
		}
		return strings.Join(out, " ")
	}},
}
