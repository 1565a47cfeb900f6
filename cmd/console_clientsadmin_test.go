package cmd

import (
	"fmt"
	"strings"
	"testing"
)

// One client, with authorization services and a secret, neither of which a change of
// anything else may touch.
func TestConsoleOneClient(t *testing.T) {
	r := newOwnRealm(t, object{
		"roles": object{"realm": []object{{"name": "employee"}}, "client": object{"app": []object{{"name": "admin"}}}},
		"clients": []object{{"clientId": "app", "enabled": true, "secret": "canary-secret-app", "serviceAccountsEnabled": true, "authorizationServicesEnabled": true,
			"redirectUris": []string{"http://localhost:5000/*"}, "webOrigins": []string{"http://localhost:5000"}, "fullScopeAllowed": false, "description": "Stays",
			"protocolMappers": []object{{"name": "dept", "protocol": "openid-connect", "protocolMapper": "oidc-usermodel-attribute-mapper", "config": object{"user.attribute": "dept", "claim.name": "dept", "jsonType.label": "String", "id.token.claim": "true"}}}}},
	})
	app := r.id("/clients?clientId=app")
	client := func() object { return r.get("/clients/" + app) }
	start := client()
	s := consoleOver(t, r.info, r.name)
	goTo(s, "clients")
	s.Want("app", "account-console")
	s.Type("/app")
	s.Press("enter", "enter")
	s.Want("confidential: it has a secret", "http://localhost:5000/*", "After a logout")

	s.Press("e")
	s.Want("client app")
	s.Press("tab", "tab", "tab", "tab")
	s.Type(" https://app.example/cb")
	s.Press("ctrl+s")
	yes(s, "+ redirect URIs: http://localhost:5000/* https://app.example/cb")
	s.Want("changed app")
	only(t, start, client(), "redirectUris")
	undo(s, t, "+ redirect URIs: http://localhost:5000/*")
	until(t, "redirect URIs", func() bool { return fmt.Sprint(client()["redirectUris"]) == "[http://localhost:5000/*]" })
	only(t, start, client())

	s.Press("g", "tab", "down", "down", "enter") // the switch of direct grants
	yes(s, "Switch password in the request on for app?", "+ password in the request: on", "sees the passwords")
	s.Want("password in the request is on")
	only(t, start, client(), "directAccessGrantsEnabled")
	undo(s, t, "+ password in the request: off")
	until(t, "switch", func() bool { return client()["directAccessGrantsEnabled"] == false })

	s.Press("a")
	s.Want("of which client?", "realm roles")
	s.Press("enter")
	s.Want("Which roles may reach the tokens of app?", "employee")
	s.Type("employee")
	s.Press("enter")
	yes(s, "+ employee", "Nobody gains or loses a role by it")
	r.becomes("/clients/"+app+"/scope-mappings/realm", "name", "employee")
	undo(s, t, "- employee")
	r.becomes("/clients/"+app+"/scope-mappings/realm", "name")

	defaults := r.list("/clients/"+app+"/default-client-scopes", "name")
	s.Press("c")
	s.Want("Which client scope?", "microprofile-jwt")
	s.Type("offline_access")
	s.Press("enter")
	s.Want("When does offline_access count?")
	s.Press("enter")
	yes(s, "- optional client scope offline_access", "+ default client scope offline_access")
	r.becomes("/clients/"+app+"/default-client-scopes", "name", append([]string{"offline_access"}, defaults...)...)
	s.Want("attached offline_access")
	undo(s, t, "+ optional client scope offline_access")
	r.becomes("/clients/"+app+"/default-client-scopes", "name", defaults...)
	only(t, start, client())

	mappers := "/clients/" + app + "/protocol-mappers/models"
	s.Press("n")
	s.Want("What should it put into the tokens?")
	s.Type("groups")
	s.Press("enter")
	s.Want("whole path")
	s.Press("ctrl+s")
	yes(s, "Make this protocol mapper of client app?", "+ claim.name: groups")
	r.becomes(mappers, "name", "dept", "groups")
	s.Want("made groups")
	undo(s, t, "- groups")
	r.becomes(mappers, "name", "dept")
	only(t, start, client())

	stored := func() string { return fmt.Sprint(client()["protocolMappers"].([]any)[0].(object)["config"]) }
	was := stored()
	s.WantNot("groups ")
	toLine(s, "dept ")
	s.Press("enter")
	s.Want("attribute of the user", "in the access token")
	s.Press("tab")
	s.Press("ctrl+u")
	s.Type("department")
	s.Press("ctrl+s")
	yes(s, "- claim.name: dept", "+ claim.name: department")
	until(t, "mapper", func() bool { return stored() == strings.Replace(was, "claim.name:dept", "claim.name:department", 1) })
	s.Want("changed dept")
	undo(s, t, "+ claim.name: dept")
	until(t, "mapper as before", func() bool { return stored() == was })
	only(t, start, client())

	s.Press("S")
	s.Want("Copy the secret of app?")
	s.WantNot("canary-secret-app")
	s.Press("y")
	s.Want("the secret")
	s.WantNot("canary-secret-app")
	if got := s.Clipboard(); got != "canary-secret-app" {
		t.Errorf("the clipboard holds %d letters, not the secret", len(got))
	}

	s.Press("o")
	s.Want("10 logout")
	s.Press("esc", "r")
	s.Want("roles of app", "▸  admin")
	s.Press("esc", "D")
	s.Want("Delete the client app?", "its resources and policies", "type app")
	typed(s, t, "app")
	s.Want("deleted app")
	if code := r.status("/clients/" + app); code != 404 {
		t.Errorf("the client answers %d", code)
	}
}
