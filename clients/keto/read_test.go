package keto_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
)

// Every filter that Keto has, alone and together, selects what it should. A subject
// set goes whole, its empty relation too (in parts it is a 400).
func TestListFilters(t *testing.T) {
	r := realKeto(t)
	set := r.tup("a", "")
	set.Subject = r.members("b")
	object := r.tup("a", "")
	object.Subject = tuple.SubjectSet(r.ns, r.obj("b"), "")
	other := r.tup("b", "ann")
	other.Relation = "other"
	all := []tuple.Tuple{r.tup("a", "ann"), r.tup("b", "ann"), set, object, other}
	r.put(all...)
	a, b := r.obj("a"), r.obj("b")
	ann := tuple.SubjectID("ann")
	for i, q := range []tuple.Query{
		{Namespace: &r.ns, Object: &a},
		{Namespace: &r.ns, Object: &b, Relation: &other.Relation},
		{Object: &b},
		{Object: &b, Subject: &ann},
		{Namespace: &r.ns, Object: &a, Relation: &r.rel, Subject: &set.Subject},
		{Subject: &set.Subject},
		{Subject: &object.Subject},
		{Relation: &r.rel, Subject: &object.Subject},
		keto.Exactly(other),
	} {
		var want, got []string
		for _, x := range all {
			if q.Matches(x) {
				want = append(want, x.String())
			}
		}
		for x, err := range r.All(bg, q) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, x.String())
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(want, got) {
			t.Errorf("query %d: got %q, want %q", i, got, want)
		}
	}
	_, err := r.List(bg, tuple.Query{Namespace: ptr("NoSuchNamespace")}, "")
	problem(t, err, clients.NotFound, keto.CodeUnknownNamespace)
}

func ptr[T any](v T) *T { return &v }

// Text comes back as it was written, whatever it holds, and what looks like a set in
// text form stays an id.
func TestHostileText(t *testing.T) {
	r := realKeto(t)
	for _, s := range []string{
		"f:123:bob", "a#b@c", "(x:y#z)", "ann&object=x", "100%", "%2F/../..", "q?x=1#y", `"quoted"\`, " ", "<script>&amp;",
		"\x1b[31mred\x07", "‮evil‬", "👩‍💻 مرحبا", "line\nbreak\ttab\r", "nul\u0001",
	} {
		x := r.tup("h", s)
		if d := must(r.Add(bg, x))(t); !d.Changed() {
			t.Fatalf("%q: %+v", s, d)
		}
		var got []tuple.Tuple
		for y, err := range r.All(bg, keto.Exactly(x)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, y)
		}
		if len(got) != 1 || !got[0].Equal(x) || r.stored(x) != 1 {
			t.Errorf("%q came back as %q", s, got)
		}
		if ok := must(r.Check(bg, x, 0))(t); !ok {
			t.Errorf("%q: check denied", s)
		}
	}
}

// A request line of more than 4,096 bytes makes Keto drop a fresh connection. Long
// names are therefore filtered here, and the tuple can be found and removed all the same.
func TestVeryLongNames(t *testing.T) {
	r := realKeto(t)
	long := r.tup("l", strings.Repeat("long ", 1500))
	r.put(r.tup("l", "ann"), r.tup("l", "ben"))
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if resp, err := fresh.Get(r.read + "/relation-tuples?" + values(long).Encode()); err == nil {
		resp.Body.Close()
		t.Logf("this server takes a long request line: %d", resp.StatusCode)
	}
	for range 2 {
		must(r.Add(bg, long))(t)
	}
	rows := r.rows(url.Values{"namespace": {r.ns}, "object": {r.obj("l")}})
	page := must(r.ListN(bg, keto.Exactly(long), "", 1))(t)
	if len(rows) != 3 || len(page.Items) != 1 || !page.Items[0].Equal(long) {
		t.Errorf("%d rows, page %v", len(rows), page)
	}
	if !must(r.Check(bg, long, 0))(t) {
		t.Error("check denied")
	}
	if d := must(r.Remove(bg, long))(t); d.Before != 1 || r.rowsOf("l") != 2 {
		t.Errorf("%+v, %d rows left", d, r.rowsOf("l"))
	}
	_, err := r.Expand(bg, tuple.Set{Namespace: r.ns, Object: long.Subject.ID, Relation: r.rel}, 0)
	problem(t, err, clients.Invalid, "")
}

func TestPages(t *testing.T) {
	r := realKeto(t)
	const n = 1203
	must(r.Import(bg, numbered(r, "p", n), keto.ImportOptions{}))(t)
	var seen keto.Seen
	got, pages, cursor := 0, 0, ""
	for {
		page := must(r.ListN(bg, r.on("p"), cursor, 100))(t)
		pages++
		for _, x := range page.Items {
			got++
			if seen.Add(x) != 1 {
				t.Fatalf("%s came twice", x)
			}
		}
		if page.Next == "" {
			break
		}
		cursor = page.Next
	}
	if got != n || pages < 13 {
		t.Errorf("%d tuples in %d pages", got, pages)
	}
	// page_size=-1 is "all but one" for old servers, 0 their default: never sent.
	for _, size := range []int{-1, 0, keto.MaxPage + 1} {
		_, err := r.ListN(bg, r.on("p"), "", size)
		problem(t, err, clients.Invalid, "")
	}
}

// A cursor that the server does not know is a 500 on Keto 0.13 and 0.14.
func TestBadPageToken(t *testing.T) {
	r := realKeto(t)
	status, _ := r.plain("GET", r.read+"/relation-tuples?page_token=abc", nil)
	t.Logf("the server itself answers %d", status)
	_, err := r.List(bg, r.on("x"), "abc")
	problem(t, err, clients.Invalid, keto.CodePageToken)
}

func TestDuplicatesAreListedAndMarked(t *testing.T) {
	r := realKeto(t)
	ann := r.tup("d", "ann")
	r.put(ann, ann, ann, r.tup("d", "ben"))
	var seen keto.Seen
	rows, first := 0, 0
	for x, err := range r.All(bg, r.on("d")) {
		if err != nil {
			t.Fatal(err)
		}
		rows++
		if seen.Add(x) == 1 {
			first++
		}
	}
	if rows != 4 || first != 2 {
		t.Errorf("%d rows, %d distinct", rows, first)
	}
	if n := must(r.Copies(bg, ann, r.tup("d", "ben"), r.tup("d", "none"), r.tup("other", "x")))(t); !slices.Equal(n, []int{3, 1, 0, 0}) {
		t.Errorf("copies %v", n)
	}
}

func TestCheck(t *testing.T) {
	r := realKeto(t)
	ann := r.tup("c", "ann")
	nested := r.tup("outer", "")
	nested.Subject = r.members("c")
	r.put(ann, nested)

	t.Run("yes and no", func(t *testing.T) {
		if !must(r.Check(bg, ann, 0))(t) || must(r.Check(bg, r.tup("c", "ben"), 0))(t) {
			t.Error("wrong answer")
		}
	})
	t.Run("a set and an id are different subjects", func(t *testing.T) {
		q := r.tup("c", "")
		q.Subject = tuple.SubjectSet(r.ns, "ann", "")
		if must(r.Check(bg, q, 0))(t) {
			t.Error("the set was taken for the id")
		}
	})
	t.Run("depth", func(t *testing.T) {
		q := r.tup("outer", "ann")
		if !must(r.Check(bg, q, 0))(t) || must(r.Check(bg, q, 1))(t) || !must(r.Check(bg, q, 99))(t) {
			t.Error("max-depth is not honoured as documented")
		}
		_, err := r.Check(bg, q, -3) // the server would take it for its own limit
		problem(t, err, clients.Invalid, "")
	})
	t.Run("an unknown namespace is a plain no", func(t *testing.T) {
		q := ann
		q.Namespace = "NoSuchNamespace"
		if must(r.Check(bg, q, 0))(t) {
			t.Error("allowed?")
		}
	})
	t.Run("an unknown relation is no answer", func(t *testing.T) {
		q := ann
		q.Relation = "nosuchrelation"
		_, err := r.Check(bg, q, 0)
		if pr := problem(t, err, clients.Invalid, keto.CodeUnknownRelation); !strings.Contains(pr.Reason, "nosuchrelation") {
			t.Errorf("the reason does not name it: %s", pr.Reason)
		}
	})
	t.Run("a stored typo makes it fail too", func(t *testing.T) {
		poison := r.tup("poisoned", "")
		poison.Subject = tuple.SubjectSet(r.ns, r.obj("c"), "typo")
		r.put(poison)
		_, err := r.Check(bg, r.tup("poisoned", "zoe"), 0)
		if pr := problem(t, err, clients.Invalid, keto.CodeUnknownRelation); !strings.Contains(pr.Hint, "stored tuple") {
			t.Errorf("hint: %s", pr.Hint)
		}
	})
	t.Run("what Keto would answer with a meaningless no", func(t *testing.T) {
		for _, q := range []tuple.Tuple{{Object: "x", Relation: "y", Subject: ann.Subject}, {Namespace: r.ns, Object: "x", Subject: ann.Subject}} {
			_, err := r.Check(bg, q, 0)
			problem(t, err, clients.Invalid, "")
		}
	})
	if n := r.sent.count("GET /relation-tuples/check"); n != 0 {
		t.Errorf("%d checks put names into a URL", n)
	}
}

// Keto 0.13 has no batch check: 404 once, then one by one.
func TestBatchCheck(t *testing.T) {
	r := realKeto(t)
	var qs []tuple.Tuple
	for i := range 35 {
		x := r.tup("b", fmt.Sprintf("user%d", i))
		if i%3 == 0 {
			r.put(x)
		}
		qs = append(qs, x)
	}
	odd := r.tup("b", "ann")
	odd.Relation = "nosuchrelation"
	qs = append(qs, odd)
	for range 2 {
		for i, a := range must(r.BatchCheck(bg, qs, 0))(t) {
			switch {
			case !a.Question.Equal(qs[i]):
				t.Fatalf("answer %d is to another question", i)
			case i < 35 && (a.Err != nil || a.Allowed != (i%3 == 0)):
				t.Errorf("answer %d: %+v", i, a)
			case i == 35:
				problem(t, a.Err, clients.Invalid, keto.CodeUnknownRelation)
			}
		}
	}
	if status, _ := r.plain("POST", r.read+"/relation-tuples/batch/check", map[string]any{"tuples": qs[:1]}); status == 404 {
		if n := r.sent.count("POST /relation-tuples/batch/check"); n != 1 {
			t.Errorf("the batch call was tried %d times", n)
		}
	}
	if len(must(r.BatchCheck(bg, nil, 0))(t)) != 0 {
		t.Error("answers without questions")
	}
}

func TestExpand(t *testing.T) {
	r := realKeto(t)
	ann := r.tup("in", "ann")
	sub := r.tup("out", "")
	sub.Subject = r.members("in")
	r.put(ann, ann, sub, r.tup("out", "ben"))

	tree := must(r.Expand(bg, *r.members("out").Set, 0))(t)
	if tree == nil || tree.Type != keto.TreeUnion || len(tree.Children) != 2 || !tree.Subject.Equal(r.members("out")) {
		t.Fatalf("tree %+v", tree)
	}
	i := slices.IndexFunc(tree.Children, func(c *keto.Tree) bool { return c.Subject.Set != nil })
	if in := tree.Children[i]; in.Type != keto.TreeUnion || len(in.Children) != 2 || in.Children[0].Subject.ID != "ann" || tree.Size() != 5 {
		t.Errorf("inner tree %+v of size %d", in, tree.Size())
	}
	// Nobody there is a 200 with a 404 inside on servers up to 26.2.
	if tree := must(r.Expand(bg, *r.members("empty").Set, 0))(t); tree != nil {
		t.Errorf("the expansion of nothing is %+v", tree)
	}
	if tree := must(r.Expand(bg, *r.members("out").Set, 1))(t); tree.Size() > 3 {
		t.Errorf("max-depth 1 gave %d nodes", tree.Size())
	}
	_, err := r.Expand(bg, tuple.Set{Namespace: "NoSuchNamespace", Object: "x", Relation: "y"}, 0)
	problem(t, err, clients.NotFound, keto.CodeUnknownNamespace)
	_, err = r.Expand(bg, tuple.Set{Namespace: r.ns}, 0) // Keto would expand the object ""
	problem(t, err, clients.Invalid, "")
}

// Keto shuffles its namespaces.
func TestNamespaces(t *testing.T) {
	r := realKeto(t)
	_, body := r.plain("GET", r.read+"/namespaces", nil)
	var raw struct {
		Namespaces []struct{ Name string } `json:"namespaces"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, n := range raw.Namespaces {
		want = append(want, n.Name)
	}
	slices.Sort(want)
	for range 5 {
		if got := must(r.Namespaces(bg))(t); !slices.Equal(got, want) || !slices.Equal(got, r.model.NamespaceNames()) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestCheckSyntax(t *testing.T) {
	r := realKeto(t)
	if ps := must(r.CheckSyntax(bg, "class A implements Namespace {}"))(t); len(ps) != 0 {
		t.Errorf("a right source: %v", ps)
	}
	ps := must(r.CheckSyntax(bg, "class A implements Namespace {\n  related: { x: Nobody[] }\n}"))(t)
	if len(ps) != 1 || ps[0].Line != 2 || !strings.Contains(ps[0].Message, "Nobody") || ps[0].LastColumn <= ps[0].Column {
		t.Errorf("%+v", ps)
	}
	must(r.CheckSyntax(bg, ""))(t)
}

func TestHealthAndVersion(t *testing.T) {
	r := realKeto(t)
	hs := r.Health(bg)
	if len(hs) != 3 || hs[0].Port != "read port" || hs[1].Port != "write port" || hs[2].Port != "OPL port" {
		t.Fatalf("%+v", hs)
	}
	for _, h := range hs {
		if !h.Alive || !h.Ready || h.Version == "" || h.Err != nil || h.Took <= 0 {
			t.Errorf("%+v", h)
		}
	}
	if v := must(r.Version(bg))(t); v != hs[0].Version {
		t.Errorf("version %q", v)
	}
}

// The three ports are easily mixed up, and then all is 404.
func TestWrongPorts(t *testing.T) {
	r := realKeto(t)
	q := tuple.Query{Namespace: &r.ns}
	for _, c := range []struct {
		name, is    string
		read, write string
		opl         string
		call        func(*keto.Client) error
	}{
		{"write port as read port", "write port", r.write, r.write, r.opl, func(c *keto.Client) error { _, err := c.List(bg, q, ""); return err }},
		{"OPL port as read port", "OPL port", r.opl, r.write, r.opl, func(c *keto.Client) error { _, err := c.Check(bg, r.tup("x", "y"), 0); return err }},
		{"OPL port as read port, batch", "OPL port", r.opl, r.write, r.opl, func(c *keto.Client) error { _, err := c.BatchCheck(bg, []tuple.Tuple{r.tup("x", "y")}, 0); return err }},
		{"write port as read port, namespaces", "write port", r.write, r.write, r.opl, func(c *keto.Client) error { _, err := c.Namespaces(bg); return err }},
		{"write port as read port, expand", "write port", r.write, r.write, r.opl, func(c *keto.Client) error { _, err := c.Expand(bg, *r.members("x").Set, 0); return err }},
		{"read port as write port", "read port", r.read, r.read, r.opl, func(c *keto.Client) error { _, err := c.Add(bg, r.tup("x", "y")); return err }},
		{"OPL port as write port", "OPL port", r.read, r.opl, r.opl, func(c *keto.Client) error { _, err := c.Add(bg, r.tup("x", "y")); return err }},
		{"read port as OPL port", "read port", r.read, r.write, r.read, func(c *keto.Client) error { _, err := c.CheckSyntax(bg, "x"); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			pr := problem(t, c.call(clientFor(t, c.read, c.write, c.opl)), clients.Unreachable, keto.CodeWrongPort)
			if !strings.Contains(pr.Reason, "is that of Keto's "+c.is) {
				t.Errorf("reason: %s", pr.Reason)
			}
		})
	}
	if r.stored(r.tup("x", "y")) != 0 {
		t.Error("something was written")
	}
}

// An unknown parameter is silently ignored and everything comes back; queries are
// made from typed parts only, and what comes back is compared with them.
func TestIgnoredParameterTrap(t *testing.T) {
	r := realKeto(t)
	r.put(r.tup("i", "ann"), r.tup("i", "ben"))
	if n := len(r.rows(url.Values{"namespace": {r.ns}, "object": {r.obj("i")}, "subjectid": {"ann"}})); n != 2 {
		t.Fatalf("the trap is gone: %d rows", n)
	}
	sel := must(r.Select(bg, keto.Exactly(r.tup("i", "ann"))))(t)
	if sel.Count() != 1 {
		t.Errorf("%d selected", sel.Count())
	}
}
