package keycloak

import (
	"context"
	"slices"

	"gatehouse/clients"
)

// ScopeUse says how a client scope is attached: always in, or only when the request
// names it.
type ScopeUse string

// The two ways to attach a client scope.
const (
	ScopeDefault  ScopeUse = "default"
	ScopeOptional ScopeUse = "optional"
)

func (u ScopeUse) other() ScopeUse {
	if u == ScopeDefault {
		return ScopeOptional
	}
	return ScopeDefault
}

// AttachedScopes are the client scopes of a client, or those that every new client
// gets, by the way in which they are attached. Only ID and Name are filled.
type AttachedScopes struct {
	Default  []ClientScope `json:"default"`
	Optional []ClientScope `json:"optional"`
}

func (a AttachedScopes) of(u ScopeUse) []ClientScope {
	if u == ScopeDefault {
		return a.Default
	}
	return a.Optional
}

func (a AttachedScopes) has(u ScopeUse, id string) bool {
	return slices.ContainsFunc(a.of(u), func(s ClientScope) bool { return s.ID == id })
}

// with is what results from attaching or, with on false, detaching.
func (a AttachedScopes) with(u ScopeUse, id string, on bool) AttachedScopes {
	drop := func(l []ClientScope) []ClientScope {
		return slices.DeleteFunc(slices.Clone(l), func(s ClientScope) bool { return s.ID == id })
	}
	out := AttachedScopes{Default: drop(a.Default), Optional: drop(a.Optional)}
	switch {
	case on && u == ScopeDefault:
		out.Default = append(out.Default, ClientScope{ID: id})
	case on:
		out.Optional = append(out.Optional, ClientScope{ID: id})
	}
	return out
}

// attachment is a place that client scopes are attached to.
type attachment struct {
	r       *Realm
	op      string
	manages string
	at      func(u ScopeUse, rest ...string) []string
}

func (r *Realm) ofClient(uuid string) attachment {
	return attachment{r, "of the client", "manage-clients", func(u ScopeUse, rest ...string) []string {
		return append([]string{"clients", uuid, string(u) + "-client-scopes"}, rest...)
	}}
}

func (r *Realm) ofNewClients() attachment {
	return attachment{r, "of new clients", "manage-clients", func(u ScopeUse, rest ...string) []string {
		return append([]string{"default-" + string(u) + "-client-scopes"}, rest...)
	}}
}

func (a attachment) read(ctx context.Context) (AttachedScopes, error) {
	var out AttachedScopes
	var err error
	c := func(u ScopeUse) call { return a.r.get("list the client scopes "+a.op, "view-clients", a.at(u)...) }
	if out.Default, err = all[wireScope](ctx, a.r.s, c(ScopeDefault)); err == nil {
		out.Optional, err = all[wireScope](ctx, a.r.s, c(ScopeOptional))
	}
	return out, err
}

// attach takes a scope that is attached the other way from there first: the server
// answers success and does nothing otherwise.
func (a attachment) attach(ctx context.Context, scopeID string, use ScopeUse) (clients.Change[AttachedScopes], error) {
	op := "attach to the client scopes " + a.op
	return change(ctx, a.read, func(before AttachedScopes) (AttachedScopes, error) {
		after := before.with(use, scopeID, true)
		if before.has(use.other(), scopeID) {
			if _, err := a.r.s.do(ctx, a.r.del(op, a.manages, a.at(use.other(), scopeID)...), nil); err != nil {
				return before, err
			}
		}
		_, err := a.r.s.do(ctx, a.r.put(op, a.manages, nil, a.at(use, scopeID)...), nil)
		return after, err
	})
}

// detach takes a scope away wherever it is attached; the server does so whichever
// of the two addresses is used.
func (a attachment) detach(ctx context.Context, scopeID string) (clients.Change[AttachedScopes], error) {
	return change(ctx, a.read, func(before AttachedScopes) (AttachedScopes, error) {
		use := ScopeDefault
		if before.has(ScopeOptional, scopeID) {
			use = ScopeOptional
		}
		_, err := a.r.s.do(ctx, a.r.del("take from the client scopes "+a.op, a.manages, a.at(use, scopeID)...), nil)
		return before.with(use, scopeID, false), err
	})
}

// ScopesOfClient lists the client scopes attached to a client.
func (r *Realm) ScopesOfClient(ctx context.Context, clientUUID string) (AttachedScopes, error) {
	return r.ofClient(clientUUID).read(ctx)
}

// AttachScope attaches a client scope to a client in one of the two ways, taking it
// from the other.
func (r *Realm) AttachScope(ctx context.Context, clientUUID, scopeID string, use ScopeUse) (clients.Change[AttachedScopes], error) {
	return r.ofClient(clientUUID).attach(ctx, scopeID, use)
}

// DetachScope takes a client scope from a client.
func (r *Realm) DetachScope(ctx context.Context, clientUUID, scopeID string) (clients.Change[AttachedScopes], error) {
	return r.ofClient(clientUUID).detach(ctx, scopeID)
}

// NewClientScopes lists the client scopes that every new client gets.
func (r *Realm) NewClientScopes(ctx context.Context) (AttachedScopes, error) {
	return r.ofNewClients().read(ctx)
}

// AttachToNewClients makes a client scope one that every new client gets.
func (r *Realm) AttachToNewClients(ctx context.Context, scopeID string, use ScopeUse) (clients.Change[AttachedScopes], error) {
	return r.ofNewClients().attach(ctx, scopeID, use)
}

// DetachFromNewClients takes that back; clients that are there keep the scope.
func (r *Realm) DetachFromNewClients(ctx context.Context, scopeID string) (clients.Change[AttachedScopes], error) {
	return r.ofNewClients().detach(ctx, scopeID)
}
