package browser_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/demo/browser"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
)

// TestEveryPageCanBeUsed opens every page that a system without back ends has, as
// nobody and as somebody who is logged in, and looks for what would keep people out
// who use no eyes, no mouse or no scripts.
func TestEveryPageCanBeUsed(t *testing.T) {
	ctx := browser.Open(t)
	people := []gate.Person{{Key: "ann", Name: "Ann Example", Email: "ann@example.com", Username: "ann.example", Password: "a password of this test"}}
	s := demotest.Start(t, server.Options{ProviderListen: "auto", Env: gate.Env{People: people}})
	seen := 0
	look := func(who string) {
		for _, sys := range s.Systems() {
			for _, r := range sys.Routes {
				if r.Method != http.MethodGet || strings.Contains(r.Path, "{") || strings.Contains(r.Path, "logout") {
					continue
				}
				at, ours := strings.TrimSuffix(sys.URL, "/")+r.Path, false
				_ = chromedp.Run(ctx, chromedp.Navigate(at)) // a page that asks for a name in a header is shown as an error
				if err := chromedp.Run(ctx, chromedp.Evaluate(`!!document.querySelector("main") && document.contentType == "text/html"`, &ours)); err != nil {
					t.Fatalf("%s: %v", at, err)
				}
				if ours {
					seen++
					browser.Do(t, ctx, at, browser.Audit(t, at+" as "+who))
				}
			}
		}
	}
	look("nobody")
	for _, id := range []string{"form-login", "fl-session", "fl-timeout"} {
		browser.Do(t, ctx, id, chromedp.Navigate(s.URL+"/"), browser.Press("Sign in to "+id+" as Ann Example"), browser.At(s.URL+"/s/"+id+"/"))
	}
	browser.Do(t, ctx, "the index", chromedp.Navigate(s.URL+"/"), browser.Says("Logged in: ann.example"), browser.Audit(t, "index"))
	look("somebody")
	if seen < 15 {
		t.Errorf("only %d pages were seen", seen)
	}
	t.Logf("%d pages", seen)
}
