package seed_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/kratos"
	"gatehouse/stack/seed"
)

// TestMany proves on the real servers that generated data is made up to the counts,
// once, and that a seeding that was cut goes on.
func TestMany(t *testing.T) {
	w := seeded(t)
	o := w.opts
	o.Prefix = "m" + w.word + "-"
	t.Cleanup(func() { removeMany(w, o.Prefix) })
	var steps []seed.Step
	o.Progress = func(s seed.Step) { steps = append(steps, s) }

	ctx, cancel := context.WithCancel(t.Context())
	cut := seed.Counts{Identities: 120, Tuples: 150, Users: 120}
	stopping := o
	stopping.Progress = func(s seed.Step) {
		if s.Part == "kratos" && s.Done > 0 {
			cancel()
		}
	}
	if _, err := seed.Many(ctx, w.c, cut, stopping); err == nil {
		t.Error("a cancelled seeding reports success")
	}
	want := seed.Counts{Identities: 540, Tuples: 1500, Users: 230}
	r, err := seed.Many(t.Context(), w.c, want, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("made %+v", r.Parts)
	for i, n := range []int{want.Identities, want.Tuples, want.Users} {
		if p := r.Parts[i]; p.Created+p.Same != n {
			t.Errorf("%s: %d created and %d there before, want %d in all", p.Name, p.Created, p.Same, n)
		}
	}
	last := steps[len(steps)-1]
	if last.Rate <= 0 || last.Done != last.Total {
		t.Errorf("the last step says %+v", last)
	}
	again, err := seed.Many(t.Context(), w.c, want, o)
	if err != nil || again.Changed() != 0 {
		t.Errorf("the second time: %+v, %v", again.Parts, err)
	}
	checkMany(t, w, o.Prefix, want)
}

// checkMany reads samples back: a group's members are the ids of the identities.
func checkMany(t *testing.T, w *world, prefix string, want seed.Counts) {
	t.Helper()
	var users int
	w.kc.get(t, &users, "%s/users/count?username=%s", w.opts.Realm, prefix)
	if users != want.Users {
		t.Errorf("Keycloak counts %d users, want %d", users, want.Users)
	}
	var roles []struct{ Name string }
	u := w.kc.user(t, w.opts.Realm, prefix+"0000007")
	w.kc.get(t, &roles, "%s/users/%s/role-mappings/realm", w.opts.Realm, u["id"])
	if len(roles) != 1 || !strings.HasPrefix(roles[0].Name, "default-roles-") {
		t.Errorf("a generated user has the realm roles %v, want the default role", roles)
	}
	hits, err := w.c.Kratos.FindExact(t.Context(), prefix+"0000051@many.example")
	if err != nil || len(hits) != 1 {
		t.Fatalf("%d identities, %v", len(hits), err)
	}
	if got := w.askKeto(t, "Group:"+prefix+"00000#members@"+hits[0].ID); got != "allowed" {
		t.Errorf("the first group and person 51: %s", got)
	}
	if got := w.askKeto(t, "Group:"+prefix+"all#members@"+hits[0].ID); got != "allowed" {
		t.Errorf("the group above and person 51: %s", got)
	}
	if got := w.askKeto(t, "Group:"+prefix+"00001#members@"+hits[0].ID); got != "denied" {
		t.Errorf("the second group and person 51: %s", got)
	}
}

func removeMany(w *world, prefix string) {
	ctx := context.Background()
	var ids []string
	for i, err := range clients.Each(ctx, w.c.Kratos.Fetch(kratos.Query{PageSize: 500})) {
		if err == nil && slices.ContainsFunc(i.Emails(), func(e string) bool { return strings.HasPrefix(e, prefix) }) {
			ids = append(ids, i.ID)
		}
	}
	for _, id := range ids {
		_, _ = w.c.Kratos.Delete(ctx, id)
	}
	for _, ns := range []string{"Group", "Doc"} {
		var edits []keto.Edit
		for tp, err := range w.c.Keto.All(ctx, tuple.Query{Namespace: &ns}) {
			if err == nil && strings.HasPrefix(tp.Object, prefix) {
				edits = append(edits, keto.Edit{Op: keto.Delete, Tuple: tp})
			}
		}
		for chunk := range slices.Chunk(edits, keto.MaxEdits) {
			if _, err := w.c.Keto.Apply(ctx, chunk); err != nil {
				fmt.Println("clean up:", err)
			}
		}
	}
}
