package gate

import (
	"html/template"
	"strings"
)

// The frame of every page, cut out of the templates once: a page without forms is
// then put together in a few microseconds, where the templates take a hundred. It
// counts on the home page, whose two upstream calls take two milliseconds.
var (
	headParts = strings.SplitN(fragment("head", "TITLE-TOKEN"), "TITLE-TOKEN", 2)
	footParts = func() []string {
		f := fragment("foot", map[string]any{"Call": struct{ DecisionID string }{"ID-TOKEN"}, "System": struct{ ID string }{"SYSTEM-TOKEN"}})
		before, rest, _ := strings.Cut(f, "ID-TOKEN")
		middle, after, _ := strings.Cut(rest, "SYSTEM-TOKEN")
		return []string{before, middle, after}
	}()
)

func fragment(name string, data any) string {
	var b strings.Builder
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		panic(err) // embedded
	}
	return b.String()
}

// plainFast draws a page that has no forms.
func (c *Call) plainFast(status int, p Plain) {
	esc := template.HTMLEscapeString
	var b strings.Builder
	b.Grow(2 << 10)
	b.WriteString(headParts[0] + esc(p.Title) + headParts[1] + "<h1>" + esc(p.Title) + "</h1>\n")
	for _, w := range c.Sys.Warn {
		b.WriteString(`<p class="warn">Warning: ` + esc(w) + "</p>\n")
	}
	if p.Alert != "" {
		b.WriteString(`<p role="alert" class="alert">` + esc(p.Alert) + "</p>\n")
	}
	for _, l := range p.Lines {
		b.WriteString("<p>" + esc(l) + "</p>\n")
	}
	if len(p.Details) > 0 {
		b.WriteString("<dl>")
		for _, d := range p.Details {
			b.WriteString("<dt>" + esc(d[0]) + "</dt><dd>" + esc(d[1]) + "</dd>")
		}
		b.WriteString("</dl>\n")
	}
	if len(p.Links) > 0 {
		b.WriteString(`<ul class="links">`)
		for _, l := range p.Links {
			b.WriteString(`<li><a href="` + esc(l.Href) + `">` + esc(l.Text) + "</a></li>")
		}
		b.WriteString("</ul>\n")
	}
	b.WriteString(footParts[0] + c.trace.d.ID + footParts[1] + esc(c.Sys.ID) + footParts[2])
	c.Bytes(status, "text/html; charset=utf-8", []byte(b.String()))
}

// plainLinks reports whether every link leads where a page of ours may lead: a path,
// or an address of the web. The templates would see to that; what is drawn without
// them must too.
func plainLinks(links []Link) bool {
	for _, l := range links {
		if !strings.HasPrefix(l.Href, "/") && !strings.HasPrefix(l.Href, "http://") && !strings.HasPrefix(l.Href, "https://") {
			return false
		}
	}
	return true
}
