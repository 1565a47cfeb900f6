package login

import (
	"fmt"
	"strconv"
	"time"
)

// clientKnown judges the client itself: that it is there, enabled, and of the protocol
// that OpenID Connect endpoints serve.
func clientKnown(b *bench) []Check {
	switch {
	case !b.f.Client.Is():
		out := unknown(ClientUnknown, "the client "+b.a.Client, b.f.Client.Gap())
		return append(out, unknown(ClientDisabled, "whether the client is enabled", b.f.Client.Gap())...)
	case b.c == nil:
		return b.fail(ClientUnknown, fmt.Sprintf("The realm has no client %q.", b.a.Client),
			join(near(b.f.NearClients), "compare the client id in the application's configuration; upper and lower case count"), b.newClient())
	}
	return append(append(pass(ClientUnknown, "the realm knows the client %s", b.a.Client), clientDisabled(b)...), clientProtocol(b)...)
}

func (b *bench) newClient() Fix {
	return Fix{Summary: "make a public client " + b.a.Client, AlsoChanges: "the application still has to be told what it may do",
		Writes: []Write{{Op: OpCreateClient, Client: b.a.Client, Value: b.a.RedirectURI, Name: string(b.a.Grant)}}}
}

func clientDisabled(b *bench) []Check {
	if b.c.Enabled {
		return pass(ClientDisabled, "the client is enabled")
	}
	return b.fail(ClientDisabled, fmt.Sprintf("The client %s is disabled: nobody can log in to it.", b.c.ClientID), "",
		Fix{Summary: "enable the client " + b.c.ClientID, Writes: []Write{{Op: OpEnableClient, Client: b.c.ClientID}},
			AlsoChanges: "everybody can log in to it again"})
}

func clientProtocol(b *bench) []Check {
	switch {
	case b.c.BearerOnly && b.a.Grant != Service:
		return b.fail(ClientProtocol, fmt.Sprintf("The client %s is bearer-only: it takes tokens, nobody logs in to it.", b.c.ClientID),
			"log in through the client of the application's front end",
			setClient(b.c, "bearerOnly", "false", "let people log in to "+b.c.ClientID, "the client becomes one that asks for logins"))
	case b.c.Protocol != "" && b.c.Protocol != "openid-connect":
		return b.fail(ClientProtocol, fmt.Sprintf("The client %s is a %s client, and the application speaks OpenID Connect.", b.c.ClientID, b.c.Protocol),
			"make a client of its own for OpenID Connect",
			setClient(b.c, "protocol", "openid-connect", "make "+b.c.ClientID+" an OpenID Connect client", "whoever uses it by "+b.c.Protocol+" cannot any more, and it gets the realm's default client scopes for OpenID Connect"))
	}
	return pass(ClientProtocol, "it is an OpenID Connect client that people can log in to")
}

func setClient(c *Client, name, value, summary, also string) Fix {
	return Fix{Summary: summary, AlsoChanges: also, Writes: []Write{{Op: OpSetClient, Client: c.ClientID, Name: name, Value: value}}}
}

func setAttribute(c *Client, name, value, summary, also string) Fix {
	return Fix{Summary: summary, AlsoChanges: also, Weakens: true,
		Writes: []Write{{Op: OpSetClientAttribute, Client: c.ClientID, Name: name, Value: value}}}
}

// clientFlowOff: the client does not let anybody in this way.
func clientFlowOff(b *bench) []Check {
	switch {
	case b.c == nil:
		return nil
	case b.a.Grant == Direct && !b.c.DirectGrants:
		return b.fail(ClientFlowOff, fmt.Sprintf("The client %s may not send passwords itself: direct access grants are off.", b.c.ClientID),
			"let the application use the login page",
			setClient(b.c, "directAccessGrantsEnabled", "true", "allow direct access grants", "the application sees the passwords of its users"))
	case b.a.Grant == Browser && !b.c.StandardFlow:
		return b.fail(ClientFlowOff, fmt.Sprintf("The client %s may not use the login page: its standard flow is off.", b.c.ClientID), "",
			setClient(b.c, "standardFlowEnabled", "true", "allow the standard flow", "everybody can log in to it by the login page"))
	case b.a.Grant == Service:
		return nil // the same switch is the service account's
	}
	return pass(ClientFlowOff, "the client allows this way of logging in")
}

// tokenEvents are the types that tell what the token endpoint made of a client's
// request.
var tokenEvents = []string{"CODE_TO_TOKEN", "CODE_TO_TOKEN_ERROR", "CLIENT_LOGIN", "CLIENT_LOGIN_ERROR", "LOGIN_ERROR", "REFRESH_TOKEN", "REFRESH_TOKEN_ERROR"}

// clientSecret: only the events tell that an application sends a wrong secret, unless
// the question says which one it sends.
func clientSecret(b *bench) []Check {
	switch {
	case b.c == nil || b.c.BearerOnly:
		return nil
	case b.c.Public:
		return pass(ClientSecret, "the client is public and has no secret")
	case b.f.SecretMatches.Is() && b.f.SecretMatches.Value:
		return pass(ClientSecret, "the secret is the client's")
	case b.f.SecretMatches.Is():
		return b.wrongSecret("The secret that the application sends is not the client's.")
	}
	g, off, ok := b.eventGap()
	if !ok && !off {
		return unknown(ClientSecret, "what secret the application sends", g)
	}
	e := b.lastSecretUse()
	switch {
	case e != nil && isSecretError(*e) && !b.secretSince(e.Time):
		return b.wrongSecret(fmt.Sprintf("The application %s sent a wrong secret, or none (%s, from %s).", b.c.ClientID, b.ago(e.Time), e.IP))
	case off:
		return beside(ClientSecret, "what secret the application sends leaves no trace: the realm keeps no events", "")
	}
	return pass(ClientSecret, "no event tells of a wrong secret since the last good one")
}

// lastSecretUse is the newest event of the client in which its secret decided: a wrong
// one, or any that tells how the client proved itself. The form in the browser needs no
// secret.
func (b *bench) lastSecretUse() *Event {
	return b.newest(func(e Event) bool {
		return e.Client == b.a.Client && (isSecretError(e) || e.Details["client_auth_method"] != "")
	})
}

func isSecretError(e Event) bool { return e.Error == "invalid_client_credentials" }

// secretSince reports whether the client got a secret after the moment.
func (b *bench) secretSince(t time.Time) bool {
	if b.f.SecretSet.After(t) {
		return true
	}
	n, err := strconv.ParseInt(b.c.Attributes["client.secret.creation.time"], 10, 64)
	return err == nil && time.Unix(n, 0).After(t.Add(-time.Second))
}

func (b *bench) wrongSecret(evidence string) []Check {
	return b.fail(ClientSecret, evidence, "copy the client's secret into the application's configuration; a client that was public for a while has a new one",
		Fix{Summary: "make the secret of " + b.c.ClientID + " the one that the application has", Writes: []Write{{Op: OpSetClientSecret, Client: b.c.ClientID, Input: "secret"}},
			AlsoChanges: "whoever uses the present secret is refused", Final: true})
}

// serviceAccountOff and serviceAccountDisabled are about client credentials.
func serviceAccountOff(b *bench) []Check {
	switch {
	case b.c == nil:
		return nil
	case b.c.ServiceAcct:
		return pass(ServiceAccountOff, "the client has a service account")
	}
	return b.fail(ServiceAccountOff, fmt.Sprintf("The client %s has no service account, so it cannot log in by itself.", b.c.ClientID), "",
		setClient(b.c, "serviceAccountsEnabled", "true", "give "+b.c.ClientID+" a service account", "a new user service-account-"+b.c.ClientID+", without roles of its own, and the client scope service_account where the realm has it"))
}

func serviceAccountDisabled(b *bench) []Check {
	switch {
	case b.c == nil || !b.c.ServiceAcct:
		return nil
	case !b.f.ServiceAccount.Is():
		return unknown(ServiceAccountDisabled, "the service account", b.f.ServiceAccount.Gap())
	case b.f.ServiceAccount.Value == nil || b.f.ServiceAccount.Value.Enabled:
		return pass(ServiceAccountDisabled, "the service account is enabled")
	}
	u := b.f.ServiceAccount.Value
	return b.fail(ServiceAccountDisabled, fmt.Sprintf("The service account of %s is disabled.", b.c.ClientID), "",
		Fix{Summary: "enable the service account", Writes: []Write{{Op: OpEnableUser, User: u.Username, UserID: u.ID}}})
}
