package live

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"gatehouse/access/login"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

var clientOps = []login.Op{login.OpEnableClient, login.OpSetClient, login.OpSetClientAttribute, login.OpSetClientSecret, login.OpAddRedirectURI,
	login.OpAddWebOrigin, login.OpAttachScope, login.OpClearFlow}

// clientMove are writes to clients.
func (x *Explainer) clientMove(ctx context.Context, w login.Write, in Inputs) (*move, error) {
	if w.Op == login.OpCreateClient {
		return x.createClient(w), nil
	}
	if !slices.Contains(clientOps, w.Op) {
		return nil, nil
	}
	r := x.realm
	c, err := r.ClientByClientID(ctx, w.Client)
	if err != nil {
		return nil, err
	}
	if ctx.Value(beforeKey{}) != nil && w.Op != login.OpAttachScope {
		c = keycloak.Client{ID: c.ID}
		if err := asBefore(ctx, &c); err != nil {
			return nil, err
		}
	}
	update := func(p keycloak.ClientPatch) func(context.Context) error {
		return func(ctx context.Context) error { return drop(r.UpdateClient(ctx, c.ID, p)) }
	}
	two := func(do, back keycloak.ClientPatch) *move {
		return &move{func(ctx context.Context) (any, error) {
			c, err := r.Client(ctx, c.ID)
			c.Attributes, c.Access = withoutTimes(c.Attributes), nil
			return c, err
		}, update(do), update(back)}
	}
	switch w.Op {
	case login.OpEnableClient:
		return two(keycloak.ClientPatch{Enabled: new(true)}, keycloak.ClientPatch{Enabled: new(c.Enabled)}), nil
	case login.OpSetClientSecret:
		m := two(keycloak.ClientPatch{Secret: new(in[w.Input])}, keycloak.ClientPatch{})
		m.back = nil
		return m, nil
	case login.OpAddRedirectURI:
		all := append(slices.Clone(c.RedirectURIs), w.Value)
		return two(keycloak.ClientPatch{RedirectURIs: &all}, keycloak.ClientPatch{RedirectURIs: &c.RedirectURIs}), nil
	case login.OpAddWebOrigin:
		all := append(slices.Clone(c.WebOrigins), w.Value)
		return two(keycloak.ClientPatch{WebOrigins: &all}, keycloak.ClientPatch{WebOrigins: &c.WebOrigins}), nil
	case login.OpSetClientAttribute:
		return two(keycloak.ClientPatch{Attributes: map[string]string{w.Name: w.Value}}, keycloak.ClientPatch{Attributes: map[string]string{w.Name: c.Attributes[w.Name]}}), nil
	case login.OpClearFlow:
		return two(keycloak.ClientPatch{FlowOverrides: map[string]string{w.Name: ""}}, keycloak.ClientPatch{FlowOverrides: map[string]string{w.Name: c.FlowOverrides[w.Name]}}), nil
	case login.OpAttachScope:
		return x.attachScope(ctx, c, w)
	}
	do, back, err := clientPatches(c, w)
	m := two(do, back)
	if w.Name == "protocol" {
		switchBack := m.back
		m.back = func(ctx context.Context) error {
			if err := switchBack(ctx); err != nil {
				return err
			}
			return x.restoreScopes(ctx, c)
		}
	}
	return m, err
}

// restoreScopes attaches to a client the client scopes that it had, and no others. A
// change of the protocol makes the server attach the realm's default ones for the new
// protocol (26.7.3), so that changing it back also attaches those that an administrator
// had taken away.
func (x *Explainer) restoreScopes(ctx context.Context, c keycloak.Client) error {
	r := x.realm
	now, err := r.ScopesOfClient(ctx, c.ID)
	if err != nil {
		return err
	}
	for _, s := range slices.Concat(now.Default, now.Optional) {
		if slices.Contains(c.DefaultScopes, s.Name) || slices.Contains(c.OptionalScopes, s.Name) {
			continue
		}
		if _, err := r.DetachScope(ctx, c.ID, s.ID); err != nil {
			return err
		}
	}
	attach := func(names []string, there []keycloak.ClientScope, use keycloak.ScopeUse) error {
		for _, name := range names {
			if slices.ContainsFunc(there, func(s keycloak.ClientScope) bool { return s.Name == name }) {
				continue
			}
			s, err := x.scope(ctx, name)
			if err != nil {
				return err
			}
			if _, err := r.AttachScope(ctx, c.ID, s.ID, use); err != nil {
				return err
			}
		}
		return nil
	}
	if err := attach(c.DefaultScopes, now.Default, keycloak.ScopeDefault); err != nil {
		return err
	}
	return attach(c.OptionalScopes, now.Optional, keycloak.ScopeOptional)
}

// withoutTimes leaves out what the server notes with every change.
func withoutTimes(attrs map[string]string) map[string]string {
	delete(attrs, "client.secret.creation.time")
	return attrs
}

// clientPatches are the switches of a client, by their names in ClientRepresentation.
func clientPatches(c keycloak.Client, w login.Write) (do, back keycloak.ClientPatch, err error) {
	on := w.Value == "true"
	switch w.Name {
	case "directAccessGrantsEnabled":
		do.DirectAccessGrants, back.DirectAccessGrants = &on, &c.DirectAccessGrants
	case "standardFlowEnabled":
		do.StandardFlow, back.StandardFlow = &on, &c.StandardFlow
	case "serviceAccountsEnabled":
		do.ServiceAccounts, back.ServiceAccounts = &on, &c.ServiceAccounts
	case "consentRequired":
		do.ConsentRequired, back.ConsentRequired = &on, &c.ConsentRequired
	case "fullScopeAllowed":
		do.FullScope, back.FullScope = &on, &c.FullScope
	case "bearerOnly":
		do.BearerOnly, back.BearerOnly = &on, &c.BearerOnly
	case "protocol":
		do.Protocol, back.Protocol = &w.Value, &c.Protocol
	default:
		err = invalid(fmt.Sprintf("there is no switch %q of a client", w.Name))
	}
	return do, back, err
}

func (x *Explainer) attachScope(ctx context.Context, c keycloak.Client, w login.Write) (*move, error) {
	s, err := x.scope(ctx, w.Name)
	if err != nil {
		return nil, err
	}
	r := x.realm
	before, err := r.ScopesOfClient(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	has := func(list []keycloak.ClientScope) bool {
		return slices.ContainsFunc(list, func(x keycloak.ClientScope) bool { return x.ID == s.ID })
	}
	back := func(ctx context.Context) error { return drop(r.DetachScope(ctx, c.ID, s.ID)) }
	was := []bool{has(before.Default), has(before.Optional)}
	if err := asBefore(ctx, &was); err != nil || len(was) != 2 {
		return nil, invalid("what was there before is not readable")
	}
	for i, use := range []keycloak.ScopeUse{keycloak.ScopeDefault, keycloak.ScopeOptional} {
		if was[i] {
			back = func(ctx context.Context) error { return drop(r.AttachScope(ctx, c.ID, s.ID, use)) }
		}
	}
	look := func(ctx context.Context) (any, error) {
		a, err := r.ScopesOfClient(ctx, c.ID)
		return []bool{has(a.Default), has(a.Optional)}, err
	}
	return &move{look, func(ctx context.Context) error {
		return drop(r.AttachScope(ctx, c.ID, s.ID, keycloak.ScopeUse(w.Value)))
	}, back}, nil
}

// createClient makes a public client that can do no more than this login.
func (x *Explainer) createClient(w login.Write) *move {
	r := x.realm
	n := keycloak.NewClient{ClientID: w.Client, Public: true, NoStandardFlow: w.Name != string(login.Browser), DirectAccessGrants: w.Name == string(login.Direct)}
	if w.Value != "" {
		n.RedirectURIs = []string{w.Value}
		if u, err := url.Parse(w.Value); err == nil && u.Host != "" {
			n.WebOrigins = []string{"+"}
		}
	}
	return &move{
		look: func(ctx context.Context) (any, error) {
			c, err := r.ClientByClientID(ctx, w.Client)
			if clients.Is(err, clients.NotFound) {
				return nil, nil
			}
			return c.ID, err
		},
		do: func(ctx context.Context) error { return drop(r.CreateClient(ctx, n)) },
		back: func(ctx context.Context) error {
			c, err := r.ClientByClientID(ctx, w.Client)
			if err != nil {
				return err
			}
			return drop(r.DeleteClient(ctx, c.ID))
		},
	}
}
