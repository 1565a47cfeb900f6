package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/clients/decisions"
	"gatehouse/demo/browser"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/seeding"
	"gatehouse/demo/server"
)

// TestKeycloakInTheBrowser is the story of the second seed document in a real browser,
// on a realm that demo seed has made ready: log in, find /admin closed, be given the
// role with gatehouse, be told that it counts after the next login, log in again, get
// in, and log out of both.
func TestKeycloakInTheBrowser(t *testing.T) {
	r := newDemoRealm(t, nil)
	ctx := browser.Open(t)
	r.seed()
	var secret struct{ Value string }
	r.must(http.StatusOK, plainHTTP(t, http.MethodGet, r.base+"/clients/"+r.webClient().ID+"/client-secret", r.token(), nil, &secret))
	s := demotest.Start(t, server.Options{Env: gate.Env{Accounts: gate.Seeds, KeycloakURL: r.url, Realm: r.name, ClientID: seeding.WebClientID, ClientSecret: secret.Value,
		People: seeding.People(), HTTP: demotest.Client, HopTimeout: 30 * time.Second, RequestTimeout: time.Minute}})
	base := s.URL + "/s/kc-web"
	last := func() decisions.Decision { return s.Ring.Since("", "kc-web", 1)[0] }
	audit := func(what string) chromedp.Action { return browser.Audit(t, what) }
	typed := func(name string) chromedp.Action {
		return chromedp.Tasks{browser.Says("Sign in to your account"), chromedp.SendKeys("#username", name, chromedp.ByQuery),
			chromedp.SendKeys("#password", seeding.Password+"\r", chromedp.ByQuery)}
	}

	browser.Do(t, ctx, "log in at Keycloak", chromedp.Navigate(base+"/"), audit("home"), browser.Press("Login"), browser.At(r.url), typed("bob"),
		browser.At(base+"/"), browser.Says("Hi, bob!"), audit("home of bob"))
	browser.Do(t, ctx, "/admin is closed", browser.Press("Admin"), browser.At(base+"/admin"), browser.Says("401"), audit("401"))
	if d := last(); d.Status != http.StatusUnauthorized || d.Reason != decisions.RoleMissing || d.Subject.User != "bob" || d.Subject.Realm != r.name {
		t.Errorf("%+v", d)
	}
	gatehouse(t, r.env, "roles", "grant", "--realm", r.name, "--user", "bob", "--client", seeding.WebClientID, "--role", "admin", "--yes").want(t, exitYes)
	browser.Do(t, ctx, "the old session has not got the role, and the page says so", chromedp.Navigate(base+"/admin"),
		browser.Says("You were given the role since you logged in. It counts after you log in again."), audit("not yet"), browser.Shot("not-yet"))
	if d := last(); d.Status != http.StatusUnauthorized || d.Reason != decisions.RoleMissing || !slices.ContainsFunc(d.Hops, func(h decisions.Hop) bool { return slices.Contains(h.Warn, "role_since_login") }) {
		t.Errorf("%+v", d)
	}
	browser.Do(t, ctx, "log out", browser.Press("Log out"), browser.At(base+"/"), browser.Says("Login"))
	browser.Do(t, ctx, "Keycloak's session is over too: it asks for the password again", browser.Press("Login"), typed("bob"), browser.Says("Hi, bob!"))
	browser.Do(t, ctx, "/admin is open", browser.Press("Admin"), browser.Says("Admin Page"), audit("admin"))
	if d := last(); d.Status != http.StatusOK || d.Outcome != decisions.Allowed {
		t.Errorf("%+v", d)
	}
	gatehouse(t, r.env, "roles", "revoke", "--realm", r.name, "--user", "bob", "--client", seeding.WebClientID, "--role", "admin", "--yes").want(t, exitYes)
	browser.Do(t, ctx, "a role that was taken away is gone at once", chromedp.Navigate(base+"/admin"), browser.Says("401"))

	browser.Do(t, ctx, "be alice with one click", chromedp.Navigate(s.URL+"/"), browser.Says("Logged in: bob"), audit("index"), browser.Shot("index"),
		oneClick(s.URL, r.url, "alice"), browser.At(base+"/"), browser.Says("Hi, alice!"), browser.Press("Admin"), browser.Says("Admin Page"))
	browser.Do(t, ctx, "the click logged in at Keycloak too, and a logout ends both", browser.Press("Logout"), browser.Says("Login"), browser.Press("Login"),
		browser.Says("Sign in to your account"))
	if log := s.Log.String(); strings.Contains(log, seeding.Password) {
		t.Error("a password is in the log")
	}
}

// oneClick signs somebody in to kc-web from the index page. Where Keycloak is so busy
// that trying the password takes too long, the browser is shown its form; then again.
func oneClick(app, keycloak, name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for deadline := time.Now().Add(2 * time.Minute); ; {
			steps := chromedp.Tasks{chromedp.Navigate(app + "/"), browser.Press("Sign in to kc-web as " + name),
				browser.Until(`location.pathname == "/s/kc-web/" || location.href.startsWith(`+browser.Quote(keycloak)+`)`, "the click led nowhere")}
			var at, filled string
			if err := append(steps, chromedp.Location(&at)).Do(ctx); err != nil {
				return err
			}
			if !strings.HasPrefix(at, keycloak) {
				return nil
			}
			if err := chromedp.Value("#username", &filled, chromedp.ByQuery).Do(ctx); err != nil || filled != name {
				return fmt.Errorf("Keycloak's form is filled in with %q: %w", filled, err)
			}
			if time.Now().After(deadline) {
				return errors.New("Keycloak could not try the password in time")
			}
		}
	})
}
