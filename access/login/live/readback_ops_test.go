package live_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/access/login"
	"gatehouse/access/login/live"
)

// opRow says which fields a write may change, each with all below it, and how another
// client sees that it was written.
type opRow struct {
	paths func(login.Write) []string
	is    func(picture, login.Write, live.Inputs) bool
}

func may(w login.Write, path string) bool {
	return ops[w.Op].paths != nil && slices.ContainsFunc(ops[w.Op].paths(w), func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// keptByServer are fields that the server, or the login between the pictures, changes by
// itself.
var keptByServer = []struct{ within, why string }{
	{"/lock/numFailures", "failed logins are counted behind their answers"},
	{"/lock/lastFailure", "failed logins are counted behind their answers"},
	{"/lock/lastIPFailure", "failed logins are counted behind their answers"},
	{"/attributes/LDAP_", "what a directory keeps of a user is only shown while it is switched on"},
}

func kept(path string) string {
	for _, k := range keptByServer {
		if strings.Contains(path, k.within) {
			return k.why
		}
	}
	return ""
}

// leftByLogin are what a login leaves, which takes place between a fix and its undo.
var leftByLogin = []struct{ within, why string }{
	{"/sessions/", "it opens a session"},
	{"/consents/", "one with offline_access leaves an offline token, which stands with the consents"},
}

func left(path string) string {
	for _, k := range leftByLogin {
		if strings.HasPrefix(path, "user/") && strings.Contains(path, k.within) {
			return k.why
		}
	}
	return ""
}

func user(fields ...string) func(login.Write) []string {
	return func(w login.Write) []string { return below("user/"+w.User, w, fields) }
}

func client(fields ...string) func(login.Write) []string {
	return func(w login.Write) []string { return below("client/"+w.Client, w, fields) }
}

// below are fields of an object; NAME, VALUE, ID and ROLE in them are the write's.
func below(at string, w login.Write, fields []string) []string {
	var out []string
	for _, f := range fields {
		out = append(out, at+strings.NewReplacer("NAME", w.Name, "VALUE", w.Value, "ID", w.ID, "ROLE", roleKey(w)).Replace(f))
	}
	return out
}

func roleKey(w login.Write) string {
	if w.RoleClient == "" {
		return "realm:" + w.Role
	}
	return w.RoleClient + ":" + w.Role
}

// value wants the first path of the row to be this, in JSON.
func value(paths func(login.Write) []string, want string) opRow {
	return opRow{paths, func(p picture, w login.Write, _ live.Inputs) bool { return p[paths(w)[0]] == want }}
}

// there wants something at the first path; gone wants nothing.
func there(paths func(login.Write) []string) opRow {
	return opRow{paths, func(p picture, w login.Write, _ live.Inputs) bool { return p.has(paths(w)[0]) }}
}

func gone(paths func(login.Write) []string) opRow {
	return opRow{paths, func(p picture, w login.Write, _ live.Inputs) bool { return !p.has(paths(w)[0]) }}
}

// said wants the value of the write, as a text or as it is.
func said(paths func(login.Write) []string) opRow {
	return opRow{paths, func(p picture, w login.Write, _ live.Inputs) bool {
		got := p[paths(w)[0]]
		return got == w.Value || got == fmt.Sprintf("%q", w.Value)
	}}
}

// ops are all writes.
var ops = map[login.Op]opRow{
	login.OpUnlock: value(user("/lock/disabled", "/lock", "/enabled", "/attributes/disabledReason"), "false"),
	login.OpEnableUser: value(func(w login.Write) []string {
		out := user("/enabled")(w)
		if client, is := strings.CutPrefix(w.User, "service-account-"); is { // stands in the picture of its client too
			out = append(out, "client/"+client+"/serviceAccount/enabled")
		}
		return out
	}, "true"),
	login.OpSetPassword:      there(user("/credentials/password", "/requiredActions/UPDATE_PASSWORD")), /* the server takes that demand as met */
	login.OpRemoveCredential: gone(user("/credentials/NAME/ID", "/totp")),
	login.OpClearAction:      gone(user("/requiredActions/NAME")),
	login.OpVerifyEmail:      value(user("/emailVerified", "/requiredActions/VERIFY_EMAIL"), "true"),
	login.OpSetUserField: {user("/NAME", "/attributes/NAME"), func(p picture, w login.Write, in live.Inputs) bool {
		return p["user/"+w.User+"/"+w.Name] == fmt.Sprintf("%q", in[w.Input]) || p.has("user/"+w.User+"/attributes/"+w.Name+"/"+in[w.Input])
	}},
	login.OpCreateUser: {user(""), func(p picture, w login.Write, _ live.Inputs) bool {
		return p["user/"+w.User+"/enabled"] == "true" && p.has("user/"+w.User+"/credentials/password")
	}},
	login.OpEndSessions:      gone(user("/sessions", "/notBefore")),
	login.OpGrantRole:        there(user("/roles/ROLE")),
	login.OpJoinGroup:        there(user("/groups/NAME")),
	login.OpJoinOrganization: there(user("/organizations/ID")),
	login.OpEnableRealm:      value(func(login.Write) []string { return []string{"realm/enabled"} }, "true"),
	login.OpSetRealm: said(func(w login.Write) []string {
		return []string{"realm/" + strings.Replace(w.Name, "attributes.", "attributes/", 1)}
	}),
	login.OpEnableClient: value(client("/enabled"), "true"),
	login.OpCreateClient: {client(""), func(p picture, w login.Write, _ live.Inputs) bool {
		return p["client/"+w.Client+"/enabled"] == "true" && (w.Value == "" || p.has("client/"+w.Client+"/redirectUris/"+w.Value))
	}},
	login.OpSetClient: {func(w login.Write) []string {
		switch w.Name {
		case "serviceAccountsEnabled": // the account and its scope come with the switch
			return client("/NAME", "/serviceAccount", "/defaultClientScopes/service_account")(w)
		case "protocol": // the server puts the default scopes of the new one in the place of all
			return client("/NAME", "/defaultClientScopes", "/optionalClientScopes")(w)
		}
		return client("/NAME")(w)
	}, said(client("/NAME")).is},
	login.OpSetClientAttribute: said(client("/attributes/NAME")),
	login.OpSetClientSecret: {client("/secret", "/attributes/client.secret.creation.time"), func(p picture, w login.Write, in live.Inputs) bool {
		return p["client/"+w.Client+"/secret"] == hidden(in[w.Input])
	}},
	login.OpAddRedirectURI: there(client("/redirectUris/VALUE")),
	login.OpAddWebOrigin:   there(client("/webOrigins/VALUE")),
	login.OpAttachScope: {client("/defaultClientScopes/NAME", "/optionalClientScopes/NAME"), func(p picture, w login.Write, _ live.Inputs) bool {
		return p.has("client/" + w.Client + "/" + w.Value + "ClientScopes/" + w.Name)
	}},
	login.OpClearFlow: gone(client("/authenticationFlowBindingOverrides/NAME")),
	login.OpDisablePolicy: value(func(w login.Write) []string {
		return []string{"policies/" + w.Name + "/enabled", "realm/clientPolicies/policies/" + w.Name + "/enabled"}
	}, "false"),
	login.OpEnableStorage: there(func(w login.Write) []string {
		return []string{"storage/" + w.ID + "/config/enabled/true", "storage/" + w.ID + "/config/enabled"}
	}),
	login.OpEnableOrganization: value(func(w login.Write) []string { return []string{"organization/" + w.ID + "/enabled"} }, "true"),
	login.OpAddScopeMapping: there(func(w login.Write) []string {
		if w.Scope != "" {
			return []string{"scope/" + w.Scope + "/scopeMappings/" + roleKey(w)}
		}
		return client("/scopeMappings/ROLE")(w)
	}),
	login.OpSetMapper: {mapperPaths, func(p picture, w login.Write, _ live.Inputs) bool {
		for _, path := range mapperPaths(w) {
			if p[path] != fmt.Sprintf("%q", w.Config[path[strings.LastIndex(path, "/")+1:]]) {
				return false
			}
		}
		return true
	}},
	login.OpAddMapper: {client("/protocolMappers/NAME"), func(p picture, w login.Write, _ live.Inputs) bool {
		at := "client/" + w.Client + "/protocolMappers/" + w.Name
		for k, v := range w.Config {
			if p[at+"/config/"+k] != fmt.Sprintf("%q", v) {
				return false
			}
		}
		return p[at+"/protocolMapper"] == fmt.Sprintf("%q", w.Value)
	}},
	login.OpAllowUser: {allowedPaths, func(p picture, w login.Write, _ live.Inputs) bool {
		at := allowedPaths(w)
		return p.has(at[0]+"/config/users/"+w.User) && p.has(at[1]+"/config/applyPolicies/"+at[0][strings.LastIndex(at[0], "/")+1:])
	}},
	login.OpAddToPolicy: {client("/authz/policies/NAME/config/users"), func(p picture, w login.Write, _ live.Inputs) bool {
		return p.has("client/" + w.Client + "/authz/policies/" + w.Name + "/config/users/" + w.User)
	}},
}

func mapperPaths(w login.Write) []string {
	at := "client/" + w.Client
	if w.Scope != "" {
		at = "scope/" + w.Scope
	}
	var out []string
	for k := range w.Config {
		out = append(out, at+"/protocolMappers/"+w.Name+"/config/"+k)
	}
	return out
}

// allowedPaths are the policy and the permission that are made for one person.
func allowedPaths(w login.Write) []string {
	what := w.Name
	if w.Value != "" {
		what = w.Value + " on " + w.Name
	}
	at := "client/" + w.Client + "/authz/policies/"
	return []string{at + "only " + w.User + " (" + what + ")", at + what + " for " + w.User}
}

// tally counts the rows that proved each write.
type tally struct {
	sync.Mutex
	ops, undos map[login.Op]int
	// rows are those that ran, by test; wanted how many each test has.
	rows   map[string]map[string]bool
	wanted map[string]int
}

var proved = tally{ops: map[login.Op]int{}, undos: map[login.Op]int{}, rows: map[string]map[string]bool{}, wanted: map[string]int{}}

func (p *tally) op(o login.Op)   { p.Lock(); defer p.Unlock(); p.ops[o]++ }
func (p *tally) undo(o login.Op) { p.Lock(); defer p.Unlock(); p.undos[o]++ }

// expect says how many rows a test has.
func (p *tally) expect(t *testing.T, rows int) {
	p.Lock()
	defer p.Unlock()
	p.wanted[t.Name()] = rows
}

// row notes that a row ran, so that a run of some rows only is not taken for all.
func (p *tally) row(t *testing.T) {
	p.Lock()
	defer p.Unlock()
	test, name, _ := strings.Cut(t.Name(), "/")
	if p.rows[test] == nil {
		p.rows[test] = map[string]bool{}
	}
	p.rows[test][name] = true
}

// readBackTests are the tests whose rows together prove every write.
var readBackTests = []string{"TestEveryCause", "TestEveryCauseOfTheRealm", "TestEveryCauseAfterTheLogin", "TestDirectories"}

// finalOps are the writes that cannot be undone.
var finalOps = []login.Op{login.OpUnlock, login.OpSetPassword, login.OpRemoveCredential, login.OpEndSessions, login.OpSetClientSecret}

// report says how many rows proved each write, and which writes none did, or none undid; the
// second is only told when all rows of all tests ran.
func (p *tally) report() (line string, missing []login.Op) {
	p.Lock()
	defer p.Unlock()
	var parts []string
	for _, o := range allOps() {
		parts = append(parts, fmt.Sprintf("%s %d (undone %d)", o, p.ops[o], p.undos[o]))
		if p.ops[o] == 0 || p.undos[o] == 0 && !slices.Contains(finalOps, o) {
			missing = append(missing, o)
		}
	}
	for _, test := range readBackTests {
		if p.wanted[test] == 0 || len(p.rows[test]) != p.wanted[test] {
			missing = nil
		}
	}
	if len(p.ops) == 0 {
		return "", missing
	}
	return "ops read back: " + strings.Join(parts, ", "), missing
}

// allOps are the writes as the source lists them.
func allOps() []login.Op {
	src, err := os.ReadFile("../trace.go")
	if err != nil {
		panic(err)
	}
	var out []login.Op
	for _, m := range regexp.MustCompile(`(?m)^\tOp\w+\s+Op = "(\w+)"`).FindAllSubmatch(src, -1) {
		out = append(out, login.Op(m[1]))
	}
	return out
}

// Every write of the list says which fields it may change.
func TestEveryWriteSaysWhatItChanges(t *testing.T) {
	all := allOps()
	if len(all) < 31 || len(all) != len(ops) {
		t.Errorf("%d writes are listed, %d have a row", len(all), len(ops))
	}
	for _, o := range all {
		if ops[o].paths == nil || ops[o].is == nil {
			t.Errorf("%s does not say what it changes, or how that is seen", o)
		}
	}
}

// A write that no row proved, or undid, is named once all rows ran, and not before.
func TestUnprovedWriteIsNamed(t *testing.T) {
	p := tally{ops: map[login.Op]int{}, undos: map[login.Op]int{}, rows: map[string]map[string]bool{}, wanted: map[string]int{}}
	for _, o := range allOps() {
		p.op(o)
		p.undo(o)
	}
	delete(p.ops, login.OpAddMapper)
	delete(p.undos, login.OpJoinGroup)
	for _, test := range readBackTests {
		if _, missing := p.report(); missing != nil {
			t.Errorf("before %s ran it names %v", test, missing)
		}
		p.wanted[test], p.rows[test] = 1, map[string]bool{"a row": true}
	}
	if _, missing := p.report(); !slices.Equal(missing, []login.Op{login.OpJoinGroup, login.OpAddMapper}) {
		t.Errorf("it names %v", missing)
	}
}
