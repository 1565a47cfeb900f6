package flaskjwt

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// refreshLife is how long a refresh token is good, counted from the login: to
// refresh does not make a login longer.
const refreshLife = 8 * time.Hour

// maxFamilies bounds the logins that are remembered; the oldest goes first.
const maxFamilies = 10_000

// family is one login and the refresh tokens that came of it. Only the newest
// counts. One that was used already means that two parties hold the login: the
// owner and a thief, and nobody knows which is which, so that it ends for both
// (RFC 9700 §4.14.2).
type family struct {
	user    int
	name    string
	current [32]byte
	ends    time.Time
}

type refresher struct {
	*app
	mu       sync.Mutex
	families map[string]*family // by the part of the token that stays
	order    []string           // oldest first
}

// NewRefresh makes the second system: the same, with refresh tokens that turn.
func NewRefresh(env *gate.Env) (*gate.System, error) {
	a, err := newApp(env, "flask-jwt-refresh")
	if err != nil {
		return nil, err
	}
	r := &refresher{app: a, families: map[string]*family{}}
	s := a.system()
	s.ID, s.Title = "flask-jwt-refresh", "A token that can be refreshed"
	s.Guard = "signed token (HS256), refresh token that turns"
	s.About = "The original only mentions refreshing. Each refresh token works once and gives the next; one that comes back a second time ends the whole login, since somebody has a copy of it."
	s.Routes[0].Serve = r.auth
	s.Routes = append(s.Routes,
		gate.Route{Method: http.MethodPost, Path: "/auth/refresh", Policy: gate.Login("the refresh token as JSON"), Serve: r.refresh},
		gate.Route{Method: http.MethodPost, Path: "/auth/logout", Policy: gate.Login("the refresh token as JSON, which ends the login"), Serve: r.logout})
	s.AllowCrossSite = append(s.AllowCrossSite, "POST /auth/refresh", "POST /auth/logout")
	return s, nil
}

func (r *refresher) auth(c *gate.Call) {
	u, ok := r.login(c)
	if !ok {
		return
	}
	id := rand.Text()
	f := &family{user: u.Number, name: u.Username, ends: r.env.Now().Add(refreshLife)}
	secret := f.turn()
	r.mu.Lock()
	for len(r.order) >= maxFamilies {
		delete(r.families, r.order[0])
		r.order = r.order[1:]
	}
	r.families[id], r.order = f, append(r.order, id)
	r.mu.Unlock()
	r.answer(c, u, id+"."+secret)
}

// turn makes the next token of the login and forgets the one before. What is kept is
// its hash.
func (f *family) turn() string {
	secret := rand.Text()
	f.current = sha256.Sum256([]byte(secret))
	return secret
}

func (r *refresher) answer(c *gate.Call, u gate.Member, refresh string) {
	token, err := r.issue(u)
	if err != nil {
		c.Error(http.StatusInternalServerError)
		return
	}
	c.JSON(http.StatusOK, map[string]string{"access_token": token, "refresh_token": refresh})
}

func (r *refresher) refresh(c *gate.Call) {
	u, id, next, ok := r.use(c)
	if ok {
		r.answer(c, u, id+"."+next)
	}
}

func (r *refresher) logout(c *gate.Call) {
	_, id, _, ok := r.use(c)
	if ok {
		r.end(id)
		c.Audit("logout", "account", c.Subject().User)
		c.W.WriteHeader(http.StatusNoContent)
	}
}

func (r *refresher) end(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.families, id)
}

// use takes a refresh token, which is gone after; without success it has answered.
func (r *refresher) use(c *gate.Call) (u gate.Member, id, next string, ok bool) {
	in, status := readObject(c)
	if status != 0 {
		c.Decide(decisions.Denied, decisions.BadRequest)
		c.Error(status)
		return u, "", "", false
	}
	text, _ := in["refresh_token"].(string)
	c.Credential("refresh_token", text)
	h := c.Hop("refresh", "deny")
	id, next, f, why := r.turn(text)
	if why != "" {
		h.Rule = string(why)
		if why == decisions.Replayed {
			c.Audit("refresh_replayed", "account", f.name)
		}
		c.Decide(decisions.Denied, why)
		c.JSON(http.StatusUnauthorized, failure{"The refresh token does not count (any more)", "Invalid token", http.StatusUnauthorized})
		return u, "", "", false
	}
	if u, ok = r.accounts.Named(f.name); !ok || u.Number != f.user || r.gone[f.user] { // the account is gone since
		r.end(id)
		c.Decide(decisions.Denied, decisions.BadCredential)
		c.JSON(http.StatusUnauthorized, failure{"User does not exist", "Invalid JWT", http.StatusUnauthorized})
		return u, "", "", false
	}
	h.Out, c.Subject().User = "pass", u.Username
	return u, id, next, true
}

// turn uses a token up. why is empty when it counted.
func (r *refresher) turn(text string) (id, next string, f family, why decisions.Reason) {
	const idLength = 26 // of rand.Text
	if len(text) < idLength+2 || text[idLength] != '.' {
		return "", "", f, decisions.BadCredential
	}
	id = text[:idLength]
	used := sha256.Sum256([]byte(text[idLength+1:]))
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.families[id]
	switch {
	case known == nil:
		return id, "", f, decisions.BadCredential
	case r.env.Now().After(known.ends):
		delete(r.families, id)
		return id, "", *known, decisions.SessionExpired
	case used != known.current: // of hashes of random texts: how long it takes tells nothing
		delete(r.families, id)
		return id, "", *known, decisions.Replayed
	}
	next = known.turn()
	return id, next, *known, ""
}
