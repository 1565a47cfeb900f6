package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/transport"
	"gatehouse/config"
)

// Model reads the permission model from where the context says its source is; Keto
// itself does not hand it out. It is nil, without an error, where the context names
// none.
func (b *backends) Model(ctx context.Context) (*opl.Model, error) {
	return b.model.get(func() (*opl.Model, error) {
		if b.Context.Keto == nil || b.Context.Keto.OPL == "" {
			return nil, nil
		}
		return loadModel(ctx, b.Context.Keto.OPL, b.fetchModel, "correct keto.opl in context "+b.Context.Name)
	})
}

// loadModel reads a model that Keto would accept; hint says what to do otherwise.
func loadModel(ctx context.Context, source string, fetch opl.Fetch, hint string) (*opl.Model, error) {
	const op = "read the permission model"
	l, err := opl.Load(ctx, source, fetch)
	if err != nil {
		return nil, &clients.Problem{Kind: kindOr(err, clients.Invalid), Op: op, Reason: err.Error(), Hint: hint, Err: err}
	}
	if len(l.Errors) > 0 {
		p := &clients.Problem{Kind: clients.Invalid, Op: op, Reason: "Keto would refuse it: " + l.Errors[0].Error(), Hint: hint, Err: l.Errors[0]}
		for _, e := range l.Errors {
			p.Fields = append(p.Fields, clients.Field{Path: e.Span.String(), Message: e.Message})
		}
		return nil, p
	}
	return l.Model, nil
}

// fetchModel gets a model over HTTP, without any credential of the context: it
// usually lies elsewhere than Keto.
func (b *backends) fetchModel(ctx context.Context, url string) (io.ReadCloser, error) {
	o, err := b.options(ctx, "permission model", config.Gateway{TLS: b.Context.TLS}, b.Context.Timeouts.Request)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := transport.New(o).Do(req)
	if err != nil {
		return nil, transport.Wrap(err, "get it", "permission model")
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("the answer was %s", resp.Status)
	}
	return resp.Body, nil
}

// writeCheck is what refuses a tuple that cannot work: one in a namespace that Keto
// does not know, which Keto would refuse only after what stands before it in an
// import is written, and one that Keto would silently store although the model has
// no use for it. With force the model is not asked; a model that cannot be read
// refuses all, because then nothing is known.
func (g *globals) writeCheck(ctx context.Context, b *backends, k *keto.Client, force bool) (func(tuple.Tuple) error, error) {
	var m *opl.Model
	if !force {
		var err error
		if m, err = b.Model(ctx); err != nil {
			p := *problemOf(err)
			p.Hint += ", or write without it with --force"
			return nil, cannotDo(&p)
		}
	}
	names, err := k.Namespaces(ctx)
	if err != nil {
		return nil, cannotDo(err)
	}
	return func(t tuple.Tuple) error {
		if force {
			return checkNamespaces(t, names)
		}
		return firstError(checkModel(m, t), checkNamespaces(t, names))
	}, nil
}

// checkNamespaces refuses a tuple in a namespace that the server does not have.
func checkNamespaces(t tuple.Tuple, names []string) error {
	missing := ""
	switch s := t.Subject.Set; {
	case len(names) == 0: // Keto lost its model, or answered nothing: it says so itself
		return nil
	case !slices.Contains(names, t.Namespace):
		missing = t.Namespace
	case s != nil && !slices.Contains(names, s.Namespace):
		missing = s.Namespace
	default:
		return nil
	}
	hint := "list those that exist with: gatehouse namespaces"
	if near := opl.Nearest(missing, names); near != "" {
		hint = fmt.Sprintf("did you mean %q? names are case-sensitive", near)
	}
	return &clients.Problem{Kind: clients.Invalid, Op: "write " + tupleLine(t), Code: keto.CodeUnknownNamespace,
		Reason: fmt.Sprintf("Keto knows no namespace %q", missing), Hint: hint}
}

// checkModel refuses what the model has no use for.
func checkModel(m *opl.Model, t tuple.Tuple) error {
	err := m.CanBeWritten(t)
	var r *opl.Refusal
	if !errors.As(err, &r) {
		return err
	}
	p := &clients.Problem{Kind: clients.Invalid, Op: "write " + tupleLine(t), Code: string(r.Kind), Reason: r.Message, Hint: r.Hint, Err: err}
	if r.Rule.Start.Line > 0 {
		p.Reason += " (" + r.Rule.String() + ")"
	}
	p.Hint = strings.TrimPrefix(p.Hint+"; --force writes it all the same", "; ")
	return p
}

// describe puts the model's knowledge beside the names that the server gives.
func (g *globals) describe(ctx context.Context, b *backends, names []string) []namespaceOut {
	m, err := b.Model(ctx)
	if err != nil {
		g.note("gatehouse: warning: %v", err)
	}
	var out []namespaceOut
	onServer := map[string]bool{}
	for _, name := range names {
		onServer[name] = true
		n := namespaceOut{Name: name}
		if m != nil {
			n.fill(m.Namespace(name))
		}
		out = append(out, n)
	}
	for _, name := range m.NamespaceNames() {
		if !onServer[name] {
			n := namespaceOut{Name: name}
			n.fill(m.Namespace(name))
			n.Drift = "not_on_server"
			out = append(out, n)
		}
	}
	return out
}

// fill copies relations and permissions; a namespace that the model lacks is drift.
func (n *namespaceOut) fill(from *opl.Namespace) {
	if from == nil {
		n.Drift = "not_in_model"
		return
	}
	for _, r := range from.Related() {
		rel := relationOut{Name: r.Name, Types: []string{}}
		for _, t := range r.Types {
			rel.Types = append(rel.Types, t.String())
		}
		n.Relations = append(n.Relations, rel)
	}
	for _, p := range from.Permits() {
		n.Permissions = append(n.Permissions, p.Name)
	}
}
