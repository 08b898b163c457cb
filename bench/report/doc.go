// Package report keeps raw results and makes the tables of README.md from
// them.
package report
