// Package deflaters has the compressors and inflaters that the measurement
// "deflate" puts side by side, each used as a WebSocket library would use it:
// one message after the other, each flushed and cut by the four bytes of RFC
// 7692, 7.2.1.
//
// A candidate either keeps its state, and with it its history, in each
// connection, or is taken from a pool and gets the history with each message;
// then a connection keeps only the window.
package deflaters
