package access_test

import (
	"slices"
	"testing"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// apply are the tuples after the writes.
func apply(ts []tuple.Tuple, writes []access.Write) []tuple.Tuple {
	for _, w := range writes {
		if w.Op == access.OpAdd {
			ts = append(ts[:len(ts):len(ts)], w.What())
			continue
		}
		ts = slices.DeleteFunc(slices.Clone(ts), w.What().Equal)
	}
	return ts
}

// checkFixes holds fixes to their word: with all writes it is allowed, without any one
// of them it is not.
func checkFixes(t *testing.T, m *opl.Model, set access.Settings, depth int, q tuple.Tuple, ts []tuple.Tuple, fixes []access.Fix) {
	t.Helper()
	verdict := func(writes []access.Write) access.Verdict {
		return access.Evaluate(t.Context(), access.NewTuples(apply(ts, writes)), m, set, q, depth).Verdict
	}
	for _, f := range fixes {
		if v := verdict(f.Writes); v != access.Allowed || !f.Verified {
			t.Errorf("after %s it is %s", f.Summary, v)
		}
		for i := range f.Writes {
			if verdict(slices.Delete(slices.Clone(f.Writes), i, i+1)) == access.Allowed {
				t.Errorf("%s: %s is not needed", f.Summary, f.Writes[i].Tuple)
			}
		}
	}
}

// What is offered first is the least that does it: a repair before anything else, one
// write before two, and never the removal of a block while something else helps.
func TestFixes(t *testing.T) {
	m := parseModel(t, `
class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Folder implements Namespace { related: { viewers: User[] } permits = { view: (ctx) => this.related.viewers.includes(ctx.subject) } }
class Doc implements Namespace {
  related: { parents: Folder[], viewers: (User | SubjectSet<Group, "members">)[], reviewers: User[], blocked: User[] }
  permits = {
    view: (ctx) => this.related.viewers.includes(ctx.subject) || this.related.parents.traverse((p) => p.permits.view(ctx)),
    publish: (ctx) => this.related.reviewers.includes(ctx.subject) && this.permits.view(ctx),
    read: (ctx) => this.permits.view(ctx) && !this.related.blocked.includes(ctx.subject),
  }
}`)
	for _, c := range []struct {
		name     string
		tuples   []string
		question string
		first    string
		also     int
		unblocks bool
	}{
		{"nothing is there", nil, "Doc:d#view@ann", "add Doc:d#viewers@ann, which also grants read", 0, false},
		{"two are needed", nil, "Doc:d#publish@ann", "add Doc:d#reviewers@ann and add Doc:d#viewers@ann, which also grants read", 0, false},
		{"one of two is there", []string{"Doc:d#viewers@ann"}, "Doc:d#publish@ann", "add Doc:d#reviewers@ann", 0, false},
		{"blocked", []string{"Doc:d#viewers@ann", "Doc:d#blocked@ann"}, "Doc:d#read@ann", "remove Doc:d#blocked@ann", 0, true},
		{"a typo in the set", []string{"Doc:d#viewers@Group:g#member", "Group:g#members@ann"}, "Doc:d#view@ann", "add Doc:d#viewers@Group:g#members, which also grants read", 0, false},
		{"a bare parent", []string{"Doc:d#parents@f", "Folder:f#viewers@ann"}, "Doc:d#view@ann", "add Doc:d#parents@Folder:f#, which also grants read", 0, false},
		{"a group of many", []string{"Group:g#members@ben", "Doc:e#viewers@Group:g#members", "Doc:f#viewers@Group:g#members"}, "Group:g#members@ann",
			"add Group:g#members@ann, which also reaches 2 other objects", 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts, q := parseTuples(t, c.tuples...), parseTuples(t, c.question)[0]
			tr, err := (&access.Explainer{Tuples: access.NewTuples(ts), Model: m}).Explain(t.Context(), access.Asking{Question: q})
			if err != nil || len(tr.Fixes) == 0 {
				t.Fatalf("no fix: %+v, %v", tr, err)
			}
			if f := tr.Fixes[0]; f.Summary != c.first || f.AlsoGrants != c.also || f.Unblocks != c.unblocks {
				t.Errorf("first comes %q, which reaches %d others, unblocks %v; want %q", f.Summary, f.AlsoGrants, f.Unblocks, c.first)
			}
			checkFixes(t, m, access.Settings{}, 0, q, ts, tr.Fixes)
		})
	}
}
