// Package prefault asks the system for the memory that a short process is about
// to use, in a few calls instead of one page fault for each page. Where
// faults are dear, as in a virtual machine, half of the time of a process that ends at once goes
// into them.
//
// A program that imports the package has its variables mapped, and the memory
// of the objects that the packages after it make when they are initialized. It comes early among
// them, because it needs nothing but syscall. [Heap] does the same for what follows.
//
// Nothing depends on it: what the system refuses is left to faults, and systems other than
// Linux are not asked.
package prefault
