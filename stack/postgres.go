package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgres is a PostgreSQL server that holds a stack's databases, one for each of
// Kratos, Keto and Keycloak, named after the stack: dev_kratos, dev_keto, dev_keycloak.
type postgres struct {
	admin *pgx.ConnConfig // to the database from which the others are made
	url   *url.URL        // as it was given, with the password wherever it came from
}

// openPostgres understands a URL. The password may also come from PGPASSWORD or
// the password file, as with psql; nothing is connected to yet.
func openPostgres(text string) (*postgres, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("the database is no PostgreSQL URL; use postgres://USER@HOST:PORT/ with the password in PGPASSWORD, or env:NAME for a variable that holds it all")
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/postgres" // not the one named after the user, which need not exist
	}
	admin, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("the database URL: %w", err) // pgx masks the password
	}
	if strings.HasPrefix(admin.Host, "/") {
		return nil, errors.New("the database is reached by a Unix socket, which Keycloak cannot use; name a host")
	}
	admin.ConnectTimeout = 10 * time.Second
	u.Scheme = "postgres"
	u.Host = net.JoinHostPort(admin.Host, strconv.Itoa(int(admin.Port)))
	u.User = url.UserPassword(admin.User, admin.Password)
	if admin.Password == "" {
		u.User = url.User(admin.User)
	}
	return &postgres{admin: admin, url: u}, nil
}

func databaseName(stack string, s Server) string { return stack + "_" + string(s) }

// dsn is the URL of a server's own database. It holds the password, so it goes
// into files of mode 0600 only.
func (p *postgres) dsn(stack string, s Server) string {
	u := *p.url
	u.Path = "/" + databaseName(stack, s)
	return u.String()
}

// keycloakEnv says the same to Keycloak, whose driver wants the parts apart. Of
// the URL's parameters it gets those whose meaning is the same there.
func (p *postgres) keycloakEnv(stack string) []string {
	jdbc := "jdbc:postgresql://" + p.url.Host + "/" + databaseName(stack, Keycloak)
	same := url.Values{}
	for _, name := range []string{"sslmode", "sslrootcert"} {
		if v := p.url.Query().Get(name); v != "" {
			same.Set(name, v)
		}
	}
	if len(same) > 0 {
		jdbc += "?" + same.Encode()
	}
	return []string{"KC_DB_URL=" + jdbc, "KC_DB_USERNAME=" + p.admin.User, "KC_DB_PASSWORD=" + p.admin.Password}
}

// onServer runs f with a connection to the server, within half a minute.
func (p *postgres) onServer(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c, err := pgx.ConnectConfig(ctx, p.admin)
	if err != nil {
		return fmt.Errorf("reach the database server %s: %w", p.url.Host, err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	return f(ctx, c)
}

// owner reads by which stack a database was made: "" for none, and found false
// when there is no such database.
func owner(ctx context.Context, c *pgx.Conn, database string) (id string, found bool, err error) {
	err = c.QueryRow(ctx, `SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1`, database).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	return strings.TrimPrefix(id, databaseMark), err == nil, err
}

// databaseMark begins the comment on a database that a stack made.
const databaseMark = "gatehouse stack "

// makeDatabases makes the databases of the servers that are not there yet. One
// that is there and is not this stack's is refused: it is somebody's data.
func (p *postgres) makeDatabases(ctx context.Context, stack, id string, servers []Server) error {
	return p.onServer(ctx, func(ctx context.Context, c *pgx.Conn) error {
		for _, s := range servers {
			if s == Oathkeeper {
				continue // keeps nothing
			}
			name := databaseName(stack, s)
			have, found, err := owner(ctx, c, name)
			switch {
			case err != nil:
				return fmt.Errorf("look for the database %s: %w", name, err)
			case found && have != id:
				return fmt.Errorf("the database %s on %s is there already and not of this stack; choose another --name, or drop it yourself", name, p.url.Host)
			case found:
				continue
			}
			quoted := pgx.Identifier{name}.Sanitize()
			for _, sql := range []string{"CREATE DATABASE " + quoted, "COMMENT ON DATABASE " + quoted + " IS '" + databaseMark + id + "'"} {
				if _, err := c.Exec(ctx, sql); err != nil {
					return fmt.Errorf("make the database %s: %w", name, err)
				}
			}
		}
		return nil
	})
}

// dropDatabases deletes the databases that the stack made, and no others.
func dropDatabases(ctx context.Context, database, stack, id string) error {
	p, err := openPostgres(database)
	if err != nil {
		return err
	}
	return p.onServer(ctx, func(ctx context.Context, c *pgx.Conn) error {
		for _, s := range Servers() {
			name := databaseName(stack, s)
			have, found, err := owner(ctx, c, name)
			if err != nil {
				return err
			}
			if !found || have != id {
				continue
			}
			if _, err := c.Exec(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
				return err
			}
		}
		return nil
	})
}
