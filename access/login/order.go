package login

// check judges one cause. Most give one check; none where the cause cannot come up in
// this question, or rests on something that is proven not to be there.
type check func(*bench) []Check

// loginChecks are the checks of the login, in the order in which Keycloak 26 applies
// them; it was measured by putting two causes on one login (see the tests of live).
func loginChecks(f *Facts, a Asked) []Check {
	b := newBench(f, a)
	var out []Check
	for _, c := range b.order() {
		if len(out) > 0 && b.ends(out) {
			break
		}
		out = append(out, c(b)...)
	}
	return out
}

// ends reports that nothing that comes after can be asked: there is no such realm.
func (b *bench) ends(out []Check) bool {
	c := out[len(out)-1]
	return c.Code == RealmUnknown && c.State == Fail
}

// order is the precedence by grant.
func (b *bench) order() []check {
	switch b.a.Grant {
	case Direct:
		return b.directOrder()
	case Service:
		return serviceOrder
	}
	return b.browserOrder()
}

var serviceOrder = []check{realmUnknown, httpsRequired, realmDisabled, clientKnown, clientSecret, originNotAllowed, dpopRequired, clientFlowOff,
	serviceAccountOff, clientPolicy, serviceAccountDisabled, scopeUnavailable, issuerMismatch}

// browserOrder: the authorization endpoint looks at the realm, the client, the redirect
// URI, the flow, PAR, the scope and PKCE before it shows the form; the form looks at
// the lock before the password, and at the account after it; the token endpoint comes
// last.
func (b *bench) browserOrder() []check {
	out := []check{realmUnknown, httpsRequired, realmDisabled, clientKnown, redirectURI, clientFlowOff, parRequired, scopeUnavailable,
		pkceRequired, clientPolicy}
	out = append(out, at(b.flowPlace(), beforeUser)...)
	out = append(out, userKnown, serviceAccountUser, federation)
	out = append(out, at(b.flowPlace(), beforePassword)...)
	out = append(out, locks, password, userDisabled, otpRequired)
	out = append(out, at(b.flowPlace(), afterPassword)...)
	return append(out, actions, consentRequired, clientSecret, originNotAllowed, dpopRequired, offlineRole, issuerMismatch)
}

// directOrder: the token endpoint knows the client before all else, and the account
// before its password.
func (b *bench) directOrder() []check {
	out := []check{realmUnknown, httpsRequired, realmDisabled, clientKnown, clientSecret, originNotAllowed, dpopRequired, clientFlowOff,
		consentRequired, clientPolicy, scopeUnavailable}
	out = append(out, at(b.flowPlace(), beforeUser)...)
	out = append(out, userKnown, serviceAccountUser, federation, locks, userDisabled)
	out = append(out, at(b.flowPlace(), beforePassword)...)
	out = append(out, password, otpRequired)
	out = append(out, at(b.flowPlace(), afterPassword)...)
	return append(out, actions, offlineRole, issuerMismatch)
}

// at gives the checks of the flow where they belong.
func at(is, wanted place) []check {
	if is != wanted {
		return nil
	}
	return []check{flowDenies, sessionLimit}
}
