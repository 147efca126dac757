//go:build !unix

package safefs

// nonBlocking is not needed where pipes are not in the file system.
const nonBlocking = 0
