package cmd

import (
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients/keto"
	"gatehouse/clients/transport"
	"gatehouse/stack/stacktest"
)

// factsModel has a relation with groups, and a permission that a tuple can sit on.
const factsModel = `class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Doc implements Namespace {
  related: { viewers: (User | SubjectSet<Group, "members">)[] }
  permits = { view: (ctx) => this.related.viewers.includes(ctx.subject) }
}
`

// What no API of Keto tells is found out on a real one with settings of its own, and what
// the context says otherwise is named.
func TestRealDoctorFindsTheFactsOfKeto(t *testing.T) {
	t.Parallel()
	info := stacktest.OwnKeto(t, factsModel, map[string]any{"limit.max_read_depth": 4, "namespaces.experimental_strict_mode": true})
	hc := transport.New(transport.Options{Target: "keto"})
	k, err := keto.New(keto.Options{ReadURL: info.ReadURL, WriteURL: info.WriteURL, Read: hc, Write: hc})
	if err != nil {
		t.Fatal(err)
	}
	var edits []keto.Edit
	for _, text := range []string{"Doc:d#view@ann", "Doc:d#viewers@Group:g1#members", "Group:g1#members@Group:g2#members", "Group:g2#members@Group:g3#members",
		"Group:g3#members@Group:g4#members", "Group:g4#members@Group:g5#members", "Group:g5#members@ben"} {
		tt, err := tuple.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		edits = append(edits, keto.Edit{Op: keto.Insert, Tuple: tt})
	}
	if _, err := k.Apply(t.Context(), edits); err != nil {
		t.Fatal(err)
	}
	model := writeFile(t, factsModel)
	env := []string{"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL, "GATEHOUSE_KETO_OPL=" + model}
	batch := "up to 10 questions at once"
	if strings.HasPrefix(info.Version, "v0.13.") {
		batch = "not there"
	}
	for name, c := range map[string]struct {
		env  []string
		code int
		want map[string]string // what is said, with "!" before it where it is a fault
	}{
		"as it is": {[]string{"GATEHOUSE_KETO_MAX_DEPTH=4"}, 0, map[string]string{
			"check engine": "classic", "strict mode": "on", "read depth": "limit.max_read_depth is 4", "relations of the model": "the server knows them, 3", "batch check": batch}},
		"otherwise": {[]string{"GATEHOUSE_KETO_MAX_DEPTH=7", "GATEHOUSE_KETO_OPL=" + otherModel(t)}, 1, map[string]string{
			"read depth": "!limit.max_read_depth is 4, and keto.max_depth says 7", "relations of the model": "!the model has Doc#owners, which the server does not know"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := examined(t, c.code, append(env, c.env...)...)
			for check, want := range c.want {
				says, fault := strings.CutPrefix(want, "!")
				if e := got["keto "+check]; (e.State == examFail) != fault || !strings.Contains(e.Says, says) || fault && e.Do == "" {
					t.Errorf("%s: %+v", check, e)
				}
			}
			if f := got["keto check engine"].Facts; f == nil || f.Requests == 0 || f.Rules == nil || !*f.Rules || f.Order != access.OrderStored && len(f.Open) == 0 {
				t.Errorf("the facts are %+v", f)
			}
		})
	}
}

// otherModel declares a relation more than the server.
func otherModel(t *testing.T) string {
	return writeFile(t, strings.Replace(factsModel, "related: { viewers:", "related: { owners: User[], viewers:", 1))
}
