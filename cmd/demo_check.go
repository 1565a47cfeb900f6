package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gatehouse/demo/server"
)

func newDemoCheckCommand(g *globals) *cobra.Command {
	d := &demoServe{}
	c := &cobra.Command{
		Use:   "check",
		Short: "Say what the servers of the context still lack for the demo to run (exit code 1 if something)",
		Long: "Looks at Kratos (does it answer, where does it send people for a login), Keto (is there a namespace app),\n" +
			"Keycloak (realm, client, redirect addresses, mapper) and Oathkeeper (does it publish keys, does it have our\n" +
			"rules), and says for each finding what to do. It writes nothing.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return d.check(c.Context(), g) },
	}
	d.addFlags(c)
	return c
}

var checkColumns = []column[server.Finding]{
	{Name: "server", Text: func(f server.Finding) string { return f.Server }},
	{Name: "state", Text: func(f server.Finding) string { return f.State }},
	{Name: "what", Text: func(f server.Finding) string { return f.What }},
	{Name: "do", Text: func(f server.Finding) string { return f.Do }},
}

func (d *demoServe) check(ctx context.Context, g *globals) error {
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	o, err := d.options(ctx, g)
	if err != nil {
		return err
	}
	b, err := g.demoBackends(ctx)
	if err != nil {
		return err
	}
	k := server.CheckClients{}
	if b != nil {
		c, err := g.seedClients(ctx, b)
		if err != nil {
			return err
		}
		k.Keto, k.Keycloak, k.Realm = c.Keto, c.Keycloak, c.Realm
	}
	list, err := server.Check(ctx, o, k)
	if err != nil {
		return err
	}
	out := newRows(g, checkColumns)
	lacking, unknown := false, false
	for _, f := range list {
		lacking = lacking || f.State == server.Lacking
		unknown = unknown || f.State == server.Unknown
		if err := out.Add(f); err != nil {
			return err
		}
	}
	err = out.Close()
	switch {
	case err != nil:
		return err
	case lacking:
		return answerNo()
	case unknown:
		return &exitError{code: exitProblem}
	}
	return nil
}
