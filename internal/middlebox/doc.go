// Package middlebox is proxies as they should not be, for tests: what stands
// between clients and servers out there, and breaks what they agreed on.
//
//	box, err := middlebox.Start(middlebox.Buffer, server, nil)
//	defer box.Close()
//	... http://box.Addr() ...
//
// A box stands before one server and speaks plain HTTP or passes bytes on. It
// knows nothing of what goes through it. Its methods may be called from any
// goroutine.
package middlebox
