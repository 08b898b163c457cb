package handshake

// The defaults of [Limits]. Browsers and proxies send heads of 0.4 to 4 KiB;
// cookies make the long ones. Servers in wide use stop lines at 8 KiB.
const (
	DefaultLine   = 8 << 10  // bytes of a line
	DefaultFields = 100      // header fields of a head
	DefaultBytes  = 32 << 10 // bytes of a head
)

// Limits bound the head of a request or a response. A field that is zero or
// negative means the default. They hold while bytes arrive: a head is refused
// as soon as it cannot be within them any more, without waiting for its end.
type Limits struct {
	// Line is the longest line in bytes, request line and status line
	// included, the CR LF not counted.
	Line int
	// Fields is the largest number of header fields. Before the end of the
	// head has come they are counted at every eighth of a power of two in
	// bytes (see checkpoint), so a surplus may be noticed an eighth late.
	Fields int
	// Bytes is the longest head, with the empty line that ends it. A buffer
	// of this size is always enough.
	Bytes int
}

func (l Limits) withDefaults() Limits {
	if l.Line <= 0 {
		l.Line = DefaultLine
	}
	if l.Fields <= 0 {
		l.Fields = DefaultFields
	}
	if l.Bytes <= 0 {
		l.Bytes = DefaultBytes
	}
	return l
}
