package cmd

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gatehouse/access/login"
	"gatehouse/access/roles"
	"gatehouse/access/tuple"
	"gatehouse/clients/keycloak"
	"gatehouse/config"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

const docsContext = `
contexts:
  docs:
    kratos: {admin_url: "http://127.0.0.1:1", public_url: "http://127.0.0.1:1"}
    keto: {read_url: "http://127.0.0.1:1", write_url: "http://127.0.0.1:1"}
    keycloak: {url: "http://127.0.0.1:1", username: admin, password: none}
`

// writeKeyDocs writes the key reference from the actions of the screens themselves,
// wired as in the console. They are never started, so nothing is ever asked of the
// servers that the context names.
func writeKeyDocs(w io.Writer, _ *cobra.Command) error {
	dir, err := os.MkdirTemp("", "gatehouse-docs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "gatehouse.yaml") // that of whoever makes the documents has no say
	if err := os.WriteFile(file, []byte(docsContext), 0o600); err != nil {
		return err
	}
	conf, err := config.Load(config.Options{Path: file, Environ: []string{}})
	if err != nil {
		return err
	}
	chosen, err := conf.Context("")
	if err != nil {
		return err
	}
	c := newConsole(context.Background(), newBackends(chosen))
	realm := c.keycloak.Realm("realm")
	role := keycloak.Role{Name: "a role"}
	ticket := func(screens.Ticket) tui.Screen { return nil }
	if _, err := io.WriteString(w, "# Keys\n\nGenerated from the actions of the screens; `make docs` writes it again. `?` shows the same in the console, for the\nscreen that is open, and searches it.\n\n"); err != nil {
		return err
	}
	return tui.KeyReference(w,
		screens.NewHome(c.home()),
		screens.NewTicket(screens.Ticket{System: "both", Question: "a:b#c@d"}, screens.TicketLinks{Check: c.check, Person: ticket, User: ticket, Why: ticket}),
		c.check(""), c.why(tuple.Tuple{}), c.tuples(tuple.Query{}), c.lints(), c.model(), c.identities(), c.identity("person"),
		c.whoCan(tuple.Set{Namespace: "a", Object: "b", Relation: "c"}), c.whatCan(tuple.SubjectID("a")), c.matrix("a", "b"),
		c.personWith("a person"), c.messages(""),
		screens.NewRealms(c.keycloak, c.users), c.realm("realm"), c.users("realm"), c.user(realm, "", "a user"), c.userRoles(realm, "", "a user", "a@b"),
		c.groups("realm"), c.group(realm, "", "/a group"), c.rolesAt("realm"), c.role(realm, role), c.holders(realm, role),
		c.rolePaths(realm, roles.Step{Kind: roles.User, Name: "a user"}), c.clients("realm"), c.client("realm", keycloak.Client{ClientID: "a client"}), c.clientCheck("realm", "a client"),
		c.whyLogin(login.Asked{Realm: "realm"}), c.pasteToken(login.Asked{Realm: "realm"}), c.decisions(),
		screens.NewTokens(realm, "", "a user"), screens.NewToken(realm, keycloak.Client{ClientID: "token preview"}, "", "a user"),
	)
}
