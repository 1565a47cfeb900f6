package cmd

import (
	"cmp"
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients/keycloak"
	"gatehouse/clients/keycloak/setup"
)

func newKeycloakCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "keycloak",
		Short:   "Set up a client of Keycloak, or find what is missing in one",
		GroupID: groupSetup,
	}
	c.AddCommand(newKeycloakSetupCommand(g), newKeycloakCheckCommand(g))
	return c
}

// keycloakStep is one of the ten steps after which an application finds the roles of
// its users.
type keycloakStep struct {
	setup.Step
	Secret string `json:"secret,omitempty" jsonschema_description:"The client's secret, on step 3 and only with --show-secret."`
}

// setupFlags say what the application needs.
type setupFlags struct {
	wish   setup.Wish
	users  []string
	tokens []string
}

func (f *setupFlags) addTo(g *globals, c *cobra.Command) {
	w, fl := &f.wish, c.Flags()
	addRealmFlag(g, c, &w.Realm)
	fl.StringVar(&w.Client, "client", "", "the `CLIENT`, by its clientId")
	fl.StringSliceVar(&w.Roles, "roles", nil, "`NAMES` of roles of the client, parted by commas")
	fl.StringArrayVar(&w.Redirects, "redirect", nil, "`URI` that the login sends the browser back to; may be repeated")
	fl.StringArrayVar(&w.PostLogout, "post-logout-redirect", nil, "`URI` that the logout may send it to; may be repeated")
	fl.StringSliceVar(&f.tokens, "token", []string{"id", "userinfo"}, "`KINDS` of token in which the application looks for roles: access, id, userinfo")
	fl.StringVar(&w.Claim, "claim", "", "`PATH` at which it looks, such as roles; empty is "+setup.DefaultClaim)
	fl.StringVar(&w.Scope, "scope", "", "the `SCOPE` that it asks for; empty is \""+setup.DefaultScope+"\"")
	fl.StringVar(&w.Issuer, "issuer", "", "the `URL` of the realm as the application knows it")
	fl.BoolVar(&w.OwnMapper, "own-mapper", false, "give the client a mapper of its own, in place of switching the one that clients share")
	_ = c.RegisterFlagCompletionFunc("client", completeClients(g))
	_ = c.RegisterFlagCompletionFunc("token", cobra.FixedCompletions([]string{"access", "id", "userinfo"}, cobra.ShellCompDirectiveNoFileComp))
}

// complete reads the flags that are not yet values, and names the realm.
func (f *setupFlags) complete(ctx context.Context, b *backends) error {
	if f.wish.Client == "" {
		return usageError("name the client with --client")
	}
	for _, t := range f.tokens {
		f.wish.Tokens = append(f.wish.Tokens, keycloak.TokenKind(t))
	}
	for _, text := range f.users {
		u, err := parseSetupUser(text)
		if err != nil {
			return err
		}
		f.wish.Users = append(f.wish.Users, u)
	}
	r, err := b.Realm(ctx, f.wish.Realm)
	if err != nil {
		return err
	}
	f.wish.Realm = r.Name()
	return f.wish.Validate()
}

// parseSetupUser reads "alice", or "alice=Alice Doe <alice@example.com>" of one who may
// have to be made.
func parseSetupUser(text string) (setup.User, error) {
	name, rest, full := strings.Cut(text, "=")
	u := setup.User{Username: strings.TrimSpace(name)}
	if !full {
		return u, nil
	}
	addr, err := mail.ParseAddress(rest)
	if err != nil {
		return u, usageError("--user %s: %q is not written like Alice Doe <alice@example.com>", u.Username, rest)
	}
	u.Email = addr.Address
	first, last, both := strings.Cut(addr.Name, " ")
	if !both {
		return u, usageError("--user %s: %q is not a first and a last name", u.Username, addr.Name)
	}
	u.FirstName, u.LastName = first, strings.TrimSpace(last)
	return u, nil
}

var keycloakStepColumns = []column[keycloakStep]{
	{Name: "step", Text: func(s keycloakStep) string { return strconv.Itoa(s.Number) }},
	{Name: "name", Text: func(s keycloakStep) string { return s.Name }},
	{Name: "state", Text: func(s keycloakStep) string { return string(s.State) }},
	{Name: "outcome", Text: func(s keycloakStep) string { return string(s.Outcome) }},
	{Name: "found", Text: func(s keycloakStep) string { return s.Found }},
	{Name: "effect", Text: func(s keycloakStep) string { return s.Effect }},
	{Name: "fix", Text: func(s keycloakStep) string { return s.Fix }},
	{Name: "also", Text: func(s keycloakStep) string { return s.Also }},
	{Name: "needs", Text: func(s keycloakStep) string { return s.Needs }},
	{Name: "error", Text: func(s keycloakStep) string { return s.Error }},
}

// line is a step for people: what is there, and below it what to do about it.
func (s keycloakStep) line() string {
	mark := map[setup.State]string{setup.Done: "✓", setup.Missing: "✗", setup.Unknown: "?", setup.Skipped: "–"}[s.State]
	out := fmt.Sprintf("%s %2d  %-7s %s", mark, s.Number, s.Name, cleanLine(s.Found))
	add := func(label, text string) {
		if text != "" {
			out += "\n" + strings.Repeat(" ", 14) + label + cleanLine(text)
		}
	}
	switch s.Outcome {
	case setup.Changed:
		add("done: ", s.Fix)
		add("also: ", s.Also)
	case setup.Failed:
		add("failed: ", s.Error)
	case setup.MayHave:
		add("may have happened: ", cmp.Or(s.Error, s.Fix))
	case setup.NotReached:
		add("", "not reached")
	case setup.WouldDo:
		add("would: ", s.Fix)
		add("also: ", s.Also)
	default:
		if s.State == setup.Missing {
			add("people see: ", s.Effect)
			add("to do: ", s.Fix)
			add("also: ", s.Also)
		}
	}
	add("needs: ", s.Needs)
	add("secret: ", s.Secret)
	return out
}

// byState counts the steps in a state.
func byState(steps []setup.Step, state setup.State) int {
	return len(slices.DeleteFunc(slices.Clone(steps), func(s setup.Step) bool { return s.State != state }))
}
