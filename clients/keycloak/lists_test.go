package keycloak_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

func names[T any](t *testing.T, f clients.Fetch[T], name func(T) string) []string {
	t.Helper()
	out := []string{}
	for item, err := range clients.Each(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, name(item))
	}
	return out
}

func TestUsersAreSearchedAndPaged(t *testing.T) {
	r := realm(t)
	tag := "q" + unique()
	var want []string
	for i := range 7 {
		n := fmt.Sprintf("%s-%d", tag, i)
		ch := ok[clients.Change[keycloak.User]](t)(r.CreateUser(t.Context(), keycloak.NewUser{Username: n, Email: n + "@example.org", FirstName: "F" + n, LastName: fmt.Sprint("Even ", i%2 == 0), Disabled: i == 3}))
		t.Cleanup(func() { r.DeleteUser(context.Background(), ch.After.ID) })
		want = append(want, n)
	}
	name := func(u keycloak.User) string { return u.Username }
	for _, c := range []struct {
		q    keycloak.UserQuery
		want []string
	}{
		{keycloak.UserQuery{Search: tag}, want},
		{keycloak.UserQuery{Search: tag, PageSize: 3}, want},
		{keycloak.UserQuery{Search: tag, PageSize: 7}, want},
		{keycloak.UserQuery{Search: tag, Brief: true}, want},
		{keycloak.UserQuery{Search: "*" + tag[2:] + "-5*"}, want[5:6]},
		{keycloak.UserQuery{Username: tag + "-1"}, want[1:2]},
		{keycloak.UserQuery{Username: tag}, want},
		{keycloak.UserQuery{Username: tag, Exact: true}, []string{}},
		{keycloak.UserQuery{Email: want[2] + "@EXAMPLE.org", Exact: true}, want[2:3]},
		{keycloak.UserQuery{Search: tag, Enabled: keycloak.No}, want[3:4]},
		{keycloak.UserQuery{Search: tag, Enabled: keycloak.Yes, EmailVerified: keycloak.Yes}, []string{}},
		{keycloak.UserQuery{FirstName: "F" + tag, LastName: "false"}, []string{want[1], want[3], want[5]}},
		{keycloak.UserQuery{Search: tag, CreatedAfter: time.Now().Add(time.Hour)}, []string{}},
	} {
		if got := names(t, r.Users(c.q), name); !slices.Equal(got, c.want) {
			t.Errorf("%+v gives %v, want %v", c.q, got, c.want)
		}
		if n := ok[int](t)(r.CountUsers(t.Context(), c.q)); n != len(c.want) && c.q.CreatedAfter.IsZero() {
			t.Errorf("%+v counts %d, want %d", c.q, n, len(c.want))
		}
	}
	for _, cursor := range []string{"not-a-number", "-1", "2147483648"} {
		_, err := r.Users(keycloak.UserQuery{})(t.Context(), cursor)
		wantKind(t, err, clients.Invalid)
	}
	_, err := r.Users(keycloak.UserQuery{Search: tag, Username: want[0]})(t.Context(), "")
	wantKind(t, err, clients.Invalid)
	_, err = r.CountUsers(t.Context(), keycloak.UserQuery{Search: tag, Username: want[0]})
	wantKind(t, err, clients.Invalid)
	if u := ok[keycloak.User](t)(r.UserByEmail(t.Context(), want[4]+"@example.org")); u.Username != want[4] {
		t.Errorf("found %v", u.Username)
	}
	_, err = r.UserByUsername(t.Context(), "")
	wantKind(t, err, clients.Invalid)
	_, err = r.UserByUsername(t.Context(), tag)
	wantKind(t, err, clients.NotFound)
}

func TestUsersWithOneEmail(t *testing.T) {
	r := realm(t)
	setRealm(t, r, "loginWithEmailAllowed", false)
	setRealm(t, r, "duplicateEmailsAllowed", true)
	mail := unique() + "@example.org"
	for range 2 {
		ch := ok[clients.Change[keycloak.User]](t)(r.CreateUser(t.Context(), keycloak.NewUser{Username: "twin-" + unique(), Email: mail}))
		t.Cleanup(func() { r.DeleteUser(context.Background(), ch.After.ID) })
	}
	_, err := r.UserByEmail(t.Context(), mail)
	wantKind(t, err, clients.Conflict)
}

func TestUsersByAttribute(t *testing.T) {
	r := realm(t)
	allowUnmanaged(t, r)
	value := `a "b": c ` + unique()
	u := ok[clients.Change[keycloak.User]](t)(r.CreateUser(t.Context(), keycloak.NewUser{Username: "attr-" + unique(), Attributes: map[string][]string{"the key": {value}}})).After
	t.Cleanup(func() { r.DeleteUser(context.Background(), u.ID) })
	got := names(t, r.Users(keycloak.UserQuery{Attributes: map[string]string{"the key": value}}), func(u keycloak.User) string { return u.ID })
	if !slices.Equal(got, []string{u.ID}) {
		t.Errorf("found %v, want %s", got, u.ID)
	}
	if un := ok[map[string][]string](t)(r.UnmanagedAttributes(t.Context(), u.ID)); un["the key"][0] != value {
		t.Errorf("unmanaged: %v", un)
	}
}

func TestGroupTree(t *testing.T) {
	r := realm(t)
	top := newGroup(t, r, "", "top")
	for range 5 {
		newGroup(t, r, top.ID, "kid")
	}
	low := newGroup(t, r, newGroup(t, r, top.ID, "mid").ID, "needle")
	u := newUser(t, r, "ann")
	ok[clients.Change[[]keycloak.Group]](t)(r.JoinGroup(t.Context(), u.ID, low.ID))
	name := func(g keycloak.Group) string { return g.Name }
	kids := names(t, r.GroupChildren(top.ID, keycloak.GroupQuery{PageSize: 2}), name)
	if len(kids) != 6 {
		t.Errorf("children are %v", kids)
	}
	if got := names(t, r.GroupChildren(top.ID, keycloak.GroupQuery{Search: "mid"}), name); len(got) != 1 {
		t.Errorf("children with mid: %v", got)
	}
	tree := ok[clients.Page[keycloak.Group]](t)(r.Groups(keycloak.GroupQuery{Search: low.Name})(t.Context(), ""))
	if len(tree.Items) != 1 || tree.Items[0].ID != top.ID || len(tree.Items[0].SubGroups) != 1 || tree.Items[0].SubGroups[0].SubGroups[0].ID != low.ID {
		t.Errorf("tree is %+v", tree.Items)
	}
	flat := ok[clients.Page[keycloak.Group]](t)(r.Groups(keycloak.GroupQuery{Search: low.Name, Flat: true})(t.Context(), ""))
	if len(flat.Items) != 1 || flat.Items[0].ID != low.ID || flat.Items[0].ParentID == "" {
		t.Errorf("flat hits are %+v", flat.Items)
	}
	if g := ok[keycloak.Group](t)(r.Group(t.Context(), top.ID)); g.SubGroupCount != 6 {
		t.Errorf("%d subgroups", g.SubGroupCount)
	}
	if n := ok[int](t)(r.CountGroups(t.Context(), low.Name, false)); n != 1 {
		t.Errorf("counted %d", n)
	}
	if all, tops := ok[int](t)(r.CountGroups(t.Context(), "", false)), ok[int](t)(r.CountGroups(t.Context(), "", true)); all < tops+7 {
		t.Errorf("counted %d, %d at the top", all, tops)
	}
	who := func(u keycloak.User) string { return u.ID }
	if got := names(t, r.GroupMembers(low.ID, 0), who); !slices.Equal(got, []string{u.ID}) {
		t.Errorf("members are %v", got)
	}
	if got := names(t, r.GroupMembers(top.ID, 0), who); len(got) != 0 {
		t.Errorf("members of the top: %v", got)
	}
	if got := ok[keycloak.Group](t)(r.GroupByPath(t.Context(), low.Path)); got.ID != low.ID {
		t.Errorf("by path: %+v", got)
	}
	_, err := r.GroupByPath(t.Context(), "/")
	wantKind(t, err, clients.Invalid)
	_, err = r.GroupByPath(t.Context(), "/no/such")
	wantKind(t, err, clients.NotFound)
	// The path of a group with a slash in its name can be that of another.
	newGroup(t, r, "", "a/b")
}

func TestClientsAreSearched(t *testing.T) {
	r := realm(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "Shop-Front"})
	id := func(c keycloak.Client) string { return c.ID }
	if got := names(t, r.Clients(keycloak.ClientQuery{ClientID: "hop-fron", Search: true}), id); !slices.Contains(got, c.ID) {
		t.Errorf("search gives %v", got)
	}
	if got := names(t, r.Clients(keycloak.ClientQuery{ClientID: "hop-fron"}), id); len(got) != 0 {
		t.Errorf("exact gives %v", got)
	}
	_, err := r.ClientByClientID(t.Context(), strings.ToLower(c.ClientID))
	wantKind(t, err, clients.NotFound)
	all := names(t, r.Clients(keycloak.ClientQuery{PageSize: 2}), func(c keycloak.Client) string { return c.ClientID })
	if len(all) < 7 || !slices.Contains(all, c.ClientID) {
		t.Errorf("all: %v", all)
	}
}

func TestServerAndPublicDocuments(t *testing.T) {
	r := realm(t)
	info := ok[keycloak.ServerInfo](t)(r.Server().Info(t.Context()))
	if !strings.HasPrefix(info.Version, "26.") || !slices.Contains(info.EventTypes, "LOGIN_ERROR") || !slices.Contains(info.ResourceTypes, "USER") || len(info.Features) == 0 {
		t.Errorf("info is %+v", info)
	}
	// Discovery and keys need no login.
	s := ok[*keycloak.Server](t)(keycloak.New(keycloak.Options{URL: r.Server().URL() + "/"}))
	d := ok[keycloak.Discovery](t)(s.Realm(r.Name()).Discovery(t.Context()))
	if d.Issuer != r.Server().URL()+"/realms/"+r.Name() || d.TokenEndpoint == "" || !slices.Contains(d.Scopes, "openid") {
		t.Errorf("discovery is %+v", d)
	}
	_, err := s.Realm("no-such").Discovery(t.Context())
	wantKind(t, err, clients.NotFound)
	certs := ok[[]keycloak.JWK](t)(s.Realm(r.Name()).Certificates(t.Context()))
	keys, active, err := r.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(certs) < 2 || !slices.ContainsFunc(keys, func(k keycloak.Key) bool {
		return k.ID == active["RS256"] && k.Status == "ACTIVE" && k.ID == certs[0].ID || k.ID == certs[1].ID
	}) {
		t.Errorf("certificates %+v, keys %+v, active %v", certs, keys, active)
	}
	_, err = s.Realm(r.Name()).Settings(t.Context())
	if p := wantKind(t, err, clients.Denied); p.Status != 401 {
		t.Errorf("without a login: %+v", p)
	}
	actions := ok[[]keycloak.RequiredAction](t)(r.RequiredActions(t.Context()))
	if !slices.ContainsFunc(actions, func(a keycloak.RequiredAction) bool { return a.Alias == "VERIFY_EMAIL" && a.Enabled }) {
		t.Errorf("actions are %+v", actions)
	}
	profile := ok[keycloak.Profile](t)(r.Profile(t.Context()))
	i := slices.IndexFunc(profile.Attributes, func(a keycloak.ProfileAttribute) bool { return a.Name == "firstName" })
	if i < 0 || !profile.Attributes[i].Required || !slices.Contains(profile.Attributes[i].RequiredRoles, "user") || profile.Takes("shoe") || !profile.Takes("email") {
		t.Errorf("profile is %+v", profile)
	}
	for _, bad := range []string{``, `{}`, `null`, `{"attributes":[]}`} {
		_, err = r.SetProfile(t.Context(), []byte(bad))
		wantKind(t, err, clients.Invalid)
	}
}

func TestFederatedIdentities(t *testing.T) {
	r, p := realm(t), newPlain(t)
	u := newUser(t, r, "ann")
	alias := "idp-" + unique()
	_, err := r.LinkFederatedIdentity(t.Context(), u.ID, keycloak.FederatedIdentity{Provider: alias, UserID: "7", Username: "ann7"})
	wantKind(t, err, clients.Invalid) // the server takes a provider that is not there
	p.must("POST", "identity-provider/instances", map[string]any{"alias": alias, "providerId": "oidc", "enabled": true,
		"config": map[string]string{"clientId": "x", "clientSecret": "y", "authorizationUrl": "http://localhost/a", "tokenUrl": "http://localhost/t"}})
	t.Cleanup(func() { p.must("DELETE", "identity-provider/instances/"+alias, nil) })
	ch := ok[clients.Change[[]keycloak.FederatedIdentity]](t)(r.LinkFederatedIdentity(t.Context(), u.ID, keycloak.FederatedIdentity{Provider: alias, UserID: "7", Username: "ann7"}))
	if len(ch.Before) != 0 || len(ch.After) != 1 || ch.After[0] != (keycloak.FederatedIdentity{Provider: alias, UserID: "7", Username: "ann7"}) {
		t.Errorf("change is %+v", ch)
	}
	wantFields(t, p.get("users/"+u.ID+"/federated-identity"), map[string]string{"0.identityProvider": alias, "0.userId": "7", "0.userName": "ann7"})
	if got := names(t, r.Users(keycloak.UserQuery{IDPAlias: alias, IDPUserID: "7"}), func(u keycloak.User) string { return u.ID }); !slices.Equal(got, []string{u.ID}) {
		t.Errorf("found by link: %v", got)
	}
	ch = ok[clients.Change[[]keycloak.FederatedIdentity]](t)(r.UnlinkFederatedIdentity(t.Context(), u.ID, alias))
	if len(ch.Before) != 1 || len(ch.After) != 0 {
		t.Errorf("change is %+v", ch)
	}
}

// mailbox is a mail server that takes everything.
func mailbox(t *testing.T) (port string, mails func() []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var got []string
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewScanner(conn)
				fmt.Fprint(conn, "220 test\r\n")
				var text strings.Builder
				body := false
				for in.Scan() {
					line := in.Text()
					switch {
					case body && line == ".":
						body = false
						mu.Lock()
						got = append(got, text.String())
						mu.Unlock()
						fmt.Fprint(conn, "250 ok\r\n")
					case body:
						text.WriteString(line + "\n")
					case line == "DATA":
						body = true
						fmt.Fprint(conn, "354 go\r\n")
					case line == "QUIT":
						fmt.Fprint(conn, "221 bye\r\n")
						return
					default:
						fmt.Fprint(conn, "250 ok\r\n")
					}
				}
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

func TestMails(t *testing.T) {
	r := realm(t)
	u := newUser(t, r, "ann")
	err := r.MailActions(t.Context(), u.ID, []string{"UPDATE_PASSWORD"}, keycloak.MailOptions{})
	if p := wantKind(t, err, clients.Unreachable); !strings.Contains(p.Hint, "mail server") {
		t.Errorf("without a mail server: %+v", p)
	}
	port, mails := mailbox(t)
	setRealm(t, r, "smtpServer", map[string]any{"host": "127.0.0.1", "port": port, "from": "gate@example.org"})
	if s := ok[keycloak.RealmSettings](t)(r.Settings(t.Context())); s.HasSMTP != keycloak.Yes {
		t.Error("the settings do not tell of the mail server")
	}
	if err := r.MailActions(t.Context(), u.ID, []string{"UPDATE_PASSWORD", "VERIFY_EMAIL"}, keycloak.MailOptions{Lifespan: 2 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := r.MailVerification(t.Context(), u.ID, keycloak.MailOptions{}); err != nil {
		t.Fatal(err)
	}
	got := mails()
	if len(got) != 2 || !strings.Contains(got[0], "To: "+u.Email) || !strings.Contains(strings.ReplaceAll(got[0], "=\n", ""), "action-token") {
		t.Errorf("mails are %q", got)
	}
	wantKind(t, r.MailActions(t.Context(), u.ID, nil, keycloak.MailOptions{}), clients.Invalid)
	wantKind(t, r.MailActions(t.Context(), u.ID, []string{"NOPE"}, keycloak.MailOptions{}), clients.Invalid)
	ok[clients.Change[keycloak.User]](t)(r.UpdateUser(t.Context(), u.ID, keycloak.UserPatch{Email: ptr("")}))
	err = r.MailActions(t.Context(), u.ID, []string{"UPDATE_PASSWORD"}, keycloak.MailOptions{})
	if p := wantKind(t, err, clients.Invalid); !strings.Contains(p.Reason, "email missing") {
		t.Errorf("without an e-mail: %v", p)
	}
}

func TestCredentialOrder(t *testing.T) {
	r, p := realm(t), newPlain(t)
	h := p.must("POST", "users", map[string]any{"username": "otp-" + unique(), "enabled": true, "credentials": []any{
		map[string]any{"type": "password", "value": "pw"},
		map[string]any{"type": "otp", "secretData": `{"value":"JBSWY3DPEHPK3PXP"}`, "credentialData": `{"subType":"totp","digits":6,"period":30,"algorithm":"HmacSHA1"}`}}})
	id := h.Get("Location")[strings.LastIndex(h.Get("Location"), "/")+1:]
	t.Cleanup(func() { r.DeleteUser(context.Background(), id) })
	got := ok[[]keycloak.Credential](t)(r.Credentials(t.Context(), id))
	if len(got) != 2 || !strings.Contains(string(got[0].Data)+string(got[1].Data), "totp") || strings.Contains(fmt.Sprint(got), "JBSWY3DPEHPK3PXP") {
		t.Fatalf("credentials are %+v", got)
	}
	first, last := got[0], got[1]
	ch := ok[clients.Change[[]keycloak.Credential]](t)(r.MoveCredential(t.Context(), id, last.ID, ""))
	if ch.After[0].ID != last.ID {
		t.Errorf("after moving to the front: %+v", ch.After)
	}
	ch = ok[clients.Change[[]keycloak.Credential]](t)(r.MoveCredential(t.Context(), id, last.ID, first.ID))
	if ch.After[1].ID != last.ID {
		t.Errorf("after moving behind: %+v", ch.After)
	}
	_, err := r.DeleteCredential(t.Context(), id, "no-such")
	wantKind(t, err, clients.NotFound)
}
