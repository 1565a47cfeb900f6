package cmd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
)

// The same person is found in Kratos and in Keycloak, by whatever the check calls her,
// and the tuple under her other name is the near miss. Who was not asked is named.
func TestNearMissesOverKratosAndKeycloak(t *testing.T) {
	realm, kratos := newRealRealm(t), stacktest.Kratos(t)
	own := stacktest.OwnKeto(t, story.Model(), map[string]any{"log.level": "error"})
	mail := uniq("Near-") + "@acme.example"
	var identity struct {
		ID string `json:"id"`
	}
	if code := plainHTTP(t, "POST", kratos.AdminURL+"/admin/identities", "", map[string]any{"schema_id": "default",
		"traits": map[string]any{"email": mail, "name": map[string]any{"first": "Nea", "last": "Miss"}}}, &identity); code != 201 {
		t.Fatalf("make an identity: %d", code)
	}
	t.Cleanup(func() { plainHTTP(t, "DELETE", kratos.AdminURL+"/admin/identities/"+identity.ID, "", nil, nil) })
	username := uniq("nea")
	realm.must(201, plainHTTP(t, "POST", realm.base+"/users", realm.token(), map[string]any{"username": username, "email": mail, "enabled": true}, nil))
	var users []struct {
		ID string `json:"id"`
	}
	realm.must(200, plainHTTP(t, "GET", realm.base+"/users?exact=true&username="+username, realm.token(), nil, &users))
	if len(users) != 1 {
		t.Fatalf("%d users", len(users))
	}
	sub := users[0].ID
	conf := func(keycloakURL string) string {
		return configFile(t, fmt.Sprintf("contexts:\n  both:\n    kratos: {admin_url: %q, public_url: %q}\n    keto: {read_url: %q, write_url: %q, opl: %q}\n    keycloak: {url: %q, username: %q, password: %q, realms: [%q]}\n",
			kratos.AdminURL, kratos.PublicURL, own.ReadURL, own.WriteURL, own.OPL, keycloakURL, realm.user, "env:PW", realm.name))
	}
	env := []string{"PW=" + realm.pass}
	both := conf(realm.url)
	for i, c := range []struct{ stored, asked, kind string }{
		{sub, identity.ID, "Keycloak id"},
		{username, identity.ID, "username"},
		{mail, identity.ID, "e-mail"},
		{strings.ToLower(mail), identity.ID, "e-mail"}, // Kratos keeps capitals, Keycloak does not
		{identity.ID, sub, "Kratos id"},
		{identity.ID, username, "Kratos id"},
		{identity.ID, strings.ToUpper(mail), "Kratos id"},
		{sub, mail, "Keycloak id"},
		{"User:" + identity.ID + "#", sub, "object"},
		{"User:" + username + "#", mail, "object"},
	} {
		t.Run(c.stored+" asked as "+c.asked, func(t *testing.T) {
			doc := fmt.Sprintf("Doc:near%d", i)
			gatehouse(t, env, "tuples", "add", doc+"#viewers@"+c.stored, "--config", both, "--force").want(t, exitYes)
			tr := decode[access.Trace](t, "trace", gatehouse(t, env, "why", doc+"#view@"+c.asked, "--json", "--config", both).want(t, exitNo))
			if tr.Cause != access.CauseAlias || len(tr.NearMisses) != 1 || !strings.Contains(tr.NearMisses[0].Summary, "("+c.kind) || len(tr.NotLooked) > 0 {
				t.Errorf("cause %q, near %v, not looked %q", tr.Cause, tr.NearMisses, tr.NotLooked)
			}
			if !strings.HasPrefix(tr.Summary, "Nea Miss is in "+doc+"#viewers as "+c.stored) {
				t.Errorf("it does not say who: %s", tr.Summary)
			}
			if len(tr.Fixes) == 0 || tr.Fixes[0].Writes[0].Tuple != doc+"#viewers@"+c.asked {
				t.Errorf("what was meant is not the first fix: %+v", tr.Fixes)
			}
		})
	}
	// A back end that is not there is named, and the rest is told all the same.
	down := conf("http://127.0.0.1:1")
	tr := decode[access.Trace](t, "trace", gatehouse(t, env, "why", "Doc:near2#view@"+identity.ID, "--json", "--config", down).want(t, exitNo))
	if tr.Cause != access.CauseAlias || len(tr.NotLooked) != 1 || !strings.HasPrefix(tr.NotLooked[0], "keycloak: ") {
		t.Errorf("cause %q, not looked %q", tr.Cause, tr.NotLooked)
	}
	alone := fixEnv(own.ReadURL, own.WriteURL, own.OPL)
	r := gatehouse(t, alone, "why", "Doc:near2#view@"+identity.ID).want(t, exitNo)
	for _, s := range []string{"not looked up in keycloak: no keycloak in context", "not looked up in kratos: no kratos in context"} {
		if !strings.Contains(r.stdout, s) {
			t.Errorf("%q is not in %s", s, r.stdout)
		}
	}
	if tr := decode[access.Trace](t, "trace", gatehouse(t, alone, "why", "Doc:near2#view@Group:g#members", "--json")); slices.Contains(tr.NotLooked, "kratos") || len(tr.NotLooked) > 0 {
		t.Errorf("nobody is looked up for a group: %q", tr.NotLooked)
	}
}
