package stack

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// The servers' configurations are complete files, the same ones that compose.yaml
// mounts. A stack gets copies in which ports, addresses and secrets are its own.
//
//go:embed config
var configFiles embed.FS

// DefaultOPL is the permission model that a stack's Keto starts with: the story's.
//
//go:embed story/namespaces.ts
var DefaultOPL string

// ConfigFile returns one of the embedded configuration files, such as "kratos.yml".
func ConfigFile(name string) ([]byte, error) {
	b, err := configFiles.ReadFile("config/" + name)
	if err != nil {
		return nil, fmt.Errorf("there is no configuration file %q: %w", name, err)
	}
	return b, nil
}

// The addresses that the configuration files carry for what is not a server of
// the stack.
const (
	// DefaultUIURL is where the pages for login and the like are expected.
	DefaultUIURL = "http://127.0.0.1:4455"
	// DefaultUpstreamURL is what Oathkeeper's rules forward to.
	DefaultUpstreamURL = "http://127.0.0.1:4480"
)

// settings are a configuration file as nested maps.
type settings map[string]any

func loadSettings(name string) (settings, error) {
	b, err := ConfigFile(name)
	if err != nil {
		return nil, err
	}
	var s settings
	if err := yaml.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read the embedded %s: %w", name, err)
	}
	return s, nil
}

// set puts a value under a dotted key and makes the maps on the way.
func (s settings) set(key string, v any) {
	m := map[string]any(s)
	path := strings.Split(key, ".")
	for _, k := range path[:len(path)-1] {
		next, ok := m[k].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[k] = next
		}
		m = next
	}
	m[path[len(path)-1]] = v
}

// rebase replaces addresses at the beginning of every string value. An address
// matches whole: "http://127.0.0.1:4433" is not the beginning of "…:44330".
func rebase(v any, addresses map[string]string) any {
	switch v := v.(type) {
	case settings:
		return rebase(map[string]any(v), addresses)
	case map[string]any:
		for k := range v {
			v[k] = rebase(v[k], addresses)
		}
	case []any:
		for i := range v {
			v[i] = rebase(v[i], addresses)
		}
	case string:
		for from, to := range addresses {
			if rest, ok := strings.CutPrefix(v, from); ok && (rest == "" || rest[0] == '/' || rest[0] == '?') {
				return to + rest
			}
		}
	}
	return v
}

// addresses maps what the configuration files say to what holds in this stack.
func (k *Stack) addresses() map[string]string {
	m := map[string]string{
		DefaultUIURL: strings.TrimSuffix(k.opts.UIURL, "/"),
		// The containers of compose.yaml see the host under this name.
		"http://host.docker.internal:4480": strings.TrimSuffix(k.opts.UpstreamURL, "/"),
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, port := range wellKnown {
		if k.rec.Ports[name] != 0 { // a server that is not asked for has no port
			m["http://127.0.0.1:"+strconv.Itoa(port)] = k.rec.Ports.url(name)
		}
	}
	return m
}

// write renders settings to a file in a server's folder.
func (k *Stack) write(s Server, name string, set settings) error {
	rebase(set, k.addresses())
	for key, v := range k.opts.Settings[s] {
		set.set(key, v)
	}
	b, err := yaml.Marshal(map[string]any(set))
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return writePrivate(filepath.Join(k.serverDir(s), name), b)
}

// listen puts a server's listeners on loopback and on the stack's ports.
func (k *Stack) listen(set settings, s Server) {
	for _, name := range listeners(s) {
		_, l, _ := strings.Cut(name, ".")
		if name == "oathkeeper.metrics" {
			l = "prometheus"
		}
		set.set("serve."+l+".host", "127.0.0.1")
		set.set("serve."+l+".port", k.port(name))
	}
}

// copyConfig copies embedded files unchanged.
func (k *Stack) copyConfig(s Server, names ...string) error {
	for _, name := range names {
		b, err := ConfigFile(name)
		if err != nil {
			return err
		}
		if err := writePrivate(filepath.Join(k.serverDir(s), name), b); err != nil {
			return err
		}
	}
	return nil
}

func (k *Stack) writeKratos() error {
	set, err := loadSettings("kratos.yml")
	if err != nil {
		return err
	}
	if err := ensureKeySet(filepath.Join(k.serverDir(Kratos), "tokenizer.jwks.json")); err != nil {
		return err
	}
	if err := k.copyConfig(Kratos, "identity.default.schema.json", "identity.staff.schema.json", "claims.jsonnet"); err != nil {
		return err
	}
	set.set("dsn", k.dsn(Kratos))
	k.listen(set, Kratos)
	set.set("secrets.cookie", []string{k.secrets.KratosCookie})
	set.set("secrets.cipher", []string{k.secrets.KratosCipher})
	return k.write(Kratos, "kratos.yml", set)
}

func (k *Stack) writeKeto() error {
	set, err := loadSettings("keto.yml")
	if err != nil {
		return err
	}
	set.set("dsn", k.dsn(Keto))
	// Keto reads a relative location, but only watches an absolute one (v0.13.0).
	set.set("namespaces.location", "file://"+filepath.ToSlash(k.oplPath()))
	k.listen(set, Keto)
	if err := k.writeOPL(); err != nil {
		return err
	}
	return k.write(Keto, "keto.yml", set)
}

func (k *Stack) oplPath() string { return filepath.Join(k.serverDir(Keto), "namespaces.ts") }

// writeOPL puts the permission model in place.
func (k *Stack) writeOPL() error {
	if k.opts.OPL == "" {
		return k.keep(k.oplPath(), []byte(DefaultOPL))
	}
	model, err := os.ReadFile(k.opts.OPL)
	if err != nil {
		return fmt.Errorf("read the permission model: %w", err)
	}
	return writePrivate(k.oplPath(), model)
}

// keep writes a file that the person may edit: one that was changed since we
// wrote it stays as it is.
func (k *Stack) keep(path string, b []byte) error {
	old, err := os.ReadFile(path)
	k.mu.Lock()
	name := filepath.Base(path)
	edited := err == nil && hash(old) != k.rec.Written[name]
	if !edited {
		k.rec.Written[name] = hash(b)
	}
	k.mu.Unlock()
	if edited {
		return nil
	}
	return writePrivate(path, b)
}

func (k *Stack) writeOathkeeper() error {
	set, err := loadSettings("oathkeeper.yml")
	if err != nil {
		return err
	}
	if err := ensureKeySet(filepath.Join(k.serverDir(Oathkeeper), "id_token.jwks.json")); err != nil {
		return err
	}
	k.listen(set, Oathkeeper)
	rules, err := ConfigFile("rules.json")
	if err != nil {
		return err
	}
	var list []any
	if err := json.Unmarshal(rules, &list); err != nil {
		return fmt.Errorf("read the embedded rules.json: %w", err)
	}
	rebase(list, k.addresses())
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	if err := k.keep(filepath.Join(k.serverDir(Oathkeeper), "rules.json"), b); err != nil {
		return err
	}
	return k.write(Oathkeeper, "oathkeeper.yml", set)
}

func (k *Stack) writeKeycloak() error { return k.copyConfig(Keycloak, "keycloak.conf") }

// serverDir is the working folder of a server: its paths are relative to it, so
// that no file name of the user's ends up in a URL.
func (k *Stack) serverDir(s Server) string { return filepath.Join(k.rec.Dir, string(s)) }

// dsn is the database URL of Kratos or Keto. SQLite writes ahead and syncs at its
// checkpoints only: what was committed survives the end of the process however it
// ends, and writes are twice as fast.
func (k *Stack) dsn(s Server) string {
	if k.pg != nil {
		return k.pg.dsn(k.rec.Name, s)
	}
	return "sqlite://" + string(s) + ".db?_fk=true&mode=rwc&_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=20000"
}
