package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
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
	head := harmless(it.typ)
	if it.id != "" {
		head += " " + harmless(it.id)
	}
	if it.binary {
		_, err := fmt.Fprintf(w, "%s, %d bytes\n  % x\n", head, len(it.data), it.data)
		return err
	}
	if _, err := fmt.Fprintf(w, "%s\n", head); err != nil {
		return err
	}
	return printLines(w, "  ", it.data)
}

// printLines writes text of others line by line, each behind an indent.
func printLines(w io.Writer, indent string, text []byte) error {
	for line := range strings.SplitSeq(string(text), "\n") {
		if _, err := fmt.Fprintf(w, "%s%s\n", indent, harmless(strings.TrimSuffix(line, "\r"))); err != nil {
			return err
		}
	}
	return nil
}

// harmless is text in which the control characters but tabs are written out, as
// \x1b. A terminal obeys them, and whoever may publish writes them: they could
// hide what was printed before, or set the clipboard.
func harmless(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r != '\t' && unicode.IsControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
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
