package transport

import "fmt"

// The body of CALL: kind, body. The body of RESULT: 0 and a body, or 1 and a text.
const (
	resultBody   = 0
	resultFailed = 1
)

// appendCall appends a CALL frame without its stream.
func appendCall(b []byte, kind uint8, body []byte) []byte {
	start := len(b)
	b = appendFrame(b, typeCall, 0)
	b = appendArray(b, 2)
	b = appendUint(b, uint64(kind))
	b = appendBinary(b, body)
	return endFrame(b, start)
}

// call takes the body of CALL; the body within is part of it.
func (d *decoder) call() (kind uint8, body []byte, err error) {
	n := d.array(2)
	k := d.uint()
	body = d.bytes(len(d.b))
	d.rest(n - 2)
	if k > 255 {
		d.fail(fmt.Errorf("kind %d", k))
	}
	return uint8(k), body, d.done()
}

func appendResult(b []byte, stream uint64, body []byte) []byte {
	start := len(b)
	b = appendFrame(b, typeResult, stream)
	b = appendArray(b, 2)
	b = appendUint(b, resultBody)
	b = appendBinary(b, body)
	return endFrame(b, start)
}

func appendFailure(b []byte, stream uint64, text string) []byte {
	start := len(b)
	b = appendFrame(b, typeResult, stream)
	b = appendArray(b, 2)
	b = appendUint(b, resultFailed)
	b = appendString(b, clip(text, maxText))
	return endFrame(b, start)
}

// result takes the body of RESULT: what the peer answers, or its RemoteError.
func (d *decoder) result() (body []byte, failure, err error) {
	n := d.array(2)
	switch s := d.uint(); s {
	case resultBody:
		body = d.bytes(len(d.b))
	case resultFailed:
		failure = &RemoteError{Text: d.string(maxText)}
	default:
		d.fail(fmt.Errorf("status %d is unknown", s))
	}
	d.rest(n - 2)
	return body, failure, d.done()
}
