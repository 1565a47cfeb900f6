package keycloak

import (
	"context"
	"slices"
	"strings"
)

// Flow is an authentication flow of a realm.
type Flow struct {
	ID       string `json:"id"`
	Alias    string `json:"alias"`
	TopLevel bool   `json:"top_level"`
	BuiltIn  bool   `json:"built_in"`
}

type wireFlow struct {
	ID       string `json:"id"`
	Alias    string `json:"alias"`
	TopLevel bool   `json:"topLevel"`
	BuiltIn  bool   `json:"builtIn"`
}

func (w wireFlow) neutral() Flow { return Flow(w) }

// Execution is one step of a flow; the steps of a sub-flow follow it one Level deeper.
type Execution struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Provider string `json:"provider,omitempty"`
	// Requirement is REQUIRED, ALTERNATIVE, CONDITIONAL or DISABLED.
	Requirement string `json:"requirement"`
	Level       int    `json:"level"`
	SubFlow     bool   `json:"sub_flow,omitempty"`
	// ConfigID addresses the configuration of the step; empty where it has none.
	ConfigID string `json:"config_id,omitempty"`
}

type wireExecution struct {
	ID                   string `json:"id"`
	DisplayName          string `json:"displayName"`
	ProviderID           string `json:"providerId"`
	Requirement          string `json:"requirement"`
	Level                int    `json:"level"`
	AuthenticationFlow   bool   `json:"authenticationFlow"`
	AuthenticationConfig string `json:"authenticationConfig"`
}

func (w wireExecution) neutral() Execution {
	return Execution{ID: w.ID, Name: w.DisplayName, Provider: w.ProviderID, Requirement: w.Requirement, Level: w.Level,
		SubFlow: w.AuthenticationFlow, ConfigID: w.AuthenticationConfig}
}

// Flows lists the flows at the top; sub-flows stand among the executions of these.
func (r *Realm) Flows(ctx context.Context) ([]Flow, error) {
	return all[wireFlow](ctx, r.s, r.get("list the authentication flows", "view-realm", "authentication", "flows"))
}

// Executions lists the steps of a flow with those of its sub-flows, in order.
func (r *Realm) Executions(ctx context.Context, flowAlias string) ([]Execution, error) {
	return all[wireExecution](ctx, r.s, r.get("list the steps of the flow", "view-realm", "authentication", "flows", flowAlias, "executions"))
}

// ExecutionConfig reads the configuration of a step.
func (r *Realm) ExecutionConfig(ctx context.Context, configID string) (map[string]string, error) {
	var w struct {
		Config map[string]string `json:"config"`
	}
	_, err := r.s.do(ctx, r.get("read the configuration of a flow step", "view-realm", "authentication", "config", configID), &w)
	return w.Config, err
}

// ClientPolicy is a rule about clients: where all its conditions hold, the executors of
// its profiles act.
type ClientPolicy struct {
	Name       string       `json:"name"`
	Enabled    bool         `json:"enabled"`
	Conditions []PolicyPart `json:"conditions,omitempty"`
	Profiles   []string     `json:"profiles,omitempty"`
	// Executors are those of the profiles, as far as these are known.
	Executors []PolicyPart `json:"executors,omitempty"`
}

// PolicyPart is a condition or an executor of a client policy.
type PolicyPart struct {
	Provider string         `json:"provider"`
	Config   map[string]any `json:"config,omitempty"`
}

// ClientPolicies lists the client policies of the realm with what their profiles do.
func (r *Realm) ClientPolicies(ctx context.Context) ([]ClientPolicy, error) {
	const op = "list the client policies"
	var w struct {
		Policies []struct {
			Name       string   `json:"name"`
			Enabled    bool     `json:"enabled"`
			Profiles   []string `json:"profiles"`
			Conditions []struct {
				Condition     string         `json:"condition"`
				Configuration map[string]any `json:"configuration"`
			} `json:"conditions"`
		} `json:"policies"`
	}
	if _, err := r.s.do(ctx, r.get(op, "view-realm", "client-policies", "policies"), &w); err != nil || len(w.Policies) == 0 {
		return nil, err
	}
	type profile struct {
		Name      string `json:"name"`
		Executors []struct {
			Executor      string         `json:"executor"`
			Configuration map[string]any `json:"configuration"`
		} `json:"executors"`
	}
	var p struct {
		Profiles       []profile `json:"profiles"`
		GlobalProfiles []profile `json:"globalProfiles"`
	}
	c := r.get("list the client profiles", "view-realm", "client-policies", "profiles").with(map[string][]string{"include-global-profiles": {"true"}})
	if _, err := r.s.do(ctx, c, &p); err != nil {
		return nil, err
	}
	executors := map[string][]PolicyPart{}
	for _, pr := range append(p.GlobalProfiles, p.Profiles...) {
		for _, e := range pr.Executors {
			executors[pr.Name] = append(executors[pr.Name], PolicyPart{e.Executor, e.Configuration})
		}
	}
	var out []ClientPolicy
	for _, x := range w.Policies {
		cp := ClientPolicy{Name: x.Name, Enabled: x.Enabled, Profiles: x.Profiles}
		for _, c := range x.Conditions {
			cp.Conditions = append(cp.Conditions, PolicyPart{c.Condition, c.Configuration})
		}
		for _, name := range x.Profiles {
			cp.Executors = append(cp.Executors, executors[name]...)
		}
		out = append(out, cp)
	}
	return out, nil
}

// SetClientPolicyEnabled switches a client policy. The whole list goes back as it was
// read a moment before, since the server replaces it.
func (r *Realm) SetClientPolicyEnabled(ctx context.Context, name string, enabled bool) (was bool, err error) {
	const op = "switch the client policy"
	var body struct {
		Policies []map[string]any `json:"policies"`
	}
	if _, err := r.s.do(ctx, r.get(op, "view-realm", "client-policies", "policies"), &body); err != nil {
		return false, err
	}
	i := slices.IndexFunc(body.Policies, func(p map[string]any) bool { return p["name"] == name })
	if i < 0 {
		return false, r.missing(op, "client policy", name)
	}
	was, _ = body.Policies[i]["enabled"].(bool)
	body.Policies[i]["enabled"] = enabled
	_, err = r.s.do(ctx, r.put(op, "manage-realm", body, "client-policies", "policies"), nil)
	return was, err
}

// Organization is an organization of the realm.
type Organization struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Alias   string `json:"alias"`
	Enabled bool   `json:"enabled"`
}

type wireOrganization Organization

func (w wireOrganization) neutral() Organization { return Organization(w) }

// OrganizationByAlias finds an organization by the name that scopes use
// ("organization:acme"); nil where there is none.
func (r *Realm) OrganizationByAlias(ctx context.Context, alias string) (*Organization, error) {
	c := r.get("list the organizations", "view-organizations", "organizations")
	list, err := collect(ctx, paged[wireOrganization](r.s, c, 0))
	if err != nil {
		return nil, err
	}
	for _, o := range list {
		if strings.EqualFold(o.Alias, alias) {
			return &o, nil
		}
	}
	return nil, nil
}

// OrganizationsOfUser lists the organizations that the user is a member of.
func (r *Realm) OrganizationsOfUser(ctx context.Context, userID string) ([]Organization, error) {
	return all[wireOrganization](ctx, r.s, r.get("list the user's organizations", "view-organizations", "organizations", "members", userID, "organizations"))
}

// JoinOrganization makes the user a member of an organization.
func (r *Realm) JoinOrganization(ctx context.Context, organizationID, userID string) error {
	_, err := r.s.do(ctx, r.post("add the user to the organization", "manage-organizations", userID, "organizations", organizationID, "members"), nil)
	return err
}

// LeaveOrganization ends the membership. A member who was made by the organization
// is deleted by the server; one who joined it stays as a user.
func (r *Realm) LeaveOrganization(ctx context.Context, organizationID, userID string) error {
	_, err := r.s.do(ctx, r.del("take the user out of the organization", "manage-organizations", "organizations", organizationID, "members", userID), nil)
	return err
}

// SetOrganizationEnabled switches an organization. The whole body goes back as it was
// read a moment before.
func (r *Realm) SetOrganizationEnabled(ctx context.Context, id string, enabled bool) error {
	const op = "switch the organization"
	var body map[string]any
	if _, err := r.s.do(ctx, r.get(op, "view-organizations", "organizations", id), &body); err != nil {
		return err
	}
	body["enabled"] = enabled
	_, err := r.s.do(ctx, r.put(op, "manage-organizations", body, "organizations", id), nil)
	return err
}
