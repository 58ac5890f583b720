package api

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// scanner reads JSON from the front of data, strictly by RFC 8259 and with what encoding/json lets pass refused: bytes
// that are not UTF-8, lone surrogates and names in another letter case, since they could make two keys one. Whoever
// reads an object looks after repeated names. It exists because a hit is read on the hot path, and because its errors
// name fields.
//
// After an error every further value is zero and every container ends; err is the first one.
type scanner struct {
	data []byte
	pos  int
	err  error
}

const (
	maxDepth   = 32  // of nested containers
	maxMembers = 256 // of an object that is kept as text
)

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
		s.pos = len(s.data)
	}
}

// failSyntax says what is wrong at the current byte.
func (s *scanner) failSyntax(want string) {
	if s.pos >= len(s.data) {
		s.fail("JSON ends where %s is due", want)
		return
	}
	s.fail("JSON has %q at byte %d where %s is due", s.data[s.pos], s.pos, want)
}

// peek is the first byte of what follows, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// end requires that nothing follows.
func (s *scanner) end() {
	if s.peek(); s.err == nil && s.pos < len(s.data) {
		s.failSyntax("the end")
	}
}

// open consumes the bracket that a container begins with.
func (s *scanner) open(bracket byte, kind string) {
	if s.peek() != bracket {
		s.failKind(kind)
		return
	}
	s.pos++
}

// next reports whether the container that closes with end has another member. It knows that it is before the first by
// the opening bracket just passed, which no complete value ends with.
func (s *scanner) next(end byte) bool {
	if s.err != nil {
		return false
	}
	first := s.data[s.pos-1] == end-2 // '[' and '{' are two before ']' and '}'
	switch c := s.peek(); {
	case c == end:
		s.pos++
		return false
	case first:
		return true
	case c != ',':
		s.failSyntax("a comma or " + string(end))
		return false
	}
	s.pos++
	return true
}

// name consumes the name of a member and the colon.
func (s *scanner) name() []byte {
	if s.peek() != '"' {
		s.failSyntax("a name")
		return nil
	}
	n := s.text()
	if s.peek() != ':' {
		s.failSyntax("a colon")
		return nil
	}
	s.pos++
	return n
}

// failKind says that the next value is not of the wanted kind.
func (s *scanner) failKind(want string) {
	var kind string
	switch c := s.peek(); {
	case c == '{':
		kind = "an object"
	case c == '[':
		kind = "an array"
	case c == '"':
		kind = "a string"
	case c == 't', c == 'f':
		kind = "a boolean"
	case c == 'n':
		kind = "null"
	case c == '-', '0' <= c && c <= '9':
		kind = "a number"
	default:
		s.failSyntax(want)
		return
	}
	if raw := s.raw(); s.err == nil {
		s.fail("%s (%.40s) is not %s", kind, raw, want)
	}
}

// number consumes a number and returns its text.
func (s *scanner) number() []byte {
	c := s.peek()
	if c != '-' && (c < '0' || c > '9') {
		s.failKind("a number")
		return nil
	}
	start := s.pos
	if c == '-' {
		s.pos++
	}
	if s.pos < len(s.data) && s.data[s.pos] == '0' {
		s.pos++
	} else if !s.digits() {
		return nil
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		if s.pos++; !s.digits() {
			return nil
		}
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return nil
		}
	}
	return s.data[start:s.pos]
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		s.failSyntax("a digit")
	}
	return s.err == nil
}

// int consumes a whole number. 5.0 and 5e2 are whole, as long as a float64 holds them exactly.
func (s *scanner) int() int64 {
	raw := s.number()
	if s.err != nil {
		return 0
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil || math.Abs(f) > 1<<53:
		s.fail("%s is too large", raw)
	case f != math.Trunc(f):
		s.fail("%s is not a whole number", raw)
	}
	return int64(f)
}

// bool consumes true or false.
func (s *scanner) bool() bool {
	if c := s.peek(); c != 't' && c != 'f' {
		s.failKind("a boolean")
		return false
	}
	return s.raw() != nil && s.data[s.pos-2] == 'u' // tr-u-e, fal-s-e
}

// scalar consumes what a context may hold: a string, a number as int64 or float64, or a boolean.
func (s *scanner) scalar() any {
	switch s.peek() {
	case '"':
		return string(s.text())
	case 't', 'f':
		return s.bool()
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		raw := s.number()
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return n
		}
		f, err := strconv.ParseFloat(string(raw), 64)
		if s.err == nil && err != nil {
			s.fail("%s is too large", raw)
		}
		return f
	}
	s.failKind("a string, number or boolean")
	return nil
}

// raw consumes a value of any kind and returns its text.
func (s *scanner) raw() []byte {
	s.peek()
	start := s.pos
	s.skip(0, nil)
	if s.err != nil {
		return nil
	}
	return s.data[start:s.pos]
}

// rawObject is raw for an object in which, at any depth, no name is repeated.
func (s *scanner) rawObject() []byte {
	if s.peek() != '{' {
		s.failKind("an object")
		return nil
	}
	start := s.pos
	s.skip(0, make([][]byte, 0, 8))
	if s.err != nil {
		return nil
	}
	return s.data[start:s.pos]
}

// skip consumes a value. With names not nil, it holds the names of the enclosing objects, and repeated ones are errors.
func (s *scanner) skip(depth int, names [][]byte) {
	if depth > maxDepth {
		s.fail("JSON is nested more than %d deep", maxDepth)
		return
	}
	switch c := s.peek(); c {
	case '{':
		s.pos++
		for own := len(names); s.next('}'); s.skip(depth+1, names) {
			n := s.name()
			if names == nil {
				continue
			}
			s.unique(names[own:], n)
			names = append(names, n)
		}
	case '[':
		s.pos++
		for s.next(']') {
			s.skip(depth+1, names)
		}
	case '"':
		s.text()
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		if c != '-' && (c < '0' || c > '9') {
			s.failSyntax("a value")
			return
		}
		s.number()
	}
}

// unique requires that n is not among the names, and that they are not too many to compare.
func (s *scanner) unique(names [][]byte, n []byte) {
	if len(names) >= maxMembers {
		s.fail("an object has more than %d members", maxMembers)
	}
	for _, other := range names {
		if bytes.Equal(n, other) {
			s.fail("%q appears twice", n)
			return
		}
	}
}

func (s *scanner) literal(word string) {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		s.failSyntax(word)
		return
	}
	s.pos += len(word)
}
