package pushwire

import (
	"context"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
)

// Pipe returns the two ends of a WebSocket connection in memory, for tests
// and for parts of one program. Both ends use cfg; nil means the defaults.
// It works in a bubble of testing/synctest.
func Pipe(cfg *Config) (client, server *Conn) {
	if cfg == nil {
		cfg = &defaultAccept.Config
	}
	a, b := memconn.Pipe()
	client = newConn(context.Background(), a, frame.Client, cfg, assumed(cfg), nil, nil)
	server = newConn(context.Background(), b, frame.Server, cfg, assumed(cfg), nil, nil)
	return client, server
}
