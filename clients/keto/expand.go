package keto

import (
	"context"
	"net/http"
	"net/url"

	sdk "github.com/ory/keto-client-go"

	"gatehouse/access/tuple"
	"gatehouse/clients"
)

// The types of a Tree that Keto uses in practice; a newer server with
// feature_flags.expand_rewrites adds "intersection" and "exclusion".
const (
	TreeUnion = "union" // the children are the members of the set
	TreeLeaf  = "leaf"  // an id, or a set that was not looked into
)

// Tree is the expansion of a subject set.
type Tree struct {
	Type string
	// Subject is who or what the node stands for. It is zero on the nameless nodes
	// with which a newer server shows the operators of a rule.
	Subject  tuple.Subject
	Children []*Tree
}

// Size is the number of nodes, the tree itself included.
func (t *Tree) Size() int {
	if t == nil {
		return 0
	}
	n := 1
	for _, c := range t.Children {
		n += c.Size()
	}
	return n
}

// Expand shows who is in the set, as a tree of stored tuples. nil without an error
// says that there are none. It follows no rules of the model: the expansion of a
// permission is empty on every server up to 26.2, which does not mean that nobody
// has it. Members come with their copies. Keto does not page an expansion, so for
// a set that may be large list its tuples instead, or keep maxDepth small; 0
// leaves the depth to the server.
//
// Problems: NotFound with CodeUnknownNamespace.
func (c *Client) Expand(ctx context.Context, s tuple.Set, maxDepth int) (*Tree, error) {
	const op = "expand a subject set"
	if err := need(op, c.read); err != nil {
		return nil, err
	}
	if maxDepth < 0 {
		return nil, invalid(op, "max-depth", "a depth below 0 means nothing", "use 0 for the server's own limit, or 1 and more")
	}
	// A missing part would be taken for an empty one, and the tree of nothing shown.
	for _, part := range [][2]string{{"namespace", s.Namespace}, {"object", s.Object}, {"relation", s.Relation}} {
		if part[1] == "" {
			return nil, invalid(op, part[0], "the "+part[0]+" is empty", "ask for namespace:object#relation")
		}
	}
	if err := subjectText(op, tuple.Subject{Set: &s}); err != nil {
		return nil, err
	}
	if len(url.QueryEscape(s.Namespace+s.Object+s.Relation)) > maxFilter {
		return nil, invalid(op, "object", "the names are longer than Keto takes in a URL", "list its tuples instead")
	}
	req := c.read.sdk.PermissionApi.ExpandPermissions(ctx).Namespace(s.Namespace).Object(s.Object).Relation(s.Relation)
	if maxDepth > 0 {
		req = req.MaxDepth(int64(maxDepth))
	}
	got, resp, err := req.Execute()
	if err := c.done(ctx, c.read, op, resp, err); err != nil {
		if pr, ok := err.(*clients.Problem); ok && pr.Code == codeEmptyExpand {
			return nil, nil
		}
		return nil, err
	}
	return c.tree(op, resp, got, s)
}

// tree sorts out the three ways in which servers say "nothing": a 200 with an
// error inside (to 26.2), a leaf without an object (later), a leaf of the set itself.
func (c *Client) tree(op string, resp *http.Response, got *sdk.ExpandedPermissionTree, s tuple.Set) (*Tree, error) {
	if got == nil {
		return nil, c.read.odd(op, resp.StatusCode, "it is empty")
	}
	if got.Type == "" {
		body := make([]byte, 4096)
		n, _ := resp.Body.Read(body)
		if f, ok := parseFault(body[:n]); ok && f.Code == http.StatusNotFound {
			return nil, nil
		}
		return nil, c.read.odd(op, resp.StatusCode, "the tree has no type")
	}
	t := fromTree(got)
	if set := t.Subject.Set; t.Type == TreeLeaf && set != nil && (set.Object == "" || *set == s) {
		return nil, nil
	}
	return t, nil
}

func fromTree(n *sdk.ExpandedPermissionTree) *Tree {
	t := &Tree{Type: n.Type}
	if n.Tuple != nil { // only its subject means anything, the other parts are always empty
		t.Subject = fromSDK(*n.Tuple).Subject
	}
	for i := range n.Children {
		t.Children = append(t.Children, fromTree(&n.Children[i]))
	}
	return t
}
