package screens

import (
	"testing"
	"time"
)

func TestAgo(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for want, d := range map[string]time.Duration{
		"just now": 3 * time.Second, "40 s ago": 40 * time.Second, "59 min ago": 59*time.Minute + 59*time.Second,
		"47 h ago": 47 * time.Hour, "2 d ago": 48 * time.Hour, "in 3 h": -3 * time.Hour, "2 years ago": 800 * 24 * time.Hour,
	} {
		if got := ago(now, now.Add(-d)); got != want {
			t.Errorf("%v before now is %q, want %q", d, got, want)
		}
	}
	if got := ago(now, time.Time{}); got != "never" {
		t.Errorf("the zero time is %q, want never", got)
	}
}

func TestShortID(t *testing.T) {
	for id, want := range map[string]string{
		"8f1c0a2e-1111-4222-8333-4444555566e2": "8f1c…e2", "ann": "ann", "": "",
	} {
		if got := shortID(id); got != want {
			t.Errorf("shortID(%q) is %q, want %q", id, got, want)
		}
	}
}
