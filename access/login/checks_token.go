package login

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/access/token"
)

// FromToken fills in what a pasted token tells: realm, client and user. What the token
// says is only read here, not believed.
func (a Asked) FromToken(t *token.Token) Asked {
	set := func(to *string, v string) {
		if *to == "" {
			*to = v
		}
	}
	set(&a.Realm, token.RealmOf(t.Text("iss")))
	set(&a.Client, t.Text("azp"))
	if aud := t.Audience(); len(aud) == 1 && t.Kind() == token.IDToken {
		set(&a.Client, aud[0])
	}
	set(&a.User, t.Text("preferred_username"))
	set(&a.User, t.Text("sub"))
	set(&a.Scope, t.Text("scope"))
	if a.Token == "" && t.Kind() == token.IDToken {
		a.Token = ID
	}
	return a
}

// tokenChecks are the checks of a pasted token, those first that make the others idle.
// On the wire Keycloak tells most of them by one sentence.
func tokenChecks(f *Facts, a Asked) []Check {
	if a.PastedToken == "" {
		return nil
	}
	b := newBench(f, a)
	t, err := token.Parse(a.PastedToken)
	if err != nil {
		return b.fail(TokenType, "What was pasted is no token: "+err.Error()+".", "paste the whole token, from the first letter to the last")
	}
	var out []Check
	for _, c := range []func(*bench, *token.Token) []Check{tokenType, tokenIssuer, tokenSignature, tokenExpired, tokenRevoked, sessionGone, roleAfterToken} {
		out = append(out, c(b, t)...)
		// What is not this realm's, or was changed, says nothing that could be held
		// against the realm.
		if last := out[len(out)-1:]; len(last) == 1 && last[0].State == Fail && (last[0].Code == TokenIssuer || last[0].Code == TokenSignature) {
			return out
		}
	}
	return out
}

// takes is the kind of token that is wanted for a document.
func takes(t Token) token.Kind {
	if t == ID {
		return token.IDToken
	}
	return token.AccessToken
}

func tokenType(b *bench, t *token.Token) []Check {
	is, want := t.Kind(), takes(b.a.Token)
	if is == want {
		return pass(TokenType, "it is an %s", is)
	}
	hint := "send the access token"
	if want == token.IDToken {
		hint = "read the ID token"
	}
	if is == token.OtherToken {
		return b.fail(TokenType, fmt.Sprintf("This is no token that Keycloak makes for an application (its type is %s).", quote(t.Text("typ"))), hint)
	}
	return b.fail(TokenType, fmt.Sprintf("This is an %s, and it is used as an %s.", is, want), hint)
}

// tokenIssuer: the realm made it. The address at which we know the realm may be
// another one than the application's, so that only the realm counts unless the
// question names an issuer.
func tokenIssuer(b *bench, t *token.Token) []Check {
	iss := t.Text("iss")
	realm := token.RealmOf(iss)
	switch {
	case b.a.Issuer != "" && iss != b.a.Issuer:
		return b.fail(TokenIssuer, fmt.Sprintf("The token was made by %s, and the application takes only those of %s.", orNobody(iss), b.a.Issuer),
			"the two must be the same, letter by letter: set Keycloak's hostname, or correct the application's configuration")
	case b.a.Issuer != "":
		return pass(TokenIssuer, "it was made by %s", iss)
	case realm != b.a.Realm:
		return b.fail(TokenIssuer, fmt.Sprintf("The token was made by %s, not by the realm %s.", orNobody(iss), b.a.Realm), "get a token of the realm "+b.a.Realm)
	case b.f.Discovery.Is() && b.f.Discovery.Value.Issuer != "" && b.f.Discovery.Value.Issuer != iss:
		return pass(TokenIssuer, "it was made by %s; asked at %s the realm calls itself %s", iss, b.f.BaseURL, b.f.Discovery.Value.Issuer)
	}
	return pass(TokenIssuer, "it was made by %s", iss)
}

func orNobody(iss string) string {
	if iss == "" {
		return "nobody that it names"
	}
	return iss
}

func tokenSignature(b *bench, t *token.Token) []Check {
	k := b.f.Claims.Keys
	if !k.Is() {
		return unknown(TokenSignature, "the public keys of the realm", k.Gap())
	}
	got, err := t.Verify(k.Value)
	switch {
	case err != nil:
		return unknown(TokenSignature, "the public keys of the realm", Gap{State: Failed, Why: err.Error()})
	case got == token.Good:
		return pass(TokenSignature, "a key of the realm signed it")
	case got == token.Secret && t.Kind() != token.AccessToken && t.Kind() != token.IDToken:
		return beside(TokenSignature, "it is signed with a secret of Keycloak, so that nobody else can check it", "")
	}
	why := map[token.Signature]string{
		token.Bad:      "The signature is not that of the key that it names: the token was changed, or not all of it was copied.",
		token.NoKey:    "None of the realm's keys signed it: the key was replaced since, or another realm or server made it.",
		token.Secret:   "It is signed with a shared secret, which Keycloak does not do with such tokens.",
		token.Unsigned: "It is not signed at all.",
	}[got]
	return b.fail(TokenSignature, why, "log in again")
}

func tokenExpired(b *bench, t *token.Token) []Check {
	exp, nbf := t.Time("exp"), t.Time("nbf")
	switch {
	case !exp.IsZero() && !exp.After(b.f.Now):
		return b.fail(TokenExpired, fmt.Sprintf("The token ended %s ago, at %s.", token.Span(b.f.Now.Sub(exp)), exp.Format(time.RFC3339)), "renew it, or log in again")
	case nbf.After(b.f.Now):
		return b.fail(TokenExpired, fmt.Sprintf("The token holds only from %s on.", nbf.Format(time.RFC3339)), "check the clocks of the servers")
	case exp.IsZero():
		return pass(TokenExpired, "it has no end")
	}
	return pass(TokenExpired, "it holds for another %s", token.Span(exp.Sub(b.f.Now)))
}

// tokenRevoked: everything that was made before a moment was revoked, or this one token
// was.
func tokenRevoked(b *bench, t *token.Token) []Check {
	iat, said := t.Time("iat"), b.f.Claims.Said
	if said.Is() && strings.Contains(said.Value, noSession) { // the server looks for the session after all this
		return pass(TokenRevoked, "the server did not refuse it for that")
	}
	for _, m := range b.moments() {
		if m.at.IsZero() || !iat.Before(m.at) {
			continue
		}
		if m.at.After(b.f.Now) {
			return b.fail(TokenRevoked, fmt.Sprintf("%s before %s is revoked, and that is in the future: every new token is refused too.", m.what, m.at.Format(time.RFC3339)),
				"after that, log in again", m.fix...)
		}
		return b.fail(TokenRevoked, fmt.Sprintf("%s before %s is revoked; this token was made %s before that.", m.what, m.at.Format(time.RFC3339), token.Span(m.at.Sub(iat))), "log in again")
	}
	switch {
	case said.Is() && strings.Contains(said.Value, "Token verification failed") && b.soundSoFar(t):
		return b.fail(TokenRevoked, "All that can be read of the token is in order, and Keycloak refuses it: somebody revoked this very token.", "log in again")
	case !b.f.Realm.Is() && !said.Is():
		return unknown(TokenRevoked, "from when on tokens of the realm are valid", b.f.Realm.Gap())
	}
	return pass(TokenRevoked, "nobody revoked it")
}

// soundSoFar reports that type, issuer, signature and times are in order.
func (b *bench) soundSoFar(t *token.Token) bool {
	for _, c := range []func(*bench, *token.Token) []Check{tokenType, tokenIssuer, tokenSignature, tokenExpired} {
		if got := c(b, t); len(got) == 0 || got[len(got)-1].State != Pass {
			return false
		}
	}
	return true
}

// moment is a time before which tokens are refused.
type moment struct {
	what string
	at   time.Time
	fix  []Fix
}

func (b *bench) moments() []moment {
	var out []moment
	if b.r != nil {
		out = append(out, moment{"Every token of the realm from", b.r.NotBefore, []Fix{{Summary: "take back that the realm refuses all tokens", Weakens: true,
			Writes: []Write{{Op: OpSetRealm, Name: "notBefore", Value: "0"}}, AlsoChanges: "tokens that were meant to be revoked are taken again, as far as they have not ended"}}})
	}
	if c := b.f.Claims.TokenClient.Value; c != nil {
		out = append(out, moment{"Every token of " + c.ClientID + " from", c.NotBefore, nil})
	}
	if u := b.f.Claims.TokenUser.Value; u != nil {
		out = append(out, moment{"Every token of " + u.Username + " from", u.NotBefore, nil})
	}
	return out
}

// sessionGone: the login that the token came from is still alive.
// noSession is what the server says to a token whose session is over.
const noSession = "user_session_not_found"

func sessionGone(b *bench, t *token.Token) []Check {
	s, said := b.f.Claims.Session, b.f.Claims.Said
	switch {
	case t.Text("sid") == "" && t.Text("session_state") == "":
		return pass(SessionGone, "it belongs to no session")
	case said.Is() && strings.Contains(said.Value, noSession), s.Is() && !s.Value && !(said.Is() && said.Value == ""):
		return b.fail(SessionGone, "The session that the token belongs to is over: the person logged out, was logged out, or it ran out.", "log in again")
	case said.Is() && said.Value == "", s.Is():
		return pass(SessionGone, "its session is alive")
	}
	return unknown(SessionGone, "whether its session is alive", s.Gap())
}

// roleAfterToken: the token holds the role that the next one would hold.
func roleAfterToken(b *bench, t *token.Token) []Check {
	w, ok := b.a.WantedRole()
	if !ok || b.a.Token == UserInfo {
		return nil
	}
	switch {
	case b.showsIn(t.Claims, w):
		return pass(RoleAfterToken, "the token holds %s", w)
	case b.shown(w) == Pass:
		since := ""
		if iat := t.Time("iat"); !iat.IsZero() {
			since = " " + token.Span(b.f.Now.Sub(iat)) + " ago"
		}
		return b.fail(RoleAfterToken, fmt.Sprintf("The token does not hold %s, but the next one will: the role was given after this token was made%s.", w, since), "log in again, or wait until the token is renewed")
	case b.shown(w) == Unknown && slices.Contains([]State{NotAsked, Cut, Failed}, b.f.Claims.Previews[b.a.Token].State):
		return unknown(RoleAfterToken, "whether the next token would hold "+w.String(), b.f.Claims.Previews[b.a.Token].Gap())
	}
	return nil
}
