package keycloak

import (
	"context"
	"encoding/json"
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
	return func(context.Context, string) (clients.Page[Event], error) { return clients.Page[Event]{}, notYet }
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
	return func(context.Context, string) (clients.Page[AdminEvent], error) {
		return clients.Page[AdminEvent]{}, notYet
	}
}

// EventsConfig says which events the realm keeps.
type EventsConfig struct {
	Enabled bool `json:"enabled"`
	// Expiration is how long events are kept; 0 is for ever.
	Expiration time.Duration `json:"-"`
	Listeners  []string      `json:"listeners,omitempty"`
	// Types are those that are stored; by default not all are.
	Types        []string        `json:"types,omitempty"`
	AdminEnabled bool            `json:"admin_enabled"`
	AdminDetails bool            `json:"admin_details_enabled"`
	Raw          json.RawMessage `json:"-"`
}

// EventsPatch changes the fields that are set.
type EventsPatch struct {
	Enabled, AdminEnabled, AdminDetails *bool
	Expiration                          *time.Duration
	Types, Listeners                    *[]string
}

// EventsConfig reads which events are kept.
func (r *Realm) EventsConfig(ctx context.Context) (EventsConfig, error) {
	return EventsConfig{}, notYet
}

// UpdateEventsConfig changes it. The whole body is sent back, since the server
// switches off what is left out.
func (r *Realm) UpdateEventsConfig(ctx context.Context, p EventsPatch) (clients.Change[EventsConfig], error) {
	return clients.Change[EventsConfig]{}, notYet
}
