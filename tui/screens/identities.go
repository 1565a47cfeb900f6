package screens

import (
	"time"

	"gatehouse/tui"
)

// NewIdentities lists the identities of Kratos, page by page.
func NewIdentities(spec IdentitiesSpec) *tui.List[IdentityRow] {
	return tui.NewList(tui.Spec[IdentityRow]{
		Title:      "identities",
		ID:         func(r IdentityRow) string { return r.ID },
		Columns:    identityListColumns(),
		Column:     traitColumn,
		ColumnHint: "the path of a trait, such as department or name.first",
		Kind:       "identities",
		Fetch:      identityRows(spec.Kratos, spec.list()),
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
