package keycloak

import (
	"context"
	"errors"
	"net/url"
	"time"

	"gatehouse/clients"
)

// DeviceLogin is a login by the device flow (RFC 8628): a person opens a page in any
// browser and types the code. The client must have the flow switched on; new
// clients have not.
type DeviceLogin struct {
	// UserCode is what the person types at URL; URLComplete holds it already.
	UserCode, URL, URLComplete string
	// Expires is when the code ends, Interval the pause between two polls.
	Expires  time.Time
	Interval time.Duration

	code string
	auth ClientAuth
}

// DeviceStart begins a login by the device flow.
func (r *Realm) DeviceStart(ctx context.Context, a ClientAuth, scope string) (DeviceLogin, error) {
	f := url.Values{}
	setIf(f, "scope", scope)
	if f.Get("client_id") == "" {
		f.Set("client_id", a.ID)
	}
	var w struct {
		DeviceCode              string `json:"device_code"`
		UserCode                string `json:"user_code"`
		VerificationURI         string `json:"verification_uri"`
		VerificationURIComplete string `json:"verification_uri_complete"`
		ExpiresIn               int64  `json:"expires_in"`
		Interval                int64  `json:"interval"`
	}
	asked := time.Now()
	if _, err := r.s.do(ctx, r.protocol("begin a device login", a, f, nil, "auth", "device"), &w); err != nil {
		return DeviceLogin{}, err
	}
	if w.Interval <= 0 {
		w.Interval = 5 // RFC 8628 §3.2
	}
	return DeviceLogin{UserCode: w.UserCode, URL: w.VerificationURI, URLComplete: w.VerificationURIComplete,
		Expires: asked.Add(time.Duration(w.ExpiresIn) * time.Second), Interval: time.Duration(w.Interval) * time.Second,
		code: w.DeviceCode, auth: a}, nil
}

// DevicePoll asks once whether the person is done. While not, done is false and err
// nil; slower is set when the server wants longer pauses.
func (r *Realm) DevicePoll(ctx context.Context, d DeviceLogin) (t Token, done, slower bool, err error) {
	t, err = r.token(ctx, "finish the device login", d.auth, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {d.code}}, d.code)
	if se, ok := errors.AsType[*ServerError](err); ok && (se.Code == "authorization_pending" || se.Code == "slow_down") {
		return Token{}, false, se.Code == "slow_down", nil
	}
	return t, err == nil, false, err
}

// DeviceWait polls until the person is done, the code ends or ctx does.
func (r *Realm) DeviceWait(ctx context.Context, d DeviceLogin) (Token, error) {
	pause := d.Interval
	for {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return Token{}, &clients.Problem{Kind: clients.KindOf(ctx.Err()), Op: "finish the device login", Reason: "nobody confirmed the code in time", Err: ctx.Err()}
		case <-timer.C:
		}
		t, done, slower, err := r.DevicePoll(ctx, d)
		if err != nil || done {
			return t, err
		}
		if slower {
			pause += 5 * time.Second // RFC 8628 §3.5
		}
		if time.Now().After(d.Expires) {
			return Token{}, &clients.Problem{Kind: clients.Timeout, Op: "finish the device login", Reason: "the code has ended before anybody confirmed it", Hint: "begin again"}
		}
	}
}
