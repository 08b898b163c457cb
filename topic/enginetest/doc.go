// Package enginetest holds what a [topic.Engine] has to fulfil, as tests.
//
// Who writes an engine, on a broker say, calls Run from a test:
//
//	func TestEngine(t *testing.T) {
//		enginetest.Run(t, func(t *testing.T) topic.Engine {
//			e := myengine.New(startBroker(t))
//			t.Cleanup(e.Shutdown)
//			return e
//		})
//	}
//
// Readers of a topic, the transports of httpstream among them, rely on all of
// it: that a cursor is followed by the same items for everybody and forever, or
// by an error that says so; that nothing is skipped or repeated; that who waits
// is woken and who publishes is not held up by that. An engine that passes can
// be put into a [topic.Hub].
//
// # What the suite asks for
//
// open is called once for each check. What it returns may have topics from
// before, the names are new each time. Its topics have to keep 300 items of
// together 1 MiB for as long as a check runs, and to remember as many keys; they
// should keep no more than 20,000 items, otherwise the check of what is evicted
// is skipped, and says so. Time is real: a check takes well below a second where
// the engine answers in microseconds, and waits at most 10 s for anything that
// has to happen.
//
// # How to write an engine
//
// Give every life of a topic an epoch, by [topic.NewEpoch], and store it beside
// the items. A topic that lost its items, or may have, gets another one. Count
// the items by one: a hole is taken for a loss. A broker whose own numbers have
// holes needs a counter, which is increased in the same transaction.
//
// Make cursors with [topic.At], take them apart with [topic.Cursor.Split], and
// check what is published with [topic.Publication.Check], so that all engines
// agree about what can be an item. Call [topic.Item.Share] once for an item that
// is kept in memory, and give all readers copies of that.
//
// It is worth the while to keep the newest items in the process, since most
// readers are there, and to wait at the broker once for all who wait.
package enginetest
