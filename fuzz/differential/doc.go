// Package differential holds the fuzz targets that compare the library with
// implementations which the module itself must not require.
//
//	go -C fuzz/differential test -fuzz=FuzzGobwas .
package differential
