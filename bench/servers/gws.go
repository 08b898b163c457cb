package servers

import (
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/lxzan/gws"

	"github.com/pushwire/pushwire/bench/memory"
)

const gwsModule = "github.com/lxzan/gws"

var gwsHTTP = Candidate{
	Name:   "lxzan/gws Upgrader",
	Module: gwsModule,
	Note:   "net/http; event handler, ReadLoop on a goroutine of its own",
	Serve: func(l net.Listener) error {
		u := gws.NewUpgrader(&gwsHandler{echo: true}, gwsOption())
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := u.Upgrade(w, r); err == nil {
				go c.ReadLoop() // so that net/http lets the request go, as its README shows
			}
		}))
	},
	InMemory: func(nc *memory.Conn, mode Mode, n int, payload []byte) error {
		h := &gwsHandler{echo: mode == Echo}
		c, err := gws.NewUpgrader(h, gwsOption()).Upgrade(&memory.Hijack{Conn: nc}, memory.Request())
		if err != nil {
			return err
		}
		if mode != Write {
			c.ReadLoop() // to the end of nc, which has n messages
			if !errors.Is(h.err, io.EOF) {
				return h.err
			}
			return nil
		}
		for range n {
			if err := c.WriteMessage(gws.OpcodeBinary, payload); err != nil {
				return err
			}
		}
		return nil
	},
}

var gwsServer = Candidate{
	Name:   "lxzan/gws Server",
	Module: gwsModule,
	Note:   "its own server in place of net/http's; event handler",
	Serve: func(l net.Listener) error {
		return gws.NewServer(&gwsHandler{echo: true}, gwsOption()).RunListener(l)
	},
}

func gwsOption() *gws.ServerOption {
	return &gws.ServerOption{ReadMaxPayloadSize: maxMessage, WriteMaxPayloadSize: maxMessage}
}

type gwsHandler struct {
	gws.BuiltinEventHandler
	echo bool
	err  error // in memory alone, where one connection has the handler
}

func (h *gwsHandler) OnMessage(c *gws.Conn, m *gws.Message) {
	if h.echo {
		c.WriteMessage(m.Opcode, m.Bytes())
	}
	m.Close()
}

func (h *gwsHandler) OnClose(_ *gws.Conn, err error) {
	if !h.echo {
		h.err = err
	}
}
