// Package masking calls the masking of each library by itself. All but gobwas
// keep theirs to themselves, so they are reached by their linker names.
package masking
