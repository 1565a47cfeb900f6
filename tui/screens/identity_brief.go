package screens

import (
	"strings"
	"unicode/utf8"

	"gatehouse/clients/kratos"
)

// identityBrief is the name and the main e-mail address of an identity, as
// kratos.Identity.Name and Emails guess them. Traits are nearly always written in
// one of two ways; those are read by one pass that keeps nothing, because a list of
// a hundred thousand people would spend most of its time taking traits apart.
// Everything else goes the long way.
func identityBrief(i kratos.Identity, traits string) (name, email string) {
	if name, email, ok := briefTraits(traits); ok {
		return name, email
	}
	if name = i.Name(); name == "" {
		name = i.Username()
	}
	if mails := i.Emails(); len(mails) > 0 {
		email = mails[0]
	}
	return name, email
}

// briefTraits reads {"email":"…","name":"…"|{"first":"…","last":"…"}, …}; ok is
// false for every other shape and for text that is not as plain as it can be.
func briefTraits(traits string) (name, email string, ok bool) {
	s := briefScanner{text: traits}
	var first, last string
	s.object(func(key string) {
		switch key {
		case "email":
			email = s.plain()
		case "name":
			if s.peek() == '"' {
				name, first, last = s.plain(), "", ""
				return
			}
			name, first, last = "", "", ""
			s.object(func(key string) {
				switch key {
				case "first":
					first = s.plain()
				case "last":
					last = s.plain()
				default:
					s.bad = true
				}
			})
		default:
			s.skip()
		}
	})
	if first != "" && last != "" {
		name = strings.TrimSpace(first + " " + last)
	}
	return name, email, !s.bad && s.at == len(s.text) && name != "" && strings.Contains(email, "@")
}

// briefScanner walks over JSON that a server wrote. Whatever it does not expect makes
// it bad, and then nothing that it said counts.
type briefScanner struct {
	text string
	at   int
	bad  bool
}

func (s *briefScanner) peek() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return c
		}
	}
	s.bad = true
	return 0
}

func (s *briefScanner) eat(c byte) {
	if s.peek() != c {
		s.bad = true
	} else {
		s.at++
	}
}

// plain is a string without escapes and with valid text.
func (s *briefScanner) plain() string {
	s.eat('"')
	end := strings.IndexByte(s.text[min(s.at, len(s.text)):], '"')
	if s.bad || end < 0 {
		s.bad = true
		return ""
	}
	out := s.text[s.at : s.at+end]
	s.at += end + 1
	if strings.IndexByte(out, '\\') >= 0 || !utf8.ValidString(out) {
		s.bad = true
	}
	return out
}

// object calls member for each key; member reads the value.
func (s *briefScanner) object(member func(key string)) {
	s.eat('{')
	if !s.bad && s.peek() == '}' {
		s.at++
		return
	}
	for !s.bad {
		key := s.plain()
		s.eat(':')
		if s.bad {
			return
		}
		member(key)
		if s.bad {
			return
		}
		if s.peek() == '}' {
			s.at++
			return
		}
		s.eat(',')
	}
}

// skip goes over a value of any kind. It need not be checked: the client did that.
func (s *briefScanner) skip() {
	for depth := 0; !s.bad; {
		switch c := s.peek(); c {
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			if depth == 0 {
				return
			}
			depth--
			s.at++
		case '"':
			s.at++
			s.toQuote()
		case ',':
			if depth == 0 {
				return
			}
			s.at++
		default:
			s.at++
		}
	}
}

// toQuote goes behind the end of a string.
func (s *briefScanner) toQuote() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '\\':
			s.at += 2
		case '"':
			s.at++
			return
		default:
			s.at++
		}
	}
	s.bad = true
}
