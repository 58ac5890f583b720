package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// untyped is read with its result as any.
func untyped[T any](read func([]byte) (T, error)) func([]byte) (any, error) {
	return func(value []byte) (any, error) { return read(value) }
}

func TestValues(t *testing.T) {
	str, whole, boole := untyped(text), untyped(integer), untyped(boolean)
	kept := untyped(func(value []byte) (string, error) {
		b, err := params(value)
		return string(b), err
	})
	raw := untyped(func(value []byte) (string, error) { return string(value), nil })
	for _, c := range []struct {
		doc  string
		read func([]byte) (any, error)
		want any // an error text if it is an error
	}{
		{` "a\u00e9\n\ud83d\ude00\/é" `, str, "aé\n😀/é"},
		{`"\ud83d"`, str, errText("an escape that means no character")},
		{`"\ude00\ud83d"`, str, errText("an escape that means no character")},
		{`"\\ufffd\ud83d"`, str, errText("an escape that means no character")},
		{`"\\\uFFFD"`, str, "\\\uFFFD"},
		{`"\x"`, str, errText("escape")},
		{"\"\xff\"", str, errText("is not UTF-8")},
		{"\"a\nb\"", str, errText(`invalid character '\n' in string`)},
		{`"abc`, str, errText("unexpected end")},
		{`12`, str, errText("a number (12) is not a string")},
		{`null`, str, errText("null (null) is not a string")},
		{`-17`, whole, int64(-17)},
		{`9223372036854775807`, whole, int64(9223372036854775807)},
		{`9223372036854775808`, whole, errText("9223372036854775808 is too large")},
		{`5.0`, whole, int64(5)},
		{`2e3`, whole, int64(2000)},
		{`1.5`, whole, errText("1.5 is not a whole number")},
		{`1e400`, whole, errText("1e400 is too large")},
		{`01`, whole, errText("invalid character '1'")},
		{`1.`, whole, errText("after decimal point")},
		{`-`, whole, errText("in numeric literal")},
		{`"1"`, whole, errText(`a string ("1") is not a number`)},
		{`true`, boole, true},
		{`false`, boole, false},
		{`truth`, boole, errText("true")},
		{`0`, boole, errText("a number (0) is not a boolean")},
		{`"x"`, scalar, "x"},
		{`3`, scalar, int64(3)},
		{`3.5`, scalar, 3.5},
		{`1e999`, scalar, errText("1e999 is too large")},
		{`[1]`, scalar, errText("an array ([1]) is not a string, number or boolean")},
		{`null`, scalar, errText("null (null) is not a string, number or boolean")},
		{` {"a":[1,{}],"b":{"a":2}} `, kept, `{"a":[1,{}],"b":{"a":2}}`},
		{`{"a":1,"\u0061":2}`, kept, errText(`"a" appears twice`)},
		{`{"x":[{"a":1,"a":2}]}`, kept, errText(`"a" appears twice`)},
		{"{\"a\":\"\xff\"}", kept, errText("is not UTF-8")},
		{many(256), kept, many(256)},
		{many(257), kept, errText(`"256" is one more than the 256 members`)},
		{`[]`, kept, errText("an array ([]) is not an object")},
		{`{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, kept, `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`},
		{`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, kept, errText("nested more than 32")},
		{`{"a":1,}`, raw, errText("invalid character '}'")},
		{`[1,]`, raw, errText("invalid character ']'")},
		{`[1 2]`, raw, errText("after array element")},
		{`{"a" 1}`, raw, errText("after object key")},
		{`1 2`, raw, errText("invalid character '2'")},
	} {
		var got any
		err := body([]byte(`{"v":`+c.doc+`}`), func(_ string, value []byte) (err error) {
			got, err = c.read(value)
			return err
		})
		if want, ok := c.want.(errText); ok {
			assert.ErrorContains(t, err, string(want), "%s", c.doc)
			continue
		}
		if assert.NoError(t, err, "%s", c.doc) {
			assert.Equal(t, c.want, got, "%s", c.doc)
		}
	}
}

type errText string

// many is an object of n members.
func many(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"%d":0`, i)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// Guarantee 2: names are told apart as they are written.
func TestNames(t *testing.T) {
	for doc, want := range map[string]string{
		`{"a":1,"b":2,"\u0061":3}`: "a: appears twice",
		`{"\ud83d":1}`:             "an escape that means no character",
		"{\"a\":1,\"\xff\":2}":     `"\xff" is not UTF-8`,
	} {
		err := body([]byte(doc), func(string, []byte) error { return nil })
		assert.ErrorContains(t, err, want, "%q", doc)
	}
	var names []string
	require.NoError(t, body([]byte(`{"A":1, "a":2 ,"":3,"\ufffd":4}`), func(name string, _ []byte) error {
		names = append(names, name)
		return nil
	}))
	assert.Equal(t, []string{"A", "a", "", "\uFFFD"}, names)
}

func TestTextIsWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "s")
		doc, err := json.Marshal(want)
		require.NoError(t, err)
		got, err := text(doc)
		require.NoError(t, err)
		require.Equal(t, want, got)

		got, err = text(appendString(nil, want))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// FuzzBody holds body to encoding/json: it accepts no object that is not one there, reads the same members, and
// refuses objects only for what Guarantee 2 says.
func FuzzBody(f *testing.F) {
	for _, doc := range []string{
		`{"key":"user:42","rate":"100/min","params":{"a":[1,-2.5e-3,true,false,null]}}`, `[[[]]]`, `{"\ud800":1}`, `{"a":1,"a":2}`, `{"a":01}`,
		"{\"\xff\":1}", ` {"a":{},"":1} `, `{"a":{"b":{"b":null}}} x`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := map[string]json.RawMessage{}
		err := body(doc, func(name string, value []byte) error {
			got[name] = value
			if kindOf(value) != anObject {
				return nil
			}
			_, err := params(value)
			return err
		})
		var want map[string]json.RawMessage
		isObject := json.Unmarshal(doc, &want) == nil && want != nil
		if err == nil {
			require.True(t, isObject, "%q", doc)
			require.Equal(t, want, got)
			return
		}
		if isObject {
			require.Regexp(t, "UTF-8|escape|twice|one more|nested", err.Error(), "%q", doc)
		}
	})
}
