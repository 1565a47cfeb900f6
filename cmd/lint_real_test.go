package cmd

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/lint"
	"gatehouse/access/tuple"
	"gatehouse/stack/stacktest"
)

// lintedModel has something for each mistake that tuples can hold.
const lintedModel = `class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Doc implements Namespace {
  related: { parents: Doc[], a: User[], b: User[], g: (User | SubjectSet<Group, "members">)[] }
  permits = {
    v: (ctx) => this.related.a.includes(ctx.subject) || this.related.g.includes(ctx.subject) || this.related.parents.traverse((p) => p.permits.v(ctx)),
    u: (ctx) => this.related.a.includes(ctx.subject) && !this.related.g.includes(ctx.subject),
  }
}
`

// mistake is what is put into Keto, and what must be found.
type mistake struct {
	code   lint.Code
	tuples []tuple.Tuple
	says   string // in the summary
	fixed  bool   // a fix is offered
}

func mistakes(t *testing.T) []mistake {
	of := func(texts ...string) (out []tuple.Tuple) {
		for _, s := range texts {
			tt, err := tuple.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, tt)
		}
		return out
	}
	one := func(object, relation string, s tuple.Subject) []tuple.Tuple {
		return []tuple.Tuple{{Namespace: "Doc", Object: object, Relation: relation, Subject: s}}
	}
	var wide, deep []string
	for i := range 101 {
		wide = append(wide, fmt.Sprintf("Doc:wide#g@Group:w%d#members", i), fmt.Sprintf("Group:w%d#members@ann", i))
	}
	for i := 1; i < 6; i++ {
		deep = append(deep, fmt.Sprintf("Group:d%d#members@Group:d%d#members", i, i+1))
	}
	deep = append(deep, "Doc:deep#g@Group:d1#members", "Group:d6#members@ann")
	return []mistake{
		{lint.PoisonTuple, of("Doc:x#g@Group:y#member"), `"member"`, true},
		{lint.UndeclaredRelation, of("Doc:x#aa@ann"), `"aa"`, true},
		{lint.OnPermission, of("Doc:x#v@ann"), "permission", true},
		{lint.UndeclaredSubject, of("Doc:x#a@Group:g#members", "Group:g#members@ann"), "takes no subject", false},
		{lint.TraversedID, of("Doc:x#parents@y"), "bare id", true},
		{lint.PlainClassRelation, of("Doc:x#g@User:ann#members"), "User has no relations", true},
		{lint.SetStoredAsID, one("x", "g", tuple.SubjectID("Group:g#members")), "Group:g#members", true},
		{lint.EmptyPart, one("", "a", tuple.SubjectID("ann")), "empty", true},
		{lint.AmbiguousText, one("x", "a", tuple.SubjectID("f:123:bob")), "f:123:bob", false},
		{lint.OddCharacters, of("Doc:x#a@ann "), "spaces", true},
		{lint.DuplicateTuple, of("Doc:x#a@ann", "Doc:x#a@ann", "Doc:x#a@ann"), "more than once", false},
		{lint.CaseTwin, of("Doc:x#a@Ann", "Doc:x#b@ann"), "upper and lower", false},
		{lint.MixedSubjectForms, of("Doc:x#a@ann", "Doc:x#a@User:bob#"), "as an object", false},
		{lint.WideRelation, of(wide...), "101 subject sets", false},
		{lint.EmptySet, of("Doc:x#g@Group:ghost#members"), "Nobody is in Group:ghost#members", false},
		{lint.SetCycle, of("Group:a#members@Group:a#members", "Group:a#members@ann"), "contains itself", true},
		{lint.TooDeep, of(deep...), "Group:d6#members", false},
		{lint.BlockTooDeep, of(deep...), "is blocked from u on Doc:deep", false},
	}
}

// Each mistake that can be in tuples is put into a real Keto, is found there with the
// tuple that it is about, and is gone once the fix that is offered was written.
func TestEachTupleLintOnTheRealKeto(t *testing.T) {
	t.Parallel()
	info := stacktest.OwnKeto(t, lintedModel, map[string]any{"log.level": "error"})
	env := []string{"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL, "GATEHOUSE_KETO_OPL=" + info.OPL}
	p := plain{t: t}
	patch := func(action string, ts []tuple.Tuple) {
		var edits []map[string]any
		for _, tt := range ts {
			edits = append(edits, map[string]any{"action": action, "relation_tuple": tt})
		}
		p.must(204, "PATCH", info.WriteURL+"/admin/relation-tuples", edits, nil)
	}
	found := func() []lint.Finding {
		r := gatehouse(t, env, "lint", "--severity", "info", "--json")
		var list []lint.Finding
		if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
			t.Fatalf("%v: %s %s", err, r.stdout, r.stderr)
		}
		return list
	}
	clean := found()
	tried := map[lint.Code]bool{}
	for _, m := range mistakes(t) {
		tried[m.code] = true
		t.Run(string(m.code), func(t *testing.T) {
			patch("insert", m.tuples)
			defer p.must(204, "DELETE", info.WriteURL+"/admin/relation-tuples?namespace=Doc", nil, nil)
			defer p.must(204, "DELETE", info.WriteURL+"/admin/relation-tuples?namespace=Group", nil, nil)
			is := func(f lint.Finding) bool {
				return f.Code == m.code && !slices.ContainsFunc(clean, func(c lint.Finding) bool { return c.Key() == f.Key() })
			}
			list := found()
			i := slices.IndexFunc(list, is)
			if i < 0 {
				t.Fatalf("not found among %+v", list)
			}
			f := list[i]
			if !strings.Contains(f.Summary+" "+f.Where, m.says) || f.Meaning == "" || f.Todo == "" || (len(f.Fix) > 0) != m.fixed {
				t.Errorf("%+v", f)
			}
			for _, w := range f.Fix {
				op := map[access.Op]string{access.OpAdd: "add", access.OpRemove: "rm"}[w.Op]
				gatehouse(t, env, "tuples", op, w.Tuple).want(t, exitYes)
			}
			if list = found(); m.fixed && slices.ContainsFunc(list, is) {
				t.Errorf("after its fix it is still there: %+v", list)
			}
		})
	}
	for _, c := range lint.Codes() {
		// A namespace that it does not know Keto refuses to store; people need a Kratos.
		if c.In == "tuples" && c.Code != lint.UnknownNamespace && !tried[c.Code] {
			t.Errorf("%s is not tried", c.Code)
		}
	}
	if status, _ := p.call("PUT", info.WriteURL+"/admin/relation-tuples", map[string]string{"namespace": "Dok", "object": "x", "relation": "a", "subject_id": "ann"}); status != 404 {
		t.Errorf("Keto stores a tuple of a namespace that it does not know: %d", status)
	}
}

// What only Kratos tells about tuples is found with real people.
func TestPeopleLintsOnRealServers(t *testing.T) {
	t.Parallel()
	kratos, info := stacktest.Kratos(t), stacktest.OwnKeto(t, lintedModel, map[string]any{"log.level": "error"})
	tag := uniq("lint")
	person := func(mail string) string {
		var who struct {
			ID string `json:"id"`
		}
		body := map[string]any{"schema_id": "default", "traits": map[string]any{"email": mail, "name": map[string]any{"first": "Ada", "last": "Lint"}}}
		if code := plainHTTP(t, "POST", kratos.AdminURL+"/admin/identities", "", body, &who); code != 201 {
			t.Fatalf("make an identity: %d", code)
		}
		t.Cleanup(func() { plainHTTP(t, "DELETE", kratos.AdminURL+"/admin/identities/"+who.ID, "", nil, nil) })
		return who.ID
	}
	// The first two are the same without their @.
	one, two, ann := person(tag+"ab@c.example"), person(tag+"a@bc.example"), person(tag+"ann@acme.example")
	env := []string{"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL, "GATEHOUSE_KETO_OPL=" + info.OPL, "GATEHOUSE_KRATOS_ADMIN_URL=" + kratos.AdminURL}
	const nobody = "8f1c0000-0000-4000-8000-000000000009"
	gatehouse(t, env, "tuples", "add", "Doc:h#a@"+one, "Doc:h#a@"+two, "Doc:h#a@"+nobody, "Doc:h#a@"+tag+"ann@acme.example", "Doc:h#b@"+tag+"annacme.example", "Doc:h#a@"+tag+"abc.example").want(t, exitYes)
	list := decode[[]lint.Finding](t, "finding", gatehouse(t, env, "lint", "--severity", "info", "--json").want(t, exitNo))
	for code, about := range map[lint.Code]string{lint.EmailCollision: tag + "abc.example", lint.JoinedEmail: tag + "abc.example", lint.OtherName: tag + "ann@acme.example", lint.NoSuchPerson: nobody} {
		if !slices.ContainsFunc(list, func(f lint.Finding) bool { return f.Code == code && strings.Contains(f.Summary+f.Where+f.Tuple, about) }) {
			t.Errorf("%s about %s is not found: %+v", code, about, list)
		}
	}
	fixed := 0
	for _, f := range list {
		for _, w := range f.Fix {
			if f.Code == lint.OtherName || f.Code == lint.JoinedEmail {
				fixed++
				gatehouse(t, env, "tuples", map[access.Op]string{access.OpAdd: "add", access.OpRemove: "rm"}[w.Op], w.Tuple).want(t, exitYes)
			}
		}
	}
	if fixed == 0 {
		t.Error("no fix is offered")
	}
	gatehouse(t, env, "check", "Doc:h#v@"+ann).want(t, exitYes)
	gatehouse(t, env, "check", "Doc:h#b@"+ann).want(t, exitYes)
}
