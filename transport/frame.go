package transport

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A frame on the wire: u32 length of all that follows it, u8 version, u8 type, u16 flags, u64 stream, body. Numbers
// are big endian. The version is that of this layout; what the bodies mean is agreed on by HELLO. Flags are 0 and not
// looked at.
const (
	headerLen     = 16
	frameVersion  = 1
	lengthLen     = 4
	handshakeMax  = 4 << 10  // frames before the peer is known to be one
	minMaxFrame   = 64 << 10 // holds any hit, its policy being below 60 KiB
	maxMaxFrame   = 64 << 20
	readBufferLen = 64 << 10
)

// frameType says what a frame is.
type frameType uint8

const (
	typeHello       frameType = 1  // who I am and whom I expect; both ways
	typeAuth        frameType = 2  // proof of the secret; both ways
	typeReady       frameType = 3  // requests may come
	typeRefused     frameType = 4  // why they may not
	typePing        frameType = 5  // answered by PONG with the same stream
	typePong        frameType = 6  //
	typeHit         frameType = 7  // a HitRequest, answered by ANSWER
	typeAnswer      frameType = 8  // a HitResponse
	typeCall        frameType = 9  // a kind and a body, answered by RESULT
	typeResult      frameType = 10 // a body, or an error
	typeUnsupported frameType = 11 // the answer to a type or kind that is not known
	typeGoAway      frameType = 12 // the sender closes: no new requests, those in flight are answered
)

// header is what precedes the body of a frame.
type header struct {
	typ    frameType
	stream uint64
}

// frameReader cuts what it reads into frames. It reads as much as there is, so that one read yields many frames.
type frameReader struct {
	r     io.Reader
	limit int // longest frame
	size  int // of the buffer while no frame is longer
	buf   []byte
	start int // of what is not yet cut
	end   int // of what was read
}

func newFrameReader(r io.Reader, limit, size int) *frameReader {
	return &frameReader{r: r, limit: limit, size: size, buf: make([]byte, size)}
}

// next cuts the next frame that is there as a whole; ok is false if there is none. The body is valid until fill.
func (f *frameReader) next() (h header, body []byte, ok bool, err error) {
	b := f.buf[f.start:f.end]
	if len(b) < headerLen {
		return h, nil, false, nil
	}
	n, err := f.length(b)
	if err != nil || len(b) < n {
		return h, nil, false, err
	}
	f.start += n
	h = header{typ: frameType(b[5]), stream: binary.BigEndian.Uint64(b[8:])}
	return h, b[headerLen:n], true, nil
}

// length is that of the frame that begins with the header b, in all.
func (f *frameReader) length(b []byte) (int, error) {
	n := uint64(binary.BigEndian.Uint32(b)) + lengthLen
	switch {
	case n > uint64(f.limit):
		return 0, fmt.Errorf("%w: a frame of %d bytes, at most %d are allowed", ErrProtocol, n, f.limit)
	case n < headerLen:
		return 0, fmt.Errorf("%w: a frame of %d bytes is shorter than its header", ErrProtocol, n)
	case b[4] != frameVersion:
		return 0, fmt.Errorf("%w: frame version %d, this node speaks %d", ErrProtocol, b[4], frameVersion)
	}
	return int(n), nil
}

// fill reads once, at least one byte. What was cut before is gone. The end of the input inside a frame is
// io.ErrUnexpectedEOF.
func (f *frameReader) fill() error {
	if f.start > 0 {
		f.end = copy(f.buf, f.buf[f.start:f.end])
		f.start = 0
	}
	if err := f.resize(); err != nil {
		return err
	}
	n, err := f.r.Read(f.buf[f.end:])
	f.end += n
	if n > 0 {
		return nil
	}
	if err == io.EOF && f.end > 0 {
		return io.ErrUnexpectedEOF
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// resize makes room for a frame that is longer than the buffer, and gives the room back after it.
func (f *frameReader) resize() error {
	want := f.size
	if f.end >= headerLen {
		n, err := f.length(f.buf)
		if err != nil {
			return err
		}
		want = max(want, n)
	}
	if want == len(f.buf) || want < f.end {
		return nil
	}
	buf := make([]byte, want)
	copy(buf, f.buf[:f.end])
	f.buf = buf
	return nil
}

// read returns the next frame, waiting for it. For the handshake.
func (f *frameReader) read() (header, []byte, error) {
	for {
		h, body, ok, err := f.next()
		if ok || err != nil {
			return h, body, err
		}
		if err := f.fill(); err != nil {
			return h, nil, err
		}
	}
}
