package tuple

import (
	"fmt"
	"strings"
)

// ParseQuery reads a filter: the text of a tuple of which any part may be left
// out. "Doc" and "Doc:" are a namespace, ":a" is an object, "#viewers" a relation,
// "@ann" a subject, "Doc:#viewers@ann" all but the object. A * or nothing matches
// anything. What stands behind the @ is a whole subject (Keto cannot look for a
// part of one); a set with an empty relation is written with its #.
func ParseQuery(text string) (Query, error) {
	var q Query
	left, subject, hasSubject := strings.Cut(strings.TrimSpace(text), "@")
	if hasSubject {
		s, err := ParseSubject(subject)
		if err != nil {
			return Query{}, fmt.Errorf("%q is not a filter for relation tuples: %w", text, err)
		}
		q.Subject = &s
	}
	left, relation, _ := strings.Cut(left, "#")
	namespace, object, _ := strings.Cut(left, ":")
	q.Namespace, q.Object, q.Relation = part(namespace), part(object), part(relation)
	return q, nil
}

func part(s string) *string {
	if s = strings.TrimSpace(s); s == "" || s == "*" {
		return nil
	}
	return &s
}

// String is the filter in the form that ParseQuery reads; an empty one is "".
func (q Query) String() string {
	var b strings.Builder
	if q.Namespace != nil {
		b.WriteString(*q.Namespace + ":")
	}
	if q.Object != nil {
		if q.Namespace == nil {
			b.WriteByte(':')
		}
		b.WriteString(*q.Object)
	}
	if q.Relation != nil {
		b.WriteString("#" + *q.Relation)
	}
	if q.Subject != nil {
		b.WriteString("@" + q.Subject.String())
	}
	return b.String()
}

// IsZero reports whether the query selects everything.
func (q Query) IsZero() bool {
	return q.Namespace == nil && q.Object == nil && q.Relation == nil && q.Subject == nil
}
