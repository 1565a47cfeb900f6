package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/config"
)

// Options say what Up starts. The zero value is a stack named "dev" with all
// servers, on free ports, on SQLite, without data.
type Options struct {
	// Name is the stack's name; empty means DefaultName. Several stacks with
	// different names run side by side.
	Name string `json:"name,omitempty"`
	// Dir is the folder of its data; empty means where it was before, or under StateDir.
	Dir string `json:"dir,omitempty"`
	// With names the servers to start; empty means all. A server that is named and
	// cannot run is an error, one of all that cannot run is only reported as missing.
	With []Server `json:"with,omitempty"`
	// Ports is FreePorts unless set.
	Ports PortMode `json:"ports,omitempty"`
	// Database is the URL of a PostgreSQL server, or a reference to it (env:NAME,
	// file:PATH); empty means SQLite and H2 files, or for a stack that is there
	// already what it was made with.
	Database string `json:"database,omitempty"`
	// Binaries names programs to use instead of building: a binary for a Go server,
	// the folder of a distribution for Keycloak.
	Binaries map[Server]string `json:"binaries,omitempty"`
	// OPL is a file with a permission model for Keto; empty means DefaultOPL.
	OPL string `json:"opl,omitempty"`
	// UIURL is where the login pages are; empty means DefaultUIURL.
	UIURL string `json:"ui_url,omitempty"`
	// UpstreamURL is what Oathkeeper guards; empty means DefaultUpstreamURL.
	UpstreamURL string `json:"upstream_url,omitempty"`
	// Realm is the realm that Info names; the seed makes it. Empty means what it was before, or master.
	Realm string `json:"realm,omitempty"`
	// Settings are laid over the configuration files of Kratos, Keto and Oathkeeper:
	// dotted keys and their values, such as "limit.max_read_depth": 12. A "dsn" of
	// "memory" keeps a server's data nowhere.
	Settings map[Server]map[string]any `json:"settings,omitempty"`
	// Unlisted keeps the stack out of the list of stacks, so that it is found by
	// nobody but us. It needs Dir. Tests use it.
	Unlisted bool `json:"unlisted,omitempty"`
	// NoRestart leaves a server that crashed as it is instead of starting it again.
	NoRestart bool `json:"no_restart,omitempty"`

	// Seed is called once when all servers are ready, to fill them. Its error stops
	// the stack and is what Up returns; what it wrote stays.
	Seed func(ctx context.Context, info Info, progress func(string)) error `json:"-"`
	// Progress is told what happens, one line at a time, from one goroutine at a
	// time, as long as the stack lives. The server is empty for the whole stack.
	// A line holds no secret and no control characters.
	Progress func(s Server, line string) `json:"-"`
}

// Stack is a running set of servers. This process is their supervisor: they end
// when it ends.
type Stack struct {
	opts    Options
	secrets secrets
	pg      *postgres // nil on SQLite
	build   *builder
	release func() // gives up the locks

	says sync.Mutex // one line of progress at a time

	mu      sync.Mutex // guards what follows
	rec     record
	procs   map[Server]*process
	closing bool

	stop context.CancelFunc // ends the watchers
	life context.Context    // until Down
	wg   sync.WaitGroup     // the watchers
	done chan struct{}      // closed by Down
	down sync.Once
}

// Up starts a stack and returns when all its servers are ready and seeded. ctx
// bounds the start alone; the stack lives until Down, or until this process ends.
//
// A server that cannot run is told by its Missing in Info. Up fails when nothing
// can run, when a server that Options.With names cannot, when the name or folder
// is in use (ErrRunning), and when seeding fails; then nothing is left running.
func Up(ctx context.Context, o Options) (*Stack, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	release, err := claim(o.Name, o.Dir, !o.Unlisted)
	if err != nil {
		return nil, err
	}
	k := &Stack{opts: o, release: release, procs: map[Server]*process{}, done: make(chan struct{})}
	k.life, k.stop = context.WithCancel(context.Background())
	if err := k.open(ctx); err != nil {
		release()
		return nil, err
	}
	if err := k.start(ctx); err != nil {
		_ = k.Down()
		return nil, err
	}
	return k, nil
}

// complete fills in the defaults and refuses what cannot be.
func (o *Options) complete() error {
	if o.Name == "" {
		o.Name = DefaultName
	}
	if err := CheckName(o.Name); err != nil {
		return err
	}
	if o.Unlisted && o.Dir == "" {
		return errors.New("an unlisted stack needs a folder")
	}
	dir, err := placeOf(o.Name, o.Dir)
	if err != nil {
		return err
	}
	if o.Dir = dir; checkDir(dir) != nil {
		return checkDir(dir)
	}
	if o.Ports == "" {
		o.Ports = FreePorts
	}
	if o.Ports != FreePorts && o.Ports != DefaultPorts {
		return fmt.Errorf("--ports is %q; use %s or %s", o.Ports, FreePorts, DefaultPorts)
	}
	for _, s := range o.With {
		if !slices.Contains(Servers(), s) {
			return fmt.Errorf("--with names %q, which is no server; choose from kratos, keto, keycloak and oathkeeper", s)
		}
	}
	if o.UIURL == "" {
		o.UIURL = DefaultUIURL
	}
	if o.UpstreamURL == "" {
		o.UpstreamURL = DefaultUpstreamURL
	}
	if o.Progress == nil {
		o.Progress = func(Server, string) {}
	}
	return nil
}

// wanted are the servers to start.
func (o *Options) wanted() []Server {
	if len(o.With) == 0 {
		return Servers()
	}
	var w []Server
	for _, s := range Servers() {
		if slices.Contains(o.With, s) {
			w = append(w, s)
		}
	}
	return w
}

// open reads what the stack was before and prepares its folder.
func (k *Stack) open(ctx context.Context) error {
	var old record
	if err := readJSON(filepath.Join(k.opts.Dir, "state.json"), &old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read what is known of the stack: %w; `gatehouse stack down --name %s --wipe` begins anew", err, k.opts.Name)
	}
	k.rec = record{
		Name: k.opts.Name, Dir: k.opts.Dir, PID: os.Getpid(), Phase: Starting, Started: time.Now().UTC(),
		Database: old.Database, Realm: old.Realm, Written: old.Written, Ports: old.Ports, Servers: map[Server]*serverRecord{},
	}
	if k.rec.Ports == nil {
		k.rec.Ports = ports{}
	}
	if k.rec.Written == nil {
		k.rec.Written = map[string]string{}
	}
	if k.opts.Realm != "" {
		k.rec.Realm = k.opts.Realm
	}
	for _, s := range Servers() {
		k.rec.Servers[s] = &serverRecord{Log: k.logPath(s)}
		if err := os.MkdirAll(k.serverDir(s), 0o700); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(k.opts.Dir, "logs"), 0o700); err != nil {
		return err
	}
	var err error
	if k.secrets, err = loadSecrets(k.opts.Dir); err != nil {
		return err
	}
	if err := k.openDatabase(ctx); err != nil {
		return err
	}
	if k.build, err = newBuilder(k.say); err != nil {
		return err
	}
	if err := k.rec.Ports.assign(k.opts.Ports, k.opts.wanted()); err != nil {
		return err
	}
	return k.save()
}

// openDatabase decides what the stack keeps its data in. Data do not move: a
// stack stays on what it was made with. The URL is kept with its password, which a
// restart needs; a password that changed since is taken from the new URL.
func (k *Stack) openDatabase(ctx context.Context) error {
	if k.opts.Database != "" {
		text, err := config.ParseSecret(k.opts.Database).Resolve(ctx)
		if err != nil {
			return fmt.Errorf("--database: %w", err)
		}
		if k.pg, err = openPostgres(text); err != nil {
			return fmt.Errorf("--database: %w", err)
		}
		if old, err := openPostgres(k.secrets.Database); k.rec.Database == "sqlite" || err == nil && old.url.Host != k.pg.url.Host {
			return fmt.Errorf("the stack %q keeps its data in another database; choose another --name, or begin anew after `gatehouse stack down --name %s --wipe`", k.rec.Name, k.rec.Name)
		}
		k.secrets.Database = k.pg.url.String()
		if err := writeJSON(secretsPath(k.opts.Dir), k.secrets); err != nil {
			return err
		}
	}
	k.rec.Database = "sqlite"
	if k.secrets.Database == "" {
		return nil
	}
	k.rec.Database = "postgres"
	if k.pg == nil {
		var err error
		if k.pg, err = openPostgres(k.secrets.Database); err != nil {
			return err
		}
	}
	return k.pg.makeDatabases(ctx, k.rec.Name, k.secrets.ID, k.opts.wanted())
}

// say passes one line on, without secrets and control characters.
func (k *Stack) say(s Server, line string) {
	k.says.Lock()
	defer k.says.Unlock()
	k.opts.Progress(s, k.show(line))
}

// Info describes the stack. The entry of a server that does not run has Missing set.
func (k *Stack) Info() Info {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rec.Info
}

// Done is closed when the stack was stopped by Down.
func (k *Stack) Done() <-chan struct{} { return k.done }

// Wait returns when the stack was stopped by Down, or when ctx ends; it does not stop anything.
func (k *Stack) Wait(ctx context.Context) error {
	select {
	case <-k.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *Stack) port(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rec.Ports[name]
}

func (k *Stack) url(name string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rec.Ports.url(name)
}

// save writes the record, which is how other processes see the stack.
func (k *Stack) save() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.saveLocked()
}

func (k *Stack) saveLocked() error {
	return writeJSON(filepath.Join(k.rec.Dir, "state.json"), k.rec)
}

func (k *Stack) logPath(s Server) string {
	return filepath.Join(k.opts.Dir, "logs", string(s)+".log")
}

// unavailable is the reason in Missing for servers that nobody asked for.
func unavailable(s Server, with []Server) string {
	names := make([]string, len(with))
	for i, w := range with {
		names[i] = string(w)
	}
	return fmt.Sprintf("not asked for; start the stack with --with %s,%s", strings.Join(names, ","), s)
}
