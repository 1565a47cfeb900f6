package cmd

import (
	"github.com/spf13/cobra"

	"gatehouse/access/token"
	"gatehouse/clients/keycloak"
)

func newTokenCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "token",
		Aliases: []string{"tokens"},
		Short:   "Preview the tokens of a Keycloak user, or look into one that was pasted",
		GroupID: groupAsk,
	}
	c.AddCommand(newTokenPreviewCommand(g), newTokenInspectCommand(g))
	return c
}

// wantedFlags name a claim that is looked for.
type wantedFlags struct {
	role, roleClient, realmRole, claim string
}

func (f *wantedFlags) addTo(g *globals, c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.role, "role", "", "look for the `ROLE` of the client")
	fl.StringVar(&f.roleClient, "role-client", "", "the `CLIENT` whose role it is, where that is another one")
	fl.StringVar(&f.realmRole, "realm-role", "", "look for the `ROLE` of the realm")
	fl.StringVar(&f.claim, "claim", "", "look for the claim at `PATH`, or PATH=VALUE")
	c.MarkFlagsMutuallyExclusive("role", "realm-role", "claim")
	_ = c.RegisterFlagCompletionFunc("realm-role", completeRoles(g, func(string) string { return "" }))
}

// wanted is the claim; nil where none is looked for.
func (f *wantedFlags) wanted(client string) *token.Wanted {
	var w token.Wanted
	switch {
	case f.realmRole != "":
		w = token.WantedRole("", f.realmRole)
	case f.role != "" && f.roleClient != "":
		w = token.WantedRole(f.roleClient, f.role)
	case f.role != "":
		w = token.WantedRole(client, f.role)
	case f.claim != "":
		w = token.WantedClaim(f.claim)
	default:
		return nil
	}
	return &w
}

// sourcesOf are the mappers of previews in the words of package token.
func sourcesOf(list []keycloak.PreviewMapper) []token.Source {
	var out []token.Source
	for _, m := range list {
		s := token.Source{Name: m.Name, Scope: m.Scope, Path: m.Path, Puts: map[token.Document]bool{}}
		for k, on := range m.Puts {
			s.Puts[token.Document(k)] = on
		}
		out = append(out, s)
	}
	return out
}
