package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// maxPickle is the largest pickle, in bytes, that is read: names, shapes and strides of tensors, not their data.
const maxPickle = 64 << 20

// maxMarks is how deep the marks of a pickle may nest.
const maxMarks = 64

// argument tells how the argument of a pickle's opcode is written.
type argument uint8

const (
	refused argument = iota // an opcode that torch.save has no use for
	none
	fixed1 // so many bytes
	fixed2
	fixed4
	fixed8
	counted1 // a length of so many bytes, then as many bytes
	counted4
	lines2 // two lines
)

// opcodes are those that torch.save writes for tensors in dictionaries, in protocols 2 to 5.
var opcodes = [256]argument{
	'(': none, '.': none, '}': none, ']': none, ')': none, 'N': none, 0x88: none, 0x89: none, // mark, stop, empties, None, booleans
	'a': none, 'e': none, 's': none, 'u': none, 'b': none, 'R': none, 'Q': none, 't': none, // append(s), setitem(s), build, reduce, persistent id, tuple
	0x85: none, 0x86: none, 0x87: none, 0x93: none, 0x94: none, // tuples of 1 to 3, stack global, memoize
	0x80: fixed1, 'K': fixed1, 'h': fixed1, 'q': fixed1, 'M': fixed2, // protocol, integers, memo
	'J': fixed4, 'j': fixed4, 'r': fixed4, 'G': fixed8, 0x95: fixed8, // integer, memo, float, frame
	0x8a: counted1, 'U': counted1, 0x8c: counted1, 'X': counted4, 'T': counted4, // long, strings
	'c': lines2, // global
}

// vet walks over the pickle at the start of data without interpreting it, and gives its length. It lets
// through only known opcodes, arguments that lie within data, and marks that
// nest a little, so that an interpreter can be bounded.
func vet(data []byte) (int, error) {
	marks := 0
	for at := 0; at < len(data) && at < maxPickle; {
		op := data[at]
		size, err := argumentSize(op, data[at+1:])
		if err != nil {
			return 0, fmt.Errorf("%w: opcode %#x at byte %d: %w", ErrPickle, op, at, err)
		}
		at += 1 + size
		switch op {
		case '.':
			return at, nil
		case '(':
			marks++
		case 't', 'u', 'e':
			marks--
		}
		if marks < 0 || marks > maxMarks {
			return 0, fmt.Errorf("%w: %d nested marks before byte %d", ErrPickle, marks, at)
		}
	}
	if len(data) > maxPickle {
		return 0, fmt.Errorf("%w: a pickle of more than %d bytes", ErrPickle, maxPickle)
	}
	return 0, fmt.Errorf("%w: a pickle without an end", ErrTruncated)
}

// argumentSize is the number of bytes that an opcode's argument takes of rest.
func argumentSize(op byte, rest []byte) (int, error) {
	size := 0
	switch opcodes[op] {
	case none:
		return 0, nil
	case fixed1:
		size = 1
	case fixed2:
		size = 2
	case fixed4:
		size = 4
	case fixed8:
		size = 8
	case counted1:
		if len(rest) < 1 {
			return 0, ErrTruncated
		}
		size = 1 + int(rest[0])
		if op == 0x8a && size == 1 {
			return 0, fmt.Errorf("a number of no bytes")
		}
	case counted4:
		if len(rest) < 4 {
			return 0, ErrTruncated
		}
		size = 4 + int(binary.LittleEndian.Uint32(rest))
	case lines2:
		for range 2 {
			length := bytes.IndexByte(rest[size:], '\n')
			if length < 0 {
				return 0, ErrTruncated
			}
			size += length + 1
		}
	default:
		return 0, fmt.Errorf("%w: not among those that tensors need", ErrPickleClass)
	}
	if size > len(rest) {
		return 0, ErrTruncated
	}
	if op == 0x95 && binary.LittleEndian.Uint64(rest) > uint64(len(rest)-8) {
		return 0, ErrTruncated
	}
	return size, nil
}
