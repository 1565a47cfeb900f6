package live_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/access/login"
	"gatehouse/access/login/live"
)

// picture is all that a fix might touch, read by plain net/http as the administrator of
// the whole server: each field by its path, with its value in JSON.
type picture map[string]string

// put flattens a value. A list of texts is a set; objects of a list stand under their
// name, or id, or else their place; JSON in a text is taken apart too.
func (p picture) put(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			p.put(path+"/"+k, x)
		}
		return
	case []any:
		for i, x := range v {
			p.put(path+"/"+keyOf(i, x), x)
		}
		return
	case string:
		var in any
		if strings.HasPrefix(v, "[") && json.Unmarshal([]byte(v), &in) == nil {
			p.put(path, in)
			return
		}
	}
	b, _ := json.Marshal(v)
	if strings.HasSuffix(path, "/secret") { // a difference is shown, never the secret
		b = []byte(hidden(v))
	}
	p[path] = string(b)
}

func keyOf(i int, v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		for _, k := range []string{"name", "id", "_id"} {
			if s, ok := v[k].(string); ok {
				return s
			}
		}
	}
	return fmt.Sprint(i)
}

func hidden(v any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(v)))
	return "sha256 " + hex.EncodeToString(sum[:6])
}

// has reports whether there is a field at the path or below it.
func (p picture) has(path string) bool {
	for k := range p {
		if k == path || strings.HasPrefix(k, path+"/") {
			return true
		}
	}
	return false
}

// differs are the paths that are not the same in two pictures.
func (p picture) differs(q picture) []string {
	set := map[string]bool{}
	for k := range p {
		set[k] = p[k] != q[k]
	}
	for k := range q {
		set[k] = p[k] != q[k]
	}
	maps.DeleteFunc(set, func(_ string, differs bool) bool { return !differs })
	return slices.Sorted(maps.Keys(set))
}

// scene is what the picture of one row shows.
type scene struct {
	l *lab
	t testing.TB
	// users and clients are ids by name; an id that is empty is looked for by the name.
	users, clients                 map[string]string
	scopes, groups, orgs, storages []string
	policies                       bool
}

// sceneOf is the subject itself with everything that the writes name.
func (s *subject) sceneOf(writes []login.Write) *scene {
	c := &scene{l: s.l, t: s.t, users: map[string]string{s.user.Username: s.user.ID}, clients: map[string]string{s.client.ClientID: s.client.ID}}
	for _, w := range writes {
		for _, name := range []string{w.Client, w.RoleClient} {
			if name != "" && c.clients[name] == "" {
				c.clients[name] = ""
			}
		}
		if w.User != "" && c.users[w.User] == "" {
			c.users[w.User] = w.UserID
		}
		c.scopes = append(c.scopes, w.Scope)
		switch w.Op {
		case login.OpAttachScope:
			c.scopes = append(c.scopes, w.Name)
		case login.OpJoinGroup:
			c.groups = append(c.groups, w.Name)
		case login.OpJoinOrganization, login.OpEnableOrganization:
			c.orgs = append(c.orgs, w.ID)
		case login.OpEnableStorage:
			c.storages = append(c.storages, w.ID)
		case login.OpDisablePolicy:
			c.policies = true
		}
	}
	return c
}

// take reads everything of the scene anew.
func (c *scene) take() picture {
	c.t.Helper()
	p := picture{}
	p.put("realm", c.get(""))
	if !c.policies { // rows side by side switch the policies of the realm that they share
		maps.DeleteFunc(p, func(path, _ string) bool { return strings.HasPrefix(path, "realm/clientPolicies/") })
	}
	p.put("flows", c.get("authentication/flows"))
	p.put("required actions", c.get("authentication/required-actions"))
	if c.policies {
		list := c.get("client-policies/policies").(map[string]any)["policies"].([]any)
		p.put("policies", list)
		for i, x := range list {
			p[fmt.Sprintf("policies, place %d", i)] = keyOf(i, x)
		}
		p.put("profiles", c.get("client-policies/profiles"))
	}
	for name, id := range c.users {
		c.user(p, "user/"+name, name, id)
	}
	for name, id := range c.clients {
		c.client(p, "client/"+name, name, id)
	}
	c.scopesInto(p)
	for _, path := range c.groups {
		g := c.get("group-by-path" + (&url.URL{Path: path}).EscapedPath()).(map[string]any)
		p.put("group"+path, g)
		p.put("group"+path+"/roles", mappings(c.get("groups/"+g["id"].(string)+"/role-mappings")))
	}
	for _, id := range c.orgs {
		p.put("organization/"+id, c.get("organizations/"+id))
	}
	for _, id := range c.storages {
		p.put("storage/"+id, c.get("components/"+id))
	}
	return p
}

// unreadable stands for what the server fails to read: somebody from a directory that
// is switched on and does not answer.
const unreadable = "unreadable"

// unread reports whether a field is in a part that is unreadable.
func (p picture) unread(path string) bool {
	for i := range path {
		if path[i] == '/' && p[path[:i]] == `"unreadable"` {
			return true
		}
	}
	return p[path] == `"unreadable"`
}

// get reads one thing; what is not there is nil.
func (c *scene) get(path string) any {
	c.t.Helper()
	status, b, _ := c.l.send(c.t, "GET", path, nil)
	if status == http.StatusNotFound {
		return nil
	}
	if status > 499 && len(c.storages) > 0 {
		return unreadable
	}
	var v any
	if err := json.Unmarshal(b, &v); status != http.StatusOK || err != nil {
		c.t.Fatalf("GET %s: %d %v %s", path, status, err, b)
	}
	return v
}

// find is the id of the only one of a list.
func (c *scene) find(path string) string {
	c.t.Helper()
	list, _ := c.get(path).([]any)
	if len(list) != 1 {
		return ""
	}
	id, _ := list[0].(map[string]any)["id"].(string)
	return id
}

func (c *scene) user(p picture, at, name, id string) {
	c.t.Helper()
	if id == "" {
		if id = c.find("users?exact=true&username=" + url.QueryEscape(name)); id == "" {
			return
		}
	}
	list := func(what string) []any {
		v := c.get("users/" + id + "/" + what)
		if v == unreadable {
			p.put(at+"/"+what, v)
		}
		out, _ := v.([]any)
		return out
	}
	p.put(at, c.get("users/"+id))
	p.put(at+"/roles", mappings(c.get("users/"+id+"/role-mappings")))
	p.put(at+"/lock", c.get("attack-detection/brute-force/users/"+id))
	p.put(at+"/identities", c.get("users/"+id+"/federated-identity"))
	p.put(at+"/consents", c.get("users/"+id+"/consents"))
	p.put(at+"/sessions", c.get("users/"+id+"/sessions"))
	for _, g := range list("groups") {
		p.put(at+"/groups/"+g.(map[string]any)["path"].(string), true)
	}
	for _, x := range list("credentials") {
		x := x.(map[string]any)
		p.put(fmt.Sprintf("%s/credentials/%s/%s", at, x["type"], x["id"]), x)
	}
	if len(c.orgs) > 0 {
		of, _ := c.get("organizations/members/" + id + "/organizations").([]any)
		for _, o := range of {
			p.put(at+"/organizations/"+o.(map[string]any)["id"].(string), true)
		}
	}
}

func (c *scene) client(p picture, at, name, id string) {
	c.t.Helper()
	if id == "" {
		if id = c.find("clients?clientId=" + url.QueryEscape(name)); id == "" {
			return
		}
	}
	it := c.get("clients/" + id).(map[string]any)
	p.put(at, it)
	p.put(at+"/roles", c.get("clients/"+id+"/roles"))
	p.put(at+"/scopeMappings", mappings(c.get("clients/"+id+"/scope-mappings")))
	if it["serviceAccountsEnabled"] == true {
		u := c.get("clients/" + id + "/service-account-user").(map[string]any)
		c.user(p, at+"/serviceAccount", "", u["id"].(string))
	}
	if it["authorizationServicesEnabled"] == true {
		p.put(at+"/authz", c.get("clients/"+id+"/authz/resource-server/settings"))
		p.put(at+"/authz/server", c.get("clients/"+id+"/authz/resource-server"))
	}
}

// scopesInto reads the client scopes that the writes name, with the roles they are for.
func (c *scene) scopesInto(p picture) {
	c.t.Helper()
	list, _ := c.get("client-scopes").([]any)
	for _, x := range list {
		x := x.(map[string]any)
		name, _ := x["name"].(string)
		if slices.Contains(c.scopes, name) {
			p.put("scope/"+name, x)
			p.put("scope/"+name+"/scopeMappings", mappings(c.get("client-scopes/"+x["id"].(string)+"/scope-mappings")))
		}
	}
}

// mappings are role mappings by the names of the roles, each with the whole role.
func mappings(v any) any {
	if v == unreadable {
		return v
	}
	out := map[string]any{}
	m, _ := v.(map[string]any)
	add := func(of string, list any) {
		all, _ := list.([]any)
		for _, r := range all {
			out[of+":"+keyOf(0, r)] = r
		}
	}
	add("realm", m["realmMappings"])
	of, _ := m["clientMappings"].(map[string]any)
	for client, x := range of {
		add(client, x.(map[string]any)["mappings"])
	}
	return out
}

// readBack is a fix with the pictures before and after it.
type readBack struct {
	scene  *scene
	fix    login.Fix
	in     live.Inputs
	before picture
}

// before takes the picture before a fix.
func (s *subject) before(f login.Fix, in live.Inputs) *readBack {
	s.t.Helper()
	c := s.sceneOf(f.Writes)
	return &readBack{scene: c, fix: f, in: in, before: c.take()}
}

// written reads everything back: what was to be written stands there, and no field
// differs that the writes are not said to change.
func (b *readBack) written(t testing.TB) {
	t.Helper()
	after := b.scene.take()
	changed := b.before.differs(after)
	for _, path := range changed {
		if !slices.ContainsFunc(b.fix.Writes, func(w login.Write) bool { return may(w, path) }) && kept(path) == "" && !after.unread(path) {
			t.Errorf("%q also changed %s from %s to %s", b.fix.Summary, path, b.before[path], after[path])
		}
	}
	for _, w := range b.fix.Writes {
		row := ops[w.Op]
		if row.is == nil || !row.is(after, w, b.in) {
			t.Errorf("%q: after %s another client does not find it written; changed are %v", b.fix.Summary, w.Op, changed)
		}
		if !slices.ContainsFunc(changed, func(path string) bool { return may(w, path) }) {
			t.Errorf("%q: %s changed nothing", b.fix.Summary, w.Op)
		}
		proved.op(w.Op)
	}
}

// undone reads everything back again: nothing differs from what was there at first.
func (b *readBack) undone(t testing.TB) {
	t.Helper()
	after := b.scene.take()
	for _, path := range b.before.differs(after) {
		if kept(path) == "" && left(path) == "" {
			t.Errorf("the undo of %q leaves %s at %s; it was %s", b.fix.Summary, path, after[path], b.before[path])
		}
	}
	for _, w := range b.fix.Writes {
		proved.undo(w.Op)
	}
}
