package login

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/roles"
)

// resourceChecks are the checks of the authorization services. The server's own overall
// status is not among what they rest on: it says PERMIT when nothing applied, which the
// live decision denies (measured on 26.7.3).
func resourceChecks(f *Facts, a Asked) []Check {
	if a.Resource == "" {
		return nil
	}
	b := newBench(f, a)
	d := f.Claims.Authz
	what := asked(a)
	switch {
	case b.nobody():
		return nil
	case !d.Is():
		return unknown(AuthzDenied, "what the authorization services say of "+what, d.Gap())
	case d.Value == nil:
		return b.fail(AuthzNothingApplies, fmt.Sprintf("%s has no authorization services, so that it decides about %s itself.", a.Client, what), "look into the application, or switch the authorization services on")
	case d.Value.NoResource:
		return b.fail(AuthzNothingApplies, fmt.Sprintf("%s protects no resource %s%s; the application is told invalid_resource.", a.Client, quote(a.Resource), others(d.Value.Resources)), "check the name; upper and lower case count")
	case d.Value.NoScope:
		return b.fail(AuthzNothingApplies, fmt.Sprintf("%s knows no scope %s; the application is told invalid_scope.", a.Client, quote(a.ResourceScope)), "check the name; upper and lower case count")
	case d.Value.Permitted && len(d.Value.Permissions) == 0:
		return pass(AuthzNothingApplies, "no permission is about %s, and %s allows what nobody speaks of (%s)", what, a.Client, d.Value.Mode)
	case d.Value.Permitted:
		return pass(AuthzDenied, "%s lets %s do it", permissionNames(d.Value.Permissions, true), b.name())
	}
	asking := b.deciding(d.Value)
	if len(asking) == 0 {
		return b.fail(AuthzNothingApplies, fmt.Sprintf("No permission of %s is about %s, and what nobody permits is denied (%s).", a.Client, what, d.Value.Mode),
			"after that, the application asks anew", b.allow())
	}
	return b.authzDenied(d.Value, asking)
}

// asked is the resource of the question with its scope.
func asked(a Asked) string {
	if a.ResourceScope != "" {
		return a.ResourceScope + " on " + a.Resource
	}
	return a.Resource
}

func others(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (it has " + some(names) + ")"
}

// deciding are the permissions that are about the question: the server also lists
// those of other scopes of the same resource.
func (b *bench) deciding(d *Decision) []*PolicyNode {
	var out []*PolicyNode
	for _, p := range d.Permissions {
		if b.a.ResourceScope == "" || len(p.Scopes) == 0 || slices.Contains(p.Scopes, b.a.ResourceScope) {
			out = append(out, p)
		}
	}
	return out
}

// authzDenied names the first policy that says no.
func (b *bench) authzDenied(d *Decision, asking []*PolicyNode) []Check {
	var denying *PolicyNode
	for _, p := range asking {
		if p.Result == Fail {
			denying = p
			break
		}
	}
	if denying == nil {
		return b.fail(AuthzDenied, fmt.Sprintf("The permissions about %s disagree, and %s wants more of them to agree (%s).", asked(b.a), b.a.Client, strings.ToLower(d.Strategy)), "look at the decision strategy of "+b.a.Client, b.allow())
	}
	leaf := b.FirstDenying(denying)
	evidence := fmt.Sprintf("The permission %s denies %s to %s", quote(denying.Name), asked(b.a), b.name())
	if leaf != nil && leaf != denying {
		evidence += fmt.Sprintf(": the policy %s says no, since %s", quote(leaf.Name), b.reason(leaf))
	} else if len(denying.Children) == 0 {
		evidence += ": it has no policy at all"
	}
	return b.fail(AuthzDenied, evidence+".", "after that, the application asks anew", b.policyFixes(leaf)...)
}

// FirstDenying is the first leaf below a permission that makes it deny, by what the
// server said; of the parts of an aggregate policy, about which it says nothing, by what we
// work out. nil where none stands out.
func (b *bench) FirstDenying(n *PolicyNode) *PolicyNode {
	if len(n.Children) == 0 {
		if b.result(n) == Fail {
			return n
		}
		return nil
	}
	for _, c := range n.Children {
		// A negative aggregate turns the answers of its parts round.
		if n.Type == "aggregate" && n.Negative {
			if b.result(c) == Pass {
				return c
			}
			continue
		}
		if b.result(c) != Fail {
			continue
		}
		if leaf := b.FirstDenying(c); leaf != nil {
			return leaf
		}
		return c
	}
	return nil
}

// result is what the server said of a policy, else what we work out.
func (b *bench) result(n *PolicyNode) Result {
	if n.Result == Pass || n.Result == Fail {
		return n.Result
	}
	says := b.says(n)
	if n.Negative && says != Unknown {
		if says == Pass {
			return Fail
		}
		return Pass
	}
	return says
}

// says works out what a policy answers before its logic turns it round.
func (b *bench) says(n *PolicyNode) Result {
	switch n.Type {
	case "role":
		return b.saysRoles(n)
	case "user":
		_, id := b.account()
		if id == "" {
			return Unknown
		}
		return either(slices.ContainsFunc(n.Users, func(u PolicyUser) bool { return u.ID == id }))
	case "aggregate":
		return b.saysAll(n)
	}
	return Unknown
}

func either(yes bool) Result {
	if yes {
		return Pass
	}
	return Fail
}

// saysRoles: all required roles, and at least one of them all.
func (b *bench) saysRoles(n *PolicyNode) Result {
	any := false
	for _, r := range n.Roles {
		_, state, _ := b.f.Claims.Held.Value.Find(refOf(r.Role))
		if state == roles.Unknown || b.f.Claims.Held.State != Known && b.f.Claims.Held.State != Cut {
			return Unknown
		}
		if r.Required && state != roles.IsHeld {
			return Fail
		}
		any = any || state == roles.IsHeld
	}
	return either(any)
}

// saysAll joins the parts of an aggregate policy by its decision strategy.
func (b *bench) saysAll(n *PolicyNode) Result {
	yes, no, open := 0, 0, 0
	for _, c := range n.Children {
		switch b.result(c) {
		case Pass:
			yes++
		case Fail:
			no++
		default:
			open++
		}
	}
	switch n.Strategy {
	case "AFFIRMATIVE":
		if yes > 0 || open == 0 {
			return either(yes > 0)
		}
	case "CONSENSUS":
		if open == 0 {
			return either(yes > no)
		}
	default:
		if no > 0 || open == 0 {
			return either(no == 0)
		}
	}
	return Unknown
}

// reason says in words why a policy says no.
func (b *bench) reason(n *PolicyNode) string {
	who := b.name()
	if n.Negative {
		return b.reasonNegative(n)
	}
	switch n.Type {
	case "role":
		var lacks, any []string
		for _, r := range n.Roles {
			if _, state, _ := b.f.Claims.Held.Value.Find(refOf(r.Role)); state == roles.NotHeld {
				if any = append(any, r.String()); r.Required {
					lacks = append(lacks, r.String())
				}
			}
		}
		if len(lacks) > 0 {
			return fmt.Sprintf("%s does not have %s", who, strings.Join(lacks, " and "))
		}
		if len(any) > 0 {
			return fmt.Sprintf("%s does not have %s", who, strings.Join(any, " or "))
		}
		return who + " does not have its roles"
	case "user":
		return fmt.Sprintf("it is only for %s", userNames(n))
	case "group":
		return fmt.Sprintf("%s is not in %s", who, groupNames(n))
	case "client":
		return fmt.Sprintf("it is only for requests of %s", strings.Join(n.Clients, ", "))
	case "time":
		return "it is only for a time that is not now" + timesOf(n)
	case "client-scope":
		return "the token lacks a client scope that it asks for"
	case "regex":
		return "what it looks at is not written as it wants"
	case "js", "script":
		return "its script says no, and what that asks is not known"
	}
	return "its conditions are not met"
}

func (b *bench) reasonNegative(n *PolicyNode) string {
	who := b.name()
	switch n.Type {
	case "role":
		var has []string
		for _, r := range n.Roles {
			if _, state, _ := b.f.Claims.Held.Value.Find(refOf(r.Role)); state == roles.IsHeld {
				has = append(has, r.String())
			}
		}
		return fmt.Sprintf("it is negative, and %s has %s", who, strings.Join(has, " and "))
	case "user":
		return fmt.Sprintf("it is negative, and %s is one of %s", who, userNames(n))
	case "group":
		return fmt.Sprintf("it is negative, and %s is in %s", who, groupNames(n))
	case "client":
		return fmt.Sprintf("it is negative, and the request comes from %s", strings.Join(n.Clients, ", "))
	case "time":
		return "it is negative, and now is its time" + timesOf(n)
	}
	return "it is negative, and its conditions are met"
}

func userNames(n *PolicyNode) string {
	var out []string
	for _, u := range n.Users {
		out = append(out, u.Username)
	}
	return some(out)
}

func groupNames(n *PolicyNode) string {
	var out []string
	for _, g := range n.Groups {
		text := g.Path
		if g.Below {
			text += " or below it"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// timesOf are the settings of a time policy.
func timesOf(n *PolicyNode) string {
	var out []string
	for _, k := range []string{"nbf", "noa", "hour", "hourEnd", "dayMonth", "dayMonthEnd", "month", "monthEnd", "year", "yearEnd", "minute", "minuteEnd"} {
		if v := n.Config[k]; v != "" {
			name, ok := map[string]string{"nbf": "from", "noa": "until"}[k]
			if !ok {
				name = k
			}
			out = append(out, name+" "+v)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, ", ") + ")"
}

// policyFixes cure the policy that says no, the one that opens least first.
func (b *bench) policyFixes(n *PolicyNode) []Fix {
	if n == nil || n.Negative {
		return nil
	}
	user, id := b.account()
	var out []Fix
	switch n.Type {
	case "role":
		var need, any []PolicyRole
		for _, r := range n.Roles {
			if _, state, _ := b.f.Claims.Held.Value.Find(refOf(r.Role)); state == roles.NotHeld {
				if any = append(any, r); r.Required {
					need = append(need, r)
				}
			}
		}
		if len(need) > 0 {
			out = append(out, b.grantAll(user, id, need))
			break
		}
		for _, r := range any {
			out = append(out, b.grantAll(user, id, []PolicyRole{r}))
		}
	case "user":
		out = append(out, Fix{Summary: fmt.Sprintf("add %s to the policy %s", user, quote(n.Name)), AlsoChanges: "every permission that uses this policy",
			Writes: []Write{{Op: OpAddToPolicy, Client: b.a.Client, User: user, UserID: id, Name: n.Name, ID: n.ID}}})
	case "group":
		for _, g := range n.Groups {
			out = append(out, Fix{Summary: fmt.Sprintf("put %s into the group %s", user, g.Path), AlsoChanges: "the roles of the group come with it",
				Writes: []Write{{Op: OpJoinGroup, User: user, UserID: id, Name: g.Path}}})
		}
	}
	return out
}

func (b *bench) grantAll(user, id string, need []PolicyRole) Fix {
	f := Fix{AlsoChanges: "everything else that the role opens"}
	var names []string
	for _, r := range need {
		names = append(names, r.String())
		f.Writes = append(f.Writes, Write{Op: OpGrantRole, User: user, UserID: id, Role: r.Name, RoleClient: r.Client})
	}
	f.Summary = fmt.Sprintf("grant %s the role %s", user, strings.Join(names, " and "))
	return f
}

// allow lets this one person do it, by a permission and a policy of its own.
func (b *bench) allow() Fix {
	user, id := b.account()
	return Fix{Summary: fmt.Sprintf("permit %s to %s alone", asked(b.a), user), AlsoChanges: "nobody else gets in by it",
		Writes: []Write{{Op: OpAllowUser, Client: b.a.Client, User: user, UserID: id, Name: b.a.Resource, Value: b.a.ResourceScope}}}
}

func permissionNames(list []*PolicyNode, permitting bool) string {
	var out []string
	for _, p := range list {
		if !permitting || p.Result == Pass {
			out = append(out, quote(p.Name))
		}
	}
	if len(out) == 0 {
		return "the authorization services of the client"
	}
	return "the permission " + some(out)
}
