//go:build scale

package roles_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/access/roles"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/transport"
	"gatehouse/stack/stacktest"
)

// The size of the large realm.
const (
	bigUsers  = 20_000
	bigGroups = 500 // in trees of 50, five deep
	bigRoles  = 1_000
)

// bigRealm is a realm as a large company has it: everybody in a group, roles mapped to
// groups, a fifth of the roles composite, five clients with roles.
type object = map[string]any

func bigRealm(name string) (rep object, users []object) {
	realm, ofClients, apps := []object{}, map[string][]object{}, []object{}
	for i := range bigRoles {
		role := object{"name": fmt.Sprintf("role%04d", i)}
		client := fmt.Sprintf("app%d", i%5)
		if i%5 == 0 { // a realm role with a client role and mostly another realm role in it
			role["composite"] = true
			in := object{"client": object{"app1": []string{fmt.Sprintf("role%04d", i+1)}}}
			if i/20%4 != 3 && i+20 < bigRoles { // up to four in one another
				in["realm"] = []string{fmt.Sprintf("role%04d", i+20)}
			}
			role["composites"] = in
		}
		if i%5 == 1 {
			ofClients[client] = append(ofClients[client], role)
		} else {
			realm = append(realm, role)
		}
	}
	for i := range 5 {
		apps = append(apps, object{"clientId": fmt.Sprintf("app%d", i), "enabled": true, "publicClient": true})
	}
	var paths []string
	var tree func(path string, n, depth int) []object
	number := 0
	tree = func(path string, n, depth int) []object {
		var out []object
		for range n {
			g := object{"name": fmt.Sprintf("group%03d", number), "realmRoles": []string{fmt.Sprintf("role%04d", number*5%bigRoles)}}
			at := fmt.Sprintf("%s/group%03d", path, number)
			paths = append(paths, at)
			number++
			if depth < 4 {
				g["subGroups"] = tree(at, []int{1, 3, 3, 4}[depth], depth+1)
			}
			out = append(out, g)
		}
		return out
	}
	groups := []object{}
	for number+50 <= bigGroups {
		groups = append(groups, tree("", 1, 0)...)
	}
	for len(paths) < bigGroups {
		paths = append(paths, fmt.Sprintf("/single%03d", len(paths)))
		groups = append(groups, object{"name": paths[len(paths)-1][1:]})
	}
	users = make([]object, bigUsers)
	for i := range users {
		user := fmt.Sprintf("user%05d", i)
		users[i] = object{"username": user, "email": user + "@example.org", "emailVerified": true, "firstName": "First", "lastName": "Last",
			"enabled": true, "groups": []string{paths[i%len(paths)]}, "realmRoles": []string{"default-roles-" + name}}
	}
	users[7]["credentials"] = []object{{"type": "password", "value": "pw"}}
	users[7]["groups"] = []string{paths[4], paths[60], paths[130]}
	return object{"realm": name, "enabled": true, "components": smallKeys, "clients": apps, "groups": groups,
		"roles": object{"realm": realm, "client": ofClients}}, users
}

// makeBigRealm imports the realm and then the users in parts: the server gives one
// import five minutes. What is there of a run that was broken off is left as it is.
func makeBigRealm(ctx context.Context, s *keycloak.Server, name string) error {
	rep, users := bigRealm(name)
	body, err := json.Marshal(rep)
	if err != nil {
		return err
	}
	if _, err := s.ImportRealm(ctx, body); err != nil && !clients.Is(err, clients.Conflict) {
		return err
	}
	there, err := s.Realm(name).CountUsers(ctx, keycloak.UserQuery{})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for part := range slices.Chunk(users[max(0, there-1000):], 250) {
		g.Go(func() error {
			body, err := json.Marshal(map[string]any{"users": part})
			if err != nil {
				return err
			}
			_, err = s.Realm(name).ImportPartial(ctx, keycloak.Import{Data: body, IfExists: keycloak.ImportSkip})
			return err
		})
	}
	return g.Wait()
}

// TestLargeRealm measures on 20,000 users, which take minutes to make; it is built
// with -tags scale alone. A realm that GATEHOUSE_ROLE_SCALE_REALM names is made where
// it is not there, and left for another look.
func TestLargeRealm(t *testing.T) {
	info := stacktest.Keycloak(t)
	pw, err := info.Password()
	if err != nil {
		t.Fatal(err)
	}
	log := &transport.Log{}
	s, err := keycloak.New(keycloak.Options{URL: info.URL, Login: keycloak.Login{Username: info.AdminUsername, Password: pw},
		Transport: transport.Options{Timeout: 20 * time.Minute, Log: log}})
	if err != nil {
		t.Fatal(err)
	}
	name := os.Getenv("GATEHOUSE_ROLE_SCALE_REALM")
	if name == "" {
		name = uniqueName("gh-large-")
		t.Cleanup(func() {
			if _, err := s.Realm(name).DeleteRealm(context.Background()); err != nil {
				t.Errorf("realm %s is left behind: %v", name, err)
			}
		})
	}
	began := time.Now()
	if err := makeBigRealm(t.Context(), s, name); err != nil {
		t.Fatalf("make the realm: %v", err)
	}
	t.Logf("the realm was made in %s", time.Since(began).Round(time.Second))
	r := s.Realm(name)
	n, err := r.CountUsers(t.Context(), keycloak.UserQuery{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d users", n)
	u, err := r.UserByUsername(t.Context(), "user00007")
	if err != nil {
		t.Fatal(err)
	}
	r.ForgetRights()
	for _, what := range []string{"first, with our rights", "again, with a new reader", "again"} {
		rd := r.RoleReader()
		cost := measured(log, func() {
			p, err := rd.Provenance(t.Context(), keycloak.OfUser(u.ID), 0)
			if err != nil || !p.Checked || !p.Agrees() || len(p.Roles) < 20 {
				t.Fatalf("%d roles, agrees %v, %v", len(p.Roles), p.Agrees(), err)
			}
			longest := 0
			for _, h := range p.Roles {
				longest = max(longest, len(h.Paths[0]))
			}
			what += fmt.Sprintf(": %d roles, the longest way has %d steps", len(p.Roles), longest)
		})
		t.Logf("provenance of one user, %s: %s", what, cost)
	}
	measureWhys(t, log, r, u)
	for _, c := range []struct {
		role string
		q    roles.HoldersQuery
		most int
	}{
		{"role0000", roles.HoldersQuery{}, bigUsers + bigGroups},                // of three trees of groups, and in no other role
		{"role0999", roles.HoldersQuery{}, 0},                                   // nobody's
		{"default-roles-" + name, roles.HoldersQuery{Everyone: true}, bigUsers}, // everybody, from one list
		{"offline_access", roles.HoldersQuery{Everyone: true}, bigUsers},        // everybody, through the default role
		{"role0000", roles.HoldersQuery{Direct: true}, 3},                       // the groups alone
		{"role0060", roles.HoldersQuery{Every: true}, 100 * bigUsers},           // every way
	} {
		measureHolders(t, log, r, c.role, c.q, c.most)
	}
}

// measureWhys asks why of one user: of the login alone, of a role that is held in the
// longest way, and of one that is not held. The note of the measure has 27 requests in 3
// rounds.
func measureWhys(t *testing.T, log *transport.Log, r *keycloak.Realm, u keycloak.User) {
	t.Helper()
	p, err := r.RoleReader().Provenance(t.Context(), keycloak.OfUser(u.ID), 1)
	if err != nil {
		t.Fatal(err)
	}
	var deep roles.Step
	longest := 0
	for _, h := range p.Roles {
		if n := len(h.Paths[0]); n > longest && h.Role.Client == "app1" {
			deep, longest = h.Role, n
		}
	}
	q := login.Asked{User: u.Username, Client: "app1", Grant: login.Browser}
	held, missing := q, q
	held.Role, missing.RealmRole = deep.Name, "role0999"
	for what, ask := range map[string]login.Asked{"the login": q, fmt.Sprintf("a role in %d steps", longest): held, "a role that is not held": missing} {
		r.ForgetRights()
		x := live.New(r)
		for _, time := range []string{"first", "again"} {
			var first, tr login.Trace
			before := heapNow()
			cost := measured(log, func() {
				if tr, err = x.Why(t.Context(), ask, func(early login.Trace) { first = early }); err != nil {
					t.Fatal(err)
				}
			})
			t.Logf("why, %s, %s: %s by %q; first verdict after %d requests in %d rounds, %d ms; whole %d requests in %d rounds, %d ms (%s); heap %d KB before, %d KB after",
				what, time, tr.Verdict, tr.Cause, first.Requests, first.RoundTrips, first.Millis, tr.Requests, tr.RoundTrips, tr.Millis, cost, before, heapNow())
		}
	}
}

func heapNow() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc >> 10
}

// measureHolders streams the holders of a role and looks at what is kept meanwhile.
func measureHolders(t *testing.T, log *transport.Log, r *keycloak.Realm, name string, q roles.HoldersQuery, most int) {
	t.Helper()
	role, err := r.RoleByName(t.Context(), keycloak.OfRealm, name)
	if err != nil {
		t.Fatal(err)
	}
	var heap []uint64
	look := func() { heap = append(heap, heapNow()) }
	n := 0
	var sum roles.Holders
	var first time.Duration
	began := time.Now()
	cost := measured(log, func() {
		sum, err = r.RoleReader().Holders(t.Context(), role, q, func(roles.Holder) error {
			if n == 0 {
				first = time.Since(began)
			}
			if n++; n%2000 == 1 {
				look()
			}
			return nil
		})
	})
	if err != nil || n > most || sum.Users+sum.Groups != n {
		t.Fatalf("%d holders of %s: %+v, %v", n, name, sum, err)
	}
	t.Logf("holders of %s %+v: %d users, %d groups, the first after %d ms; %s; heap in KB %v", name, q, sum.Users, sum.Groups, first.Milliseconds(), cost, heap)
	if len(heap) > 2 && slices.Max(heap[1:]) > heap[0]+4<<10 {
		t.Errorf("the heap grew from %d to %d KB", heap[0], slices.Max(heap))
	}
}

// cost is what something took of the server.
type cost struct {
	requests, rounds int
	took             time.Duration
}

func (c cost) String() string {
	return fmt.Sprintf("%d requests in %d rounds, %d ms", c.requests, c.rounds, c.took.Milliseconds())
}

// measured counts the requests of f. A round is a step of the longest chain of
// requests of which each began after the one before had ended; of very many requests
// the log remembers the last, so that only short runs have their rounds counted.
func measured(log *transport.Log, f func()) cost {
	before := last(log)
	began := time.Now()
	f()
	c := cost{requests: int(last(log) - before), took: time.Since(began)}
	var mine []transport.Entry
	for _, e := range log.Entries() {
		if e.Seq > before {
			mine = append(mine, e)
		}
	}
	if len(mine) == c.requests {
		depth := make([]int, len(mine))
		for i, e := range mine {
			for j, earlier := range mine[:i] {
				if !earlier.Time.Add(earlier.Took).After(e.Time) {
					depth[i] = max(depth[i], depth[j])
				}
			}
			depth[i]++
			c.rounds = max(c.rounds, depth[i])
		}
	}
	return c
}

func last(log *transport.Log) uint64 {
	entries := log.Entries()
	if len(entries) == 0 {
		return 0
	}
	return entries[len(entries)-1].Seq
}
