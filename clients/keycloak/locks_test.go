package keycloak_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// lockOut tries wrong passwords until the user is locked. The server counts behind
// the answers and may count two that come close together once, so it takes three or
// a few more.
func lockOut(t *testing.T, r *keycloak.Realm, c keycloak.Client, u keycloak.User) {
	t.Helper()
	var l keycloak.LockState
	for range 20 {
		fail(t, r, c, u.Username, 1)
		for range 10 {
			if l = ok[keycloak.LockState](t)(r.Lock(t.Context(), u.ID)); l.Locked {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	t.Fatalf("the user is not locked after twenty failures: %+v", l)
}

// fail tries a wrong password n times.
func fail(t *testing.T, r *keycloak.Realm, c keycloak.Client, username string, n int) {
	t.Helper()
	auth := keycloak.ClientAuth{ID: c.ClientID}
	for range n {
		_, err := r.PasswordToken(t.Context(), auth, username, "wrong-"+unique(), "", "")
		wantKind(t, err, clients.Denied)
	}
}

func protect(t *testing.T, r *keycloak.Realm, permanent bool) keycloak.Client {
	t.Helper()
	for key, v := range map[string]any{"bruteForceProtected": true, "permanentLockout": permanent, "failureFactor": 3,
		"quickLoginCheckMilliSeconds": 0, "waitIncrementSeconds": 300, "maxTemporaryLockouts": 0} {
		setRealm(t, r, key, v)
	}
	return newClient(t, r, keycloak.NewClient{ClientID: "app", Public: true, DirectAccessGrants: true})
}

func TestTemporaryLock(t *testing.T) {
	r, p := realm(t), newPlain(t)
	c := protect(t, r, false)
	u := newUser(t, r, "ann")
	if l := ok[keycloak.LockState](t)(r.Lock(t.Context(), u.ID)); l != (keycloak.LockState{}) {
		t.Errorf("before: %+v", l)
	}
	lockOut(t, r, c, u)
	l := ok[keycloak.LockState](t)(r.Lock(t.Context(), u.ID))
	if !l.Locked || l.Permanent || l.Failures < 3 || time.Until(l.Until) < time.Minute || time.Until(l.Until) > 10*time.Minute ||
		time.Since(l.LastFailure) > 5*time.Minute || l.LastIP != "127.0.0.1" || l.TemporaryLockouts != 1 {
		t.Errorf("locked: %+v", l)
	}
	if p.get("users/" + u.ID).(map[string]any)["enabled"] != true {
		t.Error("a temporary lock shows as disabled")
	}
	// A change of the user in this state must not disable it for good.
	ok[clients.Change[keycloak.User]](t)(r.UpdateUser(t.Context(), u.ID, keycloak.UserPatch{FirstName: ptr("New")}))
	if l := ok[keycloak.LockState](t)(r.Lock(t.Context(), u.ID)); !l.Locked || p.get("users/" + u.ID).(map[string]any)["enabled"] != true {
		t.Errorf("after an unrelated change: %+v", l)
	}
	ch := ok[clients.Change[keycloak.LockState]](t)(r.Unlock(t.Context(), u.ID))
	if !ch.Before.Locked || ch.After != (keycloak.LockState{}) {
		t.Errorf("change is %+v", ch)
	}
	if _, err := r.PasswordToken(t.Context(), keycloak.ClientAuth{ID: c.ClientID}, u.Username, "pw-ann", "", ""); err != nil {
		t.Errorf("login after the unlock: %v", err)
	}
	lockOut(t, r, c, u)
	if err := r.UnlockAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := ok[keycloak.LockState](t)(r.Lock(t.Context(), u.ID)); l.Locked || l.Failures != 0 {
		t.Errorf("after UnlockAll: %+v", l)
	}
	_, err := r.Lock(t.Context(), "00000000-0000-0000-0000-000000000000")
	wantKind(t, err, clients.NotFound)
}

func TestPermanentLock(t *testing.T) {
	r, p := realm(t), newPlain(t)
	c := protect(t, r, true)
	u := newUser(t, r, "ben")
	lockOut(t, r, c, u)
	l := ok[keycloak.LockState](t)(r.Lock(t.Context(), u.ID))
	if !l.Locked || !l.Permanent || !l.Until.IsZero() {
		t.Fatalf("locked: %+v", l)
	}
	// Clearing the counters, the cure of the other lock, does nothing here but hide it.
	p.must("DELETE", "attack-detection/brute-force/users/"+u.ID, nil)
	if p.get("users/" + u.ID).(map[string]any)["enabled"] != false {
		t.Fatal("the trap is gone: clearing the counters enabled the user")
	}
	if l = ok[keycloak.LockState](t)(r.Lock(t.Context(), u.ID)); !l.Permanent || !l.Locked {
		t.Errorf("hidden: %+v", l)
	}
	for user, err := range clients.Each(t.Context(), r.UsersWithLocks(keycloak.UserQuery{Search: u.Username})) {
		if err != nil {
			t.Fatal(err)
		}
		if user.Lock == nil || !user.Lock.Permanent || !user.PermanentlyLocked() {
			t.Errorf("in the list: %+v", user.Lock)
		}
	}
	ch := ok[clients.Change[keycloak.LockState]](t)(r.Unlock(t.Context(), u.ID))
	if !ch.Before.Permanent || ch.After.Locked {
		t.Errorf("change is %+v", ch)
	}
	if _, err := r.PasswordToken(t.Context(), keycloak.ClientAuth{ID: c.ClientID}, u.Username, "pw-ben", "", ""); err != nil {
		t.Errorf("login after the unlock: %v", err)
	}
}

func TestUnlockLeavesADisabledUserDisabled(t *testing.T) {
	r, p := realm(t), newPlain(t)
	u := newUser(t, r, "gone")
	ok[clients.Change[keycloak.User]](t)(r.SetEnabled(t.Context(), u.ID, false))
	ok[clients.Change[keycloak.LockState]](t)(r.Unlock(t.Context(), u.ID))
	if p.get("users/" + u.ID).(map[string]any)["enabled"] != false {
		t.Error("Unlock enabled a user that a person disabled")
	}
}

func TestUsersWithLocks(t *testing.T) {
	r := realm(t)
	c := protect(t, r, false)
	prefix := "lk" + unique()
	var names []string
	var ben keycloak.User
	for _, n := range []string{"a", "b", "c"} {
		ch := ok[clients.Change[keycloak.User]](t)(r.CreateUser(t.Context(), keycloak.NewUser{Username: prefix + n, Password: "pw", Email: prefix + n + "@example.org", FirstName: "A", LastName: "B"}))
		t.Cleanup(func() { r.DeleteUser(context.Background(), ch.After.ID) })
		names = append(names, ch.After.Username)
		if n == "b" {
			ben = ch.After
		}
	}
	lockOut(t, r, c, ben)
	for _, q := range []keycloak.UserQuery{{Search: prefix}, {Username: prefix}, {Search: prefix, PageSize: 2}} {
		var got []string
		for u, err := range clients.Each(t.Context(), r.UsersWithLocks(q)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, u.Username)
			if u.Lock == nil || u.Lock.Locked != (u.Username == prefix+"b") {
				t.Errorf("%+v: %s has the lock %+v", q, u.Username, u.Lock)
			}
		}
		if !slices.Equal(got, names) {
			t.Errorf("%+v gives %v, want %v", q, got, names)
		}
	}
}
