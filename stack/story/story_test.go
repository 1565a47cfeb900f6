package story

import (
	"strings"
	"testing"
	"unicode"

	"gatehouse/access/tuple"
)

func load(t *testing.T) *Story {
	t.Helper()
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestShape holds the story to what was asked of it.
func TestShape(t *testing.T) {
	s := load(t)
	if len(s.Tickets) != 12 {
		t.Errorf("%d tickets, want 12", len(s.Tickets))
	}
	keto, cross := 0, 0
	causes := map[string]bool{}
	for _, tk := range s.Tickets {
		if tk.Question.Tuple != "" {
			keto++
		}
		if tk.System == Both {
			cross++
		}
		for _, code := range append(tk.Cause.Then, tk.Cause.Code) {
			causes[code] = true
		}
	}
	if keto != 6 || cross < 2 {
		t.Errorf("%d tickets ask Keto and %d cross; want 6 and at least 2", keto, cross)
	}
	for _, code := range append(append([]string{}, KetoCauses...), KeycloakCauses...) {
		if !causes[code] {
			t.Errorf("no ticket has the cause %s", code)
		}
	}
	users := 0
	for _, p := range s.People {
		if p.Login != nil {
			users++
		}
	}
	if len(s.People) != 42 || users != 31 || len(s.Tuples) < 110 {
		t.Errorf("%d people, %d users, %d tuples", len(s.People), users, len(s.Tuples))
	}
	namespaces := map[string]bool{}
	for _, text := range s.Tuples {
		namespaces[text[:strings.IndexByte(text, ':')]] = true
	}
	if len(namespaces) < 4 {
		t.Errorf("namespaces: %v", namespaces)
	}
}

// TestPeople holds that the awkward people are there.
func TestPeople(t *testing.T) {
	s := load(t)
	seeds := map[string][]string{}
	var arabic, emoji, escapes, bidi, unverified, suspended, expired int
	for _, p := range s.People {
		seed := strings.ReplaceAll(strings.ToLower(p.Email), "@", "")
		seeds[seed] = append(seeds[seed], p.Key)
		name := p.First() + p.Last()
		switch {
		case strings.ContainsRune(name, '\x1b'):
			escapes++
		case strings.ContainsRune(name, '\u202e'):
			bidi++
		case strings.ContainsRune(name, '🚀'):
			emoji++
		case strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }):
			arabic++
		}
		if !p.IsVerified() {
			unverified++
		}
		if !p.Active() {
			suspended++
		}
		expired += p.Sessions.Expired
	}
	for what, n := range map[string]int{"arabic": arabic, "emoji": emoji, "escapes": escapes, "bidi": bidi, "unverified": unverified, "suspended": suspended, "expired": expired} {
		if n == 0 {
			t.Errorf("nobody is %s", what)
		}
	}
	collisions := 0
	for _, keys := range seeds {
		if len(keys) == 2 {
			collisions++
		}
	}
	if collisions != 1 {
		t.Errorf("%d pairs collide without the @", collisions)
	}
}

func TestTuple(t *testing.T) {
	s := load(t)
	id := func(key string) (string, error) { return "ID-" + key, nil }
	tests := []struct {
		text string
		want tuple.Tuple
	}{
		{"Group:finance#members@${ann}", tuple.Tuple{Namespace: "Group", Object: "finance", Relation: "members", Subject: tuple.SubjectID("ID-ann")}},
		{"Group:finance#members@${ann.email}", tuple.Tuple{Namespace: "Group", Object: "finance", Relation: "members", Subject: tuple.SubjectID("ann@acme.example")}},
		{"app:homepage#read@${rosa.seed}", tuple.Tuple{Namespace: "app", Object: "homepage", Relation: "read", Subject: tuple.SubjectID("rosa.lindacme.example")}},
		{"Doc:d#parents@Folder:f#", tuple.Tuple{Namespace: "Doc", Object: "d", Relation: "parents", Subject: tuple.SubjectSet("Folder", "f", "")}},
	}
	for _, tt := range tests {
		got, err := s.Tuple(tt.text, id)
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("%s: %v, %v", tt.text, got, err)
		}
	}
	for _, bad := range []string{"Group:g#members@${nobodyhere}", "Group:g#members@${ann.phone}", "Group:g"} {
		if got, err := s.Tuple(bad, id); err == nil {
			t.Errorf("%s: %v", bad, got)
		}
	}
}

// TestMistakes proves that a broken story is refused with the place named.
func TestMistakes(t *testing.T) {
	text := string(source)
	change := func(old, new string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("the story has no %q", old)
		}
		return strings.Replace(text, old, new, 1)
	}
	tests := []struct{ name, text, want string }{
		{"unknown key", change("company: Acme", "compny: Acme"), "compny"},
		{"unknown person", change("Group:finance#managers@${carla}", "Group:finance#managers@${karla}"), `there is nobody called "karla"`},
		{"tuple twice", change("Group:finance#members@${dana}", "Group:finance#members@${carla}"), "is there twice"},
		{"person twice", change("key: carla", "key: ann"), "is there twice"},
		{"e-mail twice", change("carla.ferri@acme.example, dep", "ANN@acme.example, dep"), "is there twice"},
		{"literal password", change("password: none", "password: hush"), "passwords are random"},
		{"unknown group", change("groups: [/staff/legal]", "groups: [/staff/lega]"), "there is no group /staff/lega"},
		{"unknown role", change("realm_roles: [examiner]", "realm_roles: [examinr]"), "there is no realm role examinr"},
		{"group before its parent", change("- {path: /staff, ", "- {path: /stuff, "), "there is no group /staff"},
		{"fix that is so already", change(`- {op: remove, tuple: "Group:contractors#members@${dana}"}`, `- {op: add, tuple: "Group:contractors#members@${dana}"}`), "changes nothing"},
		{"fix with a field too many", change("{op: unlock, user: farah}", "{op: unlock, user: farah, group: /staff}"), "unlock wants exactly user"},
		{"unknown operation", change("op: unlock", "op: unlok"), `"unlok" is not known`},
		{"unknown cause", change("code: blocked", "code: bloked"), `the cause "bloked"`},
		{"Keycloak cause for Keto", change("code: blocked", "code: role_missing"), `the cause "role_missing"`},
		{"no login", change("{user: ines, client", "{user: yusuf, client"), "yusuf has no Keycloak login"},
		{"session of a suspended person", change("state: inactive, login: {username: bo", "state: inactive, sessions: {active: 1}, login: {username: bo"), "cannot have sessions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want …%s", err, tt.want)
			}
		})
	}
}

// TestNoStrayReference proves that every ${…} of the file is resolved by somebody.
func TestNoStrayReference(t *testing.T) {
	s := load(t)
	id := func(key string) (string, error) { return "x", nil }
	for _, tk := range s.Tickets {
		if strings.Contains(tk.Text+tk.Title+tk.Cause.Summary, "${") {
			t.Errorf("ticket %s shows a reference to people", tk.ID)
		}
		for _, w := range tk.Fix {
			if w.Tuple == "" {
				continue
			}
			if _, err := s.Tuple(w.Tuple, id); err != nil {
				t.Error(err)
			}
		}
	}
}
