package keto_test

import (
	"net/url"
	"strings"
	"testing"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/transport"
)

// A DELETE with a filter wipes what a forgotten parameter leaves in (keto: "?namespace=X"
// alone takes the whole namespace, 204, no count). Our client has no such call; it
// lists, compares with the confirmed number, and deletes exact tuples.
func TestRemoveMatchingCannotWipe(t *testing.T) {
	r := realKeto(t)
	r.put(r.tup("a", "ann"), r.tup("a", "ben"), r.tup("a", "ben"), r.tup("b", "ann"))

	t.Run("without any filter", func(t *testing.T) {
		_, err := r.RemoveMatching(bg, tuple.Query{}, 4, nil)
		problem(t, err, clients.Invalid, "")
	})
	t.Run("with another number than confirmed", func(t *testing.T) {
		_, err := r.RemoveMatching(bg, r.on("a"), 3, nil)
		problem(t, err, clients.Conflict, keto.CodeChanged)
	})
	t.Run("a whole namespace by mistake", func(t *testing.T) {
		_, err := r.RemoveMatching(bg, tuple.Query{Namespace: &r.ns}, 2, nil)
		problem(t, err, clients.Conflict, keto.CodeChanged)
	})
	if n := len(r.rows(url.Values{"namespace": {r.ns}, "object": {r.obj("a")}})); n != 3 {
		t.Fatalf("%d rows left, want all 3", n)
	}

	sel := must(r.Select(bg, r.on("a")))(t)
	if sel.Count() != 2 || sel.Rows != 3 {
		t.Fatalf("selected %d tuples in %d rows, want 2 in 3", sel.Count(), sel.Rows)
	}
	r.sent.reset()
	var steps []keto.Removal
	done := must(r.RemoveMatching(bg, r.on("a"), sel.Count(), func(p keto.Removal) { steps = append(steps, p) }))(t)
	if n := r.sent.count("DELETE"); n != 0 {
		t.Errorf("%d DELETE requests were sent, want none ever", n)
	}
	if len(steps) != 1 || steps[0] != (keto.Removal{Total: 2, Gone: 2}) {
		t.Errorf("progress was %v", steps)
	}
	if n := len(r.rows(url.Values{"namespace": {r.ns}, "object": {r.obj("a")}})); n != 0 {
		t.Errorf("%d rows left", n)
	}
	if r.stored(r.tup("b", "ann")) != 1 {
		t.Error("a tuple that the filter does not select is gone")
	}

	must(r.Undo(bg, done))(t)
	if a, b := r.stored(r.tup("a", "ann")), r.stored(r.tup("a", "ben")); a != 1 || b != 2 {
		t.Errorf("undo brought back %d and %d rows, want 1 and 2", a, b)
	}
}

// More tuples than one transaction takes are removed, and brought back, in several.
func TestRemoveManyAndUndo(t *testing.T) {
	r := realKeto(t)
	const n = keto.MaxEdits + 500
	must(r.Import(bg, numbered(r, "m", n), keto.ImportOptions{}))(t)
	var steps []int
	done := must(r.RemoveMatching(bg, r.on("m"), n, func(p keto.Removal) { steps = append(steps, p.Gone) }))(t)
	if len(steps) != 2 || steps[0] != keto.MaxEdits || steps[1] != n {
		t.Errorf("progress was %v", steps)
	}
	if left := len(r.rows(url.Values{"namespace": {r.ns}, "object": {r.obj("m")}})); left != 0 {
		t.Fatalf("%d rows left", left)
	}
	back := must(r.Undo(bg, done))(t)
	if back.Changed() != n || len(r.rows(url.Values{"namespace": {r.ns}, "object": {r.obj("m")}, "page_size": {"5000"}})) != n {
		t.Errorf("undo brought back %d of %d", back.Changed(), n)
	}
}

// Keto stores what is put twice twice, and a delete then takes both.
func TestAddNeverDuplicates(t *testing.T) {
	r := realKeto(t)
	ann := r.tup("d", "ann")
	r.put(ann, ann)
	if n := r.stored(ann); n != 2 {
		t.Fatalf("the trap is gone: %d rows after two PUTs", n)
	}
	d := must(r.Add(bg, ann))(t)
	if d.Before != 2 || d.Changed() || r.stored(ann) != 2 {
		t.Errorf("Add of an existing tuple: %+v, %d rows", d, r.stored(ann))
	}
	ben := r.tup("d", "ben")
	for i := range 3 {
		if d := must(r.Add(bg, ben))(t); d.Changed() != (i == 0) {
			t.Errorf("Add number %d: %+v", i+1, d)
		}
	}
	if n := r.stored(ben); n != 1 {
		t.Errorf("%d rows after three Adds", n)
	}

	gone := must(r.Remove(bg, ann))(t)
	if gone.Before != 2 || r.stored(ann) != 0 {
		t.Fatalf("Remove: %+v, %d rows left", gone, r.stored(ann))
	}
	must(r.Undo(bg, keto.Applied{Edits: []keto.Done{gone}}))(t)
	if n := r.stored(ann); n != 2 {
		t.Errorf("undo brought %d rows back, want both", n)
	}
}

func TestRemoveOfNothingSendsNothing(t *testing.T) {
	r := realKeto(t)
	r.sent.reset()
	d := must(r.Remove(bg, r.tup("x", "nobody")))(t)
	if d.Before != 0 || d.Changed() || r.sent.count("PATCH") != 0 {
		t.Errorf("%+v, %d writes", d, r.sent.count("PATCH"))
	}
}

// One transaction: a tuple that Keto refuses takes the others with it, and Keto does
// not say which it was.
func TestApplyIsAllOrNothing(t *testing.T) {
	r := realKeto(t)
	good, bad := r.tup("g", "ann"), r.tup("g", "ben")
	bad.Subject = tuple.SubjectSet("NoSuchNamespace", "x", "y")
	_, err := r.Apply(bg, []keto.Edit{{Op: keto.Insert, Tuple: good}, {Op: keto.Insert, Tuple: bad}})
	pr := problem(t, err, clients.NotFound, keto.CodeUnknownNamespace)
	if !strings.Contains(pr.Reason, "NoSuchNamespace") {
		t.Errorf("the reason does not name the namespace: %s", pr.Reason)
	}
	if r.stored(good) != 0 {
		t.Error("half of the transaction was written")
	}
}

// Keto runs the inserts of a PATCH before its deletes, so this order would lose the tuple.
func TestContradictionIsRefused(t *testing.T) {
	r := realKeto(t)
	ann := r.tup("c", "ann")
	status, body := r.plain("PATCH", r.write+"/admin/relation-tuples", []map[string]any{
		{"action": "delete", "relation_tuple": ann}, {"action": "insert", "relation_tuple": ann}})
	if status != 204 || r.stored(ann) != 0 {
		t.Fatalf("the trap is gone: %d %s, %d rows", status, body, r.stored(ann))
	}
	_, err := r.Apply(bg, []keto.Edit{{Op: keto.Delete, Tuple: ann}, {Op: keto.Insert, Tuple: ann}})
	problem(t, err, clients.Invalid, "")
	a := must(r.Apply(bg, []keto.Edit{{Op: keto.Insert, Tuple: ann}, {Op: keto.Insert, Tuple: ann}}))(t)
	if len(a.Edits) != 1 || r.stored(ann) != 1 {
		t.Errorf("a repeated insert: %+v, %d rows", a, r.stored(ann))
	}
}

// Undo must not destroy what somebody else did meanwhile.
func TestUndoRefusesWhatChanged(t *testing.T) {
	r := realKeto(t)
	ann, ben := r.tup("u", "ann"), r.tup("u", "ben")
	r.put(ben)
	a := must(r.Apply(bg, []keto.Edit{{Op: keto.Insert, Tuple: ann}, {Op: keto.Delete, Tuple: ben}}))(t)
	r.put(ann)
	_, err := r.Undo(bg, a)
	problem(t, err, clients.Conflict, keto.CodeChanged)
	if r.stored(ann) != 2 || r.stored(ben) != 0 {
		t.Error("a refused undo wrote something")
	}
	must(r.Remove(bg, ann))(t)
	r.put(ann)
	back := must(r.Undo(bg, a))(t)
	if r.stored(ann) != 0 || r.stored(ben) != 1 {
		t.Error("undo did not restore")
	}
	must(r.Undo(bg, back))(t) // redo
	if r.stored(ann) != 1 || r.stored(ben) != 0 {
		t.Error("redo did not repeat")
	}
}

// What Keto stores although nobody can mean it is refused before it leaves, and can
// be removed when it is there.
func TestEmptyPartsAreRefusedAndRemovable(t *testing.T) {
	r := realKeto(t)
	good := r.tup("e", "ann")
	for _, spoil := range []func(*tuple.Tuple){
		func(t *tuple.Tuple) { t.Namespace = "" },
		func(t *tuple.Tuple) { t.Object = "" },
		func(t *tuple.Tuple) { t.Relation = "" },
		func(t *tuple.Tuple) { t.Subject = tuple.SubjectID("") },
		func(t *tuple.Tuple) { t.Subject = tuple.SubjectSet(r.ns, "", "x") },
		func(t *tuple.Tuple) { t.Subject = tuple.SubjectID("\xff") },
		func(t *tuple.Tuple) { t.Object = "a\x00b" },
	} {
		bad := good
		spoil(&bad)
		_, err := r.Add(bg, bad)
		problem(t, err, clients.Invalid, "")
	}
	odd := good
	odd.Relation, odd.Subject = "", tuple.SubjectID("")
	r.put(odd)
	if r.stored(odd) != 1 {
		t.Fatal("the trap is gone: Keto does not store empty parts any more")
	}
	if d := must(r.Remove(bg, odd))(t); d.Before != 1 || r.stored(odd) != 0 {
		t.Errorf("cannot remove it: %+v", d)
	}
}

// Below everything is the read-only guard; the POSTs that only ask pass it.
func TestReadOnlyContext(t *testing.T) {
	r := realKeto(t, func(_ *keto.Options, o *transport.Options) { o.ReadOnly = true })
	ann := r.tup("ro", "ann")
	_, err := r.Add(bg, ann)
	problem(t, err, clients.Denied, "")
	_, err = r.Import(bg, numbered(r, "ro", 3), keto.ImportOptions{})
	problem(t, err, clients.Denied, "")
	r.put(ann)
	_, err = r.RemoveMatching(bg, r.on("ro"), 1, nil)
	problem(t, err, clients.Denied, "")
	_, err = r.Undo(bg, keto.Applied{Edits: []keto.Done{{Edit: keto.Edit{Op: keto.Insert, Tuple: ann}, After: 1}}})
	problem(t, err, clients.Denied, "")
	if r.stored(ann) != 1 {
		t.Error("a read-only context wrote")
	}
	if ok := must(r.Check(bg, ann, 0))(t); !ok {
		t.Error("a check in a read-only context was denied")
	}
	must(r.BatchCheck(bg, []tuple.Tuple{ann}, 0))(t)
	must(r.CheckSyntax(bg, "class A implements Namespace {}"))(t)
	if n := must(r.Import(bg, numbered(r, "ro", 3), keto.ImportOptions{DryRun: true}))(t); n.Added != 3 {
		t.Errorf("dry run in a read-only context: %+v", n)
	}
}
