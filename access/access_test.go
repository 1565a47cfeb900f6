package access

import (
	"context"
	"errors"
	"testing"

	"gatehouse/access/tuple"
)

type fakeKeto struct {
	allowed bool
	err     error
	ns      []string
	nsErr   error
	asked   []string
}

func (f *fakeKeto) Check(_ context.Context, t tuple.Tuple, _ int) (bool, error) {
	f.asked = append(f.asked, t.String())
	return f.allowed, f.err
}
func (f *fakeKeto) Namespaces(context.Context) ([]string, error) { return f.ns, f.nsErr }

func TestAsk(t *testing.T) {
	down := errors.New("down")
	for name, c := range map[string]struct {
		keto     fakeKeto
		q        string
		verdict  Verdict
		cause    string
		hint     string
		requests int
		err      error
	}{
		"allowed":               {fakeKeto{allowed: true}, "Doc:a#view@ann", Allowed, "", "", 1, nil},
		"denied":                {fakeKeto{ns: []string{"Doc"}}, "Doc:a#view@ann", Denied, "", "", 2, nil},
		"unknown namespace":     {fakeKeto{ns: []string{"Doc"}}, "doc:a#view@ann", Denied, CauseUnknownNamespace, `did you mean "Doc"? names are case-sensitive`, 2, nil},
		"unknown subject space": {fakeKeto{ns: []string{"Doc", "Group"}}, "Doc:a#view@Grup:g#members", Denied, CauseUnknownNamespace, `did you mean "Group"? names are case-sensitive`, 2, nil},
		"nothing near":          {fakeKeto{ns: []string{"Doc"}}, "Warehouse:a#view@ann", Denied, CauseUnknownNamespace, "check the spelling; names are case-sensitive", 2, nil},
		"server down":           {fakeKeto{err: down}, "Doc:a#view@ann", Unknown, "", "", 1, down},
		"second look fails":     {fakeKeto{nsErr: down}, "Doc:a#view@ann", Denied, "", "", 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := tuple.Parse(c.q)
			if err != nil {
				t.Fatal(err)
			}
			tr, err := Ask(context.Background(), &c.keto, &c.keto, q, 0)
			if !errors.Is(err, c.err) || tr.Verdict != c.verdict || tr.Server != c.verdict || tr.Cause != c.cause || tr.Hint != c.hint || tr.Requests != c.requests {
				t.Errorf("got %+v, %v", tr, err)
			}
			if tr.Question != c.q || tr.Summary == "" || tr.Schema != Schema {
				t.Errorf("incomplete trace %+v", tr)
			}
			if len(c.keto.asked) != 1 || c.keto.asked[0] != c.q {
				t.Errorf("asked %v", c.keto.asked)
			}
		})
	}
}
