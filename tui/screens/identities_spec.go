package screens

import (
	"context"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// IdentitiesKratos reads identities, all of them or those that words find.
type IdentitiesKratos interface {
	List(ctx context.Context, cursor string) (clients.Page[kratos.Identity], error)
	Count(ctx context.Context) (int, error)
	IdentityFinder
}

// IdentitiesSpec is what a list of identities is made of. Kratos is needed.
type IdentitiesSpec struct {
	Kratos IdentitiesKratos
	Write  IdentityWriter             // nil: nothing can be written
	Forms  IdentityForms              // nil: nothing can be created or edited
	Open   func(id string) tui.Screen // makes the screen of one of them
}
