package keycloak

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"gatehouse/clients"
)

// change reads an object, writes it, and reads it again. Before is there also when
// the write failed, so that whoever gets an UnknownOutcome can compare. The write
// has happened whatever becomes of the second read; if that fails, After is what the
// write told us to expect.
func change[T any](ctx context.Context, read func(context.Context) (T, error), write func(before T) (expect T, err error)) (clients.Change[T], error) {
	before, err := read(ctx)
	if err != nil {
		return clients.Change[T]{}, err
	}
	expect, err := write(before)
	if err != nil {
		return clients.Change[T]{Before: before}, err
	}
	return clients.Change[T]{Before: before, After: readBack(ctx, expect, read)}, nil
}

// removed deletes an object and keeps what it was.
func removed[T any](ctx context.Context, read func(context.Context) (T, error), del func() error) (clients.Change[T], error) {
	before, err := read(ctx)
	if err != nil {
		return clients.Change[T]{}, err
	}
	return clients.Change[T]{Before: before}, del()
}

// readBack reads an object after it was written; where that fails the answer is
// what we know the object to be.
func readBack[T any](ctx context.Context, known T, read func(context.Context) (T, error)) T {
	if v, err := read(ctx); err == nil {
		return v
	}
	return known
}

// mergeLists applies changes to a copy of lists by name; an empty list removes.
func mergeLists(old, changes map[string][]string) map[string][]string {
	out := maps.Clone(old)
	if out == nil {
		out = map[string][]string{}
	}
	for k, v := range changes {
		if len(v) == 0 {
			delete(out, k)
		} else {
			out[k] = slices.Clone(v)
		}
	}
	return out
}

// mergeTexts applies changes to a copy of texts by name; "" removes.
func mergeTexts(old, changes map[string]string) map[string]string {
	out := maps.Clone(old)
	if out == nil {
		out = map[string]string{}
	}
	for k, v := range changes {
		if v == "" {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

// hasKey is whether an object as the server sent it has a field at all.
func hasKey(raw json.RawMessage, key string) bool {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(raw, &fields) // it was read before
	_, ok := fields[key]
	return ok
}

// set puts a value into a body if the patch has one.
func set[T any](body map[string]any, key string, v *T) {
	if v != nil {
		body[key] = *v
	}
}

// or is the patched value, else the old one.
func or[T any](v *T, old T) T {
	if v != nil {
		return *v
	}
	return old
}

// list makes an empty JSON array of nil, where the server reads null as "unchanged".
func list(v []string) []string {
	if v == nil {
		return []string{}
	}
	return v
}
