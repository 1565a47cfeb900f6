package lint

import (
	"fmt"
	"strings"

	"gatehouse/access"
	"gatehouse/access/tuple"
)

// directory is what is known about the people of Kratos; a nil one knows nothing.
type directory struct {
	ids    map[string]bool
	mails  map[string]string // id by e-mail in lower case
	joined map[string]string // e-mail by its form without @
	shared map[string]string // another e-mail with the same form
	byID   int               // tuples that name people by their id
	byMail int
	mailed []Finding // what is told at the end, if ids are the custom
	nobody []Finding
}

func newDirectory() *directory {
	return &directory{ids: map[string]bool{}, mails: map[string]string{}, joined: map[string]string{}, shared: map[string]string{}}
}

// joined is how some applications name people: the address without its @.
func joined(mail string) string { return strings.ReplaceAll(mail, "@", "") }

// add takes a person up and tells whose address reads like that of somebody else.
func (d *directory) add(p access.Person) []Finding {
	var out []Finding
	d.ids[p.ID] = true
	for _, mail := range p.Emails {
		mail = strings.ToLower(mail)
		d.mails[mail] = p.ID
		other, taken := d.joined[joined(mail)]
		switch {
		case !taken:
			d.joined[joined(mail)] = mail
		case other != mail:
			d.shared[joined(mail)] = mail
			f := newFinding(EmailCollision, "identity "+p.ID, fmt.Sprintf("%s and %s are the same without the @: %s.", other, mail, joined(mail)))
			out = append(out, f)
		}
	}
	return out
}

// subject holds the subject of a tuple against the people.
func (d *directory) subject(t tuple.Tuple) []Finding {
	if d == nil || t.Subject.Set != nil {
		return nil
	}
	id := t.Subject.ID
	if d.ids[id] {
		d.byID++
		return nil
	}
	as := func(who string) tuple.Tuple {
		right := t
		right.Subject = tuple.SubjectID(who)
		return right
	}
	low := strings.ToLower(id)
	if who, ok := d.mails[low]; ok {
		d.byMail++
		if len(d.mailed) < maxListed {
			d.mailed = append(d.mailed, about(OtherName, t, fmt.Sprintf("%s names %s by their e-mail; other tuples name people by their Kratos id.", t.Left(), low)).replaced(t, as(who)))
		}
		return nil
	}
	if mail, ok := d.joined[low]; ok {
		who := d.mails[mail]
		if other, ok := d.shared[low]; ok { // whom it was meant for is for a person to say
			f := about(JoinedEmail, t, fmt.Sprintf("%s names somebody by their e-mail without the @: %s or %s.", t.Left(), mail, other))
			f.Severity, f.Meaning = Error, "Both of them get what one of them was given."
			return []Finding{f}
		}
		f := about(JoinedEmail, t, fmt.Sprintf("%s names %s by their e-mail without the @.", t.Left(), mail))
		f.Meaning = fmt.Sprintf("Whoever registers another address that reads %s without its @, such as %s, gets this access.", id, lookalike(mail))
		return []Finding{f.replaced(t, as(who))}
	}
	if isUUID(id) && len(d.nobody) < maxListed {
		d.nobody = append(d.nobody, about(NoSuchPerson, t, fmt.Sprintf("No identity of Kratos has the id %s.", id)).replaced(t))
	}
	return nil
}

// lookalike is an address that is the same without its @.
func lookalike(mail string) string {
	name, host, _ := strings.Cut(mail, "@")
	if r := []rune(name); len(r) > 1 {
		return string(r[:len(r)-1]) + "@" + string(r[len(r)-1:]) + host
	}
	return name + host + "@…"
}

// end tells what is odd only where ids are the custom.
func (d *directory) end() []Finding {
	if d == nil || d.byID <= d.byMail {
		return nil
	}
	return append(d.mailed, d.nobody...)
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)):
			return false
		}
	}
	return true
}
