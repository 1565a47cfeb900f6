package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/adrg/xdg"
)

// Options are what the command line says; all of it may be zero.
type Options struct {
	// Path is --config. Empty means GATEHOUSE_CONFIG, then DefaultPath.
	Path string
	// Context is --context. Empty means GATEHOUSE_CONTEXT, then the file's current.
	Context string
	// ReadOnly is --read-only.
	ReadOnly bool
	// Timeout is --timeout: it replaces the deadlines of reads and writes when positive.
	Timeout time.Duration
	// Environ is the environment as KEY=VALUE; nil means the process's own.
	Environ []string
}

// ErrNotConfigured means that neither a file nor the environment names a back end.
var ErrNotConfigured = errors.New("nothing is configured")

// maxFileSize bounds the configuration file: thousands of contexts fit.
const maxFileSize = 1 << 20

// DefaultPath is where the file belongs: gatehouse/config.yaml in the user's
// configuration folder (XDG_CONFIG_HOME, ~/.config, or what the system has instead).
func DefaultPath() string { return filepath.Join(xdg.ConfigHome, "gatehouse", "config.yaml") }

// FindPath is the file that Load would read and whether somebody named it. Without
// a name it is the user's own, else the first that exists in the system's
// configuration folders, else DefaultPath, which then need not exist.
func FindPath(o Options) (path string, named bool) {
	if o.Path != "" {
		return o.Path, true
	}
	if p := o.env()("GATEHOUSE_CONFIG"); p != "" {
		return p, true
	}
	for _, dir := range append([]string{xdg.ConfigHome}, xdg.ConfigDirs...) {
		p := filepath.Join(dir, "gatehouse", "config.yaml")
		if _, err := os.Stat(p); err == nil {
			return p, false
		}
	}
	return DefaultPath(), false
}

// Load reads the file, if there is one, and the environment. A file that was
// named must exist; otherwise a missing one is no error, and a Config without
// contexts answers ErrNotConfigured when a context is asked for. The first thing
// wrong, in the order of the file, is returned as *Error; Validate returns all.
func Load(o Options) (*Config, error) {
	c, problems := load(o)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	return c, nil
}

// Validate reads like Load and returns everything that is wrong with the file and
// the environment, in the order of the file. Nothing is contacted or resolved.
func Validate(o Options) []*Error {
	_, problems := load(o)
	return problems
}

func load(o Options) (*Config, []*Error) {
	path, named := FindPath(o)
	data, err := readFile(path)
	if err != nil && !named && errors.Is(err, fs.ErrNotExist) {
		path, data, err = "", nil, nil
	}
	if err != nil {
		return nil, []*Error{fileError(path, err)}
	}
	c := &Config{}
	var problems []*Error
	if path != "" {
		c, problems = decode(data, path, o.lookup())
	}
	c.Path, c.opts = path, o
	c.Warnings = strayVariables(o)
	c.addEnvContext()
	if len(problems) == 0 {
		problems = c.validate()
	}
	return c, problems
}

func fileError(path string, err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	e := &Error{File: path, Msg: err.Error(), Err: err}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		e.Msg = "cannot be read: " + pathErr.Err.Error()
	}
	if errors.Is(err, fs.ErrNotExist) {
		e.Msg, e.Hint = "no such file", "make it with: gatehouse config init --config "+path
	}
	return e
}

// readFile reads a bounded file. One that everybody may write is refused: who
// can change it can make us run a program (cmd:) or send our password elsewhere.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return nil, &Error{File: path, Msg: "is a folder, not a file"}
	case info.Mode().IsRegular() && info.Mode().Perm()&0o002 != 0:
		return nil, &Error{File: path, Msg: fmt.Sprintf("everybody may write it (mode %04o)", info.Mode().Perm()), Hint: "chmod 600 " + path}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err == nil && len(data) > maxFileSize {
		return nil, &Error{File: path, Msg: "is larger than 1 MiB, so it is no configuration of gatehouse"}
	}
	return data, err
}

// Context returns a copy of the named context with the environment and the flags
// laid over it, defaults filled in and relative paths resolved. An empty name
// means --context, then GATEHOUSE_CONTEXT, then the file's current, then the only
// one there is.
func (c *Config) Context(name string) (*Context, error) {
	name, err := c.choose(name)
	if err != nil {
		return nil, err
	}
	ctx := c.Contexts[name].clone()
	ctx.Name = name
	overrides, err := c.override(ctx)
	if err != nil {
		return nil, err
	}
	ctx.finish(c.opts, c.baseDir())
	if problems := c.validateContext(ctx, overrides); len(problems) > 0 {
		return nil, problems[0]
	}
	return ctx, nil
}

// choose finds the name of the context that is meant.
func (c *Config) choose(name string) (string, error) {
	said := "--context"
	switch {
	case name != "":
	case c.opts.Context != "":
		name = c.opts.Context
	case c.opts.env()("GATEHOUSE_CONTEXT") != "":
		name, said = c.opts.env()("GATEHOUSE_CONTEXT"), "GATEHOUSE_CONTEXT"
	case c.Current != "":
		name, said = c.Current, "current"
	case len(c.Contexts) == 1:
		name = c.Names()[0]
	case len(c.Contexts) == 0:
		return "", &Error{File: c.Path, Msg: "no context: nothing is configured", Err: ErrNotConfigured,
			Hint: "run: gatehouse config init, or set GATEHOUSE_KRATOS_ADMIN_URL and its like"}
	default:
		return "", &Error{File: c.Path, Msg: "no context is current",
			Hint: "run: gatehouse context use NAME, with one of " + strings.Join(c.Names(), ", ")}
	}
	if _, ok := c.Contexts[name]; ok {
		return name, nil
	}
	e := &Error{File: c.Path, Key: said, Msg: fmt.Sprintf("%s: there is no context %q", said, name)}
	switch near := nearest(name, c.Names()); {
	case near != "":
		e.Hint = fmt.Sprintf("did you mean %q?", near)
	case len(c.Contexts) > 0:
		e.Hint = "there are: " + strings.Join(c.Names(), ", ")
	default:
		e.Hint, e.Err = "run: gatehouse config init", ErrNotConfigured
	}
	return "", e
}

// baseDir is where relative paths in the file start.
func (c *Config) baseDir() string {
	if c.Path == "" {
		return ""
	}
	abs, err := filepath.Abs(c.Path)
	if err != nil {
		return ""
	}
	return filepath.Dir(abs)
}

// clone copies everything that overriding and finishing write to.
func (c *Context) clone() *Context {
	out := *c
	gateway := func(g Gateway) Gateway {
		g.Headers, g.TLS = maps.Clone(g.Headers), g.TLS.clone()
		return g
	}
	out.TLS = c.TLS.clone()
	if c.Kratos != nil {
		k := *c.Kratos
		k.Gateway = gateway(k.Gateway)
		out.Kratos = &k
	}
	if c.Keto != nil {
		k := *c.Keto
		k.Gateway = gateway(k.Gateway)
		out.Keto = &k
	}
	if c.Keycloak != nil {
		k := *c.Keycloak
		k.Gateway = gateway(k.Gateway)
		k.Realms = append([]string(nil), k.Realms...)
		out.Keycloak = &k
	}
	return &out
}
