package decisions

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String says in words what a policy asks for.
func (p Policy) String() string {
	s := ""
	switch p.Kind {
	case KindPublic:
		s = "public"
	case KindSession:
		s = "a session"
	case KindRelation:
		s = "a session and " + p.Relation
	case KindRolesAll:
		s = "every role of " + strings.Join(p.Roles, ", ")
		if len(p.Roles) == 1 {
			s = "the role " + p.Roles[0]
		}
	case KindRolesAny:
		s = "one role of " + strings.Join(p.Roles, ", ")
	case KindToken:
		s = "a token"
	case KindBasic:
		s = "name and password"
	case KindHMAC:
		s = "a message authentication code"
	case KindProxy:
		s = "the proxy's signed proof"
	case KindLogin:
		s = "what the login itself asks for"
	default:
		return "no policy"
	}
	if p.Fresh {
		s += ", logged in recently"
	}
	if len(p.Methods) > 0 {
		s += "; open for " + strings.Join(p.Methods, ", ")
	}
	if p.Why != "" {
		s += " (" + p.Why + ")"
	}
	return s
}

// Words says in one sentence what a reason means and, where there is something to
// do about it, what.
func (r Reason) Words() string {
	if w, ok := words[r]; ok {
		return w
	}
	kind, server, _ := strings.Cut(string(r), ":")
	names := map[string]string{"kratos": "Kratos", "keto": "Keto", "jwks": "The issuer's key set", "oidc": "The login server",
		"provider": "The login provider", "sessions": "The session store"}
	name := names[server]
	if name == "" {
		return string(r)
	}
	switch kind {
	case "upstream_unavailable":
		return name + " could not be reached, so nobody was let in."
	case "upstream_timeout":
		return name + " did not answer in time, so nobody was let in."
	case "upstream_malformed":
		return name + " gave an answer that means nothing, so nobody was let in."
	}
	return string(r)
}

var words = map[Reason]string{
	OK:                "What the route asks for is there.",
	Public:            "The route asks for nothing.",
	NoCredential:      "Nothing was sent that says who it is: they must log in first.",
	SessionInvalid:    "The session that was sent does not count any more: log in again.",
	SessionExpired:    "The session is too old, or was idle for too long: log in again.",
	NotFresh:          "They are logged in, but too long ago for this route: confirm the password.",
	AccountInactive:   "The account is suspended.",
	AALRequired:       "A second factor is needed.",
	SubjectUnmappable: "No subject for Keto can be made of this identity: it lacks the trait that the mapping needs.",
	EmailUnverified:   "The subject is made of an e-mail address that nobody has proved to own.",
	KetoDenied:        "Keto says that the relation is not there.",
	RoleMissing:       "They are logged in, but lack a role.",
	NotOwner:          "The record belongs to somebody else.",
	BadPassword:       "There is no such account, or the password is wrong.",
	BadCredential:     "What was sent to prove who it is cannot be right.",
	Replayed:          "The proof was used before.",
	RateLimited:       "Too many tries: wait a minute.",
	CSRFRejected:      "Another site made the browser send this.",
	OAuthRejected:     "The login at the provider did not succeed, or its answer does not fit what was asked.",
	ProxyProofMissing: "It did not come through the proxy: the proxy's signed proof is missing.",
	ProxyProofInvalid: "The proof does not come from the proxy, or has expired.",
	JWTHeaderMissing:  "There is no Authorization header.",
	JWTInvalidHeader:  "The Authorization header or the token in it cannot be right.",
	JWTTokenExpired:   "The token has expired.",
	JWTInvalidClaims:  "The token was made for another audience, by another issuer, or for another time.",
	JWTNoRSAKey:       "The issuer has no key with the token's key id.",
	HostRejected:      "The request was addressed to a host name that is not ours.",
	NotFound:          "There is no such route.",
	MethodNotAllowed:  "The route does not know this method.",
	BadRequest:        "The input cannot be read.",
	TooLarge:          "The input is too long.",
	InternalError:     "The demo server made a mistake; its log says which.",
}

// Name is what to call a subject: the e-mail, the user name, or the id.
func (s Subject) Name() string {
	switch {
	case s.Email != "":
		return s.Email
	case s.User != "":
		return s.User
	}
	return s.IdentityID
}

// Tuple is the relation that Keto was asked for last; empty where it was not asked.
func (d Decision) Tuple() string {
	t := ""
	for _, h := range d.Hops {
		if h.Tuple != "" {
			t = h.Tuple
		}
	}
	return t
}

// String is a hop on one line.
func (h Hop) String() string {
	var b strings.Builder
	mark := map[string]string{"pass": "✓", "allow": "✓", "present": "✓", "deny": "✗", "absent": "✗"}[h.Out]
	if mark == "" {
		mark = "?"
	}
	fmt.Fprintf(&b, "%s %-16s %s", mark, h.Hop, h.Out)
	if h.Status != 0 {
		fmt.Fprintf(&b, " %d", h.Status)
	}
	if h.Rule != "" {
		b.WriteString("  " + h.Rule)
	}
	if h.Value != "" {
		b.WriteString(" → " + h.Value)
	}
	if h.Tuple != "" {
		b.WriteString("  " + h.Tuple)
	}
	if h.Needs != nil || h.Has != nil {
		fmt.Fprintf(&b, "  needs %s, has %s", orNone(h.Needs), orNone(h.Has))
	}
	for _, k := range slices.Sorted(maps.Keys(h.Facts)) {
		fmt.Fprintf(&b, "  %s %v", k, h.Facts[k])
	}
	if len(h.Warn) > 0 {
		b.WriteString("  ! " + strings.Join(h.Warn, ", "))
	}
	if h.MS > 0 {
		fmt.Fprintf(&b, "  %.1f ms", h.MS)
	}
	return b.String()
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
