package tensor

import "unsafe"

// littleEndian says whether this machine's numbers lie in memory as files hold them.
var littleEndian = func() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 1
}()

// view gives data as a slice of T without a copy, where byte order and alignment allow it.
func view[T float32 | int64](data []byte) ([]T, bool) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if !littleEndian || len(data)%size != 0 {
		return nil, false
	}
	if len(data) == 0 {
		return []T{}, true
	}
	p := unsafe.Pointer(unsafe.SliceData(data))
	if uintptr(p)%unsafe.Alignof(zero) != 0 {
		return nil, false
	}
	return unsafe.Slice((*T)(p), len(data)/size), true
}

// bytesOf gives v as little-endian bytes, a view where byte order allows it.
func bytesOf[T float32 | int64 | int32](v []T) []byte {
	if len(v) == 0 {
		return []byte{}
	}
	size := int(unsafe.Sizeof(v[0]))
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*size)
	if littleEndian {
		return raw
	}
	swapped := make([]byte, len(raw))
	for i := range raw {
		swapped[i] = raw[i/size*size+size-1-i%size]
	}
	return swapped
}
