// Package leaktest makes a package's tests fail when they leave goroutines
// behind. It is used from TestMain:
//
//	func TestMain(m *testing.M) { leaktest.Main(m) }
//
// It looks once, after all tests: that is quick, and finds what one test
// started and another kept alive. A goroutine counts as left when it was not
// there before the tests, is not on a short list of the standard library's
// own (signal handling, idle HTTP connections of a client), and is still
// there after Patience. When tests have failed it does not look, since a
// failed test may leave anything.
package leaktest
