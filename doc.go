// Package pushwire is server push for Go: the WebSocket protocol (RFC 6455) on
// raw connections, server and client.
package pushwire
