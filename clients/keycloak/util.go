package keycloak

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func setIf(v url.Values, key, val string) {
	if val != "" {
		v.Set(key, val)
	}
}

func setTri(v url.Values, key string, t Tri) {
	if t.Known() {
		v.Set(key, strconv.FormatBool(t == Yes))
	}
}

func boolText(b bool) string { return strconv.FormatBool(b) }

// attributeQuery writes key:value pairs as the q parameter wants them, quoted where
// a blank or colon would end the word.
func attributeQuery(m map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, quoted(k)+":"+quoted(m[k]))
	}
	return strings.Join(parts, " ")
}

func quoted(s string) string {
	if strings.ContainsAny(s, " :\"") {
		return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
	}
	return s
}
