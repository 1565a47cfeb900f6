package gate

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"

	"gatehouse/clients/decisions"
)

// Limits of key sets. A token with an unknown key id must not make us ask the issuer
// again and again: anybody can make one up.
const (
	keysFresh    = 5 * time.Minute  // after which a set is asked for again
	keysStale    = time.Hour        // how long a set counts when the issuer cannot be asked
	keysInterval = 10 * time.Second // between two requests for it
	maxKeys      = 100
	maxKeySet    = 256 << 10
)

// Errors of keys that are answers, not failures.
var (
	// ErrNoKey says that the issuer has no key for a token.
	ErrNoKey = errors.New("the issuer has no such key")
	// ErrHeader says that the header of a token asks for something that is not known here.
	ErrHeader = errors.New("the token's header is not taken")
)

// Key is one public key of an issuer.
type Key struct {
	ID, Alg, Use string
	Key          crypto.PublicKey
}

// Keys are the public keys of an issuer (JWKS, RFC 7517), kept and bounded.
type Keys struct {
	env *Env
	url string

	mu      sync.Mutex
	set     map[string]Key
	fetched time.Time // when the set came
	tried   time.Time // when it was asked for last
	flight  *flight   // the request for it that is under way
}

// flight is one request for a set, however many wait for it.
type flight struct {
	done chan struct{}
	err  error
}

// NewKeys are the keys behind a URL, which must be https unless it is this machine.
// Nothing is asked yet.
func (e *Env) NewKeys(raw string) (*Keys, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the address %q of a key set cannot be read", raw)
	}
	if u.Scheme != "https" && !isLoopback(raw) {
		return nil, fmt.Errorf("the address %q of a key set must be https", raw)
	}
	return &Keys{env: e, url: raw}, nil
}

// Find is the key with an id. ErrNoKey is an answer; any other error says that the
// issuer could not be asked and that nothing usable is kept.
func (k *Keys) Find(ctx context.Context, id string) (Key, error) {
	now := k.env.Now()
	key, known, age, asked := k.look(ctx, id, now)
	if known && age < keysFresh {
		return key, nil
	}
	var err error
	if asked != nil {
		select {
		case <-asked.done:
			err = asked.err
		case <-ctx.Done():
			err = UpstreamFailed(decisions.JWKS, ctx.Err())
		}
		key, known, age = k.have(id, now)
	}
	switch never := age == math.MaxInt64; {
	case known && age < keysStale:
		return key, nil
	case err != nil && (age >= keysStale || never):
		return Key{}, err
	case never:
		return Key{}, &upstreamError{decisions.Unavailable(decisions.JWKS), errors.New("the key set could not be fetched a moment ago")}
	}
	return Key{}, ErrNoKey
}

// TokenKey is the key that the header of a token names, for RS256 and nothing else: by
// its id, from the issuer's set and from nowhere that the token names (jku, x5u and jwk
// are not looked at). A token without a key id, or with a critical extension (RFC 7515,
// 4.1.11), is refused. ErrNoKey and ErrHeader are answers; what IsUpstream reports says
// that the issuer could not be asked.
func (k *Keys) TokenKey(ctx context.Context, header map[string]any) (crypto.PublicKey, error) {
	if _, there := header["crit"]; there {
		return nil, fmt.Errorf("%w: an extension that is not known here (crit)", ErrHeader)
	}
	kid, _ := header["kid"].(string)
	if kid == "" {
		return nil, fmt.Errorf("%w: the token names no key (kid)", ErrNoKey)
	}
	key, err := k.Find(ctx, kid)
	switch {
	case err != nil:
		return nil, err
	case key.Use != "" && key.Use != "sig" || key.Alg != "" && key.Alg != "RS256":
		return nil, fmt.Errorf("%w: the one of that id is not for such signatures", ErrNoKey)
	}
	return key.Key, nil
}

// look is what is kept, and the request for the set to wait for: the one that is under
// way, or a new one where the kept set does not do and the last is long enough ago. It
// goes on when the call that began it ends, since others wait too.
func (k *Keys) look(ctx context.Context, id string, now time.Time) (key Key, known bool, age time.Duration, asked *flight) {
	key, known, age = k.have(id, now)
	if known && age < keysFresh {
		return key, known, age, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flight == nil && now.Sub(k.tried) >= keysInterval {
		k.tried, k.flight = now, &flight{done: make(chan struct{})}
		go k.refresh(context.WithoutCancel(ctx), k.flight)
	}
	return key, known, age, k.flight
}

// have is the kept key and the age of its set; the longest there is where none ever
// came. A set without a usable key is one, too.
func (k *Keys) have(id string, now time.Time) (key Key, known bool, age time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fetched.IsZero() {
		return Key{}, false, math.MaxInt64
	}
	key, known = k.set[id]
	return key, known, now.Sub(k.fetched)
}

// refresh asks the issuer.
func (k *Keys) refresh(ctx context.Context, f *flight) {
	set, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.set, k.fetched = set, k.env.Now()
	}
	f.err, k.flight = err, nil
	close(f.done)
}

func (k *Keys) fetch(ctx context.Context) (map[string]Key, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	a, err := k.env.Ask(decisions.JWKS, req)
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK || len(a.Body) > maxKeySet {
		return nil, Malformed(decisions.JWKS, fmt.Errorf("the key set answered %d with %d bytes", a.Status, len(a.Body)))
	}
	return readKeys(a.Body)
}

// readKeys takes the public keys that have an id; others are of no use to us, and
// what is private or symmetric is refused by not being taken.
func readKeys(b []byte) (map[string]Key, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := object(b, &raw); err != nil {
		return nil, Malformed(decisions.JWKS, err)
	}
	if raw.Keys == nil || len(raw.Keys) > maxKeys {
		return nil, Malformed(decisions.JWKS, fmt.Errorf("%d keys", len(raw.Keys)))
	}
	set := map[string]Key{}
	for _, r := range raw.Keys {
		var m jwkset.JWKMarshal
		if json.Unmarshal(r, &m) != nil || m.KID == "" || m.KTY == jwkset.KtyOct {
			continue
		}
		jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil {
			continue
		}
		set[m.KID] = Key{ID: m.KID, Alg: string(m.ALG), Use: string(m.USE), Key: jwk.Key()}
	}
	return set, nil
}
