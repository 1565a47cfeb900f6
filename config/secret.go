package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// Redacted is what stands wherever a secret would have been printed.
const Redacted = "[redacted]"

// Secret is a value that must not be seen, held by reference where it can be:
//
//	env:NAME              an environment variable
//	file:PATH             a file of ours that nobody else can read (0600 or 0400), without its last newline
//	cmd:PROGRAM ARG…      the first program's output, trimmed; no shell is involved
//	keyring:SERVICE/USER  the system's keyring
//	anything else         the value itself; only where every URL of the context is loopback
//
// It resolves when it is needed and not before, so that a context can be listed
// while its vault is locked. No way of printing it shows the value: String, %v,
// %#v, JSON, YAML, text and slog all give Redacted. Copies share what was resolved.
// The zero Secret is unset.
type Secret struct{ s *secret }

type secret struct {
	scheme  string // "env", "file", "cmd", "keyring", or "" for a literal
	ref     string // what follows the scheme; the value itself for a literal
	baseDir string // where a relative file: path starts
	// lookup reads the environment of this run; nil means the process's own.
	lookup func(string) (string, bool)

	mu     sync.Mutex
	cached *string // of cmd and keyring, which may ask a person
}

// schemes are the ways of referring to a secret.
var schemes = []string{"env", "file", "cmd", "keyring"}

// ParseSecret reads a reference or a literal. Nothing is resolved and nothing is
// refused here; whether a literal is allowed is decided for the whole context.
func ParseSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	for _, scheme := range schemes {
		if ref, ok := strings.CutPrefix(text, scheme+":"); ok {
			return Secret{&secret{scheme: scheme, ref: ref}}
		}
	}
	return Secret{&secret{ref: text}}
}

// LiteralSecret wraps a value that was obtained elsewhere (typed at a prompt, or
// made by a test), whatever it looks like.
func LiteralSecret(value string) Secret { return Secret{&secret{ref: value}} }

// IsZero reports whether there is no secret at all.
func (s Secret) IsZero() bool { return s.s == nil }

// Literal reports whether the value itself stands in the configuration.
func (s Secret) Literal() bool { return s.s != nil && s.s.scheme == "" }

// Reference says where the value comes from, for people; it never holds the
// value. Of a command it names the program alone: arguments may be secret too.
func (s Secret) Reference() string {
	switch {
	case s.s == nil:
		return ""
	case s.s.scheme == "":
		return Redacted
	case s.s.scheme == "cmd":
		program, rest, _ := strings.Cut(strings.TrimSpace(s.s.ref), " ")
		if rest != "" {
			program += " …"
		}
		return "cmd:" + program
	default:
		return s.s.scheme + ":" + s.s.ref
	}
}

// String is Redacted, or empty for an unset secret.
func (s Secret) String() string {
	if s.s == nil {
		return ""
	}
	return Redacted
}

// GoString is what %#v prints.
func (s Secret) GoString() string { return fmt.Sprintf("config.Secret(%s)", s.String()) }

// Format closes every other verb of fmt, such as %x and %q.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = f.Write([]byte(text))
}

// MarshalJSON writes Redacted, or null for an unset secret.
func (s Secret) MarshalJSON() ([]byte, error) {
	if s.s == nil {
		return []byte("null"), nil
	}
	return json.Marshal(Redacted)
}

// MarshalText serves encoders that know texts only.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML writes the reference, which is what View shows; a literal is Redacted.
func (s Secret) MarshalYAML() ([]byte, error) { return json.Marshal(s.Reference()) }

// LogValue is what slog writes.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
