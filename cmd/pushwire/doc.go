// Pushwire is the command-line tool of the pushwire library.
//
//	pushwire serve                topics over every transport, a WebSocket echo, and a page to try them
//	pushwire listen URL           follows a topic, or any event stream, and prints what comes
//	pushwire publish URL [TEXT]   publishes to a topic
//	pushwire connect URL          a WebSocket client: lines in, messages out
//	pushwire webpush keys         makes the key that push services know an application by
//	pushwire webpush send FILE    sends a message to the subscriptions in a file
//	pushwire webpush serve        a push service, for Firefox and other user agents
//	pushwire help [COMMAND]       what there is
//
// Serve listens on 127.0.0.1:8080 unless -addr says otherwise. The page at /
// follows one topic, /topics/demo, which ticks once a second, over all
// transports side by side. Any other name below /topics/ is a topic too: GET
// reads it over whichever transport the request asks for, POST publishes.
// Every message on /echo is answered with the same message, and /echo.html is
// a page for that. Connections are taken from pages of the server's own origin
// and from clients that are no browsers. On a loopback address every request
// has to name an IP address, localhost, or the name in -addr, and gets 421
// otherwise, so that no name of a stranger's leads to the server. An interrupt
// ends every connection so that its client can go on elsewhere, and tells how
// many did not answer; the exit status is 1 if any did not.
//
// Connect sends each line of its standard input as a text message and prints
// what arrives: text as it is, but for control characters on a terminal, binary
// as hex. The end of the input closes the
// connection with 1000. The exit status is 0 when the connection ended with a
// closing handshake and 1000, 1001 or no code; 1 otherwise; 2 for a wrong
// command line.
//
// Listen prints the type and the cursor of each item and its data below, with
// -json a line of JSON, with -data the data alone. The exit status is 0 after
// an interrupt, after -n items, or when an event stream ends with 204; 1 when
// the server refuses. Publish prints the cursor of each item; the exit status
// is 1 when one was not stored.
//
// Webpush keys prints a new key, or with -in one that exists, in both halves;
// with -out the private half goes to a file. Webpush send reads subscriptions
// as pages make them and sends one message to all; its exit status is 0 when
// all push services took it.
//
// Webpush serve listens on 127.0.0.1:8081, for the same names as serve unless
// it has a -url. With -store FILE subscriptions and
// messages survive its end and a crash; behind a proxy -client-header says where
// the client's address is. See package webpush/pushservice for what
// it takes and answers.
package main
