package gate

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"golang.org/x/sync/singleflight"

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

	group   singleflight.Group
	mu      sync.Mutex
	set     map[string]Key
	fetched time.Time // when the set came
	tried   time.Time // when it was asked for last
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
	key, known, age, may := k.look(id, now)
	if known && age < keysFresh {
		return key, nil
	}
	var err error
	if may {
		err = k.refresh(ctx)
		key, known, age, _ = k.look(id, now)
	}
	switch {
	case known && age < keysStale:
		return key, nil
	case err != nil && (age >= keysStale || !k.have()):
		return Key{}, err
	case !k.have():
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

func (k *Keys) look(id string, now time.Time) (key Key, known bool, age time.Duration, may bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known = k.set[id]
	return key, known, now.Sub(k.fetched), now.Sub(k.tried) >= keysInterval
}

// have says whether a set ever came; one without a usable key is an answer too.
func (k *Keys) have() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.fetched.IsZero()
}

// refresh asks the issuer, once however many requests wait for it. It goes on when
// the request that began it ends, since others wait too.
func (k *Keys) refresh(ctx context.Context) error {
	done := k.group.DoChan("", func() (any, error) {
		k.mu.Lock()
		k.tried = k.env.Now()
		k.mu.Unlock()
		set, err := k.fetch(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		k.mu.Lock()
		k.set, k.fetched = set, k.env.Now()
		k.mu.Unlock()
		return nil, nil
	})
	select {
	case r := <-done:
		return r.Err
	case <-ctx.Done():
		return UpstreamFailed(decisions.JWKS, ctx.Err())
	}
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
