// Package autobahn runs the genuine Autobahn|Testsuite against pushwire, as Go tests:
//
//	ci/setup.sh             # once: CPython 2.7 and wstest 25.10.1, into .cache/
//	go test ./autobahn      # the suite; -short leaves it out, -all runs every case of 12 and 13, -v lists each leg
//
// # Terms
//
// The suite's program, wstest, is the peer: as fuzzingclient it opens connections to a server under test, as fuzzingserver
// it waits for a client under test. A case is one connection, named by an id such as 6.4.2; the number before the first dot
// is its section. A leg is one pass through cases over one path: server-http (pushwire.Handler on net/http), server-raw
// (pushwire.Serve on a listener), server-poller (the same, read by a pushwire.Poller; with fewer cases) and client
// (pushwire.Dial), each but the third over ws and, with fewer cases, over wss. A leg is cut
// into shards, each with a wstest of its own.
//
// # The gate
//
// wstest ends with exit code 0 whatever it found, even when it could not connect; an empty index.json is all that tells. So
// the cases in index.json must be exactly those that were asked for, and cases.txt, the list of all 517 ids, must be the
// suite's own. A case must be OK, both in what it saw (behavior) and in how the connection ended (behaviorClose).
// NON-STRICT is a failure, as are FAILED, UNCLEAN, WRONG CODE, UNIMPLEMENTED and a result that is missing. The only
// exceptions are in expectations.tsv, with a sentence each.
//
// # Limits
//
//	a whole leg             maxLeg, 9 minutes
//	one case as a client    maxCase, 2 minutes
//	wstest to start         maxStart, 30 seconds
//	message, server, client 64 MiB (cases 9.* send 16 MiB)
//	fragments in a message  131,072 (cases 9.3.1 and 9.4.1 send 65,536)
//
// Reports, logs and the suite's own HTML pages are written to autobahn/reports/, from index.html on. Only loopback
// addresses are used: loopback/sitecustomize.py keeps fuzzingserver, which would listen on all addresses, on 127.0.0.1.
package autobahn
