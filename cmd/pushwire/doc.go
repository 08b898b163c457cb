// Pushwire is the command-line tool of the pushwire library.
//
//	pushwire serve              a WebSocket echo server with a page to try it in a browser
//	pushwire connect URL        a WebSocket client: lines in, messages out
//	pushwire listen URL         an event-stream client: prints events, comes back when the stream is lost
//	pushwire webpush keys       makes the key that push services know an application by
//	pushwire webpush send FILE  sends a message to the subscriptions in a file
//	pushwire webpush serve      a push service, for Firefox and other user agents
//	pushwire help [COMMAND]     what there is
//
// Serve listens on 127.0.0.1:8080 unless -addr says otherwise, answers every
// message on /echo with the same message, and holds the page at /. It takes
// connections only from pages of its own origin and from clients that are no
// browsers. An interrupt closes every connection with 1001 and tells how many
// did not answer.
//
// /events is an event stream that ticks once a second; what is posted to it
// comes out of it.
//
// Connect sends each line of its standard input as a text message and prints
// what arrives: text as it is, binary as hex. The end of the input closes the
// connection with 1000. The exit status is 0 when the connection ended with a
// closing handshake and 1000, 1001 or no code; 1 otherwise; 2 for a wrong
// command line.
//
// Listen prints the type and the ID of each event and its data below, or with
// -json a line of JSON. The exit status is 0 after an interrupt or an answer
// 204, 1 when the server's answer is no event stream.
//
// Webpush keys prints a new key, or with -in one that exists, in both halves;
// with -out the private half goes to a file. Webpush send reads subscriptions
// as pages make them and sends one message to all; its exit status is 0 when
// all push services took it.
//
// Webpush serve listens on 127.0.0.1:8081. With -store FILE subscriptions and
// messages survive its end and a crash. See package webpush/pushservice for what
// it takes and answers.
package main
