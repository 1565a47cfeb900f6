package screens

import (
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// Every write asks first, shows exactly what is written, and is done once.
func TestIdentityWrites(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 100, 60)
	s.Want("1 session, last", "4 tuples", "✓ active")

	s.Press("d")
	s.Want("Suspend Ann Okafor?", "state = inactive, and all sessions ended", "Ann Okafor <Ann@acme.example> (8f1c…e2)", "sessions that were ended do not come back")
	s.Press("esc")
	if k.called("Suspend") > 0 {
		t.Fatal("it was done without a yes")
	}
	s.Press("d", "y")
	s.Want("Ann Okafor suspended, 1 session ended", "✗ suspended", "Cannot sign in: suspended", "no sessions")
	s.Press("c")
	s.Want("suspended: a code would be made, but signing in with it is refused; a reactivates")
	s.Press("d")
	s.Want("Ann Okafor is suspended already; a reactivates")
	s.Press("u")
	s.Want("Undo: suspend Ann Okafor?", "state = active")
	s.Press("y")
	s.Want("undone: suspend Ann Okafor", "✓ active")
}

func TestIdentityReactivateTellsOfSessionsThatCameBack(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identBo, 100, 40)
	s.Want("✗ Cannot sign in: suspended since 3 Mar 2026", "1 session works again once it is reactivated; o ends them", "◌ asleep")
	s.Press("a")
	s.Want("Reactivate Bo Okabe?", "state = active", "so does every session that was not ended")
	s.Press("y")
	s.Want("Bo Okabe reactivated; 1 session works again, o ends them", "✓ active")
	s.Press("o")
	s.Want("Sign Bo Okabe out everywhere?", "This cannot be undone")
	s.Press("y")
	s.Want("1 session ended", "none: never signed in")
}

func TestIdentityEndsOneSession(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 100, 60)
	s.Want("1 session, last", "4 tuples")
	s.Press("tab", "tab", "tab", "x")
	s.Want("End this session of Ann Okafor?", "session 5e55…01, signed in 2 h ago from 127.0.0.1 Mozilla/5.0", "This cannot be undone")
	s.Press("y")
	s.Want("session 5e55…01 ended", "Sessions  3 sessions, 0 active")
	s.Press("x")
	s.Want("this session is over already")
	s.Press("down", "down", "x")
	s.Want("this session is over already", "– ran out")
	s.Press("y")
	eventually(t, func() bool { return s.Clipboard() == "5e550003-1111-4222-8333-444455556603" })
}

func TestIdentityRemovesCredentials(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 100, 60)
	s.Want("1 session, last", "4 tuples", "one-time code", "authenticator app", "social sign-in", "corp:sub-1")
	s.Want("? left over: no trait has it any more") // old@acme.example
	s.Press("tab", "tab", "x")
	s.Want("Kratos does not remove passwords")
	s.Press("down", "down", "down", "x")
	s.Want("Remove social sign-in of Ann Okafor?", "credential oidc corp:sub-1", "locked out")
	s.Press("y")
	s.Want("social sign-in removed")
	s.WantNot("corp:sub-1")
	s.Press("x")
	s.Want("a one-time code belongs to the e-mail address")
	s.Press("down", "x")
	s.Want("Remove authenticator app of Ann Okafor?", "no longer asked for it")
	s.Press("y")
	s.Want("authenticator app removed")
}

func TestIdentityMarksAddresses(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identBo, 100, 60)
	s.Want("bo@acme.example is not verified")
	s.Press("v")
	s.Want("select an address first")
	s.Press("tab", "v")
	s.Want("Mark bo@acme.example as verified?", "bo@acme.example: verified = true", "No mail is sent")
	s.Press("y")
	s.Want("bo@acme.example is marked as verified", "✓ verified")
	s.Press("u")
	s.Want("Undo: mark bo@acme.example as verified?", "bo@acme.example: verified = false")
	s.Press("y")
	s.Want("undone", "bo@acme.example is not verified")
}

func TestIdentityAsksWhatIsSetUp(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 100, 60)
	s.Want("1 session, last", "4 tuples")
	if k.called("Readiness") > 0 {
		t.Fatal("the server was made to send hashes although nobody asked")
	}
	s.Press("p")
	s.Want("ann@acme.example  ✓ set up") // the password
	k.mu.Lock()
	k.ready = kratos.Readiness{}
	k.mu.Unlock()
	s.Press("p")
	s.Want("✗ not set up", "Has no password and no other sure way to sign in")
	k.setFail("Readiness", errKratosDown)
	s.Press("p")
	s.Want("nothing listens at 127.0.0.1:4434")
}

func TestIdentityDelete(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 100, 40)
	s.Want("1 session, last", "4 tuples", "✓ enabled")
	s.Press("D")
	s.Want("Delete the identity of Ann Okafor?", "with 3 sessions, 1 address and all credentials", "4 relation tuples in Keto stay",
		"The Keycloak account in LearningSoftware stays", "type Ann@acme.example")
	s.Type("Ann@acme.example")
	s.Press("enter")
	s.Want("the identity of Ann Okafor is deleted", "✗ deleted")
	s.Press("d")
	s.Want("this identity was deleted")
	if k.called("Delete") != 1 {
		t.Errorf("deleted %d times", k.called("Delete"))
	}
}

func TestIdentityRecoveryIsShownOnce(t *testing.T) {
	k, kt, kc := identStubs()
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 100, 30)
	s.Want("1 session, last", "4 tuples")
	s.Press("c")
	s.Want("Whoever has it can sign in as this person", "code, valid for 15 minutes", "mail scanners")
	s.Press("down", "enter")
	s.Want("032573", "valid until 11:00", "http://127.0.0.1:4455/recovery?flow=f1")
	if k.called("RecoveryCode 1h0m0s") != 1 {
		t.Errorf("calls: %v", k.calls)
	}
	s.Press("y")
	eventually(t, func() bool { return s.Clipboard() == "032573" })
	s.Press("l")
	eventually(t, func() bool { return s.Clipboard() == "http://127.0.0.1:4455/recovery?flow=f1" })
	s.Press("esc")
	s.Want("It is not shown again")
	s.Press("y")
	s.Want("Ways to sign in")
	s.WantNot("032573")

	s.Press("c")
	s.Want("valid for 24 hours")
	s.Press("down", "down", "down", "enter")
	s.Want("link", "self-service/recovery?token=t1", "Send it over a channel that no scanner reads")
	s.Press("y")
	s.Want("there is no code")
}

// A code that ran out is taken off the screen.
func TestIdentityRecoveryRunsOut(t *testing.T) {
	k, kt, kc := identStubs()
	now := identNow
	spec := identSpec(k, kt, kc)
	s := identOpen(t, spec, identAnn, 100, 30, func(o *tui.Options) { o.Clock = func() time.Time { return now } })
	s.Want("1 session, last", "4 tuples")
	now = identNow.Add(time.Hour) // the code of the stub is valid for 15 minutes from identNow
	s.Press("c")
	s.Want("valid for 24 hours")
	s.Press("enter")
	s.Want("This code has run out")
	s.WantNot("032573")
	s.Press("y")
	s.Want("it has run out")
}

func TestIdentityWriteThatMayHaveHappened(t *testing.T) {
	k, kt, kc := identStubs()
	k.setFail("Suspend", &clients.Problem{Kind: clients.UnknownOutcome, Op: "edit the identity", Reason: "the answer never came; it may have happened", Hint: "look before you do it again"})
	s := identOpen(t, identSpec(k, kt, kc), identAnn, 100, 40)
	s.Want("1 session, last", "4 tuples")
	before := k.called("Get")
	s.Press("d", "y")
	s.Want("it may have happened")
	s.WantNot("Ann Okafor suspended")
	eventually(t, func() bool { return k.called("Get") > before }) // and it looks by itself
}
