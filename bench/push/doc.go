// Package push sends Web Push messages with each candidate, the way that its
// own documentation shows: to a transport that answers at once, which shows
// what a message costs by itself, and to a push service on this machine.
//
// Sender and service are processes of their own, each on one core. The service
// checks the first messages of each sender: who signed them, and what is in
// them.
package push
