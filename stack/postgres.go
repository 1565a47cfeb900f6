package stack

import (
	"context"
	"errors"
)

// postgres is a PostgreSQL server that holds a stack's databases.
type postgres struct{}

func openPostgres(ctx context.Context, url string) (*postgres, error) {
	return nil, errors.New("not yet")
}
func (p *postgres) dsn(stack string, s Server) string { return "" }
func (p *postgres) keycloakEnv(stack string) []string { return nil }

func dropDatabases(ctx context.Context, url, stack string) error { return nil }
