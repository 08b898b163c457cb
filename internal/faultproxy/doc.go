// Package faultproxy is a network that breaks, for tests: a proxy on a real
// socket before a server, which passes bytes on and does to them, in either
// direction, what networks do.
//
//	p, err := faultproxy.Start(server, &faultproxy.Options{Plan: faultproxy.Random(1, faultproxy.Rates{})})
//	defer p.Close()
//	... connect to p.Addr() ...
//	p.Calm() // from now on it passes on what comes
//
// It never changes, swallows or reorders bytes and goes on: what comes out on
// one side is, up to the fault that ends a connection, what went in on the
// other. Its methods may be called from any goroutine.
package faultproxy
