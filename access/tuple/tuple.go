// Package tuple is the relation tuple of Ory Keto as a value: text, JSON and
// comparison. It knows no server and no model.
package tuple

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Set is a subject set: everybody who has Relation on Namespace:Object. An empty
// Relation stands for the object itself ("Folder:2026#" as the parent of a document).
type Set struct {
	Namespace string `json:"namespace"`
	Object    string `json:"object"`
	Relation  string `json:"relation"`
}

// String is namespace:object#relation; with an empty relation the # stays, as in
// Keto's own text form.
func (s Set) String() string { return s.Namespace + ":" + s.Object + "#" + s.Relation }

// Subject is either a bare id or a subject set, never both: Set is nil for an id.
type Subject struct {
	ID  string
	Set *Set
}

// SubjectID makes the subject of a bare id.
func SubjectID(id string) Subject { return Subject{ID: id} }

// SubjectSet makes the subject of a set.
func SubjectSet(namespace, object, relation string) Subject {
	return Subject{Set: &Set{namespace, object, relation}}
}

// IsZero reports whether there is no subject at all; Keto refuses such a tuple.
func (s Subject) IsZero() bool { return s.ID == "" && s.Set == nil }

// Equal compares by value. Keto compares byte by byte, so case counts.
func (s Subject) Equal(o Subject) bool {
	if (s.Set == nil) != (o.Set == nil) {
		return false
	}
	if s.Set != nil {
		return *s.Set == *o.Set
	}
	return s.ID == o.ID
}

// String is the id, or the set in its text form.
func (s Subject) String() string {
	if s.Set != nil {
		return s.Set.String()
	}
	return s.ID
}

// Tuple is one relation tuple. As a question it reads "has Subject the Relation on
// Namespace:Object?", where Relation may also be a permission.
type Tuple struct {
	Namespace string
	Object    string
	Relation  string
	Subject   Subject
}

// Equal compares by value.
func (t Tuple) Equal(o Tuple) bool {
	return t.Namespace == o.Namespace && t.Object == o.Object && t.Relation == o.Relation && t.Subject.Equal(o.Subject)
}

// Key is a comparable form for maps. It cannot collide: it is the quoted parts.
func (t Tuple) Key() string {
	if t.Subject.Set != nil {
		s := t.Subject.Set
		return fmt.Sprintf("%q %q %q set %q %q %q", t.Namespace, t.Object, t.Relation, s.Namespace, s.Object, s.Relation)
	}
	return fmt.Sprintf("%q %q %q id %q", t.Namespace, t.Object, t.Relation, t.Subject.ID)
}

// Left is the part before the @: namespace:object#relation.
func (t Tuple) Left() string { return t.Namespace + ":" + t.Object + "#" + t.Relation }

// String is namespace:object#relation@subject. It is for people: a part that
// holds a separator makes it ambiguous (see Ambiguous), JSON never is.
func (t Tuple) String() string { return t.Left() + "@" + t.Subject.String() }

// Ambiguous reports whether Parse(t.String()) would give another tuple, as for
// the id "f:123:ann" of a federated Keycloak user. Such a tuple travels as JSON.
func (t Tuple) Ambiguous() bool {
	back, err := Parse(t.String())
	return err != nil || !back.Equal(t)
}

// SyntaxError says what is wrong with the text of a tuple and where.
type SyntaxError struct {
	Text   string
	Offset int    // in bytes, where the missing thing was expected
	Want   string // what was expected there
}

// Error names the text, the place and what was expected.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%q is not a relation tuple: %s at character %d; write namespace:object#relation@subject", e.Text, e.Want, e.Offset+1)
}

// Parse reads namespace:object#relation@subject as Keto's own command does: the
// text is cut at the first ':', the first '#' after it and the first '@' after
// that. The subject is a bare id, or namespace:object#relation, optionally in
// parentheses; a subject that holds a ':' is taken as a set, whose "#relation"
// may be missing and is then empty.
// Source: ketoapi/enc_string.go of ory/keto v0.13.
func Parse(text string) (Tuple, error) {
	fail := func(off int, want string) (Tuple, error) { return Tuple{}, &SyntaxError{text, off, want} }
	ns, rest, ok := strings.Cut(text, ":")
	if !ok {
		return fail(len(text), "expected ':' after the namespace")
	}
	obj, rest, ok := strings.Cut(rest, "#")
	if !ok {
		return fail(len(text), "expected '#' after the object")
	}
	rel, sub, ok := strings.Cut(rest, "@")
	if !ok {
		return fail(len(text), "expected '@' after the relation")
	}
	at := len(text) - len(sub)
	switch {
	case ns == "":
		return fail(0, "the namespace is empty")
	case obj == "":
		return fail(len(ns)+1, "the object is empty")
	case rel == "":
		return fail(len(ns)+len(obj)+2, "the relation is empty")
	}
	s, err := ParseSubject(sub)
	if err != nil {
		return fail(at, err.Error())
	}
	return Tuple{ns, obj, rel, s}, nil
}

// ParseSubject reads a bare id or a subject set, optionally in parentheses.
func ParseSubject(text string) (Subject, error) {
	if strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") && len(text) > 1 {
		text = text[1 : len(text)-1]
	}
	if text == "" {
		return Subject{}, fmt.Errorf("the subject is empty")
	}
	ns, rest, ok := strings.Cut(text, ":")
	if !ok {
		return SubjectID(text), nil
	}
	obj, rel, _ := strings.Cut(rest, "#")
	if ns == "" || obj == "" {
		return Subject{}, fmt.Errorf("the subject set %q lacks its namespace or object", text)
	}
	return SubjectSet(ns, obj, rel), nil
}

type wire struct {
	Namespace string  `json:"namespace"`
	Object    string  `json:"object"`
	Relation  string  `json:"relation"`
	SubjectID *string `json:"subject_id,omitempty"`
	Set       *Set    `json:"subject_set,omitempty"`
	Text      string  `json:"tuple,omitempty"`
}

// MarshalJSON writes Keto's own shape and, beside it, "tuple" with the text.
func (t Tuple) MarshalJSON() ([]byte, error) {
	w := wire{t.Namespace, t.Object, t.Relation, nil, t.Subject.Set, t.String()}
	if t.Subject.Set == nil {
		w.SubjectID = &t.Subject.ID
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads Keto's shape. It refuses what Keto would silently accept:
// both kinds of subject at once (Keto keeps the id only) and none at all.
// "tuple" is ignored: the fields say it without ambiguity.
func (t *Tuple) UnmarshalJSON(b []byte) error {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	switch {
	case w.SubjectID != nil && w.Set != nil:
		return fmt.Errorf("a relation tuple has either subject_id or subject_set, not both")
	case w.SubjectID == nil && w.Set == nil:
		return fmt.Errorf("a relation tuple needs subject_id or subject_set")
	case w.Set != nil:
		*t = Tuple{w.Namespace, w.Object, w.Relation, Subject{Set: w.Set}}
	default:
		*t = Tuple{w.Namespace, w.Object, w.Relation, SubjectID(*w.SubjectID)}
	}
	return nil
}

// Query selects tuples: each part that is not nil must match. A subject is
// selected whole or not at all; Keto answers 400 to a subject set in parts, and
// silently ignores a parameter that it does not know, which is why requests are
// made from this type only.
type Query struct {
	Namespace *string
	Object    *string
	Relation  *string
	Subject   *Subject
}

// Matches reports whether the query would select t.
func (q Query) Matches(t Tuple) bool {
	return (q.Namespace == nil || *q.Namespace == t.Namespace) &&
		(q.Object == nil || *q.Object == t.Object) &&
		(q.Relation == nil || *q.Relation == t.Relation) &&
		(q.Subject == nil || q.Subject.Equal(t.Subject))
}
