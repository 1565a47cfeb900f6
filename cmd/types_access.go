package cmd

import (
	"gatehouse/access/tuple"
)

// The types in this file are what the verbs about relation tuples print. Their
// JSON names are a promise to scripts; "gatehouse schema" shows them.

// namespaceOut is one namespace of Keto.
type namespaceOut struct {
	Name string `json:"name"`
	// Relations and Permissions come from the permission model, which Keto does not
	// hand out; they are absent where the model is not known.
	Relations   []relationOut `json:"relations,omitempty" jsonschema_description:"Relations that the model declares; absent where the model is not known (keto.opl)."`
	Permissions []string      `json:"permissions,omitempty" jsonschema_description:"Permissions that the model computes; absent where the model is not known."`
	// Drift says how model and server differ about this namespace.
	Drift string `json:"drift,omitempty" jsonschema:"enum=not_in_model,enum=not_on_server" jsonschema_description:"How the model and the server differ about this namespace; absent when they agree."`
}

// relationOut is one declared relation.
type relationOut struct {
	Name  string   `json:"name"`
	Types []string `json:"types" jsonschema_description:"What its subjects may be: a namespace, or namespace#relation."`
}

// tupleChange is what a write did, or with --dry-run would do, to one tuple.
type tupleChange struct {
	Op string `json:"op" jsonschema:"enum=add,enum=remove"`
	// Outcome is what became of it. "unknown" is a write that was sent and of which no
	// answer came: it may have happened.
	Outcome string      `json:"outcome" jsonschema:"enum=done,enum=unchanged,enum=absent,enum=would_do,enum=unknown,enum=failed" jsonschema_description:"done; unchanged: was there already; absent: there was none to remove; would_do: with --dry-run; unknown: sent, and no answer came back; failed."`
	Copies  int         `json:"copies" jsonschema_description:"How many copies were stored before; Keto stores a tuple as often as it is written."`
	Tuple   tuple.Tuple `json:"-"`
}

// MarshalJSON writes the tuple's own fields beside the others, in Keto's shape.
func (c tupleChange) MarshalJSON() ([]byte, error) {
	type fields tupleChange
	return withTuple(fields(c), c.Tuple)
}

// treeOut is a subject set with its members.
type treeOut struct {
	Type       string     `json:"type" jsonschema_description:"leaf, union, or an operator of a rule on a newer server (intersection, exclusion)."`
	SubjectID  *string    `json:"subject_id,omitempty"`
	SubjectSet *tuple.Set `json:"subject_set,omitempty"`
	Copies     int        `json:"copies,omitempty" jsonschema_description:"How often the same subject is stored here; absent for once."`
	Children   []*treeOut `json:"children,omitempty"`
}

// importResult is what "tuples import" did.
type importResult struct {
	Read      int  `json:"read" jsonschema_description:"Tuples read from the input."`
	Added     int  `json:"added" jsonschema_description:"Tuples written."`
	Unchanged int  `json:"unchanged" jsonschema_description:"Tuples that were stored already, or were in the input twice."`
	Removed   int  `json:"removed" jsonschema_description:"Tuples removed by --prune."`
	Complete  bool `json:"complete" jsonschema_description:"False when it stopped before the end of the input."`
	// ResumeLine is where to go on: --from-line of the next try.
	ResumeLine int `json:"resume_line,omitempty" jsonschema_description:"The line from which to go on with --from-line; absent when complete."`
}

var tupleColumns = []column[tuple.Tuple]{
	{Name: "namespace", Text: func(t tuple.Tuple) string { return t.Namespace }},
	{Name: "object", Text: func(t tuple.Tuple) string { return t.Object }},
	{Name: "relation", Text: func(t tuple.Tuple) string { return t.Relation }},
	{Name: "subject_id", Text: func(t tuple.Tuple) string { return t.Subject.ID }},
	{Name: "subject_namespace", Text: func(t tuple.Tuple) string { return subjectSet(t).Namespace }},
	{Name: "subject_object", Text: func(t tuple.Tuple) string { return subjectSet(t).Object }},
	{Name: "subject_relation", Text: func(t tuple.Tuple) string { return subjectSet(t).Relation }},
	{Name: "tuple", Text: tuple.Tuple.String},
}

func subjectSet(t tuple.Tuple) tuple.Set {
	if t.Subject.Set == nil {
		return tuple.Set{}
	}
	return *t.Subject.Set
}

// changeColumns are those of a tuple with the outcome before them.
var changeColumns = func() []column[tupleChange] {
	out := []column[tupleChange]{
		{Name: "op", Text: func(c tupleChange) string { return c.Op }},
		{Name: "outcome", Text: func(c tupleChange) string { return c.Outcome }},
	}
	for _, col := range tupleColumns {
		out = append(out, column[tupleChange]{Name: col.Name, Text: func(c tupleChange) string { return col.Text(c.Tuple) }})
	}
	return out
}()
