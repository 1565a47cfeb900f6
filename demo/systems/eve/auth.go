package eve

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// account is somebody of the API.
type account struct {
	gate.Person
	token [32]byte // of the token; zero for none
	key   string   // for the MAC; empty for none
}

func (a *api) byName(name string) (account, bool) {
	i := slices.IndexFunc(a.secrets, func(u account) bool { return u.Username == name })
	if i < 0 {
		return account{}, false
	}
	return a.secrets[i], true
}

// admit is the last step of every guard: the roles, of which any one suffices.
func (a *api) admit(c *gate.Call, u gate.Person, p decisions.Policy) gate.Verdict {
	c.Subject().User, c.Subject().Roles = u.Username, u.Roles
	if p.Kind != decisions.KindRolesAny {
		return gate.Pass()
	}
	h := c.Hop("roles", "deny")
	h.Rule, h.Needs, h.Has = "any", p.Roles, u.Roles
	if !slices.ContainsFunc(p.Roles, func(role string) bool { return slices.Contains(u.Roles, role) }) {
		return gate.Refuse(c.Env.Role401(), decisions.RoleMissing)
	}
	h.Out = "pass"
	return gate.Pass()
}

func denied(why decisions.Reason) gate.Verdict { return gate.Refuse(http.StatusUnauthorized, why) }

// basic takes name and password. An unknown name takes as long as a wrong password.
func (a *api) basic(c *gate.Call, p decisions.Policy) gate.Verdict {
	header := c.R.Header.Get("Authorization")
	c.Credential("basic", header)
	name, password, ok := gate.ParseBasic(header)
	switch {
	case header == "":
		return denied(decisions.NoCredential)
	case !ok:
		return denied(decisions.BadCredential)
	}
	if r := a.of(c); r != nil && r.anyone {
		c.Hop("password", "pass").Rule = "every name and password counts here"
		c.Subject().User = name
		return gate.Pass()
	}
	u, v := c.CheckPassword(a.accounts, name, password)
	if !v.Allow {
		return v
	}
	return a.admit(c, u.Person, p)
}

// of is the resource of a request.
func (a *api) of(c *gate.Call) *resource {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(c.R.URL.Path, c.Prefix), "/"), "/")
	i := slices.IndexFunc(a.resources, func(r *resource) bool { return r.name == name })
	if i < 0 {
		return nil
	}
	return a.resources[i]
}

// tokenOf takes the token out of the header, in each form that Eve takes: as the name
// of HTTP Basic, behind the word Token or Bearer, or bare.
func tokenOf(header string) string {
	if name, _, ok := gate.ParseBasic(header); ok {
		return name
	}
	text := strings.TrimSpace(header)
	low := strings.ToLower(text)
	if strings.HasPrefix(low, "token") || strings.HasPrefix(low, "bearer") {
		parts := strings.Split(text, " ")
		if len(parts) < 2 {
			return ""
		}
		return parts[1]
	}
	if strings.HasPrefix(low, "basic") {
		return ""
	}
	return text
}

// token looks the token's owner up, comparing hashes in constant time.
func (a *api) token(c *gate.Call, p decisions.Policy) gate.Verdict {
	header := c.R.Header.Get("Authorization")
	c.Credential("token", header)
	if header == "" {
		return denied(decisions.NoCredential)
	}
	h := c.Hop("token", "deny")
	sent := sha256.Sum256([]byte(tokenOf(header)))
	var found account
	ok := 0
	for _, u := range a.secrets {
		if u.token == ([32]byte{}) {
			continue
		}
		if subtle.ConstantTimeCompare(u.token[:], sent[:]) == 1 {
			found, ok = u, 1
		}
	}
	if ok == 0 {
		return denied(decisions.BadCredential)
	}
	h.Out = "pass"
	return a.admit(c, found.Person, p)
}

// hmac checks a MAC of the request: "name:hex". The original's covers the body alone,
// so that a MAC once seen is good for anything with the same body, for ever.
func (a *api) hmac(c *gate.Call, p decisions.Policy) gate.Verdict {
	header := strings.TrimSpace(c.R.Header.Get("Authorization"))
	c.Credential("hmac", header)
	name, mac, ok := strings.Cut(header, ":")
	sent, err := hex.DecodeString(mac)
	switch {
	case header == "":
		return denied(decisions.NoCredential)
	case !ok || err != nil || len(sent) == 0:
		return denied(decisions.BadCredential)
	}
	body, err := io.ReadAll(c.R.Body)
	if err != nil {
		return gate.Refuse(http.StatusRequestEntityTooLarge, decisions.TooLarge)
	}
	c.R.Body = io.NopCloser(bytes.NewReader(body))
	u, known := a.byName(name)
	h := c.Hop("hmac", "deny")
	key := u.key
	if !known || key == "" {
		known, key = false, "no such account" // as slow as one that exists
	}
	want, fresh := a.mac(c.R, key, body), true
	if a.signed {
		fresh = a.recent(c.R)
	}
	if !hmac.Equal(want, sent) || !known {
		return denied(decisions.BadCredential)
	}
	if a.signed && (!fresh || !a.nonces.first(name+"\x00"+c.R.Header.Get("X-Nonce"))) {
		h.Rule = "too old, or used before"
		return denied(decisions.Replayed)
	}
	h.Out = "pass"
	return a.admit(c, u.Person, p)
}

// mac is the MAC that a request should carry. The second form signs, line by line:
// method, path with query, the Date header, the X-Nonce header, and the SHA-256 of the
// body in hex.
func (a *api) mac(r *http.Request, key string, body []byte) []byte {
	if !a.signed {
		m := hmac.New(sha1.New, []byte(key))
		m.Write(body)
		return m.Sum(nil)
	}
	sum := sha256.Sum256(body)
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(strings.Join([]string{r.Method, r.URL.RequestURI(), r.Header.Get("Date"), r.Header.Get("X-Nonce"), hex.EncodeToString(sum[:])}, "\n")))
	return m.Sum(nil)
}

// macAge is how far the Date of a signed request may be from our clock.
const macAge = 5 * time.Minute

func (a *api) recent(r *http.Request) bool {
	at, err := http.ParseTime(r.Header.Get("Date"))
	return err == nil && a.env.Now().Sub(at).Abs() <= macAge && len(r.Header.Get("X-Nonce")) >= 16 && len(r.Header.Get("X-Nonce")) <= 200
}

// nonces remembers what was used while it could be used again. When it is full nobody
// gets in any more until time has passed: to forget early would let a replay in.
type nonces struct {
	now  func() time.Time
	mu   sync.Mutex
	used map[string]time.Time
}

const maxNonces = 100_000

func newNonces(now func() time.Time) *nonces {
	return &nonces{now: now, used: map[string]time.Time{}}
}

func (n *nonces) first(key string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	if len(n.used) >= maxNonces {
		for k, at := range n.used {
			if now.Sub(at) > 2*macAge {
				delete(n.used, k)
			}
		}
	}
	if at, used := n.used[key]; used && now.Sub(at) <= 2*macAge || len(n.used) >= maxNonces {
		return false
	}
	n.used[key] = now
	return true
}

// secretsRoute hands somebody who knows their password the token and the key that the
// other guards of the demo take.
func (a *api) secretsRoute() []gate.Route {
	uses := map[string]bool{a.auth: true}
	for _, r := range a.resources {
		uses[r.auth] = true
	}
	if !uses[guardToken] && !uses[guardHMAC] {
		return nil
	}
	return []gate.Route{{Method: http.MethodPost, Path: "/-/credentials", Policy: decisions.Policy{Kind: decisions.KindBasic, Guard: guardBasic},
		Serve: func(c *gate.Call) {
			token, key := a.derived("token", c.Subject().User), a.derived("key", c.Subject().User)
			write(c, http.StatusOK, object{{"name", c.Subject().User}, {"token", token}, {"key", key}})
		}}}
}

// derived is a secret of a person of the story: the same in every run with the same
// server secret.
func (a *api) derived(what, name string) string {
	m := hmac.New(sha256.New, a.env.Secret(a.id+" "+what))
	m.Write([]byte(name))
	return hex.EncodeToString(m.Sum(nil)[:16])
}
