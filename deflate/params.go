package deflate

// Name is the extension's name, RFC 7692, 7.
const Name = "permessage-deflate"

// Tail is what a sender removes from the end of a message and a receiver adds
// back: the length fields of an empty stored block (RFC 7692, 7.2.1 and 7.2.2).
const Tail = "\x00\x00\xff\xff"
