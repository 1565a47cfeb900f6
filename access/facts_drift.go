package access

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// drift compares the model with what the server declares: its namespaces, and for each
// relation whether Keto knows it. That is asked about an object and a subject that
// nobody has, and never for a rule that could run in circles.
func (p *probing) drift(ctx context.Context, rows []tuple.Tuple) error {
	if p.Model == nil {
		return nil
	}
	p.f.Requests++
	theirs, err := p.Namespaces.Namespaces(ctx)
	if err != nil {
		return err
	}
	ours := p.Model.NamespaceNames()
	for _, n := range theirs {
		if !slices.Contains(ours, n) {
			p.f.Drift = append(p.f.Drift, fmt.Sprintf("the server has a namespace %q, which the model has not", n))
		}
	}
	type pair struct{ namespace, relation string }
	var pairs []pair
	for _, n := range p.Model.Namespaces {
		if !slices.Contains(theirs, n.Name) {
			p.f.Drift = append(p.f.Drift, fmt.Sprintf("the model has a namespace %q, which the server has not", n.Name))
			continue
		}
		for _, r := range n.Relations {
			if !circular(p.Model, n.Name, r.Name) {
				pairs = append(pairs, pair{n.Name, r.Name})
			}
		}
	}
	if len(pairs) > maxRelations {
		p.open("drift: only %d of %d relations were compared", maxRelations, len(pairs))
		pairs = pairs[:maxRelations]
	}
	unknown := make([]bool, len(pairs))
	jobs := make([]func() error, 0, len(pairs))
	for i, at := range pairs {
		jobs = append(jobs, func() error {
			_, code, err := p.ask(ctx, tuple.Tuple{Namespace: at.namespace, Object: nobody(), Relation: at.relation, Subject: tuple.SubjectID(nobody())}, 0)
			unknown[i] = code == CauseUnknownRelation
			return err
		})
	}
	if err := together(jobs); err != nil {
		return err
	}
	for i, at := range pairs {
		if unknown[i] {
			p.f.Drift = append(p.f.Drift, fmt.Sprintf("the model has %s#%s, which the server does not know", at.namespace, at.relation))
		}
	}
	return p.undeclared(ctx, rows)
}

// undeclared asks about relations that tuples have and the model has not.
func (p *probing) undeclared(ctx context.Context, rows []tuple.Tuple) error {
	seen := map[string]bool{}
	for _, t := range rows {
		n := p.Model.Namespace(t.Namespace)
		k := t.Namespace + "#" + t.Relation
		if n == nil || len(n.Relations) == 0 || seen[k] || p.Model.Relation(t.Namespace, t.Relation) != nil || len(seen) == maxTrials {
			continue
		}
		seen[k] = true
		_, code, err := p.ask(ctx, tuple.Tuple{Namespace: t.Namespace, Object: nobody(), Relation: t.Relation, Subject: tuple.SubjectID(nobody())}, 0)
		if err != nil {
			return err
		}
		if code == "" {
			p.f.Drift = append(p.f.Drift, fmt.Sprintf("the server knows %s, which the model has not", k))
		}
	}
	return nil
}

// together does the jobs a few at a time and returns the first error.
func together(jobs []func() error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(jobs))
	gate := make(chan struct{}, parallel)
	for i, job := range jobs {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			errs[i] = job()
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// circular reports whether a rule asks, on the same object, for itself: the classic
// engine does not come back from such a question when a "!" or an "&&" is on the way.
func circular(m *opl.Model, namespace, relation string) bool {
	seen := map[string]bool{}
	var reaches func(name string) bool
	reaches = func(name string) bool {
		if seen[name] {
			return name == relation
		}
		seen[name] = true
		rel := m.Relation(namespace, name)
		if rel == nil || rel.Rewrite == nil {
			return false
		}
		return slices.ContainsFunc(computed(rel.Rewrite), func(next string) bool { return next == relation || reaches(next) })
	}
	return reaches(relation)
}

// computed are the relations and permissions of the same object that a rule asks for.
func computed(n opl.Node) []string {
	switch n := n.(type) {
	case *opl.Computed:
		return []string{n.Relation}
	case *opl.Not:
		return computed(n.Child)
	case *opl.Rewrite:
		var out []string
		for _, c := range n.Children {
			out = append(out, computed(c)...)
		}
		return out
	}
	return nil
}
