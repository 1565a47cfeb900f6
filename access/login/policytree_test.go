package login

import (
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/roles"
)

// policyFacts are those of ann, who has the role reader and not the role boss.
func policyFacts(d *Decision) (*Facts, Asked) {
	held := roles.Provenance{Roles: []roles.Held{{Role: roles.Step{Kind: roles.ClientRole, Client: "app", Name: "reader"}}}}
	f := &Facts{Realm: Have(&Realm{Name: "r", Enabled: true}), User: Have(&User{ID: "1", Username: "ann"}), Client: Have(&Client{ID: "c", ClientID: "app", Enabled: true})}
	f.Claims = ClaimFacts{Held: Have(held), Authz: Have(d)}
	return f, Asked{Realm: "r", User: "ann", Client: "app", Resource: "report", ResourceScope: "view"}
}

func rolePolicy(name, role string, negative bool) *PolicyNode {
	return &PolicyNode{ID: name, Name: name, Type: "role", Negative: negative, Result: Unknown, Roles: []PolicyRole{{Role: Role{Client: "app", Name: role}, Required: true}}}
}

// TestPolicyTree: parts of aggregate policies, which the server does not tell, are
// worked out by their strategy and logic, and the leaf that decides is named.
func TestPolicyTree(t *testing.T) {
	for _, tc := range []struct {
		name     string
		strategy string
		negative bool
		parts    []*PolicyNode
		want     Result
		first    string
	}{
		{"all needed", "UNANIMOUS", false, []*PolicyNode{rolePolicy("a", "reader", false), rolePolicy("b", "boss", false)}, Fail, "b"},
		{"one is enough", "AFFIRMATIVE", false, []*PolicyNode{rolePolicy("a", "boss", false), rolePolicy("b", "reader", false)}, Pass, ""},
		{"more than half", "CONSENSUS", false, []*PolicyNode{rolePolicy("a", "boss", false), rolePolicy("b", "reader", false), rolePolicy("c", "boss", false)}, Fail, "a"},
		{"a negative part", "UNANIMOUS", false, []*PolicyNode{rolePolicy("a", "boss", true), rolePolicy("b", "reader", true)}, Fail, "b"},
		{"a negative whole", "UNANIMOUS", true, []*PolicyNode{rolePolicy("a", "reader", false)}, Fail, "a"},
		{"what is not known", "UNANIMOUS", false, []*PolicyNode{rolePolicy("a", "reader", false), {Name: "js", Type: "js", Result: Unknown}}, Unknown, ""},
	} {
		agg := &PolicyNode{ID: "agg", Name: "agg", Type: "aggregate", Strategy: tc.strategy, Negative: tc.negative, Result: Unknown, Children: tc.parts}
		f, a := policyFacts(&Decision{Mode: "ENFORCING", Permissions: []*PolicyNode{{ID: "p", Name: "p", Type: "scope", Scopes: []string{"view"}, Result: Fail, Children: []*PolicyNode{agg}}}})
		b := newBench(f, a)
		if got := b.result(agg); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if tc.first == "" {
			continue
		}
		tr := Judge(f, a)
		if tr.Proof == nil || tr.Proof.Verdict != access.Denied {
			t.Fatalf("%s: no tree", tc.name)
		}
		var marked []string
		var walk func(*access.Step)
		walk = func(s *access.Step) {
			if strings.Contains(s.Reason, "the first that denies") {
				marked = append(marked, s.Label)
			}
			for _, c := range s.Children {
				walk(c)
			}
		}
		walk(tr.Proof)
		if len(marked) != 1 || marked[0] != tc.first {
			t.Errorf("%s: marked is %v, want %s", tc.name, marked, tc.first)
		}
	}
}

// TestNothingApplies: an empty result is a denial, whatever the server's own status
// says; a permission of another scope is none for this one.
func TestNothingApplies(t *testing.T) {
	for name, d := range map[string]*Decision{
		"no permission":           {Mode: "ENFORCING"},
		"one for another scope":   {Mode: "ENFORCING", Permissions: []*PolicyNode{{Name: "p", Type: "scope", Scopes: []string{"edit"}, Result: Pass}}},
		"no resource":             {Mode: "ENFORCING", NoResource: true, Resources: []string{"other"}},
		"no scope":                {Mode: "ENFORCING", NoScope: true},
		"no authorization at all": nil,
	} {
		f, a := policyFacts(d)
		got := resourceChecks(f, a)
		if len(got) != 1 || got[0].Code != AuthzNothingApplies || got[0].State != Fail {
			t.Errorf("%s: %+v", name, got)
		}
	}
	f, a := policyFacts(&Decision{Mode: "PERMISSIVE", Permitted: true})
	if got := resourceChecks(f, a); len(got) != 1 || got[0].State != Pass {
		t.Errorf("what a permissive server lets through: %+v", got)
	}
	f.Claims.Authz = Lacks[*Decision](nil, "view-authorization")
	if got := resourceChecks(f, a); len(got) != 1 || got[0].State != Unknown || got[0].Needs != "view-authorization" {
		t.Errorf("what may not be seen: %+v", got)
	}
}
