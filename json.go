package pushwire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/pushwire/pushwire/frame"
)

// ReadJSON reads the next message, text or binary, and decodes it as one JSON
// value. A message that is not one is an error, and the connection goes on.
func ReadJSON[T any](ctx context.Context, c *Conn) (T, error) {
	var v T
	_, p, err := c.Read(ctx)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(p, &v); err != nil {
		return v, fmt.Errorf("pushwire: the message is not the JSON that was expected: %w", err)
	}
	return v, nil
}

var jsonBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// WriteJSON sends v, encoded as JSON, as a text message. HTML characters are
// not escaped. An error of the encoding leaves the connection as it was.
func WriteJSON[T any](ctx context.Context, c *Conn, v T) error {
	b := jsonBuffers.Get().(*bytes.Buffer)
	b.Reset()
	defer func() {
		if b.Cap() <= chunkSize {
			jsonBuffers.Put(b)
		}
	}()
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("pushwire: the value can't be encoded as JSON: %w", err)
	}
	return c.Write(ctx, frame.Text, bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}
