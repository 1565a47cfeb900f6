package cmd

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gatehouse/config"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
)

// walked are the servers that all walks share. They end with the tests of this package.
var walked struct {
	once sync.Once
	dir  string
	own  *stack.Stack
	err  error
}

// walkStack has servers that hold the story. The stack that the other tests work on is
// empty in `make test`, and the story is not written there: tests that run beside these
// make people of the same names.
func walkStack(t *testing.T) stack.Info {
	t.Helper()
	info := stacktest.All(t)
	if told(t, info) {
		return info
	}
	walked.once.Do(func() {
		if walked.dir, walked.err = os.MkdirTemp("", "gatehouse-walk"); walked.err != nil {
			return
		}
		var st *story.Story
		if st, walked.err = story.Load(); walked.err != nil {
			return
		}
		o := stack.Options{Name: "walk", Realm: st.Keycloak.Name, Dir: filepath.Join(walked.dir, "stack"), Unlisted: true, With: []stack.Server{stack.Kratos, stack.Keto, stack.Keycloak},
			Binaries: map[stack.Server]string{}, Seed: seedStory}
		for _, s := range o.With {
			if program, err := stack.ProgramOf(info, s); err == nil {
				o.Binaries[s] = program
			}
		}
		walked.own, walked.err = stack.Up(t.Context(), o)
	})
	if walked.err != nil {
		t.Fatalf("start servers with the story: %v", walked.err)
	}
	return walked.own.Info()
}

// endWalk stops what walkStack started.
func endWalk() {
	if walked.own != nil {
		_ = walked.own.Down()
	}
	if walked.dir != "" {
		_ = os.RemoveAll(walked.dir)
	}
}

// told reports whether a stack holds the story: its context then names the realm.
func told(t *testing.T, info stack.Info) bool {
	t.Helper()
	conf, err := config.Load(config.Options{Path: info.Config, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := conf.Context(info.Name)
	return err == nil && c.Keycloak != nil && len(c.Keycloak.Realms) > 0
}
