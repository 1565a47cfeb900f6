package keycloak

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"gatehouse/clients"
)

// Event is one entry of the login event log.
type Event struct {
	ID        string    `json:"id,omitempty"`
	Time      time.Time `json:"time"`
	Type      string    `json:"type"`
	ClientID  string    `json:"client_id,omitempty"`
	UserID    string    `json:"user_id,omitempty"`
	SessionID string    `json:"session_id,omitempty"`
	IP        string    `json:"ip,omitempty"`
	// Error is the reason of a failure ("invalid_user_credentials").
	Error   string            `json:"error,omitempty"`
	Details map[string]string `json:"details,omitempty"`
}

type wireEvent struct {
	ID        string            `json:"id"`
	Time      int64             `json:"time"`
	Type      string            `json:"type"`
	ClientID  string            `json:"clientId"`
	UserID    string            `json:"userId"`
	SessionID string            `json:"sessionId"`
	IPAddress string            `json:"ipAddress"`
	Error     string            `json:"error"`
	Details   map[string]string `json:"details"`
}

func (w wireEvent) neutral() Event {
	return Event{ID: w.ID, Time: millis(w.Time), Type: w.Type, ClientID: w.ClientID, UserID: w.UserID, SessionID: w.SessionID, IP: w.IPAddress, Error: w.Error, Details: w.Details}
}

// EventQuery narrows the login events.
type EventQuery struct {
	// Types are event types; one that the server does not know makes it fail, so it is
	// refused here where the server's list can be read.
	Types []string
	// User is a user id. Many failures carry none (a wrong name, a required action in
	// a direct grant): ask also by Client and compare Details["username"].
	User, Client, IP string
	From, To         time.Time
	// OldestFirst turns the order round; the newest come first otherwise.
	OldestFirst bool
	PageSize    int
}

// Events lists login events. They are off by default; EventsConfig tells.
func (r *Realm) Events(q EventQuery) clients.Fetch[Event] {
	v := url.Values{}
	setIf(v, "user", q.User)
	setIf(v, "client", q.Client)
	setIf(v, "ipAddress", q.IP)
	v["type"] = q.Types
	if q.OldestFirst {
		v.Set("direction", "asc")
	}
	c := r.get("list events", "view-events", "events").with(v)
	return eventPages[wireEvent](r, c, eventSpan{q.From, q.To, q.PageSize}, len(q.Types) > 0,
		func(ctx context.Context, i ServerInfo) error {
			return r.checkWords(c.op, "event type", q.Types, i.EventTypes)
		},
		func(e Event) time.Time { return e.Time })
}

// eventSpan is what the two kinds of event lists have in common.
type eventSpan struct {
	from, to time.Time
	size     int
}

func (s eventSpan) contains(t time.Time) bool {
	return (s.from.IsZero() || !t.Before(s.from)) && (s.to.IsZero() || !t.After(s.to))
}

// eventPages pages an event list. Words that the server does not know would make it
// fail, so they are checked first; words says that there are any. Newer servers take
// the span in milliseconds;
// older ones take whole days, and then we cut the rest off.
func eventPages[W wire[T], T any](r *Realm, c call, span eventSpan, words bool, check func(context.Context, ServerInfo) error, at func(T) time.Time) clients.Fetch[T] {
	return func(ctx context.Context, cursor string) (clients.Page[T], error) {
		if words {
			if info, err := r.s.Info(ctx); err == nil {
				if err := check(ctx, info); err != nil {
					return clients.Page[T]{}, err
				}
			}
		}
		read := func(ctx context.Context, first, size int) ([]T, error) {
			if !r.s.lacks("event-millis") {
				got, err := all[W](ctx, r.s, span.millis(c.page(first, size)))
				if span.from.IsZero() && span.to.IsZero() || !clients.Is(err, clients.Invalid) {
					return got, err
				}
				r.s.learnLack("event-millis")
			}
			return all[W](ctx, r.s, span.days(c.page(first, size)))
		}
		return filtered(pages(c.title(), span.size, read), func(e T) bool { return span.contains(at(e)) })(ctx, cursor)
	}
}

func (s eventSpan) millis(c call) call {
	return s.write(c, func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) })
}

func (s eventSpan) days(c call) call {
	return s.write(c, func(t time.Time) string { return t.Format(time.DateOnly) })
}

func (s eventSpan) write(c call, format func(time.Time) string) call {
	if !s.from.IsZero() {
		c.query.Set("dateFrom", format(s.from))
	}
	if !s.to.IsZero() {
		c.query.Set("dateTo", format(s.to))
	}
	return c
}

// checkWords refuses words that are not among those that the server lists.
func (r *Realm) checkWords(op, what string, words, known []string) error {
	if len(known) == 0 {
		return nil
	}
	for _, w := range words {
		if !slices.Contains(known, w) {
			return r.refuse(op, fmt.Sprintf("this server has no %s %q", what, w), "")
		}
	}
	return nil
}

// AdminEvent is one entry of the log of what administrators changed.
type AdminEvent struct {
	ID           string    `json:"id,omitempty"`
	Time         time.Time `json:"time"`
	Operation    string    `json:"operation"` // CREATE, UPDATE, DELETE or ACTION
	ResourceType string    `json:"resource_type"`
	ResourcePath string    `json:"resource_path"`
	Error        string    `json:"error,omitempty"`
	AuthRealm    string    `json:"auth_realm,omitempty"`
	AuthClient   string    `json:"auth_client,omitempty"`
	AuthUser     string    `json:"auth_user,omitempty"`
	AuthIP       string    `json:"auth_ip,omitempty"`
	// Representation is the JSON that was written, when the realm keeps it.
	Representation json.RawMessage `json:"representation,omitempty"`
}

type wireAdminEvent struct {
	ID             string `json:"id"`
	Time           int64  `json:"time"`
	OperationType  string `json:"operationType"`
	ResourceType   string `json:"resourceType"`
	ResourcePath   string `json:"resourcePath"`
	Representation string `json:"representation"` // JSON in a string
	Error          string `json:"error"`
	AuthDetails    struct {
		RealmID   string `json:"realmId"`
		ClientID  string `json:"clientId"`
		UserID    string `json:"userId"`
		IPAddress string `json:"ipAddress"`
	} `json:"authDetails"`
}

func (w wireAdminEvent) neutral() AdminEvent {
	e := AdminEvent{ID: w.ID, Time: millis(w.Time), Operation: w.OperationType, ResourceType: w.ResourceType, ResourcePath: w.ResourcePath,
		Error: w.Error, AuthRealm: w.AuthDetails.RealmID, AuthClient: w.AuthDetails.ClientID, AuthUser: w.AuthDetails.UserID, AuthIP: w.AuthDetails.IPAddress}
	if json.Valid([]byte(w.Representation)) {
		e.Representation = json.RawMessage(w.Representation)
	}
	return e
}

// AdminEventQuery narrows the admin events.
type AdminEventQuery struct {
	Operations, ResourceTypes []string
	// ResourcePath takes * as a wildcard.
	ResourcePath                            string
	AuthRealm, AuthClient, AuthUser, AuthIP string
	From, To                                time.Time
	OldestFirst                             bool
	PageSize                                int
}

// AdminEvents lists what administrators changed; off by default.
func (r *Realm) AdminEvents(q AdminEventQuery) clients.Fetch[AdminEvent] {
	v := url.Values{"operationTypes": q.Operations, "resourceTypes": q.ResourceTypes}
	setIf(v, "resourcePath", q.ResourcePath)
	setIf(v, "authRealm", q.AuthRealm)
	setIf(v, "authClient", q.AuthClient)
	setIf(v, "authUser", q.AuthUser)
	setIf(v, "authIpAddress", q.AuthIP)
	if q.OldestFirst {
		v.Set("direction", "asc")
	}
	c := r.get("list admin events", "view-events", "admin-events").with(v)
	return eventPages[wireAdminEvent](r, c, eventSpan{q.From, q.To, q.PageSize}, len(q.Operations)+len(q.ResourceTypes) > 0, func(ctx context.Context, i ServerInfo) error {
		if err := r.checkWords(c.op, "operation", q.Operations, i.Operations); err != nil {
			return err
		}
		return r.checkWords(c.op, "resource type", q.ResourceTypes, i.ResourceTypes)
	}, func(e AdminEvent) time.Time { return e.Time })
}
