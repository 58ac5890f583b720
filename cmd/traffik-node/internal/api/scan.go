package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Bounds of what a decoder is let do for one request.
const (
	maxDepth   = 32  // of the containers inside one another where a value is kept as text
	maxMembers = 256 // of an object
)

// errUnknown is what is wrong with a member that nobody reads.
var errUnknown = errors.New("unknown field")

// body is object for the body of a request, and the only one that may be given what is not JSON. Errors outside of any
// member name the body.
func body(data []byte, member func(name string, value []byte) error) error {
	var value json.RawMessage
	err := json.Unmarshal(data, &value)
	if err == nil {
		err = object(value, member)
	}
	var field *fieldError
	if errors.As(err, &field) {
		return err
	}
	return at("body", err)
}

// object calls member with the name and the value of each member of an object. Unlike json.Unmarshal it refuses
// repeated names, and leaves it to member to refuse unknown ones, those in another letter case among them. Errors name
// the member.
func object(data []byte, member func(name string, value []byte) error) error {
	seen := make(names, 8)
	return elements(data, anObject, func(dec *json.Decoder) error {
		start := dec.InputOffset()
		token, err := dec.Token()
		name, _ := token.(string)
		if err == nil {
			err = same(name, bytes.TrimLeft(data[start:dec.InputOffset()], ", \t\r\n"))
		}
		if err == nil {
			err = seen.add(name)
		}
		var value json.RawMessage
		if err == nil {
			err = dec.Decode(&value)
		}
		if err == nil {
			err = member(name, value)
		}
		return at(name, err)
	})
}

// array calls element with each value of an array.
func array(data []byte, element func(value []byte) error) error {
	return elements(data, anArray, func(dec *json.Decoder) error {
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		return element(value)
	})
}

// elements calls next with a decoder before each element of a container.
func elements(data []byte, kind string, next func(*json.Decoder) error) error {
	if err := isA(kind, data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	_, err := dec.Token()
	for err == nil && dec.More() {
		err = next(dec)
	}
	return err
}

// unique requires that in what dec reads next no object has two members of one name, at any depth.
func unique(dec *json.Decoder, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("JSON is nested more than %d deep", maxDepth)
	}
	container, err := dec.Token()
	if _, ok := container.(json.Delim); !ok {
		return err
	}
	for seen := (names{}); err == nil && dec.More(); {
		if container == json.Delim('{') {
			token, _ := dec.Token()
			name, _ := token.(string)
			if err := seen.add(name); err != nil {
				return fmt.Errorf("%.64q %w", name, err)
			}
		}
		err = unique(dec, depth+1)
	}
	if err == nil {
		_, err = dec.Token()
	}
	return err
}

// names are those of the members of one object so far.
type names map[string]bool

func (n names) add(name string) error {
	switch {
	case n[name]:
		return errors.New("appears twice")
	case len(n) == maxMembers:
		return fmt.Errorf("is one more than the %d members that an object may have", maxMembers)
	}
	n[name] = true
	return nil
}

// fieldError is what is wrong with the field at path.
type fieldError struct {
	path string
	err  error
}

// Error implements error.
func (e *fieldError) Error() string { return e.path + ": " + e.err.Error() }

// at puts name, a member or [index], before the path of err. It is nil if err is.
func at(name string, err error) error {
	if err == nil {
		return nil
	}
	path := fmt.Sprintf("%.64s", name)
	var inner *fieldError
	if !errors.As(err, &inner) {
		return &fieldError{path, err}
	}
	if !strings.HasPrefix(inner.path, "[") {
		path += "."
	}
	return &fieldError{path + inner.path, inner.err}
}
