package kratosui_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// person is somebody with a browser that has no scripts.
type person struct {
	t    *testing.T
	http *http.Client
	at   *url.URL
	page *html.Node
	code int
}

func newPerson(t *testing.T) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, http: &http.Client{Jar: jar}}
}

func (p *person) do(r *http.Request) {
	p.t.Helper()
	r.Header.Set("Accept", "text/html")
	resp, err := p.http.Do(r)
	if err != nil {
		p.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer resp.Body.Close()
	if p.page, err = html.Parse(resp.Body); err != nil {
		p.t.Fatal(err)
	}
	p.at, p.code = resp.Request.URL, resp.StatusCode
}

func (p *person) open(u string) {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.do(r)
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func each(n *html.Node, tag string, f func(*html.Node)) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == tag {
			f(d)
		}
	}
}

// submit fills the form that has all the named fields and presses its button.
func (p *person) submit(fill map[string]string) {
	p.t.Helper()
	var form *html.Node
	var values url.Values
	each(p.page, "form", func(f *html.Node) {
		v := url.Values{}
		each(f, "input", func(i *html.Node) {
			if attr(i, "type") != "checkbox" {
				v.Set(attr(i, "name"), attr(i, "value"))
			}
		})
		each(f, "button", func(b *html.Node) {
			if attr(b, "name") != "" {
				v.Set(attr(b, "name"), attr(b, "value"))
			}
		})
		for k := range fill {
			if !v.Has(k) {
				return
			}
		}
		if form == nil {
			form, values = f, v
		}
	})
	if form == nil {
		p.t.Fatalf("%s has no form with %v:\n%s", p.at, fill, p.text())
	}
	for k, v := range fill {
		values.Set(k, v)
	}
	to, err := p.at.Parse(attr(form, "action"))
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, to.String(), strings.NewReader(values.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.at.Scheme+"://"+p.at.Host)
	p.do(r)
}

func (p *person) text() string {
	var b strings.Builder
	for d := range p.page.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(strings.TrimSpace(d.Data) + "\n")
		}
	}
	return b.String()
}

func (p *person) want(code int, texts ...string) {
	p.t.Helper()
	if p.code != code {
		p.t.Fatalf("%s: %d, want %d:\n%s", p.at, p.code, code, p.text())
	}
	for _, s := range texts {
		if !strings.Contains(p.text(), s) {
			p.t.Fatalf("%s does not say %q:\n%s", p.at, s, p.text())
		}
	}
}

// TestThePagesOfKratos registers, is denied and allowed, logs out, mistypes the
// password, and logs in again, on the real Kratos and Keto, through pages without
// scripts.
func TestThePagesOfKratos(t *testing.T) {
	listen := demotest.FreePort(t)
	origin := "http://" + listen
	kratos := ownKratos(t, origin+"/s/kratos-ui", origin)
	keto := stacktest.OwnKeto(t, demotest.AppOPL, nil)
	s := demotest.Start(t, server.Options{Systems: []string{"ory-home", "kratos-ui"}, Listen: listen,
		Env: gate.Env{KratosPublicURL: kratos.PublicURL, KetoReadURL: keto.ReadURL, KratosUIURL: origin + "/s/kratos-ui"}})
	p := newPerson(t)
	p.open(s.URL + "/s/ory-home/")
	p.want(200, "Log in", "Password")
	var register string
	each(p.page, "a", func(a *html.Node) {
		if strings.HasSuffix(attr(a, "href"), "/registration") {
			register = attr(a, "href")
		}
	})
	p.open(s.URL + register)
	p.want(200, "Register")
	email := demotest.Unique("new")
	p.submit(map[string]string{"traits.email": email})
	p.want(200, "Password")
	p.submit(map[string]string{"password": demotest.Password})
	if p.at.Path != "/s/ory-home/" { // where they came from, denied
		t.Fatalf("after the registration they are at %s", p.at)
	}
	p.want(403)
	d := s.Ring.Since("", "ory-home", 1)[0]
	demotest.Allow(t, keto, d.Subject.IdentityID)
	p.open(s.URL + "/s/ory-home/")
	p.want(200, "SoftwarePals", email)
	p.open(s.URL + "/s/kratos-ui/")
	p.want(200, "You are logged in", email)
	p.open(s.URL + "/s/kratos-ui/settings")
	p.want(200, "Settings")
	p.open(s.URL + "/s/kratos-ui/logout")
	p.submit(nil)
	p.open(s.URL + "/s/kratos-ui/")
	p.want(200, "Nobody is logged in")
	p.open(s.URL + "/s/kratos-ui/login")
	p.submit(map[string]string{"identifier": email, "password": "wrong"})
	p.want(200, "Log in", "credentials are invalid")
	p.submit(map[string]string{"identifier": email, "password": demotest.Password})
	p.want(200, "You are logged in")
	p.open(s.URL + "/s/kratos-ui/recovery")
	p.open(s.URL + "/s/kratos-ui/login?flow=made-up")
	p.open(s.URL + "/s/kratos-ui/error?id=made-up")
	p.want(200, "That did not work")
}

// ownKratos starts a Kratos whose pages are ours.
func ownKratos(t *testing.T, ui, origin string) stack.KratosInfo {
	t.Helper()
	stacktest.Kratos(t)
	info, _, err := stacktest.Running()
	if err != nil {
		t.Fatal(err)
	}
	o := stack.Options{Name: "own", Dir: t.TempDir() + "/stack", Unlisted: true, With: []stack.Server{stack.Kratos}, UIURL: ui,
		Settings: map[stack.Server]map[string]any{stack.Kratos: {"dsn": "memory", "selfservice.allowed_return_urls": []string{origin}, "serve.public.cors.allowed_origins": []string{origin}}}}
	if binary, err := stack.ProgramOf(info, stack.Kratos); err == nil {
		o.Binaries = map[stack.Server]string{stack.Kratos: binary}
	}
	st, err := stack.Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Down() })
	return st.Info().Kratos
}
