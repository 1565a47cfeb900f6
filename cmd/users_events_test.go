package cmd

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSinceTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{"": {}, "24h": now.Add(-24 * time.Hour), "7d": now.Add(-7 * 24 * time.Hour), "90m": now.Add(-90 * time.Minute),
		"2026-11-22T08:00:00Z": time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)} {
		if got, err := sinceTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-3h", "d", "2026-13-40"} {
		if got, err := sinceTime(text, now); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

// TestRealUsersEvents makes events with plain HTTP, those without a user among them, and
// finds them with the command.
func TestRealUsersEvents(t *testing.T) {
	t.Parallel()
	r := newRealRealm(t)
	var found []userEventOut
	events := func(args ...string) string {
		t.Helper()
		got := r.run(0, append([]string{"users", "events", "ann", "--json"}, args...)...)
		found = nil
		if err := json.Unmarshal([]byte(got.stdout), &found); err != nil {
			t.Fatalf("%v in %s", err, got.stdout)
		}
		return got.stderr
	}
	if said := events(); len(found) != 0 || !strings.Contains(said, "keeps no events of logins and of what administrators do") {
		t.Errorf("without events: %v, %q", found, said)
	}
	var config map[string]any
	r.must(200, plainHTTP(t, "GET", r.base+"/events/config", r.token(), nil, &config))
	config["eventsEnabled"], config["adminEventsEnabled"] = true, true
	r.must(204, plainHTTP(t, "PUT", r.base+"/events/config", r.token(), config, nil))
	ann := r.id("ann")
	tryLogin := func(name, client string) {
		t.Helper()
		resp, err := http.PostForm(r.url+"/realms/"+r.name+"/protocol/openid-connect/token",
			url.Values{"grant_type": {"password"}, "client_id": {client}, "username": {name}, "password": {"canary-Phrase-5"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	r.must(204, plainHTTP(t, "PUT", r.base+"/users/"+ann+"/reset-password", r.token(), map[string]any{"type": "password", "value": "canary-Phrase-5", "temporary": true}, nil))
	tryLogin("ANN", "admin-cli")              // refused: the event has no user, but the name
	tryLogin("ann@acme.example", "admin-cli") // likewise, by the e-mail
	tryLogin("somebody.else", "admin-cli")    // not hers
	tryLogin("ann", "nosuchclient")           // no name at all
	r.must(204, plainHTTP(t, "PUT", r.base+"/users/"+ann, r.token(), map[string]any{"requiredActions": []string{}}, nil))
	tryLogin("ann", "admin-cli") // succeeds, or fails for the profile; by name or by id
	events()
	count := map[string]int{}
	for i, e := range found {
		count[e.Kind+" "+e.Found]++
		if i > 0 && e.Time.After(*found[i-1].Time) {
			t.Errorf("%v comes after %v: the newest must be first", e.Time, found[i-1].Time)
		}
		if e.Details["username"] == "somebody.else" {
			t.Errorf("somebody else's event is told: %+v", e)
		}
	}
	if count["login name"] < 2 || count["admin id"] < 2 || count["login client"] != 0 {
		t.Errorf("found %v: %+v", count, found)
	}
	events("--client", "nosuchclient", "--kind", "login")
	nameless := 0
	for _, e := range found {
		if e.Kind != "login" {
			t.Errorf("--kind login gives %+v", e)
		}
		if e.Found == "client" {
			nameless++
		}
	}
	if nameless != 1 {
		t.Errorf("%d failures without a name at the client, want 1: %+v", nameless, found)
	}
	if events("--limit", "1"); len(found) != 1 {
		t.Errorf("--limit 1 gives %d", len(found))
	}
	r.run(2, "users", "events", "ann", "--since", "yesterday")
	r.run(2, "users", "events", "ann", "--kind", "both")
}
