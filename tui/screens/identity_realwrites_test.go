package screens_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
	"gatehouse/stack/stacktest"
	"gatehouse/tui"
	"gatehouse/tui/screens"
	"gatehouse/tui/tuitest"
)

// TestRealIdentityWrites performs every write of the person's screen with keys, one
// row after the other, and reads the server after each.
func TestRealIdentityWrites(t *testing.T) {
	r := newIdentReal(t)
	id, email := r.person("Ann")
	token, other := r.login(email), r.login(email)
	r.secondFactors(token)
	s := r.open(screens.NewIdentity(r.spec(), id), 110, 60)
	s.Want("Ann Real"+r.tag, "2 sessions, last", "backup codes", "authenticator app", "corp:"+r.tag+"Ann")

	state := func(want string) func() bool {
		return func() bool { w, _ := r.identity(id); return w.State == want }
	}
	verified := func(want bool) func() bool {
		return func() bool {
			w, _ := r.identity(id)
			return len(w.Addresses) == 1 && w.Addresses[0].Verified == want && (w.Addresses[0].Status == "completed") == want
		}
	}
	without := func(kind string) func() bool {
		return func() bool { w, _ := r.identity(id); return len(w.Credentials[kind].Identifiers) == 0 }
	}
	to := func(line string) func() { return func() { identTo(s, line) } }
	tab := func() { s.Press("tab") }
	stay := func() {}
	provider := func() bool {
		w, _ := r.identity(id)
		return !slices.Contains(w.Credentials["oidc"].Identifiers, "corp:"+r.tag+"Ann")
	}
	ended := func() bool {
		_, active := r.sessions(id)
		return active == 1 && r.whoami(token)+r.whoami(other) == 200+401
	}
	suspended := func() bool {
		all, _ := r.sessions(id)
		return state("inactive")() && all == 0 && r.whoami(token) == 401 && r.whoami(other) == 401
	}

	for _, row := range []struct {
		name     string
		first    func() // where the cursor has to be
		key      string
		question string   // what it asks
		says     []string // what it says when it is done
		so       func() bool
	}{
		{"mark an address as verified", tab, "v", "as verified?", []string{"is marked as verified", "✓ verified"}, verified(true)},
		{"undo it", stay, "u", "Undo: mark", []string{"undone: mark", "✗ not verified"}, verified(false)},
		{"mark it again", stay, "v", "as verified?", []string{"is marked as verified", "✓ verified"}, verified(true)},
		{"mark it as not verified", stay, "v", "as not verified?", []string{"is marked as not verified", "✗ not verified"}, verified(false)},
		{"remove the backup codes", to("backup codes"), "x", "Remove backup codes", []string{"backup codes removed"}, without("lookup_secret")},
		{"remove the authenticator app", to("authenticator app"), "x", "Remove authenticator app", []string{"authenticator app removed"}, without("totp")},
		{"remove the social sign-in", to("social sign-in"), "x", "Remove social sign-in", []string{"social sign-in removed"}, provider},
		{"end one session", to("✓ active   signed in"), "x", "End this session", []string{" ended", "2 sessions, 1 active"}, ended},
		{"suspend, which ends the other", stay, "d", "Suspend Ann", []string{"suspended, 1 session ended", "✗ suspended"}, suspended},
		{"undo the suspension", stay, "u", "Undo: suspend", []string{"undone: suspend", "✓ active"}, state("active")},
		{"suspend again", stay, "d", "Suspend Ann", []string{"suspended, 0 sessions ended"}, state("inactive")},
		{"reactivate", stay, "a", "Reactivate Ann", []string{"reactivated", "✓ active"}, state("active")},
	} {
		t.Log(row.name)
		row.first()
		r.write(s, row.key, row.question, row.says...)
		r.until(row.name, row.so)
	}
	s.Press("p")
	s.Want(email + "  ✓ set up") // the password is still there
}

// identTo moves the cursor to the line with a text, one line after the other.
func identTo(s *tuitest.Term, text string) {
	cursor := func() int {
		return slices.IndexFunc(strings.Split(s.Screen(), "\n"), func(l string) bool { return strings.Contains(l, "▸") })
	}
	s.Press("home")
	s.Want("▸ email")
	for range 80 {
		at := cursor()
		if strings.Contains(s.Line(at), text) {
			return
		}
		s.Press("down")
		for end := time.Now().Add(10 * time.Second); cursor() == at && time.Now().Before(end); {
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// A session that was only asleep works again; the screen warns before, says so
// after, and ends it.
func TestRealIdentityAsleepSessions(t *testing.T) {
	r := newIdentReal(t)
	id, email := r.person("Bo")
	token := r.login(email)
	r.must(200, "PATCH", r.info.AdminURL+"/admin/identities/"+id, []any{map[string]any{"op": "replace", "path": "/state", "value": "inactive"}}, nil)
	s := r.open(screens.NewIdentity(r.spec(), id), 110, 50)
	s.Want("✗ Cannot sign in: suspended", "1 session works again once it is reactivated", "◌ asleep")
	if got := r.whoami(token); got != 401 {
		t.Fatalf("whoami of a suspended identity: %d", got)
	}
	r.write(s, "a", "Reactivate Bo", "1 session works again, o ends them")
	r.until("the old session works again", func() bool { return r.whoami(token) == 200 })
	r.write(s, "o", "out everywhere?", "1 session ended")
	r.until("no session is left", func() bool { all, _ := r.sessions(id); return all == 0 && r.whoami(token) == 401 })
}

// A recovery code or link is made, shown, and really lets the person in; of a
// suspended identity it is refused.
func TestRealIdentityRecovery(t *testing.T) {
	r := newIdentReal(t)
	id, _ := r.person("Carla")
	s := r.open(screens.NewIdentity(r.spec(), id), 180, 50)
	s.Want("Carla", "no sessions")
	s.Press("c")
	s.Want("valid for 24 hours")
	s.Press("enter")
	s.Want("For Carla", "to enter at")
	code := regexp.MustCompile(`code +(\d{6})\b`).FindStringSubmatch(s.Screen())
	link := regexp.MustCompile(`to enter at +(\S+)`).FindStringSubmatch(s.Screen())
	if code == nil || link == nil {
		t.Fatalf("no code or no link:\n%s", s.Screen())
	}
	s.Press("esc", "y")
	s.Want("Ways to sign in")
	s.WantNot(code[1])
	u, err := url.Parse(link[1])
	if err != nil {
		t.Fatal(err)
	}
	if got := r.redeem(u.Query().Get("flow"), "000000"); got {
		t.Error("a wrong code was taken")
	}
	if !r.redeem(u.Query().Get("flow"), code[1]) {
		t.Error("the code that was shown does not let the person in")
	}

	s.Press("c")
	s.Want("valid for 24 hours")
	s.Type("link")
	s.Press("enter")
	s.Want("link", "token=")
	at := regexp.MustCompile(`link +(http\S+)`).FindStringSubmatch(s.Screen())
	if at == nil {
		t.Fatalf("no link:\n%s", s.Screen())
	}
	s.Press("esc", "y")
	before, _ := r.sessions(id)
	if got := r.call("GET", at[1], nil, nil, "Accept", "text/html"); got != 303 {
		t.Errorf("the link answers %d, want 303", got)
	}
	r.until("the link signs in", func() bool { all, _ := r.sessions(id); return all == before+1 })

	r.write(s, "d", "Suspend Carla", "✗ suspended")
	s.Press("c")
	s.Want("suspended: a code would be made, but signing in with it is refused")
}

// redeem enters a recovery code as a browser would and reports whether it was taken.
func (r *identReal) redeem(flow, code string) bool {
	r.t.Helper()
	form := url.Values{"method": {"code"}, "code": {code}}
	jar := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := jar.PostForm(r.info.PublicURL+"/self-service/recovery?flow="+flow, form)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, c := range resp.Cookies() {
		if c.Name == "ory_kratos_session" && c.Value != "" {
			return true
		}
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
	r.t.Logf("redeem: %d %s %s", resp.StatusCode, resp.Header.Get("Location"), text)
	return false
}

func TestRealIdentityDelete(t *testing.T) {
	r := newIdentReal(t)
	id, email := r.person("Dora")
	s := r.open(screens.NewIdentity(r.spec(), id), 110, 40)
	s.Want("Dora", "no sessions")
	s.Press("D")
	s.Want("Delete the identity of Dora", "type "+email)
	s.Type("dora")
	s.Press("enter")
	s.Want("nothing was done")
	if _, status := r.identity(id); status != 200 {
		t.Fatalf("the identity is gone without the right name: %d", status)
	}
	s.Press("ctrl+u")
	s.Type(email)
	s.Press("enter")
	s.Want("is deleted", "✗ deleted")
	if _, status := r.identity(id); status != 404 {
		t.Errorf("the server still has it: %d", status)
	}
}

// TestRealIdentitiesList finds people and writes to several of them at once.
func TestRealIdentitiesList(t *testing.T) {
	r := newIdentReal(t)
	spec := r.spec()
	k := spec.Kratos.(*kratos.Client)
	var ids, tokens []string
	for _, name := range []string{"Ida", "Ivo", "Ines"} {
		id, email := r.person(name)
		ids, tokens = append(ids, id), append(tokens, r.login(email))
	}
	s := r.open(screens.NewIdentities(screens.IdentitiesSpec{Kratos: k, Write: k, Forms: k, Open: func(id string) tui.Screen { return screens.NewIdentity(spec, id) }}), 120, 40)
	s.Want("identities")
	s.Press("f")
	s.Type("ida-" + r.tag + "@ident.example")
	s.Press("enter")
	s.Want("found for", "Ida Real"+r.tag)
	s.Press("f", "ctrl+u")
	s.Type(ids[1])
	s.Press("enter")
	s.Want("Ivo Real" + r.tag)
	s.WantNot("Ida Real" + r.tag)
	s.Press("esc")
	s.Press("/")
	s.Type("real" + r.tag)
	s.Press("enter")
	s.Want("3 match")

	states := func(want string) func() bool {
		return func() bool {
			return !slices.ContainsFunc(ids, func(id string) bool { w, _ := r.identity(id); return w.State != want })
		}
	}
	whoami := func(want int) bool {
		return !slices.ContainsFunc(tokens, func(tok string) bool { return r.whoami(tok) != want })
	}
	s.Press("ctrl+a")
	back := func() {
		s.Press("esc")
		s.Want("3 match", "3 marked")
	}
	r.write(s, "d", "Suspend 3 people?", "3 people suspended", "1 session ended")
	r.until("all are suspended", func() bool { return states("inactive")() && whoami(401) })
	back()
	r.write(s, "u", "Undo: suspend 3 people?", "3 people as before")
	back()
	r.until("all are active", states("active"))
	r.write(s, "d", "Suspend 3 people?", "3 people suspended", "0 sessions ended")
	back()
	r.write(s, "a", "Reactivate 3 people?", "3 people reactivated")
	back()
	r.until("all are active", states("active"))
	for i, name := range []string{"ida", "ivo", "ines"} {
		tokens[i] = r.login(name + "-" + r.tag + "@ident.example")
	}
	r.write(s, "o", "Sign 3 people out everywhere?", "3 people signed out everywhere", "1 session ended")
	r.until("nobody is signed in", func() bool { return whoami(401) })
}

// TestRealIdentityInThreePlaces puts one person into all three servers under
// several names and finds all of it on one screen.
func TestRealIdentityInThreePlaces(t *testing.T) {
	kcInfo, ktInfo := stacktest.Keycloak(t), stacktest.Keto(t)
	r := newIdentReal(t)
	id, email := r.person("Tri")
	realm := "ident-" + r.tag
	admin := r.keycloak(kcInfo)
	r.must(201, "POST", kcInfo.URL+"/admin/realms", map[string]any{"realm": realm, "enabled": true,
		"groups": []any{map[string]any{"name": "staff", "realmRoles": []string{"employee"}}},
		"roles":  map[string]any{"realm": []any{map[string]any{"name": "employee"}, map[string]any{"name": "examiner"}}},
		"users": []any{map[string]any{"username": "tri." + r.tag, "email": email, "enabled": true, "firstName": "Tri", "lastName": "Real",
			"requiredActions": []string{"UPDATE_PASSWORD"}, "groups": []string{"/staff"}, "realmRoles": []string{"examiner"}}},
	}, nil, "Authorization", "Bearer "+admin)
	t.Cleanup(func() {
		r.call("DELETE", kcInfo.URL+"/admin/realms/"+realm, nil, nil, "Authorization", "Bearer "+r.keycloak(kcInfo))
	})
	var users []struct{ ID string }
	r.must(200, "GET", kcInfo.URL+"/admin/realms/"+realm+"/users?username=tri."+r.tag, nil, &users, "Authorization", "Bearer "+admin)

	objects := map[string]map[string]any{
		"by-id-" + r.tag:     {"subject_id": id},
		"by-mail-" + r.tag:   {"subject_id": email},
		"by-kc-" + r.tag:     {"subject_id": users[0].ID},
		"by-name-" + r.tag:   {"subject_id": "tri." + r.tag},
		"as-object-" + r.tag: {"subject_set": map[string]string{"namespace": "User", "object": id, "relation": ""}},
	}
	for object, body := range objects {
		body["namespace"], body["object"], body["relation"] = "Group", object, "members"
		r.must(201, "PUT", ktInfo.WriteURL+"/admin/relation-tuples", body, nil)
		t.Cleanup(func() {
			r.call("DELETE", ktInfo.WriteURL+"/admin/relation-tuples?namespace=Group&relation=members&object="+url.QueryEscape(object), nil, nil)
		})
	}

	spec := r.spec()
	kt, err := keto.New(keto.Options{ReadURL: ktInfo.ReadURL, Read: transport.New(transport.Options{Target: "keto read", Timeout: time.Minute})})
	if err != nil {
		t.Fatal(err)
	}
	pw, err := kcInfo.Password()
	if err != nil {
		t.Fatal(err)
	}
	kc, err := keycloak.New(keycloak.Options{URL: kcInfo.URL, Login: keycloak.Login{Username: kcInfo.AdminUsername, Password: pw}, Transport: transport.Options{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	spec.Keto, spec.Realms = kt, []screens.IdentityRealm{kc.Realm(realm)}
	s := r.open(screens.NewIdentity(spec, id), 200, 70)
	s.Want("the same person in three places", "5 tuples", "Known to Keto under 5 names")
	for object := range objects {
		s.Want("Group:" + object + "#members")
	}
	s.Want("keycloak ✓ enabled", "tri."+r.tag, "in /staff", "1 direct", realm, "set a new password", "found by e-mail")
}
