package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/access/tuple"
	"gatehouse/clients/decisions"
	"gatehouse/tui/clean"
)

// KratosCookie is the name of Kratos' session cookie.
const KratosCookie = "ory_kratos_session"

// Kratos asks Kratos who a session belongs to.
type Kratos struct {
	env *Env
	url string
}

// Identity is the person behind a session, as /sessions/whoami tells it.
type Identity struct {
	ID        string
	SessionID string
	Schema    string
	Email     string // the trait "email", where it is a text
	HasEmail  bool
	Verified  bool // that e-mail, by the identity's verifiable addresses
	AAL       string
	ExpiresAt time.Time
}

// Errors of Whoami that are answers, not failures.
var (
	// ErrNoSession says that Kratos does not know the session (any more).
	ErrNoSession = errors.New("the session is not valid")
	// ErrAAL says that Kratos wants a second factor.
	ErrAAL = errors.New("a second factor is needed")
)

type whoami struct {
	ID        string     `json:"id"`
	Active    *bool      `json:"active"`
	ExpiresAt *time.Time `json:"expires_at"`
	AAL       string     `json:"authenticator_assurance_level"`
	Identity  *struct {
		ID       string                     `json:"id"`
		Schema   string                     `json:"schema_id"`
		State    string                     `json:"state"`
		Traits   map[string]json.RawMessage `json:"traits"`
		Verified []struct {
			Value    string `json:"value"`
			Verified bool   `json:"verified"`
		} `json:"verifiable_addresses"`
	} `json:"identity"`
}

// Whoami asks Kratos about the value of a session cookie and writes the step down.
// It sends that one cookie and nothing else: with a second credential Kratos answers
// 500 (v1.3.1), and the other cookies are none of its business.
//
// Kratos answers 200 with the session, 401 for none, 403 where its settings ask for a
// higher assurance level. Status and body must agree; anything else is a failure.
func (k *Kratos) Whoami(c *Call, cookie string) (Identity, error) {
	return k.whoami(c, func(r *http.Request) { r.Header.Set("Cookie", KratosCookie+"="+cookie) })
}

func (k *Kratos) whoami(c *Call, credential func(*http.Request)) (Identity, error) {
	h := c.Hop("kratos.whoami", "fail")
	begin := time.Now()
	var a Answer
	req, err := http.NewRequestWithContext(c.R.Context(), http.MethodGet, k.url+"/sessions/whoami", nil)
	if err == nil {
		credential(req)
		req.Header.Set("Accept", "application/json")
		req.Header.Set("X-Request-Id", c.trace.d.RequestID)
		a, err = k.env.Ask(decisions.Kratos, req)
	}
	h.MS, h.Status = since(begin), a.Status
	if err != nil {
		return Identity{}, err
	}
	switch a.Status {
	case http.StatusOK:
		return k.session(c, h, a.Body)
	case http.StatusUnauthorized:
		h.Out = "deny"
		return Identity{}, ErrNoSession
	case http.StatusForbidden:
		h.Out = "deny"
		return Identity{}, ErrAAL
	}
	return Identity{}, Malformed(decisions.Kratos, fmt.Errorf("whoami answered %d", a.Status))
}

// session reads a session and refuses one that lacks what a decision needs.
func (k *Kratos) session(c *Call, h *decisions.Hop, body []byte) (Identity, error) {
	var w whoami
	if err := object(body, &w); err != nil {
		return Identity{}, Malformed(decisions.Kratos, err)
	}
	// The original needs no id, only an e-mail; so its rule must do without.
	if w.Active == nil || w.Identity == nil || w.Identity.ID == "" && k.env.Subject != SubjectSeed {
		return Identity{}, Malformed(decisions.Kratos, errors.New("a session without identity or without saying whether it is active"))
	}
	id := Identity{ID: w.Identity.ID, SessionID: w.ID, Schema: w.Identity.Schema, AAL: w.AAL}
	if w.ExpiresAt != nil {
		id.ExpiresAt = *w.ExpiresAt
	}
	if json.Unmarshal(w.Identity.Traits["email"], &id.Email) == nil {
		id.HasEmail = id.Email != ""
	}
	for _, v := range w.Identity.Verified {
		id.Verified = id.Verified || v.Verified && strings.EqualFold(v.Value, id.Email)
	}
	h.Facts = map[string]any{"identity_id": clean.Line(id.ID, 64), "active": *w.Active, "aal": clean.Line(id.AAL, 8), "cache": "off"}
	if !id.ExpiresAt.IsZero() {
		h.Facts["expires_at"] = id.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if !*w.Active || w.Identity.State != "" && w.Identity.State != "active" {
		h.Out = "deny"
		return Identity{}, ErrNoSession
	}
	h.Out = "pass"
	s := c.Subject()
	s.IdentityID, s.Email = clean.Line(id.ID, 64), clean.Line(id.Email, 200)
	return id, nil
}

// Errors of MapSubject.
var (
	errUnmappable = errors.New("no subject can be made of the identity")
	errUnverified = errors.New("the e-mail was never verified")
)

// MapSubject makes the Keto subject of an identity by the server's rule and writes
// the step down.
func (c *Call) MapSubject(id Identity) (string, error) {
	rule := c.Env.Subject
	h := c.Hop("subject.map", "pass")
	h.Rule = string(rule)
	if rule == SubjectSeed {
		h.Rule = "email-strip-at"
	}
	subject := id.ID
	switch rule {
	case SubjectSeed:
		subject = strings.ReplaceAll(id.Email, "@", "")
		h.Warn = append(h.Warn, "subject_collision_possible")
		if !id.Verified {
			h.Warn = append(h.Warn, "email_unverified")
		}
	case SubjectEmail:
		subject = id.Email
		if id.HasEmail && !id.Verified {
			h.Out = "deny"
			return "", errUnverified
		}
	}
	h.Value = clean.Line(subject, 300)
	if subject == "" || strings.ContainsFunc(subject, control) {
		h.Out = "deny"
		return "", errUnmappable
	}
	return subject, nil
}

func control(r rune) bool { return r < 0x20 || r == 0x7f || r == '\u2028' || r == '\u2029' }

// Keto asks Keto whether a relation holds.
type Keto struct {
	env *Env
	url string
}

// Check asks for a relation ("namespace:object#relation") of a subject and writes
// the step down. Keto answers 200 with allowed true, or 403 with allowed false;
// where status and body do not agree, or it is anything else, it is a failure.
func (k *Keto) Check(c *Call, relation, subject string) (bool, error) {
	t, err := tuple.Parse(relation + "@x")
	if err != nil {
		return false, err
	}
	h := c.Hop("keto.check", "fail")
	h.Tuple = clean.Line(relation+"@"+subject, 600)
	begin := time.Now()
	q := url.Values{"namespace": {t.Namespace}, "object": {t.Object}, "relation": {t.Relation}, "subject_id": {subject}}
	a, err := k.get(c.R.Context(), c.trace.d.RequestID, q)
	h.MS, h.Status = since(begin), a.Status
	if err != nil {
		return false, err
	}
	if a.Status != http.StatusOK && a.Status != http.StatusForbidden {
		return false, Malformed(decisions.Keto, fmt.Errorf("check answered %d", a.Status))
	}
	var v struct {
		Allowed *bool `json:"allowed"`
	}
	if err := object(a.Body, &v); err != nil {
		return false, Malformed(decisions.Keto, err)
	}
	if v.Allowed == nil || *v.Allowed != (a.Status == http.StatusOK) {
		return false, Malformed(decisions.Keto, errors.New("status and body do not agree"))
	}
	h.Out = "deny"
	if *v.Allowed {
		h.Out = "allow"
	}
	return *v.Allowed, nil
}

func (k *Keto) get(ctx context.Context, id string, q url.Values) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url+"/relation-tuples/check?"+q.Encode(), nil)
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Request-Id", id)
	return k.env.Ask(decisions.Keto, req)
}

// Relation decides whether Keto grants a relation to an identity, under the server's
// rule for subjects.
func (c *Call) Relation(id Identity, relation string) Verdict {
	subject, err := c.MapSubject(id)
	if err != nil {
		return SessionVerdict(err)
	}
	allowed, err := c.Env.Keto.Check(c, relation, subject)
	switch {
	case err != nil:
		return Unavailable(err)
	case !allowed:
		return Refuse(http.StatusForbidden, decisions.KetoDenied)
	}
	return Pass()
}

// SubjectWarning is what the systems that map an e-mail to a subject warn of; empty
// under a rule that cannot be tricked.
func (e *Env) SubjectWarning() []string {
	if e.Subject != SubjectSeed {
		return nil
	}
	return []string{"the subject is the e-mail without its @, as in the original: minkin.andre@wgmail.com counts as minkin.andrew@gmail.com. The default, identity_id, does not fall for it."}
}

// SessionVerdict turns an error of Whoami or MapSubject into the answer of a guard:
// 403 for a session that does not count, as the original answers, and 503 for a
// failure.
func SessionVerdict(err error) Verdict {
	switch {
	case errors.Is(err, ErrNoSession):
		return Refuse(http.StatusForbidden, decisions.SessionInvalid)
	case errors.Is(err, ErrAAL):
		return Refuse(http.StatusForbidden, decisions.AALRequired)
	case errors.Is(err, errUnmappable):
		return Refuse(http.StatusForbidden, decisions.SubjectUnmappable)
	case errors.Is(err, errUnverified):
		return Refuse(http.StatusForbidden, decisions.EmailUnverified)
	}
	return Unavailable(err)
}
