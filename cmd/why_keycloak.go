package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/access/token"
	"gatehouse/clients"
)

// whyKeycloakOptions are a question about a login, a role or a resource.
type whyKeycloakOptions struct {
	g        *globals
	ask      login.Asked
	resource string
	grant    string
	token    string
	url      string
	pasted   string
	secret   string
	saw      string
	full     bool
}

func newWhyKeycloakCommand(g *globals) *cobra.Command {
	o := &whyKeycloakOptions{g: g}
	c := &cobra.Command{
		Use:   "keycloak --user U --client C [--role NAME | --realm-role NAME | --resource R#S]",
		Short: "Say why a login, a role or a resource behind Keycloak is denied",
		Long: "Holds everything that can keep a person out against the realm, in the order in which\n" +
			"Keycloak applies it: the first cause that fails is the one that is met, the others come\n" +
			"after it. It says what the person saw, and the smallest changes that let them in; carry one\n" +
			"out with \"gatehouse fix apply keycloak N\" and the same flags.\n\n" +
			"--user is what the person types into the login form. --url takes the address of the\n" +
			"application's login request from the address line of the browser, and with it realm,\n" +
			"client, scope, redirect URI and whether the request has PKCE.\n\n" +
			"--saw goes the other way: with what the person saw, a sentence or an error code, it keeps\n" +
			"the causes that look so; without --user and --client it lists them.\n\n" +
			"Nobody is logged in for this, and nothing is written. What our account may not see is\n" +
			"unknown, with the right that is missing, and never taken for a \"no\".\n\n" +
			"Exit code 0 means that nothing stands in the way, 1 that something does, and 2 that it could\n" +
			"not be told.",
		Example: "  gatehouse why keycloak --realm LearningSoftware --user ben --client flaskClient\n" +
			"  gatehouse why keycloak --user ben --client flaskClient --role admin --token id\n" +
			"  gatehouse why keycloak --user ben --url 'https://id.example/realms/shop/protocol/openid-connect/auth?client_id=…'\n" +
			"  gatehouse why keycloak --saw 'Invalid username or password.'",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.addFlags(c)
	c.Flags().BoolVar(&o.full, "full", false, "show the checks that pass as well")
	c.Flags().StringVar(&o.saw, "saw", "", "what the person saw: a `SENTENCE` or an error code")
	return c
}

// addFlags are those of a question.
func (o *whyKeycloakOptions) addFlags(c *cobra.Command) {
	f, a := c.Flags(), &o.ask
	addRealmFlag(o.g, c, &a.Realm)
	f.StringVar(&a.User, "user", "", "the `USER`, as typed into the login form: a username or an e-mail")
	f.StringVar(&a.Client, "client", "", "the `CLIENT`, by the clientId that the application uses")
	f.StringVar(&a.Role, "role", "", "ask for the role `NAME` of the client")
	f.StringVar(&a.RoleClient, "role-client", "", "the `CLIENT` that the role belongs to, where it is another one")
	f.StringVar(&a.RealmRole, "realm-role", "", "ask for the role `NAME` of the realm")
	f.StringVar(&o.resource, "resource", "", "ask the authorization services of the client for `RESOURCE#SCOPE`")
	f.StringVar(&o.token, "token", "access", "the `KIND` of token in which the application looks: access, id or userinfo")
	f.StringVar(&a.Scope, "scope", "", "the `SCOPE` parameter of the application's request; empty is openid")
	f.StringVar(&a.Audience, "audience", "", "ask whether the access token is for this `API`, a clientId")
	f.StringVar(&a.RedirectURI, "redirect-uri", "", "the redirect `URI` that the application sends")
	f.StringVar(&a.Origin, "origin", "", "the `ORIGIN` from which a browser application asks for tokens")
	f.StringVar(&a.Issuer, "issuer", "", "the `URL` of the realm as the application knows it")
	f.StringVar(&o.grant, "grant", "browser", "the `WAY` in: browser, direct (the application sends the password) or service (its own account)")
	f.StringVar(&o.url, "url", "", "take the question from the `URL` of the application's login request")
	f.StringVar(&o.pasted, "pasted-token", "", "look at a token as well: `-`, its text on stdin, or a file")
	f.StringVar(&o.secret, "client-secret-file", "", "compare the secret that the application has, the first line of `FILE`, or - for stdin")
	c.MarkFlagsMutuallyExclusive("role", "realm-role", "resource")
	fixed := func(words ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	_ = c.RegisterFlagCompletionFunc("token", fixed("access", "id", "userinfo"))
	_ = c.RegisterFlagCompletionFunc("grant", fixed("browser", "direct", "service"))
	_ = c.RegisterFlagCompletionFunc("user", completeUsers(o.g))
	_ = c.RegisterFlagCompletionFunc("client", completeClients(o.g))
	_ = c.RegisterFlagCompletionFunc("role-client", completeClients(o.g))
}

// asked reads the flags that are not yet the question.
func (o *whyKeycloakOptions) asked() (login.Asked, error) {
	a := o.ask
	a.Grant, a.Token = login.Grant(o.grant), login.Token(o.token)
	if o.resource != "" {
		a.Resource, a.ResourceScope, _ = strings.Cut(o.resource, "#")
	}
	if o.url != "" {
		var err error
		if a, err = a.FromURL(o.url); err != nil {
			return a, usageError("--url: %v", err)
		}
	}
	if o.secret != "" {
		raw, err := o.g.readFileOrStdin(o.secret)
		if err != nil {
			return a, cannotDo(err)
		}
		line, _, _ := strings.Cut(string(raw), "\n")
		a.Secret = strings.TrimSpace(line)
	}
	if o.pasted != "" {
		raw, err := o.g.readFileOrStdin(o.pasted)
		if err != nil {
			return a, cannotDo(err)
		}
		a.PastedToken = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(raw)), "Bearer "))
		if a.PastedToken == "" {
			return a, usageError("--pasted-token: there is no token")
		}
		if t, err := token.Parse(a.PastedToken); err == nil {
			a = a.FromToken(t)
		}
	}
	return a, nil
}

// explainer finds the realm and completes the question with its name.
func (o *whyKeycloakOptions) explainer(ctx context.Context, b *backends) (*live.Explainer, login.Asked, error) {
	a, err := o.asked()
	if err != nil {
		return nil, a, err
	}
	r, err := b.Realm(ctx, a.Realm)
	if err != nil {
		return nil, a, cannotDo(err)
	}
	a.Realm = r.Name()
	if wrong := a.Check(); wrong != "" {
		return nil, a, usageError("%s", wrong)
	}
	return live.New(r), a, nil
}

func (o *whyKeycloakOptions) run(ctx context.Context) error {
	if o.saw != "" && o.ask.User == "" && o.ask.Client == "" && o.url == "" {
		return o.listSeen()
	}
	b, err := o.g.connect(ctx)
	if err != nil {
		return cannotDo(err)
	}
	x, a, err := o.explainer(ctx, b)
	if err != nil {
		return err
	}
	t, err := x.Why(ctx, a, nil)
	if err != nil {
		return cannotDo(err)
	}
	if o.saw != "" {
		t = login.Behind(t, o.saw)
	}
	return answerOf(t.Verdict, printOne(o.g, t, loginColumns, func(w io.Writer) error { return printLogin(w, t, o.full) }))
}

// seenCause is one cause that can be behind what somebody saw.
type seenCause struct {
	Code  login.Code `json:"code"`
	Means string     `json:"means"`
	Saw   string     `json:"saw" jsonschema_description:"What is seen of it, in Keycloak's own words."`
	Where string     `json:"where"`
}

func (o *whyKeycloakOptions) listSeen() error {
	out := newRows(o.g, []column[seenCause]{
		{Name: "code", Text: func(c seenCause) string { return string(c.Code) }},
		{Name: "means", Text: func(c seenCause) string { return c.Means }},
		{Name: "where", Text: func(c seenCause) string { return c.Where }},
		{Name: "saw", Text: func(c seenCause) string { return c.Saw }},
	})
	var done []login.Code
	for _, f := range login.Seen(o.saw) {
		for _, code := range f.Causes {
			if slices.Contains(done, code) {
				continue
			}
			done = append(done, code)
			if err := out.Add(seenCause{code, code.Words(), f.Text, f.Where}); err != nil {
				return err
			}
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	if len(done) == 0 {
		return problem(clients.NotFound, "find what looks so", fmt.Sprintf("nothing is known that looks like %q", o.saw), "quote the sentence as it stands on the page, in English, or the error code")
	}
	return nil
}

var loginColumns = []column[login.Trace]{
	{Name: "question", Text: func(t login.Trace) string { return t.Question }},
	{Name: "verdict", Text: func(t login.Trace) string { return string(t.Verdict) }},
	{Name: "cause", Text: func(t login.Trace) string { return t.Cause }},
	{Name: "summary", Text: func(t login.Trace) string { return t.Summary }},
	{Name: "saw", Text: func(t login.Trace) string { return t.Saw }},
	{Name: "hint", Text: func(t login.Trace) string { return t.Hint }},
	{Name: "then", Text: func(t login.Trace) string {
		var out []string
		for _, c := range t.Then {
			out = append(out, string(c))
		}
		return strings.Join(out, " ")
	}},
}

// printLogin is the plain text of an answer: the sentence, what was seen, what fails or
// is not known, and the fixes.
func printLogin(w io.Writer, t login.Trace, full bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s  %s\n%s\n", t.Verdict.Mark(), t.Verdict, cleanLine(t.Question), cleanLine(t.Summary))
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-7s %s\n", label, cleanLine(text))
		}
	}
	line("seen", t.Saw)
	line("do", t.Hint)
	if len(t.Then) > 0 {
		var words []string
		for _, c := range t.Then {
			words = append(words, c.Words())
		}
		line("then", "after that they will meet: "+strings.Join(words, "; "))
	}
	printChecks(&b, t.Checks, full)
	if t.Proof != nil {
		b.WriteByte('\n')
		printStep(&b, t.Proof, "", "")
	}
	for i, f := range t.Fixes {
		if i == 0 {
			b.WriteByte('\n')
		}
		line(fmt.Sprintf("fix %d", i+1), f.Summary)
		line("", fixNote(f))
	}
	fmt.Fprintf(&b, "\n%d requests, %d rounds, %d ms\n", t.Requests, t.RoundTrips, t.Millis)
	_, err := io.WriteString(w, b.String())
	return err
}

// fixNote is what a person should know of a fix before it is carried out.
func fixNote(f login.Fix) string {
	var out []string
	if f.AlsoChanges != "" {
		out = append(out, "also: "+f.AlsoChanges)
	}
	if f.Weakens {
		out = append(out, "this takes away a protection")
	}
	if f.Final {
		out = append(out, "this cannot be undone")
	}
	return strings.Join(out, "; ")
}

// printChecks shows the checks that fail or are not known, and counts those that pass
// unless all are wanted.
func printChecks(b *strings.Builder, checks []login.Check, full bool) {
	b.WriteByte('\n')
	passed := map[login.Stage]int{}
	var stages []login.Stage
	for _, c := range checks {
		if c.State == login.Pass && !full {
			if passed[c.Stops]++; passed[c.Stops] == 1 {
				stages = append(stages, c.Stops)
			}
			continue
		}
		mark := map[login.Result]string{login.Pass: "✓", login.Fail: "✗"}[c.State]
		if mark == "" {
			mark = access.Unknown.Mark()
		}
		fmt.Fprintf(b, "%s %-8s %-22s %s\n", mark, c.Stops, c.Code, cleanLine(c.Evidence))
	}
	for _, s := range stages {
		fmt.Fprintf(b, "✓ %-8s %s in order\n", s, plural(passed[s], "check", "checks"))
	}
}
