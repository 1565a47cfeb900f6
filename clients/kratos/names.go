package kratos

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
)

// Name is what the person is called, guessed from the traits, since each schema
// names them its own way. Empty when no trait looks like a name; a login name does
// not count, see Label.
func (i Identity) Name() string {
	t := i.traitMap()
	switch n := t["name"].(type) {
	case string:
		return n
	case map[string]any:
		if full := fullName(n); full != "" {
			return full
		}
	}
	if full := firstText(t, "full_name", "fullname", "fullName", "display_name", "displayName"); full != "" {
		return full
	}
	return fullName(t)
}

func fullName(t map[string]any) string {
	return strings.TrimSpace(firstText(t, "first", "given", "first_name", "given_name", "firstName", "givenName", "firstname") + " " +
		firstText(t, "last", "family", "last_name", "family_name", "lastName", "familyName", "lastname", "surname"))
}

// Username is the login name that is no address, guessed from the traits.
func (i Identity) Username() string {
	return firstText(i.traitMap(), "username", "user_name", "userName", "login", "preferred_username", "nickname", "nick")
}

// Emails are the e-mail addresses, guessed: those in traits that are called after
// e-mail first, as they are written there, then those that Kratos can verify or
// recover by. Each comes once, whatever its case.
func (i Identity) Emails() []string {
	var out []string
	add := func(s string) {
		same := func(o string) bool { return strings.EqualFold(o, s) }
		if strings.Contains(s, "@") && !slices.ContainsFunc(out, same) {
			out = append(out, s)
		}
	}
	t := i.traitMap()
	for _, key := range []string{"email", "emails", "mail", "e_mail", "e-mail", "email_address", "emailAddress"} {
		eachText(t[key], add)
	}
	for _, a := range i.Addresses {
		if a.Via == "email" {
			add(a.Value)
		}
	}
	for _, a := range i.RecoveryAddresses {
		if a.Via == "email" {
			add(a.Value)
		}
	}
	return out
}

// Label is the best short way to say who it is: name, login name, e-mail, any
// login identifier, else the id.
func (i Identity) Label() string {
	if n := i.Name(); n != "" {
		return n
	}
	if n := i.Username(); n != "" {
		return n
	}
	if mails := i.Emails(); len(mails) > 0 {
		return mails[0]
	}
	for _, c := range i.Credentials {
		if len(c.Identifiers) > 0 {
			return c.Identifiers[0]
		}
	}
	return i.ID
}

// StaleIdentifiers are login names under which the identity is found although no
// trait holds them any more. Kratos 1.3 leaves them behind when the schema of an
// identity changes: they let the person sign in with the old name and keep others
// from taking it. Identifiers that never come from traits (oidc, saml, and the
// identity's own id in totp and the like) are not among them.
func (i Identity) StaleIdentifiers() []string {
	have := map[string]bool{strings.ToLower(i.ID): true}
	eachText(i.traitMap(), func(s string) { have[strings.ToLower(strings.TrimSpace(s))] = true })
	var out []string
	for _, c := range i.Credentials {
		if c.Type == OIDC || c.Type == SAML {
			continue
		}
		for _, id := range c.Identifiers {
			if !have[strings.ToLower(id)] && !slices.Contains(out, id) && !IsID(id) {
				out = append(out, id)
			}
		}
	}
	return out
}

// traitMap is the traits as a map; nil when they are no object.
func (i Identity) traitMap() map[string]any {
	var t map[string]any
	_ = json.Unmarshal(i.Traits, &t) // what is no object has no names
	return t
}

func firstText(t map[string]any, keys ...string) string {
	for _, k := range keys {
		if s, ok := t[k].(string); ok && s != "" {
			return s
		}
	}
	return ""
}

// eachText calls f with every string in a JSON value.
func eachText(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case []any:
		for _, one := range v {
			eachText(one, f)
		}
	case map[string]any:
		for _, one := range v {
			eachText(one, f)
		}
	}
}

// withoutPort makes "127.0.0.1:57134" of a connection the address of a device.
func withoutPort(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
