package keto

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"gatehouse/access/tuple"
	"gatehouse/clients"
)

// ImportOptions steer an Import. The zero value is usable.
type ImportOptions struct {
	// Batch is the number of tuples in one transaction, at most and by default MaxEdits.
	Batch int
	// Skip leaves out that many tuples at the start: the Read of an earlier,
	// interrupted import of the same input.
	Skip int
	// DryRun looks everything up and writes nothing.
	DryRun bool
	// Check may refuse a tuple before anything of its batch is sent, such as
	// opl.Model.CanBeWritten. nil refuses nothing.
	Check func(tuple.Tuple) error
	// Progress is called after each batch, in order; nil is allowed. What it is given
	// is all that is needed to resume after a crash.
	Progress func(Imported)
	// Added is called with the tuples that a batch has added, for an undo that outlives
	// the process; nil is allowed.
	Added func([]tuple.Tuple)
}

// Imported is how far an Import has come.
type Imported struct {
	// Read is how many tuples of the input are dealt with, Skip included. A later
	// import resumes with it.
	Read int
	// Added were stored, Existed were stored before or came twice in the input.
	Added, Existed int
	// Batches is the number of transactions.
	Batches int
}

// Import stores tuples in batches, one transaction each, and never a second copy:
// what is stored already is counted and left alone, so an import can be repeated
// and resumed at will. It is as fast as Keto writes when the namespaces are empty at
// the start, nearly so while they hold up to 100,000 tuples, and beyond that spends
// requests on looking for each.
//
// It stops at the first error; the answer then says how far it came, all earlier
// batches stay, and nothing of the failed one is stored, unless the kind is
// UnknownOutcome, which a repeated import settles.
func (c *Client) Import(ctx context.Context, input iter.Seq2[tuple.Tuple, error], o ImportOptions) (Imported, error) {
	const op = "import relation tuples"
	if err := need(op, c.read, c.write); err != nil {
		return Imported{}, err
	}
	if o.Batch <= 0 || o.Batch > MaxEdits {
		o.Batch = MaxEdits
	}
	im := importer{c: c, op: op, o: o, known: known{c: c, in: map[string]*stock{}}}
	for t, err := range input {
		if err != nil {
			return im.Imported, inputProblem(op, err)
		}
		if im.offered++; im.offered <= o.Skip {
			im.Read++
			continue
		}
		if err := im.add(ctx, t); err != nil {
			return im.Imported, err
		}
	}
	return im.Imported, im.flush(ctx)
}

func inputProblem(op string, err error) error {
	var pr *clients.Problem
	if errors.As(err, &pr) {
		return err
	}
	return &clients.Problem{Kind: clients.Invalid, Op: op, Target: "keto", Reason: err.Error(), Err: err}
}

// importer collects batches.
type importer struct {
	c  *Client
	op string
	o  ImportOptions
	Imported
	offered int
	batch   []tuple.Tuple
	known   known
}

func (im *importer) add(ctx context.Context, t tuple.Tuple) error {
	if err := checkEdit(im.op, Edit{Insert, t}); err != nil {
		return im.refuse(err, t)
	}
	if im.o.Check != nil {
		if err := im.o.Check(t); err != nil {
			return im.refuse(err, t)
		}
	}
	im.batch = append(im.batch, t)
	if len(im.batch) < im.o.Batch {
		return nil
	}
	return im.flush(ctx)
}

// refuse names the tuple by its place in the input. The batch it belongs to is not
// sent.
func (im *importer) refuse(err error, t tuple.Tuple) error {
	reason := err.Error()
	var pr *clients.Problem
	if errors.As(err, &pr) {
		reason = pr.Reason
	}
	return &clients.Problem{Kind: clients.Invalid, Op: im.op, Target: "keto", Err: err,
		Reason: fmt.Sprintf("tuple %d (%s): %s; the %d before it are done", im.offered, t, reason, im.Read),
		Hint:   "correct it and import again: what is stored already is left alone"}
}

func (im *importer) flush(ctx context.Context) error {
	if len(im.batch) == 0 {
		return nil
	}
	todo, err := im.missing(ctx)
	if err != nil {
		return asOp(err, im.op)
	}
	if len(todo) > 0 && !im.o.DryRun {
		if err := im.c.store(ctx, im.op, todo); err != nil {
			return partly(err, im.Added)
		}
	}
	im.known.add(todo)
	im.Read += len(im.batch)
	im.Added += len(todo)
	im.Existed += len(im.batch) - len(todo)
	im.Batches++
	im.batch = im.batch[:0]
	if im.o.Added != nil && len(todo) > 0 && !im.o.DryRun {
		im.o.Added(todo)
	}
	if im.o.Progress != nil {
		im.o.Progress(im.Imported)
	}
	return nil
}

// missing is the part of the batch that is not stored, each tuple once.
func (im *importer) missing(ctx context.Context) ([]tuple.Tuple, error) {
	var once []tuple.Tuple
	inBatch := make(map[string]bool, len(im.batch))
	for _, t := range im.batch {
		if k := t.Key(); !inBatch[k] {
			inBatch[k] = true
			once = append(once, t)
		}
	}
	return im.known.missing(ctx, once)
}

// store inserts tuples in one transaction without looking.
func (c *Client) store(ctx context.Context, op string, ts []tuple.Tuple) error {
	ds := make([]Done, len(ts))
	for i, t := range ts {
		ds[i] = Done{Edit{Insert, t}, 0, 1}
	}
	send := patches(ds)
	if err := c.patch(ctx, op, send); err != nil {
		return c.blame(ctx, err, send)
	}
	return nil
}
