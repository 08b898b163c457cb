package servers

import "net"

// The raw echoes are the limit for what goes through a goroutine and a
// net.Conn: they read what is there and write the same bytes.
var (
	raw4K  = rawEcho("raw echo 4 KiB", 4<<10)
	raw64K = rawEcho("raw echo 64 KiB", 64<<10)
)

func rawEcho(name string, size int) Candidate {
	return Candidate{
		Name: name,
		Note: "no frames: the bytes that came go back",
		Raw:  true,
		Serve: func(l net.Listener) error {
			for {
				nc, err := l.Accept()
				if err != nil {
					return err
				}
				go func() {
					defer nc.Close()
					buf := make([]byte, size)
					for {
						n, err := nc.Read(buf)
						if err != nil {
							return
						}
						if _, err := nc.Write(buf[:n]); err != nil {
							return
						}
					}
				}()
			}
		},
	}
}
