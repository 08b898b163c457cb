// Package webpushtest lets an application test what it pushes without a
// browser and without a vendor's service.
//
//	func TestOrderShipped(t *testing.T) {
//		ua := webpushtest.NewUserAgent(t)
//		app.Subscribe(ua.Subscription())
//		app.Ship(order)
//		if got := ua.Next(); string(got.Data) != "shipped" {
//			t.Errorf("the customer was told %q", got.Data)
//		}
//	}
//
// A [UserAgent] is what a browser is: it has keys, connects to a push service
// (a [github.com/pushwire/pushwire/webpush/pushservice.Service] of its own on
// loopback), subscribes, gets messages, decrypts and acknowledges them. All of
// that is real, by HTTP and WebSocket, so that a wrong header, key or token
// fails as it would with a vendor. The sender under test has to be allowed to
// send to loopback.
//
// What services do on bad days can be had at will: [UserAgent.Answer] has them
// answer with any status, [UserAgent.Unsubscribe] makes a subscription gone,
// [UserAgent.Disconnect] takes the user agent off the network.
//
// # Defaults
//
//	Next waits               10 s (UserAgent.Timeout), then the test fails
//	messages nobody asked for  1,024; the user agent reads no more then
//	what the service bounds  as in package pushservice, but for rates, which are not limited
//
// # Concurrency
//
// The methods of a UserAgent may be called from any goroutine, but those that
// end the test when something fails (Next, Subscribe, Unsubscribe, Connect)
// are for the goroutine of the test, as testing.T.FailNow is. Everything ends
// with the test.
package webpushtest
