package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

func newIdentitiesGetCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "get ID | IDENTIFIER",
		Short: "Show one identity",
		Long: "Finds it by id, or by a login identifier such as an e-mail. Credentials are shown by kind\n" +
			"and identifier; their secrets are not even asked for.",
		Example: "  gatehouse identities get ann@acme.example\n" +
			"  gatehouse identities get 5f3c… --json",
		Args:              cobra.ExactArgs(1),
		RunE:              func(c *cobra.Command, args []string) error { return g.runIdentitiesGet(c.Context(), args[0]) },
		ValidArgsFunction: completeIdentities(g),
	}
}

func (g *globals) runIdentitiesGet(ctx context.Context, name string) error {
	_, k, err := g.kratos(ctx)
	if err != nil {
		return err
	}
	i, err := findIdentity(ctx, k, name)
	if err != nil {
		return err
	}
	out := identityOf(i)
	return printOne(g, out, identityColumns, out.print)
}

// findIdentity finds an identity by what a person types: its id or a login
// identifier. Two identities can have the same one; then somebody has to choose.
func findIdentity(ctx context.Context, k *kratos.Client, text string) (kratos.Identity, error) {
	const op = "find the identity"
	if kratos.IsID(text) {
		return k.Get(ctx, text)
	}
	found, err := k.FindExact(ctx, text)
	switch {
	case err != nil:
		return kratos.Identity{}, err
	case len(found) == 0:
		return kratos.Identity{}, problem(clients.NotFound, op, fmt.Sprintf("nobody has the login identifier %q", text),
			"look for similar ones with: gatehouse identities list --search")
	case len(found) > 1:
		var ids []string
		for _, i := range found {
			ids = append(ids, i.ID)
		}
		return kratos.Identity{}, problem(clients.Conflict, op, fmt.Sprintf("%d identities have the login identifier %q: %s", len(found), text, strings.Join(ids, ", ")),
			"name one by its id")
	}
	return k.Get(ctx, found[0].ID)
}

func (i identityOut) print(w io.Writer) error {
	var d detail
	d.add("Name", i.Label)
	d.add("State", strings.TrimSpace(i.State+since(i.StateChangedAt)))
	d.add("Id", i.ID)
	d.add("External id", i.ExternalID)
	d.add("Organization", i.OrganizationID)
	d.add("Schema", i.SchemaID)
	for _, a := range i.Addresses {
		state := "not verified"
		if a.Verified != nil && *a.Verified {
			state = "verified" + since(a.VerifiedAt)
		}
		d.add("Address", fmt.Sprintf("%s (%s, %s)", a.Value, a.Via, state))
	}
	for _, a := range i.Recovery {
		d.add("Recovery", fmt.Sprintf("%s (%s)", a.Value, a.Via))
	}
	for _, c := range i.Credentials {
		d.add("Credential", strings.TrimSpace(c.Type+"  "+strings.Join(c.Identifiers, ", ")))
	}
	d.addJSON("Traits", i.Traits)
	d.addJSON("Public metadata", i.MetadataPublic)
	d.addJSON("Admin metadata", i.MetadataAdmin)
	d.add("Created", moment(i.CreatedAt))
	return d.print(w)
}

// addJSON appends JSON over several lines.
func (d *detail) addJSON(label string, raw json.RawMessage) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	var out bytes.Buffer
	if json.Indent(&out, escapeJSON(raw), "", "  ") != nil {
		d.add(label, string(raw))
		return
	}
	for line := range strings.Lines(out.String()) {
		d.pairs = append(d.pairs, [2]string{label, strings.TrimRight(line, "\n")})
		label = ""
	}
}

// completeIdentities offers login identifiers that begin with what is typed.
func completeIdentities(g *globals) cobra.CompletionFunc {
	return completer(g, func(ctx context.Context, b *backends, _ *cobra.Command, typed string) ([]string, cobra.ShellCompDirective) {
		const done = cobra.ShellCompDirectiveNoFileComp
		k, err := b.Kratos(ctx)
		if err != nil || typed == "" {
			return nil, done
		}
		page, err := k.Identities(ctx, kratos.Query{Prefix: typed, PageSize: 50}, "")
		if err != nil {
			return nil, done
		}
		var out []string
		for _, i := range page.Items {
			for _, c := range i.Credentials {
				for _, id := range c.Identifiers {
					if strings.HasPrefix(strings.ToLower(id), strings.ToLower(typed)) {
						out = append(out, id)
					}
				}
			}
		}
		return out, done
	})
}
