package screens

import (
	"gatehouse/access/tuple"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// Groups of the actions in the help.
const (
	identityGroupAccount = "Account"
	identityGroupItem    = "What is selected"
)

// Actions are what can be done to the person, and to what is under the cursor.
func (s *Identity) Actions() []tui.Action {
	acts := []tui.Action{
		{Name: "open", Keys: []string{"enter"}, Footer: 1, Group: identityGroupItem, Why: s.whyNotOpen, Run: tui.Do(s.open),
			Help: "Go to the relation tuple, the session, the message or the account under the cursor."},
	}
	if s.spec.Links.Why != nil {
		acts = append(acts, tui.Action{Name: "why", Keys: []string{"w"}, Footer: 2, Help: "Explain what this person may do, and why not.",
			Run: tui.Do(func() { s.host.Push(s.spec.Links.Why(s.names)) })})
	}
	if s.spec.Links.Person != nil {
		acts = append(acts, tui.Action{Name: "person", Keys: []string{"P"}, Footer: 8, Help: "Show this human being across Kratos, Keto and Keycloak, with what does not fit together.",
			Run: tui.Do(func() { s.host.Push(s.spec.Links.Person(s.id)) })})
	}
	if s.spec.Links.WhatCan != nil {
		acts = append(acts, tui.Action{Name: "what can", Keys: []string{"R"}, Footer: 8, Help: "Show everything that this person can do in Keto.",
			Run: tui.Do(func() { s.host.Push(s.spec.Links.WhatCan(s.reachSubject())) })})
	}
	acts = append(acts, s.accountActions()...)
	acts = append(acts, s.itemActions()...)
	return append(acts, s.viewActions()...)
}

// reachSubject is whom to ask about: the name under the cursor, else the id.
func (s *Identity) reachSubject() tuple.Subject {
	if sub, ok := s.selected().(tuple.Subject); ok {
		return sub
	}
	return tuple.SubjectID(s.id)
}

// accountActions change the account as a whole.
func (s *Identity) accountActions() []tui.Action {
	op := func(key, help string, footer int, op identityOp) tui.Action {
		return tui.Action{Name: op.verb, Keys: []string{key}, Help: help, Footer: footer, Mutates: true, Danger: op.danger(),
			Why: func() string { return s.whyNotOp(op) }, Run: tui.Do(func() { s.askOp(op) })}
	}
	acts := []tui.Action{
		op("d", "Refuse this person to sign in, and end all sessions.", 3, identitySuspend),
		op("a", "Let this person sign in again.", 3, identityActivate),
		op("o", "End all sessions, on every device.", 4, identitySignOut),
		{Name: "edit", Keys: []string{"e"}, Footer: 3, Mutates: true, Why: s.whyNotForm, Run: tui.Do(s.edit),
			Help: "Change the traits, metadata, state or schema in a form made from the identity schema."},
		{Name: "edit JSON", Keys: []string{"E"}, Mutates: true, Why: s.whyNotText, Run: tui.Do(func() { s.editText(wholeDocument) }),
			Help: "Change the identity as JSON in your own editor (VISUAL or EDITOR)."},
		{Name: "edit metadata", Keys: []string{"M"}, Mutates: true, Why: s.whyNotText, Run: tui.Do(s.pickMetadata),
			Help: "Change the public or the admin metadata as JSON in your own editor."},
		{Name: "recovery code", Keys: []string{"c"}, Footer: 5, Mutates: true, Why: s.whyNotRecover, Run: tui.Do(s.pickRecovery),
			Help: "Make a code or a link with which the person gets back in. It is shown once."},
		{Name: "delete identity", Keys: []string{"D"}, Mutates: true, Danger: true, Why: s.whyNotEdit, Run: tui.Do(s.askDelete),
			Help: "Delete the identity with its credentials and sessions, for good."},
		{Name: "set up?", Keys: []string{"p"}, Why: s.whyNotRead, Run: tui.Do(s.loadSetUp),
			Help: "Ask which ways to sign in are really set up, such as whether there is a password. No secret is shown."},
	}
	for i := range acts {
		acts[i].Group = identityGroupAccount
	}
	if s.who.State == kratos.Inactive { // one of the two is worth a place in the footer
		acts[0].Footer = 0
	} else {
		acts[1].Footer = 0
	}
	return acts
}

// itemActions work on what is under the cursor.
func (s *Identity) itemActions() []tui.Action {
	return []tui.Action{
		{Name: s.takeName(), Keys: []string{"x", "delete"}, Group: identityGroupItem, Footer: max(s.footerOn(6, isSession), s.footerOn(6, isCredential)),
			Mutates: true, Danger: true, Why: s.whyNotTake, Run: tui.Do(s.askTake),
			Help: "End the session under the cursor, or remove the way to sign in: an authenticator app, backup codes, security keys or a social sign-in."},
		{Name: "end the others", Keys: []string{"O"}, Group: identityGroupItem, Mutates: true, Danger: true, Why: s.whyNotOthers, Run: tui.Do(s.askEndOthers),
			Help: "End all sessions but the one under the cursor."},
		{Name: s.verifyName(), Keys: []string{"v"}, Group: identityGroupItem, Footer: s.footerOn(6, isAddress), Mutates: true,
			Why: s.whyNotVerify, Run: tui.Do(s.askVerify), Help: "Mark the address under the cursor as verified, or as not verified."},
		{Name: "copy", Keys: []string{"y"}, Group: identityGroupItem, Footer: 7, Why: s.whyNotCopy, Run: tui.Do(s.copyField), Help: "Copy what is under the cursor."},
		{Name: "copy id", Keys: []string{"i"}, Group: identityGroupItem, Help: "Copy the id of the identity.", Run: tui.Do(func() { s.host.Copy("the id", s.id) })},
		{Name: "copy e-mail", Keys: []string{"m"}, Group: identityGroupItem, Help: "Copy the e-mail address.", Why: s.whyNoEmail,
			Run: tui.Do(func() { s.host.Copy("the e-mail address", s.row.Email) })},
	}
}

func (s *Identity) viewActions() []tui.Action {
	move := func(name, help string, run func(), keys ...string) tui.Action {
		return tui.Action{Name: name, Keys: keys, Group: "Move", Help: help, Run: tui.Do(s.move(run))}
	}
	return []tui.Action{
		{Name: "reload", Keys: []string{"ctrl+r"}, Group: "Move", Help: "Read everything again; what is shown stays until then.", Run: tui.Do(s.load)},
		move("up", "One line up.", func() { s.detail.Move(-1) }, "up", "k"),
		move("down", "One line down.", func() { s.detail.Move(1) }, "down", "j"),
		move("page up", "One screen up.", func() { s.detail.Page(-1) }, "pgup", "ctrl+u"),
		move("page down", "One screen down.", func() { s.detail.Page(1) }, "pgdown", "ctrl+d"),
		move("first", "To the top.", func() { s.detail.Move(-1 << 20) }, "home", "g"),
		move("last", "To the end.", func() { s.detail.Move(1 << 20) }, "end", "G"),
		move("next part", "To the next part.", func() { s.nextPart(1) }, "tab"),
		move("previous part", "To the part before.", func() { s.nextPart(-1) }, "shift+tab"),
	}
}

// move notes that from now on the cursor is where the person wants it.
func (s *Identity) move(run func()) func() {
	return func() { s.moved = true; run() }
}

// selected is what the field under the cursor stands for, or nil.
func (s *Identity) selected() any {
	f, ok := s.detail.Current()
	if !ok {
		return nil
	}
	return s.refs[f.Key]
}

func isSession(v any) bool    { _, ok := v.(kratos.Session); return ok }
func isAddress(v any) bool    { _, ok := v.(kratos.Address); return ok }
func isCredential(v any) bool { _, ok := v.(identityCredRef); return ok }

// footerOn is a place in the footer while something of that kind is selected.
func (s *Identity) footerOn(place int, is func(any) bool) int {
	if s.host != nil && is(s.selected()) {
		return place
	}
	return 0
}

// open goes deeper.
func (s *Identity) open() {
	l := s.spec.Links
	switch v := s.selected().(type) {
	case tuple.Tuple:
		s.host.Push(l.Tuple(v))
	case tuple.Subject:
		s.host.Push(l.Holds(v))
	case kratos.Session:
		s.host.Push(l.Session(v.ID))
	case identityAccountRef:
		s.host.Push(l.Account(v.realm, v.user))
	case kratos.Message:
		s.host.Push(NewMessage(MessagesSpec{Kratos: s.spec.Courier}, v.ID))
	case identityMailRef:
		s.host.Push(l.Messages(v.recipient))
	}
}

func (s *Identity) whyNotOpen() string {
	l := s.spec.Links
	var ok bool
	switch s.selected().(type) {
	case tuple.Tuple:
		ok = l.Tuple != nil
	case tuple.Subject:
		ok = l.Holds != nil
	case kratos.Session:
		ok = l.Session != nil
	case identityAccountRef:
		ok = l.Account != nil
	case kratos.Message, identityMailRef:
		ok = true
	}
	if ok {
		return ""
	}
	return "there is nothing to open here: relation tuples, messages and Keycloak accounts can be opened"
}

func (s *Identity) whyNotRead() string {
	switch {
	case s.gone:
		return "this identity was deleted"
	case s.who.ID == "":
		return "the identity has not been read; ^r reads it"
	}
	return ""
}

func (s *Identity) whyNotEdit() string {
	if why := s.whyNotRead(); why != "" {
		return why
	}
	if s.spec.Edit == nil {
		return "nothing can be changed from here"
	}
	return ""
}

func (s *Identity) whyNotOp(op identityOp) string {
	if why := s.whyNotEdit(); why != "" {
		return why
	}
	return op.why(s.row)
}

// whyNotCopy: a heading or an empty part has nothing to copy.
func (s *Identity) whyNotCopy() string {
	if f, ok := s.detail.Current(); !ok || f.Value == "" {
		return "there is nothing to copy here"
	}
	return ""
}

func (s *Identity) whyNoEmail() string {
	if s.row.Email == "" {
		return "there is no e-mail address"
	}
	return ""
}

// copyField copies the thing itself where the field stands for one, else its text.
func (s *Identity) copyField() {
	f, _ := s.detail.Current()
	switch v := s.refs[f.Key].(type) {
	case tuple.Tuple:
		s.host.Copy("the relation tuple", v.String())
	case tuple.Subject:
		s.host.Copy("the subject", v.String())
	case kratos.Session:
		s.host.Copy("the session id", v.ID)
	case kratos.Address:
		s.host.Copy("the address", v.Value)
	case identityCredRef:
		s.host.Copy("the login name", v.identifier)
	default:
		s.host.Copy(orWord(f.Label, "the value"), f.Value)
	}
}

// nextPart moves to the first field of another part.
func (s *Identity) nextPart(n int) {
	at, first := 0, -1
	cur := s.position()
	starts := make([]int, 0, len(s.parts))
	for _, p := range s.parts {
		if len(p.Fields) > 0 {
			starts = append(starts, at)
		}
		at += len(p.Fields)
	}
	for i, start := range starts {
		if start <= cur {
			first = i
		}
	}
	if len(starts) == 0 {
		return
	}
	if n < 0 && first >= 0 && starts[first] < cur {
		n = 0 // to the start of this part first
	}
	s.detail.Move(starts[(first+n+len(starts))%len(starts)] - cur)
}

// position is the number of the field under the cursor.
func (s *Identity) position() int {
	f, _ := s.detail.Current()
	at := 0
	for _, p := range s.parts {
		for _, o := range p.Fields {
			if o.Key == f.Key {
				return at
			}
			at++
		}
	}
	return 0
}
