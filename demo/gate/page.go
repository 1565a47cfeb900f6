package gate

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
)

//go:embed web
var web embed.FS

var (
	style     = mustRead("web/style.css")
	styleSum  = sha256.Sum256(style)
	stylePath = "/-/style." + hex.EncodeToString(styleSum[:6]) + ".css"
	pages     = template.Must(template.New("").Funcs(template.FuncMap{
		"style": func() string { return stylePath },
		"keyOf": keyOf, "nameOf": nameOf,
		"pair": func(id string, p Person) map[string]any { return map[string]any{"ID": id, "Person": p} },
	}).ParseFS(web, "web/*.html"))
)

func mustRead(name string) []byte {
	b, err := web.ReadFile(name)
	if err != nil {
		panic(err) // embedded
	}
	return b
}

// Page answers with one of gate's pages. Systems mostly want "plain" (see Plain).
func (c *Call) Page(status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, map[string]any{"Call": c, "Prefix": c.Prefix, "System": c.Sys, "Data": data}); err != nil {
		c.Env.Log.Error("draw a page", "page", name, "error", err.Error())
		http.Error(c.W, "internal error", http.StatusInternalServerError)
		return
	}
	c.Bytes(status, "text/html; charset=utf-8", b.Bytes())
}

// Plain is a simple page of a system: a title, paragraphs, links and forms. Every
// text in it is escaped.
type Plain struct {
	Title   string
	Alert   string   // said first, and read out by a screen reader
	Lines   []string // paragraphs
	Links   []Link
	Forms   []Form
	Details [][2]string // name and value
}

// Link is a link; Href is a path with its prefix (Call.Path) or a URL of ours.
type Link struct{ Text, Href string }

// Form is a form.
type Form struct {
	Title, Action, Method, Submit string // Method "" is post
	Fields                        []Field
}

// Field is an input. Type "hidden" has no label.
type Field struct {
	Name, Label, Type, Value, Autocomplete string
	Required                               bool
}

// Plain answers with a simple page.
func (c *Call) Plain(status int, p Plain) {
	if len(p.Forms) == 0 && c.Sys != nil && plainLinks(p.Links) {
		c.plainFast(status, p)
		return
	}
	for i := range p.Forms {
		if p.Forms[i].Method == "" {
			p.Forms[i].Method = "post"
		}
	}
	c.Page(status, "plain", p)
}

// serveStyle serves the one style sheet, under a name that changes with it.
func serveStyle(c *Call) {
	c.W.Header().Set("Cache-Control", "public, max-age=31556926, immutable")
	c.Bytes(http.StatusOK, "text/css; charset=utf-8", style)
}

func statusWords(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "The server could not read what was sent."
	case http.StatusUnauthorized:
		return "You are not logged in, or what you are logged in as is not enough for this page."
	case http.StatusForbidden:
		return "You do not have the permission to open this page."
	case http.StatusNotFound:
		return "There is no such page."
	case http.StatusMethodNotAllowed:
		return "This page does not know what to do with such a request."
	case http.StatusRequestEntityTooLarge:
		return "What was sent is too long."
	case http.StatusMisdirectedRequest:
		return "This server does not answer under that name."
	case http.StatusTooManyRequests:
		return "There were too many tries. Wait a minute and try again."
	case http.StatusServiceUnavailable:
		return "A server that has to be asked first gave no usable answer, so nobody is let in. Try again in a few seconds."
	}
	return "Something went wrong on our side."
}
