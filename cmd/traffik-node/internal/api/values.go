package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The kinds of values, as errors call them.
const (
	anObject = "an object"
	anArray  = "an array"
	aString  = "a string"
	aNumber  = "a number"
	aBoolean = "a boolean"
	aNull    = "null"
)

// kindOf is the kind of a value.
func kindOf(value []byte) string {
	switch value[0] {
	case '{':
		return anObject
	case '[':
		return anArray
	case '"':
		return aString
	case 't', 'f':
		return aBoolean
	case 'n':
		return aNull
	}
	return aNumber
}

// isA requires that a value is of a kind.
func isA(kind string, value []byte) error {
	if got := kindOf(value); got != kind {
		return fmt.Errorf("%s (%.40s) is not %s", got, value, kind)
	}
	return nil
}

// text is the string that value is.
func text(value []byte) (s string, err error) {
	if err = isA(aString, value); err == nil {
		err = json.Unmarshal(value, &s)
	}
	if err == nil {
		err = same(s, value)
	}
	return s, err
}

// same requires that s, decoded from raw, is what raw says. Where raw is not UTF-8 or has half a surrogate pair, the
// decoder puts U+FFFD, which could make two keys one; so s may have no more of these than raw has.
func same(s string, raw []byte) error {
	const put = "\uFFFD"
	n := strings.Count(s, put)
	if n == 0 {
		return nil
	}
	if !utf8.Valid(raw) {
		return fmt.Errorf("%.64q is not UTF-8", bytes.Trim(raw, `"`))
	}
	escapes := bytes.ToLower(bytes.ReplaceAll(raw, []byte(`\\`), nil))
	if n > bytes.Count(raw, []byte(put))+bytes.Count(escapes, []byte(`\ufffd`)) {
		return fmt.Errorf("%.64s has an escape that means no character", raw)
	}
	return nil
}

// boolean is the true or false that value is.
func boolean(value []byte) (bool, error) { return value[0] == 't', isA(aBoolean, value) }

// integer is the whole number that value is. 5.0 and 5e2 are whole, as long as a float64 holds them exactly.
func integer(value []byte) (int64, error) {
	if err := isA(aNumber, value); err != nil {
		return 0, err
	}
	n, err := number(value)
	f, ok := n.(float64)
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return n.(int64), nil
	case math.Abs(f) > 1<<53:
		return 0, fmt.Errorf("%.40s is too large", value)
	case f != math.Trunc(f):
		return 0, fmt.Errorf("%.40s is not a whole number", value)
	}
	return int64(f), nil
}

// number is an int64 if value is one, and else a float64.
func number(value []byte) (any, error) {
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return nil, fmt.Errorf("%.40s is too large", value)
	}
	return f, nil
}

// scalar is what a context may hold: a string, a number or a boolean.
func scalar(value []byte) (any, error) {
	switch kindOf(value) {
	case aString:
		return text(value)
	case aBoolean:
		return boolean(value)
	case aNumber:
		return number(value)
	}
	return nil, isA("a string, number or boolean", value)
}

// params is an object in which no name is repeated, at any depth, as text.
func params(value []byte) ([]byte, error) {
	if err := isA(anObject, value); err != nil {
		return nil, err
	}
	if !utf8.Valid(value) {
		return nil, fmt.Errorf("%.64q is not UTF-8", value)
	}
	return value, unique(json.NewDecoder(bytes.NewReader(value)), 0)
}
