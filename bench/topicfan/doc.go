// Package topicfan publishes one item to many readers that wait on a topic, over
// each transport of package httpstream. Each candidate's server is a process of
// its own, and so is the client that holds the other ends of its readers, as in
// package fanout.
//
// Other than there the client reads while the server writes: how long it takes
// until the last reader has the item is one of the figures.
package topicfan
