package handshake

import "net/http"

// A fault is one way to get the handshake wrong. All of them stand in one
// table, so that tokens are unique and sentences can be read side by side.
type fault int

const (
	faultNone fault = iota // nothing wrong

	// Syntax of a head, request or response.
	faultLineTooLong
	faultFieldsTooMany
	faultBytesTooMany
	faultControlByte
	faultBareCR
	faultBareLF
	faultRequestLine
	faultStatusLine
	faultHTTPVersion
	faultHTTPVersionSyntax
	faultTarget
	faultTargetForm
	faultFieldFolded
	faultFieldColon
	faultFieldName
	faultHostMissing
	faultHostRepeated
	faultHostInvalid
	faultContentLength
	faultTransferEncoding

	// A request that is no valid opening handshake.
	faultHTTP10
	faultHTTP2
	faultMethod
	faultNotUpgrade
	faultUpgradeMissing
	faultUpgradeSyntax
	faultConnectionMissing
	faultConnectionSyntax
	faultBody
	faultVersionMissing
	faultVersionRepeated
	faultVersion
	faultKeyMissing
	faultKeyRepeated
	faultKeyInvalid
	faultProtocolSyntax
	faultProtocolRepeated
	faultExtensionSyntax

	// An origin that is not welcome.
	faultOriginRepeated
	faultOriginNull
	faultOriginMalformed
	faultOriginScheme
	faultOriginForbidden

	// A response that does not accept our request.
	faultAnswerStatus
	faultAnswerHTTP
	faultAnswerUpgrade
	faultAnswerConnection
	faultAnswerAcceptMissing
	faultAnswerAcceptRepeated
	faultAnswerAccept
	faultAnswerProtocolRepeated
	faultAnswerProtocol
	faultAnswerExtensionSyntax
	faultAnswerExtension

	// Mistakes of our own side: the ConfigErrors.
	faultConfigFieldName
	faultConfigFieldValue
	faultConfigFieldOwned
	faultConfigMethod
	faultConfigTarget
	faultConfigHost
	faultConfigKey
	faultConfigOrigin
	faultConfigOriginTwice
	faultConfigProtocol
	faultConfigProtocolRepeated
	faultConfigExtension
	faultConfigProtocolNotOffered
	faultConfigExtensionNotOffered
	faultConfigOriginPattern
	faultConfigOriginHost

	faultEnd
)

// faults says for each fault the status of the answer, the token and the
// sentence: what happened (why, what to do). Verbs take quoted text.
var faults = [faultEnd]struct {
	status int
	token  string
	reason string
}{
	faultNone: {0, "", ""},

	// RFC 6585, 5: 431 "can be used both when the set of request header
	// fields in total is too large, and when a single header field is at
	// fault".
	faultLineTooLong:   {http.StatusRequestHeaderFieldsTooLarge, "handshake_line_too_long", "a line of the head is longer than %d bytes (that is the limit; send shorter fields or raise the limit on lines)"},
	faultFieldsTooMany: {http.StatusRequestHeaderFieldsTooLarge, "handshake_fields_too_many", "the head has more than %d fields (that is the limit; send fewer or raise the limit on fields)"},
	faultBytesTooMany:  {http.StatusRequestHeaderFieldsTooLarge, "handshake_bytes_too_many", "the head does not end within %d bytes (that is the limit; send less or raise the limit on bytes)"},

	faultControlByte:       {http.StatusBadRequest, "handshake_control_byte", "the head holds the control byte 0x%02x (HTTP allows none but tab; is this TLS, or another protocol, on a plain port?)"},
	faultBareCR:            {http.StatusBadRequest, "handshake_bare_cr", "the head holds a CR without LF (lines end in CR LF; a lone CR is used to smuggle fields)"},
	faultBareLF:            {http.StatusBadRequest, "handshake_bare_lf", "the head holds an LF without CR (lines end in CR LF; a lone LF is used to smuggle fields)"},
	faultRequestLine:       {http.StatusBadRequest, "handshake_request_line", "the request line %s is malformed (it is method, target and version with one space between)"},
	faultStatusLine:        {0, "handshake_status_line", "the status line %s is malformed (it is version, three digits and a phrase; is this an HTTP server?)"},
	faultHTTPVersion:       {http.StatusHTTPVersionNotSupported, "handshake_http_version", "the message says %s (only HTTP/1.1 can be upgraded this way; is HTTP/2 sent without TLS, or without ALPN?)"},
	faultHTTPVersionSyntax: {http.StatusBadRequest, "handshake_http_version_syntax", "the version %s is malformed (it is HTTP/ and two digits with a point between)"},
	faultTarget:            {http.StatusBadRequest, "handshake_target", "the request target %s is malformed (it is a path and query in visible ASCII, without a fragment)"},
	faultTargetForm:        {http.StatusBadRequest, "handshake_target_form", "the request target %s has the wrong form (a handshake asks for a path, or for a whole http or https URL without user info)"},
	faultFieldFolded:       {http.StatusBadRequest, "handshake_field_folded", "a line of the head begins with white space (folded fields are obsolete; send the value in one line)"},
	faultFieldColon:        {http.StatusBadRequest, "handshake_field_colon", "the line %s is no field (it has no colon)"},
	faultFieldName:         {http.StatusBadRequest, "handshake_field_name", "the field name %s is no token (white space before the colon counts too)"},
	faultHostMissing:       {http.StatusBadRequest, "handshake_host_missing", "the Host field is missing or empty (the client must name the host that it wants)"},
	faultHostRepeated:      {http.StatusBadRequest, "handshake_host_repeated", "the Host field came more than once (nobody can tell which one is meant)"},
	faultHostInvalid:       {http.StatusBadRequest, "handshake_host_invalid", "the host %s is malformed (it is a name or address in ASCII, with or without a port)"},
	faultContentLength:     {http.StatusBadRequest, "handshake_content_length", "the Content-Length field is malformed or repeated (it is one decimal number)"},
	faultTransferEncoding:  {http.StatusBadRequest, "handshake_transfer_encoding", "the Transfer-Encoding field cannot be trusted (only chunked is known, once, in HTTP/1.1 and without Content-Length or Trailer)"},

	// 505 is about major versions by the letter; for 1.0 there is no status
	// that fits better, since a server has to ignore Upgrade there (RFC 9110,
	// 7.8) and so must not ask for it with 426.
	faultHTTP10:            {http.StatusHTTPVersionNotSupported, "handshake_http_10", "the request came as HTTP/1.0, which cannot be upgraded (often a proxy in front that is not set to HTTP/1.1)"},
	faultHTTP2:             {http.StatusHTTPVersionNotSupported, "handshake_http_2", "the request came over HTTP/%s, which has no Upgrade (connect with HTTP/1.1, as by ALPN)"},
	faultMethod:            {http.StatusMethodNotAllowed, "handshake_method", "the method is %s (a WebSocket opens with GET)"},
	faultNotUpgrade:        {http.StatusUpgradeRequired, "handshake_not_upgrade", "this is a WebSocket endpoint and the request asks for no upgrade (connect with a WebSocket client)"},
	faultUpgradeMissing:    {http.StatusBadRequest, "handshake_upgrade_missing", "the Upgrade field does not say websocket although a key is there (a proxy in front may have removed it; let it pass Upgrade and Connection on)"},
	faultUpgradeSyntax:     {http.StatusBadRequest, "handshake_upgrade_syntax", "the Upgrade field %s is malformed (it is a list of protocols)"},
	faultConnectionMissing: {http.StatusBadRequest, "handshake_connection_missing", "the Connection field does not say upgrade (a proxy in front may have changed it; let it pass Upgrade and Connection on)"},
	faultConnectionSyntax:  {http.StatusBadRequest, "handshake_connection_syntax", "the Connection field %s is malformed (it is a list of tokens)"},
	faultBody:              {http.StatusBadRequest, "handshake_body", "the request announces a body (a handshake has none; after its head come frames)"},
	faultVersionMissing:    {http.StatusUpgradeRequired, "handshake_version_missing", "the Sec-WebSocket-Version field is missing (this server speaks version 13)"},
	faultVersionRepeated:   {http.StatusBadRequest, "handshake_version_repeated", "the Sec-WebSocket-Version field came more than once (send the one version that is meant)"},
	faultVersion:           {http.StatusUpgradeRequired, "handshake_version", "the Sec-WebSocket-Version is %s (this server speaks version 13 only)"},
	faultKeyMissing:        {http.StatusBadRequest, "handshake_key_missing", "the Sec-WebSocket-Key field is missing (the client must send 16 random bytes in base64)"},
	faultKeyRepeated:       {http.StatusBadRequest, "handshake_key_repeated", "the Sec-WebSocket-Key field came more than once (send one key)"},
	faultKeyInvalid:        {http.StatusBadRequest, "handshake_key_invalid", "the Sec-WebSocket-Key %s is not the base64 of 16 bytes (it is 22 characters and \"==\", unused bits zero)"},
	faultProtocolSyntax:    {http.StatusBadRequest, "handshake_protocol_syntax", "the Sec-WebSocket-Protocol field is malformed at %s (it is a list of one token or more)"},
	faultProtocolRepeated:  {http.StatusBadRequest, "handshake_protocol_repeated", "the subprotocol %s is offered twice (each may stand in the list once)"},
	faultExtensionSyntax:   {http.StatusBadRequest, "handshake_extension_syntax", "the Sec-WebSocket-Extensions field is malformed at %s (it is a list of names with parameters)"},

	faultOriginRepeated:  {http.StatusForbidden, "handshake_origin_repeated", "the Origin field came more than once (nobody can tell which page is asking)"},
	faultOriginNull:      {http.StatusForbidden, "handshake_origin_null", "the Origin is null (a sandboxed frame, a file or a redirect hides the page; it has to be allowed by name)"},
	faultOriginMalformed: {http.StatusForbidden, "handshake_origin_malformed", "the Origin %s is malformed (it is scheme, host and port of the page)"},
	faultOriginScheme:    {http.StatusForbidden, "handshake_origin_scheme", "the Origin %s is this host with another scheme (behind a proxy that ends TLS the server must be told its public origin)"},
	faultOriginForbidden: {http.StatusForbidden, "handshake_origin_forbidden", "the Origin %s may not connect to this host (the server has to allow it)"},

	faultAnswerStatus:           {0, "handshake_answer_status", "the server answered %d %s and not 101 (it did not agree to a WebSocket)"},
	faultAnswerHTTP:             {0, "handshake_answer_http", "the server agreed in HTTP/1.0 (only HTTP/1.1 can be upgraded)"},
	faultAnswerUpgrade:          {0, "handshake_answer_upgrade", "the server's Upgrade field is not websocket, once (it is no WebSocket server, or a proxy changed the answer)"},
	faultAnswerConnection:       {0, "handshake_answer_connection", "the server's Connection field does not say upgrade (it is no WebSocket server, or a proxy changed the answer)"},
	faultAnswerAcceptMissing:    {0, "handshake_answer_accept_missing", "the server's Sec-WebSocket-Accept field is missing (it is no WebSocket server)"},
	faultAnswerAcceptRepeated:   {0, "handshake_answer_accept_repeated", "the server's Sec-WebSocket-Accept field came more than once (one is the rule)"},
	faultAnswerAccept:           {0, "handshake_answer_accept", "the server's Sec-WebSocket-Accept %s does not belong to our key (it is the answer to another request, or a guess)"},
	faultAnswerProtocolRepeated: {0, "handshake_answer_protocol_repeated", "the server's Sec-WebSocket-Protocol field came more than once (it may choose one)"},
	faultAnswerProtocol:         {0, "handshake_answer_protocol", "the server chose the subprotocol %s (we did not offer it)"},
	faultAnswerExtensionSyntax:  {0, "handshake_answer_extension_syntax", "the server's Sec-WebSocket-Extensions field is malformed at %s (it is a list of names with parameters)"},
	faultAnswerExtension:        {0, "handshake_answer_extension", "the server uses the extension %s (we did not offer it)"},

	faultConfigFieldName:           {0, "handshake_config_field_name", "the extra field name %s is no token (remove what is not allowed in a name)"},
	faultConfigFieldValue:          {0, "handshake_config_field_value", "the value of the extra field %s holds a control byte (CR, LF or NUL would start a new field)"},
	faultConfigFieldOwned:          {0, "handshake_config_field_owned", "the extra field %s belongs to the handshake (it is set from the other options)"},
	faultConfigMethod:              {0, "handshake_config_method", "the method is %s (a handshake is sent with GET in HTTP/1.1; leave both empty)"},
	faultConfigTarget:              {0, "handshake_config_target", "the target %s cannot be sent (it is a path that begins with a slash, and a query, in visible ASCII)"},
	faultConfigHost:                {0, "handshake_config_host", "the host %s cannot be sent (it is a name or address in ASCII, with or without a port)"},
	faultConfigKey:                 {0, "handshake_config_key", "the key %s is not the base64 of 16 bytes (NewKey makes one)"},
	faultConfigOrigin:              {0, "handshake_config_origin", "the origin %s cannot be sent (it is scheme, host and port, without a slash at the end)"},
	faultConfigOriginTwice:         {0, "handshake_config_origin_twice", "the origin is set twice (once by name and once as an extra field)"},
	faultConfigProtocol:            {0, "handshake_config_protocol", "the subprotocol %s is no token (no white space, commas or other separators)"},
	faultConfigProtocolRepeated:    {0, "handshake_config_protocol_repeated", "the subprotocol %s is listed twice (each may be offered once)"},
	faultConfigExtension:           {0, "handshake_config_extension", "the extension %s is malformed (it is a name with parameters)"},
	faultConfigProtocolNotOffered:  {0, "handshake_config_protocol_not_offered", "the subprotocol %s cannot be chosen (the client did not offer it)"},
	faultConfigExtensionNotOffered: {0, "handshake_config_extension_not_offered", "the extension %s cannot be chosen (the client did not offer it)"},
	faultConfigOriginPattern:       {0, "handshake_config_origin_pattern", "the allowed origin %s is malformed (write scheme, host and port, as https://app.example.com, or https://*.example.com)"},
	faultConfigOriginHost:          {0, "handshake_config_origin_host", "the expected host %s is malformed (write host, host:port or an origin as https://example.com)"},
}
