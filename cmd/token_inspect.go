package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/access/token"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// tokenInspection is what can be said of a pasted token. The token itself is never in it.
type tokenInspection struct {
	Kind   string        `json:"kind"`
	Realm  string        `json:"realm,omitempty"`
	Client string        `json:"client,omitempty"`
	User   string        `json:"user,omitempty"`
	Header []token.Claim `json:"header"`
	Claims []token.Claim `json:"claims"`
	// Verdict says whether it would be taken now.
	Verdict string        `json:"verdict" jsonschema:"enum=good,enum=refused,enum=unknown,enum=not_asked" jsonschema_description:"Whether it is taken now: refused by the check of cause; unknown where something could not be read; not_asked with --offline."`
	Cause   string        `json:"cause,omitempty"`
	Summary string        `json:"summary"`
	Hint    string        `json:"hint,omitempty"`
	Checks  []login.Check `json:"checks"`
	// Since are the claims that the next token would have otherwise.
	Since []tokenChange `json:"since,omitempty" jsonschema_description:"What the next token would say otherwise, because something changed since this one was made."`
}

// tokenChange is a claim that changed since a token was made.
type tokenChange struct {
	Path string `json:"path"`
	Then string `json:"then"`
	Now  string `json:"now"`
}

type tokenInspectOptions struct {
	g *globals
	wantedFlags
	realm, client, as, issuer, audience string
	offline                             bool
}

func newTokenInspectCommand(g *globals) *cobra.Command {
	o := &tokenInspectOptions{g: g}
	c := &cobra.Command{
		Use:   "inspect [FILE | -]",
		Short: "Decode a token, and say whether and why it is refused",
		Long: "Reads a token from a file or from stdin, shows its header and its claims with what they mean, and\n" +
			"holds it against the realm that made it: its kind, its issuer, the signature against the public keys of the\n" +
			"realm, its times, whether it or all tokens before a moment were revoked, whether the session is alive, and\n" +
			"what the next token would say otherwise (\"the role was given after this token was made\").\n\n" +
			"An access token that a key of the realm signed is shown to that realm's userinfo endpoint, and to nobody\n" +
			"else. The token itself is never printed. With --offline no server is asked.\n\n" +
			"Exit code 0 means that it is taken, 1 that it is refused, and 2 that it could not be told.",
		Example: "  pbpaste | gatehouse token inspect -\n" +
			"  gatehouse token inspect token.txt --role admin --audience reportingApi --json",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.Context(), args) },
	}
	o.addTo(g, c)
	addRealmFlag(g, c, &o.realm)
	f := c.Flags()
	f.StringVar(&o.client, "client", "", "the `CLIENT` whose role is looked for; empty is the one that asked for the token")
	f.StringVar(&o.as, "as", "", "the `KIND` of token it is used as: access or id; empty is what it is")
	f.StringVar(&o.issuer, "issuer", "", "the `URL` of the realm as the application knows it")
	f.StringVar(&o.audience, "audience", "", "the `API` that it is shown to, a clientId")
	f.BoolVar(&o.offline, "offline", false, "ask no server, only decode")
	_ = c.RegisterFlagCompletionFunc("as", cobra.FixedCompletions([]string{"access", "id"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (o *tokenInspectOptions) run(ctx context.Context, args []string) error {
	if o.as != "" && o.as != string(login.Access) && o.as != string(login.ID) {
		return usageError("--as is access or id, not %q", o.as)
	}
	text, err := o.read(args)
	if err != nil {
		return cannotDo(err)
	}
	t, err := token.Parse(text)
	if err != nil {
		return cannotDo(problem(clients.Invalid, "read the token", err.Error(), ""))
	}
	out := tokenInspection{Kind: string(t.Kind()), Header: token.Explain(t.Header, o.g.now()), Claims: token.Explain(t.Claims, o.g.now()), Verdict: "not_asked",
		Summary: "Nobody was asked whether it is taken.", Checks: []login.Check{}}
	if !o.offline {
		if err := o.judge(ctx, t, text, &out); err != nil {
			return cannotDo(err)
		}
	}
	perr := printOne(o.g, out, nil, out.print)
	switch out.Verdict {
	case "refused":
		return answerNoAfter(perr)
	case "unknown":
		return &exitError{code: exitProblem}
	}
	return perr
}

// read takes the token from a file or stdin, and no more of it than a token may have.
func (o *tokenInspectOptions) read(args []string) (string, error) {
	in, from := io.Reader(o.g.stdin), "stdin"
	if len(args) == 1 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return "", problem(clients.Invalid, "read the token", err.Error(), "")
		}
		defer f.Close()
		in, from = f, args[0]
	} else if len(args) == 0 && isTerminal(o.g.stdin) {
		o.g.note("paste the token, then press Enter and Ctrl-D")
	}
	b, err := io.ReadAll(io.LimitReader(in, token.MaxSize+1))
	if err != nil {
		return "", problem(clients.Invalid, "read the token of "+from, err.Error(), "")
	}
	return string(b), nil
}

// judge holds the token against its realm.
func (o *tokenInspectOptions) judge(ctx context.Context, t *token.Token, text string, out *tokenInspection) error {
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	return out.judge(ctx, b, t, login.Asked{Realm: o.realm, Client: o.client, Issuer: o.issuer, Audience: o.audience, Token: login.Token(o.as), PastedToken: text,
		Role: o.role, RoleClient: o.roleClient, RealmRole: o.realmRole})
}

// judge holds the token of a question against its realm; what the question lacks is
// taken from the token.
func (out *tokenInspection) judge(ctx context.Context, b *backends, t *token.Token, ask login.Asked) error {
	ask = ask.FromToken(t)
	r, err := b.Realm(ctx, ask.Realm)
	if err != nil {
		return err
	}
	ask.Realm = r.Name()
	out.Realm, out.Client, out.User = ask.Realm, ask.Client, ask.User
	if ask.Client == "" || ask.User == "" { // such as a lightweight token: nothing leads to the person
		ask.Client, ask.User = orUnknown(ask.Client), orUnknown(ask.User)
	}
	tr, err := live.New(r).Why(ctx, ask, nil)
	if err != nil {
		return err
	}
	out.conclude(tr)
	out.Since = changedSince(ctx, r, ask, t)
	return nil
}

func orUnknown(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// tokenCodes are the causes for which a token is refused.
var tokenCodes = []login.Code{login.TokenType, login.TokenIssuer, login.TokenSignature, login.TokenExpired, login.TokenRevoked, login.SessionGone,
	login.RoleAfterToken, login.AudienceMissing, login.RoleMissing, login.DefaultRolesRemoved, login.OutOfClientScope, login.MapperMissing, login.MapperNotInToken,
	login.LightweightToken, login.ClaimScopeRemoved, login.ScopeNotPermitted}

// disabling are causes of the login that end tokens too.
var disabling = []login.Code{login.RealmDisabled, login.UserDisabled, login.LockedPermanently, login.ClientDisabled}

// conclude keeps of a trace what concerns the token, its own checks first.
func (out *tokenInspection) conclude(tr login.Trace) {
	var rest []login.Check
	for _, c := range tr.Checks {
		switch {
		case slices.Contains(tokenCodes[:7], c.Code):
			out.Checks = append(out.Checks, c)
		case slices.Contains(tokenCodes, c.Code), slices.Contains(disabling, c.Code) && c.State == login.Fail:
			rest = append(rest, c)
		}
	}
	out.Checks = append(out.Checks, rest...)
	out.Verdict, out.Summary = "good", "It is taken now."
	for _, c := range out.Checks {
		if c.State == login.Fail {
			out.Verdict, out.Cause, out.Summary, out.Hint = "refused", string(c.Code), c.Evidence, c.Hint
			return
		}
	}
	for _, c := range out.Checks {
		if c.State == login.Unknown && !c.Beside {
			out.Verdict, out.Summary = "unknown", "It cannot be told whether it is taken: "+c.Evidence+"."
			if c.Needs != "" {
				out.Hint = "give our account " + c.Needs
			}
			return
		}
	}
}

// changedSince compares the token with what Keycloak would put into the next one. What cannot
// be compared says nothing.
func changedSince(ctx context.Context, r *keycloak.Realm, ask login.Asked, t *token.Token) []tokenChange {
	kind := map[token.Kind]keycloak.TokenKind{token.AccessToken: keycloak.AccessToken, token.IDToken: keycloak.IDToken}[t.Kind()]
	if kind == "" || token.RealmOf(t.Text("iss")) != r.Name() {
		return nil
	}
	c, err := r.ClientByClientID(ctx, ask.Client)
	if err != nil {
		return nil
	}
	p, err := r.Preview(ctx, kind, keycloak.PreviewQuery{ClientUUID: c.ID, UserID: t.Text("sub"), Scope: strings.TrimSpace("openid " + t.Text("scope"))})
	if err != nil {
		return nil
	}
	now, err := token.Claims(p.Claims)
	if err != nil {
		return nil
	}
	rows := token.Compare(map[token.Document]map[string]any{token.InAccess: t.Claims, token.InID: now}, nil, t.Time("iat"))
	var out []tokenChange
	for _, row := range rows {
		if row.Differs && !slices.Contains(ofOneToken, row.Path) {
			out = append(out, tokenChange{row.Path, row.Values[token.InAccess], row.Values[token.InID]})
		}
	}
	return out
}

// ofOneToken are claims that a preview makes anew or for our own address.
var ofOneToken = []string{"iss", "acr", "amr", "azp"}

func (i tokenInspection) print(w io.Writer) error {
	var b strings.Builder
	mark := map[string]string{"good": "✓ TAKEN", "refused": "✗ REFUSED", "unknown": "? UNKNOWN", "not_asked": "– NOT ASKED"}[i.Verdict]
	fmt.Fprintf(&b, "%s   %s", mark, i.Kind)
	for _, part := range []string{i.User, i.Client, i.Realm} {
		if part != "" {
			b.WriteString(" · " + cleanLine(part))
		}
	}
	fmt.Fprintf(&b, "\n\n  %s\n", cleanLine(i.Summary))
	if i.Hint != "" {
		fmt.Fprintf(&b, "  To do: %s.\n", cleanLine(i.Hint))
	}
	if len(i.Checks) > 0 {
		b.WriteString("\n")
	}
	for _, c := range i.Checks {
		sign := map[login.Result]string{login.Pass: "✓", login.Fail: "✗", login.Unknown: "?"}[c.State]
		fmt.Fprintf(&b, "  %s %-18s %s\n", sign, c.Code, cleanLine(c.Evidence))
	}
	if len(i.Since) > 0 {
		b.WriteString("\n  The next token would say otherwise:\n")
	}
	for _, c := range i.Since {
		fmt.Fprintf(&b, "    %s: %s → %s\n", cleanLine(c.Path), cleanLine(orNone(c.Then)), cleanLine(orNone(c.Now)))
	}
	for _, part := range []struct {
		title string
		list  []token.Claim
	}{{"Header", i.Header}, {"Claims", i.Claims}} {
		fmt.Fprintf(&b, "\n  %s\n", part.title)
		for _, c := range part.list {
			line := fmt.Sprintf("    %-24s %s", cleanLine(c.Path), cleanLine(c.Value))
			if c.Means != "" {
				line += "   (" + cleanLine(c.Means) + ")"
			}
			b.WriteString(line + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func orNone(s string) string {
	if s == "" {
		return "(not there)"
	}
	return s
}
