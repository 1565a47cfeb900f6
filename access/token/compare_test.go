package token_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/access/token"
)

func TestCompare(t *testing.T) {
	roles := func(list ...any) map[string]any {
		return map[string]any{"resource_access": map[string]any{"my.app": map[string]any{"roles": list}}, "sub": "u", "jti": "x"}
	}
	docs := map[token.Document]map[string]any{token.InAccess: roles("admin", "user"), token.InID: {"sub": "u", "jti": "y"}, token.InUserInfo: {"sub": "u"}}
	sources := []token.Source{
		{Name: "client roles", Scope: "roles", Path: []string{"resource_access", "*", "roles"}, Puts: map[token.Document]bool{token.InAccess: true}},
		{Name: "boss", Path: []string{"boss"}, Puts: map[token.Document]bool{token.InID: true}},
	}
	rows := token.Compare(docs, sources, time.Now())
	if len(rows) != 3 || rows[0].Path != "resource_access.my.app.roles" || rows[2].Path != "jti" {
		t.Fatalf("%+v", rows)
	}
	r := rows[0]
	if r.Values[token.InAccess] != "admin, user" || !r.Differs || len(r.By) != 1 || !strings.Contains(r.LeftOut[token.InID], `switched off in mapper "client roles" of client scope "roles"`) {
		t.Errorf("%+v", r)
	}
	if rows[1].Differs || rows[2].Differs {
		t.Error("what is the same everywhere, or differs in every token, is called different")
	}
	for _, tc := range []struct {
		w    token.Wanted
		in   map[token.Document]bool
		says string // of the ID token
	}{
		{token.WantedRole("my.app", "admin"), map[token.Document]bool{token.InAccess: true}, "switched off in"},
		{token.WantedRole("my.app", "boss"), nil, "switched off in"},
		{token.WantedRole("", "admin"), nil, "no mapper in effect"},
		{token.WantedClaim("boss"), nil, "does not have it"},
		{token.WantedClaim("sub=u"), map[token.Document]bool{token.InAccess: true, token.InID: true, token.InUserInfo: true}, "by Keycloak itself"},
		{token.WantedClaim("resource_access.my.app.roles=user"), map[token.Document]bool{token.InAccess: true}, "switched off"},
	} {
		for _, f := range tc.w.Look(docs, sources) {
			if f.Present != tc.in[f.In] || f.In == token.InID && !strings.Contains(f.Why, tc.says) {
				t.Errorf("%s: %+v", tc.w, f)
			}
		}
	}
}
