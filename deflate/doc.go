// Package deflate is permessage-deflate, without any input or output of its own.
package deflate
