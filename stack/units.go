package stack

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// How long things may take at most. They are an order of magnitude above what they
// take on an idle machine of two cores, because a first start shares the machine
// with builds.
const (
	keycloakLimit = 8 * time.Minute
	migrateLimit  = 5 * time.Minute
)

// unit is how one server of a stack is prepared, started and recognised as ready.
type unit struct {
	server  Server
	program program
	// write renders the configuration for the ports that the stack has now.
	write func() error
	// prepare makes the database; nil when there is nothing to do.
	prepare func(ctx context.Context) error
	// command is the server's process; its working folder and outputs are set by the caller.
	command func() *exec.Cmd
	// ready is the address that answers 200 when the server can work.
	ready func() string
	// finish is done once the server is ready and before it counts as such; may be nil.
	finish func(ctx context.Context) error
	// describe puts the server's entry into Info.
	describe func(*Info)

	limit time.Duration // to become ready
	poll  time.Duration // between two looks
	grace time.Duration // between SIGTERM and SIGKILL
}

// unit finds or builds the server's program and says how to run it.
func (k *Stack) unit(ctx context.Context, s Server) (*unit, error) {
	if s == Keycloak {
		return k.keycloakUnit(ctx)
	}
	p, err := k.build.findGoServer(ctx, goServers[s], k.opts.Binaries[s], k.pg == nil)
	if err != nil {
		return nil, err
	}
	u := &unit{server: s, program: p, limit: 2 * time.Minute, poll: 50 * time.Millisecond, grace: grace(s)}
	switch s {
	case Kratos:
		k.kratosUnit(u)
	case Keto:
		k.ketoUnit(u)
	case Oathkeeper:
		k.oathkeeperUnit(u)
	}
	return u, nil
}

func (k *Stack) kratosUnit(u *unit) {
	u.write = k.writeKratos
	u.prepare = func(ctx context.Context) error {
		return k.migrate(ctx, u, "migrate", "sql", "-e", "-y", "-c", "kratos.yml")
	}
	u.command = func() *exec.Cmd {
		// --dev: without it cookies are marked Secure on plain http and the cost of
		// bcrypt is raised, which makes every login take a third of a second.
		return exec.Command(u.program.path, "serve", "-c", "kratos.yml", "--dev", "--watch-courier")
	}
	u.ready = func() string { return k.url("kratos.public") + "/health/ready" }
	u.describe = func(i *Info) {
		i.Kratos = KratosInfo{PublicURL: k.rec.Ports.url("kratos.public"), AdminURL: k.rec.Ports.url("kratos.admin"), Version: u.program.version}
	}
}

func (k *Stack) ketoUnit(u *unit) {
	u.write = k.writeKeto
	u.prepare = func(ctx context.Context) error { return k.migrate(ctx, u, "migrate", "up", "-y", "-c", "keto.yml") }
	u.command = func() *exec.Cmd { return exec.Command(u.program.path, "serve", "-c", "keto.yml") }
	u.ready = func() string { return k.url("keto.read") + "/health/ready" }
	u.describe = func(i *Info) {
		i.Keto = KetoInfo{ReadURL: k.rec.Ports.url("keto.read"), WriteURL: k.rec.Ports.url("keto.write"),
			OPLURL: k.rec.Ports.url("keto.opl"), OPL: k.oplPath(), Version: u.program.version}
	}
}

func (k *Stack) oathkeeperUnit(u *unit) {
	u.write = k.writeOathkeeper
	u.command = func() *exec.Cmd { return exec.Command(u.program.path, "serve", "-c", "oathkeeper.yml") }
	// 503 as long as there is no rule; rules.json has some.
	u.ready = func() string { return k.url("oathkeeper.api") + "/health/ready" }
	u.describe = func(i *Info) {
		i.Oathkeeper = OathkeeperInfo{ProxyURL: k.rec.Ports.url("oathkeeper.proxy"), APIURL: k.rec.Ports.url("oathkeeper.api"), Version: u.program.version}
	}
}

func (k *Stack) keycloakUnit(ctx context.Context) (*unit, error) {
	java, err := findJava(ctx)
	if err != nil {
		return nil, err
	}
	db := kcFileDB
	if k.pg != nil {
		db = kcPostgres
	}
	p, err := k.build.findKeycloak(ctx, java, k.opts.Binaries[Keycloak], db)
	if err != nil {
		return nil, err
	}
	u := &unit{server: Keycloak, program: p, limit: keycloakLimit, poll: 300 * time.Millisecond, grace: grace(Keycloak)}
	u.write = k.writeKeycloak
	u.prepare = func(ctx context.Context) error { return k.prepareKeycloak(ctx, java, p) }
	u.command = func() *exec.Cmd {
		cmd := keycloakCommand(java, p.path, k.port("keycloak.http"), k.port("keycloak.management"))
		cmd.Env = childEnv(k.keycloakEnv()...)
		return cmd
	}
	// The status is what counts: while Keycloak starts, the body of its 503 says "UP" in places.
	u.ready = func() string { return k.url("keycloak.management") + "/health/ready" }
	u.finish = k.settleKeycloak
	u.describe = func(i *Info) {
		realm := k.rec.Realm
		if realm == "" {
			realm = "master"
		}
		i.Keycloak = KeycloakInfo{URL: k.rec.Ports.url("keycloak.http"), AdminUsername: keycloakAdmin,
			AdminPasswordFile: k.passwordPath(), Realm: realm, Version: p.version}
	}
	return u, nil
}

// migrate runs a server's own migration command, with its output in the server's log.
func (k *Stack) migrate(ctx context.Context, u *unit, args ...string) error {
	if k.opts.Settings[u.server]["dsn"] == "memory" {
		return nil // it makes its tables itself
	}
	if err := k.privateDatabase(u.server); err != nil {
		return err
	}
	log, from, err := openLog(k.logPath(u.server))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(u.program.path, args...)
	cmd.Dir, cmd.Env = k.serverDir(u.server), childEnv()
	cmd.Stdout, cmd.Stderr = log, log
	p, err := launch(cmd)
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	limit, cancel := context.WithTimeout(ctx, migrateLimit)
	defer cancel()
	select {
	case <-p.done:
	case <-limit.Done():
		p.kill()
		return fmt.Errorf("make the database: %w", context.Cause(limit))
	}
	if p.err != nil {
		return fmt.Errorf("make the database: %w: %s", p.err, logTail(k.logPath(u.server), from, 3))
	}
	return nil
}

// privateDatabase makes the SQLite file before the server does, with mode 0600.
// SQLite takes an empty file for a new database, and gives its side files the same mode.
func (k *Stack) privateDatabase(s Server) error {
	if k.pg != nil {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(k.serverDir(s), string(s)+".db"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// A log beyond this size is set aside when its server starts; one older part is kept.
const logLimit = 20 << 20

// openLog opens a log to append to it, and says how long it is. It returns the
// plain file on purpose: given anything else as its output, a command would write
// into a pipe that breaks when we die or close our side.
func openLog(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, 0, err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, 0, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		_ = f.Close()
	}
	return f, size, err
}

// logTail is the end of what was logged from an offset on, on one line.
func logTail(path string, from int64, lines int) string {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Sprintf("its log cannot be read: %v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Sprintf("its log cannot be read: %v", err)
	}
	from = max(from, info.Size()-tailBytes)
	b := make([]byte, max(0, info.Size()-from))
	n, _ := f.ReadAt(b, from)
	return lastLines(b[:n], lines, " | ")
}

// exists tells whether a file is there; a file that cannot be looked at counts as there.
func exists(elem ...string) bool {
	_, err := os.Stat(filepath.Join(elem...))
	return err == nil || !os.IsNotExist(err)
}

// grace is how long a server may take to end after SIGTERM. Keycloak needs two to
// five seconds, the others none unless a request is under way.
func grace(s Server) time.Duration {
	if s == Keycloak {
		return 20 * time.Second
	}
	return 6 * time.Second
}
