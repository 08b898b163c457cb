// Package fuzz holds the fuzz targets that need more than one package, and
// those that compare the library with other implementations. Those that need
// one package are beside its code. README.md lists them all.
//
//	go test -fuzz=FuzzServerConn ./fuzz
//	ci/fuzz.sh -t 1h FuzzServerConn
//
// The references here are slow and literal: they see the whole input at once
// and walk through the text of the specification. They share nothing with the
// code under test.
package fuzz
