package login

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

func realmUnknown(b *bench) []Check {
	switch {
	case b.f.Realm.Is() && b.r == nil, b.f.Discovery.Is() && b.f.Discovery.Value.Missing:
		return b.fail(RealmUnknown, fmt.Sprintf("There is no realm %q on this server.", b.a.Realm),
			"compare the realm in the application's configuration; upper and lower case count")
	case b.f.Realm.State == Failed:
		return unknown(RealmUnknown, "the realm", b.f.Realm.Gap())
	}
	return pass(RealmUnknown, "the realm %s is there", b.a.Realm)
}

func realmDisabled(b *bench) []Check {
	switch {
	case b.r == nil:
		return unknown(RealmDisabled, "whether the realm is enabled", b.f.Realm.Gap())
	case b.r.Enabled:
		return pass(RealmDisabled, "the realm is enabled")
	}
	return b.fail(RealmDisabled, fmt.Sprintf("The realm %s is disabled: nobody can log in to any of its applications.", b.a.Realm), "",
		Fix{Summary: "enable the realm " + b.a.Realm, Writes: []Write{{Op: OpEnableRealm}}, AlsoChanges: "everybody of the realm can log in again"})
}

// httpsRequired: with sslRequired "external" the server takes unencrypted requests
// from private addresses only, with "all" from nobody.
func httpsRequired(b *bench) []Check {
	plain := strings.HasPrefix(b.a.Issuer, "http://") || b.a.Issuer == "" && strings.HasPrefix(b.f.BaseURL, "http://")
	if !plain {
		return pass(HTTPSRequired, "the server is asked over https")
	}
	refused := b.f.Discovery.Is() && b.f.Discovery.Value.NeedsHTTPS || b.r != nil && b.r.SSLRequired == "all"
	if b.r != nil && b.r.SSLRequired == "external" && b.a.Issuer != "" && !private(b.a.Issuer) {
		refused = true
	}
	switch {
	case refused:
		next := "external"
		if b.r != nil && b.r.SSLRequired == "external" {
			next = "none"
		}
		return b.fail(HTTPSRequired, fmt.Sprintf("The realm %s takes no unencrypted requests, and the application asks over http.", b.a.Realm),
			"let the application use an address that begins with https://",
			Fix{Summary: fmt.Sprintf("require https for %s only", sslWords(next)), Writes: []Write{{Op: OpSetRealm, Name: "sslRequired", Value: next}},
				AlsoChanges: "passwords and tokens of the whole realm may travel unencrypted there", Weakens: true})
	case b.r == nil && !b.f.Discovery.Is():
		return unknown(HTTPSRequired, "whether https is required", b.f.Realm.Gap())
	}
	return pass(HTTPSRequired, "the realm takes requests over http from here")
}

func sslWords(v string) string {
	if v == "external" {
		return "requests from public addresses"
	}
	return "nobody"
}

// private reports whether sslRequired "external" does without encryption for the
// address: loopback, and the private ranges.
func private(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast())
}

// issuerMismatch compares what the application takes for the realm's address with what
// the server writes into tokens. It only comes up when the question names the former.
func issuerMismatch(b *bench) []Check {
	want := strings.TrimSuffix(b.a.Issuer, "/")
	switch {
	case want == "":
		return nil
	case !b.f.Discovery.Is():
		return unknown(IssuerMismatch, "the discovery document", b.f.Discovery.Gap())
	case b.f.Discovery.Value.Issuer == "" || b.f.Discovery.Value.Issuer == want:
		return pass(IssuerMismatch, "tokens name %s as their issuer, as the application expects", want)
	}
	base, _, _ := strings.Cut(want, "/realms/")
	return b.fail(IssuerMismatch, fmt.Sprintf("Tokens name %s as their issuer; the application expects %s and rejects them.", b.f.Discovery.Value.Issuer, want),
		"let browser and application use one and the same address of Keycloak",
		Fix{Summary: "fix the realm's address to " + base, Writes: []Write{{Op: OpSetRealm, Name: "attributes.frontendUrl", Value: base}},
			AlsoChanges: "the issuer of all tokens of the realm, whatever address they are asked at; tokens issued before are refused"})
}
