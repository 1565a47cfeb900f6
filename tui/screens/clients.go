package screens

import (
	"cmp"
	"context"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

// ClientsKeycloak is what the list of clients needs of a Keycloak realm.
type ClientsKeycloak interface {
	Name() string
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
}

// NewClients lists the clients of a realm; open makes the screen of one of them.
func NewClients(realm ClientsKeycloak, open func(keycloak.Client) tui.Screen) *tui.List[keycloak.Client] {
	return tui.NewList(clientListSpec(realm, open))
}

func clientListSpec(realm ClientsKeycloak, open func(keycloak.Client) tui.Screen) tui.Spec[keycloak.Client] {
	return tui.Spec[keycloak.Client]{
		Title:   "clients " + realm.Name(),
		ID:      func(c keycloak.Client) string { return c.ID },
		Columns: clientColumns(),
		Fetch:   tui.Pages(realm.Clients(keycloak.ClientQuery{})),
		Search: func(ctx context.Context, words, cursor string) (tui.Page[keycloak.Client], error) {
			return tui.Pages(realm.Clients(keycloak.ClientQuery{ClientID: words, Search: true}))(ctx, cursor)
		},
		SearchHint: "a part of the client id",
		Open:       open,
		Empty:      "This realm has no client.",
	}
}

// ClientMaker is what the list of clients needs to make one.
type ClientMaker interface {
	ClientsKeycloak
	CreateClient(ctx context.Context, n keycloak.NewClient) (clients.Change[keycloak.Client], error)
	DeleteClient(ctx context.Context, uuid string) (clients.Change[keycloak.Client], error)
}

// NewClientAdmin is NewClients where clients can also be made.
func NewClientAdmin(realm ClientMaker, open func(keycloak.Client) tui.Screen) *tui.List[keycloak.Client] {
	spec := clientListSpec(realm, open)
	spec.Actions = func(l *tui.List[keycloak.Client]) []tui.Action {
		return []tui.Action{{Name: "new", Keys: []string{"n"}, Footer: 2, Mutates: true, Help: "Make a client, that is an application.", Run: tui.Do(func() { l.Push(newClientForm(l, realm)) })}}
	}
	return tui.NewList(spec)
}

// newClientForm asks for the client to be made.
func newClientForm(l *tui.List[keycloak.Client], realm ClientMaker) tui.Screen {
	const confidential, public = "confidential", "public"
	var made keycloak.Client
	return tui.NewForm(tui.FormSpec{Title: "new client", Lead: "An application of realm " + realm.Name(), What: "make the client",
		Fields: []tui.FormField{
			{Name: "client_id", Label: "client id", Required: true, Help: "the name that the application uses"},
			{Name: "name", Label: "name", Help: "for people"},
			{Name: "kind", Label: "kind", Value: confidential, Choices: []string{confidential, public}, Help: "public: an application that cannot keep a secret, such as one in a browser"},
			{Name: "redirect_uris", Label: "redirect URIs", Help: "with blanks between them"},
			{Name: "service_account", Label: "service account", Value: "no", Choices: []string{"no", "yes"}, Help: "yes: it also acts by itself, without a person"},
		},
		Review: func(v map[string]string) (tui.Question, error) {
			if v["kind"] == public && v["service_account"] == "yes" {
				return tui.Question{}, &clients.Problem{Kind: clients.Invalid, Op: "make the client", Reason: "a public client can have no service account: it has no secret to act with"}
			}
			return tui.Question{Title: "Make this client?", Verb: "make", Lines: diffLines([3]string{"client id", "", v["client_id"]}, [3]string{"name", "", v["name"]}, [3]string{"kind", "", v["kind"]},
				[3]string{"redirect URIs", "", v["redirect_uris"]}, [3]string{"service account", "", v["service_account"]})}, nil
		},
		Submit: func(ctx context.Context, v map[string]string) error {
			done, err := realm.CreateClient(ctx, keycloak.NewClient{ClientID: strings.TrimSpace(v["client_id"]), Name: v["name"], Public: v["kind"] == public,
				RedirectURIs: strings.Fields(v["redirect_uris"]), ServiceAccounts: v["service_account"] == "yes"})
			made = done.After
			return err
		},
		Done: func(map[string]string) {
			l.Put(made)
			l.Toast("made " + made.ClientID + " · u undoes it")
			l.Undo(tui.Undo{What: "make the client " + made.ClientID, Lines: []string{"- " + made.ClientID}, Then: l.Reload,
				Run: func(ctx context.Context) error { _, err := realm.DeleteClient(ctx, made.ID); return err }})
		},
	})
}

// clientColumns are those of every list of clients.
func clientColumns() []tui.Column[keycloak.Client] {
	id := func(c keycloak.Client) string { return c.ClientID }
	return []tui.Column[keycloak.Client]{
		{Title: "CLIENT", Width: 26, Flex: 1, Cell: id, Less: func(a, b keycloak.Client) int { return cmp.Compare(a.ClientID, b.ClientID) }},
		{Title: "NAME", Width: 30, Flex: 2, Drop: 1, Cell: func(c keycloak.Client) string { return c.Name }},
		{Title: "STATE", Width: 10, Cell: func(c keycloak.Client) string {
			return map[bool]string{true: "✓ enabled", false: "✗ disabled"}[c.Enabled]
		}},
	}
}
