package kratos

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

// maxDepth is how deep values may be nested before the scanner gives up.
const maxDepth = 200

// object calls f with every key; f must read the value. It gives up on keys with
// escapes or beyond ASCII, which could be ours in disguise.
func (s *scanner) object(f func(key []byte) bool) bool {
	if !s.open('{') {
		return false
	}
	if s.space(); s.at('}') {
		return true
	}
	for {
		s.space()
		start := s.pos
		if plain, ok := s.str(); !plain || !ok {
			return false
		}
		key := s.data[start+1 : s.pos-1]
		if s.space(); !s.at(':') {
			return false
		}
		if s.space(); !f(key) {
			return false
		}
		s.space()
		if s.at('}') {
			return true
		}
		if !s.at(',') {
			return false
		}
	}
}

// array calls f for every item; f must read it. null is an empty array.
func (s *scanner) array(f func() bool) bool {
	s.space()
	if s.literal("null") {
		return true
	}
	if !s.open('[') {
		return false
	}
	if s.space(); s.at(']') {
		return true
	}
	for {
		if s.space(); !f() {
			return false
		}
		s.space()
		if s.at(']') {
			return true
		}
		if !s.at(',') {
			return false
		}
	}
}

func (s *scanner) open(c byte) bool {
	s.space()
	return s.at(c)
}

// at steps over c if it is next.
func (s *scanner) at(c byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return
		}
	}
}

// literal steps over a word of JSON if it is next.
func (s *scanner) literal(word string) bool {
	if len(s.data)-s.pos >= len(word) && string(s.data[s.pos:s.pos+len(word)]) == word {
		s.pos += len(word)
		return true
	}
	return false
}

// str steps over a string. plain tells that its bytes are its characters.
func (s *scanner) str() (plain, ok bool) {
	if !s.at('"') {
		return false, false
	}
	plain = true
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return plain, true
		case c == '\\':
			plain = false
			if s.pos += 2; s.pos > len(s.data) || !escape(s.data[s.pos-1:]) {
				return false, false
			}
		case c < ' ':
			return false, false
		case c >= utf8.RuneSelf:
			plain = false
			s.pos++
		default:
			s.pos++
		}
	}
	return false, false
}

// escape reports whether what follows a backslash may follow it.
func escape(b []byte) bool {
	switch b[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		if len(b) < 5 {
			return false
		}
		for _, c := range b[1:5] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return false
			}
		}
		return true
	}
	return false
}

// text reads a string. It shares the memory of one of the usual values when it is
// that. null changes nothing, as with encoding/json.
func (s *scanner) text(out *string, usual ...string) bool {
	start := s.pos
	if s.literal("null") {
		return true
	}
	plain, ok := s.str()
	if !ok {
		return false
	}
	if !plain {
		return json.Unmarshal(s.data[start:s.pos], out) == nil
	}
	b := s.data[start+1 : s.pos-1]
	for _, u := range usual {
		if string(b) == u {
			*out = u
			return true
		}
	}
	*out = string(b)
	return true
}

func (s *scanner) flag(out *bool) bool {
	switch {
	case s.literal("true"):
		*out = true
	case s.literal("false"):
		*out = false
	default:
		return s.literal("null")
	}
	return true
}

func (s *scanner) time(out *time.Time) bool {
	start := s.pos
	if s.literal("null") {
		return true
	}
	plain, ok := s.str()
	return ok && plain && out.UnmarshalText(s.data[start+1:s.pos-1]) == nil
}

// raw copies a value as it is. null is kept only where it is asked for.
func (s *scanner) raw(out *json.RawMessage, keepNull bool) bool {
	start := s.pos
	if !s.skip(0) {
		return false
	}
	if b := s.data[start:s.pos]; keepNull || string(b) != "null" {
		*out = append(json.RawMessage(nil), b...)
	} else {
		*out = nil
	}
	return true
}

// skip steps over any value.
func (s *scanner) skip(depth int) bool {
	if s.pos >= len(s.data) || depth > maxDepth {
		return false
	}
	switch c := s.data[s.pos]; {
	case c == '"':
		_, ok := s.str()
		return ok
	case c == '{':
		s.pos++
		return s.members('}', depth, true)
	case c == '[':
		s.pos++
		return s.members(']', depth, false)
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	default:
		return s.literal("null") || s.literal("true") || s.literal("false")
	}
}

// members steps over what is inside an object or an array, and its end.
func (s *scanner) members(end byte, depth int, keys bool) bool {
	if s.space(); s.at(end) {
		return true
	}
	for {
		s.space()
		if keys {
			if _, ok := s.str(); !ok {
				return false
			}
			if s.space(); !s.at(':') {
				return false
			}
			s.space()
		}
		if !s.skip(depth + 1) {
			return false
		}
		s.space()
		if s.at(end) {
			return true
		}
		if !s.at(',') {
			return false
		}
	}
}

// number steps over a number as RFC 8259 §6 writes it.
func (s *scanner) number() bool {
	s.at('-')
	if !s.at('0') && !s.digits() {
		return false
	}
	if s.at('.') && !s.digits() {
		return false
	}
	if s.at('e') || s.at('E') {
		if !s.at('+') {
			s.at('-')
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}
