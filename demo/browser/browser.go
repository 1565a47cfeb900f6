// Package browser gives tests a real headless Chromium.
package browser

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// names are those under which Chromium is installed.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Find is the path of a Chromium. Root on Debian installs its package where there is
// none; otherwise the test is skipped and says how to get one.
func Find(t testing.TB) string {
	t.Helper()
	look := func() string {
		for _, n := range names {
			if p, err := exec.LookPath(n); err == nil {
				return p
			}
		}
		return ""
	}
	if p := look(); p != "" {
		return p
	}
	if apt, err := exec.LookPath("apt-get"); err == nil && os.Getuid() == 0 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		_ = exec.CommandContext(ctx, apt, "update").Run()
		if out, err := exec.CommandContext(ctx, apt, "install", "-y", "-q", "chromium").CombinedOutput(); err != nil {
			t.Logf("apt-get install chromium: %v: %s", err, out)
		}
		if p := look(); p != "" {
			return p
		}
	}
	t.Skip("needs Chromium: apt-get install chromium, or put one on the PATH")
	return ""
}

// Open starts a Chromium with an empty profile; it ends with the test.
func Open(t testing.TB) context.Context {
	t.Helper()
	dir, err := os.MkdirTemp("", "gatehouse-browser")
	if err != nil {
		t.Fatal(err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(Find(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(dir), chromedp.WindowSize(1000, 1200))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	browser, stop := chromedp.NewContext(alloc)
	ctx, cancel := context.WithTimeout(browser, 6*time.Minute)
	t.Cleanup(func() {
		_ = chromedp.Cancel(browser) // asks it to end, and waits
		cancel()
		stop()
		stopAlloc()
		remove(t, dir)
	})
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// remove removes a profile. Processes of Chromium that end last still write to it.
func remove(t testing.TB, dir string) {
	deadline := time.Now().Add(time.Minute)
	for os.RemoveAll(dir) != nil {
		if time.Now().After(deadline) {
			t.Logf("%s is left behind", dir)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
