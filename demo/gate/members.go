package gate

import "slices"

// Member is an account of a system that keeps its own.
type Member struct {
	Person
	// Number counts the accounts of a system from 1; the originals use it as the id.
	Number int
	hash   *Hash
}

// Members are the accounts of a system that keeps its own.
type Members struct{ list []Member }

// Members are the people of the demo who have a user name and a password; with the
// accounts of the recorded answers they are seeds in their place. It fails with
// ErrTooLong for a password that bcrypt would cut.
func (e *Env) Members(seeds ...Person) (*Members, error) {
	m, people := &Members{}, e.People
	if e.Accounts == Seeds {
		people = seeds
	}
	for _, p := range people {
		if p.Username == "" || p.Password == "" {
			continue
		}
		h, err := e.Passwords.New(p.Password)
		if err != nil {
			return nil, err
		}
		m.list = append(m.list, Member{p, len(m.list) + 1, h})
	}
	return m, nil
}

// People are those who have an account, for the index page.
func (m *Members) People() []Person {
	var list []Person
	for _, u := range m.list {
		list = append(list, u.Person)
	}
	return list
}

// All are the accounts, in the order of their numbers.
func (m *Members) All() []Member { return m.list }

// Named finds an account by its user name.
func (m *Members) Named(name string) (Member, bool) {
	return m.find(func(u Member) bool { return u.Username == name })
}

// Numbered finds an account by its number.
func (m *Members) Numbered(n int) (Member, bool) {
	return m.find(func(u Member) bool { return u.Number == n })
}

func (m *Members) find(is func(Member) bool) (Member, bool) {
	i := slices.IndexFunc(m.list, is)
	if i < 0 {
		return Member{}, false
	}
	return m.list[i], true
}
