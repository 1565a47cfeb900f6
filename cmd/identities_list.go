package cmd

import (
	"context"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

type identitiesListOptions struct {
	g           *globals
	search      string
	state       string
	schema      string
	credentials bool
	limit       int
}

func newIdentitiesListCommand(g *globals) *cobra.Command {
	o := &identitiesListOptions{g: g}
	c := &cobra.Command{
		Use:   "list",
		Short: "List identities",
		Long: "Prints identities as they arrive, in the order in which Kratos keeps them, which is random.\n\n" +
			"--search looks at login identifiers, the only thing that Kratos can search: first for the\n" +
			"whole identifier, then for those that begin with it. --state and --schema are looked at\n" +
			"here, so that the whole list is read for them.",
		Example: "  gatehouse identities list --search ann\n" +
			"  gatehouse identities list --state inactive --jsonl",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	c.Flags().StringVar(&o.search, "search", "", "only identities with a login identifier that is, or begins with, `TEXT`")
	c.Flags().StringVar(&o.state, "state", "", "only `STATE` identities: active or inactive")
	c.Flags().StringVar(&o.schema, "schema", "", "only identities of the schema `ID`")
	c.Flags().BoolVar(&o.credentials, "credentials", false, "also read which kinds of credentials there are")
	c.Flags().IntVar(&o.limit, "limit", 0, "stop after `N` identities; 0 is all of them")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"active", "inactive"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (o *identitiesListOptions) run(ctx context.Context) error {
	return printIdentities(ctx, o, identityOf)
}

// printIdentities prints what the options select, each as form makes it.
func printIdentities[T any](ctx context.Context, o *identitiesListOptions, form func(kratos.Identity) T) error {
	switch {
	case o.state != "" && o.state != string(kratos.Active) && o.state != string(kratos.Inactive):
		return usageError("--state is active or inactive, not %q", o.state)
	case o.limit < 0:
		return usageError("--limit must not be negative")
	}
	_, k, err := o.g.kratos(ctx)
	if err != nil {
		return err
	}
	items := clients.Each(ctx, k.Fetch(kratos.Query{WithCredentials: o.credentials, PageSize: o.pageSize()}))
	if search := strings.TrimSpace(o.search); search != "" {
		items = o.found(ctx, k, search)
	}
	columns, _ := any(identityColumns).([]column[T]) // none for an export, which is never a table
	out := newRows(o.g, columns).whenEmpty("no identities match")
	return printAll(o.g, out, o.wanted(items), o.limit, form)
}

// pageSize asks for no more than what is printed, where nothing is left out here.
func (o *identitiesListOptions) pageSize() int {
	if o.limit > 0 && o.limit < kratos.MaxPageSize && o.state+o.schema == "" {
		return o.limit
	}
	return kratos.MaxPageSize
}

// found yields who has the identifier, then who has one that begins with it.
func (o *identitiesListOptions) found(ctx context.Context, k *kratos.Client, search string) iter.Seq2[kratos.Identity, error] {
	return func(yield func(kratos.Identity, error) bool) {
		exact, err := k.FindExact(ctx, search)
		if err != nil {
			yield(kratos.Identity{}, err)
			return
		}
		seen := map[string]bool{}
		for _, i := range exact {
			seen[i.ID] = true
			if !yield(i, nil) {
				return
			}
		}
		for i, err := range clients.Each(ctx, k.Fetch(kratos.Query{Prefix: search, PageSize: o.pageSize()})) {
			if clients.Is(err, clients.Invalid) {
				o.g.note("gatehouse: warning: this Kratos cannot search by beginnings, only whole identifiers were looked for")
				return
			}
			if err == nil && seen[i.ID] {
				continue
			}
			if !yield(i, err) || err != nil {
				return
			}
		}
	}
}

// wanted leaves out what Kratos cannot filter by.
func (o *identitiesListOptions) wanted(items iter.Seq2[kratos.Identity, error]) iter.Seq2[kratos.Identity, error] {
	return func(yield func(kratos.Identity, error) bool) {
		for i, err := range items {
			if err == nil && (o.state != "" && string(i.State) != o.state || o.schema != "" && i.SchemaID != o.schema) {
				continue
			}
			if !yield(i, err) {
				return
			}
		}
	}
}
