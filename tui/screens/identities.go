package screens

import (
	"cmp"
	"strings"
	"time"

	"gatehouse/tui"
	"gatehouse/tui/theme"
)

// NewIdentities lists the identities of Kratos, page by page.
func NewIdentities(spec IdentitiesSpec) *tui.List[IdentityRow] {
	text := func(title string, width, flex, drop int, cell func(IdentityRow) string) tui.Column[IdentityRow] {
		fold := func(a, b IdentityRow) int { return cmp.Compare(strings.ToLower(cell(a)), strings.ToLower(cell(b))) }
		return tui.Column[IdentityRow]{Title: title, Width: width, Flex: flex, Drop: drop, Cell: cell, Less: fold}
	}
	created := text("CREATED", 11, 0, 4, func(r IdentityRow) string { return day(r.Created) })
	created.Less = func(a, b IdentityRow) int { return a.Created.Compare(b.Created) }
	state := text("STATE", 11, 0, 1, IdentityRow.state)
	state.Tone = func(r IdentityRow) theme.Tone { return toneIf(r.Suspended, theme.Bad) }
	return tui.NewList(tui.Spec[IdentityRow]{
		Title: "identities",
		ID:    func(r IdentityRow) string { return r.ID },
		Columns: []tui.Column[IdentityRow]{
			text("NAME", 16, 2, 0, func(r IdentityRow) string { return r.Name }),
			text("E-MAIL", 22, 3, 2, func(r IdentityRow) string { return r.Email }),
			state,
			text("VERIFIED", 8, 0, 3, IdentityRow.verified),
			text("SCHEMA", 10, 0, 5, func(r IdentityRow) string { return r.Schema }),
			created,
			text("ID", 36, 0, 6, func(r IdentityRow) string { return r.ID }),
		},
		Fetch:      identityRows(spec.Kratos),
		Search:     identitySearchRows(spec.Kratos),
		SearchHint: "a whole id, or the beginning of an e-mail or another login name",
		Actions:    identityListActions(spec),
		Open:       func(r IdentityRow) tui.Screen { return spec.Open(r.ID) },
		Detail:     IdentityRow.sections,
		Text:       func(r IdentityRow) string { return r.Traits },
		Value:      IdentityRow.export,
		Empty:      "Nobody has an identity yet. People appear here when they register, or when they are imported.",
		Timeout:    30 * time.Second,
	})
}
