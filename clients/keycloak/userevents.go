package keycloak

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"gatehouse/clients"
)

// How a UserEvent was found.
const (
	// FoundByID events name the user.
	FoundByID = "id"
	// FoundByName events name nobody, but what was typed is the user's name or e-mail.
	FoundByName = "name"
	// FoundByClient events name nobody and hold no name: they are failures at the client
	// that was asked about, perhaps of somebody else.
	FoundByClient = "client"
)

// UserEvent is a login event or an admin event that is about a user.
type UserEvent struct {
	// Login or Admin is set.
	Login *Event      `json:"login,omitempty"`
	Admin *AdminEvent `json:"admin,omitempty"`
	// Found is one of the Found constants.
	Found string `json:"found"`
}

// Time is when it happened.
func (e UserEvent) Time() time.Time {
	if e.Admin != nil {
		return e.Admin.Time
	}
	if e.Login != nil {
		return e.Login.Time
	}
	return time.Time{}
}

// UserEventQuery says whose events are wanted.
type UserEventQuery struct {
	User User
	// Client, when set, brings the failures at that client that hold no name at all, such
	// as a wrong redirect URI.
	Client string
	From   time.Time
	// Scan is how many failures without a user are looked at (0: 5,000).
	Scan int
}

const (
	userEventsScan = 5000
	userEventsPage = 100
)

// namelessTypes are the failures that Keycloak 26.7.3 stores without a user id when it
// does not know, or does not say, whose attempt it was.
var namelessTypes = []string{"LOGIN_ERROR", "CODE_TO_TOKEN_ERROR", "CLIENT_LOGIN_ERROR", "IDENTITY_PROVIDER_LOGIN_ERROR", "IDENTITY_PROVIDER_FIRST_LOGIN_ERROR",
	"REGISTER_ERROR", "RESET_PASSWORD_ERROR", "SEND_RESET_PASSWORD_ERROR", "SEND_VERIFY_EMAIL_ERROR", "EXECUTE_ACTION_TOKEN_ERROR", "TOKEN_EXCHANGE_ERROR",
	"OAUTH2_DEVICE_VERIFY_USER_CODE_ERROR", "OAUTH2_DEVICE_CODE_TO_TOKEN_ERROR", "AUTHREQID_TO_TOKEN_ERROR", "PUSHED_AUTHORIZATION_REQUEST_ERROR"}

// UserEvents gives what the realm has stored about a user, the newest first: the login
// events with their id, the failures without an id in which their name or e-mail was
// typed (a wrong name, a required action in a direct grant: Keycloak 26.7.3 stores
// these without a user), and the admin events on them. Events that the realm does not
// store cannot be there; EventsConfig tells which. It reads on as far as it is ranged
// over.
func (r *Realm) UserEvents(ctx context.Context, q UserEventQuery) iter.Seq2[UserEvent, error] {
	if q.Scan < 1 {
		q.Scan = userEventsScan
	}
	return func(yield func(UserEvent, error) bool) {
		sources := []iter.Seq2[UserEvent, error]{
			mapSeq(clients.Each(ctx, r.Events(EventQuery{User: q.User.ID, From: q.From, PageSize: userEventsPage})), func(e Event) UserEvent { return UserEvent{Login: &e, Found: FoundByID} }),
			r.namelessEvents(ctx, q),
			mapSeq(clients.Each(ctx, r.AdminEvents(AdminEventQuery{ResourcePath: "*" + q.User.ID + "*", From: q.From, PageSize: userEventsPage})), func(e AdminEvent) UserEvent { return UserEvent{Admin: &e, Found: FoundByID} }),
		}
		newestFirst(sources, yield)
	}
}

// namelessEvents are failures without a user id. Those that are somebody else's are
// given too, with an empty Found, so that the merge knows how far they reach.
func (r *Realm) namelessEvents(ctx context.Context, q UserEventQuery) iter.Seq2[UserEvent, error] {
	return func(yield func(UserEvent, error) bool) {
		types := namelessTypes
		if info, err := r.s.Info(ctx); err == nil && len(info.EventTypes) > 0 { // one that it does not know makes it fail
			types = slices.DeleteFunc(slices.Clone(types), func(t string) bool { return !slices.Contains(info.EventTypes, t) })
		}
		n := 0
		for e, err := range clients.Each(ctx, r.Events(EventQuery{Types: types, From: q.From, PageSize: userEventsPage})) {
			if err != nil {
				yield(UserEvent{}, err)
				return
			}
			if n++; n > q.Scan || !yield(UserEvent{Login: &e, Found: foundBy(e, q)}, nil) {
				return
			}
		}
	}
}

// foundBy says why an event of the failures is about the user; empty when it is not.
// Keycloak stores what was typed, blanks and capitals with it.
func foundBy(e Event, q UserEventQuery) string {
	if e.UserID != "" { // it has come by its id, or is somebody else's
		return ""
	}
	named := false
	for _, key := range []string{"username", "email", "identity_provider_identity", "login_hint"} {
		typed := strings.TrimSpace(e.Details[key])
		if typed == "" {
			continue
		}
		named = true
		if strings.EqualFold(typed, q.User.Username) || q.User.Email != "" && strings.EqualFold(typed, q.User.Email) {
			return FoundByName
		}
	}
	if !named && q.Client != "" && e.ClientID == q.Client {
		return FoundByClient
	}
	return ""
}

func mapSeq[A, B any](seq iter.Seq2[A, error], f func(A) B) iter.Seq2[B, error] {
	return func(yield func(B, error) bool) {
		for a, err := range seq {
			if !yield(f(a), err) {
				return
			}
		}
	}
}

// newestFirst merges lists that each have their newest first, and leaves out what is
// not about the user.
func newestFirst(sources []iter.Seq2[UserEvent, error], yield func(UserEvent, error) bool) {
	type head struct {
		next  func() (UserEvent, error, bool)
		event UserEvent
	}
	var heads []*head
	advance := func(h *head) (alive bool, err error) {
		e, err, ok := h.next()
		h.event = e
		return ok && err == nil, err
	}
	for _, s := range sources {
		next, stop := iter.Pull2(s)
		defer stop()
		h := &head{next: next}
		alive, err := advance(h)
		if err != nil {
			yield(UserEvent{}, err)
			return
		}
		if alive {
			heads = append(heads, h)
		}
	}
	for len(heads) > 0 {
		h := slices.MaxFunc(heads, func(a, b *head) int { return a.event.Time().Compare(b.event.Time()) })
		if h.event.Found != "" && !yield(h.event, nil) {
			return
		}
		alive, err := advance(h)
		if err != nil {
			yield(UserEvent{}, err)
			return
		}
		if !alive {
			heads = slices.DeleteFunc(heads, func(o *head) bool { return o == h })
		}
	}
}
