package keycloak

import (
	"context"
	"time"

	"gatehouse/clients"
)

// Session is one login of a user, with the clients it was used for.
type Session struct {
	ID         string    `json:"id"`
	UserID     string    `json:"user_id"`
	Username   string    `json:"username"`
	IP         string    `json:"ip"`
	Start      time.Time `json:"start_at,omitzero"`
	LastAccess time.Time `json:"last_access_at,omitzero"`
	RememberMe bool      `json:"remember_me,omitempty"`
	// Clients are clientIds by client UUID.
	Clients map[string]string `json:"clients,omitempty"`
	// Offline sessions outlive a logout; they belong to one client.
	Offline bool `json:"offline,omitempty"`
}

type wireSession struct {
	ID         string            `json:"id"`
	UserID     string            `json:"userId"`
	Username   string            `json:"username"`
	IPAddress  string            `json:"ipAddress"`
	Start      int64             `json:"start"`
	LastAccess int64             `json:"lastAccess"`
	RememberMe bool              `json:"rememberMe"`
	Clients    map[string]string `json:"clients"`
}

func (w wireSession) neutral() Session {
	return Session{ID: w.ID, UserID: w.UserID, Username: w.Username, IP: w.IPAddress, Start: millis(w.Start),
		LastAccess: millis(w.LastAccess), RememberMe: w.RememberMe, Clients: w.Clients}
}

// Sessions lists a user's online sessions; offline ones are not among them.
func (r *Realm) Sessions(ctx context.Context, userID string) ([]Session, error) {
	return all[wireSession](ctx, r.s, r.get("list sessions", "view-users", "users", userID, "sessions"))
}

// OfflineSessions lists a user's offline sessions with one client.
func (r *Realm) OfflineSessions(ctx context.Context, userID, clientUUID string) ([]Session, error) {
	return nil, notYet
}

// ClientSessions lists the online sessions, or the offline ones, of a client.
func (r *Realm) ClientSessions(clientUUID string, offline bool, pageSize int) clients.Fetch[Session] {
	return func(context.Context, string) (clients.Page[Session], error) { return clients.Page[Session]{}, notYet }
}

// CountClientSessions counts the sessions of a client without listing them.
func (r *Realm) CountClientSessions(ctx context.Context, clientUUID string, offline bool) (int, error) {
	return 0, notYet
}

// SessionCount is how many sessions one client has.
type SessionCount struct {
	ClientUUID string `json:"id"`
	ClientID   string `json:"client_id"`
	Online     int    `json:"online"`
	Offline    int    `json:"offline"`
}

// SessionCounts counts the sessions of all clients that have any.
func (r *Realm) SessionCounts(ctx context.Context) ([]SessionCount, error) { return nil, notYet }

// LogoutUser ends all online sessions of a user and makes the server refuse tokens
// from before this moment. Offline sessions stay: their tokens can still be renewed
// unless they are ended with EndSession or by revoking the consent.
func (r *Realm) LogoutUser(ctx context.Context, userID string) (clients.Change[[]Session], error) {
	return clients.Change[[]Session]{}, notYet
}

// EndSession ends one session. An offline session must be named as such.
func (r *Realm) EndSession(ctx context.Context, sessionID string, offline bool) error { return notYet }

// Consent is what a user has allowed one client.
type Consent struct {
	ClientID     string    `json:"client_id"`
	Scopes       []string  `json:"scopes,omitempty"`
	Created      time.Time `json:"created_at,omitzero"`
	Updated      time.Time `json:"updated_at,omitzero"`
	OfflineToken bool      `json:"offline_token,omitempty"`
}

// Consents lists what a user has allowed, and the clients with offline sessions.
func (r *Realm) Consents(ctx context.Context, userID string) ([]Consent, error) { return nil, notYet }

// RevokeConsent takes a consent back and ends the offline sessions with that
// client. Where there is neither it is NotFound.
func (r *Realm) RevokeConsent(ctx context.Context, userID, clientID string) (clients.Change[[]Consent], error) {
	return clients.Change[[]Consent]{}, notYet
}
