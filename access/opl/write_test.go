package opl_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/stack/stacktest"
)

func parse(t *testing.T, src string) *opl.Model {
	t.Helper()
	m, errs := opl.Parse("m.ts", src)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	return m
}

func tup(t *testing.T, text string) tuple.Tuple {
	t.Helper()
	x, err := tuple.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestCanBeWritten(t *testing.T) {
	m := parse(t, company)
	for _, c := range []struct {
		tuple string
		kind  opl.RefusalKind // empty: may be written
		part  string
		says  string
	}{
		{"File:a#owners@ann", "", "", ""},
		{"File:a#owners@User:ann#", "", "", ""},
		{"File:a#viewers@Group:eng#members", "", "", ""},
		{"File:a#parents@Folder:f#", "", "", ""},
		{"File:a#parents@Folder:f", "", "", ""},
		{"Group:g#members@Group:h#members", "", "", ""},
		{"User:u#manager@User:v#", "", "", ""},
		{"Folder:f#viewers@ann", "", "", ""},

		{"Fiel:a#owners@ann", opl.UnknownNamespace, "namespace", `no namespace "Fiel"; did you mean "File"?`},
		{"file:a#owners@ann", opl.UnknownNamespace, "namespace", `did you mean "File"?`},
		{"Zebra:a#owners@ann", opl.UnknownNamespace, "namespace", "use one of: File, Folder, Group, User"},
		{"File:a#owner@ann", opl.UndeclaredRelation, "relation", `declares no relation "owner"; did you mean "owners"?`},
		{"File:a#zebra@ann", opl.UndeclaredRelation, "relation", "use one of: parents, viewers, owners, block.list"},
		{"File:a#view@ann", opl.OnPermission, "relation", `"view" is a permission of File`},
		{"File:a#view@ann", opl.OnPermission, "relation", "it is made of: parents, owners"},
		{"Folder:a#view@ann", opl.OnPermission, "relation", "it is made of: viewers, parents"},
		{"File:a#viewers@ann", opl.UndeclaredSubject, "subject_id", "takes no bare id; it takes: Group#members"},
		{"File:a#viewers@Group:eng#", opl.UndeclaredSubject, "subject_set.relation", "write the subject as Group:…#members"},
		{"File:a#viewers@Group:eng#member", opl.UndeclaredSubject, "subject_set.relation", `did you mean "members"?`},
		{"File:a#owners@Group:eng#members", opl.UndeclaredSubject, "subject_set.namespace", "takes no subject Group:…#members; it takes: User"},
		{"File:a#owners@Groop:eng#members", opl.UnknownNamespace, "subject_set.namespace", `which the subject names; did you mean "Group"?`},
		{"File:a#parents@Folder:f#...", opl.UndeclaredSubject, "subject_set.relation", "write the subject as Folder:…#"},
		{"File:a#parents@folder-1", opl.TraversedID, "subject_id", "write the object as a subject set: File:folder-1#"},
	} {
		x := tup(t, c.tuple)
		err := m.CanBeWritten(x)
		var r *opl.Refusal
		switch {
		case c.kind == "" && err != nil:
			t.Errorf("%s: %v", c.tuple, err)
		case c.kind == "":
		case !errors.As(err, &r):
			t.Errorf("%s: not refused", c.tuple)
		case r.Kind != c.kind || r.Part != c.part || !strings.Contains(r.Error(), c.says) || !r.Tuple.Equal(x):
			t.Errorf("%s: %+v\n%v\nwant %s %s %s", c.tuple, r, err, c.kind, c.part, c.says)
		case r.Kind != opl.UnknownNamespace && r.Rule.Start.Line == 0:
			t.Errorf("%s: the refusal does not say where the model is", c.tuple)
		}
	}
}

func TestCanBeWrittenEmptyParts(t *testing.T) {
	for _, m := range []*opl.Model{nil, parse(t, company)} {
		for _, x := range []tuple.Tuple{
			{},
			{Namespace: "File", Object: "a", Relation: "owners"},
			{Namespace: "File", Object: "a", Subject: tuple.SubjectID("ann")},
			{Namespace: "File", Relation: "owners", Subject: tuple.SubjectID("ann")},
			{Object: "a", Relation: "owners", Subject: tuple.SubjectID("ann")},
			{Namespace: "File", Object: "a", Relation: "owners", Subject: tuple.SubjectSet("User", "", "")},
			{Namespace: "File", Object: "a", Relation: "owners", Subject: tuple.SubjectSet("", "x", "")},
		} {
			var r *opl.Refusal
			if err := m.CanBeWritten(x); !errors.As(err, &r) || r.Kind != opl.EmptyPart || r.Hint == "" {
				t.Errorf("%v: %v", x, err)
			}
		}
	}
	// Without a model nothing else is known to be wrong.
	var unknown *opl.Model
	if err := unknown.CanBeWritten(tup(t, "Any:thing#goes@here")); err != nil {
		t.Error(err)
	}
}

func TestCanBeWrittenEdges(t *testing.T) {
	m := parse(t, `class User implements Namespace {}
class Doc implements Namespace {
  related: { parents: Doc[] both: Doc[] }
  permits = {
    view: (ctx) => this.related.parents.traverse(p => p.permits.view(ctx)) || this.related.both.traverse(p => p.permits.view(ctx)) || this.related.both.includes(ctx.subject),
  }
}`)
	for _, c := range []struct {
		tuple string
		kind  opl.RefusalKind
	}{
		{"Doc:a#both@ann", ""}, // traversed and included: the id counts in one of them
		{"Doc:a#parents@ann", opl.TraversedID},
		{"User:a#anything@ann", opl.UndeclaredRelation}, // Keto takes and ignores it
	} {
		err := m.CanBeWritten(tup(t, c.tuple))
		var r *opl.Refusal
		if errors.As(err, &r); (r == nil) != (c.kind == "") || r != nil && r.Kind != c.kind {
			t.Errorf("%s: %v, want %q", c.tuple, err, c.kind)
		}
	}
}

// What we refuse the real Keto stores without a word: the reason for refusing it.
func TestKetoStoresWhatWeRefuse(t *testing.T) {
	info := stacktest.Keto(t)
	src, err := os.ReadFile(info.OPL)
	if err != nil {
		t.Fatal(err)
	}
	m := parse(t, string(src))
	object := fmt.Sprintf("t-refused-%x", rand.Uint64())
	seen := map[opl.RefusalKind]bool{}
	send := func(action string, x tuple.Tuple) int {
		b, _ := json.Marshal([]map[string]any{{"action": action, "relation_tuple": x}})
		req, _ := http.NewRequest(http.MethodPatch, info.WriteURL+"/admin/relation-tuples", bytes.NewReader(b))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	var tries []tuple.Tuple
	for _, n := range m.Namespaces {
		rels := []string{"", "no-such-relation"}
		for _, r := range n.Relations {
			rels = append(rels, r.Name)
		}
		for _, rel := range rels {
			for _, s := range []tuple.Subject{tuple.SubjectID("ann"), tuple.SubjectSet(n.Name, "x", "no-such-relation"), tuple.SubjectSet("NoSuchNamespace", "x", "")} {
				tries = append(tries, tuple.Tuple{Namespace: n.Name, Object: object, Relation: rel, Subject: s})
			}
		}
	}
	for _, x := range tries {
		var r *opl.Refusal
		if !errors.As(m.CanBeWritten(x), &r) {
			continue
		}
		t.Cleanup(func() { send("delete", x) })
		foreign := x.Subject.Set != nil && x.Subject.Set.Namespace == "NoSuchNamespace"
		switch status := send("insert", x); {
		case foreign && status != 404:
			t.Errorf("%s: %d, Keto used to refuse unknown namespaces", x, status)
		case !foreign && status != 204:
			t.Errorf("%s: %d, refused by Keto too", x, status)
		case !foreign:
			seen[r.Kind] = true
		}
	}
	for _, k := range []opl.RefusalKind{opl.EmptyPart, opl.UndeclaredRelation, opl.OnPermission, opl.UndeclaredSubject} {
		if !seen[k] {
			t.Errorf("nothing of kind %s was tried on this model", k)
		}
	}
}

func TestComplete(t *testing.T) {
	m := parse(t, company)
	for _, c := range []struct{ text, want string }{
		// The bar is the cursor; candidates are what the text becomes.
		{"|", "File:| Folder:| Group:| User:|"},
		{"F|", "File:| Folder:|"},
		{"f|", "File:| Folder:|"},
		{"ol|", "Folder:|"},
		{"zz|", ""},
		{"Fi|", "File:|"},
		{"Fi|xx:a#owners@ann", "File:|a#owners@ann"},
		{"File:|", ""},
		{"File:a|", ""},
		{"File:a#|", "File:a#parents@| File:a#viewers@| File:a#owners@| File:a#block.list@| File:a#view@| File:a#edit@| File:a#share@| File:a#hide@|"},
		{"File:a#own|", "File:a#owners@|"},
		{"File:a#own|ers@ann", "File:a#owners@|ann"},
		{"File:a#E|", "File:a#edit@| File:a#parents@| File:a#viewers@| File:a#owners@| File:a#view@| File:a#share@| File:a#hide@|"},
		{"Nope:a#|", ""},
		{"File:a#viewers@|", "File:a#viewers@Group:|"},
		{"File:a#owners@|", "File:a#owners@User:|"},
		{"File:a#owners@ann|", ""},
		{"File:a#parents@F|", "File:a#parents@File:| File:a#parents@Folder:|"},
		{"File:a#view@|", "File:a#view@File:| File:a#view@Folder:| File:a#view@Group:| File:a#view@User:|"},
		{"File:a#viewers@(|", "File:a#viewers@(Group:|"},
		{"File:a#viewers@(G|)", "File:a#viewers@(Group:|)"},
		{"File:a#viewers@Group:|", ""},
		{"File:a#viewers@Group:eng|", ""},
		{"File:a#viewers@Group:eng#|", "File:a#viewers@Group:eng#members|"},
		{"File:a#viewers@Group:eng#zz|", ""},
		{"File:a#view@Group:eng#m|", "File:a#view@Group:eng#members|"},
		{"File:a#owners@User:ann#|", ""},
	} {
		at := strings.Index(c.text, "|")
		text := c.text[:at] + c.text[at+1:]
		var got []string
		for _, cand := range opl.Complete(m, text, at) {
			out, cursor := cand.Apply(text)
			got = append(got, out[:cursor]+"|"+out[cursor:])
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.text, s, c.want)
		}
	}
	kinds := map[opl.CandidateKind]string{}
	for _, text := range []string{"", "File:a#", "File:a#parents@", "File:a#viewers@Group:g#"} {
		for _, cand := range opl.Complete(m, text, len(text)) {
			kinds[cand.Kind] = cand.Name + ": " + cand.Detail
		}
	}
	for kind, want := range map[opl.CandidateKind]string{
		opl.CandNamespace:        "User: manager",
		opl.CandRelation:         "block.list: User",
		opl.CandPermission:       "hide: permission: !(this.related.viewers.includes(ctx.subject) && this.permits.edit(ctx))",
		opl.CandSubjectNamespace: "Folder: an id, or Folder:…#",
		opl.CandSubjectRelation:  "members: User, Group#members",
	} {
		if kinds[kind] != want {
			t.Errorf("%s: got %q, want %q", kind, kinds[kind], want)
		}
	}
	if opl.Complete(nil, "", 0) != nil || opl.Complete(m, "x", 2) != nil || opl.Complete(m, "x", -1) != nil {
		t.Error("candidates out of nothing")
	}
}

// Nothing typed may break it, and whatever it offers can be put in.
func TestCompleteAnything(t *testing.T) {
	m := parse(t, company)
	g := newGen(7)
	parts := []string{"File", ":", "a", "#", "owners", "@", "Group", "(", ")", " ", "é", "\x00", "view", "members", ""}
	for range 5000 {
		text := ""
		for range g.IntN(8) {
			text += parts[g.IntN(len(parts))]
		}
		at := g.IntN(len(text) + 1)
		for _, c := range opl.Complete(m, text, at) {
			out, cursor := c.Apply(text)
			if !strings.Contains(out, c.Name) || cursor > len(out) || c.From > at || c.To < at {
				t.Fatalf("%q at %d: %+v", text, at, c)
			}
		}
	}
	if !slices.IsSorted(m.NamespaceNames()) {
		t.Error("names are not sorted")
	}
}
