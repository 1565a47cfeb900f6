package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access/token"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// previewNote stands on every preview: it says nothing about the login.
const previewNote = "This is what the tokens would hold. It does not say that the login works."

// tokenPreview is what the three documents of a user and client would hold.
type tokenPreview struct {
	Realm  string `json:"realm"`
	Client string `json:"client"`
	User   string `json:"user"`
	Scope  string `json:"scope"`
	Note   string `json:"note"`
	// Dropped scopes make a real login fail.
	Dropped []string `json:"dropped_scopes,omitempty" jsonschema_description:"Words of the scope that the client does not have; a login with them fails with invalid_scope."`
	Warning string   `json:"warning,omitempty"`
	Wanted  string   `json:"wanted,omitempty" jsonschema_description:"The claim that was looked for."`
	// Found says of each document whether it holds the wanted claim, and why.
	Found  []token.Found              `json:"found,omitempty"`
	Rows   []token.Row                `json:"rows" jsonschema_description:"Each claim in the three documents side by side, with the mappers that write it."`
	Claims map[string]json.RawMessage `json:"claims" jsonschema_description:"The claims of each document as Keycloak gave them."`
}

type tokenPreviewOptions struct {
	g *globals
	wantedFlags
	realm, user, client, scope, audience, token string
}

func newTokenPreviewCommand(g *globals) *cobra.Command {
	o := &tokenPreviewOptions{g: g}
	c := &cobra.Command{
		Use:   "preview --client C --user U [--role NAME]",
		Short: "Show what the tokens of a user would hold, and who put it there",
		Long: "Asks Keycloak what it would put into the access token, the ID token and the answer of userinfo,\n" +
			"and shows the three side by side, each claim with the mapper that writes it. With --role,\n" +
			"--realm-role or --claim it says of each document whether that is in it, and which mapper or\n" +
			"client scope put it there or left it out.\n\n" +
			"It does not say that the login works: Keycloak makes a preview for a disabled user too. Ask\n" +
			"\"gatehouse why keycloak\" for that.\n\n" +
			"Exit code 0 means that the claim is in the document of --token (by default: in any), 1 that it\n" +
			"is not. Without a claim it is 0.",
		Example: "  gatehouse token preview --realm LearningSoftware --client flaskClient --user ben --role admin --token id\n" +
			"  gatehouse token preview --client flaskClient --user ben --scope \"openid roles\" --json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	addRealmFlag(g, c, &o.realm)
	o.addTo(g, c)
	f := c.Flags()
	f.StringVar(&o.client, "client", "", "the `CLIENT`, by its clientId")
	f.StringVar(&o.user, "user", "", "the `USER`, by username, e-mail or id")
	f.StringVar(&o.scope, "scope", "openid profile email", "the `SCOPE` that the application asks for")
	f.StringVar(&o.audience, "audience", "", "ask for a token for this `API`, a clientId")
	f.StringVar(&o.token, "token", "", "the `KIND` of token that counts for the exit code: access, id or userinfo")
	_ = c.MarkFlagRequired("client")
	_ = c.MarkFlagRequired("user")
	_ = c.RegisterFlagCompletionFunc("client", completeClients(g))
	_ = c.RegisterFlagCompletionFunc("user", completeUsers(g))
	_ = c.RegisterFlagCompletionFunc("token", cobra.FixedCompletions([]string{"access", "id", "userinfo"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (o *tokenPreviewOptions) run(ctx context.Context) error {
	if o.token != "" && !slices.Contains(token.Documents, token.Document(o.token)) {
		return usageError("--token is access, id or userinfo, not %q", o.token)
	}
	r, err := o.g.realm(ctx, o.realm)
	if err != nil {
		return err
	}
	out, err := o.preview(ctx, r)
	if err != nil {
		return cannotDo(err)
	}
	var perr error
	if o.g.format() == asCSV {
		perr = out.printRows(o.g)
	} else {
		perr = printOne(o.g, out, nil, out.print)
	}
	if len(out.Found) > 0 && !slices.ContainsFunc(out.Found, func(f token.Found) bool { return f.Present && (o.token == "" || string(f.In) == o.token) }) {
		return answerNoAfter(perr)
	}
	return perr
}

// preview asks for everything and puts it side by side.
func (o *tokenPreviewOptions) preview(ctx context.Context, r *keycloak.Realm) (tokenPreview, error) {
	client, err := r.ClientByClientID(ctx, o.client)
	if err != nil {
		return tokenPreview{}, err
	}
	user, err := findUser(ctx, r, o.user)
	if err != nil {
		return tokenPreview{}, err
	}
	p, err := r.Previews(ctx, keycloak.PreviewQuery{ClientUUID: client.ID, UserID: user.ID, Scope: o.scope, Audience: o.audience})
	if err != nil {
		return tokenPreview{}, err
	}
	out := tokenPreview{Realm: r.Name(), Client: client.ClientID, User: user.Username, Scope: o.scope, Note: previewNote,
		Dropped: p.Dropped, Warning: p.Warning, Claims: map[string]json.RawMessage{}}
	docs := map[token.Document]map[string]any{}
	for kind, one := range p.Of {
		claims, err := token.Claims(one.Claims)
		if err != nil {
			return out, problem(clients.Unreachable, "preview the token", "the answer is not the JSON that Keycloak sends", "")
		}
		docs[token.Document(kind)], out.Claims[string(kind)] = claims, one.Claims
	}
	sources := sourcesOf(p.Mappers)
	out.Rows = token.Compare(docs, sources, o.g.now())
	if w := o.wanted(client.ClientID); w != nil {
		out.Wanted, out.Found = w.String(), w.Look(docs, sources)
	}
	return out, nil
}

var tokenRowColumns = []column[token.Row]{
	{Name: "claim", Text: func(r token.Row) string { return r.Path }},
	{Name: "access", Text: func(r token.Row) string { return r.Values[token.InAccess] }},
	{Name: "id", Text: func(r token.Row) string { return r.Values[token.InID] }},
	{Name: "userinfo", Text: func(r token.Row) string { return r.Values[token.InUserInfo] }},
	{Name: "by", Text: func(r token.Row) string { return strings.Join(r.By, " and ") }},
}

func (p tokenPreview) printRows(g *globals) error {
	out := newRows(g, tokenRowColumns)
	for _, r := range p.Rows {
		if err := out.Add(r); err != nil {
			return err
		}
	}
	return out.Close()
}

func (p tokenPreview) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s · %s · scope %s\n%s\n", cleanLine(p.User), cleanLine(p.Client), cleanLine(p.Scope), p.Note)
	for _, d := range p.Dropped {
		fmt.Fprintf(&b, "The client does not have the scope %s: a login that asks for it fails with invalid_scope.\n", cleanLine(d))
	}
	if p.Warning != "" {
		fmt.Fprintf(&b, "%s\n", cleanLine(p.Warning))
	}
	if p.Wanted != "" {
		fmt.Fprintf(&b, "\n%s\n", cleanLine(p.Wanted))
		for _, f := range p.Found {
			mark := map[bool]string{true: "✓", false: "✗"}[f.Present]
			fmt.Fprintf(&b, "  %s %-12s  %s\n", mark, f.In.Name(), cleanLine(f.Why))
		}
	}
	b.WriteString("\n  ACCESS  ID  USERINFO  CLAIM\n")
	for _, r := range p.Rows {
		sign := func(d token.Document) string {
			if _, ok := r.Values[d]; ok {
				return "✓"
			}
			return "–"
		}
		fmt.Fprintf(&b, "  %s       %s   %s         %s  %s\n", sign(token.InAccess), sign(token.InID), sign(token.InUserInfo), cleanLine(r.Path), cleanLine(rowValue(r)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// rowValue is what the documents say of a claim; where they differ, each for itself.
func rowValue(r token.Row) string {
	var out []string
	for _, d := range token.Documents {
		v, ok := r.Values[d]
		if !ok {
			continue
		}
		if !slices.ContainsFunc(out, func(o string) bool { return o == v || strings.HasSuffix(o, ": "+v) }) {
			if len(out) > 0 {
				v = d.Name() + ": " + v
			}
			out = append(out, v)
		}
	}
	return strings.Join(out, " · ")
}
