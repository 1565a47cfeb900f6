package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/login"
)

func TestWhyKeycloakUsage(t *testing.T) {
	env := []string{"GATEHOUSE_KEYCLOAK_URL=http://127.0.0.1:9", "GATEHOUSE_KEYCLOAK_USERNAME=a", "GATEHOUSE_KEYCLOAK_PASSWORD=b"}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--realm", "r", "--client", "c"}, "name the user"},
		{[]string{"--realm", "r", "--user", "u"}, "name the client"},
		{[]string{"--realm", "r", "--user", "u", "--client", "c", "--grant", "post"}, "the grant is"},
		{[]string{"--realm", "r", "--user", "u", "--client", "c", "--token", "saml"}, "the token is"},
		{[]string{"--user", "u", "--url", "https://id.example/x"}, "not the address of a login"},
		{[]string{"--realm", "r", "--user", "u", "--client", "c", "--role", "a", "--realm-role", "b"}, "realm-role role"},
	} {
		r := gatehouse(t, env, append([]string{"why", "keycloak", "--json"}, c.args...)...).want(t, exitProblem)
		if e := r.failure(t); e.Kind != "invalid" || !strings.Contains(e.Reason, c.says) {
			t.Errorf("%v: %+v", c.args, e)
		}
	}
}

// What the person saw leads back to the causes, without any server.
func TestWhyKeycloakSaw(t *testing.T) {
	r := gatehouse(t, nil, "why", "keycloak", "--saw", "invalid user credentials", "--jsonl").want(t, exitYes)
	for _, code := range []login.Code{login.WrongPassword, login.OTPRequired, login.LockedTemporarily, login.UserUnknown} {
		if !strings.Contains(r.stdout, `"`+string(code)+`"`) {
			t.Errorf("%s is not among\n%s", code, r.stdout)
		}
	}
	if e := gatehouse(t, nil, "why", "keycloak", "--saw", "the coffee is cold", "--json").want(t, exitNo).failure(t); e.Kind != "not_found" {
		t.Errorf("%+v", e)
	}
}

// A user without a password who is disabled and has something to do: cause after cause
// is named and cured, until nothing stands in the way.
func TestRealWhyKeycloak(t *testing.T) {
	realm := newRealRealm(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("a-new-password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	question := []string{"--realm", realm.name, "--user", "ben", "--client", "app", "--redirect-uri", "https://app.example/cb", "--json"}
	why := func(code int) login.Trace {
		t.Helper()
		return decode[login.Trace](t, "login-trace", gatehouse(t, realm.env, append([]string{"why", "keycloak"}, question...)...).want(t, code))
	}
	tr := why(exitNo)
	if tr.Cause != string(login.RedirectURI) || !slices.Equal(tr.Then, []login.Code{login.NoPassword, login.UserDisabled, login.RequiredAction, login.ProfileIncomplete}) || tr.Verdict != access.Denied {
		t.Fatalf("%s by %s, then %v", tr.Verdict, tr.Cause, tr.Then)
	}
	// Without what the fix needs nothing is written, and --dry-run writes nothing.
	fix := func(code int, extra ...string) ran {
		t.Helper()
		return gatehouse(t, realm.env, slices.Concat([]string{"fix", "apply", "keycloak", "1"}, question, extra)...).want(t, code)
	}
	fix(exitNo, "--dry-run")
	if got := why(exitNo).Cause; got != tr.Cause {
		t.Fatalf("something was written: the cause is %s", got)
	}
	fix(exitNo)
	if out := fix(exitProblem); !strings.Contains(out.stderr, "needs a password") {
		t.Errorf("%s", out.stderr)
	}
	// A password that is set for good takes the action of updating it away as well.
	for _, next := range []login.Code{login.UserDisabled, login.ProfileIncomplete} {
		out := fix(exitNo, "--input", "password="+file)
		if strings.Contains(out.stdout+out.stderr, "a-new-password") {
			t.Error("the password is printed")
		}
		if r := decode[loginFixResult](t, "login-fix", out); r.Outcome != outcomeDone || r.After.Cause != string(next) {
			t.Fatalf("%s, then %s; want %s", r.Outcome, r.After.Cause, next)
		}
	}
	fix(exitYes, "--input", "firstName="+file, "--input", "lastName="+file)
	if why(exitYes).Verdict != access.Allowed {
		t.Error("not allowed")
	}
	text := gatehouse(t, realm.env, "why", "keycloak", "--realm", realm.name, "--user", "nobody", "--client", "app", "--redirect-uri", "https://app.example/cb").want(t, exitNo)
	if !strings.Contains(text.stdout, "The realm has no user") || !strings.Contains(text.stdout, "Invalid username or password") {
		t.Errorf("%s", text.stdout)
	}
}
