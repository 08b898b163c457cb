// Package webpush sends push messages to service workers, by the protocol that
// all browsers share: Web Push (RFC 8030), its encryption (RFC 8291) and its
// identification of senders (RFC 8292, VAPID).
//
// The smallest use:
//
//	key, err := webpush.ParseKey(os.Getenv("PUSH_KEY")) // once made by GenerateKey
//	...
//	client := &webpush.Client{Key: key, Subject: "mailto:push@example.com"}
//	sub, err := webpush.ParseSubscription(body) // what the page sent
//	...
//	_, err = client.Send(ctx, sub, &webpush.Message{Payload: []byte("hello")})
//	if errors.Is(err, webpush.ErrGone) {
//		// delete the subscription
//	}
//
// The page subscribes with the public half of the same key,
// applicationServerKey: [Key.PublicKey], and sends JSON.stringify(subscription)
// to the application.
//
// # Terms
//
// A push service delivers messages to a browser; each vendor has one, and the
// browser chooses. A subscription is what connects one page's service worker
// with it: an endpoint, the URL to which messages are posted (RFC 8030 calls it
// the push resource), and the keys that messages are encrypted for. The
// application server is who sends. The user agent is the browser. VAPID is how
// an application server says who it is: by a token, a JWT that is signed for
// one push service, whose origin is the token's audience.
//
// # Layers
//
// [Encrypt], [Decrypt], [VerifyVAPID] and [ParseSubscription] do no input or
// output. [Client] is a thin layer on net/http above them. A user agent's side
// is here as far as keys and decryption go ([UserKeys]); a push service is in
// package pushservice, and a user agent for tests in package webpushtest.
//
// # Specifications
//
//	RFC 8030  5, 5.1 to 5.4, 7.2, 7.3, 8.4, 8.5   posting messages, what answers mean
//	RFC 8188  2, 2.1 to 2.3                       the content coding aes128gcm
//	RFC 8291  2, 3.1 to 3.4, 4, 7                 its keys for Web Push
//	RFC 8292  2, 2.1, 3, 3.1, 3.2, 4.2            tokens
//	RFC 7515, 7518, 7519                          the JWT in them, ES256
//	RFC 6454  6.2                                 the origin of an endpoint
//	RFC 9110  10.2.3, 11                          Retry-After, Authorization
//	Push API  toJSON, declarative push messages
//
// The example of RFC 8291, 5 announces a body of 145 bytes; it has 144.
//
// # Limits and defaults
//
//	plaintext of a message           3,993 B (MaxPlaintext), body 4,096 B (MaxBody)
//	padding                          to multiples of 128 B (DefaultPad)
//	TTL                              4 weeks (DefaultTTL), always sent
//	token                            valid for 12 h, used for 6 h, one for each origin
//	origins remembered               1,024
//	idle connections                 256, for 90 s
//	one attempt                      30 s (DefaultTimeout), 10 s of them for a dial
//	attempts                         4 (DefaultAttempts)
//	wait before the next             0 to 0.5 s, doubling, to 30 s
//	Retry-After that is waited for   up to 30 s; more is the caller's to wait
//	SendAll                          128 at a time, 64 for one push service
//	answer                           header 32 KiB, 4 KiB of the body kept,
//	                                 64 KiB and 2 s of it drained
//	redirects                        none
//	subscription                     8 KiB of JSON, 2 KiB of endpoint
//	Authorization field              4 KiB
//	a message                        45 allocations, two multiplications on P-256
//
// # Concurrency
//
// Functions may be called from any goroutine. A [Client] and a [Key] may be
// used from any number of them; a [Client] starts goroutines in SendAll only,
// one for each message under way, and they have ended when its loop has.
//
// # Cancellation
//
// A context that ends stops an attempt, or a wait for the next one, at once.
// Whether the push service has the message is then not known.
//
// # Security
//
// Endpoints come from pages, which may send any URL: a [Client] connects to
// public addresses only, by the address of the connection itself, and follows
// no redirect. Who knows an endpoint may try to send to it, so that neither
// errors nor log records hold more of it than its origin; do the same. What a
// service says in its answers is quoted and cut in error texts.
//
// Each message has a key pair and a salt of its own. The private half of a
// [Key] and the keys of a user agent do not print. The push service learns
// who sends to whom, when, how urgent and under which topic, and the length in
// steps of 128 bytes; RFC 8291, 7 has more on that.
package webpush
