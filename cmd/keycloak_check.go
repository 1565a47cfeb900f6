package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/clients/keycloak"
	"gatehouse/clients/keycloak/setup"
)

type keycloakCheckOptions struct {
	g *globals
	setupFlags
	fix bool
}

func newKeycloakCheckCommand(g *globals) *cobra.Command {
	o := &keycloakCheckOptions{g: g}
	c := &cobra.Command{
		Use:   "check --client C",
		Short: "Say which step is missing before an application finds the roles of its users",
		Long: "Looks at a client that is there already, and says of each of the ten steps of \"keycloak setup\"\n" +
			"whether it is done, what people see while it is not, and what to do. The one that is forgotten\n" +
			"most is the mapper: Keycloak's own puts the roles of a client into the access token alone, and\n" +
			"an application that reads the ID token finds none.\n\n" +
			"--fix makes the writes that are missing, after it was confirmed, and looks again.\n\n" +
			"Exit code 0 means that all is done, 1 that something is missing, and 2 that it could not be told.",
		Example: "  gatehouse keycloak check --realm LearningSoftware --client flaskClient --roles admin --user ben\n" +
			"  gatehouse keycloak check --client flaskClient --redirect http://localhost:50100/oauth/login/callback --fix",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.addTo(g, c)
	c.Flags().StringArrayVar(&o.users, "user", nil, "`USER` who must have the roles; may be repeated")
	c.Flags().BoolVar(&o.fix, "fix", false, "do what is missing")
	_ = c.RegisterFlagCompletionFunc("user", completeUsers(g))
	return c
}

func (o *keycloakCheckOptions) run(ctx context.Context) error {
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	if err := o.complete(ctx, b); err != nil {
		return err
	}
	s, err := b.Keycloak(ctx)
	if err != nil {
		return err
	}
	steps, err := o.look(ctx, s)
	if err != nil {
		return cannotDo(err)
	}
	if o.fix && !o.g.dryRun {
		if err := o.confirm(ctx, steps); err != nil {
			_ = o.print(steps)
			return cannotDo(err)
		}
		steps = steps[:0]
		if err := setup.Apply(ctx, s, o.wish, nil, func(st setup.Step) { steps = append(steps, st) }); err != nil {
			_ = o.print(steps)
			return cannotDo(setupProblem(err))
		}
	}
	perr := o.print(steps)
	switch {
	case byState(steps, setup.Missing) > 0:
		return answerNoAfter(perr)
	case byState(steps, setup.Unknown) > 0:
		return &exitError{code: exitProblem}
	}
	return perr
}

// look reads the steps; with --fix --dry-run they say what would be done.
func (o *keycloakCheckOptions) look(ctx context.Context, s *keycloak.Server) ([]setup.Step, error) {
	if o.fix && o.g.dryRun {
		return setup.DryRun(ctx, s, o.wish)
	}
	return setup.Check(ctx, s, o.wish)
}

// confirm shows what would be written and asks.
func (o *keycloakCheckOptions) confirm(ctx context.Context, steps []setup.Step) error {
	var todo []string
	for _, st := range steps {
		if st.State == setup.Missing && st.Writes {
			line := st.Fix
			if st.Also != "" {
				line += " (" + st.Also + ")"
			}
			todo = append(todo, line)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	return o.g.confirm(ctx, question{Op: "fix the client", Answer: "fix", Sample: todo,
		What: fmt.Sprintf("This makes %s in realm %s.", plural(len(todo), "change", "changes"), o.wish.Realm)})
}

func (o *keycloakCheckOptions) print(steps []setup.Step) error {
	out := newLines(o.g, keycloakStepColumns, keycloakStep.line)
	for _, st := range steps {
		if err := out.Add(keycloakStep{Step: st}); err != nil {
			return err
		}
	}
	return out.Close()
}
