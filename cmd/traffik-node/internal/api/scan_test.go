package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func scan(doc string) *scanner { return &scanner{data: []byte(doc)} }

func TestScannerValues(t *testing.T) {
	for _, c := range []struct {
		doc  string
		read func(*scanner) any
		want any // an error text if it is an error
	}{
		{` "a\u00e9\n\ud83d\ude00\/é" `, func(s *scanner) any { return string(s.text()) }, "aé\n😀/é"},
		{`"\ud83d"`, func(s *scanner) any { return s.text() }, errText("an escape that means a character")},
		{`"\ude00\ud83d"`, func(s *scanner) any { return s.text() }, errText("an escape that means a character")},
		{`"\x"`, func(s *scanner) any { return s.text() }, errText("an escape")},
		{"\"\xff\"", func(s *scanner) any { return s.text() }, errText("is not UTF-8")},
		{"\"a\nb\"", func(s *scanner) any { return s.text() }, errText(`JSON has '\n' at byte 2`)},
		{`"abc`, func(s *scanner) any { return s.text() }, errText("JSON ends where the end of a string is due")},
		{`12`, func(s *scanner) any { return s.text() }, errText("a number (12) is not a string")},
		{`null`, func(s *scanner) any { return s.text() }, errText("null (null) is not a string")},
		{`-17`, func(s *scanner) any { return s.int() }, int64(-17)},
		{`9223372036854775807`, func(s *scanner) any { return s.int() }, int64(9223372036854775807)},
		{`9223372036854775808`, func(s *scanner) any { return s.int() }, errText("9223372036854775808 is too large")},
		{`5.0`, func(s *scanner) any { return s.int() }, int64(5)},
		{`2e3`, func(s *scanner) any { return s.int() }, int64(2000)},
		{`1.5`, func(s *scanner) any { return s.int() }, errText("1.5 is not a whole number")},
		{`1e400`, func(s *scanner) any { return s.int() }, errText("1e400 is too large")},
		{`01`, func(s *scanner) any { return s.int() }, errText("where the end is due")},
		{`1.`, func(s *scanner) any { return s.int() }, errText("a digit")},
		{`-`, func(s *scanner) any { return s.int() }, errText("a digit")},
		{`"1"`, func(s *scanner) any { return s.int() }, errText(`a string ("1") is not a number`)},
		{`true`, func(s *scanner) any { return s.bool() }, true},
		{`false`, func(s *scanner) any { return s.bool() }, false},
		{`truth`, func(s *scanner) any { return s.bool() }, errText("true")},
		{`0`, func(s *scanner) any { return s.bool() }, errText("a number (0) is not a boolean")},
		{`"x"`, (*scanner).scalar, "x"},
		{`3`, (*scanner).scalar, int64(3)},
		{`3.5`, (*scanner).scalar, 3.5},
		{`1e999`, (*scanner).scalar, errText("1e999 is too large")},
		{`[1]`, (*scanner).scalar, errText("an array ([1]) is not a string, number or boolean")},
		{` {"a":[1,{}],"b":{"a":2}} `, func(s *scanner) any { return string(s.rawObject()) }, `{"a":[1,{}],"b":{"a":2}}`},
		{`{"a":1,"\u0061":2}`, func(s *scanner) any { return s.rawObject() }, errText(`"a" appears twice`)},
		{`[]`, func(s *scanner) any { return s.rawObject() }, errText("an array ([]) is not an object")},
		{strings.Repeat("[", 40) + strings.Repeat("]", 40), func(s *scanner) any { return s.raw() }, errText("nested more than 32")},
		{`{"a":1,}`, func(s *scanner) any { return s.raw() }, errText("a name")},
		{`[1,]`, func(s *scanner) any { return s.raw() }, errText("a value")},
		{`[1 2]`, func(s *scanner) any { return s.raw() }, errText("a comma or ]")},
		{`{"a" 1}`, func(s *scanner) any { return s.raw() }, errText("a colon")},
		{`1 2`, func(s *scanner) any { return s.raw() }, errText("where the end is due")},
	} {
		s := scan(c.doc)
		got := c.read(s)
		s.end()
		if want, ok := c.want.(errText); ok {
			assert.ErrorContains(t, s.err, string(want), "%s", c.doc)
			continue
		}
		if assert.NoError(t, s.err, "%s", c.doc) {
			assert.Equal(t, c.want, got, "%s", c.doc)
		}
	}
}

type errText string

func TestScannerStringsAreThoseOfEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "s")
		doc, err := json.Marshal(want)
		require.NoError(t, err)
		s := scanner{data: doc}
		require.Equal(t, want, string(s.text()))
		s.end()
		require.NoError(t, s.err)

		s = scanner{data: appendString(nil, want)}
		require.Equal(t, want, string(s.text()))
		require.NoError(t, s.err)
	})
}

// FuzzScanner holds the scanner to encoding/json: it accepts nothing that is not JSON, and refuses JSON only for the
// reasons in its comment.
func FuzzScanner(f *testing.F) {
	for _, doc := range []string{
		`{"key":"user:42","rate":"100/min","params":{"a":[1,-2.5e-3,true,false,null]}}`, `[[[]]]`, `"\ud800"`, `{"a":1,"a":2}`, `01`, "\"\xff\"", ` 1 `,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		s := scanner{data: doc}
		raw := s.raw()
		s.end()
		if s.err == nil {
			require.True(t, json.Valid(doc), "%q", doc)
			require.Equal(t, bytes.Trim(doc, " \t\r\n"), raw)
			return
		}
		if json.Valid(doc) {
			reason := s.err.Error()
			require.True(t, strings.Contains(reason, "UTF-8") || strings.Contains(reason, "escape") || strings.Contains(reason, "nested"), "%q: %s", doc, reason)
		}
	})
}
