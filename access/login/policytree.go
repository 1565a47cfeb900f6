package login

import (
	"strings"

	"gatehouse/access"
)

// policyTree is the decision of the authorization services as a tree: the permissions
// that are about the question, their policies, and the parts of aggregate ones, each with
// the logic as it really is (an evaluation calls every policy positive). The first policy
// that denies is marked. nil where nothing was asked or could be read.
func policyTree(f *Facts, a Asked) *access.Step {
	d := f.Claims.Authz
	if a.Resource == "" || !d.Is() || d.Value == nil {
		return nil
	}
	b := newBench(f, a)
	root := &access.Step{Kind: "decision", Label: asked(a), Verdict: access.Denied, Reason: strings.ToLower(d.Value.Mode)}
	if d.Value.Strategy != "" {
		root.Reason += ", " + strings.ToLower(d.Value.Strategy)
	}
	if d.Value.Permitted {
		root.Verdict = access.Allowed
	}
	marked := d.Value.Permitted
	for _, p := range b.deciding(d.Value) {
		var first *PolicyNode
		if !marked && p.Result == Fail {
			first, marked = b.firstOf(p), true
		}
		root.Children = append(root.Children, b.policyStep(p, first))
	}
	if len(root.Children) == 0 {
		root.Reason += "; no permission is about it"
	}
	return root
}

// firstOf is the leaf that makes a permission deny, else the permission itself.
func (b *bench) firstOf(p *PolicyNode) *PolicyNode {
	if leaf := b.FirstDenying(p); leaf != nil {
		return leaf
	}
	return p
}

func (b *bench) policyStep(n, first *PolicyNode) *access.Step {
	kind := n.Type + " policy"
	if n.Type == "resource" || n.Type == "scope" {
		kind = n.Type + " permission"
	}
	s := &access.Step{Kind: access.Kind(kind), Label: n.Name, Verdict: verdictOf(b.result(n))}
	var reasons []string
	if n.Negative {
		reasons = append(reasons, "negative")
	}
	if len(n.Children) > 1 && n.Strategy != "" {
		reasons = append(reasons, strings.ToLower(n.Strategy))
	}
	if len(n.Children) == 0 && b.result(n) == Fail {
		reasons = append(reasons, b.reason(n))
	}
	if n == first {
		reasons = append(reasons, "the first that denies")
	}
	s.Reason = strings.Join(reasons, "; ")
	for _, c := range n.Children {
		s.Children = append(s.Children, b.policyStep(c, first))
	}
	return s
}

func verdictOf(r Result) access.Verdict {
	switch r {
	case Pass:
		return access.Allowed
	case Fail:
		return access.Denied
	}
	return access.Unknown
}
