package servers

import (
	"net"
	"net/http"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
)

const nbioModule = "github.com/lesismal/nbio"

// nbio's README has one mode for many connections and one that "aims to
// improve the performance for low online service".
var (
	nbioPoller = Candidate{
		Name:   "lesismal/nbio poller",
		Module: nbioModule,
		Note:   "its own server, IOModNonBlocking; OnMessage and WriteMessage, payloads are released",
		Serve:  nbioServe(nbhttp.IOModNonBlocking),
	}
	nbioBlocking = Candidate{
		Name:   "lesismal/nbio blocking",
		Module: nbioModule,
		Note:   "its own server, IOModBlocking without a goroutine for writing",
		Serve:  nbioServe(nbhttp.IOModBlocking),
	}
)

func nbioServe(mode int) func(net.Listener) error {
	return func(l net.Listener) error {
		logging.SetLevel(logging.LevelError)
		u := websocket.NewUpgrader()
		u.BlockingModAsyncWrite = false // it is for broadcasts
		u.OnMessage(func(c *websocket.Conn, t websocket.MessageType, p []byte) { c.WriteMessage(t, p) })
		failed := make(chan error, 1)
		e := nbhttp.NewEngine(nbhttp.Config{
			Network:                      "tcp",
			Addrs:                        []string{l.Addr().String()},
			Listen:                       func(string, string) (net.Listener, error) { return l, nil },
			MaxLoad:                      1 << 20,
			MaxWebsocketFramePayloadSize: maxMessage,
			ReleaseWebsocketPayload:      true,
			IOMod:                        mode,
			OnAcceptError: func(err error) {
				select {
				case failed <- err:
				default:
				}
			},
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { u.Upgrade(w, r, nil) }),
		})
		u.Engine = e // else the limits of another one hold for blocking connections
		if err := e.Start(); err != nil {
			return err
		}
		defer e.Stop()
		return <-failed
	}
}
