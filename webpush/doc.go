// Package webpush sends push messages to service workers, by the protocol that
// all browsers share: Web Push (RFC 8030), its encryption (RFC 8291) and its
// identification of senders (RFC 8292, VAPID).
package webpush
