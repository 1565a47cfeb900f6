package stack

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// secrets are the random values of one stack, kept in its folder with mode 0600.
// They reach the servers by configuration file or environment, never by argument,
// since every user of the machine may read the arguments of a process.
type secrets struct {
	// ID is no secret but random: by it a stack knows its databases on a PostgreSQL
	// server that others use too.
	ID            string `json:"id"`
	KratosCookie  string `json:"kratos_cookie"`
	KratosCipher  string `json:"kratos_cipher"` // exactly 32 characters, as Kratos demands
	KeycloakAdmin string `json:"keycloak_admin"`
	// Database is the URL of the PostgreSQL server with its password; empty on SQLite.
	Database string `json:"database,omitempty"`
}

func secretsPath(dir string) string { return filepath.Join(dir, "secrets.json") }

// loadSecrets reads the secrets of a stack, or makes them for a new one.
func loadSecrets(dir string) (secrets, error) {
	var s secrets
	err := readJSON(secretsPath(dir), &s)
	if errors.Is(err, fs.ErrNotExist) {
		s = secrets{ID: randomText(), KratosCookie: randomText(), KratosCipher: randomText(), KeycloakAdmin: randomText()}
		err = writeJSON(secretsPath(dir), s)
	}
	return s, err
}

// randomText is 32 characters with 192 bits of chance.
func randomText() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// redactor replaces the secrets in a text that is shown, such as the end of a log.
func (s secrets) redactor() *strings.Replacer {
	var pairs []string
	hide := func(v string) {
		if v != "" {
			pairs = append(pairs, v, "[redacted]")
		}
	}
	hide(s.KratosCookie)
	hide(s.KratosCipher)
	hide(s.KeycloakAdmin)
	if u, err := url.Parse(s.Database); err == nil && u.User != nil {
		pw, _ := u.User.Password()
		hide(pw)
		if esc := url.QueryEscape(pw); esc != pw {
			hide(esc)
			hide(url.PathEscape(pw))
		}
	}
	return strings.NewReplacer(pairs...)
}

// jwk is a private RSA key in the form of RFC 7517 and RFC 7518 §6.3.
type jwk struct {
	Use string `json:"use"`
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	Alg string `json:"alg"`
	N   string `json:"n"`
	E   string `json:"e"`
	D   string `json:"d"`
	P   string `json:"p"`
	Q   string `json:"q"`
	DP  string `json:"dp"`
	DQ  string `json:"dq"`
	QI  string `json:"qi"`
}

// newKeySet makes a key set with one RS256 signing key.
func newKeySet() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	b64 := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	return json.Marshal(map[string][]jwk{"keys": {{
		Use: "sig", Kty: "RSA", Kid: randomText(), Alg: "RS256",
		N: b64(key.N), E: b64(big.NewInt(int64(key.E))), D: b64(key.D),
		P: b64(key.Primes[0]), Q: b64(key.Primes[1]),
		DP: b64(key.Precomputed.Dp), DQ: b64(key.Precomputed.Dq), QI: b64(key.Precomputed.Qinv),
	}}})
}

// ensureKeySet makes the key set of a stack once: tokens must stay good across restarts.
func ensureKeySet(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b, err := newKeySet()
	if err != nil {
		return err
	}
	return writePrivate(path, b)
}
