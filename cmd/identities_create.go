package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

type identitiesCreateOptions struct {
	g        *globals
	fields   fieldFlags
	file     string
	password string
	verified []string
}

func newIdentitiesCreateCommand(g *globals) *cobra.Command {
	o := &identitiesCreateOptions{g: g}
	c := &cobra.Command{
		Use:   "create",
		Short: "Make an identity",
		Long: "Makes an identity of the flags, or of a document in the form that Kratos itself takes (--file). Traits\n" +
			"must fit the identity schema; what does not is told field by field and nothing is made.\n\n" +
			"A password is never taken from the command line, where others can read it: --password-file names a file,\n" +
			"or - for stdin. Without one the person signs in by a recovery code (identities recover).",
		Example: "  gatehouse identities create --trait email=eve@acme.example --trait name.first=Eve\n" +
			"  gatehouse identities create --file eve.json --dry-run",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !o.fields.any() && o.file == "" {
				return usageError("say who it is with --trait, --traits or --file")
			}
			return o.run(c.Context())
		},
	}
	o.fields.addTo(c)
	_ = c.Flags().MarkHidden("remove-trait")
	c.Flags().StringVar(&o.file, "file", "", "read the whole identity from `FILE`, or - for stdin")
	c.Flags().StringVar(&o.password, "password-file", "", "read the password from the first line of `FILE`, or - for stdin")
	c.Flags().StringArrayVar(&o.verified, "verified", nil, "an e-mail `ADDRESS` of the traits that starts out verified; may be given more than once")
	return c
}

func (o *identitiesCreateOptions) run(ctx context.Context) error {
	n, err := o.identity()
	if err != nil {
		return err
	}
	b, k, err := o.g.kratos(ctx)
	if err != nil {
		return err
	}
	out := newLines(o.g, identityChangeColumns, identityChange.line)
	c := identityChange{Op: "create", Outcome: outcomeWould, Label: kratos.Identity{Traits: n.Traits}.Label()}
	if o.g.dryRun {
		if err := o.g.checkTraits(ctx, k, n); err != nil {
			return err
		}
		return firstError(out.Add(c), out.Close())
	}
	if err := o.g.confirmProduction(ctx, b, "create the identity", "This makes an identity"); err != nil {
		return err
	}
	made, err := k.Create(ctx, n)
	if err != nil {
		return cannotDo(err)
	}
	c.Outcome, c.ID, c.Label = outcomeDone, made.ID, made.Label()
	return firstError(out.Add(c), out.Close())
}

// identity puts the flags over the document.
func (o *identitiesCreateOptions) identity() (kratos.NewIdentity, error) {
	var n kratos.NewIdentity
	if o.file != "" {
		raw, err := o.g.readFileOrStdin(o.file)
		if err != nil {
			return n, err
		}
		if err := json.Unmarshal(raw, &n); err != nil {
			return n, problem(clients.Invalid, "read "+o.file, kratos.PlacedError(raw, 0, err).Error(), "nothing was written")
		}
	}
	e := editable{SchemaID: n.SchemaID, State: n.State, ExternalID: n.ExternalID, Traits: orJSON(n.Traits, "{}"), MetadataPublic: n.MetadataPublic, MetadataAdmin: n.MetadataAdmin}
	if err := o.fields.apply(&e); err != nil {
		return n, err
	}
	n.SchemaID, n.State, n.ExternalID, n.Traits, n.MetadataPublic, n.MetadataAdmin = e.SchemaID, e.State, e.ExternalID, e.Traits, e.MetadataPublic, e.MetadataAdmin
	for _, a := range o.verified {
		n.Verified = append(n.Verified, kratos.Address{Value: a, Via: "email", Verified: true})
	}
	if o.password != "" {
		if o.password == "-" && o.file == "-" {
			return n, usageError("stdin cannot be both the identity and the password")
		}
		raw, err := o.g.readFileOrStdin(o.password)
		if err != nil {
			return n, err
		}
		line, _, _ := bytes.Cut(raw, []byte("\n"))
		n.Password = clients.Secret(strings.TrimSuffix(string(line), "\r"))
		if n.Password == "" {
			return n, usageError("--password-file: the first line is empty")
		}
	}
	return n, nil
}

// checkTraits holds traits against the identity schema, where the server shows it:
// a dry run has nothing else to say what a write would be refused for.
func (g *globals) checkTraits(ctx context.Context, k *kratos.Client, n kratos.NewIdentity) error {
	if k.PublicURL() == "" {
		g.note("gatehouse: warning: without kratos.public_url the identity schema is not read; the traits were not checked")
		return nil
	}
	id := n.SchemaID
	if id == "" {
		id = "default"
	}
	s, err := k.Schema(ctx, id)
	if err != nil {
		if n.SchemaID == "" && clients.Is(err, clients.NotFound) {
			g.note("gatehouse: warning: name the schema with --schema to have the traits checked")
			return nil
		}
		return cannotDo(err)
	}
	fields, err := kratos.CheckTraits(s, n.Traits)
	if err != nil {
		return cannotDo(err)
	}
	if len(fields) > 0 {
		var what []string
		for _, f := range fields {
			what = append(what, f.Path+" "+f.Message)
		}
		p := problem(clients.Invalid, "create the identity", fmt.Sprintf("the traits do not fit the schema %q: %s", id, strings.Join(what, "; ")), "nothing was written")
		p.Fields = fields
		return cannotDo(p)
	}
	return nil
}
