package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/access/login"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// Inputs are what a person supplies to a fix, by the name that its writes ask for
// ("password"). They are never printed or kept.
type Inputs map[string]string

// Applied is a fix that was carried out, as far as it got.
type Applied struct {
	Fix  login.Fix `json:"fix"`
	Done []Done    `json:"done"`

	x *Explainer
}

// Done is one write with what was there before and is there now, in JSON.
type Done struct {
	login.Write
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`

	move move
}

// move is a write that is ready to be carried out.
type move struct {
	// look reads what the write changes; the same before and after means unchanged.
	look func(context.Context) (any, error)
	do   func(context.Context) error
	// back undoes it; nil where it cannot be.
	back func(context.Context) error
}

// Apply carries out a fix, write by write, and drops what was remembered of the realm.
// When a write fails the ones before it stand, and Applied has them; a write of which
// no answer came is a Problem of kind UnknownOutcome.
func (x *Explainer) Apply(ctx context.Context, f login.Fix, in Inputs) (*Applied, error) {
	defer x.Forget()
	out := &Applied{Fix: f, x: x}
	if len(f.Writes) == 0 {
		return out, invalid("this fix has nothing to write: " + f.Summary)
	}
	for _, w := range f.Writes {
		if w.Realm != "" && w.Realm != x.realm.Name() {
			return out, invalid(fmt.Sprintf("the fix is for the realm %s, not for %s", w.Realm, x.realm.Name()))
		}
		if w.Input != "" && in[w.Input] == "" {
			return out, invalid("the fix needs a " + w.Input)
		}
	}
	for _, w := range f.Writes {
		m, err := x.move(ctx, w, in)
		if err != nil {
			return out, err
		}
		d := Done{Write: w, move: m}
		if d.Before, err = m.image(ctx); err != nil {
			return out, err
		}
		if err := m.do(ctx); err != nil {
			if clients.Is(err, clients.UnknownOutcome) { // look what became of it
				now, lerr := m.image(context.WithoutCancel(ctx))
				if d.After = now; lerr == nil && string(now) != string(d.Before) {
					out.Done = append(out.Done, d)
				}
			}
			return out, err
		}
		x.note(w)
		d.After, _ = m.image(context.WithoutCancel(ctx)) // the write stands, whatever becomes of this read
		out.Done = append(out.Done, d)
	}
	return out, nil
}

// note remembers what no later read of the server tells.
func (x *Explainer) note(w login.Write) {
	if w.Op != login.OpSetClientSecret {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.secrets == nil {
		x.secrets = map[string]time.Time{}
	}
	x.secrets[w.Client] = time.Now()
}

func invalid(reason string) error {
	return &clients.Problem{Kind: clients.Invalid, Op: "apply the fix", Reason: reason}
}

func (m move) image(ctx context.Context) (json.RawMessage, error) {
	if m.look == nil {
		return nil, nil
	}
	v, err := m.look(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// Resume makes a fix that was carried out before, by whatever process, one that can be
// undone: out of its writes with what was there before and after each. Writes that
// changed nothing have nothing to take back.
func (x *Explainer) Resume(ctx context.Context, done []Done) (*Applied, error) {
	out := &Applied{x: x}
	for _, d := range done {
		if d.Realm != "" && d.Realm != x.realm.Name() {
			return out, invalid(fmt.Sprintf("the fix was for the realm %s, not for %s", d.Realm, x.realm.Name()))
		}
		var err error
		if d.Before, err = compact(d.Before); err != nil {
			return out, err
		}
		if d.After, err = compact(d.After); err != nil {
			return out, err
		}
		if string(d.Before) == string(d.After) && d.Before != nil {
			continue
		}
		if d.move, err = x.move(withBefore(ctx, d.Before), d.Write, Inputs{}); err != nil {
			return out, err
		}
		out.Done = append(out.Done, d)
	}
	return out, nil
}

func compact(raw json.RawMessage) (json.RawMessage, error) {
	if raw == nil {
		return nil, nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, invalid("what was there before is not readable: " + err.Error())
	}
	return b.Bytes(), nil
}

type beforeKey struct{}

// withBefore makes moves go back to what was there then, in place of what is there now.
func withBefore(ctx context.Context, before json.RawMessage) context.Context {
	return context.WithValue(ctx, beforeKey{}, before)
}

// asBefore puts what was there before a write, if that is known, over what was read now.
func asBefore(ctx context.Context, v any) error {
	before, _ := ctx.Value(beforeKey{}).(json.RawMessage)
	if before == nil {
		return nil
	}
	return json.Unmarshal(before, v)
}

// CanUndo reports whether every write can be taken back.
func (a *Applied) CanUndo() bool {
	return len(a.Done) > 0 && !slices.ContainsFunc(a.Done, func(d Done) bool { return d.move.back == nil })
}

// Undo takes the writes back, the last first. It refuses (Conflict) where somebody
// changed the same thing in between.
func (a *Applied) Undo(ctx context.Context) error {
	if !a.CanUndo() {
		return invalid("this fix cannot be undone")
	}
	defer a.x.Forget()
	for i := len(a.Done) - 1; i >= 0; i-- {
		d := a.Done[i]
		now, err := d.move.image(ctx)
		if err != nil {
			return err
		}
		if string(now) != string(d.After) {
			return &clients.Problem{Kind: clients.Conflict, Op: "undo the fix", Reason: "somebody changed the same thing since", Hint: "look at it before you change it again"}
		}
		if err := d.move.back(ctx); err != nil {
			return err
		}
		a.Done = a.Done[:i]
	}
	return nil
}

// move prepares a write.
func (x *Explainer) move(ctx context.Context, w login.Write, in Inputs) (move, error) {
	for _, find := range []func(context.Context, login.Write, Inputs) (*move, error){x.userMove, x.realmMove, x.clientMove, x.roleMove, x.claimMove} {
		m, err := find(ctx, w, in)
		if err != nil {
			return move{}, err
		}
		if m != nil {
			return *m, nil
		}
	}
	return move{}, invalid(fmt.Sprintf("there is no write %q", w.Op))
}

// drop makes a function of one that also answers with what it changed.
func drop[T any](_ T, err error) error { return err }

// userID finds the id of the user of a write.
func (x *Explainer) userID(ctx context.Context, w login.Write) (string, error) {
	if w.UserID != "" {
		return w.UserID, nil
	}
	u, err := x.realm.UserByUsername(ctx, w.User)
	return u.ID, err
}

// userFace is what of a user the writes here change.
type userFace struct {
	Enabled         bool                `json:"enabled"`
	EmailVerified   bool                `json:"email_verified"`
	Email           string              `json:"email"`
	FirstName       string              `json:"first_name"`
	LastName        string              `json:"last_name"`
	Attributes      map[string][]string `json:"attributes,omitempty"`
	RequiredActions []string            `json:"required_actions,omitempty"`
}

// userBefore is a user as it was before a write.
func userBefore(ctx context.Context, u keycloak.User) (keycloak.User, error) {
	f := userFace{u.Enabled, u.EmailVerified, u.Email, u.FirstName, u.LastName, u.Attributes, u.RequiredActions}
	if ctx.Value(beforeKey{}) != nil {
		f.Attributes, f.RequiredActions = nil, []string{}
	}
	err := asBefore(ctx, &f)
	u.Enabled, u.EmailVerified, u.Email, u.FirstName, u.LastName, u.Attributes, u.RequiredActions =
		f.Enabled, f.EmailVerified, f.Email, f.FirstName, f.LastName, f.Attributes, f.RequiredActions
	return u, err
}

func (x *Explainer) userMove(ctx context.Context, w login.Write, in Inputs) (*move, error) {
	r := x.realm
	if w.Op == login.OpCreateUser {
		return x.createUser(w, in), nil
	}
	if !slices.Contains([]login.Op{login.OpUnlock, login.OpEnableUser, login.OpSetPassword, login.OpRemoveCredential, login.OpClearAction,
		login.OpVerifyEmail, login.OpSetUserField, login.OpEndSessions, login.OpJoinGroup, login.OpJoinOrganization}, w.Op) {
		return nil, nil
	}
	id, err := x.userID(ctx, w)
	if err != nil {
		return nil, err
	}
	u, err := r.User(ctx, id)
	if err != nil {
		return nil, err
	}
	if u, err = userBefore(ctx, u); err != nil {
		return nil, err
	}
	look := func(ctx context.Context) (any, error) {
		u, err := r.User(ctx, id)
		slices.Sort(u.RequiredActions)
		return userFace{u.Enabled, u.EmailVerified, u.Email, u.FirstName, u.LastName, u.Attributes, u.RequiredActions}, err
	}
	update := func(p keycloak.UserPatch) func(context.Context) error {
		return func(ctx context.Context) error { return drop(r.UpdateUser(ctx, id, p)) }
	}
	switch w.Op {
	case login.OpUnlock:
		return &move{look: func(ctx context.Context) (any, error) { return r.Lock(ctx, id) }, do: func(ctx context.Context) error { return drop(r.Unlock(ctx, id)) }}, nil
	case login.OpEnableUser:
		return &move{look, update(keycloak.UserPatch{Enabled: new(true)}), update(keycloak.UserPatch{Enabled: new(u.Enabled)})}, nil
	case login.OpVerifyEmail:
		return x.verifyEmail(u, look, update), nil
	case login.OpClearAction:
		rest := slices.DeleteFunc(slices.Clone(u.RequiredActions), func(a string) bool { return a == w.Name })
		return &move{look, update(keycloak.UserPatch{RequiredActions: &rest}), update(keycloak.UserPatch{RequiredActions: &u.RequiredActions})}, nil
	case login.OpSetUserField:
		do, back := fieldPatches(u, w.Name, in[w.Input])
		return &move{look, update(do), update(back)}, nil
	}
	return x.userThing(w, id, in), nil
}

// verifyEmail also takes the action away that a failed login has written.
func (x *Explainer) verifyEmail(u keycloak.User, look func(context.Context) (any, error), update func(keycloak.UserPatch) func(context.Context) error) *move {
	rest := slices.DeleteFunc(slices.Clone(u.RequiredActions), func(a string) bool { return a == "VERIFY_EMAIL" })
	do := keycloak.UserPatch{EmailVerified: new(true)}
	back := keycloak.UserPatch{EmailVerified: new(u.EmailVerified)}
	if len(rest) != len(u.RequiredActions) {
		do.RequiredActions, back.RequiredActions = &rest, &u.RequiredActions
	}
	return &move{look, update(do), update(back)}
}

func fieldPatches(u keycloak.User, name, value string) (do, back keycloak.UserPatch) {
	switch name {
	case "email":
		return keycloak.UserPatch{Email: &value}, keycloak.UserPatch{Email: &u.Email}
	case "firstName":
		return keycloak.UserPatch{FirstName: &value}, keycloak.UserPatch{FirstName: &u.FirstName}
	case "lastName":
		return keycloak.UserPatch{LastName: &value}, keycloak.UserPatch{LastName: &u.LastName}
	}
	return keycloak.UserPatch{Attributes: map[string][]string{name: {value}}}, keycloak.UserPatch{Attributes: map[string][]string{name: u.Attributes[name]}}
}

// userThing are writes to what belongs to a user but is not in its account.
func (x *Explainer) userThing(w login.Write, id string, in Inputs) *move {
	r := x.realm
	credentials := func(ctx context.Context) (any, error) { return r.Credentials(ctx, id) }
	switch w.Op {
	case login.OpSetPassword:
		return &move{look: credentials, do: func(ctx context.Context) error { return drop(r.ResetPassword(ctx, id, in[w.Input], false)) }}
	case login.OpRemoveCredential:
		return &move{look: credentials, do: func(ctx context.Context) error { return drop(r.DeleteCredential(ctx, id, w.ID)) }}
	case login.OpEndSessions:
		return &move{look: func(ctx context.Context) (any, error) { return r.Sessions(ctx, id) }, do: func(ctx context.Context) error { return drop(r.LogoutUser(ctx, id)) }}
	case login.OpJoinOrganization:
		return &move{look: func(ctx context.Context) (any, error) { return r.OrganizationsOfUser(ctx, id) },
			do:   func(ctx context.Context) error { return r.JoinOrganization(ctx, w.ID, id) },
			back: func(ctx context.Context) error { return r.LeaveOrganization(ctx, w.ID, id) }}
	case login.OpJoinGroup:
		return x.joinGroup(w, id)
	}
	return nil
}

func (x *Explainer) joinGroup(w login.Write, id string) *move {
	r := x.realm
	change := func(f func(context.Context, string, string) (clients.Change[[]keycloak.Group], error)) func(context.Context) error {
		return func(ctx context.Context) error {
			g, err := r.GroupByPath(ctx, w.Name)
			if err != nil {
				return err
			}
			return drop(f(ctx, id, g.ID))
		}
	}
	look := func(ctx context.Context) (any, error) {
		var paths []string
		for g, err := range clients.Each(ctx, r.UserGroups(id, keycloak.GroupQuery{Brief: true})) {
			if err != nil {
				return nil, err
			}
			paths = append(paths, g.Path)
		}
		slices.Sort(paths)
		return paths, nil
	}
	return &move{look, change(r.JoinGroup), change(r.LeaveGroup)}
}

// createUser makes an account with a password. The rest of its profile the person
// fills in at the first login, so that an incomplete one is the next cause.
func (x *Explainer) createUser(w login.Write, in Inputs) *move {
	r := x.realm
	return &move{
		look: func(ctx context.Context) (any, error) {
			u, err := r.UserByUsername(ctx, w.User)
			if clients.Is(err, clients.NotFound) {
				return nil, nil
			}
			return u.ID, err
		},
		do: func(ctx context.Context) error {
			return drop(r.CreateUser(ctx, keycloak.NewUser{Username: w.User, Password: in[w.Input], Email: in["email"], FirstName: in["firstName"], LastName: in["lastName"],
				EmailVerified: in["email"] != ""}))
		},
		back: func(ctx context.Context) error {
			u, err := r.UserByUsername(ctx, w.User)
			if err != nil {
				return err
			}
			return drop(r.DeleteUser(ctx, u.ID))
		},
	}
}
