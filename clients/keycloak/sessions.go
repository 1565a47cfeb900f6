package keycloak

import (
	"context"
	"net/url"
	"slices"
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
	out, err := all[wireSession](ctx, r.s, r.get("list offline sessions", "view-users", "users", userID, "offline-sessions", clientUUID))
	for i := range out {
		out[i].Offline = true
	}
	return out, err
}

// AllOfflineSessions lists a user's offline sessions with all clients. Which clients
// those are stands among the consents.
func (r *Realm) AllOfflineSessions(ctx context.Context, userID string) ([]Session, error) {
	consents, err := r.Consents(ctx, userID)
	if err != nil {
		return nil, err
	}
	var out []Session
	for _, c := range consents {
		if !c.OfflineToken {
			continue
		}
		client, err := r.ClientByClientID(ctx, c.ClientID)
		if err != nil {
			return nil, err
		}
		part, err := r.OfflineSessions(ctx, userID, client.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// ClientSessions lists the online sessions, or the offline ones, of a client.
func (r *Realm) ClientSessions(clientUUID string, offline bool, pageSize int) clients.Fetch[Session] {
	what := "user-sessions"
	if offline {
		what = "offline-sessions"
	}
	c := r.get("list the client's sessions", "view-clients", "clients", clientUUID, what)
	return pages(c.title(), pageSize, func(ctx context.Context, first, size int) ([]Session, error) {
		out, err := all[wireSession](ctx, r.s, c.page(first, size))
		for i := range out {
			out[i].Offline = offline
		}
		return out, err
	})
}

// CountClientSessions counts the sessions of a client without listing them.
func (r *Realm) CountClientSessions(ctx context.Context, clientUUID string, offline bool) (int, error) {
	what := "session-count"
	if offline {
		what = "offline-session-count"
	}
	var w struct {
		Count int `json:"count"`
	}
	_, err := r.s.do(ctx, r.get("count the client's sessions", "view-clients", "clients", clientUUID, what), &w)
	return w.Count, err
}

// SessionCount is how many sessions one client has.
type SessionCount struct {
	ClientUUID string `json:"id"`
	ClientID   string `json:"client_id"`
	Online     int    `json:"online"`
	Offline    int    `json:"offline"`
}

type wireSessionCount struct {
	ID       string `json:"id"`
	ClientID string `json:"clientId"`
	Active   int    `json:"active,string"`
	Offline  int    `json:"offline,string"`
}

func (w wireSessionCount) neutral() SessionCount {
	return SessionCount{ClientUUID: w.ID, ClientID: w.ClientID, Online: w.Active, Offline: w.Offline}
}

// SessionCounts counts the sessions of all clients that have any.
func (r *Realm) SessionCounts(ctx context.Context) ([]SessionCount, error) {
	return all[wireSessionCount](ctx, r.s, r.get("count sessions", "view-realm", "client-session-stats"))
}

// LogoutUser ends all online sessions of a user and makes the server refuse tokens
// from before this moment. Offline sessions stay: their tokens can still be
// renewed. LogoutEverywhere ends these too.
func (r *Realm) LogoutUser(ctx context.Context, userID string) (clients.Change[[]Session], error) {
	read := func(ctx context.Context) ([]Session, error) { return r.Sessions(ctx, userID) }
	return change(ctx, read, func([]Session) ([]Session, error) {
		_, err := r.s.do(ctx, r.post("log the user out", "manage-users", nil, "users", userID, "logout"), nil)
		return nil, err
	})
}

// LogoutEverywhere ends all online and offline sessions of a user. It is several
// requests; beside an error the change tells what is left.
func (r *Realm) LogoutEverywhere(ctx context.Context, userID string) (clients.Change[[]Session], error) {
	read := func(ctx context.Context) ([]Session, error) {
		online, err := r.Sessions(ctx, userID)
		if err != nil {
			return nil, err
		}
		offline, err := r.AllOfflineSessions(ctx, userID)
		return append(online, offline...), err
	}
	before, err := read(ctx)
	ch := clients.Change[[]Session]{Before: before}
	if err != nil {
		return ch, err
	}
	_, err = r.LogoutUser(ctx, userID)
	for _, s := range before {
		if err == nil && s.Offline {
			if err = r.EndSession(ctx, s.ID, true); clients.Is(err, clients.NotFound) {
				err = nil // somebody else was faster
			}
		}
	}
	ch.After = readBack(ctx, nil, read)
	return ch, err
}

// EndSession ends one session. An offline session must be named as such.
func (r *Realm) EndSession(ctx context.Context, sessionID string, offline bool) error {
	c := r.del("end the session", "manage-users", "sessions", sessionID)
	if offline {
		c = c.with(url.Values{"isOffline": {"true"}})
	}
	_, err := r.s.do(ctx, c, nil)
	return err
}

// Consent is what a user has allowed one client.
type Consent struct {
	ClientID     string    `json:"client_id"`
	Scopes       []string  `json:"scopes,omitempty"`
	Created      time.Time `json:"created_at,omitzero"`
	Updated      time.Time `json:"updated_at,omitzero"`
	OfflineToken bool      `json:"offline_token,omitempty"`
}

type wireConsent struct {
	ClientID            string   `json:"clientId"`
	GrantedClientScopes []string `json:"grantedClientScopes"`
	CreatedDate         int64    `json:"createdDate"`
	LastUpdatedDate     int64    `json:"lastUpdatedDate"`
	AdditionalGrants    []struct {
		Key string `json:"key"`
	} `json:"additionalGrants"`
}

func (w wireConsent) neutral() Consent {
	c := Consent{ClientID: w.ClientID, Scopes: w.GrantedClientScopes, Created: millis(w.CreatedDate), Updated: millis(w.LastUpdatedDate)}
	for _, g := range w.AdditionalGrants {
		c.OfflineToken = c.OfflineToken || g.Key == "Offline Token"
	}
	return c
}

// Consents lists what a user has allowed, and the clients with offline sessions.
func (r *Realm) Consents(ctx context.Context, userID string) ([]Consent, error) {
	return all[wireConsent](ctx, r.s, r.get("list consents", "view-users", "users", userID, "consents"))
}

// RevokeConsent takes a consent back and ends the offline sessions with that
// client. Where there is neither it is NotFound.
func (r *Realm) RevokeConsent(ctx context.Context, userID, clientID string) (clients.Change[[]Consent], error) {
	read := func(ctx context.Context) ([]Consent, error) { return r.Consents(ctx, userID) }
	return change(ctx, read, func(before []Consent) ([]Consent, error) {
		_, err := r.s.do(ctx, r.del("revoke the consent", "manage-users", "users", userID, "consents", clientID), nil)
		return slices.DeleteFunc(slices.Clone(before), func(c Consent) bool { return c.ClientID == clientID }), err
	})
}
