package api

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// text consumes a string. The result may be part of data.
func (s *scanner) text() []byte {
	if s.peek() != '"' {
		s.failKind("a string")
		return nil
	}
	s.pos++
	start, ascii := s.pos, true
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			v := s.data[start:s.pos]
			s.pos++
			if !ascii && !utf8.Valid(v) {
				s.fail("%q is not UTF-8", v)
			}
			return v
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			s.failSyntax("an escape")
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
		s.pos++
	}
	s.failSyntax("the end of a string")
	return nil
}

// escaped is text for a string that begins at start and has its first escape at pos.
func (s *scanner) escaped(start int) []byte {
	v := append([]byte(nil), s.data[start:s.pos]...)
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			s.pos++
			if !utf8.Valid(v) {
				s.fail("%q is not UTF-8", v)
			}
			return v
		case c < ' ':
			s.failSyntax("an escape")
			return nil
		case c != '\\':
			v = append(v, c)
			s.pos++
			continue
		}
		s.pos++
		r, ok := s.escape()
		if !ok {
			s.failSyntax("an escape that means a character")
			return nil
		}
		v = utf8.AppendRune(v, r)
	}
	s.failSyntax("the end of a string")
	return nil
}

// escape consumes what follows a backslash.
func (s *scanner) escape() (r rune, ok bool) {
	if s.pos >= len(s.data) {
		return 0, false
	}
	c := s.data[s.pos]
	if c == 'u' {
		return s.unicode()
	}
	i := bytes.IndexByte([]byte(`"\/bfnrt`), c)
	if i < 0 {
		return 0, false
	}
	s.pos++
	return rune("\"\\/\b\f\n\r\t"[i]), true
}

// unicode consumes uXXXX, twice for a pair of surrogates.
func (s *scanner) unicode() (r rune, ok bool) {
	r, ok = s.hex()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if s.pos+1 < len(s.data) && s.data[s.pos] == '\\' && s.data[s.pos+1] == 'u' {
		s.pos++
		if low, ok := s.hex(); ok {
			r = utf16.DecodeRune(r, low)
			return r, r != utf8.RuneError
		}
	}
	return 0, false
}

// hex consumes uXXXX.
func (s *scanner) hex() (r rune, ok bool) {
	if s.pos+5 > len(s.data) {
		return 0, false
	}
	for _, c := range s.data[s.pos+1 : s.pos+5] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	s.pos += 5
	return r, true
}
