package cmd

import (
	"context"
	"errors"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/config"
)

// explainer explains the answers of a context's Keto: from its tuples, from the
// permission model that the context names, under the limits that it says the server
// has. full asks for every step besides those that count.
func (b *backends) explainer(ctx context.Context, k *keto.Client, full bool) (*access.Explainer, error) {
	m, err := b.Model(ctx)
	if err != nil {
		return nil, err
	}
	kc := b.Context.Keto
	return &access.Explainer{
		Server: k, Tuples: knownOnly{k}, Model: m, ModelUnknown: true, Full: full, Refused: ketoRefused,
		Settings: ketoSettings(kc),
		Judge:    ketoJudge(k), Prober: b.ketoProber(k, m), Large: &b.large,
		GuessEngine: engineOf(kc.Engine) == "", GuessStrict: kc.Strict != config.Yes && kc.Strict != config.No,
	}, nil
}

// ketoProber finds out about the context's Keto what no API tells. There is one for a
// model, so that what was found out is kept as long as the context is in use.
func (b *backends) ketoProber(k *keto.Client, m *opl.Model) *access.Prober {
	kc := b.Context.Keto
	b.proberMu.Lock()
	defer b.proberMu.Unlock()
	if b.prober == nil || b.prober.Model != m {
		b.prober = &access.Prober{
			Server: k, Tuples: knownOnly{k}, Namespaces: k, Model: m, Batch: k.BatchLimit, Code: ketoCode,
			Settings: ketoSettings(kc),
		}
	}
	return b.prober
}

// ketoCode names the errors with which Keto itself has no verdict.
func ketoCode(err error) string {
	var p *clients.Problem
	if errors.As(err, &p) && ketoRefused(err) {
		return p.Code
	}
	return ""
}

// ketoSettings are those of the server, as far as the context says them.
func ketoSettings(k *config.Keto) access.Settings {
	if k == nil {
		return access.Settings{}
	}
	return access.Settings{Engine: engineOf(k.Engine), MaxDepth: k.MaxDepth, MaxWidth: k.MaxWidth, Strict: k.Strict == config.Yes}
}
