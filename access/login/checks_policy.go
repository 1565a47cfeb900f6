package login

import (
	"fmt"
	"slices"
	"strings"
)

// clientPolicy: policies of the realm may refuse what the client itself allows. What
// conditions and executors do is known for the common ones; of others the events tell.
func clientPolicy(b *bench) []Check {
	switch {
	case b.c == nil:
		return nil
	case !b.f.Policies.Is():
		return unknown(ClientPolicy, "the client policies", b.f.Policies.Gap())
	}
	maybe := ""
	for _, p := range b.f.Policies.Value {
		applies, sure := b.applies(p)
		if !p.Enabled || !applies {
			continue
		}
		for _, x := range p.Executors {
			refuses, known := b.refuses(x)
			switch {
			case refuses && sure:
				return b.fail(ClientPolicy, fmt.Sprintf("The client policy %q refuses the request: %s.", p.Name, executorWords(x.Provider)),
					"let the application do as the policy demands",
					Fix{Summary: "switch off the client policy " + p.Name, Weakens: true,
						Writes: []Write{{Op: OpDisablePolicy, Name: p.Name}}, AlsoChanges: "the policy protects no other client any more"})
			case refuses || !known:
				maybe = p.Name
			}
		}
	}
	if e := b.policyEvent(); e != nil && maybe != "" {
		return b.fail(ClientPolicy, fmt.Sprintf("A client policy refused the last request (%s); it may be %q.", e.Error, maybe), "see the client policies of the realm")
	}
	if maybe != "" {
		return beside(ClientPolicy, fmt.Sprintf("the client policy %q applies; whether it refuses this request was not worked out", maybe),
			fmt.Sprintf("the client policy %q may demand something of the application", maybe))
	}
	return pass(ClientPolicy, "no client policy stands in the way")
}

// policyEvent is the client's last event if a policy refused it.
func (b *bench) policyEvent() *Event {
	e := b.lastOfClient(append([]string{"LOGIN"}, tokenEvents...)...)
	if e != nil && e.Details["reason"] == "client_policy_error" {
		return e
	}
	return nil
}

// applies reports whether the policy is about this client and request; sure is false
// where one of its conditions is of a kind that is not worked out here.
func (b *bench) applies(p Policy) (applies, sure bool) {
	if len(p.Conditions) == 0 {
		return false, true
	}
	sure = true
	for _, c := range p.Conditions {
		yes, known := b.condition(c)
		if !known {
			sure = false
			continue
		}
		if negated, _ := c.Config["is-negative-logic"].(bool); negated {
			yes = !yes
		}
		if !yes {
			return false, true
		}
	}
	return true, sure
}

func (b *bench) condition(c PolicyPart) (yes, known bool) {
	switch c.Provider {
	case "any-client":
		return true, true
	case "client-access-type":
		kind := "confidential"
		if b.c.Public {
			kind = "public"
		} else if b.c.BearerOnly {
			kind = "bearer-only"
		}
		return slices.Contains(texts(c.Config["type"]), kind), true
	case "client-roles":
		if !b.f.ClientRoles.Is() {
			return false, false
		}
		return slices.ContainsFunc(texts(c.Config["roles"]), func(r string) bool { return slices.Contains(b.f.ClientRoles.Value, r) }), true
	case "client-scopes":
		return b.scopeCondition(c), true
	}
	return false, false
}

func (b *bench) scopeCondition(c PolicyPart) bool {
	kind, _ := c.Config["type"].(string)
	for _, s := range texts(c.Config["scopes"]) {
		optional := slices.Contains(b.c.OptionalScopes, s) && b.a.Asks(s)
		switch kind {
		case "Optional":
			if optional {
				return true
			}
		case "Any":
			if optional || slices.Contains(b.c.DefaultScopes, s) {
				return true
			}
		default:
			if slices.Contains(b.c.DefaultScopes, s) {
				return true
			}
		}
	}
	return false
}

// texts is a list of a policy's configuration, which the server also writes as one text.
func texts(v any) []string {
	switch v := v.(type) {
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	case string:
		return strings.Split(v, "##")
	}
	return nil
}

// refuses reports whether the executor refuses the request of the question.
func (b *bench) refuses(x PolicyPart) (refuses, known bool) {
	switch x.Provider {
	case "reject-ropc-grant":
		return b.a.Grant == Direct, true
	case "reject-implicit-grant", "consent-required", "full-scope-disabled", "secure-client-uris", "secure-responsetype",
		"confidential-client", "secure-signature-algorithm", "secure-signature-algorithm-signed-jwt", "suppress-refresh-token-rotation":
		return false, true
	case "pkce-enforcer":
		return b.a.Grant == Browser && b.a.PKCE == SendsNot, b.a.Grant != Browser || b.a.PKCE != Unsaid
	case "dpop-bind-enforcer":
		enforced, _ := x.Config["enforce-authorization-code-binding-to-dpop"].(bool)
		return enforced && b.a.DPoP == SendsNot, false
	}
	return false, false
}

func executorWords(provider string) string {
	switch provider {
	case "reject-ropc-grant":
		return "no application may send a password itself"
	case "pkce-enforcer":
		return "the request must have a proof key (PKCE)"
	}
	return provider
}
