package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLS names certificates. There is no switch that turns verification off: add the
// authority instead.
type TLS struct {
	// CA is a PEM file of authorities that are trusted besides the system's.
	CA string `yaml:"ca,omitempty" jsonschema_description:"PEM file of authorities to trust besides the system's."`
	// Cert and Key are the client certificate (PEM); Key must be readable by us alone.
	Cert string `yaml:"cert,omitempty" jsonschema_description:"PEM file of the client certificate."`
	Key  string `yaml:"key,omitempty" jsonschema_description:"PEM file of its private key, mode 0600."`
	// ServerName is the name to expect in the server's certificate, where the URL
	// says another one (a tunnel, a port forward).
	ServerName string `yaml:"server_name,omitempty" jsonschema_description:"Name to expect in the server's certificate when the URL says another, as through a tunnel."`
}

func (t *TLS) clone() *TLS {
	if t == nil {
		return nil
	}
	out := *t
	return &out
}

// Config reads the files and makes what an HTTP transport wants; nil for a nil
// TLS, which means the defaults. Errors name the file.
func (t *TLS) Config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca: %s holds no PEM certificate", t.CA)
		}
		out.RootCAs = pool
	}
	if t.Cert != "" {
		pem, err := os.ReadFile(t.Cert)
		if err != nil {
			return nil, fmt.Errorf("tls.cert: %w", err)
		}
		key, err := readSecretFile(t.Key)
		if err != nil {
			return nil, fmt.Errorf("tls.key: %s: %w", t.Key, err)
		}
		pair, err := tls.X509KeyPair(pem, []byte(key))
		if err != nil {
			return nil, errors.New("tls.cert and tls.key do not fit together or are not PEM")
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}
