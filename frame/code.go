package frame

import "strconv"

// Code is the status code of a close frame (RFC 6455, 7.4).
type Code uint16

// The codes of RFC 6455, 7.4.1, and of the IANA registry that it founds.
const (
	CodeNormal             Code = 1000 // the purpose of the connection is fulfilled
	CodeGoingAway          Code = 1001 // a server goes down, a page is left
	CodeProtocol           Code = 1002 // the peer broke the protocol
	CodeUnsupportedData    Code = 1003 // a type of data that is not taken here
	CodeNoStatus           Code = 1005 // local only: the close frame had no code
	CodeAbnormal           Code = 1006 // local only: the connection ended with no close frame
	CodeInvalidPayload     Code = 1007 // data that its type does not allow, as text that is not UTF-8
	CodePolicy             Code = 1008 // a breach of the receiver's policy
	CodeTooBig             Code = 1009 // a message too big to take
	CodeMandatoryExtension Code = 1010 // the client wanted an extension that the server did not grant
	CodeInternal           Code = 1011 // the server met something unexpected
	CodeServiceRestart     Code = 1012 // the service restarts: come back after a random wait
	CodeTryAgainLater      Code = 1013 // overloaded
	CodeBadGateway         Code = 1014 // a gateway got a bad answer from upstream
	CodeTLS                Code = 1015 // local only: the TLS handshake failed
)

// Valid reports whether c may stand in a close frame: 1000 to 1003, 1007 to
// 1014, and 3000 to 4999, the ranges of libraries and of applications.
//
// RFC 6455, 7.4.1, of 1005, 1006 and 1015: "is a reserved value and MUST NOT
// be set as a status code in a Close control frame by an endpoint". 7.4.2
// keeps 0 to 999 unused and 1000 to 2999 for the protocol itself, where an
// unknown number has no meaning to agree on.
func (c Code) Valid() bool {
	return c >= 1000 && c <= 1003 || c >= 1007 && c <= 1014 || c >= 3000 && c <= 4999
}

// String returns the name of the code, or its number where it has none.
func (c Code) String() string {
	switch c {
	case CodeNormal:
		return "normal"
	case CodeGoingAway:
		return "going away"
	case CodeProtocol:
		return "protocol error"
	case CodeUnsupportedData:
		return "unsupported data"
	case CodeNoStatus:
		return "no status"
	case CodeAbnormal:
		return "abnormal"
	case CodeInvalidPayload:
		return "invalid payload"
	case CodePolicy:
		return "policy violation"
	case CodeTooBig:
		return "message too big"
	case CodeMandatoryExtension:
		return "mandatory extension"
	case CodeInternal:
		return "internal error"
	case CodeServiceRestart:
		return "service restart"
	case CodeTryAgainLater:
		return "try again later"
	case CodeBadGateway:
		return "bad gateway"
	case CodeTLS:
		return "TLS handshake"
	}
	return strconv.Itoa(int(c))
}
