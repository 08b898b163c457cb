// Functions without a body need a file of assembly beside them, even an empty
// one.
