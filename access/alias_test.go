package access_test

import (
	"testing"

	"gatehouse/access"
	"gatehouse/access/tuple"
)

func TestAliases(t *testing.T) {
	set := func(ns, obj string) string { return tuple.SubjectSet(ns, obj, "").String() }
	for _, c := range []struct {
		name   string
		person access.Person
		want   []string // subject and kind
	}{
		{"nobody", access.Person{}, nil},
		{"empty names are no aliases", access.Person{Emails: []string{""}, Usernames: []string{""}}, nil},
		{"an id alone", access.Person{ID: "8f1c"}, []string{"8f1c as Kratos id", set("User", "8f1c") + " as object"}},
		{"everything, the likeliest first",
			access.Person{ID: "8f1c", Emails: []string{"Ann@acme.example"}, Usernames: []string{"ann"}, KeycloakIDs: []string{"k-1"}, ExternalIDs: []string{"x-1"}},
			[]string{
				"8f1c as Kratos id", "Ann@acme.example as e-mail", "ann@acme.example as e-mail in lower case",
				"ann as username", "k-1 as Keycloak id", "x-1 as external id",
				"User:8f1c# as object", "User:Ann@acme.example# as object", "User:ann@acme.example# as object",
				"User:ann# as object", "User:k-1# as object", "User:x-1# as object",
				"annacme.example as e-mail without @ (unsafe)",
			}},
		{"each subject once, under its likeliest kind",
			access.Person{ID: "ann", Emails: []string{"a@b", "a@b"}, Usernames: []string{"ann", "a@b"}, Namespaces: []string{}},
			[]string{"ann as Kratos id", "a@b as e-mail", "ab as e-mail without @ (unsafe)"}},
		{"namespaces of their own", access.Person{ID: "1", Namespaces: []string{"Person", "Employee"}},
			[]string{"1 as Kratos id", "Person:1# as object", "Employee:1# as object"}},
		{"an id that looks like a set stays an id", access.Person{ID: "f:1:ann", Namespaces: []string{}}, []string{"f:1:ann as Kratos id"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, a := range c.person.Aliases() {
				line := a.Subject.String() + " as " + string(a.Kind)
				if a.Unsafe {
					line += " (unsafe)"
				}
				got = append(got, line)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %d aliases %q, want %d %q", len(got), got, len(c.want), c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("alias %d is %q, want %q", i, got[i], c.want[i])
				}
			}
		})
	}
}

// Two people whose addresses differ only by where the @ stands share the joined
// form: it must be marked as unsafe for both and never be the likeliest.
func TestJoinedEmailsCollide(t *testing.T) {
	last := func(email string) access.Alias {
		l := access.Person{ID: email + "-id", Emails: []string{email}}.Aliases()
		return l[len(l)-1]
	}
	a, b := last("minkin.andrew@gmail.example"), last("minkin.andre@wgmail.example")
	if !a.Subject.Equal(b.Subject) {
		t.Fatalf("%v and %v should be the same subject", a.Subject, b.Subject)
	}
	if !a.Unsafe || !b.Unsafe {
		t.Error("a subject that two people share is not marked unsafe")
	}
}
