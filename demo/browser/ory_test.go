package browser_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/clients/decisions"
	"gatehouse/demo/browser"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// TestRegistrationDeniedTupleAllowed is the story of the first seed document in a
// real browser: register at Kratos, be denied by Keto, get the tuple, be let in.
func TestRegistrationDeniedTupleAllowed(t *testing.T) {
	origin := "http://" + demotest.FreePort(t)
	kratos := ownKratos(t, origin)
	keto := stacktest.OwnKeto(t, demotest.AppOPL, nil)
	ctx := browser.Open(t)
	ui := origin + "/s/kratos-ui"
	person := demotest.NewIdentity(t, kratos, demotest.Unique("demo-person"))
	s := demotest.Start(t, server.Options{Systems: []string{"ory-home", "kratos-ui", "keto-policy"}, Listen: strings.TrimPrefix(origin, "http://"),
		Env: gate.Env{KratosPublicURL: kratos.PublicURL, KetoReadURL: keto.ReadURL, KratosUIURL: ui,
			People: []gate.Person{{Key: "demo", Name: "Demo Person", Email: person.Email, Password: demotest.Password}}}})
	email := demotest.Unique("browser")
	browser.Do(t, ctx, "open the index", chromedp.Navigate(origin+"/"), browser.Says("guarded systems"), browser.Says("Nobody is logged in"), browser.Shot("index"))
	browser.Do(t, ctx, "go to the home page, and from there to the login", chromedp.Click(`#ory-home h3 a`, chromedp.ByQuery), browser.Says("Log in"), browser.Shot("login"))
	browser.Do(t, ctx, "register", chromedp.Click(`a[href$="/registration"]`, chromedp.ByQuery), browser.Says("Register"),
		chromedp.SendKeys(`input[name="traits.email"]`, email, chromedp.ByQuery), chromedp.Click(`button[name="method"]`, chromedp.ByQuery),
		chromedp.WaitVisible(`input[name="password"]`, chromedp.ByQuery), chromedp.SendKeys(`input[name="password"]`, demotest.Password, chromedp.ByQuery), browser.Shot("password"),
		chromedp.Click(`button[name="method"][value="password"]`, chromedp.ByQuery), browser.Says("403"), browser.Shot("denied"))
	d := s.Ring.Since("", "ory-home", 1)[0]
	if d.Reason != decisions.KetoDenied || d.Subject.Email != email {
		t.Fatalf("%+v", d)
	}
	demotest.Allow(t, keto, d.Subject.IdentityID)
	browser.Do(t, ctx, "try again", chromedp.Navigate(origin+"/s/ory-home/"), browser.Says("SoftwarePals"), browser.Says(email), browser.Shot("allowed"))
	browser.Do(t, ctx, "the index knows who it is", chromedp.Navigate(origin+"/"), browser.Says("Logged in: "+email), browser.Shot("logged-in"))
	browser.Do(t, ctx, "log out", chromedp.Navigate(ui+"/"), chromedp.Click(`form button`, chromedp.ByQuery), browser.Says("Log in"),
		chromedp.Navigate(origin+"/s/ory-home/"), browser.Says("Log in"))
	browser.Do(t, ctx, "sign in with one click", chromedp.Navigate(origin+"/"), chromedp.Click(`#ory-home form button`, chromedp.ByQuery), browser.Says("403"))
	if d = s.Ring.Since("", "ory-home", 1)[0]; d.Subject.Email != person.Email || d.Status != http.StatusForbidden {
		t.Errorf("%+v", d)
	}
	var violations int
	browser.Do(t, ctx, "count", chromedp.Evaluate(`document.querySelectorAll("script").length`, &violations))
	if violations != 0 {
		t.Error("a page has scripts")
	}
}

// ownKratos starts a Kratos whose pages are those of the server of the test.
func ownKratos(t *testing.T, origin string) stack.KratosInfo {
	t.Helper()
	stacktest.Kratos(t)
	info, _, err := stacktest.Running()
	if err != nil {
		t.Fatal(err)
	}
	o := stack.Options{Name: "own", Dir: t.TempDir() + "/stack", Unlisted: true, With: []stack.Server{stack.Kratos}, UIURL: origin + "/s/kratos-ui",
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
