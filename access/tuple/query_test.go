package tuple

import "testing"

func TestParseQuery(t *testing.T) {
	s := func(v string) *string { return &v }
	id, set, whole := SubjectID("ann@acme.example"), SubjectSet("Group", "g", "members"), SubjectSet("Folder", "f", "")
	for text, want := range map[string]Query{
		"":                          {},
		"*":                         {},
		"Doc":                       {Namespace: s("Doc")},
		"Doc:":                      {Namespace: s("Doc")},
		":a":                        {Object: s("a")},
		"#viewers":                  {Relation: s("viewers")},
		"@ann@acme.example":         {Subject: &id},
		"Doc:#viewers":              {Namespace: s("Doc"), Relation: s("viewers")},
		"Doc:a#viewers":             {Namespace: s("Doc"), Object: s("a"), Relation: s("viewers")},
		"Doc:*#*@Group:g#members":   {Namespace: s("Doc"), Subject: &set},
		" Doc:a @(Group:g#members)": {Namespace: s("Doc"), Object: s("a"), Subject: &set},
		"@Folder:f#":                {Subject: &whole},
	} {
		got, err := ParseQuery(text)
		if err != nil || got.String() != want.String() || (got.Subject == nil) != (want.Subject == nil) {
			t.Errorf("%q gives %q, %v; want %q", text, got, err, want)
		}
		again, err := ParseQuery(got.String())
		if err != nil || again.String() != got.String() {
			t.Errorf("%q is written as %q, which reads as %q, %v", text, got, again, err)
		}
		if got.IsZero() != (want.String() == "") {
			t.Errorf("%q: zero is %v", text, got.IsZero())
		}
	}
	for _, bad := range []string{"Doc:a@", "@:g#m", "@Group:#m"} {
		if q, err := ParseQuery(bad); err == nil {
			t.Errorf("%q was read as %q", bad, q)
		}
	}
}
