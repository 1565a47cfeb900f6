// Package flaskjwt is the /auth endpoint of Flask-JWT 0.3.2: name and password
// against a token that is signed with a secret of the server, and a page that asks
// for the token. A second system adds refreshing.
package flaskjwt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// Rules of the original.
const (
	life   = 300 * time.Second // JWT_EXPIRATION_DELTA
	leeway = 10 * time.Second  // JWT_LEEWAY
)

type app struct {
	env          *gate.Env
	key          []byte
	life, leeway time.Duration

	accounts *gate.Members
	gone     map[int]bool // deleted accounts; nil but in tests
}

func newApp(env *gate.Env, id string) (*app, error) {
	accounts, err := env.Members(gate.Person{Username: "user1", Password: "abcxyz"}, gate.Person{Username: "user2", Password: "abcxyz"})
	if err != nil {
		return nil, err
	}
	return &app{env: env, key: env.Secret(id), life: life, leeway: leeway, accounts: accounts}, nil
}

// New makes the system of the original.
func New(env *gate.Env) (*gate.System, error) {
	a, err := newApp(env, "flask-jwt")
	if err != nil {
		return nil, err
	}
	return a.system(), nil
}

func (a *app) system() *gate.System {
	return &gate.System{
		ID: "flask-jwt", Title: "A token against name and password", Guard: "signed token (HS256)", Seed: "004",
		About:  "POST /auth takes name and password as JSON and gives a token that is good for five minutes. The account is looked up again with every request, so that one that is deleted is out at once.",
		Guards: map[string]gate.Guard{"jwt": a.guard},
		Routes: []gate.Route{
			{Method: http.MethodPost, Path: "/auth", Policy: gate.Login("name and password as JSON"), Serve: a.auth},
			{Method: http.MethodGet, Path: "/protected", Policy: decisions.Policy{Kind: decisions.KindToken, Guard: "jwt"}, Serve: a.protected},
		},
		// It takes no cookie: what another site sends carries nobody's rights.
		AllowCrossSite: []string{"POST /auth"},
	}
}

// failure is the JSON of every refusal, with its keys in the order of the original.
type failure struct {
	Description string `json:"description"`
	Error       string `json:"error"`
	Status      int    `json:"status_code"`
}

func refuse(why decisions.Reason, kind, description string) gate.Verdict {
	return gate.RefuseWith(why, func(c *gate.Call) {
		if why == decisions.NoCredential {
			c.W.Header().Set("WWW-Authenticate", `JWT realm="Login Required"`)
		}
		c.JSON(http.StatusUnauthorized, failure{description, kind, http.StatusUnauthorized})
	})
}

// guard reads the token, and looks up whose it is.
func (a *app) guard(c *gate.Call, _ decisions.Policy) gate.Verdict {
	header := strings.TrimSpace(c.R.Header.Get("Authorization"))
	c.Credential("jwt", header)
	token, v, ok := tokenOf(header)
	if !ok {
		return v
	}
	h := c.Hop("jwt.verify", "deny")
	claims, err := a.verify(token)
	if err != nil {
		h.Rule = err.Error()
		return refuse(decisions.BadCredential, "Invalid token", err.Error())
	}
	h.Out = "pass"
	h = c.Hop("account", "deny")
	u, ok := a.byClaim(claims["identity"])
	if !ok {
		h.Rule = "no such account"
		return refuse(decisions.BadCredential, "Invalid JWT", "User does not exist")
	}
	h.Out, c.Subject().User = "pass", u.Username
	return gate.Pass()
}

// tokenOf takes the token out of the header: the word JWT in any case, and one token.
func tokenOf(header string) (string, gate.Verdict, bool) {
	parts := strings.Fields(header)
	switch {
	case len(parts) == 0:
		return "", refuse(decisions.NoCredential, "Authorization Required", "Request does not contain an access token"), false
	case !strings.EqualFold(parts[0], "JWT"):
		return "", refuse(decisions.BadCredential, "Invalid JWT header", "Unsupported authorization type"), false
	case len(parts) == 1:
		return "", refuse(decisions.BadCredential, "Invalid JWT header", "Token missing"), false
	case len(parts) > 2:
		return "", refuse(decisions.BadCredential, "Invalid JWT header", "Token contains spaces"), false
	}
	return parts[1], gate.Verdict{}, true
}

// verify checks form, signature and claims in the order, and says it in the words, of
// the original's library (PyJWT 1.4). Only HS256 counts, whatever the header says,
// and a critical extension that we do not know refuses the token (RFC 7515 §4.1.11).
func (a *app) verify(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) < 3 {
		return nil, errors.New("Not enough segments") //nolint:staticcheck // the original's words
	}
	enc := jwt.NewParser()
	head, err := enc.DecodeSegment(parts[0])
	if err != nil {
		return nil, errors.New("Invalid header padding")
	}
	var header struct {
		Alg  *string         `json:"alg"`
		Crit json.RawMessage `json:"crit"`
	}
	if json.Unmarshal(head, &header) != nil {
		return nil, errors.New("Invalid header string: must be a json object")
	}
	payload, err := enc.DecodeSegment(parts[1])
	if err != nil {
		return nil, errors.New("Invalid payload padding")
	}
	signature, err := enc.DecodeSegment(strings.Join(parts[2:], "."))
	if err != nil {
		return nil, errors.New("Invalid crypto padding")
	}
	switch {
	case header.Alg == nil || *header.Alg != jwt.SigningMethodHS256.Alg():
		return nil, errors.New("The specified alg value is not allowed")
	case header.Crit != nil:
		return nil, errors.New("Unsupported critical header")
	}
	if jwt.SigningMethodHS256.Verify(parts[0]+"."+parts[1], signature, a.key) != nil {
		return nil, errors.New("Signature verification failed")
	}
	var claims map[string]any
	dec := json.NewDecoder(strings.NewReader(string(payload)))
	dec.UseNumber()
	if dec.Decode(&claims) != nil || claims == nil {
		return nil, errors.New("Invalid payload string: Expecting value: line 1 column 1 (char 0)")
	}
	return claims, a.checkClaims(claims)
}

func (a *app) checkClaims(claims map[string]any) error {
	times := map[string]int64{}
	for _, c := range [][2]string{{"exp", "Expiration Time claim (exp)"}, {"iat", "Issued At claim (iat)"}, {"nbf", "Not Before claim (nbf)"}} {
		if _, has := claims[c[0]]; !has {
			return fmt.Errorf("Token is missing the %q claim", c[0])
		}
	}
	for _, c := range [][2]string{{"iat", "Issued At claim (iat)"}, {"nbf", "Not Before claim (nbf)"}, {"exp", "Expiration Time claim (exp)"}} {
		n, ok := claims[c[0]].(json.Number)
		v, err := n.Int64()
		if !ok || err != nil {
			return fmt.Errorf("%s must be an integer.", c[1])
		}
		times[c[0]] = v
	}
	now, slack := a.env.Now().Unix(), int64(a.leeway/time.Second)
	_, hasAud := claims["aud"]
	switch {
	case times["iat"] > now+slack:
		return errors.New("Issued At claim (iat) cannot be in the future.")
	case times["nbf"] > now+slack:
		return errors.New("The token is not yet valid (nbf)")
	case times["exp"] <= now-slack:
		return errors.New("Signature has expired")
	case hasAud:
		return errors.New("Invalid audience")
	}
	return nil
}

// byClaim finds the account of a token. The claim is the number, as a number; anything
// else is nobody.
func (a *app) byClaim(claim any) (gate.Member, bool) {
	n, ok := claim.(json.Number)
	if !ok {
		return gate.Member{}, false
	}
	i, err := strconv.Atoi(n.String())
	if err != nil || strconv.Itoa(i) != n.String() || a.gone[i] {
		return gate.Member{}, false
	}
	return a.accounts.Numbered(i)
}

// auth takes name and password, exactly these two keys.
func (a *app) auth(c *gate.Call) {
	u, ok := a.login(c)
	if !ok {
		return
	}
	token, err := a.issue(u)
	if err != nil {
		c.Error(http.StatusInternalServerError)
		return
	}
	c.JSON(http.StatusOK, map[string]string{"access_token": token})
}

// login reads and checks name and password; without success it has answered.
func (a *app) login(c *gate.Call) (gate.Member, bool) {
	in, status := readObject(c)
	if status != 0 {
		c.Decide(decisions.Denied, decisions.BadRequest)
		c.Error(status)
		return gate.Member{}, false
	}
	name, _ := in["username"].(string)
	password, _ := in["password"].(string)
	if len(in) != 2 {
		password = "" // nobody's; exactly the two keys are asked for
	}
	c.Credential("password", name)
	u, v := c.CheckPassword(a.accounts, name, password)
	if !v.Allow {
		c.Refused(v, func() {
			c.JSON(http.StatusUnauthorized, failure{"Invalid credentials", "Bad Request", http.StatusUnauthorized})
		})
		return gate.Member{}, false
	}
	c.Subject().User = u.Username
	c.Audit("login", "account", u.Username)
	return u, true
}

// readObject reads a JSON object; otherwise it gives the status of the refusal.
func readObject(c *gate.Call) (map[string]any, int) {
	if t := c.R.Header.Get("Content-Type"); !strings.Contains(t, "json") {
		return nil, http.StatusBadRequest
	}
	body, err := io.ReadAll(c.R.Body)
	if err != nil {
		return nil, http.StatusRequestEntityTooLarge
	}
	var in map[string]any
	if json.Unmarshal(body, &in) != nil || in == nil {
		return nil, http.StatusBadRequest
	}
	return in, 0
}

func (a *app) issue(u gate.Member) (string, error) {
	now := a.env.Now().Unix()
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"exp": now + int64(a.life/time.Second), "iat": now, "nbf": now, "identity": u.Number}).SignedString(a.key)
}

func (a *app) protected(c *gate.Call) {
	u, _ := a.accounts.Named(c.Subject().User)
	c.Bytes(http.StatusOK, "text/html; charset=utf-8", fmt.Appendf(nil, "User(id='%d')", u.Number))
}
