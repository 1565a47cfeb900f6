package keycloak

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// RealmSettings are the settings of a realm that matter for who gets in. What the
// server does not tell to our account is Unknown or empty, and Cut says so.
type RealmSettings struct {
	ID          string `json:"id,omitempty"`
	Name        string `json:"name"`
	DisplayName string `json:"display_name,omitempty"`
	Enabled     Tri    `json:"enabled"`
	// SSLRequired is "all", "external" or "none".
	SSLRequired           string `json:"ssl_required,omitempty"`
	LoginWithEmailAllowed Tri    `json:"login_with_email_allowed"`
	DuplicateEmails       Tri    `json:"duplicate_emails_allowed"`
	EmailAsUsername       Tri    `json:"registration_email_as_username"`
	EditUsernameAllowed   Tri    `json:"edit_username_allowed"`
	RegistrationAllowed   Tri    `json:"registration_allowed"`
	VerifyEmail           Tri    `json:"verify_email"`
	ResetPasswordAllowed  Tri    `json:"reset_password_allowed"`
	PasswordPolicy        string `json:"password_policy,omitempty"`

	BruteForce BruteForceSettings `json:"brute_force"`

	// DefaultRole is the role that every new user is given.
	DefaultRole Role `json:"default_role"`
	// NotBefore is the moment before which all tokens of the realm are refused.
	NotBefore        time.Time `json:"not_before,omitzero"`
	EventsEnabled    Tri       `json:"events_enabled"`
	AdminPermissions Tri       `json:"admin_permissions_enabled"`
	Organizations    Tri       `json:"organizations_enabled"`
	// HasSMTP reports whether a mail server is set up.
	HasSMTP Tri `json:"has_smtp"`
	// BrowserFlow and DirectGrantFlow are the aliases of the flows in use.
	BrowserFlow       string        `json:"browser_flow,omitempty"`
	DirectGrantFlow   string        `json:"direct_grant_flow,omitempty"`
	AccessTokenLife   time.Duration `json:"-"`
	SSOSessionIdle    time.Duration `json:"-"`
	SSOSessionMaxLife time.Duration `json:"-"`
	// Cut holds view-realm when the server gave only the stub that it gives to
	// accounts without that right.
	Cut Cut             `json:"cut,omitempty"`
	Raw json.RawMessage `json:"-"`
}

// BruteForceSettings say when failed logins lock a user.
type BruteForceSettings struct {
	Enabled   Tri `json:"enabled"`
	Permanent Tri `json:"permanent_lockout"`
	// FailureFactor is how many failures lock.
	FailureFactor     int           `json:"failure_factor,omitempty"`
	MaxTemporaryLocks int           `json:"max_temporary_lockouts,omitempty"`
	WaitIncrement     time.Duration `json:"-"`
	MaxWait           time.Duration `json:"-"`
	QuickLoginCheck   time.Duration `json:"-"`
	MinQuickLoginWait time.Duration `json:"-"`
	FailureReset      time.Duration `json:"-"`
}

// keep takes the mail server's password out of the body before it is kept; the
// server masks it by asterisks already, but not in every release.
func (s *RealmSettings) keep(b json.RawMessage) {
	var m map[string]json.RawMessage
	var smtp map[string]json.RawMessage
	if json.Unmarshal(b, &m) != nil {
		return
	}
	if json.Unmarshal(m["smtpServer"], &smtp) == nil && smtp != nil {
		delete(smtp, "password")
		delete(smtp, "authTokenClientSecret")
		m["smtpServer"], _ = json.Marshal(smtp)
	}
	s.Raw, _ = json.Marshal(m)
}

type wireRealm struct {
	ID                          string            `json:"id"`
	Realm                       string            `json:"realm"`
	DisplayName                 string            `json:"displayName"`
	Enabled                     Tri               `json:"enabled"`
	SSLRequired                 string            `json:"sslRequired"`
	LoginWithEmailAllowed       Tri               `json:"loginWithEmailAllowed"`
	DuplicateEmailsAllowed      Tri               `json:"duplicateEmailsAllowed"`
	RegistrationEmailAsUsername Tri               `json:"registrationEmailAsUsername"`
	EditUsernameAllowed         Tri               `json:"editUsernameAllowed"`
	RegistrationAllowed         Tri               `json:"registrationAllowed"`
	VerifyEmail                 Tri               `json:"verifyEmail"`
	ResetPasswordAllowed        Tri               `json:"resetPasswordAllowed"`
	PasswordPolicy              string            `json:"passwordPolicy"`
	BruteForceProtected         Tri               `json:"bruteForceProtected"`
	PermanentLockout            Tri               `json:"permanentLockout"`
	FailureFactor               int               `json:"failureFactor"`
	MaxTemporaryLockouts        int               `json:"maxTemporaryLockouts"`
	WaitIncrementSeconds        int64             `json:"waitIncrementSeconds"`
	MaxFailureWaitSeconds       int64             `json:"maxFailureWaitSeconds"`
	QuickLoginCheckMilliSeconds int64             `json:"quickLoginCheckMilliSeconds"`
	MinimumQuickLoginWait       int64             `json:"minimumQuickLoginWaitSeconds"`
	MaxDeltaTimeSeconds         int64             `json:"maxDeltaTimeSeconds"`
	DefaultRole                 wireRole          `json:"defaultRole"`
	NotBefore                   int64             `json:"notBefore"`
	EventsEnabled               Tri               `json:"eventsEnabled"`
	AdminPermissionsEnabled     Tri               `json:"adminPermissionsEnabled"`
	OrganizationsEnabled        Tri               `json:"organizationsEnabled"`
	SMTPServer                  map[string]string `json:"smtpServer"`
	BrowserFlow                 string            `json:"browserFlow"`
	DirectGrantFlow             string            `json:"directGrantFlow"`
	AccessTokenLifespan         int64             `json:"accessTokenLifespan"`
	SSOSessionIdleTimeout       int64             `json:"ssoSessionIdleTimeout"`
	SSOSessionMaxLifespan       int64             `json:"ssoSessionMaxLifespan"`
}

func (w wireRealm) neutral() RealmSettings {
	secs := func(n int64) time.Duration { return time.Duration(n) * time.Second }
	s := RealmSettings{ID: w.ID, Name: w.Realm, DisplayName: w.DisplayName, Enabled: w.Enabled, SSLRequired: w.SSLRequired,
		LoginWithEmailAllowed: w.LoginWithEmailAllowed, DuplicateEmails: w.DuplicateEmailsAllowed,
		EmailAsUsername: w.RegistrationEmailAsUsername, EditUsernameAllowed: w.EditUsernameAllowed,
		RegistrationAllowed: w.RegistrationAllowed, VerifyEmail: w.VerifyEmail, ResetPasswordAllowed: w.ResetPasswordAllowed,
		PasswordPolicy: w.PasswordPolicy,
		BruteForce: BruteForceSettings{Enabled: w.BruteForceProtected, Permanent: w.PermanentLockout, FailureFactor: w.FailureFactor,
			MaxTemporaryLocks: w.MaxTemporaryLockouts, WaitIncrement: secs(w.WaitIncrementSeconds), MaxWait: secs(w.MaxFailureWaitSeconds),
			QuickLoginCheck: time.Duration(w.QuickLoginCheckMilliSeconds) * time.Millisecond, MinQuickLoginWait: secs(w.MinimumQuickLoginWait),
			FailureReset: secs(w.MaxDeltaTimeSeconds)},
		DefaultRole: w.DefaultRole.neutral(), NotBefore: seconds(w.NotBefore), EventsEnabled: w.EventsEnabled,
		AdminPermissions: w.AdminPermissionsEnabled, Organizations: w.OrganizationsEnabled,
		BrowserFlow: w.BrowserFlow, DirectGrantFlow: w.DirectGrantFlow, AccessTokenLife: secs(w.AccessTokenLifespan),
		SSOSessionIdle: secs(w.SSOSessionIdleTimeout), SSOSessionMaxLife: secs(w.SSOSessionMaxLifespan)}
	if !w.Enabled.Known() {
		s.Cut = Cut{"view-realm"}
		return s
	}
	s.HasSMTP = triOf(w.SMTPServer["host"] != "")
	return s
}

// Realms lists the realms that our account can see, by name and little more.
func (s *Server) Realms(ctx context.Context) ([]RealmSettings, error) {
	return all[wireRealm](ctx, s, call{op: "list realms", needs: "view-realm", method: http.MethodGet,
		path: []string{"admin", "realms"}, query: url.Values{"briefRepresentation": {"true"}}})
}

// Settings reads the settings of the realm, with Raw.
func (r *Realm) Settings(ctx context.Context) (RealmSettings, error) {
	s, err := one[wireRealm](ctx, r.s, r.get("read the settings", "view-realm"))
	if err == nil { // they tell about our rights, and which role is the default one
		r.right("view-realm").put(triOf(!s.Cut.Any()), rightsLife)
		r.state.defaultRole.put(s.DefaultRole.ID, nameLife)
	}
	return s, err
}

// RequiredAction is something a realm can make its users do at login.
type RequiredAction struct {
	Alias string `json:"alias"`
	Name  string `json:"name"`
	// Enabled actions stop a browser login; a direct grant is stopped by any.
	Enabled bool `json:"enabled"`
	// Default actions are given to every new user.
	Default  bool `json:"default"`
	Priority int  `json:"priority"`
}

type wireAction struct {
	Alias         string `json:"alias"`
	Name          string `json:"name"`
	Enabled       bool   `json:"enabled"`
	DefaultAction bool   `json:"defaultAction"`
	Priority      int    `json:"priority"`
}

func (w wireAction) neutral() RequiredAction {
	return RequiredAction{Alias: w.Alias, Name: w.Name, Enabled: w.Enabled, Default: w.DefaultAction, Priority: w.Priority}
}

// RequiredActions lists the required actions that the realm knows, by priority.
func (r *Realm) RequiredActions(ctx context.Context) ([]RequiredAction, error) {
	actions, err := all[wireAction](ctx, r.s, r.get("list required actions", "view-realm or view-users", "authentication", "required-actions"))
	slices.SortStableFunc(actions, func(a, b RequiredAction) int { return cmp.Compare(a.Priority, b.Priority) })
	return actions, err
}
