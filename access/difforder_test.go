package access_test

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// rewrites is how often the rows of a world are written anew at most. Keto gives each
// row a random number and lists by it, so each time the same rows lie in another order.
const rewrites = 60

// settle proves of each decision that came out otherwise for the order of rows that it
// was the order: with nothing but the order changed the server gives the other answer.
func (c chunk) settle(t *testing.T, s *server, worlds []*world, sum *tally) {
	t.Helper()
	for _, w := range worlds {
		for _, d := range w.disputed {
			if s.givesBoth(t, d) {
				sum.settled++
				continue
			}
			c.bug(t, d, "Keto says "+string(d.theirs)+" in every order of rows that was tried; we say "+string(d.ours.Verdict), sum)
		}
		w.disputed = nil
	}
}

// givesBoth writes the rows of a question's world anew until Keto gives the other answer.
func (s *server) givesBoth(t *testing.T, d *decided) bool {
	t.Helper()
	rows := slices.Clone(d.w.rows)
	for range rewrites {
		for _, ns := range d.w.gen.spaces {
			s.send(t, http.MethodDelete, s.info.WriteURL+"/admin/relation-tuples?"+url.Values{"namespace": {ns}}.Encode(), nil)
		}
		rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		var edits []edit
		for _, r := range rows {
			edits = append(edits, edit{"insert", r})
		}
		s.send(t, http.MethodPatch, s.info.WriteURL+"/admin/relation-tuples", edits)
		v, err := s.ask(t.Context(), d.q, d.depth)
		if err == nil && v != d.theirs {
			return true
		}
	}
	return false
}
