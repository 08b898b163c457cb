// Package topic holds ordered logs with cursors, the source that every
// transport reads.
//
//	var log topic.Log
//	log.Append("", []byte("hello"))
//
//	var after topic.Cursor // before the oldest item
//	for {
//		items, err := log.Read(ctx, after, nil)
//		if err != nil {
//			return err
//		}
//		for _, it := range items {
//			use(it.Data)
//			after = it.Cursor
//		}
//	}
//
// # Terms
//
// An item has a type and data, text or binary. A publication is an item to be,
// with a key if it may be repeated. A topic is an ordered sequence of items; a
// [Log] is one in memory. A [Cursor] is a place in it. The epoch of a cursor
// names one life of a topic: when items were lost, because a process ended, it
// goes on under another. Items are kept up to limits; the oldest are evicted.
// An [Engine] keeps topics, a [Hub] opens and closes them by name.
//
// # Readers pull
//
// A reader has a cursor and nothing else: no queue, no goroutine, no place in a
// list except while it waits. It asks for what follows, when it can take it. So
// a slow reader costs nothing and holds up nobody. When it falls so far behind
// that items it has not seen are evicted, it gets a [*GoneError]; it is never
// led past a gap in silence. The same holds for a cursor of another epoch, and
// for one that was made up or lies in the future. What is no cursor at all is a
// [*CursorError].
//
// [Source] is that, [Waker] a way to wait without a goroutine, [Bounder] and
// [Publisher] are the rest; [Topic] is all of them.
//
// Items are shared. What a transport makes of one, its JSON or its frame, is
// made once for all readers, by [Item.Form].
//
// # Publishing again
//
// Who does not know whether a publication has arrived publishes it again with
// the same [Publication.Key]. It is stored once for as long as the key is
// remembered, even if its item has been evicted, and gives the first cursor. Of
// two publications with one key the first counts, also when they differ.
//
// # Limits and defaults
//
//	items of a Log                10,000 (Log.MaxItems)
//	  their data and types        4 MiB (Log.MaxBytes); one item may have all of it
//	  their age                   none (Log.MaxAge)
//	keys that are remembered      1,024 for 2 min (Log.DedupItems, Log.Dedup)
//	type, key                     256 B each
//	name of a topic of a Hub      512 B
//	cursor, epoch                 64 B, 32 B
//	topics of a Hub               10,000 (Hub.MaxTopics), then ErrFull
//	  one without use             1 min, up to a quarter more (Hub.Idle)
//	forms of an item              8
//	goroutines of a Log           none; while there are wakers to be called up to GOMAXPROCS
//	  wakers taken at a time      64
//	  timers                      one if there is a MaxAge and an item
//	allocations                   1 for an item of up to 408 B, 2 for a larger one; none to
//	                              read; 2 to wait
//
// The worst case of a Hub on [Memory] is MaxTopics times MaxBytes: set both by
// what the machine has.
//
// Forms that readers share are not counted. An item takes about 150 bytes beside
// its data.
//
// # Concurrency
//
// All may be called from any goroutine. Reading takes no lock: places are
// published atomically, in segments that a table finds in constant time, so a
// reader that is a million items behind looks its place up as quickly as one at
// the newest. Publishing takes one lock for the time that it needs to store an item; data is
// copied before. Who is to be called because something was published is called
// by goroutines that the log starts for it and that end when all have been
// called. Who publishes only starts the first, whether one waits or ten thousand:
// that takes a microsecond or two.
// Functions that are given to Wake must not block: they would hold up others
// that wait, though never one who publishes.
//
// # Security
//
// A cursor of a client is the client's word. Whatever it is, it makes no panic,
// takes no memory, and shows no more than the topic has; it is not a credential.
// Text is valid UTF-8 and types have no line ends, so neither can break out of
// the format of a transport. A name that is only read is opened, and counts: do
// not let strangers choose names without a check.
package topic
