package kratos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"gatehouse/clients"
)

// Document is what of an identity a person may change, as JSON for an editor or a
// file. Credentials and addresses are not in it: Kratos makes addresses from the traits.
type Document struct {
	SchemaID       string          `json:"schema_id"`
	State          State           `json:"state"`
	ExternalID     string          `json:"external_id,omitempty"`
	Traits         json.RawMessage `json:"traits"`
	MetadataPublic json.RawMessage `json:"metadata_public"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin"`
}

// DocumentOf is the document of an identity as it is.
func DocumentOf(i Identity) Document {
	traits := i.Traits
	if len(traits) == 0 {
		traits = json.RawMessage("{}")
	}
	return Document{i.SchemaID, i.State, i.ExternalID, traits, orNull(i.MetadataPublic), orNull(i.MetadataAdmin)}
}

// ParseDocument reads a document strictly: a mistyped key would otherwise be lost
// without a word. What is left out stays as it is in base. The error names the line.
func ParseDocument(raw []byte, base Document) (Document, error) {
	d := base
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return base, PlacedError(raw, dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return base, errors.New("there is more after the end of the JSON object")
	}
	return d, nil
}

// PlacedError adds the line to an error of encoding/json. offset is where reading had come
// to, for errors that do not say it themselves.
func PlacedError(raw []byte, offset int64, err error) error {
	var syn *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syn):
		offset = syn.Offset
	case errors.As(err, &typ):
		offset = typ.Offset
	}
	// An unknown key has no place in the error; it is where it is first written.
	if _, name, ok := bytes.Cut([]byte(err.Error()), []byte("unknown field ")); ok {
		if at := bytes.Index(raw, name); at >= 0 {
			offset = int64(at)
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends too early")
	}
	offset = min(offset, int64(len(raw)))
	return fmt.Errorf("line %d: %w", 1+bytes.Count(raw[:offset], []byte("\n")), err)
}

// Edit is the smallest edit that makes the identity base as the document says. It has
// base for its Base, so that it is refused when the identity has changed meanwhile.
func (d Document) Edit(base Identity) Edit {
	was := DocumentOf(base)
	e := Edit{Base: &base}
	if !sameValue(was.Traits, d.Traits) {
		e.Traits = d.Traits
	}
	if !sameValue(was.MetadataPublic, d.MetadataPublic) {
		e.MetadataPublic = d.MetadataPublic
	}
	if !sameValue(was.MetadataAdmin, d.MetadataAdmin) {
		e.MetadataAdmin = d.MetadataAdmin
	}
	if was.State != d.State {
		e.State = d.State
	}
	if was.SchemaID != d.SchemaID {
		e.SchemaID = d.SchemaID
	}
	if was.ExternalID != d.ExternalID {
		e.ExternalID = &d.ExternalID
	}
	return e
}

// Merged puts the changes from base to d on top of what the identity is now. both names
// the fields that were changed there too, in another way: there the document wins.
func (d Document) Merged(base, now Identity) (merged Document, both []string, err error) {
	v, both, err := clients.Merge(DocumentOf(base), d, DocumentOf(now))
	if err != nil {
		return d, nil, err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return d, nil, err
	}
	merged, err = ParseDocument(raw, Document{})
	return merged, both, err
}

func sameValue(a, b json.RawMessage) bool {
	d, err := clients.Diff(a, b)
	return err == nil && len(d) == 0
}
