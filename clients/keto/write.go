package keto

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	sdk "github.com/ory/keto-client-go"

	"gatehouse/access/tuple"
	"gatehouse/clients"
)

// Op is what an Edit does with its tuple.
type Op string

// The two operations, with the names that Keto gives them.
const (
	Insert Op = "insert"
	Delete Op = "delete"
)

// Edit is one wanted change: that a tuple be there, or that it not be there.
type Edit struct {
	Op    Op
	Tuple tuple.Tuple
}

// Done is what became of one Edit.
type Done struct {
	Edit
	// Before is how many copies were stored when we looked, just before the write.
	// An Insert with copies there was not sent, a Delete without any neither.
	Before int
	// After is how many there are by our doing.
	After int
}

// Changed reports whether the edit altered anything.
func (d Done) Changed() bool { return d.Before != d.After }

// Applied is what a write did, in the order of the edits asked for. It is all that
// Undo needs.
type Applied struct{ Edits []Done }

// Changed is how many of the edits altered anything.
func (a Applied) Changed() int {
	n := 0
	for _, d := range a.Edits {
		if d.Changed() {
			n++
		}
	}
	return n
}

// Add stores a tuple unless it is stored already, which the answer says (Before is
// then 1 or more, and nothing was sent). Keto itself would store it a second time.
//
// Nothing is checked against the model here: Keto takes any relation and any
// subject of a namespace that it knows. Ask opl.Model.CanBeWritten before.
// Problems: NotFound with CodeUnknownNamespace.
func (c *Client) Add(ctx context.Context, t tuple.Tuple) (Done, error) {
	return one(c.Apply(ctx, []Edit{{Insert, t}}))
}

// Remove deletes a tuple with all its copies. That there is none is told by Before
// being 0, not by an error.
func (c *Client) Remove(ctx context.Context, t tuple.Tuple) (Done, error) {
	return one(c.Apply(ctx, []Edit{{Delete, t}}))
}

func one(a Applied, err error) (Done, error) {
	if len(a.Edits) == 0 {
		return Done{}, err
	}
	return a.Edits[0], err
}

// Apply carries out up to MaxEdits edits in one transaction: all or none. It looks
// first what is stored and sends only what changes something. Keto has no conditional writes, so somebody who writes the same tuple
// in between may make a second copy; the next delete takes both.
//
// Two edits that contradict each other are refused (Keto runs inserts before
// deletes, whatever their order), repeated ones count once. With an error of kind
// UnknownOutcome the answer still holds what was there before; for every other
// error nothing was changed.
func (c *Client) Apply(ctx context.Context, edits []Edit) (Applied, error) {
	const op = "write relation tuples"
	edits, err := c.checkEdits(op, edits)
	if err != nil || len(edits) == 0 {
		return Applied{}, err
	}
	ts := make([]tuple.Tuple, len(edits))
	for i, e := range edits {
		ts[i] = e.Tuple
	}
	copies, err := c.Copies(ctx, ts...)
	if err != nil {
		return Applied{}, asOp(err, op)
	}
	a := Applied{Edits: make([]Done, len(edits))}
	var send []sdk.RelationshipPatch
	for i, e := range edits {
		d := Done{Edit: e, Before: copies[i], After: copies[i]}
		switch {
		case e.Op == Insert && d.Before == 0:
			d.After = 1
			send = append(send, patch(Insert, e.Tuple))
		case e.Op == Delete && d.Before > 0:
			d.After = 0
			send = append(send, patch(Delete, e.Tuple))
		}
		a.Edits[i] = d
	}
	return c.settle(ctx, op, a, send)
}

// settle sends the patch; when it surely did not happen the answer is empty.
func (c *Client) settle(ctx context.Context, op string, a Applied, send []sdk.RelationshipPatch) (Applied, error) {
	if len(send) == 0 {
		return a, nil
	}
	err := c.patch(ctx, op, send)
	if err != nil && !clients.Is(err, clients.UnknownOutcome) {
		return Applied{}, c.blame(ctx, err, send)
	}
	return a, err
}

// checkEdits refuses what must not be sent and drops repetitions.
func (c *Client) checkEdits(op string, edits []Edit) ([]Edit, error) {
	if err := need(op, c.read, c.write); err != nil {
		return nil, err
	}
	if len(edits) > MaxEdits {
		return nil, invalid(op, "edits", fmt.Sprintf("%d edits do not fit into one transaction", len(edits)),
			fmt.Sprintf("write at most %d at once, or import them", MaxEdits))
	}
	seen := make(map[string]Op, len(edits))
	out := make([]Edit, 0, len(edits))
	for i, e := range edits {
		if err := checkEdit(op, e); err != nil {
			return nil, atIndex(err, i, len(edits))
		}
		key := e.Tuple.Key()
		switch was, ok := seen[key]; {
		case !ok:
			seen[key] = e.Op
			out = append(out, e)
		case was != e.Op:
			return nil, invalid(op, fmt.Sprintf("/%d", i), fmt.Sprintf("%s is both added and removed", e.Tuple), "keep one of the two")
		}
	}
	return out, nil
}

// checkEdit refuses to store what nobody can mean; removing is never refused for
// what the tuple says, because such tuples exist.
func checkEdit(op string, e Edit) error {
	if e.Op != Insert && e.Op != Delete {
		return invalid(op, "op", fmt.Sprintf("%q is no operation", e.Op), "use insert or delete")
	}
	if err := tupleText(op, e.Tuple); err != nil {
		return err
	}
	if e.Op == Delete {
		return nil
	}
	t := e.Tuple
	if hasNUL(t) {
		return invalid(op, "tuple", "it holds a NUL character, which Keto on PostgreSQL cannot store", "leave it out")
	}
	for _, part := range [][2]string{{"namespace", t.Namespace}, {"object", t.Object}, {"relation", t.Relation}} {
		if part[1] == "" {
			return invalid(op, part[0], "the "+part[0]+" is empty, which Keto would store", "write namespace:object#relation@subject")
		}
	}
	if t.Subject.IsZero() {
		return invalid(op, "subject", "the subject is empty, which Keto would store", "write namespace:object#relation@subject")
	}
	if s := t.Subject.Set; s != nil && (s.Namespace == "" || s.Object == "") {
		return invalid(op, "subject_set", "the subject set lacks its namespace or object, which Keto would store", "write the subject as namespace:object#relation")
	}
	return nil
}

func hasNUL(t tuple.Tuple) bool {
	parts := t.Namespace + t.Object + t.Relation + t.Subject.ID
	if s := t.Subject.Set; s != nil {
		parts += s.Namespace + s.Object + s.Relation
	}
	return strings.ContainsRune(parts, 0)
}

func atIndex(err error, i, n int) error {
	if pr, ok := err.(*clients.Problem); ok && n > 1 {
		pr.Reason = fmt.Sprintf("edit %d: %s", i+1, pr.Reason)
		for j := range pr.Fields {
			pr.Fields[j].Path = fmt.Sprintf("/%d/%s", i, pr.Fields[j].Path)
		}
	}
	return err
}

func patch(op Op, t tuple.Tuple) sdk.RelationshipPatch {
	action := string(op)
	return sdk.RelationshipPatch{Action: &action, RelationTuple: toSDK(t)}
}

// patch is the one place from which this client writes. It is a PATCH with exact
// tuples: no filter ever goes to the write port.
func (c *Client) patch(ctx context.Context, op string, send []sdk.RelationshipPatch) error {
	resp, err := c.write.sdk.RelationshipApi.PatchRelationships(ctx).RelationshipPatch(send).Execute()
	if err := c.done(ctx, c.write, op, resp, err); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		pr := c.write.odd(op, resp.StatusCode, "a write is answered with 204")
		pr.Kind, pr.Hint = clients.UnknownOutcome, "it may have happened: read again before trying again"
		return pr
	}
	return nil
}

// blame names the tuple for whose namespace a whole transaction was refused; Keto
// itself does not say which.
func (c *Client) blame(ctx context.Context, err error, send []sdk.RelationshipPatch) error {
	pr, ok := err.(*clients.Problem)
	if !ok || pr.Code != CodeUnknownNamespace {
		return err
	}
	known, nerr := c.Namespaces(ctx)
	if nerr != nil {
		return err
	}
	for i, p := range send {
		t := fromSDK(*p.RelationTuple)
		bad := ""
		if !slices.Contains(known, t.Namespace) {
			bad = t.Namespace
		} else if s := t.Subject.Set; s != nil && !slices.Contains(known, s.Namespace) {
			bad = s.Namespace
		}
		if bad != "" {
			pr.Reason = fmt.Sprintf("Keto knows no namespace %q, which %s needs; nothing was written", bad, t)
			pr.Fields = []clients.Field{{Path: fmt.Sprintf("/%d/namespace", i), Message: "unknown namespace " + bad}}
			return pr
		}
	}
	return pr
}

func patches(ds []Done) []sdk.RelationshipPatch {
	out := make([]sdk.RelationshipPatch, len(ds))
	for i, d := range ds {
		out[i] = patch(d.Op, d.Tuple)
	}
	return out
}
