package cmd

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gatehouse/access/person"
	"gatehouse/access/tuple"
)

func (p personOut) has(c person.Code) bool {
	for _, f := range p.Findings {
		if f.Code == c {
			return true
		}
	}
	return false
}

func TestRealPerson(t *testing.T) {
	t.Parallel()
	kr, kc, kt := newRealKratos(t), newRealRealm(t), newRealKeto(t)
	mail := uniq("per") + "@cmd.example"
	id := kr.made(t, mail, "--trait", "name.first=Pat", "--trait", "name.last=Stone", "--verified", mail)
	kc.must(201, plainHTTP(t, "POST", kc.base+"/users", kc.token(), map[string]any{"username": "pat-" + id[:6], "email": strings.ToUpper(mail[:1]) + mail[1:],
		"firstName": "Patricia", "lastName": "Stone", "enabled": false, "requiredActions": []string{"UPDATE_PASSWORD"}, "groups": []string{"/staff/eng"}}, nil))
	a := tuple.Tuple{Namespace: kt.namespace, Object: uniq("o"), Relation: kt.relation, Subject: tuple.SubjectID(id)}
	b := a
	b.Subject = tuple.SubjectID(mail)
	gatehouse(t, kt.env, "tuples", "add", a.String(), b.String()).want(t, 0)
	t.Cleanup(func() { gatehouse(t, kt.env, "tuples", "rm", a.String(), b.String()) })

	file := writeFile(t, "contexts:\n  c:\n    kratos: {admin_url: \""+kr.admin+"\"}\n    keto: {read_url: \""+kt.read+"\"}\n    keycloak: {url: \""+kc.url+"\", username: \""+kc.user+"\", password: env:PW, realms: [\""+kc.name+"\"]}\n")
	env := []string{"GATEHOUSE_CONFIG=" + file, "PW=" + kc.pass}
	look := func(code int, text string) personOut {
		t.Helper()
		var out personOut
		r := gatehouse(t, env, "person", text, "--json").want(t, code)
		if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
			t.Fatalf("%v in %s", err, r.stdout)
		}
		return out
	}
	for _, text := range []string{mail, strings.ToUpper(mail), id, "User:" + id, "pat-" + id[:6]} {
		p := look(0, text)
		if p.Identity == nil || p.Identity.ID != id || len(p.Accounts) != 1 || len(p.Subjects) != 2 {
			t.Fatalf("%s: %+v", text, p)
		}
		for _, c := range []person.Code{person.Disabled, person.SuspendedHere, person.NameDiffers, person.SeveralSubjects, person.VerifiedDiffers, person.MustDo} {
			if !p.has(c) {
				t.Errorf("%s: %s is not said: %+v", text, c, p.Findings)
			}
		}
		for _, c := range []person.Code{person.EmailDiffers, person.NoAccount, person.NoIdentity, person.Suspended, person.Locked} {
			if p.has(c) {
				t.Errorf("%s: %s is said", text, c)
			}
		}
		if got := p.Accounts[0]; len(got.Groups) != 1 || len(got.Roles) == 0 || got.Enabled {
			t.Errorf("%+v", got)
		}
	}
	gatehouse(t, env, "person", "nobody-"+id).want(t, 1)
	if r := gatehouse(t, env, "person", mail); !strings.Contains(r.stdout, "Disabled in realm") || strings.Count(r.stdout, "Stands out") != 1 {
		t.Errorf("%s", r.stdout)
	}

	t.Run("a server that does not answer", func(t *testing.T) {
		file := writeFile(t, "contexts:\n  c:\n    kratos: {admin_url: \""+kr.admin+"\"}\n    keycloak: {url: \"http://127.0.0.1:1\", username: x, password: env:PW, realms: [r]}\n")
		env := []string{"GATEHOUSE_CONFIG=" + file, "PW=x"}
		var p personOut
		r := gatehouse(t, env, "person", mail, "--json").want(t, 2)
		if err := json.Unmarshal([]byte(r.stdout), &p); err != nil || p.Identity == nil || len(p.Missed) == 0 || p.has(person.NoAccount) {
			t.Errorf("%v %+v: that Keycloak does not answer is no news about the account", err, p)
		}
		gatehouse(t, env, "person", "nobody-"+id).want(t, 2)
	})
	plainHTTP(t, http.MethodDelete, kr.admin+"/admin/identities/"+id, "", nil, nil)
	if p := look(0, mail); p.Identity != nil || !p.has(person.NoIdentity) {
		t.Errorf("after the identity is gone: %+v", p)
	}
}
