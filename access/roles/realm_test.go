package roles_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"strings"
)

// drawnRealm is a realm drawn at random: groups to depth 6, composites of realm and client
// roles with cycles and roles in themselves, five clients, default roles, service
// accounts, role scope mappings. Nothing in them is computed by the code under test.
type drawnRealm struct {
	r    *mrand.Rand
	name string

	groups []string // paths
	names  map[string][]string
	Rep    map[string]any // what is imported
}

// The clients of every drawn realm. Those in scoped do not have full scope; those in
// robots have a service account.
var (
	apps   = []string{"app-full", "app-too", "app-robot", "app-narrow", "app-Scoped"}
	scoped = map[string]bool{"app-narrow": true, "app-Scoped": true}
	robots = map[string]bool{"app-robot": true, "app-Scoped": true}
)

const drawnUsers = 5

// smallKeys sign the tokens of a drawn realm: the keys that a server makes by itself
// take it ten times as long as all the rest.
var smallKeys = map[string]any{"org.keycloak.keys.KeyProvider": []any{
	map[string]any{"name": "rsa", "providerId": "rsa-generated", "config": map[string]any{"keySize": []string{"1024"}, "priority": []string{"100"}}},
	map[string]any{"name": "hmac", "providerId": "hmac-generated", "config": map[string]any{"algorithm": []string{"HS512"}, "priority": []string{"100"}}},
	map[string]any{"name": "aes", "providerId": "aes-generated", "config": map[string]any{"priority": []string{"100"}}},
}}

func uniqueName(prefix string) string {
	var b [5]byte
	rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}

func drawRealm(seed uint64) *drawnRealm {
	d := &drawnRealm{r: mrand.New(mrand.NewPCG(seed, 2026)), name: uniqueName(fmt.Sprintf("gh-roles-%d-", seed)), names: map[string][]string{}}
	for i := range 4 + d.r.IntN(6) {
		d.names[""] = append(d.names[""], fmt.Sprintf("realm %d", i))
	}
	for _, c := range apps {
		for i := range d.r.IntN(4) {
			d.names[c] = append(d.names[c], fmt.Sprintf("%s/role#%d", c[4:], i)) // names that want escaping
		}
	}
	d.names["app-full"] = append(d.names["app-full"], "admin")
	d.Rep = map[string]any{"realm": d.name, "enabled": true, "passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",
		"roles": d.roles(), "clients": d.clients(), "groups": d.tree("", 0, true), "users": nil}
	d.Rep["users"] = d.users()
	d.Rep["defaultRole"] = map[string]any{"name": "default-roles-" + d.name, "composite": true}
	d.Rep["components"] = smallKeys
	return d
}

func (d *drawnRealm) roles() map[string]any {
	realm, ofClients := []any{}, map[string][]any{}
	for _, name := range d.names[""] {
		realm = append(realm, d.role(name, 0.6))
	}
	def := d.role("default-roles-"+d.name, 1)
	if d.r.IntN(2) == 0 { // what a new realm has
		in, _ := def["composites"].(map[string]any)
		if in == nil {
			in = map[string]any{}
		}
		in["client"] = map[string][]string{"account": {"manage-account", "view-profile"}}
		def["composites"], def["composite"] = in, true
	}
	realm = append(realm, def)
	for _, c := range apps {
		for _, name := range d.names[c] {
			ofClients[c] = append(ofClients[c], d.role(name, 0.6))
		}
	}
	return map[string]any{"realm": realm, "client": ofClients}
}

func (d *drawnRealm) role(name string, often float64) map[string]any {
	out := map[string]any{"name": name}
	if d.r.Float64() > often {
		return out
	}
	in := map[string]any{}
	realm, ofClients := d.some(2)
	if len(realm) > 0 {
		in["realm"] = realm
	}
	if len(ofClients) > 0 {
		in["client"] = ofClients
	}
	if d.r.IntN(6) == 0 && !strings.Contains(name, "#") && name != "admin" {
		in["realm"] = append(realm, name) // in itself
	}
	if len(in) > 0 {
		out["composites"], out["composite"] = in, true
	}
	return out
}

// some picks roles, about so many.
func (d *drawnRealm) some(about float64) (realm []string, ofClients map[string][]string) {
	ofClients = map[string][]string{}
	for range d.r.IntN(int(2*about) + 1) {
		c := ""
		if d.r.IntN(2) == 0 {
			c = apps[d.r.IntN(len(apps))]
		}
		if len(d.names[c]) == 0 {
			continue
		}
		name := d.names[c][d.r.IntN(len(d.names[c]))]
		if c == "" && !slices.Contains(realm, name) {
			realm = append(realm, name)
		} else if c != "" && !slices.Contains(ofClients[c], name) {
			ofClients[c] = append(ofClients[c], name)
		}
	}
	return realm, ofClients
}

func (d *drawnRealm) tree(path string, depth int, deep bool) []any {
	out := []any{}
	if depth == 6 {
		return out
	}
	n := 1 + d.r.IntN(2)
	if depth > 1 && !deep { // one branch goes all the way down
		n = d.r.IntN(2)
	}
	for i := range n {
		name := fmt.Sprintf("g%d %d", depth, i)
		if d.r.IntN(9) == 0 {
			name = fmt.Sprintf("s/%d %d", depth, i) // its path is ambiguous
		}
		d.groups = append(d.groups, path+"/"+name)
		realm, ofClients := d.some(1)
		out = append(out, map[string]any{"name": name, "realmRoles": realm, "clientRoles": ofClients, "subGroups": d.tree(path+"/"+name, depth+1, deep && i == 0)})
	}
	return out
}

func (d *drawnRealm) clients() []any {
	var out []any
	for _, c := range apps {
		out = append(out, map[string]any{"clientId": c, "enabled": true, "publicClient": !robots[c], "secret": "secret-" + c,
			"directAccessGrantsEnabled": true, "serviceAccountsEnabled": robots[c], "fullScopeAllowed": !scoped[c]})
	}
	return out
}

func (d *drawnRealm) users() []any {
	var out []any
	add := func(u map[string]any) {
		realm, ofClients := d.some(1.5)
		if d.r.IntN(4) > 0 {
			realm = append(realm, "default-roles-"+d.name)
		}
		u["enabled"], u["realmRoles"], u["clientRoles"] = true, realm, ofClients
		out = append(out, u)
	}
	for i := range drawnUsers {
		var in []string
		for range d.r.IntN(4) {
			// A group whose name holds a slash cannot be told by path in an import.
			if g := d.groups[d.r.IntN(len(d.groups))]; !slices.Contains(in, g) && !strings.Contains(g, "/s/") {
				in = append(in, g)
			}
		}
		name := fmt.Sprintf("user%d", i)
		add(map[string]any{"username": name, "email": name + "@example.org", "emailVerified": true, "firstName": "First", "lastName": "Last",
			"groups": in, "credentials": []any{map[string]any{"type": "password", "value": "pw"}}})
	}
	for _, c := range apps {
		if robots[c] {
			add(map[string]any{"username": "service-account-" + strings.ToLower(c), "serviceAccountClientId": c})
		}
	}
	return out
}

// claimed are the roles in the claims of a token, as people write them, sorted.
func claimed(claims []byte) ([]string, error) {
	var w struct {
		Realm  struct{ Roles []string }            `json:"realm_access"`
		Client map[string]struct{ Roles []string } `json:"resource_access"`
	}
	if err := json.Unmarshal(claims, &w); err != nil {
		return nil, err
	}
	out := []string{}
	out = append(out, w.Realm.Roles...)
	for client, c := range w.Client {
		for _, role := range c.Roles {
			out = append(out, client+":"+role)
		}
	}
	slices.Sort(out)
	return out, nil
}

// payload are the claims of a token as it went over the wire.
func payload(token string) ([]byte, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("this is no token: %d parts", len(parts))
	}
	return base64.RawURLEncoding.DecodeString(parts[1])
}
