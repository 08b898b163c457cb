package webpush

// A fault is one way to get something wrong that is found on this side,
// without asking a push service. All of them stand in one table, so that
// tokens are unique and sentences can be read side by side.
type fault int

const (
	faultNone fault = iota // nothing wrong

	// A subscription: what a page sent.
	faultSubscriptionSize
	faultSubscriptionJSON
	faultSubscriptionMissing
	faultEndpointMissing
	faultEndpointURL
	faultEndpointScheme
	faultEndpointHost
	faultP256dhMissing
	faultP256dhBase64
	faultP256dhPoint
	faultAuthMissing
	faultAuthBase64
	faultAuthSize
	faultExpirationTime

	// An encrypted body: what a sender made.
	faultBodyShort
	faultBodyKeyID
	faultBodyRecordSize
	faultBodyRecords
	faultBodyPoint
	faultBodyAuthentic
	faultBodyDelimiter
	faultBodySecret

	// An Authorization field: what a sender claims.
	faultVAPIDSize
	faultVAPIDScheme
	faultVAPIDParameter
	faultVAPIDRepeated
	faultVAPIDMissing
	faultVAPIDKey
	faultVAPIDToken
	faultVAPIDHeader
	faultVAPIDAlgorithm
	faultVAPIDSignature
	faultVAPIDClaims
	faultVAPIDAudience
	faultVAPIDExpired
	faultVAPIDTooLong

	// Mistakes of the application's own: the ConfigErrors.
	faultKeyFormat
	faultKeyCurve
	faultKeySigner
	faultKeyMissing
	faultSubjectMissing
	faultSubjectScheme
	faultSubjectMail
	faultSubjectURL
	faultSubjectLocal
	faultTransport
	faultTTL
	faultUrgency
	faultTopic
	faultContentType
	faultNotificationTitle
	faultNotificationNavigate
	faultNotificationDir
	faultNotificationAction
	faultNotificationTag
	faultNotificationSilent
	faultNotificationData

	faultEnd
)

// faults says for each fault the token and the sentence: what happened (why,
// what to do). Verbs take quoted text or numbers.
var faults = [faultEnd]struct {
	token  string
	reason string
}{
	faultNone: {"", ""},

	faultSubscriptionSize:    {"webpush_subscription_size", "the subscription has %d bytes (%d are the limit; browsers make less than a tenth of that)"},
	faultSubscriptionJSON:    {"webpush_subscription_json", "the subscription is no JSON object as PushSubscription.toJSON() gives (%s)"},
	faultSubscriptionMissing: {"webpush_subscription_missing", "there is no subscription (the pointer to it is nil)"},
	faultEndpointMissing:     {"webpush_subscription_endpoint_missing", "the subscription has no endpoint (send JSON.stringify(subscription), not a part of it)"},
	faultEndpointURL:         {"webpush_subscription_endpoint_url", "the endpoint of the subscription is no URL that can be sent to (it is absolute, in ASCII, with a host and without user name or fragment)"},
	faultEndpointScheme:      {"webpush_subscription_endpoint_scheme", "the endpoint's scheme is %s (RFC 8030 wants https; http is taken for loopback addresses only)"},
	faultEndpointHost:        {"webpush_subscription_endpoint_host", "the endpoint's host %s is malformed (it is a name or address, with or without a port)"},
	faultP256dhMissing:       {"webpush_subscription_p256dh_missing", "the subscription has no keys.p256dh (messages can't be encrypted without; old browsers had none)"},
	faultP256dhBase64:        {"webpush_subscription_p256dh_base64", "keys.p256dh is no base64url (it has %d characters, 87 are right)"},
	faultP256dhPoint:         {"webpush_subscription_p256dh_point", "keys.p256dh is no point on the curve P-256 (it is 65 bytes that begin with 4)"},
	faultAuthMissing:         {"webpush_subscription_auth_missing", "the subscription has no keys.auth (messages can't be encrypted without; old browsers had none)"},
	faultAuthBase64:          {"webpush_subscription_auth_base64", "keys.auth is no base64url (it has %d characters, 22 are right)"},
	faultAuthSize:            {"webpush_subscription_auth_size", "keys.auth has %d bytes (16 is the only length)"},
	faultExpirationTime:      {"webpush_subscription_expiration_time", "the expirationTime of the subscription is no time (it is null or milliseconds since 1970)"},

	faultBodyShort:      {"webpush_decrypt_short", "the body has %d bytes (header, delimiter and tag alone are %d; it was cut, or is not aes128gcm)"},
	faultBodyKeyID:      {"webpush_decrypt_keyid", "the key ID of the body has %d bytes (it is the sender's public key, 65 bytes)"},
	faultBodyRecordSize: {"webpush_decrypt_record_size", "the record size of the body is %d (18 is the least)"},
	faultBodyRecords:    {"webpush_decrypt_records", "the body holds more than one record (%d bytes follow the header and a record has %d; a push message is one record that is shorter than the size it names)"},
	faultBodyPoint:      {"webpush_decrypt_point", "the key ID of the body is no point on the curve P-256 (it is the sender's public key, uncompressed)"},
	faultBodyAuthentic:  {"webpush_decrypt_authentic", "the body was not encrypted for these keys, or was changed (its authentication tag is wrong)"},
	faultBodyDelimiter:  {"webpush_decrypt_delimiter", "the padding of the body does not begin with 2 (that ends the only record of a push message)"},
	faultBodySecret:     {"webpush_decrypt_secret", "the receiver's own keys can't be used (a private key on P-256 and an authentication secret of 16 bytes are needed)"},

	faultVAPIDSize:      {"webpush_vapid_size", "the Authorization field has %d bytes (%d are the limit)"},
	faultVAPIDScheme:    {"webpush_vapid_scheme", "the Authorization field is not of the scheme vapid (RFC 8292 has \"vapid t=TOKEN, k=KEY\")"},
	faultVAPIDParameter: {"webpush_vapid_parameter", "a parameter of the Authorization field is malformed at %s (they are name=value, with commas between)"},
	faultVAPIDRepeated:  {"webpush_vapid_repeated", "the parameter %s of the Authorization field came more than once (nobody can tell which one is meant)"},
	faultVAPIDMissing:   {"webpush_vapid_missing", "the Authorization field has no parameter %s (t is the token and k the public key)"},
	faultVAPIDKey:       {"webpush_vapid_key", "the parameter k is no point on the curve P-256 (it is the base64url of 65 bytes that begin with 4)"},
	faultVAPIDToken:     {"webpush_vapid_token", "the parameter t is no signed token (it is three parts of base64url with points between, the last one of 64 bytes)"},
	faultVAPIDHeader:    {"webpush_vapid_header", "the header of the token is no JSON object (a JWT has one)"},
	faultVAPIDAlgorithm: {"webpush_vapid_algorithm", "the token is signed by %s (ES256 is the only algorithm of this scheme)"},
	faultVAPIDSignature: {"webpush_vapid_signature", "the token's signature is wrong (it was made by another key than k, or the token was changed)"},
	faultVAPIDClaims:    {"webpush_vapid_claims", "the claims of the token are malformed (aud is an origin, exp a number, sub a URI if it is there)"},
	faultVAPIDAudience:  {"webpush_vapid_audience", "the token is meant for %s (aud has to be the origin of this push service)"},
	faultVAPIDExpired:   {"webpush_vapid_expired", "the token expired at %s (sign a new one, or set the sender's clock)"},
	faultVAPIDTooLong:   {"webpush_vapid_too_long", "the token expires at %s (more than 24 hours from now are not allowed)"},

	faultKeyFormat: {"webpush_config_key_format", "the private key can't be read (base64url of 32 bytes as npm's web-push writes it, PEM or PKCS#8 can; %s)"},
	faultKeyCurve:  {"webpush_config_key_curve", "the key is no ECDSA key on the curve P-256 (VAPID knows no other)"},
	faultKeySigner: {"webpush_config_key_signer", "the signer made no signature that its own public key agrees with (it has to sign a SHA-256 hash by ECDSA and give ASN.1)"},

	faultKeyMissing:     {"webpush_config_key_missing", "the client has no key (GenerateKey makes one; pages subscribe with its public half)"},
	faultSubjectMissing: {"webpush_config_subject_missing", "the client has no subject (services want a mailto: or https: URI to turn to, and Apple refuses messages without)"},
	faultSubjectScheme:  {"webpush_config_subject_scheme", "the subject %s is no contact (it is a mailto: or https: URI, or a bare mail address)"},
	faultSubjectMail:    {"webpush_config_subject_mail", "the subject %s is no mail address (it is mailto: and one address, without a name or angle brackets)"},
	faultSubjectURL:     {"webpush_config_subject_url", "the subject %s is no https: URL with a host (a page about the sender is meant)"},
	faultSubjectLocal:   {"webpush_config_subject_local", "the subject %s is at this very machine (nobody can turn to it, and Apple refuses it)"},
	faultTransport:      {"webpush_config_transport", "the transport of the client's HTTP is a %T, which the guard can't look into (give its dialer Guard.Control, and then set Guard.Any)"},

	faultTTL:         {"webpush_config_ttl", "the TTL of the message is %s (it is 0 for the default, TTLNow, or up to 2^31 seconds)"},
	faultUrgency:     {"webpush_config_urgency", "the urgency of the message is %s (very-low, low, normal and high are all there are)"},
	faultTopic:       {"webpush_config_topic", "the topic of the message is %s (it has at most 32 characters, letters, digits, hyphen and underscore)"},
	faultContentType: {"webpush_config_content_type", "the content type of the message is %s (it is type/subtype in ASCII)"},

	faultNotificationTitle:    {"webpush_config_notification_title", "the notification has no title (browsers don't show one without)"},
	faultNotificationNavigate: {"webpush_config_notification_navigate", "the notification does not say where to navigate (browsers take it as declarative only with a URL)"},
	faultNotificationDir:      {"webpush_config_notification_dir", "the direction of the notification is %s (auto, ltr and rtl are all there are)"},
	faultNotificationAction:   {"webpush_config_notification_action", "an action of the notification lacks its name, title or URL (all three are needed)"},
	faultNotificationTag:      {"webpush_config_notification_tag", "the notification is to notify again and has no tag (it would replace none, and browsers refuse it)"},
	faultNotificationSilent:   {"webpush_config_notification_silent", "the notification is silent and vibrates (browsers refuse both together)"},
	faultNotificationData:     {"webpush_config_notification_data", "the data of the notification can't be written as JSON (%v)"},
}
