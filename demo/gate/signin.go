package gate

import (
	"net/http"
	"net/url"
)

// PeopleWith are the people of the demo who have what a system needs of them.
func PeopleWith(env *Env, has func(Person) bool) func() []Person {
	return func() []Person {
		var list []Person
		for _, p := range env.People {
			if has(p) {
				list = append(list, p)
			}
		}
		return list
	}
}

// SendHinted sends the browser to a provider, with a parameter that fills in who is to
// log in there. The password is never part of an address.
func SendHinted(c *Call, to, parameter, who string) {
	u, err := url.Parse(to)
	if err != nil {
		c.Fail(err)
		return
	}
	q := u.Query()
	q.Set(parameter, who)
	u.RawQuery = q.Encode()
	c.Redirect(http.StatusSeeOther, u.String())
}
