package pushwire_test

import (
	"fmt"
	"strings"

	"github.com/pushwire/pushwire/internal/testpeer"
)

func badTokens() []handshakeRow {
	const up, conn = "handshake_upgrade_missing", "handshake_connection_missing"
	rows := []handshakeRow{
		{name: "no upgrade at all", head: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", status: 426, token: "handshake_not_upgrade", fields: "Upgrade: websocket"},
		{name: "another upgrade and no key", head: req("Upgrade: h2c", "-Sec-WebSocket-Key"), status: 426, token: "handshake_not_upgrade", fields: "Upgrade: websocket"},
		{name: "no Upgrade", head: req("-Upgrade"), token: up},
		{name: "Upgrade to something else", head: req("Upgrade: h2c"), token: up},
		{name: "Upgrade to something longer", head: req("Upgrade: websockets"), token: up},
		{name: "Upgrade with a version", head: req("Upgrade: websocket/13"), token: up},
		{name: "Upgrade that is empty", head: req("Upgrade:"), token: up},
		{name: "Upgrade with a space inside", head: req("Upgrade: web socket"), token: "handshake_upgrade_syntax"},
		{name: "Upgrade with the Kelvin sign", head: req("Upgrade: websoc\u212aet"), token: "handshake_upgrade_syntax"},
		{name: "Upgrade quoted", head: req("Upgrade: \"websocket\""), token: "handshake_upgrade_syntax"},
		{name: "no Connection", head: req("-Connection"), token: conn},
		{name: "Connection: close", head: req("Connection: close"), token: conn},
		{name: "Connection: keep-alive", head: req("Connection: keep-alive"), token: conn},
		{name: "Connection: Upgraded", head: req("Connection: Upgraded"), token: conn},
		{name: "Connection with semicolons", head: req("Connection: keep-alive; Upgrade"), token: "handshake_connection_syntax"},
		{name: "no Host", head: req("-Host"), token: "handshake_host_missing", first: true},
		{name: "two Hosts", head: req("Host: localhost", "Host: localhost"), token: "handshake_host_repeated", first: true},
		{name: "an empty Host", head: req("Host:"), token: "handshake_host_missing"},
		{name: "a Host with a space", head: req("Host: local host"), token: "handshake_host_invalid", first: true},
		{name: "a Host with a comma", head: req("Host: localhost,elsewhere"), token: "handshake_host_invalid"},
		{name: "a Host with user info", head: req("Host: user@localhost"), token: "handshake_host_invalid", first: true},
		{name: "a Host with a path", head: req("Host: localhost/chat"), token: "handshake_host_invalid", first: true},
		{name: "a Host with a port out of range", head: req("Host: localhost:65536"), token: "handshake_host_invalid"},
		{name: "an empty list of subprotocols", head: req("Sec-WebSocket-Protocol:"), token: "handshake_protocol_syntax"},
		{name: "a subprotocol that is no token", head: req("Sec-WebSocket-Protocol: v1 chat"), token: "handshake_protocol_syntax"},
		{name: "a subprotocol offered twice", head: req("Sec-WebSocket-Protocol: a, b, a"), token: "handshake_protocol_repeated"},
		{name: "a subprotocol offered twice in two fields", head: req("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"), token: "handshake_protocol_repeated"},
		{name: "an extension that is no token", head: req("Sec-WebSocket-Extensions: per message"), token: "handshake_extension_syntax"},
		{name: "an extension with an open quote", head: req("Sec-WebSocket-Extensions: x; a=\"b"), token: "handshake_extension_syntax"},
	}
	for i := range rows {
		if rows[i].status == 0 {
			rows[i].status = 400
		}
	}
	return rows
}

func badVersionsAndKeys() []handshakeRow {
	var rows []handshakeRow
	const wanted = "Sec-WebSocket-Version: 13\nUpgrade: websocket"
	for _, v := range []string{"0", "7", "8", "12", "14", "113", "013", "13.0", "+13", "0x0d", "13, 8", "8, 13", "thirteen", ""} {
		rows = append(rows, handshakeRow{name: fmt.Sprintf("version %q", v), head: req("Sec-WebSocket-Version: " + v), status: 426, token: "handshake_version"})
	}
	rows = append(rows, handshakeRow{name: "no version", head: req("-Sec-WebSocket-Version"), status: 426, token: "handshake_version_missing"})
	for i := range rows {
		rows[i].fields = wanted
	}
	rows = append(rows,
		handshakeRow{name: "two versions", head: req("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"), status: 400, token: "handshake_version_repeated"},
		handshakeRow{name: "version 13 twice", head: req("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"), status: 400, token: "handshake_version_repeated"},
		handshakeRow{name: "no key", head: req("-Sec-WebSocket-Key"), status: 400, token: "handshake_key_missing"},
		handshakeRow{name: "two keys", head: req("Sec-WebSocket-Key: "+testpeer.Key, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), status: 400, token: "handshake_key_repeated"},
		handshakeRow{name: "the same key twice", head: req("Sec-WebSocket-Key: "+testpeer.Key, "Sec-WebSocket-Key: "+testpeer.Key), status: 400, token: "handshake_key_repeated"},
	)
	for name, key := range map[string]string{
		"that is empty":           "",
		"of 15 bytes":             "AAAAAAAAAAAAAAAAAAAA",
		"of 17 bytes":             "AAAAAAAAAAAAAAAAAAAAAAA=",
		"of 18 bytes":             "AAAAAAAAAAAAAAAAAAAAAAAA",
		"without padding":         "dGhlIHNhbXBsZSBub25jZQ",
		"with half the padding":   "dGhlIHNhbXBsZSBub25jZQ=",
		"with too much padding":   "dGhlIHNhbXBsZSBub25jZQ===",
		"with unused bits set":    "dGhlIHNhbXBsZSBub25jZR==",
		"in the alphabet of URLs": "dGhlIHNhbXBsZSBub25j-_==",
		"with a space inside":     "dGhlIHNhbXBsZSBub25jZ ==",
		"with a star":             "dGhlIHNhbXBsZSBub25jZ*==",
		"twice in one field":      testpeer.Key + ", " + testpeer.Key,
		"in quotes":               `"` + testpeer.Key + `"`,
		"of 16 plain letters":     "abcdefghijklmnop",
		"of 4,000 letters":        strings.Repeat("A", 4000),
	} {
		rows = append(rows, handshakeRow{name: "a key " + name, head: req("Sec-WebSocket-Key: " + key), status: 400, token: "handshake_key_invalid"})
	}
	return rows
}
