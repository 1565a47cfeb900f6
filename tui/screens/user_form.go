package screens

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

// The fields of a user that are no attributes, by the names that Keycloak has for them
// in its complaints.
const (
	fieldUsername = "username"
	fieldEmail    = "email"
	fieldFirst    = "firstName"
	fieldLast     = "lastName"
	fieldVerified = "verified"
	fieldOther    = "other"
)

var userFields = []string{fieldUsername, fieldEmail, fieldFirst, fieldLast, fieldVerified}

// profileMessages are Keycloak's message keys about a field in words.
var profileMessages = map[string]string{
	"error-user-attribute-required": "is needed", "error-invalid-length": "has the wrong length", "error-invalid-length-too-short": "is too short",
	"error-invalid-length-too-long": "is too long", "error-invalid-email": "is no e-mail address", "invalidEmailMessage": "is no e-mail address",
	"error-username-invalid-character": "has a character that is not allowed", "error-person-name-invalid-character": "has a character that is not allowed",
	"error-pattern-no-match": "does not have the form that the realm wants", "error-user-attribute-read-only": "may not be changed",
	"error-invalid-value": "is not one of the values that the realm allows", "error-number-out-of-range": "is out of range", "error-invalid-number": "is no number",
	"error-invalid-integer-format": "is no whole number", "error-invalid-date": "is no date", "error-invalid-uri": "is no URI", "error-invalid-blank": "is blank",
	"error-invalid-multivalued-size": "has too many or too few values",
}

// profileWords puts the server's complaints about fields in words.
func profileWords(err error) error {
	p, ok := asProblem(err)
	if !ok {
		return err
	}
	c := *p
	c.Fields = slices.Clone(p.Fields)
	for i, f := range c.Fields {
		c.Fields[i].Message = orWord(profileMessages[f.Message], f.Message)
	}
	for _, field := range []string{fieldUsername, fieldEmail} { // a conflict names its field in prose
		if len(c.Fields) == 0 && c.Kind == clients.Conflict && strings.Contains(c.Reason, "same "+field) {
			c.Fields = []clients.Field{{Path: field, Message: "another user has it"}}
		}
	}
	if len(c.Fields) > 0 && len(p.Fields) > 0 {
		c.Reason = c.Fields[0].Path + " " + c.Fields[0].Message
	}
	return &c
}

// valuesText writes the values of an attribute into one line: apart by semicolons, or as
// a JSON array where a value has one itself.
func valuesText(values []string) string {
	for _, v := range values {
		if strings.ContainsAny(v, ";\n") || strings.HasPrefix(v, "[") || v != strings.TrimSpace(v) || v == "" {
			b, _ := json.Marshal(values)
			return string(b)
		}
	}
	return strings.Join(values, "; ")
}

// textValues reads what valuesText writes; one takes the text as a single value.
func textValues(text string, one bool) ([]string, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "[") {
		var out []string
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			return nil, fmt.Errorf("is no JSON array of strings")
		}
		return out, nil
	}
	if text == "" {
		return nil, nil
	}
	if one {
		return []string{text}, nil
	}
	var out []string
	for v := range strings.SplitSeq(text, ";") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out, nil
}

// userForm is the profile of a user as a form.
type userForm struct {
	profile keycloak.Profile
	known   bool // the profile could be read
	base    keycloak.User
	single  map[string]bool // attributes with at most one value
}

// attributes are the names that the form offers: those of the profile that an
// administrator may change, and those that the user has.
func (f *userForm) attributes() []keycloak.ProfileAttribute {
	var out []keycloak.ProfileAttribute
	for _, a := range f.profile.Attributes {
		if !slices.Contains(userFields, a.Name) && slices.Contains(a.EditRoles, "admin") {
			out = append(out, a)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.base.Attributes)) {
		in := slices.ContainsFunc(f.profile.Attributes, func(a keycloak.ProfileAttribute) bool { return a.Name == name })
		if !in && name != "disabledReason" && (!f.known || f.profile.Takes(name)) {
			out = append(out, keycloak.ProfileAttribute{Name: name, Multivalued: true})
		}
	}
	return out
}

// fields are the inputs, filled with what the user has.
func (f *userForm) fields() []tui.FormField {
	u := f.base
	out := []tui.FormField{
		{Name: fieldUsername, Label: "User name", Value: u.Username, Required: true, Help: "a realm may not allow to change it"},
		{Name: fieldEmail, Label: "E-mail", Value: u.Email},
		{Name: fieldFirst, Label: "First name", Value: u.FirstName},
		{Name: fieldLast, Label: "Last name", Value: u.LastName},
		{Name: fieldVerified, Label: "E-mail verified", Value: yesNo(u.EmailVerified), Choices: []string{"yes", "no"}},
	}
	f.single = map[string]bool{}
	for _, a := range f.attributes() {
		field := tui.FormField{Name: a.Name, Label: attributeLabel(a), Value: valuesText(u.Attributes[a.Name]), Help: "several values apart by ; or as a JSON array"}
		if !a.Multivalued {
			f.single[a.Name] = true
			field.Help = a.Name
		}
		if a.Required {
			field.Help += "; the realm wants it filled" + ofRoles(a.RequiredRoles)
		}
		single := f.single[a.Name]
		field.Check = func(v string) string {
			if _, err := textValues(v, single); err != nil {
				return err.Error()
			}
			return ""
		}
		out = append(out, field)
	}
	if f.profile.Unmanaged == "ENABLED" || f.profile.Unmanaged == "ADMIN_EDIT" {
		out = append(out, tui.FormField{Name: fieldOther, Label: "Other attribute", Help: "NAME=VALUE adds one that the profile of the realm does not name",
			Check: func(v string) string {
				if name, _, ok := strings.Cut(v, "="); !ok || strings.TrimSpace(name) == "" {
					return "is not NAME=VALUE"
				}
				return ""
			}})
	}
	return out
}

func ofRoles(roles []string) string {
	if len(roles) == 0 {
		return ""
	}
	return " by " + strings.Join(roles, " and ")
}

// attributeLabel leaves out what is only a key for translations.
func attributeLabel(a keycloak.ProfileAttribute) string {
	if a.DisplayName == "" || strings.HasPrefix(a.DisplayName, "${") {
		return a.Name
	}
	return a.DisplayName
}

// patch is what differs from the base, with a line for each, and the way back.
func (f *userForm) patch(v map[string]string) (p, back keycloak.UserPatch, lines, undo []string, err error) {
	u := f.base
	for _, t := range []struct {
		name, was string
		to, from  **string
	}{{fieldUsername, u.Username, &p.Username, &back.Username}, {fieldEmail, u.Email, &p.Email, &back.Email},
		{fieldFirst, u.FirstName, &p.FirstName, &back.FirstName}, {fieldLast, u.LastName, &p.LastName, &back.LastName}} {
		want := strings.TrimSpace(v[t.name])
		if want == t.was {
			continue
		}
		*t.to, *t.from = &want, &t.was
		lines, undo = append(lines, valueDiff(t.name, t.was, want)...), append(undo, valueDiff(t.name, want, t.was)...)
	}
	if on, was := v[fieldVerified] == "yes", u.EmailVerified; on != was {
		p.EmailVerified, back.EmailVerified = &on, &was
		lines, undo = append(lines, valueDiff("e-mail verified", yesNo(was), yesNo(on))...), append(undo, valueDiff("e-mail verified", yesNo(on), yesNo(was))...)
	}
	set := func(name string, values []string) {
		was := u.Attributes[name]
		if slices.Equal(was, values) {
			return
		}
		if p.Attributes == nil {
			p.Attributes, back.Attributes = map[string][]string{}, map[string][]string{}
		}
		p.Attributes[name], back.Attributes[name] = values, was
		lines, undo = append(lines, valueDiff(name, valuesText(was), valuesText(values))...), append(undo, valueDiff(name, valuesText(values), valuesText(was))...)
	}
	for _, a := range f.attributes() {
		values, verr := textValues(v[a.Name], f.single[a.Name])
		if verr != nil {
			return p, back, nil, nil, &clients.Problem{Kind: clients.Invalid, Op: "edit the user", Reason: a.Name + " " + verr.Error()}
		}
		set(a.Name, values)
	}
	if name, value, ok := strings.Cut(v[fieldOther], "="); ok {
		set(strings.TrimSpace(name), []string{strings.TrimSpace(value)})
	}
	return p, back, lines, undo, nil
}

func valueDiff(name, was, want string) []string {
	var out []string
	if was != "" {
		out = append(out, "- "+name+": "+was)
	}
	if want != "" {
		out = append(out, "+ "+name+": "+want)
	}
	return out
}

// still is whether the fields that the patch touches are as in that user.
func still(p keycloak.UserPatch, was, now keycloak.User) (field string, ok bool) {
	for _, t := range []struct {
		set      bool
		name     string
		was, now string
	}{{p.Username != nil, "the user name", was.Username, now.Username}, {p.Email != nil, "the e-mail", was.Email, now.Email}, {p.FirstName != nil, "the first name", was.FirstName, now.FirstName},
		{p.LastName != nil, "the last name", was.LastName, now.LastName}, {p.EmailVerified != nil, "whether the e-mail is verified", yesNo(was.EmailVerified), yesNo(now.EmailVerified)}} {
		if t.set && t.was != t.now {
			return t.name, false
		}
	}
	for name := range p.Attributes {
		if !slices.Equal(was.Attributes[name], now.Attributes[name]) {
			return name, false
		}
	}
	return "", true
}

// edit reads the profile of the realm and the user once more, and opens the form.
func (s *User) edit() {
	w, id := s.spec.Write, s.id
	job := &s.user.job
	tui.Go(s.host, job, userTimeout, func(ctx context.Context) (*userForm, error) {
		u, err := w.User(ctx, id)
		if err != nil {
			return nil, err
		}
		profile, err := w.Profile(ctx)
		if err != nil && !clients.Is(err, clients.Denied) {
			return nil, err
		}
		return &userForm{base: u, profile: profile, known: err == nil}, nil
	}, func(f *userForm, err error) {
		if err != nil {
			s.host.Fail(err)
			s.build()
			return
		}
		s.show(f.base)
		s.host.Push(s.editForm(f))
	})
}

// editForm shows the difference before it writes, refuses when somebody else changed the
// same fields meanwhile, and leaves all other fields alone.
func (s *User) editForm(f *userForm) tui.Screen {
	w, id, name := s.spec.Write, s.id, f.base.Username
	var undo *tui.Undo
	return tui.NewForm(tui.FormSpec{Title: "edit", Lead: "Profile of " + name, What: "edit " + name, Fields: f.fields(),
		Review: func(v map[string]string) (tui.Question, error) {
			_, _, lines, _, err := f.patch(v)
			if err == nil && len(lines) == 0 {
				err = &clients.Problem{Kind: clients.Invalid, Op: "edit " + name, Reason: "nothing is different", Hint: "change something, or leave with Esc"}
			}
			return tui.Question{Title: "Change " + name + "?", Verb: "change", Lines: lines}, err
		},
		Submit: func(ctx context.Context, v map[string]string) error {
			p, back, _, lines, err := f.patch(v)
			if err != nil {
				return err
			}
			now, err := w.User(ctx, id)
			if err != nil {
				return err
			}
			if field, same := still(p, f.base, now); !same {
				return &clients.Problem{Kind: clients.Conflict, Op: "edit " + name, Reason: "somebody changed " + field + " meanwhile, so nothing was written", Hint: "leave the form and open it again to see how it is now"}
			}
			ch, err := w.UpdateUser(ctx, id, p)
			if err != nil {
				return profileWords(err)
			}
			undo = undoPatch(w, id, "edit "+name, lines, back, func(u keycloak.User) bool { _, same := still(p, ch.After, u); return same })
			return nil
		},
		Done: func(map[string]string) {
			if undo != nil {
				undo.Then = s.load
				s.host.Undo(*undo)
			}
			s.host.Toast(name + " is changed · u undoes it")
			s.load()
		},
	})
}

// newUserForm makes a user; made is told of it on the loop.
func newUserForm(h tui.Host, realm string, w UserWriter, f *userForm, made func(keycloak.User)) tui.Screen {
	f.base = keycloak.User{}
	fields := f.fields()
	fields = append(fields,
		tui.FormField{Name: "enabled", Label: "May log in", Value: "yes", Choices: []string{"yes", "no"}},
		tui.FormField{Name: "password", Label: "Password", Secret: true, Help: "may stay empty; it is not shown, and not kept here"},
		tui.FormField{Name: "temporary", Label: "For one login", Value: "yes", Choices: []string{"yes", "no"}, Help: "whether another password must be chosen at the first login"},
		tui.FormField{Name: "groups", Label: "Groups", Help: "paths, apart by ; such as /staff/eng"},
		tui.FormField{Name: "actions", Label: "Must do", Help: "required actions at the first login, apart by ; such as VERIFY_EMAIL"})
	var after keycloak.User
	return tui.NewForm(tui.FormSpec{Title: "new user", Lead: "A new user of realm " + realm, What: "make a user", Fields: fields,
		Review: func(v map[string]string) (tui.Question, error) {
			n, err := f.newUser(v)
			return tui.Question{Title: "Make this user?", Verb: "make", Lines: newUserLines(n)}, err
		},
		Submit: func(ctx context.Context, v map[string]string) error {
			n, err := f.newUser(v)
			if err != nil {
				return err
			}
			ch, err := w.CreateUser(ctx, n)
			after = ch.After
			if n.Password != "" && err != nil {
				err = passwordFieldOf(err)
			}
			return profileWords(err)
		},
		Done: func(map[string]string) {
			h.Undo(tui.Undo{What: "make " + after.Username, Lines: []string{"- the user " + userWho(after) + ", for good"}, Run: func(ctx context.Context) error {
				now, err := w.User(ctx, after.ID)
				if err == nil && (now.Username != after.Username || now.Email != after.Email || now.Enabled != after.Enabled) {
					err = since("make "+after.Username, "the account")
				}
				if err == nil {
					_, err = w.DeleteUser(ctx, after.ID)
				}
				return err
			}, Then: func() { made(keycloak.User{}) }})
			h.Toast(after.Username + " is made · u deletes it again")
			made(after)
		},
	})
}

// passwordFieldOf puts a refusal by the password policy beside the field; other
// refusals have nothing to do with it.
func passwordFieldOf(err error) error {
	if p, ok := asProblem(err); ok && strings.Contains(strings.ToLower(p.Reason), "password") {
		return passwordField(err)
	}
	return err
}

func (f *userForm) newUser(v map[string]string) (keycloak.NewUser, error) {
	p, _, _, _, err := f.patch(v)
	n := keycloak.NewUser{Username: deref(p.Username), Email: deref(p.Email), FirstName: deref(p.FirstName), LastName: deref(p.LastName),
		EmailVerified: v[fieldVerified] == "yes", Disabled: v["enabled"] == "no", Attributes: p.Attributes, Password: v["password"]}
	n.TemporaryPassword = n.Password != "" && v["temporary"] == "yes"
	n.Groups, _ = textValues(v["groups"], false)
	n.RequiredActions, _ = textValues(v["actions"], false)
	return n, err
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func newUserLines(n keycloak.NewUser) []string {
	lines := []string{"+ user name: " + n.Username}
	for _, t := range [][2]string{{"e-mail", n.Email}, {"first name", n.FirstName}, {"last name", n.LastName}} {
		if t[1] != "" {
			lines = append(lines, "+ "+t[0]+": "+t[1])
		}
	}
	lines = append(lines, "+ enabled: "+yesNo(!n.Disabled), "+ e-mail verified: "+yesNo(n.EmailVerified))
	for _, name := range slices.SortedFunc(maps.Keys(n.Attributes), cmp.Compare[string]) {
		lines = append(lines, "+ "+name+": "+valuesText(n.Attributes[name]))
	}
	for _, g := range n.Groups {
		lines = append(lines, "+ member of "+g)
	}
	lines = append(lines, setLines(nil, n.RequiredActions)...)
	switch {
	case n.TemporaryPassword:
		lines = append(lines, "+ a password for one login")
	case n.Password != "":
		lines = append(lines, "+ a password")
	default:
		lines = append(lines, "It gets no password, so that it cannot log in with one yet.")
	}
	return lines
}
