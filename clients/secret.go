package clients

// Secret is a value that a person may ask for once and that must not reach a
// screen, a log or a file by accident: every way of printing or encoding it gives
// a placeholder. Only Reveal gives the value.
type Secret string

const hiddenSecret = "[hidden]"

// Reveal is the value itself. Call it where the value is handed on, not earlier.
func (s Secret) Reveal() string { return string(s) }

// String hides the value; an empty Secret stays empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hiddenSecret
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText hides the value from JSON, YAML and CSV.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
