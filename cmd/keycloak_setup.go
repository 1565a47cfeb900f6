package cmd

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/keycloak/setup"
)

type keycloakSetupOptions struct {
	g *globals
	setupFlags
	passwordFile string
	temporary    bool
	showSecret   bool
	secretFile   string
}

func newKeycloakSetupCommand(g *globals) *cobra.Command {
	o := &keycloakSetupOptions{g: g}
	c := &cobra.Command{
		Use:   "setup --realm R --client C --roles NAMES --redirect URI",
		Short: "Make a client whose application finds the roles of its users",
		Long: "Does the ten steps after which an application that logs its users in at Keycloak finds\n" +
			"their roles in the ID token: realm, client, secret, roles, mapper, user, role mapping, issuer,\n" +
			"login page, logout. What is there already is left alone, so that a second run does nothing.\n" +
			"Each step is read again after it was written. When one fails, those after it are not begun,\n" +
			"what was done is printed, and the exit code is 2.\n\n" +
			"A user that is disabled, a client that is, and a required action stay as they are: somebody\n" +
			"may have meant them. They are told, and the exit code is 2.\n\n" +
			"The secret of the client is printed only with --show-secret; --secret-file writes it to a new\n" +
			"file that only you can read.",
		Example: "  gatehouse keycloak setup --realm LearningSoftware --client flaskClient --roles admin \\\n" +
			"    --redirect http://localhost:50100/oauth/login/callback --post-logout-redirect http://localhost:50100/ \\\n" +
			"    --user 'alice=Alice Doe <alice@example.com>' --password-file pw --secret-file secret --dry-run",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.addTo(g, c)
	f := c.Flags()
	f.StringArrayVar(&o.users, "user", nil, "`USER` who gets the roles: alice, or 'alice=Alice Doe <alice@example.com>' to make her; may be repeated")
	f.StringVar(&o.passwordFile, "password-file", "", "`FILE` with the password of a user that is made, - for stdin")
	f.BoolVar(&o.temporary, "temporary-password", false, "make the user choose another at the first login")
	f.BoolVar(&o.wish.Public, "public", false, "make a client without a secret, for an application in a browser")
	f.StringVar(&o.wish.DisplayName, "display-name", "", "`NAME` of a realm that is made, for people")
	f.StringVar(&o.wish.ClientName, "client-name", "", "`NAME` of a client that is made, for people")
	f.BoolVar(&o.showSecret, "show-secret", false, "print the secret of the client")
	f.StringVar(&o.secretFile, "secret-file", "", "write the secret of the client to `FILE`, which must not exist")
	_ = c.MarkFlagRequired("realm")
	return c
}

func (o *keycloakSetupOptions) run(ctx context.Context) error {
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	if err := o.complete(ctx, b); err != nil {
		return err
	}
	if err := o.readPassword(); err != nil {
		return cannotDo(err)
	}
	s, err := b.Keycloak(ctx)
	if err != nil {
		return err
	}
	out := newLines(o.g, keycloakStepColumns, keycloakStep.line)
	if o.g.dryRun {
		steps, err := setup.DryRun(ctx, s, o.wish)
		return o.print(ctx, s, out, steps, err)
	}
	if err := o.g.confirmProduction(ctx, b, "set up the client", "This sets up the client "+o.wish.Client+" of realm "+o.wish.Realm); err != nil {
		return err
	}
	left := 0
	var perr error
	err = setup.Apply(ctx, s, o.wish, nil, func(st setup.Step) {
		if st.Outcome == setup.CannotBeDone || st.State == setup.Unknown {
			left++
		}
		if perr == nil {
			perr = out.Add(o.row(ctx, s, st))
		}
	})
	if err != nil {
		out.Abort()
		return cannotDo(setupProblem(err))
	}
	if err := firstError(perr, out.Close(), o.saveSecret(ctx, s)); err != nil {
		return err
	}
	if left > 0 {
		return cannotDo(problem(clients.Invalid, "set up the client", plural(left, "step is", "steps are")+" left that gatehouse does not do", "the lines with ✗ or ? say what"))
	}
	return nil
}

// print prints the steps of a dry run.
func (o *keycloakSetupOptions) print(ctx context.Context, s *keycloak.Server, out *rows[keycloakStep], steps []setup.Step, err error) error {
	for _, st := range steps {
		if perr := out.Add(o.row(ctx, s, st)); perr != nil {
			return firstError(err, perr)
		}
	}
	if err != nil {
		out.Abort()
		return cannotDo(err)
	}
	return out.Close()
}

// row is a step as it is printed, with the secret where that was asked for.
func (o *keycloakSetupOptions) row(ctx context.Context, s *keycloak.Server, st setup.Step) keycloakStep {
	row := keycloakStep{Step: st}
	if o.showSecret && st.Name == setup.NameSecret && st.State == setup.Done {
		row.Secret, _ = o.secret(ctx, s)
	}
	return row
}

func (o *keycloakSetupOptions) secret(ctx context.Context, s *keycloak.Server) (string, error) {
	r := s.Realm(o.wish.Realm)
	c, err := r.ClientByClientID(ctx, o.wish.Client)
	if err != nil {
		return "", err
	}
	return r.ClientSecret(ctx, c.ID)
}

// saveSecret writes the secret to a file that is not there yet, readable by its owner.
func (o *keycloakSetupOptions) saveSecret(ctx context.Context, s *keycloak.Server) error {
	if o.secretFile == "" {
		return nil
	}
	secret, err := o.secret(ctx, s)
	if err != nil {
		return cannotDo(err)
	}
	f, err := os.OpenFile(o.secretFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if have, rerr := os.ReadFile(o.secretFile); rerr == nil && strings.TrimSpace(string(have)) == secret {
			return nil // a second run
		}
		return cannotDo(problem(clients.Conflict, "write the secret to "+o.secretFile, "there is a file of that name with something else in it", "move it away, or name another"))
	}
	if err == nil {
		_, err = io.WriteString(f, secret+"\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return cannotDo(problem(clients.Invalid, "write the secret to "+o.secretFile, err.Error(), ""))
	}
	return nil
}

// maxPasswordFile bounds what is read as a password.
const maxPasswordFile = 4096

// readPassword gives the users that may have to be made their password.
func (o *keycloakSetupOptions) readPassword() error {
	if o.passwordFile == "" {
		return nil
	}
	bad := func(reason string) error {
		return problem(clients.Invalid, "read the password of "+o.passwordFile, reason, "")
	}
	in := io.Reader(o.g.stdin)
	if o.passwordFile != "-" {
		f, err := os.Open(o.passwordFile)
		if err != nil {
			return bad(err.Error())
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPasswordFile+1))
	if err != nil {
		return bad(err.Error())
	}
	password := strings.TrimRight(string(text), "\r\n")
	switch {
	case len(text) > maxPasswordFile:
		return bad("it is longer than a password")
	case password == "":
		return bad("it is empty")
	}
	for i := range o.wish.Users {
		o.wish.Users[i].Password, o.wish.Users[i].Temporary = password, o.temporary
	}
	return nil
}

// setupProblem is the error of a setup that stopped half-way.
func setupProblem(err error) error {
	kind := clients.KindOf(err)
	if kind == clients.Unreachable {
		kind = clients.Invalid
	}
	return &clients.Problem{Kind: kind, Op: "set up the client", Reason: err.Error(), Hint: "the lines say what was done; run it again to go on", Err: err}
}
