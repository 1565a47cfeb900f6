package keycloak

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/clients"
)

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

func (e *EventsConfig) keep(b json.RawMessage) { e.Raw = b }

type wireEventsConfig struct {
	EventsEnabled             bool     `json:"eventsEnabled"`
	EventsExpiration          int64    `json:"eventsExpiration"`
	EventsListeners           []string `json:"eventsListeners"`
	EnabledEventTypes         []string `json:"enabledEventTypes"`
	AdminEventsEnabled        bool     `json:"adminEventsEnabled"`
	AdminEventsDetailsEnabled bool     `json:"adminEventsDetailsEnabled"`
}

func (w wireEventsConfig) neutral() EventsConfig {
	return EventsConfig{Enabled: w.EventsEnabled, Expiration: time.Duration(w.EventsExpiration) * time.Second, Listeners: w.EventsListeners,
		Types: w.EnabledEventTypes, AdminEnabled: w.AdminEventsEnabled, AdminDetails: w.AdminEventsDetailsEnabled}
}

// EventsPatch changes the fields that are set.
type EventsPatch struct {
	Enabled, AdminEnabled, AdminDetails *bool
	Expiration                          *time.Duration
	Types, Listeners                    *[]string
}

// EventsConfig reads which events are kept.
func (r *Realm) EventsConfig(ctx context.Context) (EventsConfig, error) {
	return one[wireEventsConfig](ctx, r.s, r.get("read the events configuration", "view-events", "events", "config"))
}

// UpdateEventsConfig changes it. The whole body goes back, as it was read a moment
// before, since the server switches off what is left out.
func (r *Realm) UpdateEventsConfig(ctx context.Context, p EventsPatch) (clients.Change[EventsConfig], error) {
	const op = "change the events configuration"
	return change(ctx, r.EventsConfig, func(before EventsConfig) (EventsConfig, error) {
		body := map[string]any{}
		if err := json.Unmarshal(before.Raw, &body); err != nil {
			return before, r.s.notKeycloak(r.get(op, ""), err)
		}
		set(body, "eventsEnabled", p.Enabled)
		set(body, "adminEventsEnabled", p.AdminEnabled)
		set(body, "adminEventsDetailsEnabled", p.AdminDetails)
		if p.Expiration != nil {
			body["eventsExpiration"] = int64(p.Expiration.Seconds())
		}
		if p.Types != nil {
			body["enabledEventTypes"] = list(*p.Types)
		}
		if p.Listeners != nil {
			body["eventsListeners"] = list(*p.Listeners)
		}
		_, err := r.s.do(ctx, r.put(op, "manage-events", body, "events", "config"), nil)
		after := before
		after.Enabled, after.AdminEnabled, after.AdminDetails = or(p.Enabled, before.Enabled), or(p.AdminEnabled, before.AdminEnabled), or(p.AdminDetails, before.AdminDetails)
		after.Expiration, after.Types, after.Listeners = or(p.Expiration, before.Expiration), or(p.Types, before.Types), or(p.Listeners, before.Listeners)
		return after, err
	})
}
