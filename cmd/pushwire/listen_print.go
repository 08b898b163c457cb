package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
)

// printed is an item of a topic or an event of a stream.
type printed struct {
	id, typ string
	data    []byte
	binary  bool
}

// printItem writes a line with the type and the ID, and the data below it,
// indented.
func printItem(w io.Writer, it printed) error {
	head := it.typ
	if it.id != "" {
		head += " " + it.id
	}
	if it.binary {
		_, err := fmt.Fprintf(w, "%s, %d bytes\n  % x\n", head, len(it.data), it.data)
		return err
	}
	_, err := fmt.Fprintf(w, "%s\n  %s\n", head, bytes.ReplaceAll(it.data, []byte("\n"), []byte("\n  ")))
	return err
}

// printJSON writes a line of JSON.
func printJSON(w io.Writer, it printed) error {
	line := struct {
		ID     string  `json:"id,omitempty"`
		Type   string  `json:"type"`
		Data   *string `json:"data,omitempty"`
		Base64 string  `json:"base64,omitempty"`
	}{ID: it.id, Type: it.typ}
	if it.binary {
		line.Base64 = base64.StdEncoding.EncodeToString(it.data)
	} else {
		text := string(it.data)
		line.Data = &text
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(line)
}

// printData writes the data alone: text and a line end, or bytes as they are.
func printData(w io.Writer, it printed) error {
	data := it.data
	if !it.binary {
		data = append(data[:len(data):len(data)], '\n')
	}
	_, err := w.Write(data)
	return err
}
