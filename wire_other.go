//go:build !unix

package pushwire

// rawIO is false where a syscall.RawConn gives no descriptor that could be
// read without waiting: connections block in Read there, with a small buffer.
const rawIO = false

func (it *intake) readOnce() func(uintptr) bool { panic("pushwire: no raw input here") }
func (b *outgoing) writable(uintptr) bool       { panic("pushwire: no raw output here") }
