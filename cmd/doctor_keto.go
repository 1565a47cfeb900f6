package cmd

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/access/tuple"
	"gatehouse/clients/keto"
)

func (b *backends) examineKeto(ctx context.Context) []exam {
	x := b.Context.Keto
	if x == nil {
		return nil
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return []exam{failed("keto", "settings", x.ReadURL, err)}
	}
	return sideBySide([]func() []exam{
		func() []exam { return b.examineKetoPorts(ctx, k) },
		func() []exam { return []exam{b.examineModel(ctx, k)} },
		func() []exam { return b.examineFacts(ctx, k) },
	})
}

// examineKetoPorts asks each port how it is, and then something that only the right
// one of them answers: all three answer health alike.
func (b *backends) examineKetoPorts(ctx context.Context, k *keto.Client) []exam {
	var out []exam
	for _, h := range k.Health(ctx) {
		e := exam{Server: "keto", Check: h.Port, State: examOK, Says: "Keto " + h.Version, URL: h.URL}
		if h.Err != nil {
			out = append(out, failed("keto", h.Port, h.URL, h.Err))
			continue
		}
		switch h.Port {
		case "read port":
			if _, err := k.ListN(ctx, tuple.Query{}, "", 1); err != nil {
				e = failed("keto", h.Port, h.URL, err)
			}
		case "write port":
			if b.answersReads(ctx, h.URL) {
				e.State, e.Says = examFail, "this is the read port of Keto, nothing can be written there"
				e.Do = "set keto.write_url to the write port, which is 4467 unless the server says otherwise"
			}
		case "OPL port":
			if _, err := k.CheckSyntax(ctx, "class A implements Namespace {}"); err != nil {
				e = failed("keto", h.Port, h.URL, err)
			}
		}
		out = append(out, e)
	}
	return out
}

// answersReads reports whether the port at url lists relation tuples, which only a
// read port does.
func (b *backends) answersReads(ctx context.Context, url string) bool {
	client, err := b.client(ctx, "keto write port", b.Context.Keto.Gateway, b.Context.Timeouts.Request)
	if err != nil {
		return false
	}
	k, err := keto.New(keto.Options{ReadURL: url, Read: client})
	if err != nil {
		return false
	}
	_, err = k.ListN(ctx, tuple.Query{}, "", 1)
	return err == nil
}

// examineModel holds the namespaces of the server against those of the permission
// model that the context names.
func (b *backends) examineModel(ctx context.Context, k *keto.Client) exam {
	const check = "permission model"
	e := exam{Server: "keto", Check: check, State: examOK, URL: b.Context.Keto.OPL}
	names, err := k.Namespaces(ctx)
	if err != nil {
		return failed("keto", check, "", err)
	}
	if len(names) == 0 {
		e.State, e.Says = examFail, "Keto has no namespace: it refuses every tuple and every question"
		e.Do = "look at namespaces.location in Keto's own configuration, and at its log"
		return e
	}
	m, err := b.Model(ctx)
	if err != nil {
		return failed("keto", check, b.Context.Keto.OPL, err)
	}
	if m == nil {
		e.State, e.Says = examWarn, fmt.Sprintf("%s on the server; the context does not say where their model is", plural(len(names), "namespace", "namespaces"))
		e.Do = "set keto.opl to the file or URL that Keto reads, or denials are explained by guessing"
		return e
	}
	have := map[string]bool{}
	var onlyServer, onlyModel []string
	for _, n := range names {
		have[n] = true
		if m.Namespace(n) == nil {
			onlyServer = append(onlyServer, n)
		}
	}
	for _, n := range m.NamespaceNames() {
		if !have[n] {
			onlyModel = append(onlyModel, n)
		}
	}
	if len(onlyServer)+len(onlyModel) == 0 {
		e.Says = fmt.Sprintf("%s, the same on the server and in %s", plural(len(names), "namespace", "namespaces"), b.Context.Keto.OPL)
		return e
	}
	e.State, e.Do = examFail, "give both the same model: explanations are worked out from keto.opl, decisions are made by the server's"
	if len(onlyServer) > 0 {
		e.Says = "only on the server: " + strings.Join(onlyServer, ", ")
	}
	if len(onlyModel) > 0 {
		e.Says = strings.TrimPrefix(e.Says+"; only in the model: "+strings.Join(onlyModel, ", "), "; ")
	}
	return e
}
