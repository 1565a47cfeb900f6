package keycloak

import (
	"context"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Previews are the three documents of one user and client, and the mappers that made
// them.
type Previews struct {
	Of map[TokenKind]Preview `json:"of"`
	// Mappers take part in at least one of the documents.
	Mappers []PreviewMapper `json:"mappers"`
	// Dropped and Warning are those of the single previews, which agree.
	Dropped []string `json:"dropped_scopes,omitempty"`
	Warning string   `json:"warning,omitempty"`
}

// PreviewMapper is a mapper in effect, with where it writes.
type PreviewMapper struct {
	Mapper
	// Scope is the name of its client scope, empty for one of the client.
	Scope string `json:"scope,omitempty"`
	// Path is where in the claims it writes; "*" stands for any client. Empty where that
	// is not known.
	Path []string `json:"path,omitempty"`
	// Puts says into which documents.
	Puts map[TokenKind]bool `json:"puts"`
}

// Previews asks for all three side by side, and for the mappers in effect with their
// settings. What Preview says of its worth holds here too.
func (r *Realm) Previews(ctx context.Context, q PreviewQuery) (Previews, error) {
	kinds := []TokenKind{AccessToken, IDToken, UserInfo}
	made := make([]Preview, len(kinds))
	out := Previews{Of: map[TokenKind]Preview{}}
	g, ctx := errgroup.WithContext(ctx)
	for i, k := range kinds {
		g.Go(func() (err error) {
			if i == 0 { // one look at client and audience is enough for all
				made[i], err = r.Preview(ctx, k, q)
				return err
			}
			made[i].Kind = k
			made[i].Claims, err = r.PreviewClaims(ctx, k, q)
			return err
		})
	}
	g.Go(func() (err error) { out.Mappers, err = r.previewMappers(ctx, q); return })
	if err := g.Wait(); err != nil {
		return Previews{}, err
	}
	for i, k := range kinds {
		made[i].Dropped, made[i].Warning = made[0].Dropped, made[0].Warning
		out.Of[k] = made[i]
	}
	out.Dropped, out.Warning = made[0].Dropped, made[0].Warning
	return out, nil
}

// previewMappers reads the mappers in effect as they are stored.
func (r *Realm) previewMappers(ctx context.Context, q PreviewQuery) ([]PreviewMapper, error) {
	inEffect, err := r.EffectiveMappers(ctx, q.ClientUUID, q.Scope)
	if err != nil {
		return nil, err
	}
	owners := map[MapperOwner][]Mapper{}
	for _, e := range inEffect {
		owners[e.Owner] = nil
	}
	list := slices.Collect(maps.Keys(owners))
	stored := make([][]Mapper, len(list))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, o := range list {
		g.Go(func() (err error) { stored[i], err = r.Mappers(ctx, o); return })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, o := range list {
		owners[o] = stored[i]
	}
	var out []PreviewMapper
	for _, e := range inEffect {
		i := slices.IndexFunc(owners[e.Owner], func(m Mapper) bool { return m.ID == e.ID })
		if i < 0 {
			continue
		}
		m := owners[e.Owner][i]
		out = append(out, PreviewMapper{Mapper: m, Scope: e.Scope, Path: m.claimPath(), Puts: m.puts()})
	}
	return out, nil
}

// fixedPaths are where mappers write that have no setting for it.
var fixedPaths = map[string]string{
	"oidc-audience-mapper": "aud", "oidc-audience-resolve-mapper": "aud", "oidc-full-name-mapper": "name",
	"oidc-allowed-origins-mapper": "allowed-origins", "oidc-acr-mapper": "acr", "oidc-amr-mapper": "amr", "oidc-sub-mapper": "sub",
	"oidc-address-mapper": "address", "oidc-sha256-pairwise-sub-mapper": "sub", "oidc-organization-membership-mapper": "organization",
}

// claimPath is where a mapper writes. A dot in the name parts, unless a backslash stands
// before it.
func (m Mapper) claimPath() []string {
	name := m.Config["claim.name"]
	if name == "" {
		name = fixedPaths[m.Type]
	}
	if name == "" {
		return nil
	}
	var out []string
	for part := range strings.SplitSeq(strings.ReplaceAll(name, `\.`, "\x00"), ".") {
		if strings.Contains(part, "${client_id}") {
			part = "*"
		}
		out = append(out, strings.ReplaceAll(part, "\x00", "."))
	}
	return out
}

// puts reads the switches of a mapper; userinfo follows the ID token where it has none.
func (m Mapper) puts() map[TokenKind]bool {
	out := map[TokenKind]bool{AccessToken: m.Config["access.token.claim"] == "true", IDToken: m.Config["id.token.claim"] == "true"}
	v, ok := m.Config["userinfo.token.claim"]
	out[UserInfo] = v == "true" || !ok && out[IDToken]
	return out
}
