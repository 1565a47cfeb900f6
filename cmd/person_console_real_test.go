package cmd

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"gatehouse/access/tuple"
	"gatehouse/config"
	"gatehouse/tui/tuitest"
)

// consoleOn opens the whole console over a configuration of the test's own.
func consoleOn(t *testing.T, env []string, w, h int) *tuitest.Term {
	t.Helper()
	env = append(env, "GATEHOUSE_STATE_DIR="+t.TempDir())
	conf, err := config.Load(config.Options{Environ: env})
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := conf.Context("")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	g := newGlobals(World{Now: time.Now, Env: env})
	s := tuitest.Open(t, newConsole(ctx, newBackends(chosen)).app(ctx, g), tuitest.Size(w, h), tuitest.Patience(60*time.Second))
	s.Want("What would you like to know?")
	return s
}

// One human being by keys: found by each of their names, the same facts as the command
// prints, each line opens its object, and one key leads there from everywhere.
func TestConsoleShowsOnePerson(t *testing.T) {
	t.Parallel()
	kr, kc, kt := newRealKratos(t), newRealRealm(t), newRealKeto(t)
	mail := uniq("pk") + "@cmd.example"
	id := kr.made(t, mail, "--trait", "name.first=Pia", "--trait", "name.last=Kern", "--verified", mail)
	login := "pia-" + id[:6]
	kc.must(201, plainHTTP(t, "POST", kc.base+"/users", kc.token(), map[string]any{"username": login, "email": mail,
		"firstName": "Pia", "lastName": "Stern", "enabled": false, "groups": []string{"/staff/eng"}}, nil))
	a := tuple.Tuple{Namespace: kt.namespace, Object: uniq("o"), Relation: kt.relation, Subject: tuple.SubjectID(id)}
	b := a
	b.Subject = tuple.SubjectID(mail)
	gatehouse(t, kt.env, "tuples", "add", a.String(), b.String()).want(t, 0)
	t.Cleanup(func() { gatehouse(t, kt.env, "tuples", "rm", a.String(), b.String()) })
	file := writeFile(t, "contexts:\n  c:\n    kratos: {admin_url: \""+kr.admin+"\"}\n    keto: {read_url: \""+kt.read+"\"}\n    keycloak: {url: \""+kc.url+"\", username: \""+kc.user+"\", password: env:PW, realms: [\""+kc.name+"\"]}\n")
	env := []string{"GATEHOUSE_CONFIG=" + file, "PW=" + kc.pass}
	s := consoleOn(t, env, 140, 60)

	facts := func() {
		t.Helper()
		s.Want("Pia Kern", "the same person in three places", shortOf(id), "as "+shortOf(id)+" (1 tuple)", "as "+mail+" (1 tuple)", "← two names",
			"disabled", login, "in /staff/eng", a.Left(), "Disabled in realm "+kc.name, "Is called Pia Kern in Kratos and Pia Stern in realm "+kc.name, "Keto knows them under 2 names")
	}
	for _, text := range []string{mail, strings.ToUpper(mail), id, "User:" + id, login} {
		goTo(s, "person "+text)
		facts()
		if text != login {
			s.Press("esc")
			s.Want("What would you like to know?")
		}
	}
	// The same facts as the command prints.
	s.Press("Y")
	s.Want("copied what is known")
	var shown, printed map[string]any
	until(t, "the clipboard holds the person", func() bool { return json.Unmarshal([]byte(s.Clipboard()), &shown) == nil })
	if err := json.Unmarshal([]byte(gatehouse(t, env, "person", mail, "--json").want(t, 0).stdout), &printed); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(shown, printed) {
		t.Errorf("the screen has\n%v\nthe command prints\n%v", shown, printed)
	}
	// Each line opens its object.
	for _, c := range []struct {
		downs int
		want  string
	}{{0, "Traits"}, {1, a.Object}, {1, a.Object}, {1, "› "}} {
		for range c.downs {
			s.Press("down")
		}
		s.Press("enter")
		s.Want("Pia Kern ›", c.want)
		back(t, s, "Pia Kern ›")
		facts()
	}
	back(t, s, "c ›")
	// One key from everywhere.
	for _, c := range []struct{ line, want string }{
		{"identities " + mail, mail}, {"tuples " + a.Namespace + ":" + a.Object, a.Object}, {"users", "ann"},
	} {
		goTo(s, c.line)
		s.Want(c.want, " ▸ ")
		if c.line == "users" {
			s.Press("/")
			s.Type(login)
			s.Press("enter")
			s.Want(login)
		}
		s.Press("P")
		facts()
		back(t, s, "c ›")
	}
	goTo(s, "identities "+mail)
	s.Want(mail)
	s.Press("enter")
	s.Want("Traits")
	s.Press("P")
	facts()
}

// back presses Esc until a crumb is gone: the first press may only stop what is loading.
func back(t *testing.T, s *tuitest.Term, crumb string) {
	t.Helper()
	until(t, "Esc leaves "+crumb, func() bool {
		if !strings.Contains(s.Line(0), crumb) {
			return true
		}
		s.Press("esc")
		s.Settle()
		return false
	})
}

// shortOf is how a screen shortens an id.
func shortOf(id string) string { return id[:4] + "…" + id[34:] }
