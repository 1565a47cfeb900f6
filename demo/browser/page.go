package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a page may take on a busy machine.
const patience = time.Minute

// Do runs steps and fails with what the page says.
func Do(t testing.TB, ctx context.Context, what string, steps ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, steps...); err != nil {
		var text, url string
		_ = chromedp.Run(ctx, chromedp.Location(&url), chromedp.Text("body", &text, chromedp.ByQuery))
		t.Fatalf("%s: %v\nat %s:\n%s", what, err, url, text)
	}
}

// Until waits until an expression of the page is true, through whatever navigation.
func Until(expression, otherwise string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		deadline := time.Now().Add(patience)
		for {
			var is bool
			// An error is a page that is just being left.
			if chromedp.Evaluate(`!!document.body && document.readyState == "complete" && !!(`+expression+`)`, &is).Do(ctx) == nil && is {
				return nil
			}
			if time.Now().After(deadline) {
				return errors.New(otherwise)
			}
			if err := chromedp.Sleep(50 * time.Millisecond).Do(ctx); err != nil {
				return err
			}
		}
	})
}

// Says waits until the page says something.
func Says(text string) chromedp.Action {
	return Until(`document.body.innerText.includes(`+Quote(text)+`)`, "the page does not say "+text)
}

// At waits until the browser is at an address that begins so.
func At(prefix string) chromedp.Action {
	return Until(`location.href.startsWith(`+Quote(prefix)+`)`, "the browser did not come to "+prefix)
}

// Quote is a text as a literal of the page's language.
func Quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a text is always possible
	}
	return string(b)
}

// Press finds the first link or button with exactly that text or label, goes to it
// with the Tab key alone, and presses Enter: what can be pressed can be reached
// without a mouse.
func Press(text string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		const find = `[...document.querySelectorAll("a[href],button,summary")].find(e => (e.innerText.trim() == %[1]s || e.ariaLabel == %[1]s) && e.checkVisibility())`
		there := fmt.Sprintf(find, Quote(text))
		if err := Until(there, "the page has nothing called "+text).Do(ctx); err != nil {
			return err
		}
		var can int
		if err := chromedp.Evaluate(`document.activeElement && document.activeElement.blur(), window.getSelection().removeAllRanges(), document.querySelectorAll("a[href],button,input,summary,select,textarea").length`, &can).Do(ctx); err != nil {
			return err
		}
		for range 2*can + 4 {
			if err := chromedp.KeyEvent(kb.Tab).Do(ctx); err != nil {
				return err
			}
			var on bool
			if err := chromedp.Evaluate(`document.activeElement === `+there, &on).Do(ctx); err != nil {
				return err
			}
			if on {
				return chromedp.KeyEvent(kb.Enter).Do(ctx)
			}
		}
		return fmt.Errorf("%s cannot be reached with the Tab key", text)
	})
}

// audit looks at what a reader of the page without eyes or mouse needs.
const audit = `(() => {
  const bad = [];
  const say = (what, e) => bad.push(what + ": " + (e.outerHTML || "").slice(0, 120));
  const named = e => (e.innerText || "").trim() || e.ariaLabel || e.title;
  if (!document.documentElement.lang) bad.push("no language");
  if (!document.title.trim()) bad.push("no title");
  if (document.querySelectorAll("h1").length != 1) bad.push(document.querySelectorAll("h1").length + " first headings");
  if (document.querySelectorAll("main").length != 1) bad.push(document.querySelectorAll("main").length + " main parts");
  let last = 0;
  for (const h of document.querySelectorAll("h1,h2,h3,h4,h5,h6")) {
    const n = +h.tagName[1];
    if (n > last + 1) say("a heading of level " + n + " after one of level " + last, h);
    last = n;
  }
  for (const e of document.querySelectorAll("input:not([type=hidden]),select,textarea")) if (!(e.labels && e.labels.length && e.labels[0].innerText.trim()) && !e.ariaLabel) say("a field without a label", e);
  for (const e of document.querySelectorAll("button,a[href],summary")) if (!named(e)) say("nothing says what it does", e);
  for (const e of document.querySelectorAll("a:not([href])")) say("a link that leads nowhere", e);
  for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) say("a picture without words", e);
  for (const e of document.querySelectorAll("[tabindex]")) if (e.tabIndex > 0) say("an order of its own", e);
  for (const e of document.querySelectorAll("form")) if (!e.querySelector("button,input[type=submit]")) say("a form that cannot be sent", e);
  for (const e of document.querySelectorAll("table")) if (!e.caption || !e.querySelector("th[scope]")) say("a table without caption or heads", e);
  for (const e of document.querySelectorAll("script,[onclick],[onload],[onsubmit],[style]")) say("a script or a style in the page", e);
  const seen = new Set();
  for (const e of document.querySelectorAll("[id]")) { if (seen.has(e.id)) say("an id twice", e); seen.add(e.id); }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) bad.push("wider than the window by " + (document.documentElement.scrollWidth - document.documentElement.clientWidth));
  return bad;
})()`

// Audit fails for what keeps somebody without eyes, mouse or scripts from using the
// page that is open, at a usual and at a narrow width.
func Audit(t testing.TB, what string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for _, width := range []int64{1000, 400} {
			if err := emulation.SetDeviceMetricsOverride(width, 1200, 1, false).Do(ctx); err != nil {
				return err
			}
			var bad []string
			if err := chromedp.Evaluate(audit, &bad).Do(ctx); err != nil {
				return err
			}
			for _, b := range bad {
				t.Errorf("%s, %d wide: %s", what, width, b)
			}
		}
		return emulation.ClearDeviceMetricsOverride().Do(ctx)
	})
}

// Shot keeps a picture of the whole page where GATEHOUSE_SHOTS names a folder.
func Shot(name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		dir := os.Getenv("GATEHOUSE_SHOTS")
		if dir == "" {
			return nil
		}
		var b []byte
		if err := chromedp.FullScreenshot(&b, 100).Do(ctx); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), b, 0o600)
	})
}

// Look is how a person has their browser set up.
func Look(dark bool, width int64) chromedp.Action {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	return chromedp.Tasks{
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		emulation.SetDeviceMetricsOverride(width, 1200, 1, false),
	}
}
