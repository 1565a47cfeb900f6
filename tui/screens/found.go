package screens

import (
	"context"
	"strings"
	"time"

	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// NewFound lists the people who match words: a whole id, the beginning of a login
// name, or, when the server finds nobody by these, any words in the traits, for
// which all identities are read page by page.
func NewFound(spec IdentitiesSpec, words string) *tui.List[IdentityRow] {
	l := NewIdentities(spec)
	l.Spec.Title = "people “" + words + "”"
	l.Spec.Fetch = foundRows(spec, words)
	l.Spec.Empty = "Nobody matches “" + words + "”: no id, no login name that begins so, and no trait that holds these words."
	l.Spec.Timeout = 2 * time.Minute
	return l
}

// foundCrawl marks the cursors of the second way to look.
const foundCrawl = "all:"

func foundRows(spec IdentitiesSpec, words string) tui.Fetch[IdentityRow] {
	search := identitySearchRows(spec.Kratos)
	all := identityPages(spec.list())
	var want []string
	for _, w := range strings.Fields(words) {
		want = append(want, strings.ToLower(w))
	}
	matches := func(r IdentityRow) bool {
		text := strings.ToLower(strings.Join([]string{r.ID, r.Name, r.Email, r.Traits}, " "))
		for _, w := range want {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return true
	}
	return func(ctx context.Context, cursor string) (tui.Page[IdentityRow], error) {
		rest, crawling := strings.CutPrefix(cursor, foundCrawl)
		if !crawling {
			page, err := search(ctx, words, cursor)
			if err != nil || len(page.Items) > 0 || kratos.IsID(words) {
				return page, err
			}
		}
		for { // until something matches: an empty page would end the list
			page, err := all(ctx, rest)
			if err != nil {
				return page, err
			}
			var hits []IdentityRow
			for _, r := range page.Items {
				if matches(r) {
					hits = append(hits, r)
				}
			}
			if rest = page.Next; len(hits) > 0 || rest == "" {
				next := ""
				if rest != "" {
					next = foundCrawl + rest
				}
				return tui.Page[IdentityRow]{Items: hits, Next: next, Total: -1}, nil
			}
		}
	}
}
