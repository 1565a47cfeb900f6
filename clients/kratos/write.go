package kratos

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	ory "github.com/ory/kratos-client-go"

	"gatehouse/clients"
)

// Edit is a change of one identity. What is left at its zero value stays as it is.
// Each part is replaced as a whole: patching single keys has surprised people, and
// on Kratos 1.3 a removal of metadata is answered with 200 and does nothing.
type Edit struct {
	Traits json.RawMessage // a JSON object
	// MetadataPublic and MetadataAdmin are any JSON value but a bare number, which
	// Kratos 1.3 cannot read back from SQLite; null clears them.
	MetadataPublic, MetadataAdmin json.RawMessage
	State                         State
	// SchemaID moves the identity to another schema, which the traits (new or old)
	// must fit. Kratos 1.3 then leaves old login names behind: see StaleIdentifiers.
	SchemaID string
	// ExternalID is known to Kratos 25.4 and newer; empty takes it away.
	ExternalID *string
	// Base is the identity as the person saw it when they began to edit. When it has
	// changed since in what Edit can change, the edit is refused with Conflict. Kratos
	// itself has no such check: the moment between our reading and writing remains.
	Base *Identity
}

// Revert is the edit that brings an identity back to what it was: the undo of an
// Edit, of Suspend and of Activate.
func Revert(before Identity) Edit {
	return Edit{Traits: before.Traits, MetadataPublic: orNull(before.MetadataPublic), MetadataAdmin: orNull(before.MetadataAdmin),
		State: before.State, SchemaID: before.SchemaID}
}

// orNull is the JSON of a value that may be absent.
func orNull(m json.RawMessage) json.RawMessage {
	if len(m) == 0 {
		return json.RawMessage("null")
	}
	return m
}

// Edit changes an identity by one PATCH.
func (c *Client) Edit(ctx context.Context, id string, e Edit) (clients.Change[Identity], error) {
	const op = "edit the identity"
	var ch clients.Change[Identity]
	if err := c.needID(op, "an identity", id); err != nil {
		return ch, err
	}
	ops, err := c.patchOf(op, e)
	if err != nil {
		return ch, err
	}
	if ch.Before, err = c.get(ctx, op, id); err != nil {
		return ch, err
	}
	if e.Base != nil && !sameContent(*e.Base, ch.Before) {
		return ch, &clients.Problem{Kind: clients.Conflict, Op: op, Target: c.admin.Target(), Reason: "somebody changed it since it was read",
			Hint: "look at the new state and edit again"}
	}
	if ch.After, err = c.patch(ctx, op, id, ops); err != nil {
		return ch, err
	}
	if e.ExternalID != nil && ch.After.ExternalID != *e.ExternalID {
		return ch, c.invalid(op, "this Kratos does not keep external ids", "they came with Kratos 25.4; the rest of the edit was done")
	}
	return ch, nil
}

// patchOf makes the operations of an edit, checked as far as that is possible here.
func (c *Client) patchOf(op string, e Edit) ([]ory.JsonPatch, error) {
	var ops []ory.JsonPatch
	replace := func(path string, value any) {
		ops = append(ops, ory.JsonPatch{Op: "replace", Path: path, Value: value})
	}
	for _, part := range []struct {
		path   string
		raw    json.RawMessage
		object bool
	}{{"/traits", e.Traits, true}, {"/metadata_public", e.MetadataPublic, false}, {"/metadata_admin", e.MetadataAdmin, false}} {
		if part.raw == nil {
			continue
		}
		if err := c.checkJSON(op, part.path, part.raw, part.object); err != nil {
			return nil, err
		}
		replace(part.path, part.raw)
	}
	if e.State != "" {
		if e.State != Active && e.State != Inactive {
			return nil, c.invalid(op, fmt.Sprintf("%q is not a state", short(string(e.State))), "write active or inactive", clients.Field{Path: "/state", Message: "must be active or inactive"})
		}
		replace("/state", string(e.State))
	}
	if e.SchemaID != "" {
		replace("/schema_id", e.SchemaID)
	}
	if e.ExternalID != nil {
		replace("/external_id", *e.ExternalID)
	}
	if len(ops) == 0 {
		return nil, c.invalid(op, "there is nothing to change", "")
	}
	return ops, nil
}

// checkJSON refuses what is no JSON, or no object where one is needed.
func (c *Client) checkJSON(op, path string, raw json.RawMessage, object bool) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return c.invalid(op, path[1:]+" is not JSON: "+err.Error(), "", clients.Field{Path: path, Message: err.Error()})
	}
	_, isObject := v.(map[string]any)
	_, isNumber := v.(float64)
	switch {
	case object && !isObject:
		return c.invalid(op, path[1:]+" must be a JSON object", "", clients.Field{Path: path, Message: "must be a JSON object"})
	case isNumber:
		// On SQLite, Kratos 1.3 takes a number and can then read neither this identity nor
		// any page of the list that holds it: 500 "error calling MarshalJSON".
		return c.invalid(op, path[1:]+" must not be a bare number", "put it into an object", clients.Field{Path: path, Message: "must not be a bare number"})
	}
	return nil
}

// patch sends a JSON Patch and returns the identity as it then is. It is not
// exported: paths such as /credentials/password/config/hashed_password are accepted
// by Kratos and overwrite what they name.
func (c *Client) patch(ctx context.Context, op, id string, ops []ory.JsonPatch) (Identity, error) {
	_, resp, err := c.api.IdentityAPI.PatchIdentity(ctx, id).JsonPatch(ops).Execute()
	after, err := answer[Identity](c.admin, op, resp, err)
	if err != nil {
		return after, err
	}
	return c.reread(ctx, op, after), nil
}

// reread returns what the server has now. The answer of a write is stale in places
// (schema URL, times of credentials); it stands in only when reading fails, since
// the write itself was done.
func (c *Client) reread(ctx context.Context, op string, answered Identity) Identity {
	if now, err := c.get(ctx, op, answered.ID); err == nil {
		return now
	}
	return answered
}

// sameContent compares what an Edit can change.
func sameContent(a, b Identity) bool {
	return a.State == b.State && a.SchemaID == b.SchemaID && a.ExternalID == b.ExternalID && sameJSON(a.Traits, b.Traits) &&
		sameJSON(a.MetadataPublic, b.MetadataPublic) && sameJSON(a.MetadataAdmin, b.MetadataAdmin)
}

// sameJSON compares two JSON values, whatever the order of their keys.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(orNull(a), &x) != nil || json.Unmarshal(orNull(b), &y) != nil {
		return string(a) == string(b)
	}
	return reflect.DeepEqual(x, y)
}

// SetState makes an identity active or inactive and does nothing else. Its sessions
// stay: refused while it is inactive, let in again when it is active. To lock
// somebody out, use Suspend.
func (c *Client) SetState(ctx context.Context, id string, s State) (clients.Change[Identity], error) {
	return c.Edit(ctx, id, Edit{State: s})
}

// Suspension is what Suspend did.
type Suspension struct {
	clients.Change[Identity]
	Ended Ended // the sessions that were ended
}

// Suspend locks somebody out: no new sign-in, and every session ended, so that none
// revives when the identity is active again. When the second step fails the error
// says so, and the change tells that the first was done.
func (c *Client) Suspend(ctx context.Context, id string) (Suspension, error) {
	var s Suspension
	var err error
	if s.Change, err = c.SetState(ctx, id, Inactive); err != nil {
		return s, err
	}
	if s.Ended, err = c.EndSessions(ctx, id); err != nil {
		if p, ok := err.(*clients.Problem); ok {
			p.Reason = "it is inactive now, but its sessions could not be ended: " + p.Reason
			p.Hint = "end them before it is made active again: they would come back to life"
		}
		return s, err
	}
	return s, nil
}

// Activation is what Activate did.
type Activation struct {
	clients.Change[Identity]
	// Revived are live sessions that were there already: whoever holds one is in
	// again. Offer to end them. At most MaxPageSize are listed.
	Revived []Session
}

// Activate lets somebody sign in again.
func (c *Client) Activate(ctx context.Context, id string) (Activation, error) {
	var a Activation
	var err error
	if a.Change, err = c.SetState(ctx, id, Active); err != nil || a.Before.State == Active {
		return a, err
	}
	live := true
	page, err := c.IdentitySessions(ctx, id, SessionQuery{Active: &live, PageSize: MaxPageSize}, "")
	if err != nil {
		return a, nil // it was done; what may have revived is not known
	}
	a.Revived = page.Items
	return a, nil
}

// MarkVerified marks one address of an identity as verified, or takes that back.
// An address that is not one of its verifiable addresses is a problem of kind NotFound.
func (c *Client) MarkVerified(ctx context.Context, id, address string, verified bool) (clients.Change[Identity], error) {
	const op = "mark the address"
	var ch clients.Change[Identity]
	if err := c.needID(op, "an identity", id); err != nil {
		return ch, err
	}
	var err error
	// Addresses are patched by index and their order may change, so they are read
	// right before and looked at right after.
	if ch.Before, err = c.get(ctx, op, id); err != nil {
		return ch, err
	}
	at := addressIndex(ch.Before, address)
	if at < 0 {
		return ch, &clients.Problem{Kind: clients.NotFound, Op: op, Target: c.admin.Target(), Reason: fmt.Sprintf("%q is no verifiable address of this identity", short(address)),
			Hint: "verifiable addresses come from traits that the identity schema marks with verification"}
	}
	status := "completed"
	if !verified {
		status = "pending" // the server leaves "completed" otherwise
	}
	path := fmt.Sprintf("/verifiable_addresses/%d/", at)
	ch.After, err = c.patch(ctx, op, id, []ory.JsonPatch{
		{Op: "replace", Path: path + "verified", Value: verified}, {Op: "replace", Path: path + "status", Value: status}})
	if err != nil {
		return ch, err
	}
	if at = addressIndex(ch.After, address); at < 0 || ch.After.Addresses[at].Verified != verified {
		return ch, &clients.Problem{Kind: clients.Conflict, Op: op, Target: c.admin.Target(), Reason: "the addresses changed at the same moment, and another one may have been marked",
			Hint: "look at the addresses of this identity"}
	}
	return ch, nil
}

// Delete removes an identity for good, with its credentials and sessions, and
// returns what it was. It cannot be undone: an identity made anew has another id.
func (c *Client) Delete(ctx context.Context, id string) (Identity, error) {
	const op = "delete the identity"
	if err := c.needID(op, "an identity", id); err != nil {
		return Identity{}, err
	}
	before, err := c.get(ctx, op, id)
	if err != nil {
		return before, err
	}
	resp, err := c.api.IdentityAPI.DeleteIdentity(ctx, id).Execute()
	return before, done(c.admin, op, resp, err)
}

// addressIndex is the place of an address among the verifiable ones, -1 without it.
// Kratos keeps them in lower case.
func addressIndex(i Identity, address string) int {
	return slices.IndexFunc(i.Addresses, func(a Address) bool { return strings.EqualFold(a.Value, strings.TrimSpace(address)) })
}
