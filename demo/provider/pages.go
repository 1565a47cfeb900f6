package provider

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/demo/gate"
)

const stylePath = "/style.css"

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(gate.Style())
}

// names are what the three are called on their pages.
var names = map[string]string{"okta": "OpenID Connect, as Okta", "facebook": "OAuth 2, as Facebook", "twitter": "OAuth 1.0a, as Twitter"}

var pages = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} · practice provider</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header><a href="{{.App}}">Practice provider</a></header>
<main id="main">
<h1>{{.Title}}</h1>
{{with .Alert}}<p role="alert" class="alert">{{.}}</p>{{end}}
{{range .Lines}}<p>{{.}}</p>
{{end}}
{{if .Ticket}}<form action="/choose" method="post"><input type="hidden" name="ticket" value="{{.Ticket}}">
{{with .Hinted}}<p><button name="person" value="{{.Key}}">Continue as {{.Name}}</button></p>
<h2>Or be somebody else</h2>
{{end}}<ul class="people">{{range .People}}<li><button class="small" name="person" value="{{.Key}}" aria-label="Continue as {{.Name}}{{if .Suspended}}, suspended{{end}}">{{.Name}}{{if .Suspended}} (suspended){{end}}</button></li>{{end}}</ul>
<p><button class="small" name="person" value="">Cancel</button></p>
</form>{{end}}
<p><a href="{{.App}}">Back to the demo</a></p>
</main>
</body>
</html>
`))

type view struct {
	Title, Alert, Ticket, App string
	Lines                     []string
	Hinted                    *Person
	People                    []Person
}

func (p *Provider) draw(w http.ResponseWriter, status int, v view) {
	v.App = p.conf.AppURL + "/"
	var b bytes.Buffer
	if err := pages.Execute(&b, v); err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func (p *Provider) about(w http.ResponseWriter, _ *http.Request) {
	p.draw(w, http.StatusOK, view{Title: "A login provider to practise with", Lines: []string{
		"It stands in for Okta, Facebook and Twitter, so that the demo's applications have somebody to ask. Nobody has a password here: whoever comes chooses who to be."}})
}

func (p *Provider) refuse(w http.ResponseWriter, why string) {
	p.draw(w, http.StatusBadRequest, view{Title: "This login cannot go on", Alert: why})
}

// page asks who to be.
func (p *Provider) page(w http.ResponseWriter, r *request) {
	v := view{Title: "Who are you?", People: p.conf.People, Lines: []string{
		"The demo's application wants to know who you are (" + names[r.kind] + "). This provider is for practice: there are no passwords."}}
	for i, one := range p.conf.People {
		if r.hint != "" && (one.Key == r.hint || strings.EqualFold(one.Email, r.hint)) {
			v.Hinted = &p.conf.People[i]
		}
	}
	v.Ticket = p.ask(r)
	p.draw(w, http.StatusOK, v)
}

// choose sends the browser back as whoever was chosen.
func (p *Provider) choose(w http.ResponseWriter, r *http.Request) {
	q := p.takeAsked(r.PostFormValue("ticket"))
	if q == nil {
		p.refuse(w, "This login is over, or took too long. Begin again at the application.")
		return
	}
	one, ok := p.person(r.PostFormValue("person"))
	back := url.Values{}
	switch {
	case q.kind == "twitter" && !ok:
		back.Set("denied", q.token)
	case q.kind == "twitter":
		back.Set("oauth_token", q.token)
		back.Set("oauth_verifier", p.give(grant{request: *q, use: "code", person: one}, codeLife))
	case !ok:
		back.Set("error", "access_denied")
		back.Set("state", q.state)
	default:
		back.Set("code", p.give(grant{request: *q, use: "code", person: one}, codeLife))
		back.Set("state", q.state)
	}
	if q.kind == "okta" {
		back.Set("iss", p.issuer())
	}
	w.Header().Set("Location", q.redirect+"?"+back.Encode())
	w.WriteHeader(http.StatusSeeOther)
}
