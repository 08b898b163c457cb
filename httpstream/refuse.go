package httpstream

// Stable tokens of refusals, for clients and for counting.
const tokenGone = "gone"
