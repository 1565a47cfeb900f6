package seed_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/stack"
	"gatehouse/stack/seed"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
)

// TestExpiredSession fills a stack of its own: for the moment of one sign-in all new
// sessions of its Kratos are short, which must not happen to others who use the
// shared one. It also is the story without a Keycloak.
func TestExpiredSession(t *testing.T) {
	stacktest.Kratos(t)
	t.Setenv("GATEHOUSE_STATE_DIR", t.TempDir())
	st := must(story.Load())
	var first, again seed.Result
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	running, err := stack.Up(ctx, stack.Options{Name: "seed", Dir: t.TempDir(), With: []stack.Server{stack.Kratos, stack.Keto},
		Progress: func(s stack.Server, line string) { t.Logf("%s: %s", s, line) },
		Seed: func(ctx context.Context, info stack.Info, _ func(string)) error {
			c, err := connect(info)
			if err != nil {
				return err
			}
			o := seed.Options{PasswordFile: filepath.Join(info.Dir, "people.json"), KratosConfig: filepath.Join(info.Dir, "kratos", "kratos.yml")}
			before, err := os.ReadFile(o.KratosConfig)
			if err != nil {
				return err
			}
			if first, err = seed.Story(ctx, c, st, o); err != nil {
				return err
			}
			if after, err := os.ReadFile(o.KratosConfig); err != nil || string(after) != string(before) {
				t.Errorf("the configuration of Kratos is not what it was (%v)", err)
			}
			again, err = seed.Story(ctx, c, st, o)
			return err
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Down(); err != nil {
			t.Error(err)
		}
	})
	if first.Parts[2].Skipped == "" || again.Changed() != 0 {
		t.Errorf("first %+v, again %+v", first.Parts, again.Parts)
	}
	admin := running.Info().Kratos.AdminURL
	var sessions []session
	getJSON(t, admin+"/admin/identities/"+first.IDs["erik"]+"/sessions", &sessions)
	expired := 0
	for _, s := range sessions {
		if !s.Active && s.ExpiresAt.Before(time.Now()) {
			expired++
		}
	}
	if expired != 1 {
		t.Errorf("Erik has %d expired sessions: %+v", expired, sessions)
	}
	getJSON(t, admin+"/admin/identities/"+first.IDs["ann"]+"/sessions", &sessions)
	if len(sessions) != 3 {
		t.Errorf("Ann has %d sessions, want 3", len(sessions))
	}
	for _, s := range sessions {
		if !s.Active || time.Until(s.ExpiresAt) < time.Hour {
			t.Errorf("a session of Ann: %+v", s)
		}
	}
}
