package screens

import (
	"cmp"
	"context"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
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
	Write  IdentityWriter // nil: nothing can be written
	// List reads a page of all in place of Kratos.List, such as one with the types of
	// their credentials, from which the AAL is told; it may be nil.
	List  func(ctx context.Context, cursor string) (clients.Page[kratos.Identity], error)
	Edit  IdentityEditor             // nil: nothing can be deleted or marked
	Forms IdentityForms              // nil: nothing can be created or edited
	Open  func(id string) tui.Screen // makes the screen of one of them
}

// list reads a page of everybody.
func (s IdentitiesSpec) list() func(context.Context, string) (clients.Page[kratos.Identity], error) {
	if s.List != nil {
		return s.List
	}
	return s.Kratos.List
}

// identityListColumns are the columns of a list of identities.
func identityListColumns() []tui.Column[IdentityRow] {
	text := func(title string, width, flex, drop int, cell func(IdentityRow) string) tui.Column[IdentityRow] {
		fold := func(a, b IdentityRow) int { return cmp.Compare(strings.ToLower(cell(a)), strings.ToLower(cell(b))) }
		return tui.Column[IdentityRow]{Title: title, Width: width, Flex: flex, Drop: drop, Cell: cell, Less: fold}
	}
	created := text("CREATED", 11, 0, 4, func(r IdentityRow) string { return day(r.Created) })
	created.Less = func(a, b IdentityRow) int { return a.Created.Compare(b.Created) }
	created.Order = func(r IdentityRow, typed string) (int, bool) { return widget.CompareTime(r.Created, typed) }
	state := text("STATE", 11, 0, 1, IdentityRow.state)
	state.Tone, state.Words = func(r IdentityRow) theme.Tone { return toneIf(r.Suspended, theme.Bad) }, IdentityRow.stateWords
	verified := text("VERIFIED", 8, 0, 3, IdentityRow.verified)
	verified.Words = IdentityRow.verifiedFilter
	aal := text("AAL", 4, 0, 7, IdentityRow.aal)
	aal.Hidden, aal.Apart = true, true
	return []tui.Column[IdentityRow]{
		text("NAME", 16, 2, 0, func(r IdentityRow) string { return r.Name }),
		text("E-MAIL", 22, 3, 2, func(r IdentityRow) string { return r.Email }),
		state, verified,
		text("SCHEMA", 10, 0, 5, func(r IdentityRow) string { return r.Schema }),
		created,
		text("ID", 36, 0, 6, func(r IdentityRow) string { return r.ID }),
		aal,
	}
}

// traitColumn is a column of any trait, by its path: "department", "name.first".
func traitColumn(path string) (tui.Column[IdentityRow], bool) {
	path = strings.TrimPrefix(strings.TrimSpace(path), "traits.")
	if path == "" || len(path) > 200 || strings.ContainsAny(path, " \t\"") {
		return tui.Column[IdentityRow]{}, false
	}
	cell := func(r IdentityRow) string { return r.trait(path) }
	return tui.Column[IdentityRow]{Title: path, Width: min(max(len(path)+2, 10), 24), Flex: 1, Drop: 3, Cell: cell, Apart: true}, true
}
