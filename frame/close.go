package frame

import (
	"encoding/binary"
	"errors"
	"strconv"
	"unicode/utf8"
)

// MaxReason is the longest reason of a close frame in bytes: a control
// frame's payload less the two bytes of the code.
const MaxReason = MaxControl - 2

// Misuse by the caller of [AppendClose]; test with [errors.Is].
var (
	ErrCloseCode   = errors.New("frame: the code must not appear in a close frame (use 1000 to 1003, 1007 to 1014 or 3000 to 4999)")
	ErrCloseReason = errors.New("frame: the reason of a close frame must be valid UTF-8 of at most 123 bytes")
)

// AppendClose appends a close frame with code and reason, masked when role is
// Client. It refuses, with dst unchanged, a code that is not [Code.Valid]
// (error matches [ErrCloseCode]) and a reason that is not UTF-8 or longer
// than [MaxReason] ([ErrCloseReason]). A close frame without a code is
// AppendMessage(dst, role, Close, 0, nil).
func AppendClose(dst []byte, role Role, code Code, reason string) ([]byte, error) {
	if !code.Valid() {
		return dst, &closeCodeError{code}
	}
	// RFC 6455, 5.5.1: "the body MAY contain UTF-8-encoded data with value
	// /reason/"
	if len(reason) > MaxReason || !utf8.ValidString(reason) {
		return dst, ErrCloseReason
	}
	var p [MaxControl]byte
	binary.BigEndian.PutUint16(p[:], uint16(code))
	n := 2 + copy(p[2:], reason)
	return AppendMessage(dst, role, Close, 0, p[:n]), nil
}

type closeCodeError struct{ code Code }

func (e *closeCodeError) Error() string {
	return ErrCloseCode.Error() + ": " + strconv.Itoa(int(e.code))
}

func (e *closeCodeError) Is(target error) bool { return target == ErrCloseCode }

// ParseClose reads the payload of a close frame. An empty payload is
// [CodeNoStatus] (RFC 6455, 7.1.5). One byte, a code that must not be sent
// and a reason that is not UTF-8 are errors of type [*Error]. payload is not
// retained.
func ParseClose(payload []byte) (Code, string, error) {
	if len(payload) == 0 {
		// RFC 6455, 7.1.5: "If this Close control frame contains no status
		// code, _The WebSocket Connection Close Code_ is considered to be
		// 1005."
		return CodeNoStatus, "", nil
	}
	if len(payload) == 1 {
		// RFC 6455, 5.5.1: "If there is a body, the first two bytes of the
		// body MUST be a 2-byte unsigned integer"
		return 0, "", errCloseShort
	}
	code := Code(binary.BigEndian.Uint16(payload))
	if !code.Valid() {
		return 0, "", errCloseCode
	}
	if !utf8.Valid(payload[2:]) {
		// RFC 6455, 8.1: "When an endpoint is to interpret a byte stream as
		// UTF-8 but finds that the byte stream is not, in fact, a valid UTF-8
		// stream, that endpoint MUST _Fail the WebSocket Connection_."
		return 0, "", errCloseReason
	}
	return code, string(payload[2:]), nil
}
