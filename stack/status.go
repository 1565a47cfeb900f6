package stack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Status is a stack as it is found now, by this or another process.
type Status struct {
	Name     string    `json:"name"`
	Dir      string    `json:"dir"`
	Phase    Phase     `json:"phase"`
	PID      int       `json:"pid,omitempty"` // of the supervisor, while it runs
	Started  time.Time `json:"started,omitzero"`
	UptimeMS int64     `json:"uptime_ms"` // 0 when it does not run
	Database string    `json:"database"`  // "sqlite" or "postgres"
	// Servers are all servers in their usual order.
	Servers []ServerStatus `json:"servers"`
	// Info is what `stack up` printed.
	Info Info `json:"info"`
}

// ServerState is what a server of a stack is found to be.
type ServerState string

// The states of a server.
const (
	ServerReady    ServerState = "ready"
	ServerNotReady ServerState = "not_ready" // its process runs and its health address does not answer 200
	ServerCrashed  ServerState = "crashed"   // it ended by itself; the supervisor starts it again or gave up
	ServerMissing  ServerState = "missing"   // it was not asked for, or cannot run
	ServerStopped  ServerState = "stopped"   // the stack does not run
)

// ServerStatus is one server as it is found now.
type ServerStatus struct {
	Server   Server         `json:"server"`
	State    ServerState    `json:"state"`
	Missing  string         `json:"missing,omitempty"` // why it does not run, and what to do
	PID      int            `json:"pid,omitempty"`
	Version  string         `json:"version,omitempty"`
	Origin   string         `json:"origin,omitempty"` // "built", "PATH" or "flag"
	Program  string         `json:"program,omitempty"`
	Ports    map[string]int `json:"ports,omitempty"`
	Log      string         `json:"log"`
	Started  time.Time      `json:"started,omitzero"`
	UptimeMS int64          `json:"uptime_ms"`
	Restarts int            `json:"restarts"`            // since the stack was started
	LastExit string         `json:"last_exit,omitempty"` // how and when it last ended by itself
}

// Running tells whether a supervisor has the stack.
func (s Status) Running() bool { return s.Phase != Stopped && s.Phase != Died }

// Healthy tells whether the stack runs and every server that can run is ready.
func (s Status) Healthy() bool {
	return s.Phase == Ready && !slices.ContainsFunc(s.Servers, func(v ServerStatus) bool {
		return v.State == ServerNotReady || v.State == ServerCrashed
	})
}

// Load looks at one stack and asks its servers how they are, all at once.
// ErrNotFound says that there is none of that name.
func Load(ctx context.Context, name string) (Status, error) {
	r, err := loadRecord(name)
	if err != nil {
		return Status{}, err
	}
	return r.status(ctx), nil
}

// Names lists the stacks of this user, sorted, running or not.
func Names() []string {
	files, _ := filepath.Glob(filepath.Join(registry(), "*.json"))
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".json")
	}
	return files
}

// Listeners returns the names of a server's listeners, the keys of ServerStatus.Ports:
// "read", "write", "metrics" and "opl" of Keto.
func Listeners(s Server) []string {
	var names []string
	for _, l := range listeners(s) {
		_, short, _ := strings.Cut(l, ".")
		names = append(names, short)
	}
	return names
}

// List looks at all stacks of this user, sorted by name. One that cannot be read
// is left out and told by the error, which comes beside the others.
func List(ctx context.Context) ([]Status, error) {
	var all []Status
	var problems []error
	for _, name := range Names() {
		s, err := Load(ctx, name)
		switch {
		case errors.Is(err, ErrNotFound): // its folder was deleted by hand
		case err != nil:
			problems = append(problems, err)
		default:
			all = append(all, s)
		}
	}
	return all, errors.Join(problems...)
}

func (r record) status(ctx context.Context) Status {
	s := Status{Name: r.Name, Dir: r.Dir, Phase: r.Phase, Database: r.Database, Info: r.Info, Servers: make([]ServerStatus, len(Servers()))}
	if s.Running() {
		s.PID, s.Started, s.UptimeMS = r.PID, r.Started, time.Since(r.Started).Milliseconds()
	}
	var all sync.WaitGroup
	for i, name := range Servers() {
		all.Go(func() { s.Servers[i] = r.server(ctx, name, s.Running()) })
	}
	all.Wait()
	return s
}

func (r record) server(ctx context.Context, name Server, running bool) ServerStatus {
	known := r.Servers[name]
	if known == nil {
		known = &serverRecord{}
	}
	v := ServerStatus{Server: name, Missing: r.Info.Missing(name), Version: known.Version, Origin: known.Origin, Program: known.Program,
		Log: known.Log, Restarts: known.Restarts, LastExit: known.LastExit}
	switch {
	case v.Missing != "":
		v.State = ServerMissing
		return v
	case !running:
		v.State = ServerStopped
		return v
	case known.PID == 0 && r.Phase == Starting && known.LastExit == "":
		v.State = ServerNotReady
		return v
	case known.PID == 0:
		v.State = ServerCrashed
	case healthy(ctx, r.healthURL(name)):
		v.State = ServerReady
	default:
		v.State = ServerNotReady
	}
	v.Ports = map[string]int{}
	for _, l := range listeners(name) {
		_, short, _ := strings.Cut(l, ".")
		v.Ports[short] = r.Ports[l]
	}
	if known.PID != 0 {
		v.PID, v.Started, v.UptimeMS = known.PID, known.Started, time.Since(known.Started).Milliseconds()
	}
	return v
}

// healthListener names the listener of each server that answers /health/ready.
var healthListener = map[Server]string{
	Kratos: "kratos.public", Keto: "keto.read", Keycloak: "keycloak.management", Oathkeeper: "oathkeeper.api",
}

func (r record) healthURL(s Server) string { return r.Ports.url(healthListener[s]) + "/health/ready" }

// ProgramOf returns the binary of a server that a stack runs, or Keycloak's
// distribution, for starting another one of the same kind.
func ProgramOf(i Info, s Server) (string, error) {
	var r record
	if err := readJSON(filepath.Join(i.Dir, "state.json"), &r); err != nil {
		return "", err
	}
	if known := r.Servers[s]; known != nil && known.Program != "" {
		return known.Program, nil
	}
	return "", os.ErrNotExist
}
