package live_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/clients/keycloak"
)

// subject is one try to get in: the question, and what the person and the application
// send. A fault spoils it, or the user and client that it is about.
type subject struct {
	l *lab
	t testing.TB
	login.Asked
	user     keycloak.User
	client   keycloak.Client
	password string
	secret   string
	otp      string
	// base is the address that the application knows the server by; "" is the lab's.
	base string
	// api is another address at which the token is used afterwards.
	api string

	x *live.Explainer
}

// explainer is the one that all questions about the subject are put to.
func (s *subject) explainer() *live.Explainer {
	if s.x == nil {
		s.x = live.New(s.l.admin.Realm(s.Realm))
	}
	return s.x
}

// why asks about the subject.
func (s *subject) why() login.Trace {
	s.t.Helper()
	tr, err := s.explainer().Why(context.Background(), s.Asked, nil)
	if err != nil {
		s.t.Fatalf("why %s: %v", s.Question(), err)
	}
	return tr
}

// newSubject is a user and a client of its own for which all is well.
func (l *lab) newSubject(t testing.TB, g login.Grant) *subject {
	t.Helper()
	s := &subject{l: l, t: t, user: l.account(t)}
	s.client = l.app(t, nil)
	s.password = "pw-" + s.user.Username
	secret, err := l.realm.ClientSecret(context.Background(), s.client.ID)
	if err != nil {
		t.Fatal(err)
	}
	s.secret = secret
	s.Asked = login.Asked{Realm: l.realm.Name(), User: s.user.Username, Client: s.client.ClientID, Grant: g, Scope: "openid"}
	if g == login.Browser {
		s.RedirectURI = callback
		s.PKCE, s.PAR = login.SendsNot, login.SendsNot
	}
	s.DPoP = login.SendsNot
	if g == login.Service {
		s.User = ""
	}
	return s
}

// outcome is what a person, or the application, saw.
type outcome struct {
	ok     bool
	status int
	text   string
	token  string
	id     string
	// form is what the token endpoint was last sent.
}

func (o outcome) String() string {
	if o.ok {
		return "got in"
	}
	return fmt.Sprintf("%d %s", o.status, o.text)
}

// try logs in for real, as the question says.
func (s *subject) try() outcome {
	s.t.Helper()
	var o outcome
	switch s.Grant {
	case login.Direct:
		o = s.exchange(url.Values{"grant_type": {"password"}, "username": {s.User}, "password": {s.password}, "scope": {s.Scope}, "totp": {s.otp}})
	case login.Service:
		o = s.exchange(url.Values{"grant_type": {"client_credentials"}, "scope": {s.Scope}})
	default:
		o = s.browse()
	}
	if o.ok && s.api != "" {
		return s.useAt(o)
	}
	return o
}

func (s *subject) realmURL() string {
	base := s.base
	if base == "" {
		base = s.l.info.URL
	}
	return base + "/realms/" + url.PathEscape(s.Realm)
}

// authURL is the address at which the application sends the browser.
func (s *subject) authURL() string {
	q := url.Values{"response_type": {"code"}, "client_id": {s.Client}, "redirect_uri": {s.RedirectURI}, "scope": {s.Scope}, "state": {"x"}, "nonce": {"y"}}
	return s.realmURL() + "/protocol/openid-connect/auth?" + q.Encode()
}

// exchange asks the token endpoint.
func (s *subject) exchange(form url.Values) outcome {
	s.t.Helper()
	if s.secret == "" {
		form.Set("client_id", s.Client)
	}
	req, err := http.NewRequest("POST", s.realmURL()+"/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.secret != "" {
		req.SetBasicAuth(url.QueryEscape(s.Client), url.QueryEscape(s.secret))
	}
	if s.Origin != "" {
		req.Header.Set("Origin", s.Origin)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	var w struct {
		Access string `json:"access_token"`
		ID     string `json:"id_token"`
	}
	_ = json.Unmarshal(b, &w)
	return outcome{ok: w.Access != "", status: res.StatusCode, text: strings.TrimSpace(string(b)), token: w.Access, id: w.ID}
}

// useAt shows the token at another address of the server.
func (s *subject) useAt(o outcome) outcome {
	req, err := http.NewRequest("GET", s.api+"/realms/"+s.Realm+"/protocol/openid-connect/userinfo", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+o.token)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	o.ok, o.status, o.text = res.StatusCode == 200, res.StatusCode, res.Header.Get("WWW-Authenticate")
	return o
}

var (
	formAction = regexp.MustCompile(`(?s)<form[^>]*\saction="([^"]+)"`)
	tags       = regexp.MustCompile(`(?s)<script.*?</script>|<style.*?</style>|<[^>]*>`)
	blanks     = regexp.MustCompile(`\s+`)
)

// browse walks through the pages as a person with a browser does. It keeps its cookies
// itself: Keycloak marks them Secure also on plain http, where Go's jar drops them.
func (s *subject) browse() outcome {
	s.t.Helper()
	cookies := map[string]string{}
	visit := func(method, target string, form url.Values) (int, string, string) {
		var body io.Reader
		if form != nil {
			body = strings.NewReader(form.Encode())
		}
		req, err := http.NewRequest(method, target, body)
		if err != nil {
			s.t.Fatal(err)
		}
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for k, v := range cookies {
			req.AddCookie(&http.Cookie{Name: k, Value: v})
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			s.t.Fatal(err)
		}
		defer res.Body.Close()
		for _, c := range res.Cookies() {
			cookies[c.Name] = c.Value
		}
		page, _ := io.ReadAll(res.Body)
		location := res.Header.Get("Location")
		if location != "" {
			u, err := req.URL.Parse(location)
			if err != nil {
				s.t.Fatal(err)
			}
			location = u.String()
		}
		return res.StatusCode, string(page), location
	}
	status, page, location := visit("GET", s.authURL(), nil)
	posted := false
	for range 12 {
		switch {
		case location != "" && strings.HasPrefix(location, s.RedirectURI):
			return s.back(location)
		case location != "":
			status, page, location = visit("GET", location, nil)
			continue
		}
		m := formAction.FindStringSubmatch(page)
		if status != 200 || m == nil || posted && !strings.Contains(page, `name="otp"`) || !posted && !strings.Contains(page, `name="password"`) && !strings.Contains(page, `name="username"`) {
			return outcome{status: status, text: readable(page)}
		}
		form := url.Values{"username": {s.User}, "password": {s.password}}
		if !posted && !strings.Contains(page, `name="password"`) { // with organizations the name is asked for first
			status, page, location = visit("POST", html.UnescapeString(m[1]), url.Values{"username": {s.User}})
			continue
		}
		if posted {
			if s.otp == "" {
				return outcome{status: status, text: readable(page)}
			}
			form = url.Values{"otp": {s.otp}}
			s.otp = ""
		}
		posted = true
		status, page, location = visit("POST", html.UnescapeString(m[1]), form)
	}
	s.t.Fatal("the login did not end")
	return outcome{}
}

// back is what the application makes of the redirect.
func (s *subject) back(location string) outcome {
	u, err := url.Parse(location)
	if err != nil {
		s.t.Fatal(err)
	}
	code := u.Query().Get("code")
	if code == "" {
		return outcome{status: 302, text: u.Query().Get("error") + ": " + u.Query().Get("error_description")}
	}
	return s.exchange(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {s.RedirectURI}})
}

func readable(page string) string {
	return strings.TrimSpace(blanks.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(page, " ")), " "))
}

// claims decodes the body of a token.
func claims(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts in a token", len(parts))
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
