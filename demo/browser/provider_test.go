package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/clients/decisions"
	"gatehouse/demo/browser"
	"gatehouse/demo/demotest"
	"gatehouse/demo/server"
)

// TestSignInAtTheProviders goes through the pages of the three logins elsewhere, with
// the Tab and Enter keys alone, at a provider that checks what the protocols ask for.
func TestSignInAtTheProviders(t *testing.T) {
	ctx := browser.Open(t)
	s := demotest.Start(t, server.Options{Systems: []string{"okta-oidc", "social-fb", "social-tw"}, ProviderListen: "auto"})
	last := func(system string) decisions.Decision { return s.Ring.Since("", system, 1)[0] }
	audit := func(what string) chromedp.Action { return browser.Audit(t, what) }

	browser.Do(t, ctx, "Okta: one click, then who I am", chromedp.Navigate(s.URL+"/"), browser.Says("Sign in as"), audit("index"),
		browser.Press("Sign in to okta-oidc as Ann Example"), browser.Says("Who are you?"), audit("the provider's page"), browser.Shot("provider"),
		browser.Press("Continue as Ann Example"), browser.Says("Welcome, ann@example.com."), browser.At(s.URL+"/s/okta-oidc/dashboard"), audit("dashboard"))
	if d := last("okta-oidc"); d.Outcome != decisions.Allowed || d.Subject.Email != "ann@example.com" {
		t.Errorf("%+v", d)
	}
	browser.Do(t, ctx, "the index knows, and the logout ends it", chromedp.Navigate(s.URL+"/"), browser.Says("Logged in: ann@example.com"),
		chromedp.Navigate(s.URL+"/s/okta-oidc/"), audit("home"), browser.Press("Log out"), browser.Says("Log in"))
	browser.Do(t, ctx, "somebody whom Okta suspended", browser.Press("Log in"), browser.Says("Who are you?"),
		browser.Press("Continue as Carol Example, suspended"), browser.Says("403"), audit("403"))
	if d := last("okta-oidc"); d.Reason != decisions.AccountInactive {
		t.Errorf("%+v", d)
	}

	for _, one := range []struct{ system, name string }{{"social-fb", "facebook"}, {"social-tw", "twitter"}} {
		home := s.URL + "/s/" + one.system + "/"
		browser.Do(t, ctx, one.name+": from its page", chromedp.Navigate(home), browser.Says("I don't know you!"), audit(one.system),
			browser.Press("Log in with "+one.name), browser.Says("Who are you?"), browser.Press("Continue as Ben Example"),
			browser.At(home), browser.Says("Hi, ben!"), audit(one.system+" logged in"))
		if d := last(one.system); d.Subject.User == "" {
			t.Errorf("%s: %+v", one.system, d)
		}
		browser.Do(t, ctx, one.name+": one click, as somebody else", chromedp.Navigate(s.URL+"/"), browser.Says("Logged in: ben"),
			browser.Press("Sign in to "+one.system+" as Ann Example"), browser.Press("Continue as Ann Example"), browser.At(home), browser.Says("Hi, ann!"))
		browser.Do(t, ctx, one.name+": out, and a login that is cancelled", browser.Press("Logout"), browser.Says("I don't know you!"),
			browser.Press("Log in with "+one.name), browser.Press("Cancel"), browser.Says("Authentication failed."), audit(one.system+" failed"))
	}
}
