package keycloak_test

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser walks through Keycloak's pages as a person does. It keeps its cookies
// itself: Keycloak marks them Secure also on plain http, where Go's jar drops them.
type browser struct {
	t       testing.TB
	cookies map[string]string
}

func newBrowser(t testing.TB) *browser { return &browser{t: t, cookies: map[string]string{}} }

func (b *browser) do(method, target string, form url.Values) (page, location string) {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range b.cookies {
		req.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		b.cookies[c.Name] = c.Value
	}
	text, _ := io.ReadAll(res.Body)
	if loc := res.Header.Get("Location"); loc != "" {
		next, err := res.Request.URL.Parse(loc)
		if err != nil {
			b.t.Fatal(err)
		}
		return "", next.String()
	}
	return string(text), ""
}

var (
	formAction = regexp.MustCompile(`(?s)<form[^>]*\saction="([^"]+)"`)
	hidden     = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"`)
)

// login opens a page, fills in whatever form comes and ends at the first address
// outside of Keycloak's own pages, or on a page without a form.
func (b *browser) login(base, start, username, password string) (end string) {
	b.t.Helper()
	page, location := b.do("GET", start, nil)
	for range 12 {
		if location != "" {
			if !strings.HasPrefix(location, base) {
				return location
			}
			page, location = b.do("GET", location, nil)
			continue
		}
		m := formAction.FindStringSubmatch(page)
		if m == nil {
			return page
		}
		form := url.Values{}
		for _, h := range hidden.FindAllStringSubmatch(page, -1) {
			form.Set(h[1], html.UnescapeString(h[2]))
		}
		switch {
		case strings.Contains(page, `name="password"`):
			form.Set("username", username)
			form.Set("password", password)
		case strings.Contains(page, `name="accept"`):
			form.Set("accept", "Yes")
		}
		action, err := url.Parse(start)
		if err == nil {
			action, err = action.Parse(html.UnescapeString(m[1]))
		}
		if err != nil {
			b.t.Fatal(err)
		}
		page, location = b.do("POST", action.String(), form)
	}
	b.t.Fatal("the login did not end")
	return ""
}
