package vectors

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"gatehouse/demo"
)

// Deviation is an answer that differs from the original's on purpose.
type Deviation struct {
	System string   `yaml:"system"`
	Cases  []string `yaml:"cases"` // exactly as the vectors name them
	// Status is what we answer; 0 where the status is the same.
	Status int `yaml:"status,omitempty"`
	// Differs lists what is not the same beside the status: "body" or names of headers in small letters.
	Differs  []string `yaml:"differs,omitempty"`
	Original string   `yaml:"original"` // what the original does
	Ours     string   `yaml:"ours"`     // what we do
	Why      string   `yaml:"why"`
}

// Deviations are all of them, in the order of the file.
func Deviations() ([]Deviation, error) { return loaded() }

var loaded = sync.OnceValues(func() ([]Deviation, error) { return ReadDeviations(demo.Deviations) })

// ReadDeviations reads the table and refuses entries that cannot be meant.
func ReadDeviations(b []byte) ([]Deviation, error) {
	var list []Deviation
	if err := yaml.UnmarshalWithOptions(b, &list, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("deviations.yaml: %w", err)
	}
	var errs []error
	seen := map[string]bool{}
	for i, d := range list {
		if d.System == "" || len(d.Cases) == 0 || d.Original == "" || d.Ours == "" || d.Why == "" || d.Status == 0 && len(d.Differs) == 0 {
			errs = append(errs, fmt.Errorf("deviations.yaml: entry %d (%s) lacks a part", i+1, d.System))
		}
		for _, c := range d.Cases {
			key := d.System + "\x00" + c
			if seen[key] {
				errs = append(errs, fmt.Errorf("deviations.yaml: %s: %q is there twice", d.System, c))
			}
			seen[key] = true
			if !slices.ContainsFunc(Of(d.System), func(v Vector) bool { return v.Case == c }) {
				errs = append(errs, fmt.Errorf("deviations.yaml: %s: there is no vector %q", d.System, c))
			}
		}
	}
	return list, errors.Join(errs...)
}

// Judge says whether differences are those of a deviation. deviates is true for an
// answer that differs and may.
func Judge(v Vector, diffs []Difference, list []Deviation) (deviates bool, err error) {
	i := slices.IndexFunc(list, func(d Deviation) bool { return d.System == v.System && slices.Contains(d.Cases, v.Case) })
	if i < 0 {
		if len(diffs) == 0 {
			return false, nil
		}
		lines := make([]string, len(diffs))
		for i, d := range diffs {
			lines[i] = d.String()
		}
		return false, fmt.Errorf("not as recorded: %s", strings.Join(lines, "; "))
	}
	d := list[i]
	var left []string
	var status bool
	for _, diff := range diffs {
		switch {
		case diff.Part == Status && fmt.Sprint(d.Status) == diff.Got:
			status = true
		case diff.Part != Status && slices.Contains(d.Differs, diff.Part):
		default:
			left = append(left, diff.String())
		}
	}
	for _, part := range d.Differs {
		if !slices.ContainsFunc(diffs, func(diff Difference) bool { return diff.Part == part }) {
			left = append(left, part+" is said to differ and does not")
		}
	}
	if d.Status != 0 && !status {
		left = append(left, fmt.Sprintf("the status is said to be %d", d.Status))
	}
	if len(left) > 0 {
		return false, fmt.Errorf("not as deviations.yaml says: %s", strings.Join(left, "; "))
	}
	return true, nil
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
