//go:build look

package browser_test

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/demo/browser"
)

// TestLook takes pictures of the pages of a running demo server, for people:
// GATEHOUSE_LOOK=http://127.0.0.1:4480 GATEHOUSE_SHOTS=folder go test -tags look -run Look.
func TestLook(t *testing.T) {
	url := os.Getenv("GATEHOUSE_LOOK")
	if url == "" {
		t.Skip("takes pictures of a running demo server: set GATEHOUSE_LOOK to its address and GATEHOUSE_SHOTS to a folder")
	}
	ctx := browser.Open(t)
	for _, step := range []struct {
		name string
		to   chromedp.Action
	}{
		{"index", chromedp.Navigate(url + "/")},
		{"keycloak-one-click", browser.Press("Sign in to kc-web as Ben Adeyemi")},
		{"keycloak-admin", browser.Press("Admin")},
		{"form", chromedp.Navigate(url + "/s/form-login/")},
		{"ory", chromedp.Tasks{chromedp.Navigate(url + "/"), browser.Press("Sign in to ory-home as Ann Okafor")}},
		{"logged-in", chromedp.Navigate(url + "/")},
	} {
		browser.Do(t, ctx, step.name, step.to, chromedp.WaitVisible("h1", chromedp.ByQuery),
			browser.Look(false, 1000), browser.Shot(step.name), browser.Look(true, 1000), browser.Shot(step.name+"-dark"),
			browser.Look(false, 400), browser.Shot(step.name+"-narrow"), browser.Look(false, 1000))
	}
}
