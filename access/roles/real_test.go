package roles_test

import (
	"context"
	"encoding/json"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/access/roles"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/transport"
	"gatehouse/stack/stacktest"
)

// realms is how many random realms are made. GATEHOUSE_ROLE_REALMS=200 is the whole
// proof; the run of every day makes a few of them.
func realms(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("GATEHOUSE_ROLE_REALMS"))
	if err != nil {
		return 12
	}
	t.Logf("%d realms", n)
	return n
}

func admin(t testing.TB) *keycloak.Server {
	t.Helper()
	info := stacktest.Keycloak(t)
	pw, err := info.Password()
	if err != nil {
		t.Fatal(err)
	}
	s, err := keycloak.New(keycloak.Options{URL: info.URL, Login: keycloak.Login{Username: info.AdminUsername, Password: pw},
		Transport: transport.Options{Timeout: 2 * time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRandomRealms holds the roles that we compute against real tokens: for every user
// and service account, with every client, with full scope and without. The server's
// own lists and previews must say the same, and the search for holders must find
// exactly those who hold a role.
func TestRandomRealms(t *testing.T) {
	s := admin(t)
	var sum tally
	for seed := range realms(t) {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { oneRealm(t, s, uint64(seed), &sum) }) {
			break
		}
	}
	t.Logf("compared with the server: %d real tokens, %d previews, %d lists of scope, %d effective lists, %d searches for holders (%d holders); %d roles in %d paths",
		sum.tokens.Load(), sum.previews.Load(), sum.scopes.Load(), sum.lists.Load(), sum.searches.Load(), sum.holders.Load(), sum.roles.Load(), sum.paths.Load())
}

type tally struct{ tokens, previews, scopes, lists, searches, holders, roles, paths atomic.Int64 }

// oneSubject is a user or service account of a drawn realm.
type oneSubject struct {
	id, username, client string // client is set for a service account
	p                    keycloak.Provenance
}

func oneRealm(t *testing.T, s *keycloak.Server, seed uint64, sum *tally) {
	d := drawRealm(seed)
	body, err := json.Marshal(d.Rep)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ImportRealm(t.Context(), body); err != nil {
		t.Fatalf("make the realm: %v", err)
	}
	r := s.Realm(d.name)
	t.Cleanup(func() {
		if _, err := r.DeleteRealm(context.Background()); err != nil {
			t.Errorf("the realm is left behind: %v", err)
		}
	})
	clientsOf := map[string]keycloak.Client{}
	for _, c := range apps {
		if clientsOf[c], err = r.ClientByClientID(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	mapScopes(t, r, d, clientsOf)
	rd := r.RoleReader()
	subjects := everybody(t, r, rd, clientsOf, sum)
	scopes := map[string]roles.Scope{}
	for name, c := range clientsOf {
		if scopes[name], err = rd.Scope(t.Context(), c, "openid extra1", 3); err != nil {
			t.Fatal(err)
		}
		checkScope(t, r, c, scopes[name], sum)
	}
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(4)
	for _, who := range subjects {
		for name, c := range clientsOf {
			g.Go(func() error { return checkTokens(ctx, t, r, who, c, scopes[name], sum) })
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	checkHolders(t, r, d, subjects, sum)
}

// mapScopes gives the clients without full scope some roles, and two client scopes with
// roles of their own: one that always counts and one that has to be asked for.
func mapScopes(t *testing.T, r *keycloak.Realm, d *drawnRealm, clientsOf map[string]keycloak.Client) {
	t.Helper()
	grant := func(h keycloak.Holder) {
		realm, ofClients := d.some(1.5)
		var list []keycloak.Role
		find := func(c keycloak.Container, names []string) {
			for _, n := range names {
				role, err := r.RoleByName(t.Context(), c, n)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, role)
			}
		}
		find(keycloak.OfRealm, realm)
		for c, names := range ofClients {
			find(keycloak.OfClient(clientsOf[c].ID), names)
		}
		if len(list) > 0 {
			if _, err := r.Grant(t.Context(), h, list...); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, use := range []keycloak.ScopeUse{keycloak.ScopeDefault, keycloak.ScopeOptional} {
		ch, err := r.CreateClientScope(t.Context(), keycloak.NewClientScope{Name: fmt.Sprintf("extra%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		grant(keycloak.ScopeOfClientScope(ch.After.ID))
		for c := range scoped {
			if _, err := r.AttachScope(t.Context(), clientsOf[c].ID, ch.After.ID, use); err != nil {
				t.Fatal(err)
			}
		}
	}
	for c := range scoped {
		grant(keycloak.ScopeOfClient(clientsOf[c].ID))
	}
}

// everybody explains every user and service account, and every group, which the server
// must agree to.
func everybody(t *testing.T, r *keycloak.Realm, rd *keycloak.RoleReader, clientsOf map[string]keycloak.Client, sum *tally) []oneSubject {
	t.Helper()
	var out []oneSubject
	for i := range drawnUsers {
		u, err := r.UserByUsername(t.Context(), fmt.Sprintf("user%d", i))
		if err != nil {
			t.Fatal(err)
		}
		p, err := rd.Provenance(t.Context(), keycloak.OfUser(u.ID), 50)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, oneSubject{id: u.ID, username: u.Username, p: p})
	}
	for c := range robots {
		p, err := rd.ServiceAccount(t.Context(), clientsOf[c], 50)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, oneSubject{id: p.Holder.ID, client: c, p: p})
	}
	for _, s := range out {
		agrees(t, s.p, sum)
	}
	walkGroups(t, r, "", func(g keycloak.Group) {
		p, err := rd.Provenance(t.Context(), keycloak.OfGroup(g.ID), 50)
		if err != nil {
			t.Fatal(err)
		}
		agrees(t, p, sum)
	})
	return out
}

func agrees(t *testing.T, p keycloak.Provenance, sum *tally) {
	t.Helper()
	if !p.Checked || !p.Agrees() || len(p.Needs()) > 0 {
		t.Errorf("%s: checked %v; only the server has %v, only we have %v; needs %v", p.Holder, p.Checked, p.OnlyServer, p.OnlyOurs, p.Needs())
	}
	sum.lists.Add(1)
	for _, h := range p.Roles {
		sum.roles.Add(1)
		sum.paths.Add(int64(h.Count))
		for _, path := range h.Paths {
			if path[0] != p.Holder || path[len(path)-1] != h.Role {
				t.Errorf("%s: the path %s does not lead to %s", p.Holder, path, h.Role)
			}
		}
		if len(h.Paths) == 0 {
			t.Errorf("%s has %s and no path to it", p.Holder, h.Role)
		}
	}
}

func walkGroups(t *testing.T, r *keycloak.Realm, parent string, visit func(keycloak.Group)) {
	t.Helper()
	fetch := r.Groups(keycloak.GroupQuery{PageSize: 1000})
	if parent != "" {
		fetch = r.GroupChildren(parent, keycloak.GroupQuery{PageSize: 1000})
	}
	page, err := fetch(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range page.Items {
		visit(g)
		if g.SubGroupCount > 0 {
			walkGroups(t, r, g.ID, visit)
		}
	}
}

// checkScope holds what we say reaches the tokens of a client against the server's own
// list of roles in scope, for the realm and every client.
func checkScope(t *testing.T, r *keycloak.Realm, c keycloak.Client, s roles.Scope, sum *tally) {
	t.Helper()
	if c.FullScope != s.Full {
		t.Errorf("%s: full scope is %v", c.ClientID, s.Full)
	}
	if s.Full {
		return
	}
	ours, theirs := []string{}, []string{}
	for _, h := range s.Roles {
		ours = append(ours, h.Role.Label())
	}
	add := func(container keycloak.Container, prefix string) {
		list, err := r.RolesInScope(t.Context(), c.ID, container, "openid extra1", true)
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range list {
			theirs = append(theirs, prefix+role.Name)
		}
	}
	add(keycloak.OfRealm, "")
	page, err := r.Clients(keycloak.ClientQuery{})(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range page.Items {
		add(keycloak.OfClient(other.ID), other.ClientID+":")
	}
	same(t, "scope of "+c.ClientID, theirs, ours)
	sum.scopes.Add(1)
}

// checkTokens gets a real token, and a preview, and compares the roles in them.
func checkTokens(ctx context.Context, t *testing.T, r *keycloak.Realm, who oneSubject, c keycloak.Client, s roles.Scope, sum *tally) error {
	var want []string
	for _, h := range who.p.Roles {
		if state, _ := s.Lets(h.Role.Ref()); state == roles.IsHeld {
			want = append(want, h.Role.Label())
		}
	}
	scope := "openid"
	if !s.Full {
		scope += " extra1"
	}
	what := fmt.Sprintf("%s with client %s", who.p.Holder, c.ClientID)
	preview, err := r.Preview(ctx, keycloak.AccessToken, keycloak.PreviewQuery{ClientUUID: c.ID, UserID: who.id, Scope: scope})
	if err != nil {
		return err
	}
	got, err := claimed(preview.Claims)
	if err != nil {
		return err
	}
	same(t, "the preview of "+what, got, want)
	sum.previews.Add(1)
	if who.client != "" && who.client != c.ClientID {
		return nil // a service account gets tokens from its own client alone
	}
	auth := keycloak.ClientAuth{ID: c.ClientID}
	if robots[c.ClientID] {
		auth.Secret = "secret-" + c.ClientID
	}
	var token keycloak.Token
	if who.client != "" {
		token, err = r.ClientToken(ctx, auth, scope)
	} else {
		token, err = r.PasswordToken(ctx, auth, who.username, "pw", "", scope)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	claims, err := payload(token.Access)
	if err != nil {
		return err
	}
	if got, err = claimed(claims); err != nil {
		return err
	}
	same(t, "the token of "+what, got, want)
	sum.tokens.Add(1)
	return nil
}

// checkHolders looks for the holders of some roles; those and only those must hold it.
func checkHolders(t *testing.T, r *keycloak.Realm, d *drawnRealm, subjects []oneSubject, sum *tally) {
	t.Helper()
	rd := r.RoleReader()
	held := map[string]keycloak.Role{}
	for _, s := range subjects {
		for _, h := range s.p.Roles {
			held[h.Role.ID] = s.p.Known[h.Role.ID]
		}
	}
	ids := make([]string, 0, len(held))
	for id := range held {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(held[a].String(), held[b].String()) })
	pick := mrand.New(mrand.NewPCG(uint64(len(d.groups)), 1))
	for range 6 {
		role := held[ids[pick.IntN(len(ids))]]
		var want, got []string
		for _, s := range subjects {
			if _, state, _ := s.p.Find(roles.Ref{Client: role.Client, Name: role.Name}); state == roles.IsHeld {
				want = append(want, s.p.Holder.String())
			}
		}
		out, err := rd.Holders(t.Context(), role, roles.HoldersQuery{Everyone: true}, func(h roles.Holder) error {
			if h.Who.Kind != roles.Group {
				got = append(got, h.Who.String())
				onItsWay(t, subjects, h)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Needs)+len(out.Unread) > 0 {
			t.Errorf("%s: could not read %v %v", role, out.Needs, out.Unread)
		}
		same(t, "the holders of "+role.String(), got, want)
		sum.searches.Add(1)
		sum.holders.Add(int64(len(got)))
	}
}

// onItsWay checks that the way to a holder is the first that the holder's own
// explanation lists: both say the shortest.
func onItsWay(t *testing.T, subjects []oneSubject, h roles.Holder) {
	t.Helper()
	for _, s := range subjects {
		if s.id != h.Who.ID {
			continue
		}
		held, _, _ := s.p.Find(h.Path[len(h.Path)-1].Ref())
		for _, p := range held.Paths {
			if p.String() == h.Path.String() && len(p) == len(held.Paths[0]) {
				return
			}
		}
		t.Errorf("%s is found as %s; its own ways are %q", h.Who, h.Path, texts(held.Paths))
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\nserver %q\nours   %q", what, got, want)
	}
}
