package screens

import (
	"context"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// IdentityFinder looks an identity up on the server, which knows ids and the login
// names of credentials, and nothing else.
type IdentityFinder interface {
	Get(ctx context.Context, id string) (kratos.Identity, error)
	FindExact(ctx context.Context, identifier string) ([]kratos.Identity, error)
	FindPrefix(ctx context.Context, prefix, cursor string) (clients.Page[kratos.Identity], error)
}

// identitySearchRows looks for words: a whole id first, then a login name that is
// exactly that, then those that begin with it. The same identity comes once.
func identitySearchRows(k IdentityFinder) func(ctx context.Context, words, cursor string) (tui.Page[IdentityRow], error) {
	return func(ctx context.Context, words, cursor string) (tui.Page[IdentityRow], error) {
		words = strings.TrimSpace(words)
		var first []IdentityRow
		if cursor == "" {
			exact, err := identityExact(ctx, k, words)
			if err != nil || kratos.IsID(words) {
				return tui.Page[IdentityRow]{Items: exact, Total: len(exact)}, err
			}
			first = exact
		}
		rows, err := identityPages(func(ctx context.Context, cursor string) (clients.Page[kratos.Identity], error) {
			return k.FindPrefix(ctx, words, cursor)
		})(ctx, cursor)
		rows.Items = append(first, rows.Items...) // the list takes a repeated row for the same one
		return rows, err
	}
}

func identityExact(ctx context.Context, k IdentityFinder, words string) ([]IdentityRow, error) {
	var found []kratos.Identity
	var err error
	if kratos.IsID(words) {
		var one kratos.Identity
		if one, err = k.Get(ctx, words); err == nil {
			found = []kratos.Identity{one}
		} else if clients.Is(err, clients.NotFound) {
			err = nil
		}
	} else {
		found, err = k.FindExact(ctx, words)
	}
	rows := make([]IdentityRow, len(found))
	for i, f := range found {
		rows[i] = identityRow(f)
	}
	return rows, err
}
