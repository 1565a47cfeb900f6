package cmd

import (
	"context"

	"gatehouse/access"
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
		Settings:    access.Settings{Engine: engineOf(kc.Engine), MaxDepth: kc.MaxDepth, MaxWidth: kc.MaxWidth, Strict: kc.Strict == config.Yes},
		GuessEngine: engineOf(kc.Engine) == "", GuessStrict: kc.Strict != config.Yes && kc.Strict != config.No,
	}, nil
}
