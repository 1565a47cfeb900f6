package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
)

// certificate makes a self-signed one for 127.0.0.1.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "demo"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		p := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(p, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	c, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(c)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", raw), pool
}

func TestHTTPS(t *testing.T) {
	cert, key, pool := certificate(t)
	s := demotest.Start(t, server.Options{Systems: []string{"basic", "form-login"}, TLSCert: cert, TLSKey: key})
	if !strings.HasPrefix(s.URL, "https://127.0.0.1:") {
		t.Fatalf("it says that it is at %s", s.URL)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%d over %s with %q", resp.StatusCode, resp.Proto, resp.Header.Get("Strict-Transport-Security"))
	}
	old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}}}
	if resp, err := old.Get(s.URL + "/"); err == nil {
		resp.Body.Close()
		t.Error("it speaks TLS 1.1")
	}
	for name, o := range map[string]server.Options{"a key alone": {TLSKey: key}, "files that do not belong together": {TLSCert: key, TLSKey: cert},
		"a file that is not there": {TLSCert: cert + "x", TLSKey: key}} {
		o.DebugSocket = "off"
		if s, err := server.Start(t.Context(), o); err == nil {
			_ = s.Close()
			t.Errorf("%s: it starts", name)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "gh") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	o := server.Options{Systems: []string{"form-login"}, Listen: "unix:" + path, Proxies: []string{"unix"}, DebugSocket: "off"}
	if s, err := server.Start(t.Context(), o); err == nil {
		_ = s.Close()
		t.Fatal("it starts without knowing where browsers find it")
	}
	o.PublicURL = "https://demo.example.com"
	s := demotest.Start(t, o)
	if i, err := os.Stat(path); err != nil || i.Mode().Perm() != 0o660 {
		t.Errorf("%v %v", i.Mode(), err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	defer client.CloseIdleConnections()
	if ip := seenAs(t, client, "http://demo.example.com", s, "198.51.100.7"); ip != "198.51.100.7" {
		t.Errorf("the client is seen as %q", ip)
	}
	if _, err := server.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "listens there already") {
		t.Errorf("a second server on the socket: %v", err)
	}
}

// seenAs is the address that the audit log has for a wrong password.
func seenAs(t *testing.T, client *http.Client, base string, s *demotest.Running, forwarded string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/login", strings.NewReader(url.Values{"username": {"x"}, "password": {"y"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if forwarded != "" {
		req.Header.Set("X-Forwarded-For", forwarded)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	_, line, _ := strings.Cut(s.Log.String(), `"login_failed"`)
	_, ip, _ := strings.Cut(line, `"ip":"`)
	ip, _, _ = strings.Cut(ip, `"`)
	return ip
}

// TestTrustedProxies: what X-Forwarded-For says counts from a trusted proxy alone.
func TestTrustedProxies(t *testing.T) {
	for name, c := range map[string]struct {
		trusted         []string
		forwarded, want string
	}{
		"nobody is trusted":              {nil, "203.0.113.9", "127.0.0.1"},
		"another network is trusted":     {[]string{"10.0.0.0/8"}, "203.0.113.9", "127.0.0.1"},
		"only sockets are":               {[]string{"unix"}, "203.0.113.9", "127.0.0.1"},
		"the proxy is":                   {[]string{"127.0.0.0/8"}, "203.0.113.9", "203.0.113.9"},
		"what the client made up":        {[]string{"127.0.0.1"}, "6.6.6.6, 203.0.113.9", "203.0.113.9"},
		"two proxies in a row":           {[]string{"127.0.0.1", "10.0.0.0/8"}, "203.0.113.9, 10.1.2.3", "203.0.113.9"},
		"nonsense":                       {[]string{"127.0.0.1"}, "203.0.113.9, nonsense", "127.0.0.1"},
		"the proxy says nothing":         {[]string{"127.0.0.1"}, "", "127.0.0.1"},
		"an IPv4 address written as one": {[]string{"127.0.0.1"}, "::ffff:203.0.113.9", "203.0.113.9"},
	} {
		t.Run(name, func(t *testing.T) {
			s := demotest.Start(t, server.Options{Systems: []string{"form-login"}, Proxies: c.trusted})
			if ip := seenAs(t, demotest.Client, s.URL, s, c.forwarded); ip != c.want {
				t.Errorf("the client is seen as %q, want %q", ip, c.want)
			}
		})
	}
	if _, err := server.Start(t.Context(), server.Options{Proxies: []string{"10.0.0.0/99"}, DebugSocket: "off"}); err == nil || !strings.Contains(err.Error(), "--trusted-proxy") {
		t.Errorf("%v", err)
	}
}

// TestProofOfAStranger: with proxies that are known, a proof counts from them only.
func TestProofOfAStranger(t *testing.T) {
	for trusted, want := range map[string]decisions.Reason{"10.0.0.0/8": decisions.ProxyProofMissing, "127.0.0.1": decisions.ProxyProofInvalid} {
		keys := demotest.NewKeyServer(t, nil)
		s := demotest.Start(t, server.Options{Systems: []string{"ory-oathkeeper"}, Proxies: []string{trusted}, Env: gate.Env{OathkeeperProxyURL: keys.URL, OathkeeperAPIURL: keys.URL}})
		demotest.Send(t, http.MethodGet, s.URL, "/oathkeeper", http.Header{"Authorization": {"Bearer a.b.c"}}, "")
		if d := s.Ring.Since("", "", 1)[0]; d.Reason != want {
			t.Errorf("with %s trusted: %s, want %s", trusted, d.Reason, want)
		}
	}
}
