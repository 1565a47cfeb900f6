package seed

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// userChunk is how many users go into one partial import: small enough to be done
// well within a deadline on a slow machine.
const userChunk = 100

// manyUsers makes the first n generated people users of the realm. They are in no
// group and have no password.
func manyUsers(ctx context.Context, s *keycloak.Server, realm string, names namer, n int, t *tally) error {
	r := s.Realm(realm)
	settings, err := r.Settings(ctx)
	if clients.Is(err, clients.NotFound) {
		return fmt.Errorf("seed Keycloak: there is no realm %s; seed the story first", realm)
	}
	if err != nil {
		return fmt.Errorf("seed Keycloak: %w", err)
	}
	t.begin("users", n)
	var have numbers
	fetch := r.Users(keycloak.UserQuery{Search: string(names), Brief: true, PageSize: 1000})
	for u, err := range clients.Each(ctx, fetch) {
		if err != nil {
			return fmt.Errorf("seed Keycloak: %w", err)
		}
		if g, ok := names.numberOf(u.Username); ok && int(g) <= n {
			have.add(g)
		}
	}
	t.count(same, have.n)
	var chunk []map[string]any
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		data, err := json.Marshal(map[string]any{"users": chunk})
		if err != nil {
			return err
		}
		done, err := importUsers(ctx, r, data)
		if err != nil {
			return fmt.Errorf("seed Keycloak: %w", err)
		}
		t.count(created, done.Added)
		t.count(same, done.Skipped)
		chunk = chunk[:0]
		return nil
	}
	for g := generated(1); int(g) <= n; g++ {
		if have.has(g) {
			continue
		}
		chunk = append(chunk, userRepresentation(names, g, settings.DefaultRole.Name))
		if len(chunk) == userChunk {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// importUsers imports users, leaving out those that exist. A seeding that was broken
// off may have an import on its way that the server is still carrying out: the two
// meet in a conflict, which passes when the other one is done.
func importUsers(ctx context.Context, r *keycloak.Realm, data []byte) (keycloak.ImportResult, error) {
	for attempt := 1; ; attempt++ {
		done, err := r.ImportPartial(ctx, keycloak.Import{Data: data, IfExists: keycloak.ImportSkip})
		if !clients.Is(err, clients.Conflict) || attempt == importAttempts {
			return done, err
		}
		select {
		case <-ctx.Done():
			return done, ctx.Err()
		case <-time.After(time.Duration(attempt) * time.Second):
		}
	}
}

// importAttempts is how often an import that met a conflict is tried.
const importAttempts = 5

// userRepresentation names the default role because an import gives none by itself.
func userRepresentation(names namer, g generated, defaultRole string) map[string]any {
	u := map[string]any{"username": names.username(g), "email": names.email(g), "firstName": g.first(), "lastName": g.last(),
		"enabled": g.active(), "emailVerified": g.verified()}
	if defaultRole != "" {
		u["realmRoles"] = []string{defaultRole}
	}
	return u
}
