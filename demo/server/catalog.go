// Package server puts the systems of the demo together and listens.
package server

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/demo/gate"
)

// Maker makes a system; an error says what it lacks.
type Maker func(*gate.Env) (*gate.System, error)

// Entry is one system of the catalogue.
type Entry struct {
	ID  string
	New Maker
}

// Catalog lists every system there is, in the order in which they are shown. Each
// group of systems has a file of its own.
func Catalog() []Entry { return slices.Concat(ory(), oidc(), accounts()) }

// IDs are the ids of all systems.
func IDs() []string {
	var ids []string
	for _, e := range Catalog() {
		ids = append(ids, e.ID)
	}
	return ids
}

// NeedsServers reports whether one of the systems leans on Kratos, Keto or Keycloak;
// no ids are all systems.
func NeedsServers(ids []string) bool {
	alone := accounts()
	for _, id := range ids {
		if !slices.ContainsFunc(alone, func(e Entry) bool { return e.ID == id }) {
			return true
		}
	}
	return len(ids) == 0
}

// Skipped is a system that cannot run here, and why.
type Skipped struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

// make builds the wanted systems. One that was asked for by name must run; of all,
// one that cannot is skipped with the reason.
func makeSystems(env *gate.Env, want []string) ([]*gate.System, []Skipped, error) {
	var list []*gate.System
	var skipped []Skipped
	for _, id := range want {
		if !slices.Contains(IDs(), id) {
			return nil, nil, fmt.Errorf("there is no system %q; choose from %s", id, strings.Join(IDs(), ", "))
		}
	}
	for _, e := range Catalog() {
		if len(want) > 0 && !slices.Contains(want, e.ID) {
			continue
		}
		s, err := e.New(env)
		switch {
		case err == nil:
			list = append(list, s)
		case len(want) > 0:
			return nil, nil, fmt.Errorf("%s cannot run: %w", e.ID, err)
		default:
			skipped = append(skipped, Skipped{e.ID, err.Error()})
		}
	}
	if len(list) == 0 {
		return nil, nil, fmt.Errorf("no system can run: %v", skipped)
	}
	return list, skipped, nil
}
