package cmd

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/assert"
	"gatehouse/access/lint"
	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/access/opl"
	"gatehouse/access/person"
	"gatehouse/access/token"
	"gatehouse/access/tuple"
	"gatehouse/clients/decisions"
	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak/setup"
	"gatehouse/clients/kratos"
	"gatehouse/demo/seeding"
	"gatehouse/demo/server"
	"gatehouse/stack"
	"gatehouse/stack/seed"
)

// Every printed type fits its own schema, with everything in it and with nothing.
// What the servers really send is held against the schemas in real_test.go.
func TestPrintedTypesFitTheirSchemas(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	set := tuple.Tuple{Namespace: "Doc", Object: "a", Relation: "r", Subject: tuple.SubjectSet("Group", "g", "")}
	id := tuple.Tuple{Namespace: "Doc", Object: "a", Relation: "r", Subject: tuple.SubjectID("ann")}
	full := kratos.Identity{ID: "x", SchemaID: "default", State: kratos.Active, Traits: json.RawMessage(`{"n":1}`), MetadataAdmin: json.RawMessage(`[1]`),
		StateChangedAt: now, Created: now, Updated: now, ExternalID: "e", OrganizationID: "o",
		Addresses:   []kratos.Address{{Value: "a@b", Via: "email", Verified: true, Status: "completed", VerifiedAt: now}},
		Credentials: kratos.Credentials{{Type: "oidc"}}, RecoveryAddresses: []kratos.RecoveryAddress{{Value: "a@b", Via: "email"}}}
	printed := map[string][]any{
		"identity":     {identityOf(full), identityOf(kratos.Identity{})},
		"user":         {userOut{}, userOut{CreatedAt: &now, Attributes: map[string][]string{"a": {"b"}}, Groups: []string{"/g"}, Lock: &lockOut{Until: &now, LastFailure: &now}}},
		"role":         {roleOut{roleName: roleName{RealmRole: "r"}}, roleOut{roleName: roleName{Client: "c", Role: "r"}, Mapping: "inherited", Path: []string{"user a"}}},
		"tuple":        {set, id},
		"namespace":    {namespaceOut{Name: "n"}, namespaceOut{Name: "n", Relations: []relationOut{{"r", []string{"User"}}}, Permissions: []string{"p"}, Drift: "not_in_model"}},
		"tuple-change": {tupleChange{Op: "add", Outcome: outcomeDone, Tuple: set}, tupleChange{Op: "remove", Outcome: outcomeAbsent, Tuple: id}},
		"role-change": {roleChange{Op: "grant_role", Outcome: outcomeUnknown, User: "u", roleName: roleName{RealmRole: "r"}},
			roleChange{Op: "revoke_role", Outcome: outcomeDone, Group: "g", roleName: roleName{Client: "c", Role: "r"}, HeldBy: []string{"x"}}},
		"role-paths": {rolePathsOut{Role: roleName{RealmRole: "r"}, Paths: [][]string{{"user a", "realm role r"}}},
			rolePathsOut{Role: roleName{Client: "c", Role: "r"}, Paths: [][]string{}, More: 3, Needs: []string{"view-realm"}, Difference: "only_server"}},
		"role-holder": {roleHolderOut{Kind: "user", Direct: true, Path: []string{"user a", "realm role r"}}, roleHolderOut{Kind: "everyone", Path: []string{"realm role r"}}},
		"tree":        {treeOf(&keto.Tree{Type: "union", Subject: set.Subject, Children: []*keto.Tree{{Type: "leaf", Subject: id.Subject}, {Type: "leaf", Subject: id.Subject}, {Type: "intersection"}}})},
		"trace":       {access.Trace{Schema: access.Schema, Verdict: access.Denied, Server: access.Denied}},
		"token": {tokenInspection{Verdict: "not_asked", Header: []token.Claim{}, Claims: []token.Claim{}, Checks: []login.Check{}},
			tokenInspection{Verdict: "refused", Cause: "token_expired", Header: []token.Claim{{Path: "alg"}}, Claims: []token.Claim{{Path: "exp", Means: "m"}},
				Checks: []login.Check{{Code: login.TokenExpired, State: login.Fail, Stops: login.StopsClaim}}, Since: []tokenChange{{Path: "aud"}}}},
		"token-preview": {tokenPreview{Rows: []token.Row{}, Claims: map[string]json.RawMessage{}},
			tokenPreview{Wanted: "x", Found: []token.Found{{In: token.InID, Why: "w"}}, Rows: []token.Row{{Path: "p", Values: map[token.Document]string{token.InID: "v"}, LeftOut: map[token.Document]string{token.InAccess: "off"}}},
				Claims: map[string]json.RawMessage{"id": json.RawMessage(`{}`)}}},
		"keycloak-step": {keycloakStep{Step: setup.Step{Number: 1, Name: setup.NameRealm, State: setup.Done}},
			keycloakStep{Step: setup.Step{Number: 3, Name: setup.NameSecret, State: setup.Missing, Outcome: setup.Failed, Effect: "e", Fix: "f", Also: "a", Needs: "n", Error: "x"}, Secret: "s"}},
		"what-if": {access.WhatIf{Writes: []access.Write{}}, access.WhatIf{Writes: []access.Write{{Op: access.OpAdd, Tuple: "t"}}, Turned: []access.Turn{{Step: "s"}}, Notes: []string{"n"}}},
		"fix": {fixResult{Outcome: outcomeUnchanged, Changes: []fixChange{}, Fix: &access.Fix{Writes: []access.Write{}}},
			fixResult{Outcome: outcomeDone, Changes: []fixChange{{access.Write{Op: access.OpAdd, Tuple: "t"}, outcomeDone}}, Fix: &access.Fix{Writes: []access.Write{}}, Undo: []string{"u"}, After: &access.Trace{}}},

		"login-trace": {login.Trace{Trace: access.Trace{Schema: access.Schema, Verdict: access.Unknown, Server: access.NotAsked}, Checks: []login.Check{}},
			login.Trace{Trace: access.Trace{Schema: access.Schema, Verdict: access.Denied, Cause: "unlock"}, Saw: "s", Then: []login.Code{login.RequiredAction},
				Checks: []login.Check{{Code: login.LockedTemporarily, State: login.Fail, Stops: login.StopsLogin, Evidence: "e", Needs: "n", Saw: "s"}},
				Fixes:  []login.Fix{{Writes: []login.Write{{Op: login.OpUnlock, Realm: "r", User: "u", Config: map[string]string{"a": "b"}}}, AlsoChanges: "a", Weakens: true, Final: true}}}},
		"login-fix": {loginFixResult{Outcome: outcomeUnchanged, Changes: []live.Done{}, Before: login.Trace{Checks: []login.Check{}}},
			loginFixResult{Outcome: outcomeDone, Fix: &login.Fix{Writes: []login.Write{}}, Changes: []live.Done{{Write: login.Write{Op: login.OpUnlock}, Before: json.RawMessage(`{"a":1}`), After: json.RawMessage(`null`)}},
				Before: login.Trace{Checks: []login.Check{}}, After: &login.Trace{Checks: []login.Check{}}}},
		"seen-cause": {seenCause{Code: login.WrongPassword}},

		"matrix": {matrixOut{SubjectID: &id.Subject.ID, Verdicts: map[string]access.Verdict{"view": access.Allowed}},
			matrixOut{SubjectSet: set.Subject.Set, Name: "n", Verdicts: map[string]access.Verdict{}, Reasons: map[string]string{"view": "r"}}},
		"reach": {reachOut{Verdict: access.Allowed, Kind: "person", By: []string{}, Tuple: id}, reachOut{Verdict: access.Unknown, Kind: "set", Name: "n", By: []string{"t"}, Reason: "r", Tuple: set}},

		"finding":        {lint.Finding{Severity: lint.Error}, lint.Finding{Severity: lint.Info, Tuple: "t", Rule: &access.Rule{}, Fix: []access.Write{access.NewWrite(access.OpAdd, id)}}},
		"lint-code":      {lint.Codes()[0]},
		"opl-format":     {formatOut{}, formatOut{Text: "t", Diff: "d"}},
		"opl-graph":      {opl.Graph{Nodes: []opl.GraphNode{{Kind: opl.NodeRelation}}, Edges: []opl.GraphEdge{{Kind: opl.EdgeTraverses, Via: "v", Not: true, All: true}}}},
		"opl-problem":    {oplProblem{Severity: "error", By: "keto"}, oplProblem{Severity: "warning", By: "gatehouse", Source: "s"}},
		"test":           {testOut{Tests: []assert.Row{}, Summary: assert.Summary{Coverage: assert.Coverage{Permissions: []assert.PermissionCoverage{{}}, Missing: []assert.Operand{{}}}}}},
		"test-row":       {assert.Row{Expect: "allow", Result: assert.Pass}, assert.Row{Expect: "who_can", Result: assert.Fail, Got: access.Denied, Reason: "r", Group: "g", Missing: []string{"m"}, Extra: []string{"e"}, Trace: &access.Trace{Verdict: access.Denied, Server: access.Denied}}},
		"import":         {importResult{}, importResult{ResumeLine: 3}},
		"version":        {buildVersion(), versionInfo{Servers: []serverVersion{{Server: "keto", Error: "x"}}}},
		"error":          {errorJSON{errorBody{Kind: "denied"}}},
		"context":        {contextOut{Name: "dev", BackEnds: []string{"keto"}}},
		"config-finding": {configFinding{Level: "error"}},
		"stack":          {stack.Info{Name: "x"}, stack.Info{Kratos: stack.KratosInfo{Absent: stack.Absent{Missing: "no compiler"}}}},
		"stack-status":   {stack.Status{Servers: []stack.ServerStatus{{}}}},
		"seeded":         {seed.Part{}},
		"decision": {decisions.Decision{Hops: []decisions.Hop{}}, decisions.Decision{Subject: decisions.Subject{User: "u", Roles: []string{"r"}}, Policy: decisions.Policy{Kind: decisions.KindBasic},
			Hops: []decisions.Hop{{Hop: "roles", Needs: []string{"a"}, Has: []string{"b"}, Facts: map[string]any{"n": 1}, Warn: []string{"w"}}}}},
		"demo":         {server.Listing{Systems: []decisions.System{}}, server.Listing{Systems: []decisions.System{{Routes: []decisions.Route{{}}}}, Skipped: []server.Skipped{{ID: "i", Why: "w"}}}},
		"demo-system":  {decisions.System{Routes: []decisions.Route{}}, decisions.System{Routes: []decisions.Route{{Data: decisions.Policy{Kind: decisions.KindRolesAny, Roles: []string{"r"}}}}, Warn: []string{"w"}}},
		"demo-finding": {server.Finding{Server: "keto", State: "ok"}},
		"demo-seeded":  {seeding.Step{Server: "keto", Outcome: "made"}},
		"exam":         {exam{Server: "keto", State: examOK, Facts: &access.Facts{Engine: "new", Drift: []string{"d"}}}, exam{Server: "config", State: examUnknown, Do: "d", URL: "u"}},
		"identity-change": {identityChange{Op: "create", Outcome: outcomeWould},
			identityChange{Op: "edit", Outcome: outcomeFailed, Sessions: new(int), Revived: 1, Line: 2, Changes: []fieldDiff{{Field: "/traits/a", After: "x"}}, Before: &identityOut{Traits: json.RawMessage("{}"), Addresses: []addressOut{}, Recovery: []addressOut{}}, Error: &errorBody{Kind: "invalid"}}},
		"identity-export": {exportOf(kratos.Identity{}), exportOf(full)},
		"recovery":        {recoveryOut{}, recoveryOut{Code: "1", ExpiresAt: &now}},
		"message":         {messageOf(kratos.Message{}), messageOf(kratos.Message{ID: "m", Status: kratos.Abandoned, Created: now, Attempts: []kratos.Dispatch{{Status: "failed", Error: kratos.DispatchError{Reason: "r", Message: "m"}, Created: now}}})},
		"session":         {sessionOf("i", kratos.Session{}, now), sessionOf("i", kratos.Session{ID: "s", IssuedAt: now, Methods: []kratos.AuthMethod{{Method: "password"}}, Devices: []kratos.Device{{UserAgent: "u"}}}, now)},
		"group":           {groupOut{}, groupOut{Attributes: map[string][]string{"a": {"b"}}, RealmRoles: []string{"r"}, ClientRoles: map[string][]string{"c": {"r"}}}},
		"group-change":    {groupChange{Op: "create", Outcome: outcomeDone}, groupChange{Op: "delete", Outcome: outcomeWould, Before: &groupOut{}}},
		"user-change":     {userChange{Op: "edit", Outcome: outcomeUnchanged}, userChange{Op: "require", Outcome: outcomeDone, Changes: []fieldDiff{{Field: "/a", Before: []string{"x"}}}, Before: &userOut{}, Error: &errorBody{Kind: "denied"}}},
		"person": {printedPerson(person.Human{Findings: []person.Finding{}}, nil), personOut{Identity: &identityOut{Traits: json.RawMessage("{}"), Addresses: []addressOut{}, Recovery: []addressOut{}}, Accounts: []personAccount{{Roles: []roleName{{RealmRole: "r"}}, RolesCut: []string{"view-clients"}}},
			Subjects: []personSubject{{Tuples: []tuple.Tuple{id}}}, Findings: []person.Finding{{Code: person.Locked, Weight: person.KeepsOut}}, Missed: []personNotLooked{{"keto", "w"}}}},
		"role-detail": {roleDetail{Composites: []roleName{}}, roleDetail{Attributes: map[string][]string{"a": {"b"}}, Composites: []roleName{{RealmRole: "r"}, {Client: "c", Role: "r"}}, NotVisible: "view-clients"}},
		"role-edit":   {roleEdit{Op: "create", Outcome: outcomeDone}, roleEdit{Op: "add_composite", Outcome: outcomeAbsent, Was: "w", Composite: &roleName{RealmRole: "r"}}, roleEdit{Op: "delete", Outcome: outcomeWould, Before: &roleOut{}}},
		"user-event":  {userEventOut{Kind: "login", Found: "id"}, userEventOut{Time: &now, Kind: "admin", Found: "client", Details: map[string]string{"a": "b"}}},
		"user-part":   {userPartOut{Kind: "credential"}, userPartOut{Kind: "session", Clients: []string{"c"}, Scopes: []string{"s"}, Since: &now, Used: &now, Gone: true}},
		"stack-cache": {stack.CacheEntry{}},
	}
	for name := range schemaTypes {
		if len(printed[name]) == 0 {
			t.Errorf("nothing is tried of %s", name)
		}
		for _, v := range printed[name] {
			b, err := encodeJSON(v)
			if err != nil {
				t.Fatal(err)
			}
			validate(t, name, string(b))
		}
	}
}

// The schemas refuse what is not of their type: a test that accepts all proves nothing.
func TestStrictSchemasRefuse(t *testing.T) {
	for schema, texts := range map[string][]string{
		"tuple":        {`{}`, `{"namespace":"a","object":"b","relation":"c","tuple":"x"}`, `{"namespace":"a","object":"b","relation":"c","tuple":"x","subject_id":"a","subject_set":{"namespace":"","object":"","relation":""}}`},
		"tuple-change": {`{"op":"add","outcome":"perhaps","copies":0,"namespace":"a","object":"b","relation":"c","tuple":"x","subject_id":"a"}`},
		"user":         {`{"realm":"r","id":"i","username":"u","email_verified":true,"enabled":true,"password":"x"}`},
		"identity":     {`{"id":1}`},
	} {
		for _, text := range texts {
			failed := &quiet{TB: t}
			validate(failed, schema, text)
			if !failed.failed {
				t.Errorf("%s takes %s", schema, text)
			}
		}
	}
}

// quiet notes failures instead of failing.
type quiet struct {
	testing.TB
	failed bool
}

func (q *quiet) Errorf(string, ...any) { q.failed = true }
func (q *quiet) Helper()               {}

func TestSchemaCommand(t *testing.T) {
	list := gatehouse(t, nil, "schema", "--jsonl").want(t, 0).stdout
	for name := range schemaTypes {
		if !strings.Contains(list, `{"name":"`+name+`",`) {
			t.Errorf("%s is not listed", name)
		}
		out := gatehouse(t, nil, "schema", name).want(t, 0)
		var s map[string]any
		if err := json.Unmarshal([]byte(out.stdout), &s); err != nil || s["$schema"] == nil {
			t.Errorf("%s: %v in %q", name, err, out.stdout)
		}
	}
	if e := gatehouse(t, nil, "schema", "tuples", "--json").want(t, 2).failure(t); e.Hint != `did you mean "tuple"?` {
		t.Errorf("%+v", e)
	}
}
