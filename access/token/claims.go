package token

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Claim is one claim with what it means.
type Claim struct {
	// Path is where it stands: "exp", "resource_access.app.roles".
	Path  string `json:"path"`
	Value string `json:"value"`
	// Means says it in words; empty where the name says enough.
	Means string `json:"means,omitempty"`
}

// meanings of the claims that Keycloak writes; RFC 7519 §4.1, OpenID Connect Core §2
// and §5.1, and Keycloak's own.
var meanings = map[string]string{
	"iss":                "who made it",
	"sub":                "the id of the user",
	"aud":                "for whom it is: the application or API that may take it",
	"azp":                "the client that asked for it",
	"client_id":          "the client that asked for it",
	"exp":                "it is refused after this",
	"nbf":                "it is refused before this",
	"iat":                "it was made at this moment",
	"auth_time":          "the person logged in at this moment",
	"jti":                "its own id",
	"typ":                "what it is for",
	"sid":                "the login session it belongs to",
	"session_state":      "the login session it belongs to",
	"acr":                "how strong the login was",
	"amr":                "how the person proved who they are",
	"scope":              "the scopes that were granted",
	"nonce":              "ties it to one request of the application",
	"at_hash":            "ties it to one access token",
	"allowed-origins":    "the origins from which a browser application may use it",
	"realm_access.roles": "roles of the realm",
	"preferred_username": "the user name",
	"email":              "the e-mail address",
	"email_verified":     "whether the e-mail address was confirmed",
	"name":               "the full name",
	"given_name":         "the first name",
	"family_name":        "the last name",
	"locale":             "the language",
	"cnf":                "the key that it is bound to",
	"act":                "who acts for the person",
	"clientHost":         "where the service asked from",
	"clientAddress":      "where the service asked from",
}

// times are the claims that are seconds since 1970.
var times = []string{"exp", "nbf", "iat", "auth_time"}

// weight puts first what decides, then what grants.
func weight(path string) int {
	order := []string{"typ", "iss", "sub", "preferred_username", "azp", "aud", "scope", "iat", "exp", "nbf", "auth_time", "sid"}
	if i := slices.Index(order, path); i >= 0 {
		return i
	}
	if strings.HasSuffix(path, "roles") {
		return len(order)
	}
	return len(order) + 1
}

// Explain lists claims with what they mean, those that decide first. now is for the
// times, which are told as they lie before or after it.
func Explain(claims map[string]any, now time.Time) []Claim {
	var out []Claim
	var walk func(path string, v any)
	walk = func(path string, v any) {
		if m, ok := v.(map[string]any); ok && len(m) > 0 {
			for k, inner := range m {
				at := k
				if path != "" {
					at = path + "." + k
				}
				walk(at, inner)
			}
			return
		}
		out = append(out, claim(path, v, now))
	}
	walk("", claims)
	slices.SortFunc(out, func(a, b Claim) int {
		return cmp.Or(cmp.Compare(weight(a.Path), weight(b.Path)), cmp.Compare(a.Path, b.Path))
	})
	return out
}

func claim(path string, v any, now time.Time) Claim {
	c := Claim{Path: path, Means: meanings[path]}
	switch v := v.(type) {
	case string:
		c.Value = v
	case []any:
		if list := texts(v); len(list) == len(v) {
			slices.Sort(list) // Keycloak gives sets in any order
			c.Value = strings.Join(list, ", ")
		} else {
			b, _ := json.Marshal(v)
			c.Value = string(b)
		}
	default:
		b, _ := json.Marshal(v)
		c.Value = string(b)
	}
	if client, ok := strings.CutPrefix(path, "resource_access."); ok {
		if client, ok = strings.CutSuffix(client, ".roles"); ok {
			c.Means = "roles of " + client
		}
	}
	if slices.Contains(times, path) {
		at := (&Token{Claims: map[string]any{path: v}}).Time(path)
		if !at.IsZero() {
			c.Value = at.Format(time.RFC3339)
			c.Means += ": " + distance(now, at)
		}
	}
	return c
}

// distance says how long ago, or in how long, something is.
func distance(now, at time.Time) string {
	d := at.Sub(now).Round(time.Second)
	if d < 0 {
		return Span(-d) + " ago"
	}
	return "in " + Span(d)
}

// Span is a length of time in its two largest units: "3 h 5 min".
func Span(d time.Duration) string {
	d = d.Abs().Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return two(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	case d < 48*time.Hour:
		return two(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}

func two(a int, ua string, b int, ub string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, ua)
	}
	return fmt.Sprintf("%d %s %d %s", a, ua, b, ub)
}
