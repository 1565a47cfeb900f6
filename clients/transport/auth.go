package transport

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Authorizer adds the credentials of a context to a request.
type Authorizer interface {
	// Authorize sets the headers; it may fetch a token first, within the deadline of
	// the request's context. An error means that the request is not sent.
	Authorize(req *http.Request) error
	// Refresh is called once after the server answered 401 to refused. It reports
	// whether new credentials are there, so that trying again makes sense.
	Refresh(refused *http.Request) (again bool, err error)
}

// Bearer authorizes with a fixed token.
func Bearer(token string) Authorizer { return fixed("Bearer " + token) }

// Basic authorizes with a name and a password (RFC 7617).
func Basic(user, password string) Authorizer {
	return fixed("Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// fixed is an Authorization header that never changes.
type fixed string

func (f fixed) Authorize(req *http.Request) error {
	req.Header.Set("Authorization", string(f))
	return nil
}

func (fixed) Refresh(*http.Request) (bool, error) { return false, nil }

// Token is a bearer token and how long it lives from the moment it was fetched. A
// Life of 0 means that nobody said, and it is used until it is refused.
type Token struct {
	Value string
	Life  time.Duration
}

// TokenSource authorizes with a bearer token that it fetches, shares between all
// requests and renews: ahead of time at 80 % of its life, and after a 401.
type TokenSource struct {
	fetch func(context.Context) (Token, error)
	now   func() time.Time

	busy    chan struct{} // holds one value while a fetch runs; waiting for it can be cancelled
	mu      sync.Mutex
	token   Token
	fetched time.Time
}

// Tokens returns a TokenSource around fetch, which is never called twice at once.
// fetch must use a client without this source, or it would wait for itself.
func Tokens(fetch func(context.Context) (Token, error)) *TokenSource {
	return &TokenSource{fetch: fetch, now: time.Now, busy: make(chan struct{}, 1)}
}

// Authorize implements Authorizer.
func (s *TokenSource) Authorize(req *http.Request) error {
	t, err := s.Token(req.Context())
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+t.Value)
	return nil
}

// Refresh implements Authorizer. When the refused token is not the present one,
// somebody has renewed it already and nothing is fetched.
func (s *TokenSource) Refresh(refused *http.Request) (bool, error) {
	used := refused.Header.Get("Authorization")
	err := s.renew(refused.Context(), func(t Token, _ time.Duration) bool { return "Bearer "+t.Value == used })
	return err == nil, err
}

// Token returns a token with at least a fifth of its life left, fetching one if
// need be. If that fails while the old one still lives, the old one is returned.
func (s *TokenSource) Token(ctx context.Context) (Token, error) {
	old := func(t Token, age time.Duration) bool {
		return t.Value == "" || t.Life > 0 && age >= t.Life*4/5
	}
	if t, age := s.current(); !old(t, age) {
		return t, nil
	}
	err := s.renew(ctx, old)
	t, age := s.current()
	if err != nil && t.Value != "" && (t.Life == 0 || age < t.Life) {
		return t, nil
	}
	if err == nil && t.Value == "" {
		err = errors.New("the server gave an empty token")
	}
	return t, err
}

func (s *TokenSource) current() (Token, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, s.now().Sub(s.fetched)
}

// renew fetches a token unless, when it is our turn, the present one is no longer stale.
func (s *TokenSource) renew(ctx context.Context, stale func(Token, time.Duration) bool) error {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if !stale(s.current()) {
		return nil
	}
	asked := s.now() // the life counts from before the request: the server started earlier than we heard
	t, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.fetched = t, asked
	return nil
}
