package keycloak_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/access/roles"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// member is a user u of group /a/b/c, which stands beneath g-b and g-a.
func member(more map[string]http.HandlerFunc) map[string]http.HandlerFunc {
	answers := withRights(map[string]http.HandlerFunc{
		"GET /users/u":                            text(200, `{"id":"u","username":"ann"}`),
		"GET /users/u/role-mappings":              text(200, `{}`),
		"GET /users/u/groups":                     text(200, `[{"id":"g-c","name":"c","path":"/a/b/c","parentId":"g-b"}]`),
		"GET /groups/g-c/role-mappings":           text(200, `{}`),
		"GET /groups/g-b/role-mappings":           text(200, `{"realmMappings":[{"id":"r-b","name":"of-b"}]}`),
		"GET /groups/g-a/role-mappings":           text(200, `{"realmMappings":[{"id":"r-a","name":"of-a"}]}`),
		"GET /groups/g-b":                         text(200, `{"id":"g-b","name":"b","path":"/a/b","parentId":"g-a"}`),
		"GET /groups/g-a":                         text(200, `{"id":"g-a","name":"a","path":"/a"}`),
		"GET /group-by-path/a/b":                  text(200, `{"id":"g-b","name":"b","path":"/a/b","parentId":"g-a"}`),
		"GET /group-by-path/a":                    text(200, `{"id":"g-a","name":"a","path":"/a"}`),
		"GET /ui-ext/effective-roles-all/users/u": text(200, `[{"id":"r-a","name":"of-a"},{"id":"r-b","name":"of-b"}]`),
	})
	for k, v := range more {
		answers[k] = v
	}
	return answers
}

func labels(p keycloak.Provenance) string {
	var out []string
	for _, h := range p.Roles {
		for _, path := range h.Paths {
			out = append(out, path.String())
		}
	}
	return strings.Join(out, "\n")
}

const wholeWay = "user ann > group /a/b/c > group /a/b > group /a > realm role of-a\nuser ann > group /a/b/c > group /a/b > realm role of-b"

func TestAncestorsAreAskedForAtOnce(t *testing.T) {
	f, r := newFake(t, member(nil))
	p := ok[keycloak.Provenance](t)(r.RoleReader().Provenance(t.Context(), keycloak.OfUser("u"), 0))
	if got := labels(p); got != wholeWay || !p.Checked || !p.Agrees() {
		t.Errorf("%s\n%+v", got, p)
	}
	asked := f.asked()
	if !slices.Contains(asked, "GET /group-by-path/a") || slices.Contains(asked, "GET /groups/g-a") {
		t.Errorf("asked %q", asked)
	}
}

// A path may lead to another group: one at the top may be named "a/b". Only the parent
// that a child names is believed.
func TestAPathIsBelievedOnlyIfTheChildNamesIt(t *testing.T) {
	_, r := newFake(t, member(map[string]http.HandlerFunc{
		"GET /group-by-path/a/b":          text(200, `{"id":"other","name":"a/b","path":"/a/b"}`),
		"GET /groups/other/role-mappings": text(200, `{"realmMappings":[{"id":"r-x","name":"of-another"}]}`),
	}))
	p := ok[keycloak.Provenance](t)(r.RoleReader().Provenance(t.Context(), keycloak.OfUser("u"), 0))
	if got := labels(p); got != wholeWay {
		t.Error(got)
	}
}

// A group above that our account may not see is a gap, not the end of the way.
func TestAHiddenAncestorMakesRolesUnknown(t *testing.T) {
	forbidden := text(403, `{"error":"HTTP 403 Forbidden"}`)
	_, r := newFake(t, member(map[string]http.HandlerFunc{
		"GET /group-by-path/a": forbidden, "GET /groups/g-a": forbidden, "GET /groups/g-a/role-mappings": forbidden,
		"GET /users/u/role-mappings/realm/composite": forbidden,
		"GET /ui-ext/effective-roles-all/users/u":    forbidden,
	}))
	p := ok[keycloak.Provenance](t)(r.RoleReader().Provenance(t.Context(), keycloak.OfUser("u"), 0))
	if _, state, _ := p.Find(roles.Ref{Name: "of-b"}); state != roles.IsHeld {
		t.Errorf("of-b is %s", state)
	}
	if _, state, needs := p.Find(roles.Ref{Name: "of-a"}); state != roles.Unknown || !slices.Contains(needs, "view-users") {
		t.Errorf("of-a is %s, needs %v", state, needs)
	}
}

// What changes between the two reads is no difference; what stays is told.
func TestADifferenceIsReadAgainAndThenTold(t *testing.T) {
	for _, c := range []struct {
		heals bool
		only  int
	}{{true, 0}, {false, 1}} {
		var reads atomic.Int32
		_, r := newFake(t, member(map[string]http.HandlerFunc{
			"GET /ui-ext/effective-roles-all/users/u": func(w http.ResponseWriter, req *http.Request) {
				extra := ""
				if reads.Add(1) == 1 || !c.heals {
					extra = `,{"id":"ghost","name":"ghost"}`
				}
				text(200, `[{"id":"r-a","name":"of-a"},{"id":"r-b","name":"of-b"}`+extra+`]`)(w, req)
			}}))
		p := ok[keycloak.Provenance](t)(r.RoleReader().Provenance(t.Context(), keycloak.OfUser("u"), 0))
		if len(p.OnlyServer) != c.only || reads.Load() != 2 || p.Agrees() != c.heals {
			t.Errorf("heals %v: only the server has %v, after %d reads", c.heals, p.OnlyServer, reads.Load())
		}
	}
}

// A reader keeps what groups give, and a new one reads it again.
func TestAReaderReadsAGroupOnce(t *testing.T) {
	f, r := newFake(t, member(nil))
	count := func() (n int) {
		for _, a := range f.asked() {
			if a == "GET /groups/g-b/role-mappings" {
				n++
			}
		}
		return n
	}
	rd := r.RoleReader()
	for range 3 {
		ok[keycloak.Provenance](t)(rd.Provenance(t.Context(), keycloak.OfUser("u"), 0))
	}
	if count() != 1 {
		t.Errorf("one reader read it %d times", count())
	}
	ok[keycloak.Provenance](t)(r.RoleReader().Provenance(t.Context(), keycloak.OfUser("u"), 0))
	if count() != 2 {
		t.Errorf("two readers read it %d times", count())
	}
}

func TestHoldersFailWhereTheServerFails(t *testing.T) {
	more := map[string]http.HandlerFunc{"GET /roles/of-a/users": text(200, `[{"id":"x","username":"zoe"}]`), "GET /roles/of-a/groups": text(500, `{"error":"unknown_error"}`)}
	_, r := newFake(t, member(more))
	n := 0
	_, err := r.RoleReader().Holders(t.Context(), keycloak.Role{ID: "r-a", Name: "of-a"}, roles.HoldersQuery{}, func(roles.Holder) error { n++; return nil })
	if wantKind(t, err, clients.Unreachable); n != 1 {
		t.Errorf("%d holders before the error", n)
	}
	for _, name := range []string{"", ".", ".."} { // the server offers no address for these
		_, r := newFake(t, withRights(nil))
		out, err := r.RoleReader().Holders(t.Context(), keycloak.Role{ID: "r", Name: name}, roles.HoldersQuery{}, func(roles.Holder) error { return fmt.Errorf("nobody") })
		if err != nil || len(out.Unread) != 1 {
			t.Errorf("role %q: %+v, %v", name, out, err)
		}
	}
}
