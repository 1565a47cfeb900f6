package keto

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"unicode/utf8"

	sdk "github.com/ory/keto-client-go"

	"gatehouse/access/tuple"
	"gatehouse/clients"
)

// List reads one page of the tuples that the query selects, as they are stored:
// an unset part of the query matches everything, and a tuple that was stored twice
// comes twice (Keto's PUT does not look; see Seen). The cursor is opaque and only
// good for the same query: Keto 25.4 and later refuse it with another.
//
// Problems: NotFound with CodeUnknownNamespace; Invalid with CodePageToken when the
// server does not know the cursor (a 500 on Keto 0.13 and 0.14, a 400 later).
func (c *Client) List(ctx context.Context, q tuple.Query, cursor string) (clients.Page[tuple.Tuple], error) {
	return c.ListN(ctx, q, cursor, MaxPage)
}

// ListN is List with a page of at most size tuples, 1 to MaxPage. A server may
// return fewer.
func (c *Client) ListN(ctx context.Context, q tuple.Query, cursor string, size int) (clients.Page[tuple.Tuple], error) {
	const op = "list relation tuples"
	none := clients.Page[tuple.Tuple]{Total: -1}
	if size < 1 || size > MaxPage {
		return none, invalid(op, "page_size", fmt.Sprintf("a page of %d tuples cannot be asked for", size), fmt.Sprintf("use 1 to %d", MaxPage))
	}
	if err := need(op, c.read); err != nil {
		return none, err
	}
	if err := queryText(op, q); err != nil {
		return none, err
	}
	for send := fitting(q); ; {
		page, err := c.page(ctx, op, send, cursor, size)
		if err != nil || send == q {
			return page, err
		}
		page.Items = slices.DeleteFunc(page.Items, func(t tuple.Tuple) bool { return !q.Matches(t) })
		// An empty page would end a walk, so go on to the next that has something.
		if len(page.Items) > 0 || page.Next == "" || page.Next == cursor {
			return page, nil
		}
		cursor = page.Next
	}
}

// maxFilter is how long the query of a list may be, in bytes as it is sent. Keto
// looks for the end of the request line in the first 4,096 bytes of a connection and
// drops the connection when it is not there (its listener speaks HTTP and gRPC, by
// soheilhy/cmux); on a connection that is already open the same request works. What
// is left of the 4,096 is for the path and the page token.
const maxFilter = 3000

// fitting leaves out of a query what is too long to be sent, the longest part first.
// What the rest selects has to be filtered here.
func fitting(q tuple.Query) tuple.Query {
	escaped := func(s string) int { return len(url.QueryEscape(s)) }
	for {
		var n struct{ object, relation, subject int }
		if q.Object != nil {
			n.object = escaped(*q.Object)
		}
		if q.Relation != nil {
			n.relation = escaped(*q.Relation)
		}
		if q.Subject != nil {
			n.subject = escaped(q.Subject.ID)
			if s := q.Subject.Set; s != nil {
				n.subject = escaped(s.Namespace) + escaped(s.Object) + escaped(s.Relation)
			}
		}
		switch longest := max(n.object, n.relation, n.subject); {
		case n.object+n.relation+n.subject <= maxFilter:
			return q
		case n.subject == longest:
			q.Subject = nil
		case n.object == longest:
			q.Object = nil
		default:
			q.Relation = nil
		}
	}
}

// page asks for one page.
func (c *Client) page(ctx context.Context, op string, q tuple.Query, cursor string, size int) (clients.Page[tuple.Tuple], error) {
	none := clients.Page[tuple.Tuple]{Total: -1}
	req := c.read.sdk.RelationshipApi.GetRelationships(ctx).PageSize(int64(size))
	if cursor != "" {
		req = req.PageToken(cursor)
	}
	page, resp, err := filtered(req, q).Execute()
	if err := c.done(ctx, c.read, op, resp, err); err != nil {
		return none, tokenProblem(err, cursor)
	}
	if page == nil || page.RelationTuples == nil {
		return none, c.read.odd(op, resp.StatusCode, "it has no relation_tuples")
	}
	out := clients.Page[tuple.Tuple]{Items: make([]tuple.Tuple, len(page.RelationTuples)), Next: page.GetNextPageToken(), Total: -1}
	for i, r := range page.RelationTuples {
		out.Items[i] = fromSDK(r)
	}
	return out, nil
}

// filtered adds the query to the request. All three parts of a subject set are
// always sent, an empty relation as "subject_set.relation=": without it Keto
// answers 400.
func filtered(req sdk.RelationshipApiGetRelationshipsRequest, q tuple.Query) sdk.RelationshipApiGetRelationshipsRequest {
	if q.Namespace != nil {
		req = req.Namespace(*q.Namespace)
	}
	if q.Object != nil {
		req = req.Object(*q.Object)
	}
	if q.Relation != nil {
		req = req.Relation(*q.Relation)
	}
	if s := q.Subject; s != nil {
		if s.Set != nil {
			req = req.SubjectSetNamespace(s.Set.Namespace).SubjectSetObject(s.Set.Object).SubjectSetRelation(s.Set.Relation)
		} else {
			req = req.SubjectId(s.ID)
		}
	}
	return req
}

// tokenProblem recognises the refusal of a cursor. Old servers answer it with a
// 500 that looks like a broken server, so with a cursor a 500 is taken for that
// when its text speaks of a UUID, which is what their cursors are.
func tokenProblem(err error, cursor string) error {
	pr, ok := err.(*clients.Problem)
	if !ok || cursor == "" || (pr.Status != 400 && pr.Status != 500) || !reToken.MatchString(pr.Reason) {
		return err
	}
	pr.Kind, pr.Code = clients.Invalid, CodePageToken
	pr.Hint = "the list has moved on or the filter was changed; start again from its first page"
	return pr
}

// All walks every tuple that the query selects, holding one page at a time. It
// stops at the first error, which it yields with a zero tuple.
func (c *Client) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return clients.Each(ctx, func(ctx context.Context, cursor string) (clients.Page[tuple.Tuple], error) {
		return c.List(ctx, q, cursor)
	})
}

// Exactly is the query that selects one tuple and its copies.
func Exactly(t tuple.Tuple) tuple.Query {
	s := t.Subject
	return tuple.Query{Namespace: &t.Namespace, Object: &t.Object, Relation: &t.Relation, Subject: &s}
}

func fromSDK(r sdk.Relationship) tuple.Tuple {
	t := tuple.Tuple{Namespace: r.Namespace, Object: r.Object, Relation: r.Relation}
	if s := r.SubjectSet; s != nil && r.SubjectId == nil {
		t.Subject = tuple.SubjectSet(s.Namespace, s.Object, s.Relation)
	} else {
		t.Subject = tuple.SubjectID(r.GetSubjectId())
	}
	return t
}

func toSDK(t tuple.Tuple) *sdk.Relationship {
	r := sdk.NewRelationship(t.Namespace, t.Object, t.Relation)
	if s := t.Subject.Set; s != nil {
		r.SubjectSet = sdk.NewSubjectSet(s.Namespace, s.Object, s.Relation)
	} else {
		id := t.Subject.ID
		r.SubjectId = &id
	}
	return r
}

// queryText refuses text that JSON and URLs would change on the way: Keto compares
// byte by byte, so a name repaired with U+FFFD would be another name.
func queryText(op string, q tuple.Query) error {
	for _, part := range []struct {
		name string
		text *string
	}{{"namespace", q.Namespace}, {"object", q.Object}, {"relation", q.Relation}} {
		if part.text != nil && !utf8.ValidString(*part.text) {
			return badText(op, part.name)
		}
	}
	if q.Subject != nil {
		return subjectText(op, *q.Subject)
	}
	return nil
}

func tupleText(op string, t tuple.Tuple) error {
	return queryText(op, Exactly(t))
}

func subjectText(op string, s tuple.Subject) error {
	if !utf8.ValidString(s.ID) {
		return badText(op, "subject_id")
	}
	if s.Set != nil && !(utf8.ValidString(s.Set.Namespace) && utf8.ValidString(s.Set.Object) && utf8.ValidString(s.Set.Relation)) {
		return badText(op, "subject_set")
	}
	return nil
}

func badText(op, field string) error {
	return invalid(op, field, "the "+field+" is not valid UTF-8 text", "Keto stores text only")
}
