package factstest

import "encoding/binary"

// ELF is the smallest ELF file with that writable data, at 0x400000, and
// nothing else in it.
func ELF(data []byte) []byte {
	order := binary.LittleEndian
	b := make([]byte, 128)
	copy(b, "\x7fELF\x02\x01\x01")
	order.PutUint16(b[16:], 2)  // executable
	order.PutUint16(b[18:], 62) // x86-64
	order.PutUint32(b[20:], 1)
	order.PutUint64(b[32:], 64) // program headers
	order.PutUint16(b[52:], 64)
	order.PutUint16(b[54:], 56)
	order.PutUint16(b[56:], 1)
	order.PutUint32(b[64:], 1) // PT_LOAD, readable and writable
	order.PutUint32(b[68:], 6)
	order.PutUint64(b[72:], 128)
	order.PutUint64(b[80:], 0x400000)
	order.PutUint64(b[96:], uint64(len(data)))
	order.PutUint64(b[104:], uint64(len(data)))
	return append(b, data...)
}
