package access_test

import (
	"fmt"
	"slices"
	"testing"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

const radiusModel = `
class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Folder implements Namespace { related: { viewers: (User | SubjectSet<Group, "members">)[] } permits = { view: (ctx) => this.related.viewers.includes(ctx.subject) } }
class Doc implements Namespace {
  related: { parents: Folder[], viewers: (User | SubjectSet<Group, "members">)[], editors: User[], blocked: (User | SubjectSet<Group, "members">)[] }
  permits = {
    view: (ctx) => !this.related.blocked.includes(ctx.subject) && this.permits.open(ctx),
    open: (ctx) => this.related.viewers.includes(ctx.subject) || this.related.editors.includes(ctx.subject) || this.related.parents.traverse((p) => p.permits.view(ctx)),
    edit: (ctx) => !this.related.blocked.includes(ctx.subject) && this.related.editors.includes(ctx.subject),
  }
}`

// fixNamed is the fix whose only write is this one.
func fixNamed(t *testing.T, tr access.Trace, op access.Op, text string) access.Fix {
	t.Helper()
	i := slices.IndexFunc(tr.Fixes, func(f access.Fix) bool {
		return len(f.Writes) == 1 && f.Writes[0].Op == op && f.Writes[0].Tuple == text
	})
	if i < 0 {
		t.Fatalf("no fix %s %s in %+v", op, text, tr.Fixes)
	}
	return tr.Fixes[i]
}

// lets counts by brute force who else is let in: everybody whom the tuples name.
func lets(t *testing.T, m *opl.Model, ts []tuple.Tuple, q tuple.Tuple, writes []access.Write) int {
	n, seen := 0, map[string]bool{}
	for _, row := range ts {
		s := row.Subject
		if s.Equal(q.Subject) || s.Set != nil && s.Set.Relation != "" || s.Set != nil && s.Set.Namespace != "User" || seen[s.String()] {
			continue
		}
		seen[s.String()] = true
		other := q
		other.Subject = s
		verdict := func(ts []tuple.Tuple) access.Verdict {
			return access.Evaluate(t.Context(), access.NewTuples(ts), m, access.Settings{}, other, 0).Verdict
		}
		if verdict(ts) == access.Denied && verdict(apply(ts, writes)) == access.Allowed {
			n++
		}
	}
	return n
}

// What a fix does besides is told in people, permissions and objects, and the people
// are as many as brute force finds.
func TestRadius(t *testing.T) {
	m := parseModel(t, radiusModel)
	blockedGroup := []string{"Doc:d#viewers@Group:all#members", "Doc:d#blocked@Group:temps#members", "Group:temps#members@ann", "Group:temps#members@ben", "Group:temps#members@carl",
		"Group:all#members@ann", "Group:all#members@ben", "Doc:other#viewers@Group:temps#members"}
	for _, c := range []struct {
		name     string
		tuples   []string
		question string
		op       access.Op
		tuple    string
		want     access.Radius
		words    string
	}{
		{"nobody else", nil, "Doc:d#view@ann", access.OpAdd, "Doc:d#viewers@ann", access.Radius{}, ""},
		{"another permission", nil, "Doc:d#view@ann", access.OpAdd, "Doc:d#editors@ann", access.Radius{Permissions: []string{"edit"}}, "also grants edit"},
		{"a group", []string{"Doc:d#viewers@Group:g#members", "Group:g#members@ben", "Doc:e#viewers@Group:g#members", "Folder:f#viewers@Group:g#members", "Doc:x#parents@Folder:f#"},
			"Doc:d#view@ann", access.OpAdd, "Group:g#members@ann", access.Radius{AlsoGrants: 3}, "also reaches 3 other objects"},
		{"the parent of many", []string{"Doc:d#parents@f", "Folder:f#viewers@ann", "Folder:f#viewers@Group:g#members", "Group:g#members@ben", "Group:g#members@carl", "Group:g#members@Group:h#members", "Group:h#members@User:dora#"},
			"Doc:d#view@ann", access.OpAdd, "Doc:d#parents@Folder:f#", access.Radius{LetsIn: 3}, "also lets 3 other people in"},
		{"the block of a group", blockedGroup, "Doc:d#view@ann", access.OpRemove, "Doc:d#blocked@Group:temps#members", access.Radius{LetsIn: 1}, "also lets 1 other person in"},
		{"leaving a blocked group", blockedGroup, "Doc:d#view@ann", access.OpRemove, "Group:temps#members@ann", access.Radius{AlsoTakes: 1}, "also may take away what it gives on 1 other object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts, q := parseTuples(t, c.tuples...), parseTuples(t, c.question)[0]
			tr, err := (&access.Explainer{Tuples: access.NewTuples(ts), Model: m}).Explain(t.Context(), access.Asking{Question: q})
			if err != nil {
				t.Fatal(err)
			}
			f := fixNamed(t, tr, c.op, c.tuple)
			if fmt.Sprint(f.Radius) != fmt.Sprint(c.want) || f.Words() != c.words {
				t.Errorf("%+v %q, want %+v %q", f.Radius, f.Words(), c.want, c.words)
			}
			for _, f := range tr.Fixes {
				if n := lets(t, m, ts, q, f.Writes); n != f.LetsIn {
					t.Errorf("%s lets %d others in, by brute force %d", f.Summary, f.LetsIn, n)
				}
			}
		})
	}
}

// Where there are too many to count it says so, and never a number that looks whole.
func TestRadiusSaysAtLeast(t *testing.T) {
	m := parseModel(t, radiusModel)
	texts := []string{"Doc:d#parents@f", "Folder:f#viewers@ann", "Folder:f#viewers@Group:g#members"}
	for i := range 900 {
		texts = append(texts, fmt.Sprintf("Group:g#members@p%d", i), fmt.Sprintf("Doc:e%d#viewers@Group:g#members", i))
	}
	tr, err := (&access.Explainer{Tuples: access.NewTuples(parseTuples(t, texts...)), Model: m}).Explain(t.Context(), access.Asking{Question: parseTuples(t, "Doc:d#view@ann")[0]})
	if err != nil {
		t.Fatal(err)
	}
	f := fixNamed(t, tr, access.OpAdd, "Doc:d#parents@Folder:f#")
	if f.LetsIn != 200 || !f.AtLeast || f.Words() != "also lets at least 200 other people in" {
		t.Errorf("%+v: %q", f.Radius, f.Words())
	}
}

// Fixes of the same size come in the order of what they do besides.
func TestFixesAreRankedByWhatTheyDoBesides(t *testing.T) {
	m := parseModel(t, radiusModel)
	ts := parseTuples(t, "Doc:d#viewers@Group:g#members", "Group:g#members@ben", "Doc:e#viewers@Group:g#members")
	tr, err := (&access.Explainer{Tuples: access.NewTuples(ts), Model: m}).Explain(t.Context(), access.Asking{Question: parseTuples(t, "Doc:d#view@ann")[0]})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range tr.Fixes {
		got = append(got, f.Writes[0].Tuple)
	}
	if want := []string{"Doc:d#viewers@ann", "Doc:d#editors@ann", "Group:g#members@ann"}; !slices.Equal(got, want) {
		t.Errorf("ranked %q, want %q", got, want)
	}
}
