package browser_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/clients/decisions"
	"gatehouse/demo/browser"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// do runs steps in the browser and fails with what the page says.
func do(t *testing.T, ctx context.Context, what string, steps ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, steps...); err != nil {
		var text, url string
		_ = chromedp.Run(ctx, chromedp.Location(&url), chromedp.Text("body", &text, chromedp.ByQuery))
		t.Fatalf("%s: %v\nat %s:\n%s", what, err, url, text)
	}
}

// says waits until the page says something, through whatever navigation.
func says(text string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		deadline := time.Now().Add(time.Minute)
		for {
			var is bool
			// An error is a page that is just being left.
			if chromedp.Evaluate(`!!document.body && document.readyState == "complete" && document.body.innerText.includes(`+quote(text)+`)`, &is).Do(ctx) == nil && is {
				return nil
			}
			if time.Now().After(deadline) {
				return errors.New("the page does not say " + text)
			}
			if err := chromedp.Sleep(50 * time.Millisecond).Do(ctx); err != nil {
				return err
			}
		}
	})
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

// shot keeps a picture where GATEHOUSE_SHOTS names a folder.
func shot(name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		dir := os.Getenv("GATEHOUSE_SHOTS")
		if dir == "" {
			return nil
		}
		var b []byte
		if err := chromedp.CaptureScreenshot(&b).Do(ctx); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), b, 0o600)
	})
}

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
	do(t, ctx, "open the index", chromedp.Navigate(origin+"/"), says("guarded systems"), says("Nobody is logged in"), shot("index"))
	do(t, ctx, "go to the home page, and from there to the login", chromedp.Click(`#ory-home h2 a`, chromedp.ByQuery), says("Log in"), shot("login"))
	do(t, ctx, "register", chromedp.Click(`a[href$="/registration"]`, chromedp.ByQuery), says("Register"),
		chromedp.SendKeys(`input[name="traits.email"]`, email, chromedp.ByQuery), chromedp.Click(`button[name="method"]`, chromedp.ByQuery),
		chromedp.WaitVisible(`input[name="password"]`, chromedp.ByQuery), chromedp.SendKeys(`input[name="password"]`, demotest.Password, chromedp.ByQuery), shot("password"),
		chromedp.Click(`button[name="method"][value="password"]`, chromedp.ByQuery), says("403"), shot("denied"))
	d := s.Ring.Since("", "ory-home", 1)[0]
	if d.Reason != decisions.KetoDenied || d.Subject.Email != email {
		t.Fatalf("%+v", d)
	}
	demotest.Allow(t, keto, d.Subject.IdentityID)
	do(t, ctx, "try again", chromedp.Navigate(origin+"/s/ory-home/"), says("SoftwarePals"), says(email), shot("allowed"))
	do(t, ctx, "the index knows who it is", chromedp.Navigate(origin+"/"), says("Logged in: "+email), shot("logged-in"))
	do(t, ctx, "log out", chromedp.Navigate(ui+"/"), chromedp.Click(`form button`, chromedp.ByQuery), says("Log in"),
		chromedp.Navigate(origin+"/s/ory-home/"), says("Log in"))
	do(t, ctx, "sign in with one click", chromedp.Navigate(origin+"/"), chromedp.Click(`#ory-home form button`, chromedp.ByQuery), says("403"))
	if d = s.Ring.Since("", "ory-home", 1)[0]; d.Subject.Email != person.Email || d.Status != http.StatusForbidden {
		t.Errorf("%+v", d)
	}
	var violations int
	do(t, ctx, "count", chromedp.Evaluate(`document.querySelectorAll("script").length`, &violations))
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
