// Package topic holds one ordered log with cursors, the source that every
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
package topic
