package seed

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

// uuids keeps the ids of generated people in sixteen bytes each, by number.
type uuids [][16]byte

func (u *uuids) set(g generated, id string) {
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(raw) != 16 {
		return // no UUID; the person is then without an id and in no tuple
	}
	for len(*u) <= int(g) {
		*u = append(*u, make([][16]byte, len(*u)+1024)...)
	}
	copy((*u)[g][:], raw)
}

func (u uuids) get(g generated) (string, bool) {
	if int(g) >= len(u) || u[g] == [16]byte{} {
		return "", false
	}
	b := u[g]
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), true
}

// manyPeople makes the first n generated people identities, without passwords, and
// answers their ids. The whole list of identities is walked to find those that are
// there: Kratos cannot filter by anything that would do.
func manyPeople(ctx context.Context, c *kratos.Client, names namer, n int, t *tally) (uuids, error) {
	t.begin("identities", n)
	var have numbers
	var ids uuids
	for i, err := range clients.Each(ctx, c.Fetch(kratos.Query{PageSize: kratos.MaxPageSize})) {
		if err != nil {
			return nil, fmt.Errorf("seed Kratos: %w", err)
		}
		for _, email := range i.Emails() {
			if g, ok := names.numberOf(email); ok && int(g) <= n {
				have.add(g)
				ids.set(g, i.ID)
			}
		}
	}
	t.count(same, have.n)
	var missing []generated
	for g := generated(1); int(g) <= n; g++ {
		if !have.has(g) {
			missing = append(missing, g)
		}
	}
	for r := range c.Import(ctx, identities(names, missing), kratos.ImportOptions{Workers: parallelKratos, Batch: true}) {
		if r.Err != nil {
			return ids, fmt.Errorf("seed Kratos: %s: %w", names.email(missing[r.Index]), r.Err)
		}
		ids.set(missing[r.Index], r.ID)
		t.count(created, 1)
	}
	return ids, ctx.Err()
}

func identities(names namer, who []generated) iter.Seq[kratos.NewIdentity] {
	return func(yield func(kratos.NewIdentity) bool) {
		for _, g := range who {
			n := kratos.NewIdentity{SchemaID: "default", State: kratos.Active}
			if !g.active() {
				n.State = kratos.Inactive
			}
			n.Traits, _ = json.Marshal(map[string]any{"email": names.email(g), "name": map[string]string{"first": g.first(), "last": g.last()}})
			if g.verified() {
				n.Verified = []kratos.Address{{Value: names.email(g), Via: "email"}}
			}
			if !yield(n) {
				return
			}
		}
	}
}
